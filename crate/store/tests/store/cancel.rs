//! A requester cancels an order.

use lull_market::session::{News, Push};
use lull_market::{Command, NumberedVerdict, Project, Refusal, Rejected, Reply, RequesterId, ReviewProblem};
use lull_protocol::limits::SEEN_MS_MIN;
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::{AcceptanceRule, Decision, Outcome, Report, VerdictReason};
use lull_protocol::{FlagReason, Hash, PublicKey, Signed};

use crate::bench::*;

const PAID: (Decision, VerdictReason, u64) = (Decision::Accepted, VerdictReason::Stopped, 4_000);
const UNPAID: (Decision, VerdictReason, u64) = (Decision::Accepted, VerdictReason::StoppedUnpaid, 0);

type Ended = (Vec<NumberedVerdict>, Vec<(PublicKey, Hash)>);

fn cancels(bench: &mut Bench, number: u8) -> Result<Ended, Refusal> {
    match bench.one(Command::Cancel { requester: BUYER, order: order_id(number) })? {
        Reply::Cancelled { verdicts, withdrawn } => Ok((verdicts, withdrawn)),
        other => panic!("{other:?}"),
    }
}

fn available(bench: &Bench) -> u64 {
    bench.reader.balance(BUYER).unwrap().available.get()
}

/// Held and spent.
fn money(bench: &Bench, number: u8) -> (u64, u64) {
    let order = bench.reader.order(&order_id(number)).unwrap().unwrap();
    (order.held.get(), order.spent.get())
}

#[test]
fn what_nobody_has_begun_goes_back_at_once_and_nothing_more_is_leased() {
    let mut bench = Bench::new();
    let before = available(&bench);
    bench.ask(project(1, 30, 2, 3));
    assert!(available(&bench) < before);
    assert_eq!(cancels(&mut bench, 1), Ok((vec![], vec![])));
    assert_eq!((available(&bench), money(&bench, 1)), (before, (0, 0)));
    let order = bench.reader.order(&order_id(1)).unwrap().unwrap();
    assert_eq!((order.cancelled_at, order.items.failed), (Some(bench.cx.now), 30));
    assert!(bench.claim(&key(1), 0, 4).is_empty());
    bench.later(1_000);
    assert_eq!(cancels(&mut bench, 1), Ok((vec![], vec![])), "again changes nothing");
    assert_eq!(bench.reader.order(&order_id(1)).unwrap().unwrap().cancelled_at, order.cancelled_at);
    bench.checks_out();
}

#[test]
fn answers_are_paid_and_who_works_on_it_is_told_and_paid_for_an_answer_or_a_look() {
    let mut bench = Bench::new();
    let before = available(&bench);
    bench.ask(project(1, 3, 2, 3));
    let done = bench.lease(&key(1), 0, 1);
    bench.answers(&key(1), &done, 0);
    let people: Vec<_> = [2, 3, 4].into_iter().map(|seed| (key(seed), bench.lease(&key(seed), 0, 1))).collect();
    bench.later(10_000);
    let reply = bench.does(Command::Cancel { requester: BUYER, order: order_id(1) });
    let Reply::Cancelled { verdicts, withdrawn } = &reply else { panic!("{reply:?}") };
    assert_eq!(verdicts.iter().map(said).collect::<Vec<_>>(), [PAID], "the answer that waited for others");
    assert_eq!(bench.money(&key(1)), (4_000, 4_000, 0));
    assert_eq!(withdrawn.len(), 3);
    let pushes = News::of(&reply).pushes;
    let told = pushes.iter().filter(|(_, push)| matches!(push, Push::Withdraw(_, RefusedCode::Withdrawn)));
    assert_eq!((told.count(), pushes.len()), (3, 4));
    let open = bench.reader.open_leases(&key(2).public(), bench.cx.now).unwrap();
    assert!(open.iter().all(|lease| lease.is_withdrawn) && open.len() == 1, "after a reconnect, too");
    assert!(bench.claim(&key(5), 0, 4).is_empty());
    let extend = Command::Extend { worker: key(2).public(), offer: Hash::of(&people[0].1.offer) };
    assert_eq!(refused(bench.one(extend)), RefusedCode::Withdrawn);
    bench.checks_out();

    let [answers, looks, glances] = &people[..] else { panic!() };
    assert_eq!(bench.answers(&answers.0, &answers.1, 0).iter().map(said).collect::<Vec<_>>(), [PAID]);
    let look = bench.looked(&looks.1, Report::Withdrawn, SEEN_MS_MIN);
    assert_eq!(bench.stores(&looks.0, &look, &[]).iter().map(said).collect::<Vec<_>>(), [PAID]);
    let glance = bench.looked(&glances.1, Report::Withdrawn, SEEN_MS_MIN - 1);
    assert_eq!(bench.stores(&glances.0, &glance, &[]).iter().map(said).collect::<Vec<_>>(), [UNPAID]);
    assert_eq!((available(&bench), money(&bench, 1)), (before - 3 * 4_400, (0, 3 * 4_400)));
    assert_eq!(bench.reader.order(&order_id(1)).unwrap().unwrap().items.failed, 3);
    bench.checks_out();
}

