//! What goes with an offer: more time, how a project goes, what is filtered out, how many skips are free.

use std::collections::BTreeSet;

use lull_market::assignment::LEASES_PER_ITEM_MAX;
use lull_market::skips::SKIPS_FREE;
use lull_market::{Command, Lease, Project, Refusal, Reply, RequesterId, Tasks};
use lull_protocol::limits::{EXTENSIONS_MAX, PACE_OUTCOMES_MIN, SEEN_MS_MIN};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::{Decision, Extension, Report, VerdictReason};
use lull_protocol::{
    Content, DurationMs, Filter, FlagReason, Hash, Item, OrderId, Pace, Signed, SigningKey, TaskKind, TaskSet,
    Timestamp, WarningSet,
};

use crate::bench::*;

const LEASE_MS: u64 = 300_000;
const DAY_MS: u64 = 86_400_000;

fn extend(bench: &mut Bench, worker: &SigningKey, offer: Hash) -> Result<Timestamp, Refusal> {
    let reply = bench.one(Command::Extend { worker: worker.public(), offer })?;
    let Reply::Extended(statement) = reply else { panic!("{reply:?}") };
    let extension = Signed::<Extension>::verify(&statement, &bench.cx.key.public()).unwrap();
    assert_eq!(extension.payload().offer, offer);
    let lease = bench.reader.lease(&offer).unwrap().unwrap();
    assert_eq!(lease.deadline, extension.payload().deadline, "kept");
    Ok(extension.payload().deadline)
}

fn back(bench: &mut Bench, worker: &SigningKey, lease: &Lease, reason: ReturnReason, shown_ms: u64) -> Option<u32> {
    let (worker, offer, shown_ms) = (worker.public(), Hash::of(&lease.offer), DurationMs::new(shown_ms));
    match bench.does(Command::Return { worker, offer, reason, shown_ms }) {
        Reply::Freed { skips_left } => skips_left.map(|(order, left)| {
            assert_eq!(order, order_of(lease));
            left
        }),
        other => panic!("{other:?}"),
    }
}

fn order_of(lease: &Lease) -> OrderId {
    Item::from_bytes(&lease.item).unwrap().order()
}

fn orders(leases: &[Lease]) -> Vec<OrderId> {
    leases.iter().map(order_of).collect()
}

/// What a claim for four judgments gives.
fn wants(bench: &mut Bench, worker: &SigningKey, filter: Filter) -> Vec<Lease> {
    let nonces = bench.nonces(4);
    let (worker, tasks) = (worker.public(), TaskSet::ALL);
    match bench.does(Command::Claim {
        worker,
        fetch: 0,
        judgment: 4,
        tasks,
        warnings: WarningSet::NONE,
        filter,
        nonces,
    }) {
        Reply::Leases(leases) => leases,
        other => panic!("{other:?}"),
    }
}

/// An answer that was on screen for so long, as its worker says, and so long since its lease began.
fn answers_in(bench: &mut Bench, worker: &SigningKey, lease: &Lease, said_ms: u64, really_ms: u64) {
    bench.later(really_ms);
    let mut result = bench.choice(lease, 0);
    result.started_at = result.finished_at.minus(said_ms);
    bench.stores(worker, &result, &[]);
}

/// A project of so many questions, one answer each.
fn alone(number: u8, contents: usize) -> Project {
    project(number, contents, 1, 1)
}

#[test]
fn a_lease_is_extended_by_its_first_length_ten_times_while_it_is_live() {
    let mut bench = Bench::new();
    bench.ask(alone(1, 1));
    let worker = key(1);
    let lease = bench.lease(&worker, 0, 1);
    let offer = Hash::of(&lease.offer);
    let first = bench.reader.lease(&offer).unwrap().unwrap().deadline;
    assert_eq!(first, bench.cx.now.plus(LEASE_MS));
    assert_eq!(refused(extend(&mut bench, &key(2), offer)), RefusedCode::NotYours);
    assert_eq!(refused(extend(&mut bench, &worker, Hash([9; 32]))), RefusedCode::UnknownOffer);
    for number in 1..=u64::from(EXTENSIONS_MAX) {
        assert_eq!(extend(&mut bench, &worker, offer), Ok(first.plus(number * LEASE_MS)));
    }
    assert_eq!(refused(extend(&mut bench, &worker, offer)), RefusedCode::Unexpected, "EXTENSIONS_MAX");
    bench.later(LEASE_MS * (1 + u64::from(EXTENSIONS_MAX)));
    assert_eq!(bench.sweep().0, [], "a sweep follows the extension");
    bench.later(1);
    assert_eq!(refused(extend(&mut bench, &worker, offer)), RefusedCode::LeaseExpired);
    assert_eq!(bench.sweep().0, [(worker.public(), offer)]);
    assert_eq!(refused(extend(&mut bench, &worker, offer)), RefusedCode::LeaseExpired);
    assert_eq!(bench.lease(&worker, 0, 1).extension, None, "a new lease begins anew");
}

