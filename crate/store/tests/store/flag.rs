//! People flag items.

use lull_market::session::{News, Push};
use lull_market::{Command, ItemState, Lease, Reply};
use lull_protocol::limits::SEEN_MS_MIN;
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::{Decision, Report, VerdictReason};
use lull_protocol::{FlagReason, FlagReport, Hash, Signed, SigningKey};

use crate::bench::{BUYER, Bench, key, order_id, project, refused, said};

const PAID: (Decision, VerdictReason, u64) = (Decision::Accepted, VerdictReason::Stopped, 4_000);
const UNPAID: (Decision, VerdictReason, u64) = (Decision::Accepted, VerdictReason::StoppedUnpaid, 0);
const NOT_SHARED: (Decision, VerdictReason, u64) = (Decision::Accepted, VerdictReason::FlagNotShared, 0);
const HARMFUL: FlagReason = FlagReason::Harmful;

/// One item, and so many people with a lease of it for 10 s.
fn working(people: u8, workers: u8) -> (Bench, Vec<(SigningKey, Lease)>) {
    let mut bench = Bench::new();
    bench.ask(project(1, 1, people / 2 + 1, people));
    let leases = (1..=workers).map(|seed| (key(seed), bench.lease(&key(seed), 0, 1))).collect();
    bench.later(10_000);
    (bench, leases)
}

fn flags(
    bench: &mut Bench,
    (worker, lease): &(SigningKey, Lease),
    reason: FlagReason,
) -> Vec<(Decision, VerdictReason, u64)> {
    let result = bench.flag(lease, reason, SEEN_MS_MIN);
    bench.stores(worker, &result, &[]).iter().map(said).collect()
}

fn state(bench: &Bench) -> ItemState {
    let items = bench.reader.order(&order_id(1)).unwrap().unwrap().items;
    [(items.open, ItemState::Open), (items.done, ItemState::Done), (items.failed, ItemState::Failed)]
        .into_iter()
        .find_map(|(count, state)| (count == 1).then_some(state))
        .unwrap_or(ItemState::Ambiguous)
}

fn open(bench: &Bench, worker: &SigningKey) -> Vec<bool> {
    let open = bench.reader.open_leases(&worker.public(), bench.cx.now).unwrap();
    open.iter().map(|lease| lease.is_withdrawn).collect()
}

#[test]
fn two_people_stop_an_item_and_are_paid_for_their_look() {
    let (mut bench, people) = working(3, 2);
    assert_eq!(flags(&mut bench, &people[0], HARMFUL), []);
    assert_eq!(state(&bench), ItemState::Open);
    assert_eq!(flags(&mut bench, &people[1], FlagReason::Broken), [PAID, PAID]);
    assert_eq!(state(&bench), ItemState::Failed);
    assert_eq!(bench.claim(&key(3), 0, 4).len(), 0);
    let order = bench.reader.order(&order_id(1)).unwrap().unwrap();
    assert_eq!((order.held.get(), order.spent.get()), (0, 8_800), "what the third place held went back");
    assert_eq!(order.flags, [1, 1, 0, 0, 0, 0]);
    assert_eq!(bench.money(&key(1)), (4_000, 4_000, 0));
    bench.checks_out();
}

#[test]
fn who_looked_for_less_is_not_paid_nor_is_who_claims_more_than_the_lease_bears_out() {
    let (mut bench, people) = working(3, 2);
    let (worker, lease) = &people[0];
    let short = bench.flag(lease, HARMFUL, SEEN_MS_MIN - 1);
    bench.stores(worker, &short, &[]);
    assert_eq!(flags(&mut bench, &people[1], HARMFUL), [UNPAID, PAID]);
    bench.checks_out();

    let mut bench = Bench::new();
    bench.ask(project(1, 1, 2, 3));
    let people: Vec<_> = (1..=2).map(|seed| (key(seed), bench.lease(&key(seed), 0, 1))).collect();
    bench.later(SEEN_MS_MIN - 1);
    for (person, verdicts) in people.iter().zip([vec![], vec![UNPAID, UNPAID]]) {
        // Within the skew that clocks are allowed, but before the lease and after now.
        let mut long = bench.flag(&person.1, HARMFUL, 60_000);
        long.finished_at = bench.cx.now.plus(60_000);
        let given = bench.stores(&person.0, &long, &[]);
        assert_eq!(given.iter().map(said).collect::<Vec<_>>(), verdicts);
    }
    bench.checks_out();
}

