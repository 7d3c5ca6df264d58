//! The coordinator's own clock is set back, or ahead: nobody loses what they earned by it.

use lull_protocol::Hash;
use lull_protocol::statement::{Decision, VerdictReason};

use crate::bench::{Bench, URL, fetch_order, key, offer, project, refused, said};

const HOUR_MS: u64 = 3_600_000;

#[test]
fn a_clock_that_is_set_back_costs_nobody_anything() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    bench.ask(project(2, 1, 2, 2));
    let (ann, bob) = (key(1), key(2));
    let (page, question) = (bench.lease(&ann, 1, 0), bench.lease(&ann, 0, 1));
    bench.cx.now = bench.cx.now.minus(HOUR_MS);
    // A worker's times never lie before its offer.
    let issued_at = offer(&page).issued_at;
    let mut result = bench.page(&page, b"x");
    (result.started_at, result.finished_at) = (issued_at, issued_at);
    let verdicts = bench.stores(&ann, &result, b"x");
    let (decision, reason, pays) = said(&verdicts[0]);
    assert_eq!((decision, reason), (Decision::Accepted, VerdictReason::ChecksPassed));
    let mut answer = bench.choice(&question, 1);
    (answer.started_at, answer.finished_at) = (issued_at, issued_at);
    assert!(bench.stores(&ann, &answer, &[]).is_empty(), "the other one has not answered yet");
    let other = bench.lease(&bob, 0, 1);
    assert_eq!(said(&bench.answers(&bob, &other, 1)[0]).1, VerdictReason::Agreed);
    assert!(bench.sweep().0.is_empty(), "no lease ends early");
    assert_eq!(bench.money(&ann), (pays + 4_000, pays + 4_000, 0));
    // What is pending becomes payable once the clock has gone on for long enough.
    bench.later(HOUR_MS + bench.cx.terms.dispute_ms);
    bench.sweep();
    assert_eq!(bench.money(&ann), (pays + 4_000, 0, pays + 4_000));
    bench.checks_out();
}

#[test]
fn a_clock_that_is_set_ahead_ends_leases_and_takes_back_nothing() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL, URL]));
    let ann = key(1);
    let leases = bench.claim(&ann, 2, 0);
    let first = bench.page(&leases[0], b"x");
    let pays = said(&bench.stores(&ann, &first, b"x")[0]).2;
    let late = bench.page(&leases[1], b"x");
    bench.later(48 * HOUR_MS);
    let (expired, _, settled) = bench.sweep();
    assert_eq!(expired, [(ann.public(), Hash::of(&leases[1].offer))]);
    assert_eq!(settled, [ann.public()]);
    let statement = lull_protocol::Signed::sign(late, &ann);
    refused(bench.submit(&ann, statement.bytes(), b"x"));
    // Set right again: the item that was taken away is leased anew, to whom it was taken from too.
    bench.cx.now = bench.cx.now.minus(48 * HOUR_MS);
    let again = bench.lease(&ann, 1, 0);
    let page = bench.page(&again, b"x");
    assert_eq!(said(&bench.stores(&ann, &page, b"x")[0]).0, Decision::Accepted);
    assert_eq!(bench.money(&ann).0, 2 * pays);
    bench.checks_out();
}