#[test]
fn an_answer_after_the_first_deadline_is_paid_and_the_extension_comes_again_with_its_lease() {
    let mut bench = Bench::new();
    bench.ask(alone(1, 2));
    let worker = key(1);
    let leases = bench.claim(&worker, 0, 2);
    let [extended, plain] = [Hash::of(&leases[0].offer), Hash::of(&leases[1].offer)];
    bench.later(LEASE_MS);
    let deadline = extend(&mut bench, &worker, extended).unwrap();
    bench.later(1);
    assert_eq!(bench.sweep().0, [(worker.public(), plain)]);
    let open = bench.reader.open_leases(&worker.public(), bench.cx.now).unwrap();
    let [Lease { extension: Some(statement), .. }] = &open[..] else { panic!("{open:?}") };
    let again = Signed::<Extension>::verify(statement, &bench.cx.key.public()).unwrap();
    assert_eq!((again.payload().deadline, again.payload().number), (deadline, 1));
    let verdicts = bench.answers(&worker, &leases[0], 0);
    assert_eq!(said(&verdicts[0]), (Decision::Accepted, VerdictReason::Agreed, 4_000));
    assert_eq!(refused(extend(&mut bench, &worker, extended)), RefusedCode::LeaseEnded);
    bench.checks_out();
}

#[test]
fn only_judgments_are_extended() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    let lease = bench.lease(&key(1), 1, 0);
    assert_eq!(refused(extend(&mut bench, &key(1), Hash::of(&lease.offer))), RefusedCode::Unexpected);
}

#[test]
fn a_pace_is_known_from_twenty_outcomes_on_and_counts_skips() {
    let mut bench = Bench::new();
    bench.ask(alone(1, 60));
    let worker = key(1);
    for _ in 0..PACE_OUTCOMES_MIN {
        let lease = bench.lease(&worker, 0, 1);
        assert_eq!(lease.pace, None, "not known yet");
        answers_in(&mut bench, &worker, &lease, 9_000, 20_000);
    }
    let lease = bench.lease(&worker, 0, 1);
    assert_eq!(lease.pace, Some(Pace { outcomes: 20, median_s: 9, hourly: amount(1_600_000) }));
    assert_eq!(bench.reader.open_leases(&worker.public(), bench.cx.now).unwrap()[0].pace, lease.pace);
    // Nine seconds more, and nothing for them; who says it were years is believed for as long as the lease has been.
    bench.later(9_000);
    back(&mut bench, &worker, &lease, ReturnReason::Skipped, u64::MAX >> 11);
    let pace = bench.lease(&key(2), 0, 1).pace.unwrap();
    assert_eq!((pace.outcomes, pace.median_s, pace.hourly.get()), (21, 9, 80_000 * 3_600 / 189));
    let lease = bench.lease(&key(3), 0, 1);
    back(&mut bench, &key(3), &lease, ReturnReason::Filtered, 9_000);
    assert_eq!(bench.lease(&key(4), 0, 1).pace, Some(pace), "what nobody wanted to see is no outcome");
}

/// A project of which twenty outcomes are known, nine seconds each.
fn with_a_pace() -> Bench {
    let mut bench = Bench::new();
    bench.ask(alone(1, 60));
    for _ in 0..PACE_OUTCOMES_MIN {
        let lease = bench.lease(&key(1), 0, 1);
        answers_in(&mut bench, &key(1), &lease, 9_000, 20_000);
    }
    bench
}

fn ran_out(bench: &mut Bench, seed: u8, lease: &Lease, shown_ms: Option<u64>) -> Result<Reply, Refusal> {
    let (worker, offer) = (key(seed).public(), Hash::of(&lease.offer));
    let shown_ms = shown_ms.and_then(DurationMs::new);
    bench.one(Command::Return { worker, offer, reason: ReturnReason::RanOut, shown_ms })
}

