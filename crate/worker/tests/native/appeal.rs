//! Rejections, and the person's appeals about them.

use lull_protocol::cose::{self, Signed};
use lull_protocol::message::RefusedCode;
use lull_protocol::receipt::Receipt;
use lull_protocol::rejection::{Appeal, Rejection};
use lull_protocol::statement::{Decision, Verdict, VerdictPlace, VerdictReason};
use lull_protocol::{Amount, Hash, PublicKey, Timestamp, ToCoordinator, ToWorker};
use lull_view::{APPEAL_BYTES_MAX, ActivityState, ChangeByte, Command, Link, Notice, ReceiptView, Reply};
use lull_worker::limits;

use crate::common::*;

const WEEK_MS: u64 = 604_800_000;

/// A world with an acknowledged answer that was rejected; its offer and the rejection.
fn rejected() -> (World, String, Signed<Rejection>) {
    let mut world = World::connected();
    world.coordinator.keeps_verdicts = true;
    let offer = world.assign(&text_item("waits"));
    world.answer(&offer, 0);
    let result = Hash::of(world.coordinator.stored.values().next().expect("stored"));
    let rejection = rejection(&world, result, world.me);
    world.say(&told(&rejection));
    (world, offer, rejection)
}

fn rejection(world: &World, result: Hash, worker: PublicKey) -> Signed<Rejection> {
    let decided_at = world.coordinator_now();
    let rejection = Rejection {
        result,
        worker,
        reason: VerdictReason::RejectedByBuyer,
        evidence: "It is a give-way sign.".into(),
        decided_at,
        appeal_until: decided_at.plus(WEEK_MS),
    };
    Signed::sign(rejection, &world.coordinator.key)
}

fn told(rejection: &Signed<Rejection>) -> ToWorker {
    ToWorker::Rejected { statement: rejection.bytes().to_vec().into() }
}

/// The verdict that comes after a rejection.
fn verdict(world: &World, rejection: &Signed<Rejection>, reason: VerdictReason) -> ToWorker {
    let is_upheld = reason == VerdictReason::AppealUpheld;
    let verdict = Verdict {
        result: rejection.payload().result,
        decision: if is_upheld { Decision::Accepted } else { Decision::Rejected },
        reason,
        amount: Amount::new(if is_upheld { coordinator::PRICE } else { 0 }).unwrap(),
        decided_at: world.coordinator_now(),
        place: Some(VerdictPlace { worker: world.me, number: 1 }),
        rejection: Some(rejection.hash()),
    };
    let statement = Signed::sign(verdict, &world.coordinator.key).bytes().to_vec().into();
    ToWorker::Verdict { number: 1, statement }
}

fn receipt(world: &World, offer: &str, change: Option<ChangeByte>) -> ReceiptView {
    match world.ask(&Command::OpenReceipt { offer: offer.to_owned(), change }) {
        Reply::Receipt { receipt } => receipt.expect("a receipt"),
        other => panic!("{other:?}"),
    }
}

fn state(world: &World) -> ActivityState {
    world.view().activities[0].state
}

/// The appeals that went out since the last look, each under this worker's key.
fn appeals(world: &mut World) -> Vec<Signed<Appeal>> {
    let me = world.me;
    let sent = world.take_sent().into_iter().filter_map(|message| match message {
        ToCoordinator::Appeal { statement } => Some(Signed::verify(&statement, &me).expect("its own")),
        _ => None,
    });
    sent.collect()
}

fn hash(offer: &str) -> Hash {
    Hash::from_hex(offer).expect("a hash")
}

fn appeal(world: &mut World, offer: &str, words: &str) {
    world.command(Command::Appeal { offer: offer.to_owned(), words: words.to_owned() });
}

