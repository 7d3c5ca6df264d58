//! The wallet and payouts: what is signed, what survives, what a coordinator may say.

use lull_protocol::connect::{Purpose, WalletRefusal, WalletState, WalletVeto, WalletYes};
use lull_protocol::cose::Signed;
use lull_protocol::message::RefusedCode;
use lull_protocol::payout::{PayoutStage, Schedule};
use lull_protocol::units::Ticket;
use lull_protocol::{Hash, PublicKey, ToCoordinator, ToWorker};
use lull_view::{Command, Link, LinkProblem, Reply, WalletCall, WalletPage, WalletTrouble};
use lull_worker::{Event, limits};

use crate::common::paying::{Paying, payout, units, wallet};
use crate::common::*;

const NO_LINE: &str = "There is no connection to the coordinator. Try again when there is one.";

/// A world whose coordinator pays; nothing but judgments is on.
fn paid() -> World {
    let mut world = World::new();
    world.coordinator.paying = Some(Paying::new());
    world.start();
    world.command(Command::SetJudgments { on: true });
    world
}

/// The same, and a wallet has signed in.
fn asked() -> World {
    let mut world = paid();
    world.command(Command::LookAtWallet { on: true });
    world.command(Command::ConnectWallet { purpose: Purpose::Link });
    sign_in(&mut world, 90);
    world
}

fn paying(world: &mut World) -> &mut Paying {
    world.coordinator.paying.as_mut().unwrap()
}

fn sign_in(world: &mut World, seed: u8) {
    let now = world.coordinator_now();
    let told = paying(world).sign_in(wallet(seed), Vec::new(), now);
    world.say(&told);
}

fn page(world: &World) -> WalletPage {
    match world.ask(&Command::ShowWallet) {
        Reply::Wallet { page } => lull_view::cbor::read(&page).expect("what the page reads"),
        other => panic!("{other:?}"),
    }
}

fn state(world: &World) -> WalletState {
    page(world).state().expect("it was told")
}

fn call(world: &World) -> Option<WalletCall> {
    world.view().wallet.call
}

/// The person says yes to what is on screen.
fn yes(world: &mut World) {
    let asked = state(world).asked.expect("it is asked");
    world.command(Command::WalletYes {
        ticket: asked.ticket,
        purpose: asked.purpose,
        wallet: asked.wallet,
        lost: None,
    });
}

fn yeses(world: &mut World) -> Vec<Signed<WalletYes>> {
    let me = world.me;
    let sent = world.take_sent().into_iter().filter_map(|message| match message {
        ToCoordinator::WalletYes { statement } => Some(Signed::verify(&statement, &me).expect("its own")),
        _ => None,
    });
    sent.collect()
}

#[test]
fn a_wallet_is_connected_by_both_yeses() {
    let mut world = paid();
    assert_eq!(page(&world).address, None);
    world.command(Command::ConnectWallet { purpose: Purpose::Link });
    let ticket = "01".repeat(32);
    assert_eq!(page(&world).address, Some(format!("https://lull.example/connect#{ticket}")));
    assert_eq!(call(&world), None);
    sign_in(&mut world, 90);
    assert_eq!((page(&world).address, call(&world)), (None, Some(WalletCall::Asked)), "the ticket is used");
    yes(&mut world);
    let said = yeses(&mut world);
    let said = said[0].payload();
    assert_eq!((said.wallet, said.purpose, said.lost), (wallet(90), Purpose::Link, None));
    assert_eq!((said.coordinator, said.ticket), (world.coordinator.key.public(), Ticket([1; 32]).hash()));
    assert!(world.view().wallet.is_connected);
    assert_eq!((call(&world), page(&world).said, page(&world).trouble), (None, None, None));
    world.command(Command::ConnectWallet { purpose: Purpose::Unlink });
    assert_eq!((page(&world).address, call(&world)), (None, Some(WalletCall::Asked)));
    yes(&mut world);
    assert!(!world.view().wallet.is_connected);
}

