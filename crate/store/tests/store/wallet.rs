//! Workers and their wallets: what is kept of the way there, what is undone, and that no money moves by it.

use std::collections::{BTreeMap, BTreeSet};

use lull_market::connect::{
    Given, HOLD_MS, NEWS_KEPT_MS, Problem, Request, SIGN_INS_REFUSED_MAX, Site, TICKET_KEPT_MS, TICKET_MS, TICKETS_MAX,
    WORKERS_PER_WALLET_MAX, YES_KEPT_MS,
};
use lull_market::{Command, Refusal, Reply};
use lull_protocol::connect::{
    Purpose, Rebinding, WalletAsked, WalletBrowser, WalletEvent, WalletNews, WalletState, WalletVeto, WalletYes,
};
use lull_protocol::payout::{Schedule, Weekday};
use lull_protocol::siws::{self, Chain, Proof, SignIn};
use lull_protocol::units::Ticket;
use lull_protocol::{Hash, PublicKey, Signed, SigningKey, Timestamp, Wallet};
use lull_store::Store;
use proptest::prelude::*;
use proptest::sample::select;

use crate::bench::{Bench, amount, key, project};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

pub(crate) fn wallet(seed: u8) -> Wallet {
    Wallet::new(key(seed).public()).unwrap()
}

fn ticket(n: u8) -> Ticket {
    Ticket([n; 32])
}

fn rebinding(bench: &Bench, yes: Hash, worker: u8, lost: u8) -> Rebinding {
    let due = bench.cx.now.plus(HOLD_MS);
    Rebinding { yes, worker: key(worker).public(), lost: key(lost).public(), due }
}

impl Bench {
    fn wallet_step(&mut self, request: Request) -> Result<(Given, Vec<PublicKey>), Refusal> {
        match self.one(Command::Wallet(Box::new(request)))? {
            Reply::Wallet { given, told } => Ok((given, told)),
            other => panic!("{other:?}"),
        }
    }

    fn opens(&mut self, worker: u8, purpose: Purpose, n: u8) -> Result<Given, Refusal> {
        let request = Request::Open { worker: key(worker).public(), purpose, ticket: ticket(n) };
        self.wallet_step(request).map(|(given, _)| given)
    }

    fn takes(&mut self, n: u8) -> Result<SignIn, Refusal> {
        let site = Site { origin: "wss://lull.example".into(), chain: Chain::Localnet };
        let nonce = self.nonces(1).remove(0);
        match self.wallet_step(Request::Take { ticket: ticket(n).hash(), site, nonce })?.0 {
            Given::SignIn(sign_in) => Ok(*sign_in),
            other => panic!("{other:?}"),
        }
    }

    fn signs(&mut self, n: u8, proof: Proof) -> Result<Vec<PublicKey>, Refusal> {
        let until = self.cx.now.plus(TICKET_MS);
        let (given, told) = self.wallet_step(Request::SignIn { ticket: ticket(n).hash(), proof })?;
        match given {
            Given::Refused(problem) => Err(Refusal::Wallet(problem)),
            given => {
                assert_eq!(given, Given::Asked(until));
                Ok(told)
            }
        }
    }

    fn yes(&self, worker: u8, purpose: Purpose, to: u8, n: u8) -> Signed<WalletYes> {
        let lost = purpose.names_another().then(|| key(1).public());
        let (coordinator, ticket) = (self.cx.key.public(), ticket(n).hash());
        Signed::sign(
            WalletYes { coordinator, purpose, ticket, wallet: wallet(to), lost, at: self.cx.now },
            &key(worker),
        )
    }

    fn agrees(&mut self, yes: &Signed<WalletYes>) -> Result<Vec<PublicKey>, Refusal> {
        self.wallet_step(Request::Agree(yes.clone())).map(|(_, told)| told)
    }

    fn vetoes(&mut self, by: u8, yes: Hash) -> Result<Vec<PublicKey>, Refusal> {
        let veto = WalletVeto { coordinator: self.cx.key.public(), yes, at: self.cx.now };
        self.wallet_step(Request::Veto(Signed::sign(veto, &key(by)))).map(|(_, told)| told)
    }