#[test]
fn a_rejection_is_shown_with_its_evidence_and_survives_a_kill() {
    let (mut world, offer, rejection) = rejected();
    for _ in 0..2 {
        assert_eq!(state(&world), ActivityState::Contested);
        let contested = world.view().contested.expect("a rejected answer");
        assert_eq!((contested.count, contested.offer.as_str()), (1, offer.as_str()));
        let view = receipt(&world, &offer, None);
        assert_eq!(view.evidence().as_deref(), Some("It is a give-way sign."));
        let about = view.rejection.expect("rejected");
        assert_eq!((about.is_appealed, about.is_over), (false, false));
        let until = rejection.payload().appeal_until.get();
        assert!(about.appeal_until.abs_diff(until.saturating_add_signed(world.ahead_ms)) < 1_000);
        let parts: Vec<&str> = view.parts.iter().map(|part| part.part.as_str()).collect();
        assert_eq!((parts, view.valid), (vec!["item", "offer", "result", "rejection"], true));
        assert_eq!(world.log_entries()[0].activity.state, ActivityState::Contested);
        world.kill();
        world.run();
    }
    world.say(&told(&rejection));
    assert_eq!((state(&world), world.view().link), (ActivityState::Contested, Link::Connected), "told again");
}

#[test]
fn a_rejection_is_the_pinned_coordinators_and_about_this_worker() {
    let (mut world, _, good) = rejected();
    let mut forged = good.payload().clone();
    forged.evidence = "Because.".into();
    let of_another = rejection(&world, good.payload().result, PublicKey([9; 32]));
    let by_another = Signed::sign(forged, &key(77));
    for bad in [of_another, by_another] {
        world.say(&told(&bad));
        assert_ne!(world.view().link, Link::Connected, "the connection is left");
        world.pass(limits::BACKOFF_MS_MAX);
        assert_eq!(world.view().link, Link::Connected);
    }
    let about_nothing = rejection(&world, Hash::of(b"none"), world.me);
    world.say(&told(&about_nothing));
    assert_eq!(world.view().link, Link::Connected, "a receipt may have made room for newer ones");
    assert_eq!(world.view().contested.map(|contested| contested.count), Some(1));
}

#[test]
fn a_rejection_may_overtake_the_acknowledgement() {
    let mut world = World::connected();
    world.coordinator.is_mute = true;
    let offer = world.assign(&text_item("waits"));
    world.answer(&offer, 0);
    assert_eq!(state(&world), ActivityState::Sending);
    let result = Hash::of(world.coordinator.heard.values().next().expect("heard"));
    let rejection = rejection(&world, result, world.me);
    world.say(&told(&rejection));
    assert_eq!((state(&world), world.view().outbox), (ActivityState::Contested, 0));
    world.kill();
    world.run();
    assert_eq!(state(&world), ActivityState::Contested);
}

#[test]
fn an_appeal_is_stored_before_it_is_sent_and_sent_until_it_is_answered() {
    let (mut world, offer, rejection) = rejected();
    world.is_disk_full = true;
    appeal(&mut world, &offer, "  It is red.\n");
    assert_eq!(appeals(&mut world).len(), 0, "not stored yet");
    world.is_disk_full = false;
    world.pass(limits::BACKOFF_MS_MAX);
    let sent = appeals(&mut world);
    let [one] = &sent[..] else { panic!("{} appeals", sent.len()) };
    let said = one.payload();
    assert_eq!((said.rejection, said.words.as_deref()), (rejection.hash(), Some("It is red.")));
    assert_eq!((state(&world), world.view().contested), (ActivityState::Appealed, None));
    appeal(&mut world, &offer, "again");
    assert_eq!(appeals(&mut world).len(), 0, "once");
    world.cut();
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!(appeals(&mut world), sent, "the same bytes on a new connection");
    world.kill();
    world.run();
    assert_eq!(appeals(&mut world), sent, "and after a restart");
    world.say(&ToWorker::Refused { about: Some(rejection.hash()), code: RefusedCode::Unavailable });
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!(appeals(&mut world), sent, "what may pass is tried again");
    world.say(&ToWorker::Appealed { rejection: Hash::of(b"another") });
    let standing = |world: &World| {
        let view = receipt(world, &offer, None);
        let about = view.rejection.expect("rejected");
        (view.appeal_words(), about.is_appealed, about.is_delivered)
    };
    assert_eq!(standing(&world), (Some("It is red.".into()), true, false));
    world.say(&ToWorker::Appealed { rejection: rejection.hash() });
    assert_eq!(standing(&world), (Some("It is red.".into()), true, true));
    world.cut();
    world.pass(2 * limits::BACKOFF_MS_MAX);
    assert_eq!((appeals(&mut world).len(), standing(&world).2), (0, true), "it is there");
}