#[test]
fn a_ticket_is_in_no_record_and_has_its_time() {
    for kills in [false, true] {
        let mut world = paid();
        world.command(Command::ConnectWallet { purpose: Purpose::Link });
        world.pass(120_000);
        let secret = [1; 32];
        assert!(!world.disk.values().any(|record| record.windows(32).any(|part| part == secret)));
        assert!(page(&world).address.is_some());
        if kills {
            world.kill();
            world.run();
        } else {
            world.pass(180_000);
        }
        assert_eq!(page(&world).address, None);
    }
    let mut world = paid();
    world.say(&ToWorker::Ticket {
        ticket: Ticket([9; 32]),
        purpose: Purpose::Link,
        expires_at: world.coordinator_now(),
    });
    assert_eq!(page(&world).address, None, "nobody asked for it");
    world.command(Command::ConnectWallet { purpose: Purpose::Link });
    world.ahead_ms = -80_000_000;
    world.feed(Event::Tick);
    world.pass(limits::TICKET_MS_MAX);
    assert_eq!(page(&world).address, None, "a clock that is set back makes nothing last longer");
}

#[test]
fn nothing_is_signed_but_what_was_on_screen() {
    let mut world = asked();
    let shown = state(&world).asked.unwrap();
    let (ticket, purpose, shown) = (shown.ticket, shown.purpose, shown.wallet);
    // The page's wallet changes under the person's finger, and each other part of what is asked.
    sign_in(&mut world, 91);
    let me = world.me;
    for command in [
        Command::WalletYes { ticket, purpose, wallet: shown, lost: None },
        Command::WalletYes { ticket, purpose: Purpose::Change, wallet: wallet(91), lost: None },
        Command::WalletYes { ticket: Hash([3; 32]), purpose, wallet: wallet(91), lost: None },
        Command::WalletYes { ticket, purpose, wallet: wallet(91), lost: Some(me) },
    ] {
        world.command(command);
        assert_eq!((yeses(&mut world).len(), page(&world).said), (0, None));
        assert_eq!(page(&world).trouble, Some(WalletTrouble::Changed));
        world.command(Command::WalletTroubleRead);
        assert_eq!(page(&world).trouble, None);
    }
    yes(&mut world);
    assert_eq!(yeses(&mut world)[0].payload().wallet, wallet(91));
}

#[test]
fn rebinding_names_one_of_the_wallets_browsers() {
    let mut world = paid();
    world.command(Command::ConnectWallet { purpose: Purpose::Rebind });
    let (now, lost) = (world.coordinator_now(), key(30).public());
    let told = paying(&mut world).sign_in(wallet(90), vec![lost, key(31).public()], now);
    world.say(&told);
    let (ticket, purpose, wallet) = (Ticket([1; 32]).hash(), Purpose::Rebind, wallet(90));
    for nobody in [None, Some(PublicKey([1; 32])), Some(world.me)] {
        world.command(Command::WalletYes { ticket, purpose, wallet, lost: nobody });
        assert_eq!((yeses(&mut world).len(), page(&world).trouble), (0, Some(WalletTrouble::Changed)));
    }
    world.command(Command::WalletYes { ticket, purpose, wallet, lost: Some(lost) });
    assert_eq!(yeses(&mut world)[0].payload().lost, Some(lost));
}

#[test]
fn a_yes_is_said_on_nothing_old() {
    let mut world = asked();
    let asked = state(&world).asked.unwrap();
    let command = Command::WalletYes { ticket: asked.ticket, purpose: asked.purpose, wallet: asked.wallet, lost: None };
    world.is_reachable = false;
    world.cut();
    assert_eq!(call(&world), Some(WalletCall::Asked), "it is shown");
    assert_eq!(world.ask(&command), Reply::Failed { error: NO_LINE.into() });
    world.command(command.clone());
    assert_eq!((page(&world).said, page(&world).is_fresh), (None, false));
    // Connected, but not told yet.
    world.is_reachable = true;
    let paying = world.coordinator.paying.take();
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!(world.view().link, Link::Connected);
    assert_eq!(world.ask(&command), Reply::Failed { error: NO_LINE.into() });
    world.coordinator.paying = paying;
}