#[test]
fn one_flag_stops_nothing_and_pays_nothing_if_others_answer() {
    let (mut bench, people) = working(2, 2);
    assert_eq!(flags(&mut bench, &people[0], HARMFUL), []);
    assert_eq!(bench.claim(&key(1), 0, 1).len(), 0, "never the same item to who flagged it");
    assert_eq!(bench.answers(&people[1].0, &people[1].1, 0).len(), 0);
    let third = bench.lease(&key(3), 0, 1);
    let said: Vec<_> = bench.answers(&key(3), &third, 0).iter().map(said).collect();
    let agreed = (Decision::Accepted, VerdictReason::Agreed, 4_000);
    assert_eq!(said, [agreed, agreed, NOT_SHARED]);
    assert_eq!(state(&bench), ItemState::Done);
    bench.checks_out();
}

#[test]
fn a_flag_that_waits_too_long_pays_nothing() {
    let (mut bench, people) = working(3, 1);
    flags(&mut bench, &people[0], HARMFUL);
    bench.later(300_000 + 3_600_000);
    let (_, verdicts, _) = bench.sweep();
    assert_eq!(verdicts.iter().map(said).collect::<Vec<_>>(), [NOT_SHARED]);
    let second = (key(2), bench.lease(&key(2), 0, 1));
    bench.later(10_000);
    assert_eq!(flags(&mut bench, &second, HARMFUL), [PAID], "the first one still counts, and has its verdict");
    assert_eq!(state(&bench), ItemState::Failed);
    bench.checks_out();
}

#[test]
fn unclear_reaches_the_requester_and_stops_nothing() {
    let (mut bench, people) = working(3, 3);
    let passed_on = (Decision::Accepted, VerdictReason::FlagPassedOn, 0);
    for (i, (worker, lease)) in people.iter().enumerate() {
        let note = (i == 1).then(|| "which of them?".to_owned());
        let mut result = bench.flag(lease, FlagReason::Unclear, 10_000);
        let Report::Flag(flag) = &mut result.report else { panic!("a flag") };
        *flag = FlagReport { note, ..flag.clone() };
        assert_eq!(bench.stores(worker, &result, &[]).iter().map(said).collect::<Vec<_>>(), [passed_on]);
    }
    assert_eq!(state(&bench), ItemState::Open);
    let rows = bench.reader.flags(&order_id(1), 0, 10).unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.number, row.item_number, row.note.as_deref(), row.seen_ms)).collect();
    assert_eq!(told, [(1, 0, None, 10_000), (2, 0, Some("which of them?"), 10_000), (3, 0, None, 10_000)]);
    assert_eq!(bench.reader.flags(&order_id(1), 2, 10).unwrap(), rows[2..]);
    assert_eq!(bench.reader.flags_for_the_operator(0, 10).unwrap(), []);
}

#[test]
fn the_operator_hears_of_what_the_requester_can_not_judge() {
    let mut bench = Bench::new();
    bench.ask(project(1, 6, 2, 3));
    for (i, reason) in FlagReason::ALL.into_iter().enumerate() {
        let lease = bench.lease(&key(1 + i as u8), 0, 1);
        let result = bench.flag(&lease, reason, 0);
        bench.stores(&key(1 + i as u8), &result, &[]);
    }
    let rows = bench.reader.flags_for_the_operator(0, 10).unwrap();
    use FlagReason::{Captcha, Harmful, Illegal, PersonalData};
    assert_eq!(rows.iter().map(|row| row.reason).collect::<Vec<_>>(), [Harmful, PersonalData, Captcha, Illegal]);
    assert!(rows.iter().all(|row| (row.order, row.requester.as_str()) == (order_id(1), "Buyer")));
    let balance = bench.reader.balance(BUYER).unwrap();
    assert_eq!(balance.available.get() + balance.held.get(), 100_000_000, "nobody looked for long enough");
}