#[test]
fn the_verdict_ends_it_either_way_and_the_receipt_holds() {
    for (reason, expected) in
        [(VerdictReason::AppealUpheld, ActivityState::Accepted), (VerdictReason::AppealDenied, ActivityState::Rejected)]
    {
        let (mut world, offer, rejection) = rejected();
        appeal(&mut world, &offer, "");
        assert_eq!(appeals(&mut world)[0].payload().words, None, "words are the person's choice");
        world.say(&ToWorker::Appealed { rejection: rejection.hash() });
        world.say(&told(&rejection));
        world.say(&verdict(&world, &rejection, reason));
        assert_eq!(state(&world), expected);
        let view = receipt(&world, &offer, None);
        let parts: Vec<&str> = view.parts.iter().map(|part| part.part.as_str()).collect();
        assert_eq!(parts, ["item", "offer", "result", "verdict", "rejection", "appeal"]);
        assert_eq!((view.valid, view.checks.len(), view.verdict_reason()), (true, 11, Some(reason)));
        assert!(view.rejection.unwrap().is_over);
        let changed = receipt(&world, &offer, Some(ChangeByte { part: "rejection".into(), offset: 300 }));
        assert!(!changed.valid);
        world.cut();
        world.pass(limits::BACKOFF_MS_MAX);
        assert_eq!(appeals(&mut world).len(), 0, "it is decided");
        let exported = world.export();
        let line = exported.lines().nth(1).expect("a receipt");
        let part = |name: &str| {
            let (_, rest) = line.split_once(&format!("\"{name}\":\"")).expect("the field");
            data_encoding::BASE64.decode(rest.split_once('"').expect("its end").0.as_bytes()).expect("base64")
        };
        let [item, offer, result, verdict] = ["item", "offer", "result", "verdict"].map(part);
        let (rejection, appeal) = (Some(part("rejection")), Some(part("appeal")));
        let (reversal, reversal_end) = (None, None);
        let receipt = Receipt { item, offer, result, verdict, rejection, appeal, reversal, reversal_end };
        assert!(receipt.verify(&world.coordinator.key.public()).is_ok());
    }
}

#[test]
fn whatever_changes_about_a_rejection_is_another_view() {
    let (mut world, offer, rejection) = rejected();
    let mut seen = vec![world.view().reviews];
    appeal(&mut world, &offer, "It is red.");
    seen.push(world.view().reviews);
    world.say(&ToWorker::Appealed { rejection: rejection.hash() });
    seen.push(world.view().reviews);
    world.say(&verdict(&world, &rejection, VerdictReason::AppealDenied));
    seen.push(world.view().reviews);
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
}

#[test]
fn who_was_away_learns_the_evidence_with_the_verdict() {
    let (mut world, offer, rejection) = rejected();
    world.pass(WEEK_MS);
    world.say(&verdict(&world, &rejection, VerdictReason::RejectedByBuyer));
    let view = receipt(&world, &offer, None);
    assert_eq!((state(&world), view.valid), (ActivityState::Rejected, true));
    appeal(&mut world, &offer, "too late");
    assert_eq!((appeals(&mut world).len(), state(&world)), (0, ActivityState::Rejected));
    assert_eq!(world.view().contested, None);
}

