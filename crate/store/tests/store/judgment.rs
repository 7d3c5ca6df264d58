//! What becomes of a judgment.

use lull_market::Project;
use lull_protocol::statement::{Decision, Report, VerdictReason};
use lull_protocol::task::{Finding, OptionSet, Preference};
use lull_protocol::{Answer, Timestamp};
use lull_store::ResultRow;

use crate::bench::{BUYER, Bench, amount, key, order_id, project, said, tasks};

/// The verdicts' words when these options are given one after the other, and what is decided.
fn ask(agree: u8, options: &[u8]) -> (Vec<(Decision, VerdictReason, u64)>, Option<u16>) {
    ask_for(agree, &options.iter().map(|option| Answer::Choice(*option)).collect::<Vec<_>>())
}

/// The same of any type.
fn ask_for(agree: u8, answers: &[Answer]) -> (Vec<(Decision, VerdictReason, u64)>, Option<u16>) {
    let kind = answers[0].kind();
    let mut bench = Bench::new();
    bench.ask(Project { tasks: tasks(kind, 1), ..project(1, 0, agree, answers.len() as u8) });
    let mut verdicts = vec![];
    for (seed, answer) in (1..).zip(answers) {
        assert!(verdicts.is_empty(), "no verdict before all have answered");
        let lease = bench.lease(&key(seed), 0, 1);
        let result = bench.judged(&lease, *answer);
        verdicts = bench.stores(&key(seed), &result, &[]);
    }
    assert_eq!(verdicts.len(), answers.len());
    for (seed, verdict) in (1..).zip(&verdicts) {
        assert_eq!((verdict.worker, verdict.number), (key(seed).public(), 1));
        assert_eq!(bench.money(&key(seed)), (4_000, 4_000, 0), "paid in full");
    }
    let spent = 4_400 * answers.len() as u64;
    let order = bench.reader.order(&order_id(1)).unwrap().unwrap();
    assert_eq!((order.held.get(), order.spent.get(), order.order.task), (0, spent, Some(kind)));
    assert_eq!(bench.reader.balance(BUYER).unwrap().available.get(), 100_000_000 - spent);
    let rows = bench.reader.results(&order_id(1), 0, 100).unwrap();
    let given = |row: &ResultRow| match &row.result.report {
        Report::Judgment(report) => report.answer,
        other => panic!("{other:?}"),
    };
    assert_eq!(rows.iter().map(given).collect::<Vec<_>>(), answers, "what was answered is kept whole");
    assert_eq!(bench.reader.statistics().unwrap().judgments, answers.len() as u64);
    bench.checks_out();
    (verdicts.iter().map(said).collect(), rows[0].decided.map(|key| key.0))
}

const AGREED: (Decision, VerdictReason, u64) = (Decision::Accepted, VerdictReason::Agreed, 4_000);
const OTHERS: (Decision, VerdictReason, u64) = (Decision::Ambiguous, VerdictReason::OthersAgreed, 4_000);
const NOBODY: (Decision, VerdictReason, u64) = (Decision::Ambiguous, VerdictReason::NobodyAgreed, 4_000);

#[test]
fn agreement_decides_and_everybody_is_paid() {
    assert_eq!(ask(1, &[2]), (vec![AGREED], Some(2)));
    assert_eq!(ask(2, &[1, 1]), (vec![AGREED, AGREED], Some(1)));
    assert_eq!(ask(2, &[1, 0]), (vec![NOBODY, NOBODY], None));
    assert_eq!(ask(2, &[0, 1, 0]), (vec![AGREED, OTHERS, AGREED], Some(0)));
    assert_eq!(ask(2, &[0, 1, 2]), (vec![NOBODY; 3], None));
    assert_eq!(ask(3, &[0, 0, 1, 1]), (vec![NOBODY; 4], None));
    assert_eq!(ask(3, &[2, 2, 1, 0, 2]), (vec![AGREED, AGREED, OTHERS, OTHERS, AGREED], Some(2)));
}