    /// All steps at once; gives the yes.
    pub(crate) fn connects(
        &mut self,
        worker: u8,
        purpose: Purpose,
        to: u8,
        n: u8,
    ) -> Result<Signed<WalletYes>, Refusal> {
        self.opens(worker, purpose, n)?;
        if purpose.needs_wallet() {
            let sign_in = self.takes(n)?;
            self.signs(n, proof(&sign_in, to))?;
        }
        let yes = self.yes(worker, purpose, to, n);
        self.agrees(&yes).map(|_| yes)
    }

    /// All steps to take the place of any worker.
    pub(crate) fn rebinds(&mut self, worker: u8, lost: u8, to: u8, n: u8) {
        self.opens(worker, Purpose::Rebind, n).unwrap();
        let sign_in = self.takes(n).unwrap();
        self.signs(n, proof(&sign_in, to)).unwrap();
        let yes = self.yes(worker, Purpose::Rebind, to, n);
        let yes = WalletYes { lost: Some(key(lost).public()), ..*yes.payload() };
        self.agrees(&Signed::sign(yes, &key(worker))).unwrap();
    }

    /// All steps to put a worker of the wallet out.
    fn puts_out(&mut self, by: u8, gone: u8, to: u8, n: u8) -> Result<(Signed<WalletYes>, Vec<PublicKey>), Refusal> {
        self.opens(by, Purpose::PutOut, n)?;
        let sign_in = self.takes(n)?;
        self.signs(n, proof(&sign_in, to))?;
        let yes = self.yes(by, Purpose::PutOut, to, n);
        let yes = Signed::sign(WalletYes { lost: Some(key(gone).public()), ..*yes.payload() }, &key(by));
        self.agrees(&yes).map(|told| (yes, told))
    }

    fn pays(&mut self, worker: u8, schedule: Schedule) {
        let worker = key(worker).public();
        self.one(Command::PayWhen { worker, schedule, account_agreed: amount(0) }).unwrap();
    }

    fn schedule(&self, worker: u8) -> Schedule {
        self.reader.payouts(&key(worker).public(), Chain::Localnet, self.cx.now).unwrap().schedule
    }

    fn stands(&self, worker: u8) -> WalletState {
        self.reader.wallet(key(worker).public(), self.cx.now).unwrap()
    }

    fn knows(&mut self, worker: u8, number: u64) {
        self.wallet_step(Request::Known { worker: key(worker).public(), number }).unwrap();
    }

    fn is_succeeded(&self, worker: u8) -> bool {
        self.reader.account(&key(worker).public(), Timestamp::ZERO).unwrap().is_succeeded
    }
}

fn proof(sign_in: &SignIn, by: u8) -> Proof {
    let message = sign_in.text(&wallet(by)).into_bytes();
    let signature = ed25519_dalek::Signer::sign(&ed25519_dalek::SigningKey::from_bytes(&[by; 32]), &message);
    Proof { wallet: wallet(by), message, signature: signature.to_bytes() }
}