#[test]
fn the_rest_comes_back_when_the_last_lease_runs_out_or_goes_back() {
    let mut bench = Bench::new();
    let before = available(&bench);
    bench.ask(project(1, 2, 1, 1));
    let back = bench.lease(&key(1), 0, 1);
    let late = bench.lease(&key(2), 0, 1);
    cancels(&mut bench, 1).unwrap();
    assert_eq!(money(&bench, 1).0, 2 * 4_400, "kept for who works on it");
    let (worker, offer) = (key(1).public(), Hash::of(&back.offer));
    let reason = ReturnReason::Withdrawn;
    assert_eq!(bench.does(Command::Return { worker, offer, reason, shown_ms: None }), Reply::Done, "free for nobody");
    assert_eq!(money(&bench, 1).0, 4_400);
    bench.later(300_001);
    bench.sweep();
    assert_eq!((available(&bench), money(&bench, 1)), (before, (0, 0)));
    let answer = Signed::sign(bench.choice(&late, 0), &key(2));
    assert_eq!(refused(bench.submit(&key(2), answer.bytes(), &[])), RefusedCode::LeaseExpired);
    bench.checks_out();
}

#[test]
fn rejected_answers_and_waiting_flags_are_paid_as_when_people_stop_an_item() {
    let mut bench = Bench::new();
    let rule = AcceptanceRule::Review { agree: 2, people: 3 };
    bench.ask(Project { rule, ..project(1, 1, 2, 3) });
    let [rejected, flagged] = [1, 2].map(|seed| bench.lease(&key(seed), 0, 1));
    bench.later(10_000);
    bench.answers(&key(1), &rejected, 0);
    let reject = vec![Rejected { offer: Hash::of(&rejected.offer), evidence: "No.".into() }];
    bench.does(Command::Review { requester: BUYER, order: order_id(1), accept: vec![], reject });
    let flag = bench.flag(&flagged, FlagReason::Harmful, SEEN_MS_MIN);
    assert!(bench.stores(&key(2), &flag, &[]).is_empty(), "it waits for others");
    let (verdicts, withdrawn) = cancels(&mut bench, 1).unwrap();
    assert_eq!((verdicts.iter().map(said).collect::<Vec<_>>(), withdrawn), (vec![PAID, PAID], vec![]));
    assert_eq!(money(&bench, 1), (0, 2 * 4_400));
    bench.checks_out();
}

#[test]
fn a_fetch_under_way_is_paid_and_one_that_finds_nothing_is_not_asked_again() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL; 3]));
    let leases = bench.claim(&key(1), 2, 0);
    assert_eq!(leases.len(), 2);
    assert_eq!(cancels(&mut bench, 1).unwrap().1.len(), 2);
    let page = bench.page(&leases[0], b"hello");
    let paid = bench.stores(&key(1), &page, b"hello");
    assert_eq!(paid.len(), 1);
    let blocked = bench.result(&leases[1], Report::Fetch(report(Outcome::Blocked, 403, b"")));
    let verdicts = bench.stores(&key(1), &blocked, &[]);
    assert_eq!(verdicts.iter().map(said).collect::<Vec<_>>().first().map(|v| v.2), Some(0));
    let order = bench.reader.order(&order_id(1)).unwrap().unwrap();
    assert_eq!((order.items.done, order.items.failed, order.held.get()), (1, 2, 0));
    assert!(bench.claim(&key(2), 2, 0).is_empty());
    bench.checks_out();
}

#[test]
fn what_cant_be_cancelled_is_said_and_stays_as_it_is() {
    let mut bench = Bench::new();
    bench.ask(project(1, 1, 1, 1));
    let problem = |refusal: Result<Reply, Refusal>| match refusal {
        Err(Refusal::Review { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    let other = RequesterId([9; 16]);
    let foreign = bench.one(Command::Cancel { requester: other, order: order_id(1) });
    let unknown = bench.one(Command::Cancel { requester: BUYER, order: order_id(2) });
    assert_eq!([problem(foreign), problem(unknown)], [ReviewProblem::UnknownOrder; 2]);
    let lease = bench.lease(&key(1), 0, 1);
    bench.answers(&key(1), &lease, 0);
    let finished = bench.one(Command::Cancel { requester: BUYER, order: order_id(1) });
    assert_eq!(problem(finished), ReviewProblem::Finished);
    assert_eq!(bench.reader.order(&order_id(1)).unwrap().unwrap().cancelled_at, None);
    bench.checks_out();
}
