//! Money that is contested while it is pending: evidence, appeal, a human's word, what time decides, and who gets it.

use lull_market::ledger::Account;
use lull_market::{Command, Refusal, Reply, ReviewProblem};
use lull_protocol::limits::REVERSALS_TOLD_MS;
use lull_protocol::message::RefusedCode;
use lull_protocol::rejection::Appeal;
use lull_protocol::reversal::Ending;
use lull_protocol::{Hash, Signed, SigningKey, Timestamp};
use lull_store::{Reader, Store};

use crate::bench::{BUYER, Bench, bytes, fetch_order, key, order_id, project, refused, report};
use lull_protocol::statement::{Outcome, Report};

const APPEAL_MS: u64 = 604_800_000;
const APPEAL_DECISION_MS: u64 = 1_209_600_000;
const DISPUTE_MS: u64 = 86_400_000;
const PAID: u64 = 4_000;
const FEE: u64 = 400;

/// A market in which one worker was paid for an answer; the answer's offer.
fn paid() -> (Bench, Hash) {
    let mut bench = Bench::new();
    bench.ask(project(1, 1, 1, 1));
    let lease = bench.lease(&key(1), 0, 1);
    assert_eq!(bench.answers(&key(1), &lease, 1).len(), 1);
    assert_eq!(bench.money(&key(1)), (PAID, PAID, 0));
    (bench, Hash::of(&lease.offer))
}

impl Bench {
    fn contests(&mut self, offer: Hash, evidence: &str) -> Result<(Hash, bool), Refusal> {
        match self.one(Command::Reverse { offer, evidence: evidence.into() })? {
            Reply::Reversal { reversal, is_new, .. } => Ok((reversal, is_new)),
            other => panic!("{other:?}"),
        }
    }

    fn objects(&mut self, reversal: Hash, worker: &SigningKey) -> Result<Reply, Refusal> {
        let appeal = Appeal { rejection: reversal, words: Some("I did look.".into()), at: self.cx.now };
        self.one(Command::Appeal { appeal: Box::new(Signed::sign(appeal, worker)) })
    }

    fn ends(&mut self, reversal: Hash, is_upheld: bool) -> Result<bool, Refusal> {
        match self.one(Command::DecideAppeal { rejection: reversal, is_upheld })? {
            Reply::Ended { is_new, .. } => Ok(is_new),
            other => panic!("{other:?}"),
        }
    }

    fn reversed(&self, worker: &SigningKey) -> u64 {
        self.reader.account(&worker.public(), Timestamp::ZERO).unwrap().reversed.get()
    }

    /// What the worker is told of its one reversal; it holds in every part.
    fn ending(&self, worker: &SigningKey) -> Option<Ending> {
        let told = self.reader.reversals(&worker.public(), self.cx.now.minus(REVERSALS_TOLD_MS), None).unwrap();
        let [told] = &told[..] else { panic!("{told:?}") };
        let verified = told.receipt.verify(&self.cx.key.public()).unwrap();
        assert_eq!(verified.reversal.map(|reversal| reversal.hash()), Some(told.reversal));
        verified.reversal_end.map(|end| end.payload().ending)
    }

    fn available(&self) -> u64 {
        self.reader.balance(BUYER).unwrap().available.get()
    }
}