#[test]
fn a_yes_is_stored_before_it_is_sent_and_sent_until_it_is_answered() {
    let mut world = asked();
    world.is_disk_full = true;
    yes(&mut world);
    assert_eq!(yeses(&mut world).len(), 0, "not stored yet");
    assert_eq!(page(&world).said, Some(Ticket([1; 32]).hash()));
    world.is_disk_full = false;
    paying(&mut world).is_mute = true;
    world.pass(60_000);
    let sent = yeses(&mut world);
    assert_eq!(sent.len(), 1);
    yes(&mut world);
    assert_eq!(yeses(&mut world).len(), 0, "once");
    world.cut();
    world.pass(60_000);
    assert_eq!(yeses(&mut world), sent, "the same bytes on a new connection");
    world.kill();
    world.run();
    assert_eq!((yeses(&mut world), call(&world)), (sent, None), "and after a restart");
    paying(&mut world).is_mute = false;
    world.cut();
    world.pass(60_000);
    assert!(world.view().wallet.is_connected);
    assert!(!world.disk.contains_key("wallet-said"));
    world.take_sent();
    world.cut();
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!(yeses(&mut world).len(), 0, "it was answered");
}

#[test]
fn connecting_killed_after_any_effect_ends_the_same() {
    let effects = connect_killed_after(usize::MAX);
    assert!(effects > 15, "{effects} effects");
    for after in 1..=effects {
        connect_killed_after(after);
    }
}

/// A patient person connects a wallet and vetoes a rebinding, though their browser is killed once.
fn connect_killed_after(effects: usize) -> usize {
    let mut world = paid();
    let (now, me) = (world.coordinator_now(), world.me);
    paying(&mut world).rebinding(key(30).public(), me, now);
    world.cut();
    world.pass(10_000);
    (world.carried_out, world.kill_after) = (0, Some(effects));
    for _ in 0..20 {
        match call(&world) {
            Some(WalletCall::Asked) => yes(&mut world),
            Some(WalletCall::Rebinding) => {
                let yes = state(&world).rebinds[0].yes;
                world.command(Command::WalletVeto { yes });
            }
            _ if world.view().wallet.is_connected && paying(&mut world).state.rebinds.is_empty() => break,
            _ if page(&world).address.is_none() => {
                world.command(Command::ConnectWallet { purpose: Purpose::Link });
            }
            _ => sign_in(&mut world, 90),
        }
        world.pass(5_000);
    }
    assert_eq!(paying(&mut world).state.wallet, Some(wallet(90)), "killed after {effects}");
    assert_eq!((paying(&mut world).vetoes.len(), page(&world).trouble), (1, None), "killed after {effects}");
    assert!(!world.disk.contains_key("wallet-said"));
    world.carried_out
}

#[test]
fn a_veto_needs_no_line_and_survives() {
    let mut world = paid();
    let (now, me) = (world.coordinator_now(), world.me);
    let rebinding = paying(&mut world).rebinding(key(30).public(), me, now);
    let own = paying(&mut world).rebinding(me, key(31).public(), now);
    let told = paying(&mut world).wallet();
    world.say(&told);
    assert_eq!(call(&world), Some(WalletCall::Rebinding));
    world.is_reachable = false;
    world.cut();
    world.command(Command::WalletVeto { yes: Hash([9; 32]) });
    assert_eq!(page(&world).vetoed, [], "nobody knows of it");
    world.command(Command::WalletVeto { yes: rebinding.yes });
    world.command(Command::WalletVeto { yes: rebinding.yes });
    assert_eq!(call(&world), Some(WalletCall::News), "of one's own there is nothing to fear");
    world.kill();
    world.run();
    assert_eq!(page(&world).vetoed, [rebinding.yes]);
    world.is_reachable = true;
    world.pass(limits::BACKOFF_MS_MAX);
    let veto = Signed::<WalletVeto>::verify(&paying(&mut world).vetoes[&rebinding.yes], &me).unwrap();
    assert_eq!(veto.payload().coordinator, world.coordinator.key.public());
    assert_eq!((page(&world).vetoed.len(), state(&world).rebinds), (0, vec![own]));
}