#[test]
fn who_has_a_stopped_item_on_screen_is_told_and_paid_for_the_look() {
    let (mut bench, mut people) = working(5, 5);
    let [flagger, second, looks, glances, answers] = [(); 5].map(|()| people.remove(0));
    flags(&mut bench, &flagger, HARMFUL);
    let refusal = bench.looked(&looks.1, Report::Withdrawn, 10_000);
    let early = Signed::sign(refusal.clone(), &looks.0);
    assert_eq!(refused(bench.submit(&looks.0, early.bytes(), &[])), RefusedCode::WrongReport, "nobody took it back");
    let result = bench.flag(&second.1, HARMFUL, 10_000);
    let statement = Signed::sign(result, &second.0);
    let reply = bench.submit(&second.0, statement.bytes(), &[]).unwrap();
    let told: Vec<_> = News::of(&reply)
        .pushes
        .into_iter()
        .filter_map(|(worker, push)| match push {
            Push::Withdraw(offer, RefusedCode::Withdrawn) => Some((worker, offer)),
            _ => None,
        })
        .collect();
    let of = |(worker, lease): &(SigningKey, Lease)| (worker.public(), Hash::of(&lease.offer));
    assert_eq!(told, [of(&looks), of(&glances), of(&answers)]);
    assert_eq!(open(&bench, &looks.0), [true], "after a reconnect, too");
    assert_eq!(state(&bench), ItemState::Open, "they may still answer");
    assert_eq!(bench.claim(&key(9), 0, 1).len(), 0);

    let verdicts = bench.stores(&looks.0, &refusal, &[]);
    assert_eq!(verdicts.iter().map(said).collect::<Vec<_>>(), [PAID]);
    let (worker, offer) = of(&glances);
    let back = Command::Return { worker, offer, reason: ReturnReason::Withdrawn, shown_ms: None };
    assert_eq!(bench.does(back), Reply::Done);
    assert_eq!(bench.answers(&answers.0, &answers.1, 0).iter().map(said).collect::<Vec<_>>(), [PAID]);
    assert_eq!(state(&bench), ItemState::Failed);
    assert_eq!(bench.reader.order(&order_id(1)).unwrap().unwrap().spent.get(), 4 * 4_400);
    bench.checks_out();
}

#[test]
fn a_lease_of_a_stopped_item_that_runs_out_closes_it() {
    let (mut bench, people) = working(3, 3);
    flags(&mut bench, &people[0], HARMFUL);
    flags(&mut bench, &people[1], HARMFUL);
    assert_eq!(state(&bench), ItemState::Open);
    bench.later(300_000);
    bench.sweep();
    assert_eq!(state(&bench), ItemState::Failed);
    let late = Signed::sign(bench.looked(&people[2].1, Report::Withdrawn, 10_000), &people[2].0);
    assert_eq!(refused(bench.submit(&people[2].0, late.bytes(), &[])), RefusedCode::LeaseExpired);
    bench.checks_out();
}

#[test]
fn answers_given_before_an_item_stops_are_paid_first() {
    let (mut bench, mut people) = working(2, 2);
    let (flagger, answers) = (people.remove(0), people.remove(0));
    flags(&mut bench, &flagger, HARMFUL);
    bench.answers(&answers.0, &answers.1, 0);
    let third = (key(3), bench.lease(&key(3), 0, 1));
    bench.later(10_000);
    let verdicts = flags(&mut bench, &third, HARMFUL);
    assert_eq!(verdicts, [PAID, PAID, UNPAID], "two places were paid for: the answer's and that of the first flag");
    assert_eq!(bench.money(&key(2)), (4_000, 4_000, 0));
    assert_eq!(bench.money(&key(1)), (4_000, 4_000, 0));
    bench.checks_out();
}