/// What agrees is decided, of every type.
#[test]
fn people_agree_on_what_counts() {
    let set = |options: &[u8]| {
        let set = options.iter().try_fold(OptionSet::default(), |set, option| set.with(*option));
        Answer::Multi(set.unwrap())
    };
    assert_eq!(ask_for(2, &[set(&[0, 2]), set(&[2, 0]), set(&[0])]), (vec![AGREED, AGREED, OTHERS], Some(0b101)));
    assert_eq!(ask_for(2, &[set(&[]), set(&[1])]), (vec![NOBODY; 2], None));
    assert_eq!(ask_for(2, &[set(&[]), set(&[])]), (vec![AGREED; 2], Some(0)), "to choose none is an answer");
    let compare = [Preference::Tie, Preference::BothBad, Preference::Tie].map(Answer::Compare);
    assert_eq!(ask_for(2, &compare), (vec![AGREED, OTHERS, AGREED], Some(2)));
    assert_eq!(ask_for(2, &[4, 5, 5].map(Answer::Rating)), (vec![OTHERS, AGREED, AGREED], Some(5)));
    let supported = |sentence| Answer::Verify(Finding::Supported { sentence });
    let contradicted = |sentence| Answer::Verify(Finding::Contradicted { sentence });
    assert_eq!(ask_for(2, &[supported(0), supported(1)]), (vec![AGREED; 2], Some(0)), "each has evidence of one's own");
    let differ = [contradicted(0), supported(0), Answer::Verify(Finding::NotEnough)];
    assert_eq!(ask_for(2, &differ), (vec![NOBODY; 3], None));
}

#[test]
fn who_waits_too_long_is_approved_and_the_answer_still_counts() {
    let mut bench = Bench::new();
    bench.ask(project(1, 1, 2, 2));
    let (ann, bob) = (key(1), key(2));
    let lease = bench.lease(&ann, 0, 1);
    assert!(bench.answers(&ann, &lease, 1).is_empty());
    bench.later(300_000 + 3_600_000 - 1);
    assert!(bench.sweep().1.is_empty(), "one millisecond early");
    bench.later(1);
    let (_, verdicts, _) = bench.sweep();
    assert_eq!(verdicts.len(), 1);
    assert_eq!(said(&verdicts[0]), (Decision::Accepted, VerdictReason::ApprovedByTime, 4_000));
    assert!(bench.sweep().1.is_empty(), "once");
    assert_eq!(bench.money(&ann), (4_000, 4_000, 0));
    let order = bench.reader.order(&order_id(1)).unwrap().unwrap();
    assert_eq!((order.items.open, order.held.get(), order.spent.get()), (1, 4_400, 4_400));

    let lease = bench.lease(&bob, 0, 1);
    let verdicts = bench.answers(&bob, &lease, 1);
    assert_eq!(verdicts.iter().map(said).collect::<Vec<_>>(), [AGREED], "Ann has her verdict already");
    assert_eq!(bench.money(&ann), (4_000, 4_000, 0));
    let order = bench.reader.order(&order_id(1)).unwrap().unwrap();
    assert_eq!((order.items.done, order.held.get(), order.spent.get()), (1, 0, 8_800));
    bench.checks_out();
}

#[test]
fn pending_becomes_payable_when_disputes_are_over() {
    let mut bench = Bench::new();
    bench.ask(project(1, 2, 1, 1));
    let worker = key(1);
    let leases = bench.claim(&worker, 0, 2);
    bench.answers(&worker, &leases[0], 0);
    bench.later(1_000);
    bench.answers(&worker, &leases[1], 0);
    assert_eq!(bench.money(&worker), (8_000, 8_000, 0));
    bench.later(86_400_000 - 1_000);
    assert_eq!(bench.sweep().2, [worker.public()]);
    assert_eq!(bench.money(&worker), (8_000, 4_000, 4_000));
    assert!(bench.sweep().2.is_empty(), "once");
    bench.later(1_000);
    bench.sweep();
    assert_eq!(bench.money(&worker), (8_000, 0, 8_000));
    bench.checks_out();
}

#[test]
fn today_is_counted_from_the_persons_midnight() {
    let mut bench = Bench::new();
    bench.ask(project(1, 2, 1, 1));
    let worker = key(1);
    let leases = bench.claim(&worker, 0, 2);
    bench.answers(&worker, &leases[0], 0);
    bench.later(10_000);
    let midnight = bench.cx.now;
    let today = |bench: &Bench, from| bench.reader.account(&worker.public(), from).unwrap().earned_today;
    assert_eq!(today(&bench, midnight), amount(0));
    bench.answers(&worker, &leases[1], 0);
    assert_eq!(today(&bench, midnight), amount(4_000));
    assert_eq!(today(&bench, midnight.minus(10_000)), amount(8_000));
    assert_eq!(today(&bench, Timestamp::new(lull_protocol::limits::AMOUNT_MAX).unwrap()), amount(0));
    bench.later(86_400_000);
    bench.sweep();
    assert_eq!(today(&bench, midnight), amount(4_000), "becoming payable is not earning");
}
