//! All workers of a wallet are one person: never the same item twice, one voice, one flag.

use lull_market::connect::HOLD_MS;
use lull_market::{Command, Lease};
use lull_protocol::connect::Purpose;
use lull_protocol::limits::SEEN_MS_MIN;
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::{Decision, VerdictReason};
use lull_protocol::{FlagReason, Hash, SigningKey};

use crate::bench::{Bench, URL, fetch_order, key, offer, project, refused, said};

const AGREED: (Decision, VerdictReason, u64) = (Decision::Accepted, VerdictReason::Agreed, 4_000);
const OTHERS: (Decision, VerdictReason, u64) = (Decision::Ambiguous, VerdictReason::OthersAgreed, 4_000);
const NOBODY: (Decision, VerdictReason, u64) = (Decision::Ambiguous, VerdictReason::NobodyAgreed, 4_000);
const PAID: (Decision, VerdictReason, u64) = (Decision::Accepted, VerdictReason::Stopped, 4_000);

fn links(bench: &mut Bench, workers: &[u8], to: u8) {
    for worker in workers {
        bench.connects(*worker, Purpose::Link, to, *worker).unwrap();
    }
}

fn gets(bench: &mut Bench, worker: u8) -> usize {
    let leases = bench.claim(&key(worker), 2, 4);
    for lease in &leases {
        let (worker, offer) = (key(worker).public(), Hash::of(&lease.offer));
        bench.does(Command::Return { worker, offer, reason: ReturnReason::TooMany, shown_ms: None });
    }
    leases.len()
}

#[test]
fn one_person_never_gets_an_item_twice() {
    let mut bench = Bench::new();
    links(&mut bench, &[1, 2], 9);
    bench.ask(project(1, 1, 2, 3));
    bench.buy(fetch_order(2, &[URL]));
    let leases = bench.claim(&key(1), 1, 1);
    assert_eq!((leases.len(), gets(&mut bench, 2)), (2, 0), "while the other works on it");
    assert_eq!(gets(&mut bench, 3), 1, "another person");
    bench.answers(&key(1), &leases[1], 0);
    assert_eq!(gets(&mut bench, 2), 0, "after its answer");
    // What the one gave back for a reason that says nothing of it, the other may have.
    let (worker, offer) = (key(1).public(), Hash::of(&leases[0].offer));
    bench.does(Command::Return { worker, offer, reason: ReturnReason::SwitchedOff, shown_ms: None });
    assert_eq!(bench.claim(&key(2), 1, 1).len(), 1);
    assert_eq!(bench.claim(&key(1), 1, 1).len(), 0);
    bench.checks_out();
}

#[test]
fn the_past_of_who_joins_counts() {
    let mut bench = Bench::new();
    bench.ask(project(1, 2, 2, 3));
    let leases = bench.claim(&key(1), 0, 1);
    bench.answers(&key(1), &leases[0], 0);
    links(&mut bench, &[1], 9);
    assert_eq!(bench.claim(&key(1), 0, 4).len(), 1, "a worker by itself is as before");
    links(&mut bench, &[2], 9);
    assert_eq!(gets(&mut bench, 2), 0, "neither what was answered nor what is leased");
    bench.checks_out();
}

#[test]
fn persons_grow_together_and_leaving_parts_nobody() {
    let mut bench = Bench::new();
    bench.ask(project(1, 1, 3, 5));
    links(&mut bench, &[1, 2], 9);
    links(&mut bench, &[3, 4], 8);
    let lease = bench.lease(&key(1), 0, 1);
    bench.answers(&key(1), &lease, 0);
    assert_eq!(gets(&mut bench, 4), 1);
    bench.connects(2, Purpose::Unlink, 9, 20).unwrap();
    assert_eq!(gets(&mut bench, 2), 0, "who left was there");
    bench.connects(3, Purpose::Change, 9, 21).unwrap();
    assert_eq!([1, 2, 3, 4].map(|worker| gets(&mut bench, worker)), [0; 4], "both wallets are one person's");
    // Nobody of a wallet is there any more, and its next worker is still the person that it was.
    bench.connects(4, Purpose::Change, 7, 22).unwrap();
    bench.connects(5, Purpose::Link, 8, 23).unwrap();
    assert_eq!((gets(&mut bench, 5), gets(&mut bench, 6)), (0, 1));
    bench.checks_out();
}