#[test]
fn while_a_flag_waits_a_place_stays_free_for_it() {
    let (mut bench, people) = working(3, 1);
    flags(&mut bench, &people[0], HARMFUL);
    let second = bench.lease(&key(2), 0, 1);
    bench.lease(&key(3), 0, 1);
    assert_eq!(bench.claim(&key(4), 0, 1).len(), 0, "the third place pays the flag");
    bench.answers(&key(2), &second, 0);
    bench.later(300_001);
    bench.sweep();
    assert_eq!(bench.claim(&key(4), 0, 1).len(), 1, "nobody works on it any more");
    assert_eq!(bench.claim(&key(5), 0, 1).len(), 0);
}

#[test]
fn a_flags_look_is_bounded_by_our_own_clock() {
    let mut bench = Bench::new();
    bench.ask(project(1, 1, 2, 3));
    let people = [1, 2].map(|seed| (key(seed), bench.lease(&key(seed), 0, 1)));
    bench.later(SEEN_MS_MIN - 1);
    let ages = |bench: &Bench, lease: &Lease| {
        let flag = bench.flag(lease, HARMFUL, 0);
        let (started_at, finished_at) = (lull_protocol::Timestamp::ZERO, flag.finished_at.plus(3_600_000));
        lull_protocol::statement::WorkResult { started_at, finished_at, ..flag }
    };
    let first = ages(&bench, &people[0].1);
    assert_eq!(bench.stores(&people[0].0, &first, &[]), [], "what its clock says is held against nobody");
    bench.later(1);
    let second = ages(&bench, &people[1].1);
    let verdicts = bench.stores(&people[1].0, &second, &[]);
    assert_eq!(verdicts.iter().map(said).collect::<Vec<_>>(), [UNPAID, PAID], "a millisecond too short, and enough");
    bench.checks_out();
}

#[test]
fn a_late_answer_counts_while_the_item_has_a_place_for_it() {
    let (mut bench, people) = working(2, 2);
    bench.later(300_000);
    assert_eq!(bench.answers(&people[0].0, &people[0].1, 0).len(), 0, "not swept: its place is still its own");
    bench.sweep();
    let third = bench.lease(&key(3), 0, 1);
    let late = Signed::sign(bench.choice(&people[1].1, 0), &people[1].0);
    assert_eq!(refused(bench.submit(&people[1].0, late.bytes(), &[])), RefusedCode::LeaseExpired, "another has it");
    bench.does(Command::Return {
        worker: key(3).public(),
        offer: Hash::of(&third.offer),
        reason: ReturnReason::Skipped,
        shown_ms: None,
    });
    let Ok(Reply::Stored { verdicts, .. }) = bench.submit(&people[1].0, late.bytes(), &[]) else { panic!("stored") };
    let agreed = (Decision::Accepted, VerdictReason::Agreed, 4_000);
    assert_eq!(verdicts.iter().map(said).collect::<Vec<_>>(), [agreed, agreed]);
    bench.checks_out();
}

#[test]
fn a_late_answer_of_who_has_the_item_again_is_refused() {
    let (mut bench, people) = working(3, 1);
    let (worker, lease) = &people[0];
    bench.later(300_000);
    bench.sweep();
    let again = bench.lease(worker, 0, 1);
    let late = Signed::sign(bench.choice(lease, 0), worker);
    assert_eq!(refused(bench.submit(worker, late.bytes(), &[])), RefusedCode::LeaseExpired);
    bench.answers(worker, &again, 0);
    assert_eq!(refused(bench.submit(worker, late.bytes(), &[])), RefusedCode::LeaseExpired);
    bench.later(10_000_000);
    bench.sweep();
    assert_eq!(bench.claim(worker, 0, 1).len(), 0);
}