#[test]
fn what_ran_out_after_a_look_costs_time_and_pays_nothing_once() {
    let mut bench = with_a_pace();
    let lease = bench.lease(&key(2), 0, 1);
    bench.later(LEASE_MS);
    // Said before the sweep finds it.
    assert_eq!(ran_out(&mut bench, 2, &lease, Some(60_000)), Ok(Reply::Freed { skips_left: None }));
    let again = bench.lease(&key(2), 0, 1);
    assert_eq!(again.item, lease.item, "it may come again: a browser may be closed");
    let told = again.pace.unwrap();
    assert_eq!((told.outcomes, told.hourly.get()), (21, 80_000 * 3_600 / 240));
    for _ in 0..2 {
        assert_eq!(ran_out(&mut bench, 2, &lease, Some(60_000)), Ok(Reply::Done), "again changes nothing");
    }
    assert_eq!(bench.lease(&key(4), 0, 1).pace, Some(told));
    bench.checks_out();
}

#[test]
fn what_ran_out_counts_after_its_lease_has_expired_and_only_for_who_had_it() {
    let mut bench = with_a_pace();
    let lease = bench.lease(&key(2), 0, 1);
    bench.later(LEASE_MS + 1);
    assert_eq!(bench.sweep().0.len(), 1);
    let pace = bench.lease(&key(3), 0, 1).pace;
    assert_eq!(refused(ran_out(&mut bench, 9, &lease, Some(60_000))), RefusedCode::NotYours);
    for unseen in [None, Some(0), Some(SEEN_MS_MIN - 1)] {
        assert_eq!(refused(ran_out(&mut bench, 2, &lease, unseen)), RefusedCode::LeaseExpired, "{unseen:?}");
    }
    let back = Command::Return {
        worker: key(2).public(),
        offer: Hash::of(&lease.offer),
        reason: ReturnReason::Skipped,
        shown_ms: DurationMs::new(60_000),
    };
    assert_eq!(refused(bench.one(back)), RefusedCode::LeaseExpired, "nothing else is told of what has expired");
    assert_eq!(bench.lease(&key(4), 0, 1).pace, pace);
    // A day later, by a clock that says it were a year.
    bench.later(DAY_MS);
    assert_eq!(ran_out(&mut bench, 2, &lease, Some(365 * DAY_MS)), Ok(Reply::Done));
    let told = bench.lease(&key(5), 0, 1).pace.unwrap();
    assert_eq!((told.outcomes, told.hourly.get()), (21, 80_000 * 3_600 / 480), "no longer than the lease");
    assert_eq!(ran_out(&mut bench, 2, &lease, Some(60_000)), Ok(Reply::Done));
    assert_eq!(bench.lease(&key(6), 0, 1).pace, Some(told), "once");
    let late = Signed::sign(bench.choice(&lease, 0), &key(2));
    assert_eq!(refused(bench.submit(&key(2), late.bytes(), &[])), RefusedCode::LeaseEnded, "no answer follows it");
    bench.checks_out();
}

#[test]
fn who_had_an_item_three_times_does_not_get_it_again_by_saying_that_it_ran_out() {
    let mut bench = Bench::new();
    bench.ask(alone(1, 1));
    for round in 1..=LEASES_PER_ITEM_MAX {
        let lease = bench.lease(&key(1), 0, 1);
        bench.later(LEASE_MS + 1);
        bench.sweep();
        assert_eq!(ran_out(&mut bench, 1, &lease, Some(9_000)), Ok(Reply::Done), "{round}");
    }
    assert!(bench.claim(&key(1), 0, 1).is_empty());
    bench.checks_out();
}

#[test]
fn a_fetch_that_ran_out_is_no_outcome() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    let lease = bench.lease(&key(1), 1, 0);
    assert_eq!(ran_out(&mut bench, 1, &lease, Some(9_000)), Ok(Reply::Freed { skips_left: None }));
    let again = bench.lease(&key(1), 1, 0);
    bench.later(3_600_000);
    bench.sweep();
    assert_eq!(refused(ran_out(&mut bench, 1, &again, Some(9_000))), RefusedCode::LeaseExpired);
}

#[test]
fn an_answer_that_waits_for_others_is_no_outcome_yet() {
    let mut bench = Bench::new();
    bench.ask(project(1, 21, 2, 2));
    for _ in 0..5 {
        for lease in bench.claim(&key(1), 0, 4) {
            answers_in(&mut bench, &key(1), &lease, 3_000, 3_000);
        }
    }
    for _ in 0..5 {
        for lease in bench.claim(&key(2), 0, 4) {
            answers_in(&mut bench, &key(2), &lease, 30_000, 30_000);
        }
    }
    let told = bench.lease(&key(3), 0, 1).pace.unwrap();
    assert_eq!((told.outcomes, told.median_s), (40, 3), "both answers of each item, once it is decided");
}