#[test]
fn who_takes_a_lost_worker_s_place_has_its_past() {
    let mut bench = Bench::new();
    bench.ask(project(1, 1, 2, 3));
    links(&mut bench, &[1], 9);
    let lease = bench.lease(&key(1), 0, 1);
    bench.answers(&key(1), &lease, 0);
    bench.connects(3, Purpose::Rebind, 9, 30).unwrap();
    assert_eq!(gets(&mut bench, 3), 1, "not yet");
    bench.later(HOLD_MS);
    bench.sweep();
    assert_eq!((gets(&mut bench, 3), gets(&mut bench, 4)), (0, 1));
    bench.checks_out();
}

/// Three people work on an item; workers 1 and 2 turn out to be one once all have it.
fn three(agree: u8) -> (Bench, Vec<(SigningKey, Lease)>) {
    let mut bench = Bench::new();
    bench.ask(project(1, 1, agree, 3));
    let leases: Vec<_> = (1..=3).map(|seed| (key(seed), bench.lease(&key(seed), 0, 1))).collect();
    links(&mut bench, &[1, 2], 9);
    bench.later(10_000);
    (bench, leases)
}

fn answers(options: [u8; 3]) -> Vec<(Decision, VerdictReason, u64)> {
    let (mut bench, leases) = three(2);
    let mut verdicts = vec![];
    for ((worker, lease), option) in leases.iter().zip(options) {
        verdicts = bench.answers(worker, lease, option);
    }
    bench.checks_out();
    verdicts.iter().map(said).collect()
}

#[test]
fn what_was_leased_before_counts_and_is_one_voice() {
    assert_eq!(answers([0, 0, 1]), [NOBODY; 3], "twice the same of one person is once");
    assert_eq!(answers([0, 0, 0]), [AGREED; 3]);
    assert_eq!(answers([0, 1, 0]), [AGREED, OTHERS, AGREED], "its first answer counts");
    assert_eq!(answers([0, 1, 1]), [NOBODY; 3], "and its second one for nothing");
}

#[test]
fn two_flags_of_one_person_stop_nothing() {
    let (mut bench, leases) = three(2);
    let flags = |bench: &mut Bench, (worker, lease): &(SigningKey, Lease)| {
        let flag = bench.flag(lease, FlagReason::Harmful, SEEN_MS_MIN);
        bench.stores(worker, &flag, &[]).iter().map(said).collect::<Vec<_>>()
    };
    assert_eq!(flags(&mut bench, &leases[0]), []);
    assert_eq!(flags(&mut bench, &leases[1]), [], "no second opinion");
    assert_eq!(flags(&mut bench, &leases[2]), [PAID; 3], "this one is; all have looked");
    bench.checks_out();
    // Also where the first one has had its verdict, for it waited too long.
    let (mut bench, leases) = three(2);
    bench.later(200_000);
    for (worker, lease) in &leases[1..] {
        let (worker, offer) = (worker.public(), Hash::of(&lease.offer));
        bench.does(Command::Extend { worker, offer });
    }
    assert_eq!(flags(&mut bench, &leases[0]), []);
    bench.cx.terms.approval_ms = 1;
    bench.later(300_000 + 3_600_000);
    bench.sweep();
    let again = (key(3), bench.lease(&key(3), 0, 1));
    assert_eq!(bench.claim(&key(2), 0, 1).len(), 0);
    bench.later(10_000);
    assert_eq!(flags(&mut bench, &again), [PAID]);
    bench.checks_out();
}

#[test]
fn a_late_answer_of_who_has_the_item_again_as_another_worker_is_refused() {
    let mut bench = Bench::new();
    links(&mut bench, &[1, 2], 9);
    bench.ask(project(1, 1, 2, 3));
    let first = bench.lease(&key(1), 0, 1);
    bench.later(300_001);
    bench.sweep();
    let again = bench.lease(&key(2), 0, 1);
    assert_eq!(offer(&first).item, offer(&again).item, "who let it expire may have it again");
    let late = lull_protocol::Signed::sign(bench.choice(&first, 0), &key(1));
    assert_eq!(refused(bench.submit(&key(1), late.bytes(), &[])), RefusedCode::LeaseExpired);
    // But not for ever: the third time is the last.
    bench.later(300_001);
    bench.sweep();
    bench.lease(&key(1), 0, 1);
    bench.later(300_001);
    bench.sweep();
    assert_eq!([1, 2].map(|worker| bench.claim(&key(worker), 0, 1).len()), [0, 0]);
    bench.checks_out();
}
