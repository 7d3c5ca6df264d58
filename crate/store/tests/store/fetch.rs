//! What becomes of a fetch.

use lull_market::Reply;
use lull_protocol::statement::{Decision, FetchReport, Outcome, Report, VerdictReason};
use lull_protocol::{Method, Signed};

use crate::bench::{ADDRESS, BUYER, Bench, URL, amount, bytes, fetch_order, hop, key, order_id, report, said};

/// The verdict on a report for the usual order, and the money that is left in the order's hold.
fn judge(report: FetchReport, body: &[u8]) -> (Decision, VerdictReason, u64) {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    let lease = bench.lease(&key(1), 1, 0);
    let result = bench.result(&lease, Report::Fetch(report));
    let verdicts = bench.stores(&key(1), &result, body);
    assert_eq!(verdicts.len(), 1);
    assert_eq!((verdicts[0].number, verdicts[0].worker), (1, key(1).public()));
    bench.checks_out();
    let said = said(&verdicts[0]);
    let kept = bench.reader.body(&result.offer).unwrap();
    assert_eq!(kept.as_deref(), Some(body).filter(|body| said.0 == Decision::Accepted && !body.is_empty()));
    said
}

fn with_hops(outcome: Outcome, status: u16, hops: &[(&str, u16)]) -> FetchReport {
    FetchReport { hops: hops.iter().map(|(url, status)| hop(url, *status)).collect(), ..report(outcome, status, b"x") }
}

#[test]
fn a_page_is_paid_by_item_and_mib_and_the_rest_goes_back() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    // 1,000 + 2 MiB × 4,000, and a fee of a tenth.
    let before = bench.reader.order(&order_id(1)).unwrap().unwrap();
    assert_eq!((before.held.get(), before.full_price.get(), before.spent.get()), (9_900, 9_900, 0));
    let lease = bench.lease(&key(1), 1, 0);
    let body = vec![7; 1 << 20];
    let result = bench.page(&lease, &body);
    let verdicts = bench.stores(&key(1), &result, &body);
    assert_eq!(said(&verdicts[0]), (Decision::Accepted, VerdictReason::ChecksPassed, 5_000));
    assert_eq!(bench.money(&key(1)), (5_000, 5_000, 0));
    let after = bench.reader.order(&order_id(1)).unwrap().unwrap();
    assert_eq!((after.held.get(), after.spent.get(), after.items.done, after.results), (0, 5_500, 1, 1));
    let balance = bench.reader.balance(BUYER).unwrap();
    assert_eq!((balance.available.get(), balance.held.get()), (100_000_000 - 5_500, 0));
    assert_eq!(bench.reader.statistics().unwrap().fees, amount(500));
    bench.checks_out();
}

#[test]
fn not_found_is_paid() {
    for status in [404, 410] {
        let verdict = judge(report(Outcome::NotFound, status, b"gone"), b"gone");
        assert_eq!(verdict, (Decision::Accepted, VerdictReason::ChecksPassed, 1_000));
    }
}

#[test]
fn an_empty_page_is_a_page() {
    assert_eq!(judge(report(Outcome::Ok, 204, b""), b"").2, 1_000);
}

#[test]
fn redirects_lead_from_the_items_url_to_the_page() {
    let hops = [(URL, 301), ("https://www.rust-lang.org/other", 302), ("https://doc.rust-lang.org/", 200)];
    assert_eq!(judge(with_hops(Outcome::Ok, 200, &hops), b"x").0, Decision::Accepted);
}