#[test]
fn what_is_filtered_out_is_not_offered() {
    let mut bench = Bench::new();
    let other = RequesterId([9; 16]);
    bench.does(Command::AddRequester { requester: other, name: "Other".into(), key_hash: Hash::of(b"other") });
    bench.does(Command::Deposit { requester: other, amount: amount(1_000_000), reference: "o".into() });
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT".to_vec();
    let Reply::Blob(hash) =
        bench.does(Command::PutBlob { requester: BUYER, media_type: "image/png".into(), bytes: picture.clone() })
    else {
        panic!("a blob")
    };
    let shown = Content::Picture(lull_protocol::item::Picture {
        hash,
        media_type: "image/png".into(),
        bytes: bytes(picture.len() as u64),
        alt: "a sign".into(),
    });
    let options = vec!["yes".into(), "no".into()];
    bench.ask(Project { tasks: Tasks::Choice { options, contents: vec![shown] }, ..alone(1, 0) });
    bench.ask(Project { requester: other, ..alone(2, 1) });
    bench.ask(Project { tasks: tasks(TaskKind::Verify, 1), ..alone(3, 0) });
    // So slow that an hour pays 1,440.
    bench.ask(Project { price: amount(8), ..alone(4, 30) });
    for seed in 10..30 {
        let only = Filter { text_only: true, never: vec!["Other".into()], ..Filter::default() };
        let leases = wants(&mut bench, &key(seed), only);
        let lease = leases.iter().find(|lease| order_of(lease) == order_id(4)).unwrap().clone();
        answers_in(&mut bench, &key(seed), &lease, 20_000, 20_000);
        bench.later(LEASE_MS + 1);
        bench.sweep();
    }
    let mut given = |seed: u8, filter: Filter| {
        let given: BTreeSet<OrderId> = orders(&wants(&mut bench, &key(seed), filter)).into_iter().collect();
        bench.later(LEASE_MS + 1);
        bench.sweep();
        given
    };
    let set = |numbers: &[u8]| numbers.iter().map(|number| order_id(*number)).collect::<BTreeSet<_>>();
    assert_eq!(given(1, Filter::default()), set(&[1, 2, 3, 4]));
    assert_eq!(given(2, Filter { text_only: true, ..Filter::default() }), set(&[2, 3, 4]));
    assert_eq!(given(3, Filter { never: vec!["Other".into(), "Nobody".into()], ..Filter::default() }), set(&[1, 3, 4]));
    assert_eq!(given(4, Filter { hourly_min: amount(1_440), ..Filter::default() }), set(&[1, 2, 3, 4]));
    assert_eq!(given(5, Filter { hourly_min: amount(1_441), ..Filter::default() }), set(&[1, 2, 3]), "unknown passes");
}

#[test]
fn what_comes_back_as_filtered_may_be_offered_again() {
    let mut bench = Bench::new();
    bench.ask(alone(1, 1));
    let lease = bench.lease(&key(1), 0, 1);
    back(&mut bench, &key(1), &lease, ReturnReason::Filtered, 0);
    assert_eq!(bench.lease(&key(1), 0, 1).item, lease.item);
}

#[test]
fn beyond_the_free_skips_the_project_rests_for_that_worker_until_the_day_is_over() {
    let mut bench = Bench::new();
    bench.cx.now = Timestamp::new(bench.cx.now.get() / DAY_MS * DAY_MS).unwrap();
    bench.ask(alone(1, 60));
    bench.ask(alone(2, 1));
    let worker = key(1);
    let lease = bench.lease(&worker, 0, 1);
    bench.answers(&worker, &lease, 0);
    let lease = bench.lease(&worker, 0, 1);
    bench.answers(&worker, &lease, 0);
    // Two answers make one more skip free.
    let free = SKIPS_FREE + 1;
    for number in 1..=free {
        let lease = bench.lease(&worker, 0, 1);
        assert_eq!((order_of(&lease), lease.skips_left), (order_id(1), Some(free - number + 1)));
        assert_eq!(bench.reader.open_leases(&worker.public(), bench.cx.now).unwrap()[0].skips_left, lease.skips_left);
        let told = back(&mut bench, &worker, &lease, ReturnReason::Skipped, 0);
        assert_eq!(told, Some(free - number));
    }
    let lease = bench.lease(&worker, 0, 1);
    assert_eq!(lease.skips_left, Some(0));
    assert_eq!(back(&mut bench, &worker, &lease, ReturnReason::Skipped, 0), Some(0));
    let rest = bench.claim(&worker, 0, 4);
    assert_eq!(orders(&rest), [order_id(2)], "another project is offered");
    assert_eq!(order_of(&bench.lease(&key(2), 0, 1)), order_id(1), "and this one to others");
    assert_eq!(bench.money(&worker).0, 8_000, "nothing was taken");
    bench.later(DAY_MS);
    bench.sweep();
    assert_eq!(order_of(&bench.claim(&worker, 0, 1)[0]), order_id(1));
    bench.checks_out();
}