fn problem<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Problem {
    match result {
        Err(Refusal::Wallet(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wallet_is_linked_step_by_step_and_each_is_kept() {
    let mut bench = Bench::new();
    let (now, hash) = (bench.cx.now, ticket(1).hash());
    assert_eq!(bench.stands(1), WalletState::default());
    let expires_at = now.plus(TICKET_MS);
    let given = Given::Ticket { ticket: ticket(1), purpose: Purpose::Link, expires_at };
    assert_eq!(bench.opens(1, Purpose::Link, 1), Ok(given));
    assert!(bench.reader.has_ticket(&hash).unwrap());
    assert_eq!(bench.stands(1), WalletState::default(), "nothing is asked yet");
    assert_eq!(problem(bench.agrees(&bench.yes(1, Purpose::Link, 9, 1))), Problem::NotYet);
    let sign_in = bench.takes(1).unwrap();
    assert_eq!(problem(bench.takes(1)), Problem::Used, "a second tab");
    bench.later(1);
    let bad = Proof { signature: [0; 64], ..proof(&sign_in, 9) };
    assert_eq!(problem(bench.signs(1, bad)), siws::Problem::Signature.into());
    assert_eq!(bench.signs(1, proof(&sign_in, 9)), Ok(vec![key(1).public()]), "the worker is told");
    assert_eq!(problem(bench.signs(1, proof(&sign_in, 9))), Problem::Used, "replayed");
    let (until, others) = (bench.cx.now.plus(TICKET_MS), vec![]);
    let asked = WalletAsked { ticket: hash, purpose: Purpose::Link, wallet: wallet(9), until, others };
    assert_eq!(bench.stands(1), WalletState { asked: Some(asked), ..WalletState::default() });
    let yes = bench.yes(1, Purpose::Link, 9, 1);
    assert_eq!(bench.agrees(&yes), Ok(vec![]), "who asked hears of it anyway");
    let what = WalletEvent::PaidTo { wallet: wallet(9), before: None, held_until: None };
    let news = vec![WalletNews { number: 1, at: bench.cx.now, what }];
    assert_eq!(bench.stands(1), WalletState { wallet: Some(wallet(9)), news, ..WalletState::default() });
    bench.later(10 * TICKET_MS);
    assert_eq!(bench.agrees(&yes), Ok(vec![]), "sent again");
    assert_eq!(bench.stands(1).news.len(), 1, "once");
    bench.knows(1, 1);
    assert_eq!(bench.stands(1), WalletState { wallet: Some(wallet(9)), ..WalletState::default() });
    bench.checks_out();
}

#[test]
fn a_question_ends_with_its_time_its_no_or_the_next_ticket() {
    let mut bench = Bench::new();
    for n in 1..=2 {
        bench.opens(1, Purpose::Link, n).unwrap();
        let sign_in = bench.takes(n).unwrap();
        bench.signs(n, proof(&sign_in, 9)).unwrap();
        assert!(bench.stands(1).asked.is_some());
    }
    assert_eq!(problem(bench.agrees(&bench.yes(1, Purpose::Link, 9, 1))), Problem::Replaced);
    let decline = |worker: u8| Request::Decline { worker: key(worker).public(), ticket: ticket(2).hash() };
    assert_eq!(problem(bench.wallet_step(decline(2))), Problem::Foreign);
    bench.wallet_step(decline(1)).unwrap();
    bench.wallet_step(decline(1)).unwrap();
    assert_eq!(bench.stands(1).asked, None);
    assert_eq!(problem(bench.takes(2)), Problem::Declined);
    bench.opens(1, Purpose::Link, 3).unwrap();
    let sign_in = bench.takes(3).unwrap();
    bench.signs(3, proof(&sign_in, 9)).unwrap();
    bench.later(TICKET_MS);
    assert_eq!(bench.stands(1).asked, None);
    assert_eq!(problem(bench.agrees(&bench.yes(1, Purpose::Link, 9, 3))), Problem::Expired);
    for n in 4..4 + TICKETS_MAX as u8 - 3 {
        bench.opens(1, Purpose::Link, n).unwrap();
    }
    assert_eq!(problem(bench.opens(1, Purpose::Link, 99)), Problem::TooMany);
    assert!(bench.opens(2, Purpose::Link, 98).is_ok(), "another's limit is another's");
    bench.later(25 * 60 * 60 * 1_000);
    bench.opens(1, Purpose::Link, 99).unwrap();
    bench.sweep();
    assert!(!bench.reader.has_ticket(&ticket(3).hash()).unwrap(), "forgotten");
}

#[test]
fn another_wallet_is_held_for_a_day_and_left_with_what_stays() {
    let mut bench = earned();
    bench.connects(1, Purpose::Link, 9, 1).unwrap();
    assert_eq!(problem(bench.connects(1, Purpose::Change, 9, 2)), Problem::SameWallet);
    bench.knows(1, 1);
    bench.connects(1, Purpose::Change, 8, 3).unwrap();
    let held_until = Some(bench.cx.now.plus(HOLD_MS));
    let what = WalletEvent::PaidTo { wallet: wallet(8), before: Some(wallet(9)), held_until };
    let news = vec![WalletNews { number: 2, at: bench.cx.now, what }];
    assert_eq!(bench.stands(1), WalletState { wallet: Some(wallet(8)), held_until, news, ..WalletState::default() });
    bench.knows(1, 2);
    assert_eq!(bench.opens(1, Purpose::Unlink, 4), Ok(Given::Asked(bench.cx.now.plus(TICKET_MS))));
    assert_eq!(bench.stands(1).asked.map(|asked| asked.wallet), Some(wallet(8)), "no wallet has to sign");
    bench.agrees(&bench.yes(1, Purpose::Unlink, 8, 4)).unwrap();
    let (stays, arrives) = (amount(4_000), amount(0));
    let what = WalletEvent::Left { wallet: wallet(8), stays, arrives };
    let news = vec![WalletNews { number: 3, at: bench.cx.now, what }];
    assert_eq!(bench.stands(1), WalletState { held_until, news, ..WalletState::default() });
    bench.connects(1, Purpose::Link, 8, 5).unwrap();
    assert_eq!(bench.stands(1).held_until, held_until, "to leave shortens nothing");
    bench.later(HOLD_MS);
    assert_eq!(bench.stands(1).held_until, None);
    assert_eq!(bench.money(&key(1)).0, 4_000);
    bench.checks_out();
}

/// Worker 1 has earned 4,000.
fn earned() -> Bench {
    let mut bench = Bench::new();
    bench.ask(project(1, 1, 1, 1));
    let lease = bench.lease(&key(1), 0, 1);
    bench.answers(&key(1), &lease, 0);
    bench
}

#[test]
fn a_lost_worker_s_place_is_taken_after_a_day_that_all_know_of() {
    let mut bench = earned();
    bench.connects(1, Purpose::Link, 9, 1).unwrap();
    bench.connects(2, Purpose::Link, 9, 2).unwrap();
    bench.knows(1, 1);
    bench.knows(2, 1);
    bench.opens(3, Purpose::Rebind, 3).unwrap();
    let sign_in = bench.takes(3).unwrap();
    bench.signs(3, proof(&sign_in, 9)).unwrap();
    let mut others = bench.stands(3).asked.unwrap().others;
    others.sort();
    let mut both = vec![key(1).public(), key(2).public()];
    both.sort();
    assert_eq!(others, both);
    let yes = bench.yes(3, Purpose::Rebind, 9, 3);
    let mut told = bench.agrees(&yes).unwrap();
    told.sort();
    assert_eq!(told, both, "the lost one, too");
    let rebinding = rebinding(&bench, yes.hash(), 3, 1);
    let at = bench.cx.now;
    for worker in 1..=3 {
        let stands = bench.stands(worker);
        let number = if worker == 3 { 1 } else { 2 };
        let news = vec![WalletNews { number, at, what: WalletEvent::Rebinding(rebinding) }];
        assert_eq!((stands.rebinds, stands.news), (vec![rebinding], news));
    }
    assert_eq!(problem(bench.connects(4, Purpose::Rebind, 9, 4)), Problem::Rebinding);
    bench.later(HOLD_MS - 1);
    bench.sweep();
    assert_eq!(bench.stands(3).wallet, None);
    bench.later(1);
    let before = bench.money(&key(1));
    let Reply::Swept { wallets, .. } = bench.does(Command::Sweep) else { panic!("swept") };
    assert_eq!(wallets.len(), 3);
    let stands = bench.stands(3);
    assert_eq!((stands.wallet, stands.rebinds, stands.held_until), (Some(wallet(9)), vec![], None));
    assert_eq!(stands.news.last().unwrap().what, WalletEvent::Rebound(rebinding));
    assert_eq!([1, 2, 3].map(|worker| bench.is_succeeded(worker)), [true, false, false]);
    assert_eq!(bench.money(&key(1)).0, before.0, "its money stays its own");
    assert_eq!(problem(bench.vetoes(2, yes.hash())), Problem::Decided);
    let Reply::Swept { wallets, .. } = bench.does(Command::Sweep) else { panic!("swept") };
    assert_eq!(wallets, [], "once");
    assert_eq!(problem(bench.connects(5, Purpose::Rebind, 9, 5)), Problem::NotOfThisWallet, "it has a successor");
    bench.checks_out();
}

#[test]
fn every_live_key_can_veto_and_nobody_else() {
    for by in [1, 2] {
        let mut bench = earned();
        bench.connects(1, Purpose::Link, 9, 1).unwrap();
        bench.connects(2, Purpose::Link, 9, 2).unwrap();
        let yes = bench.connects(3, Purpose::Rebind, 9, 3).unwrap();
        let rebinding = rebinding(&bench, yes.hash(), 3, 1);
        assert_eq!(problem(bench.vetoes(3, yes.hash())), Problem::Foreign);
        assert_eq!(problem(bench.vetoes(by, Hash([1; 32]))), Problem::Unknown);
        bench.later(1);
        let told = bench.vetoes(by, yes.hash()).unwrap();
        assert_eq!(told.len(), 2);
        assert!(!told.contains(&key(by).public()), "who asked hears of it anyway");
        assert_eq!(bench.vetoes(by, yes.hash()), Ok(vec![]), "sent again");
        let what = WalletEvent::Vetoed { rebinding, by: key(by).public() };
        assert_eq!(bench.stands(3).news.last().unwrap().what, what);
        bench.later(HOLD_MS);
        bench.sweep();
        assert_eq!((bench.stands(3).wallet, bench.is_succeeded(1)), (None, false));
        bench.checks_out();
    }
}

#[test]
fn what_changed_meanwhile_lapses() {
    let mut bench = earned();
    bench.connects(1, Purpose::Link, 9, 1).unwrap();
    let yes = bench.connects(3, Purpose::Rebind, 9, 3).unwrap();
    let rebinding = rebinding(&bench, yes.hash(), 3, 1);
    bench.connects(1, Purpose::Unlink, 9, 4).unwrap();
    bench.later(HOLD_MS);
    bench.sweep();
    assert_eq!(bench.stands(3).news.last().unwrap().what, WalletEvent::Lapsed(rebinding));
    assert_eq!((bench.stands(3).wallet, bench.is_succeeded(1)), (None, false));
    // Whom the list names in the meantime gets nobody.
    let mut bench = earned();
    bench.connects(1, Purpose::Link, 9, 1).unwrap();
    bench.connects(3, Purpose::Rebind, 9, 3).unwrap();
    bench.cx.listed = [wallet(9)].into_iter().collect::<BTreeSet<_>>().into();
    bench.later(HOLD_MS);
    bench.sweep();
    assert_eq!((bench.stands(3).wallet, bench.is_succeeded(1)), (None, false));
}

#[test]
fn who_is_put_out_is_told_and_has_no_say() {
    let mut bench = earned();
    for worker in 1..=3 {
        bench.connects(worker, Purpose::Link, 9, worker).unwrap();
        bench.knows(worker, 1);
    }
    let friday = Schedule::Weekly(Weekday::Friday);
    bench.pays(1, friday);
    bench.later(1);
    assert_eq!([1, 2, 3].map(|worker| bench.schedule(worker)), [friday; 3], "the last word counts");
    // Worker 3 lets the place of a lost one be taken, so that there is something to veto.
    let yes = bench.yes(4, Purpose::Rebind, 9, 4);
    bench.rebinds(4, 3, 9, 4);
    let yes = Signed::sign(WalletYes { lost: Some(key(3).public()), ..*yes.payload() }, &key(4));
    let before = ledger(&bench);
    let (said, mut told) = bench.puts_out(2, 1, 9, 5).unwrap();
    told.sort();
    let mut others = vec![key(1).public(), key(3).public()];
    others.sort();
    assert_eq!(told, others);
    let (one, two) = (key(1).public(), key(2).public());
    let what = WalletEvent::PutOut { wallet: wallet(9), by: two, stays: amount(4_000), arrives: amount(0) };
    let stands = bench.stands(1);
    assert_eq!((stands.wallet, stands.news.last().unwrap().what), (None, what));
    let what = WalletEvent::OtherPutOut { worker: one, by: two };
    assert_eq!([2, 3].map(|worker| bench.stands(worker).news.last().unwrap().what), [what; 2]);
    assert_eq!(problem(bench.vetoes(1, yes.hash())), Problem::Foreign);
    bench.pays(1, Schedule::At(amount(7_000_000)));
    assert_eq!([2, 3].map(|worker| bench.schedule(worker)), [Schedule::Now; 2], "its word counts no more");
    assert_eq!(bench.agrees(&said), Ok(vec![]), "sent again");
    assert_eq!(problem(bench.puts_out(2, 1, 9, 6).map(drop)), Problem::NotOfThisWallet, "once");
    assert_eq!((ledger(&bench), bench.money(&key(1)).0), (before, 4_000), "its money stays its own");
    bench.connects(1, Purpose::Link, 8, 7).unwrap();
    assert_eq!(bench.stands(1).held_until, Some(bench.cx.now.plus(HOLD_MS)), "another wallet is another wallet");
    bench.checks_out();
}

#[test]
fn the_workers_of_a_wallet_are_listed_to_them_alone() {
    let mut bench = Bench::new();
    let linked = bench.cx.now;
    for worker in 1..=2 {
        bench.connects(worker, Purpose::Link, 9, worker).unwrap();
    }
    bench.later(3 * DAY_MS);
    bench.wallet_step(Request::Seen { worker: key(2).public() }).unwrap();
    let day = |at: Timestamp| Some(at.minus(at.get() % DAY_MS));
    let listed = |worker: u8| {
        let mut all = bench.reader.wallet_browsers(key(worker).public()).unwrap();
        all.sort_by_key(|browser| browser.seen_at);
        all
    };
    let [one, two] = [1, 2].map(|worker| key(worker).public());
    let first = WalletBrowser { worker: one, linked_at: Some(linked), seen_at: day(linked) };
    let second = WalletBrowser { worker: two, linked_at: Some(linked), seen_at: day(bench.cx.now) };
    assert_eq!((listed(1), listed(2), listed(3)), (vec![first, second], vec![first, second], vec![]));
    bench.puts_out(1, 2, 9, 3).unwrap();
    let listed = |worker: u8| bench.reader.wallet_browsers(key(worker).public()).unwrap();
    assert_eq!((listed(1), listed(2)), (vec![first], vec![]));
}

#[test]
fn who_said_when_all_are_paid_is_told_to_the_others_once() {
    let mut bench = Bench::new();
    for worker in 1..=2 {
        bench.connects(worker, Purpose::Link, 9, worker).unwrap();
    }
    for day in Weekday::ALL {
        bench.pays(1, Schedule::Weekly(day));
        bench.later(1);
    }
    bench.pays(1, Schedule::Weekly(Weekday::Sunday));
    let what = WalletEvent::Scheduled { by: key(1).public(), schedule: Schedule::Weekly(Weekday::Sunday) };
    let news: Vec<_> = bench.stands(2).news.iter().map(|news| (news.number, news.what)).collect();
    assert_eq!(news[1..], [(8, what)], "the last word, under a number of its own");
    assert_eq!(bench.stands(1).news.len(), 1, "who said it knows");
}

/// The rows of a table.
fn rows(bench: &Bench, table: &str) -> u64 {
    let db = rusqlite::Connection::open(bench.folder.path().join("lull.sqlite")).unwrap();
    db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn what_is_over_is_forgotten_and_can_not_be_said_again() {
    let mut bench = Bench::new();
    let first = bench.connects(1, Purpose::Link, 9, 1).unwrap();
    bench.connects(2, Purpose::Link, 9, 2).unwrap();
    let vetoed = bench.connects(3, Purpose::Rebind, 9, 3).unwrap();
    bench.vetoes(1, vetoed.hash()).unwrap();
    let done = bench.connects(4, Purpose::Rebind, 9, 4).unwrap();
    bench.opens(5, Purpose::Link, 5).unwrap();
    let sign_in = bench.takes(5).unwrap();
    bench.later(HOLD_MS);
    bench.sweep();
    assert!(bench.is_succeeded(1));
    bench.knows(2, 99);
    let numbers = bench.stands(4).news.len() as u64;
    bench.knows(4, numbers);
    bench.later(TICKET_KEPT_MS + 2 * TICKET_MS);
    bench.sweep();
    assert_eq!(rows(&bench, "tickets"), 0);
    for yes in [&first, &vetoed, &done] {
        assert_eq!(problem(bench.agrees(yes)), Problem::Unknown, "a yes to a ticket that is forgotten");
    }
    assert_eq!(problem(bench.takes(5)), Problem::Unknown);
    assert_eq!(problem(bench.signs(5, proof(&sign_in, 9))), Problem::Unknown);
    assert_eq!((rows(&bench, "wallet_yeses"), rows(&bench, "rebinds")), (4, 2), "yeses are kept longer");
    bench.later(NEWS_KEPT_MS);
    bench.sweep();
    assert_eq!(rows(&bench, "wallet_news WHERE is_known = 1"), 0);
    assert_eq!(bench.stands(3).news.len(), 2, "what nobody has read is kept");
    bench.later(YES_KEPT_MS);
    bench.sweep();
    assert_eq!((rows(&bench, "wallet_yeses"), rows(&bench, "rebinds")), (3, 1), "what something rests on is kept");
    assert_eq!(problem(bench.vetoes(2, vetoed.hash())), Problem::Unknown);
    assert_eq!(problem(bench.vetoes(2, done.hash())), Problem::Decided);
    bench.connects(4, Purpose::Change, 8, 6).unwrap();
    assert_eq!(bench.stands(4).news.last().unwrap().number, numbers + 1, "numbers go on");
    bench.later(YES_KEPT_MS + 1);
    bench.sweep();
    assert_eq!(rows(&bench, "wallet_yeses"), 4, "that of the place that was taken, too");
    bench.checks_out();
}

#[test]
fn a_full_wallet_and_a_listed_one_take_nobody() {
    let mut bench = Bench::new();
    for seed in 0..WORKERS_PER_WALLET_MAX as u8 {
        bench.connects(10 + seed, Purpose::Link, 9, 10 + seed).unwrap();
    }
    assert_eq!(problem(bench.connects(1, Purpose::Link, 9, 1)), Problem::WalletFull);
    bench.connects(10, Purpose::Unlink, 9, 2).unwrap();
    bench.connects(1, Purpose::Link, 9, 3).unwrap();
    bench.cx.listed = [wallet(8)].into_iter().collect::<BTreeSet<_>>().into();
    assert_eq!(problem(bench.connects(2, Purpose::Link, 8, 4)), Problem::Listed);
    bench.cx.listed = [wallet(9)].into_iter().collect::<BTreeSet<_>>().into();
    bench.connects(1, Purpose::Unlink, 9, 5).unwrap();
}

/// A step that is refused after it has written, here for a row that is there already, leaves nothing, whatever else is
/// in its batch.
#[test]
fn all_of_a_step_or_nothing() {
    let mut bench = earned();
    let open = |worker: u8, n: u8| {
        let (worker, purpose) = (key(worker).public(), Purpose::Link);
        Command::Wallet(Box::new(Request::Open { worker, purpose, ticket: ticket(n) }))
    };
    bench.does(open(1, 1));
    // The second would replace worker 1's ticket first, and then finds its own hash taken.
    let replies = bench.store.apply(&bench.cx, &[open(2, 2), open(1, 2), open(3, 3)]).unwrap();
    assert!(matches!(replies[..], [Ok(_), Err(Refusal::Fault(_)), Ok(_)]), "{replies:?}");
    let sign_in = bench.takes(1).expect("not replaced");
    bench.signs(1, proof(&sign_in, 9)).unwrap();
    // Killed before the commit: the database is as it was.
    let copy = bench.folder.path().join("copy.sqlite");
    bench.reader.back_up(&copy).unwrap();
    bench.agrees(&bench.yes(1, Purpose::Link, 9, 1)).unwrap();
    bench.store = Store::open(&copy).unwrap();
    bench.reader = lull_store::Reader::open(&copy).unwrap();
    assert_eq!((bench.stands(1).wallet, bench.stands(1).asked.is_some()), (None, true));
    bench.agrees(&bench.yes(1, Purpose::Link, 9, 1)).unwrap();
    assert_eq!(bench.stands(1).wallet, Some(wallet(9)));
    bench.checks_out();
}

#[test]
fn refused_sign_ins_are_counted_and_kept() {
    let mut bench = Bench::new();
    bench.opens(1, Purpose::Link, 1).unwrap();
    let sign_in = bench.takes(1).unwrap();
    let bad = Proof { signature: [0; 64], ..proof(&sign_in, 9) };
    for _ in 1..SIGN_INS_REFUSED_MAX {
        assert_eq!(problem(bench.signs(1, bad.clone())), siws::Problem::Signature.into());
    }
    bench.store = Store::open(&bench.folder.path().join("lull.sqlite")).unwrap();
    assert_eq!(problem(bench.signs(1, bad)), Problem::Spent, "a restart forgets none of them");
    assert_eq!(problem(bench.signs(1, proof(&sign_in, 9))), Problem::Spent);
}

/// All that is in the ledger.
fn ledger(bench: &Bench) -> String {
    format!("{:?}", bench.reader.ledger(0, 10_000).unwrap())
}

fn other_workers() -> Vec<SigningKey> {
    (1..=4).map(key).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Any steps in any order, by anyone: no fault, no balance moves, and what each worker is told is a message.
    #[test]
    fn no_money_moves_by_any_of_it(steps in proptest::collection::vec(
        (0..9_u8, 1..5_u8, select(&Purpose::ALL), 6..9_u8, 0..12_u8), 0..40)) {
        let mut bench = earned();
        let before = ledger(&bench);
        let (mut opened, mut taken, mut yeses) = (BTreeSet::new(), BTreeMap::new(), vec![]);
        for (step, worker, purpose, to, n) in steps {
            bench.later(1_000);
            let done = match step {
                0 if opened.insert(n) => bench.opens(worker, purpose, n).map(drop),
                0 => Ok(()),
                1 => bench.takes(n).map(|sign_in| drop(taken.insert(n, sign_in))),
                2 => match taken.get(&n) {
                    Some(sign_in) => bench.signs(n, proof(sign_in, to)).map(drop),
                    None => Ok(()),
                },
                3 => {
                    let yes = bench.yes(worker, purpose, to, n);
                    yeses.push(yes.hash());
                    bench.agrees(&yes).map(drop)
                }
                4 => match yeses.last() {
                    Some(yes) => bench.vetoes(worker, *yes).map(drop),
                    None => Ok(()),
                },
                5 => {
                    bench.knows(worker, u64::from(n));
                    Ok(())
                }
                6 => {
                    bench.later(HOLD_MS / 2);
                    bench.does(Command::Sweep);
                    Ok(())
                }
                // All steps at once: few such rows of steps would come about by themselves.
                _ if !opened.insert(20 + n) => Ok(()),
                _ => bench.connects(worker, purpose, to, 20 + n).map(|yes| yeses.push(yes.hash())),
            };
            prop_assert!(!matches!(done, Err(Refusal::Fault(_))), "{done:?}");
            for worker in other_workers() {
                let state = bench.reader.wallet(worker.public(), bench.cx.now).unwrap();
                let message = lull_protocol::ToWorker::Wallet(Box::new(state));
                let frame = lull_protocol::message::Message::to_frame(&message);
                prop_assert!(<lull_protocol::ToWorker as lull_protocol::message::Message>::from_frame(&frame).is_ok());
            }
        }
        let settles = ledger(&bench);
        prop_assert!(settles.starts_with(before.trim_end_matches(']')), "only what settles by time follows");
        bench.checks_out();
        prop_assert_eq!(bench.money(&key(1)).0, 4_000);
        prop_assert!([2, 3, 4].iter().all(|seed| bench.money(&key(*seed)).0 == 0));
    }
}