#[test]
fn an_appeal_that_is_refused_for_good_never_counted() {
    let (mut world, offer, rejection) = rejected();
    appeal(&mut world, &offer, "It is red.");
    assert_eq!(appeals(&mut world).len(), 1);
    world.say(&ToWorker::Refused { about: Some(rejection.hash()), code: RefusedCode::LeaseEnded });
    assert_eq!(world.view().notice, Some(Notice::AppealRefused { code: "lease_ended".into() }));
    assert_eq!((state(&world), receipt(&world, &offer, None).parts.len()), (ActivityState::Contested, 4));
    world.kill();
    world.run();
    assert_eq!(appeals(&mut world).len(), 0, "also after a restart");
}

#[test]
fn nobody_appeals_but_about_what_is_rejected_and_in_so_many_words() {
    let (mut world, offer, _) = rejected();
    let other = world.assign(&text_item("fine"));
    world.answer(&other, 0);
    for nothing in ["", "zz", &"0".repeat(64), other.as_str()] {
        appeal(&mut world, nothing, "It is red.");
    }
    appeal(&mut world, &offer, &"w".repeat(APPEAL_BYTES_MAX + 1));
    assert_eq!(appeals(&mut world).len(), 0);
    appeal(&mut world, &offer, &"w".repeat(APPEAL_BYTES_MAX));
    assert_eq!(appeals(&mut world).len(), 1);
}

#[test]
fn an_appeal_waits_while_judgments_are_off() {
    let (mut world, offer, rejection) = rejected();
    world.command(Command::SetJudgments { on: false });
    appeal(&mut world, &offer, "It is red.");
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!((appeals(&mut world).len(), world.view().link), (0, Link::Connected), "bandwidth keeps the connection");
    world.command(Command::SetJudgments { on: true });
    world.pass(limits::BACKOFF_MS_MAX);
    let sent = appeals(&mut world);
    assert_eq!(sent.len(), 1);
    assert!(sent[0].payload().at >= rejection.payload().decided_at);
    let at: Timestamp = cose::peek::<Appeal>(sent[0].bytes()).unwrap().at;
    assert!(at <= world.coordinator_now());
}

fn answers(world: &mut World, count: usize, is_reviewed: bool) -> Vec<String> {
    world.coordinator.is_reviewed = is_reviewed;
    let one = |i| {
        let offer = world.assign(&text_item(&format!("{is_reviewed} {i}")));
        world.answer(&offer, 0);
        offer
    };
    (0..count).map(one).collect()
}

#[test]
fn what_may_be_rejected_stays_however_much_waits() {
    let mut world = World::connected();
    (world.is_checked, world.coordinator.keeps_verdicts) = (false, true);
    let reviewed = answers(&mut world, 3, true);
    let results: Vec<Hash> = reviewed.iter().map(|offer| Hash::of(&world.coordinator.stored[&hash(offer)])).collect();
    let first = rejection(&world, results[0], world.me);
    world.say(&told(&first));
    let others = answers(&mut world, limits::RECEIPTS_MAX + 1, false);
    world.pass(limits::BACKOFF_MS_MAX);
    let is_loaded = |world: &World, offer: &String| world.disk.contains_key(&format!("receipt/{offer}"));
    assert!(!is_loaded(&world, &others[0]), "too many wait");
    assert!(reviewed.iter().all(|offer| is_loaded(&world, offer)));
    world.kill();
    world.run();
    let second = rejection(&world, results[1], world.me);
    world.say(&told(&second));
    appeal(&mut world, &reviewed[1], "It is red.");
    assert_eq!(appeals(&mut world)[0].payload().rejection, second.hash());
    assert_eq!(world.view().contested.map(|contested| contested.offer), Some(reviewed[0].clone()));
    world.command(Command::SetPaused { on: true });
    world.pass(2 * limits::DAY_MS);
    world.command(Command::SetPaused { on: false });
    answers(&mut world, limits::RECEIPTS_MOVED_MAX + 1, false);
    world.pass(limits::BACKOFF_MS_MAX);
    let loaded: Vec<bool> = reviewed.iter().map(|offer| is_loaded(&world, offer)).collect();
    assert_eq!(loaded, [true, true, false], "once time must have approved it, it is like the others");
}