#[test]
fn a_word_that_is_refused_or_too_late_is_told() {
    let mut world = asked();
    paying(&mut world).refuses = Some(WalletRefusal::Listed);
    yes(&mut world);
    let trouble = Some(WalletTrouble::Refused(WalletRefusal::Listed));
    assert_eq!((page(&world).trouble, page(&world).said), (trouble, None));
    world.command(Command::WalletNo);
    assert_eq!((page(&world).trouble, call(&world)), (None, None));
    // Its time is over before it arrives.
    let mut world = asked();
    paying(&mut world).is_mute = true;
    yes(&mut world);
    world.is_reachable = false;
    world.cut();
    paying(&mut world).state.asked = None;
    world.is_reachable = true;
    world.kill();
    world.run();
    assert_eq!((page(&world).trouble, call(&world)), (Some(WalletTrouble::Lapsed), Some(WalletCall::Trouble)));
    world.kill();
    world.run();
    assert_eq!(call(&world), Some(WalletCall::Trouble), "until it was read");
    world.command(Command::ConnectWallet { purpose: Purpose::Link });
    assert_eq!(page(&world).trouble, None);
    world.say(&ToWorker::WalletRefused { about: None, why: WalletRefusal::TooMany });
    assert_eq!(page(&world).trouble, Some(WalletTrouble::Refused(WalletRefusal::TooMany)));
}

#[test]
fn no_takes_back_what_has_no_answer() {
    let mut world = asked();
    paying(&mut world).is_mute = true;
    yes(&mut world);
    world.command(Command::WalletNo);
    assert_eq!((page(&world).said, state(&world).asked), (None, None));
    assert!(!world.disk.contains_key("wallet-said"));
    let ticket = Ticket([1; 32]).hash();
    assert_eq!(paying(&mut world).asked, [ToCoordinator::WalletNo { ticket }]);
    world.command(Command::ConnectWallet { purpose: Purpose::Link });
    world.command(Command::WalletNo);
    assert_eq!(page(&world).address, None);
    let ticket = Ticket([2; 32]).hash();
    assert_eq!(paying(&mut world).asked[1..], [ToCoordinator::WalletNo { ticket }]);
}

#[test]
fn who_switched_everything_off_is_still_paid() {
    let mut world = paid();
    world.command(Command::SetJudgments { on: false });
    assert_eq!(world.view().link, Link::Off);
    assert_eq!(world.ask(&Command::PayNow), Reply::Failed { error: NO_LINE.into() });
    world.command(Command::LookAtWallet { on: true });
    assert_eq!(world.view().link, Link::Connected);
    world.command(Command::PayNow);
    assert_eq!(paying(&mut world).asked, [ToCoordinator::PayNow]);
    world.command(Command::SetPaused { on: true });
    assert_eq!(world.view().link, Link::Off, "a pause is a pause");
    world.command(Command::SetPaused { on: false });
    world.command(Command::ConnectWallet { purpose: Purpose::Link });
    world.command(Command::LookAtWallet { on: false });
    assert_eq!(world.view().link, Link::Connected, "the wallet's page is open elsewhere");
    sign_in(&mut world, 90);
    assert_eq!((world.view().link, call(&world)), (Link::Off, Some(WalletCall::Asked)));
    world.command(Command::LookAtWallet { on: true });
    paying(&mut world).is_mute = true;
    yes(&mut world);
    world.surroundings.looks = true;
    world.start();
    world.surroundings.looks = false;
    world.start();
    assert!(!world.view().wallet.is_looked_at, "the last page is closed");
    assert_eq!(world.view().link, Link::Connected, "a word of theirs is on its way");
    paying(&mut world).is_mute = false;
    world.kill();
    world.run();
    assert!(paying(&mut world).state.wallet.is_some());
    assert_eq!(world.view().link, Link::Off);
    let wants = |m: &ToCoordinator| {
        matches!(m, ToCoordinator::Want { judgment: 1.., .. } | ToCoordinator::Want { fetch: 1.., .. })
    };
    let sent = world.take_sent();
    let off = sent.iter().rposition(wants).expect("while it was on");
    assert!(
        sent[off..].iter().any(|message| matches!(message, ToCoordinator::Hello { .. })),
        "no work was wanted after that"
    );
}