/// Seven ask for an item, and two flags stop it ten seconds later; the leases of those who still have it.
fn stopped(bench: &mut Bench) -> Vec<(SigningKey, Lease)> {
    bench.ask(project(1, 1, 4, 7));
    let mut people: Vec<_> = (1..=4).map(|seed| (key(seed), bench.lease(&key(seed), 0, 1))).collect();
    bench.later(10_000);
    for (worker, lease) in people.drain(..2) {
        let flag = bench.flag(&lease, FlagReason::Harmful, 10_000);
        bench.stores(&worker, &flag, &[]);
    }
    people
}

#[test]
fn what_was_stopped_is_not_extended_and_its_skip_costs_none() {
    let mut bench = Bench::new();
    let people = stopped(&mut bench);
    let (worker, lease) = &people[0];
    let offer = Hash::of(&lease.offer);
    assert_eq!(refused(extend(&mut bench, worker, offer)), RefusedCode::Withdrawn);
    let skip = Command::Return { worker: worker.public(), offer, reason: ReturnReason::Skipped, shown_ms: None };
    assert_eq!(bench.does(skip), Reply::Done, "its place is free for nobody");
    bench.ask(alone(2, 1));
    let facts = rusqlite::Connection::open(bench.path()).unwrap();
    let skips: u32 = facts.query_row("SELECT count(*) FROM skips", [], |row| row.get(0)).unwrap();
    assert_eq!(skips, 0);
    bench.checks_out();
}

#[test]
fn a_flag_and_a_look_are_outcomes_with_what_they_paid() {
    let mut bench = Bench::new();
    bench.ask(project(1, 8, 2, 3));
    for _ in 0..7 {
        let people: Vec<_> = (1..=3).map(|seed| (key(seed), bench.lease(&key(seed), 0, 1))).collect();
        bench.later(12_000);
        for (worker, lease) in &people[..2] {
            let flag = bench.flag(lease, FlagReason::Harmful, 9_000);
            bench.stores(worker, &flag, &[]);
        }
        assert_eq!(bench.lease(&key(9), 0, 1).pace.map_or(0, |pace| pace.outcomes) % 20, 0, "known from 20 on");
        bench.later(0);
        let look = bench.looked(&people[2].1, Report::Withdrawn, 12_000);
        bench.stores(&people[2].0, &look, &[]);
        bench.later(LEASE_MS + 1);
        bench.sweep();
    }
    let pace = bench.lease(&key(10), 0, 1).pace.unwrap();
    assert_eq!((pace.outcomes, pace.median_s), (21, 9), "two flags and a look of each of seven items");
    assert_eq!(pace.hourly.get(), 21 * 4_000 * 3_600 / (7 * (9 + 9 + 12)));
    bench.checks_out();
}

#[test]
fn a_late_answer_is_one_after_the_extended_deadline() {
    let mut bench = Bench::new();
    bench.ask(alone(1, 1));
    let worker = key(1);
    let lease = bench.lease(&worker, 0, 1);
    let offer = Hash::of(&lease.offer);
    let deadline = extend(&mut bench, &worker, offer).unwrap();
    bench.cx.now = deadline;
    assert_eq!(bench.sweep().0, []);
    bench.later(1);
    assert_eq!(bench.sweep().0, [(worker.public(), offer)]);
    let verdicts = bench.answers(&worker, &lease, 0);
    assert_eq!(said(&verdicts[0]), (Decision::Accepted, VerdictReason::Agreed, 4_000));
    assert_eq!(refused(extend(&mut bench, &worker, offer)), RefusedCode::LeaseEnded);
    bench.checks_out();
}