#[test]
fn hops_that_dont_fit_are_rejected() {
    let elsewhere = "https://doc.rust-lang.org/";
    type Case<'a> = (Outcome, u16, &'a [(&'a str, u16)]);
    let cases: [Case<'_>; 9] = [
        (Outcome::Ok, 200, &[]),
        (Outcome::Ok, 200, &[(elsewhere, 200)]),
        (Outcome::Ok, 200, &[(URL, 200), (elsewhere, 200)]),
        (Outcome::Ok, 200, &[(URL, 304), (elsewhere, 200)]),
        (Outcome::Ok, 200, &[(URL, 404)]),
        (Outcome::Ok, 404, &[(URL, 404)]),
        (Outcome::Ok, 301, &[(URL, 301)]),
        (Outcome::NotFound, 200, &[(URL, 200)]),
        (Outcome::NotFound, 404, &[(URL, 302), (elsewhere, 200)]),
    ];
    for (outcome, status, hops) in cases {
        let verdict = judge(with_hops(outcome, status, hops), b"x");
        assert_eq!(verdict, (Decision::Rejected, VerdictReason::HopsDontFit, 0), "{outcome:?} {hops:?}");
    }
}

#[test]
fn hops_that_policy_forbids_are_rejected() {
    for url in
        ["http://doc.rust-lang.org/", "https://127.0.0.1/", "https://localhost/", "https://doc.rust-lang.org:8443/"]
    {
        let verdict = judge(with_hops(Outcome::Ok, 200, &[(URL, 302), (url, 200)]), b"x");
        assert_eq!(verdict, (Decision::Rejected, VerdictReason::HopRefused, 0), "{url}");
    }
    for address in ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "", "elsewhere"] {
        let mut report = report(Outcome::Ok, 200, b"x");
        report.hops[0].address = address.into();
        assert_eq!(judge(report, b"x"), (Decision::Rejected, VerdictReason::HopRefused, 0), "{address}");
    }
}

#[test]
fn a_body_that_is_too_large_by_its_own_words_is_rejected() {
    let mut large = report(Outcome::Ok, 200, b"x");
    large.body_bytes = bytes((2 << 20) + 1);
    assert_eq!(judge(large, &[]), (Decision::Rejected, VerdictReason::BodyTooLarge, 0));
}

#[test]
fn head_has_no_body() {
    let mut bench = Bench::new();
    let mut order = fetch_order(1, &[URL, URL]);
    order.method = Method::Head;
    order.bytes_max = bytes(1_000);
    bench.buy(order);
    assert_eq!(bench.reader.order(&order_id(1)).unwrap().unwrap().held.get(), 2 * 1_100, "priced without a body");
    let leases = bench.claim(&key(1), 2, 0);
    let result = bench.page(&leases[0], b"");
    assert_eq!(said(&bench.stores(&key(1), &result, b"")[0]).2, 1_000);
    let result = bench.page(&leases[1], b"body");
    let verdict = said(&bench.stores(&key(1), &result, b"body")[0]);
    assert_eq!(verdict, (Decision::Rejected, VerdictReason::BodyTooLarge, 0));
    bench.checks_out();
}

#[test]
fn an_outcome_that_buyers_dont_pay_for_goes_to_others_three_times() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    let outcomes = [(Outcome::Blocked, 403), (Outcome::Timeout, 0), (Outcome::Network, 0)];
    for (seed, (outcome, status)) in (1..).zip(outcomes) {
        assert_eq!(bench.reader.order(&order_id(1)).unwrap().unwrap().items.open, 1);
        let lease = bench.lease(&key(seed), 1, 0);
        let mut unpaid = report(outcome, status, b"");
        unpaid.reason = Some("timeout".into());
        if status == 0 {
            unpaid.hops.clear();
        }
        let result = bench.result(&lease, Report::Fetch(unpaid));
        let verdict = said(&bench.stores(&key(seed), &result, b"")[0]);
        assert_eq!(verdict, (Decision::Accepted, VerdictReason::UnpaidOutcome, 0));
        assert_eq!(bench.claim(&key(seed), 1, 0).len(), 0, "never the same item twice");
    }
    let order = bench.reader.order(&order_id(1)).unwrap().unwrap();
    assert_eq!((order.items.failed, order.items.open, order.held.get(), order.spent.get()), (1, 0, 0, 0));
    assert_eq!(bench.claim(&key(9), 1, 0).len(), 0);
    assert_eq!(bench.reader.balance(BUYER).unwrap().available.get(), 100_000_000);
    bench.checks_out();
}

#[test]
fn a_place_is_freed_once_and_only_where_others_may_have_it() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL, URL]));
    let leases = bench.claim(&key(1), 2, 0);
    let mut unpaid = report(Outcome::Blocked, 403, b"");
    unpaid.reason = Some("status".into());
    let unpaid = Signed::sign(bench.result(&leases[0], Report::Fetch(unpaid)), &key(1));
    let paid = Signed::sign(bench.page(&leases[1], b""), &key(1));
    for (result, freed_first) in [(unpaid, true), (paid, false)] {
        for freed_now in [freed_first, false] {
            let reply = bench.submit(&key(1), result.bytes(), &[]);
            assert!(matches!(reply, Ok(Reply::Stored { freed, .. }) if freed == freed_now), "{reply:?}");
        }
    }
}

#[test]
fn an_unpaid_outcome_must_begin_at_the_item() {
    let report = with_hops(Outcome::Blocked, 403, &[("https://doc.rust-lang.org/", 403)]);
    assert_eq!(judge(FetchReport { body_bytes: bytes(0), ..report }, b"").1, VerdictReason::HopsDontFit);
}

#[test]
fn who_stopped_at_a_body_that_is_too_large_did_right() {
    let mut stopped = report(Outcome::Policy, 200, b"");
    (stopped.body_bytes, stopped.reason) = (bytes((2 << 20) + 1), Some("too_large".into()));
    assert_eq!(judge(stopped, b""), (Decision::Accepted, VerdictReason::UnpaidOutcome, 0));
}

#[test]
fn a_rejected_fetch_is_no_try() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    for seed in 1..=5 {
        let lease = bench.lease(&key(seed), 1, 0);
        let mut bad = report(Outcome::Ok, 200, b"x");
        bad.hops[0].address = "10.0.0.1".into();
        let result = bench.result(&lease, Report::Fetch(bad));
        assert_eq!(said(&bench.stores(&key(seed), &result, b"x")[0]).0, Decision::Rejected);
    }
    let lease = bench.lease(&key(6), 1, 0);
    let result = bench.page(&lease, b"x");
    assert_eq!(result.report, Report::Fetch(report(Outcome::Ok, 200, b"x")), "{ADDRESS} passes");
    assert_eq!(said(&bench.stores(&key(6), &result, b"x")[0]).2, 1_000);
    bench.checks_out();
}