#[test]
fn who_has_met_nobody_is_connected_to_nobody() {
    let mut world = World::new();
    world.coordinator.paying = Some(Paying::new());
    world.start();
    world.command(Command::LookAtWallet { on: true });
    assert_eq!(world.view().link, Link::Off);
    assert_eq!(world.view().wallet.payouts, None);
}

#[test]
fn payouts_are_shown_as_they_were_told_last() {
    let mut world = paid();
    world.pass(60_000);
    world.is_reachable = false;
    world.cut();
    world.kill();
    world.run();
    let glance = world.view().wallet.payouts.expect("a coordinator that pays");
    assert_eq!((glance.in_payout, glance.paid, glance.is_test), (5_000, 1_200_000, true));
    let told = paying(&mut world).payouts.clone();
    assert_eq!(page(&world).payouts(), Some(told));
}

#[test]
fn schedule_news_and_older_payouts_are_asked_for() {
    let mut world = paid();
    let (now, me) = (world.coordinator_now(), world.me);
    let rebinding = paying(&mut world).rebinding(key(30).public(), me, now);
    let told = paying(&mut world).wallet();
    world.say(&told);
    let (schedule, account_agreed) = (Schedule::At(units(500_000)), units(298_000));
    world.command(Command::PayWhen { schedule, account_agreed });
    world.command(Command::FindPayouts { before: 6 });
    let asked = [ToCoordinator::PayWhen { schedule, account_agreed }, ToCoordinator::PayoutsBefore { number: 6 }];
    assert_eq!(paying(&mut world).asked, asked);
    let older = |number| {
        let payouts = vec![payout(5, PayoutStage::Paid)];
        ToWorker::PayoutsBefore { number, payouts, has_older: false }
    };
    world.say(&older(5));
    assert_eq!(page(&world).older(), None, "nobody asked for these");
    world.say(&older(6));
    let found = page(&world).older().expect("they came");
    assert_eq!((found.before, found.payouts, found.has_older), (6, vec![payout(5, PayoutStage::Paid)], false));
    world.command(Command::WalletVeto { yes: rebinding.yes });
    world.command(Command::WalletNewsKnown { number: 1 });
    assert_eq!(call(&world), None);
}

#[test]
fn another_coordinators_wallet_is_none() {
    let mut world = asked();
    yes(&mut world);
    world.pass(60_000);
    world.coordinator.key = key(8);
    let fingerprint = world.coordinator.key.public().fingerprint().to_string();
    world.trust = lull_protocol::trust::TrustRoot::new("wss://lull.example/socket", &fingerprint).unwrap();
    world.coordinator.paying = None;
    world.kill();
    world.run();
    assert_eq!((page(&world).state(), world.view().wallet.payouts), (None, None));
}

#[test]
fn a_flood_of_states_does_not_flood_storage() {
    let mut world = paid();
    world.holds_disk = true;
    let before = world.held.len();
    for n in 0..200_u8 {
        let wallet = (n % 2 == 0).then(|| wallet(90));
        world.say(&ToWorker::Wallet(Box::new(WalletState { wallet, ..WalletState::default() })));
        world.say(&ToWorker::WalletRefused { about: None, why: WalletRefusal::Unavailable });
        world.say(&ToWorker::WalletRefused { about: Some(Hash([n; 32])), why: WalletRefusal::Used });
        let payouts = paying(&mut world).payouts.clone();
        world.say(&ToWorker::Payouts(Box::new(payouts)));
    }
    assert!(world.held.len() - before <= 2, "{} batches", world.held.len() - before);
    world.is_checked = false;
    world.write_held(true);
    world.pass(2 * limits::COUNTERS_MS_MIN);
    world.is_checked = true;
    world.pass(1_000);
    world.run();
    world.kill();
    world.run();
    assert_eq!(call(&world), Some(WalletCall::Trouble));
}

#[test]
fn who_lost_its_place_is_told_so() {
    let mut world = paid();
    world.is_reachable = false;
    world.say(&ToWorker::Bye { code: RefusedCode::Succeeded });
    let link = world.view().link;
    assert!(matches!(link, Link::Waiting { reason: LinkProblem::Succeeded, .. }), "{link:?}");
}