fn problem<T: std::fmt::Debug>(result: Result<T, Refusal>) -> ReviewProblem {
    match result {
        Err(Refusal::Review { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_nobody_appeals_about_goes_back_to_who_paid() {
    let (mut bench, offer) = paid();
    let before = bench.available();
    let (reversal, is_new) = bench.contests(offer, "This key answered 900 items in a second.").unwrap();
    assert!(is_new);
    assert_eq!(
        bench.contests(offer, "This key answered 900 items in a second."),
        Ok((reversal, false)),
        "twice is once"
    );
    assert_eq!(problem(bench.contests(offer, "Another reason.")), ReviewProblem::OtherReversal);
    assert_eq!((bench.ending(&key(1)), bench.money(&key(1))), (None, (PAID, PAID, 0)), "told, and nothing moves");
    bench.later(APPEAL_MS - 1);
    bench.sweep();
    assert_eq!(bench.money(&key(1)), (PAID, PAID, 0), "not payable after its time for disputes, and not reversed yet");
    bench.later(1);
    assert_eq!(bench.sweep().2, [key(1).public()], "its worker hears of it");
    assert_eq!((bench.money(&key(1)), bench.reversed(&key(1))), ((PAID, 0, 0), PAID));
    assert_eq!((bench.available(), bench.ending(&key(1))), (before + PAID + FEE, Some(Ending::Unopposed)));
    let entry = bench.reader.ledger(0, 100).unwrap().pop().unwrap();
    assert_eq!(entry.cause, "reversed");
    let delta = |account| entry.postings.iter().find(|p| p.account == account).map(|p| p.delta);
    assert_eq!(delta(Account::Pending(key(1).public())), Some(-(PAID as i64)));
    assert_eq!(delta(Account::Fee), Some(-(FEE as i64)));
    assert_eq!(bench.reader.statistics().unwrap().fees.get(), 0);
    let after = bench.reader.ledger(0, 100).unwrap().len();
    assert_eq!(bench.contests(offer, "This key answered 900 items in a second."), Ok((reversal, false)));
    bench.later(APPEAL_MS);
    bench.sweep();
    assert_eq!(bench.reader.ledger(0, 100).unwrap().len(), after, "once");
    assert_eq!(refused(bench.objects(reversal, &key(1))), RefusedCode::LeaseEnded, "too late");
    assert_eq!(bench.ends(reversal, false), Ok(false));
    assert_eq!(problem(bench.ends(reversal, true)), ReviewProblem::Judged, "what is reversed is final");
    bench.checks_out();
    bench.later(REVERSALS_TOLD_MS);
    assert!(bench.reader.reversals(&key(1).public(), bench.cx.now, None).unwrap().is_empty());
}

#[test]
fn an_appeal_is_decided_by_a_human_or_for_the_worker() {
    for (word, ending) in [(Some(true), Ending::Upheld), (Some(false), Ending::Denied), (None, Ending::Undecided)] {
        let (mut bench, offer) = paid();
        let (reversal, _) = bench.contests(offer, "It was not you who answered.").unwrap();
        assert_eq!(refused(bench.objects(reversal, &key(2))), RefusedCode::NotYours);
        assert_eq!(problem(bench.ends(reversal, false)), ReviewProblem::NotAppealed);
        bench.later(APPEAL_MS - 1);
        for _ in 0..2 {
            assert_eq!(bench.objects(reversal, &key(1)), Ok(Reply::Appealed(reversal)));
        }
        let rows = bench.reader.open_reversals(9).unwrap();
        assert_eq!(rows[0].appeal.as_ref().and_then(|(_, said)| said.words.clone()), Some("I did look.".into()));
        bench.later(APPEAL_DECISION_MS - 1);
        bench.sweep();
        assert_eq!((bench.money(&key(1)), bench.ending(&key(1))), ((PAID, PAID, 0), None), "a human has time");
        match word {
            Some(is_upheld) => {
                assert_eq!((bench.ends(reversal, is_upheld), bench.ends(reversal, is_upheld)), (Ok(true), Ok(false)));
                assert_eq!(problem(bench.ends(reversal, !is_upheld)), ReviewProblem::Judged);
            }
            None => {
                bench.later(1);
                bench.sweep();
            }
        }
        assert_eq!(bench.ending(&key(1)), Some(ending));
        let (payable, reversed) = if ending.is_reversed() { (0, PAID) } else { (PAID, 0) };
        assert_eq!((bench.money(&key(1)), bench.reversed(&key(1))), ((PAID, 0, payable), reversed), "{ending:?}");
        assert!(bench.reader.open_reversals(9).unwrap().is_empty());
        bench.checks_out();
    }
}

#[test]
fn the_operator_can_take_it_back() {
    let (mut bench, offer) = paid();
    let (reversal, _) = bench.contests(offer, "A mistake of mine.").unwrap();
    assert_eq!(bench.ends(reversal, true), Ok(true));
    assert_eq!((bench.ending(&key(1)), bench.money(&key(1))), (Some(Ending::TakenBack), (PAID, 0, PAID)));
    assert_eq!(bench.contests(offer, "A mistake of mine."), Ok((reversal, false)), "and it stays so");
    assert_eq!(problem(bench.contests(offer, "But now I am sure.")), ReviewProblem::OtherReversal);
    bench.checks_out();
}

#[test]
fn only_pending_money_of_a_verdict_is_contested() {
    let (mut bench, offer) = paid();
    assert_eq!(problem(bench.contests(Hash([9; 32]), "Which?")), ReviewProblem::NoVerdict);
    for nothing in ["", " \n", "red\u{1b}[31m"] {
        assert!(matches!(bench.contests(offer, nothing), Err(Refusal::Field { .. })), "{nothing:?}");
    }
    assert!(matches!(bench.contests(offer, &"e".repeat(2_049)), Err(Refusal::Field { .. })));
    bench.later(DISPUTE_MS);
    assert_eq!(problem(bench.contests(offer, "Too late.")), ReviewProblem::Payable, "also before the sweep");
    bench.sweep();
    assert_eq!(problem(bench.contests(offer, "Too late.")), ReviewProblem::Payable);
    assert_eq!(bench.money(&key(1)), (PAID, 0, PAID));

    bench.buy(fetch_order(2, &["https://www.rust-lang.org/page"]));
    let lease = bench.lease(&key(2), 1, 0);
    let result = bench.result(&lease, Report::Fetch(report(Outcome::Blocked, 403, b"")));
    bench.stores(&key(2), &result, b"");
    assert_eq!(problem(bench.contests(Hash::of(&lease.offer), "Why?")), ReviewProblem::Unpaid);
    let lease = bench.lease(&key(3), 1, 0);
    let result = bench.result(&lease, Report::Fetch(report(Outcome::Ok, 200, b"hello")));
    assert_eq!(result.body_bytes(), bytes(5));
    bench.stores(&key(3), &result, b"hello");
    bench.contests(Hash::of(&lease.offer), "The site's log has no such request.").unwrap();
    bench.later(APPEAL_MS);
    bench.sweep();
    assert_eq!(bench.ending(&key(3)), Some(Ending::Unopposed), "a fetch, too");
    assert_eq!(bench.reader.order(&order_id(2)).unwrap().unwrap().items.done, 1, "the requester keeps what it got");
    bench.checks_out();
}

#[test]
fn each_step_is_there_after_a_restart() {
    let (mut bench, offer) = paid();
    let reopened = |bench: &mut Bench| {
        bench.store = Store::open(&bench.path()).unwrap();
        bench.reader = Reader::open(&bench.path()).unwrap();
        bench.checks_out();
    };
    let (reversal, _) = bench.contests(offer, "It was not you who answered.").unwrap();
    reopened(&mut bench);
    assert_eq!(bench.contests(offer, "It was not you who answered."), Ok((reversal, false)));
    bench.objects(reversal, &key(1)).unwrap();
    reopened(&mut bench);
    bench.later(APPEAL_MS + DISPUTE_MS);
    bench.sweep();
    assert_eq!(bench.money(&key(1)), (PAID, PAID, 0), "appealed, and waits for a human");
    bench.ends(reversal, false).unwrap();
    reopened(&mut bench);
    assert_eq!((bench.money(&key(1)), bench.reversed(&key(1))), ((PAID, 0, 0), PAID));
}

#[test]
fn the_check_finds_a_reversal_that_was_tampered_with() {
    for (sql, problem) in [
        ("UPDATE reversals SET ending = 'upheld'", "reversed is not what reversals say"),
        ("UPDATE verdicts SET settled = 0", "open until its money is final"),
        ("DELETE FROM entries WHERE cause = 'reversed'", "a reversal has no entry"),
        ("UPDATE accounts SET balance = balance + 1 WHERE kind = 'reversed'", "balance is not the sum"),
    ] {
        let (mut bench, offer) = paid();
        bench.contests(offer, "It was not you who answered.").unwrap();
        bench.later(APPEAL_MS);
        bench.sweep();
        bench.checks_out();
        let raw = rusqlite::Connection::open(bench.path()).unwrap();
        raw.pragma_update(None, "foreign_keys", false).unwrap();
        assert!(raw.execute(sql, []).unwrap() > 0, "{sql}");
        let problems = bench.reader.check_ledger().unwrap().problems;
        assert!(problems.iter().any(|p| p.contains(problem)), "{sql}: {problems:?}");
    }
}
