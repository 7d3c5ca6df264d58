//! Every refusal of a result, and what comes twice.

use lull_market::{Command, LeaseState, Refusal, Reply};
use lull_protocol::limits::CLOCK_SKEW_MS_MAX;
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::{Decision, Input, JudgmentReport, Offer, Outcome, Report, VerdictReason, WorkResult};
use lull_protocol::{Answer, Hash, Signed};

use crate::bench::{Bench, URL, bytes, fetch_order, key, offer, project, refused, report, said};

#[test]
fn a_result_must_be_one_of_this_worker_for_a_live_lease() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL, URL]));
    let (worker, other) = (key(1), key(2));
    let leases = bench.claim(&worker, 2, 0);
    let result = bench.page(&leases[0], b"hello");
    let statement = Signed::sign(result.clone(), &worker);

    assert_eq!(refused(bench.submit(&worker, b"nonsense", &[])), RefusedCode::Signature);
    assert_eq!(refused(bench.submit(&worker, &[], &[])), RefusedCode::Signature);
    assert_eq!(refused(bench.submit(&worker, &leases[0].offer, &[])), RefusedCode::Signature, "an offer is no result");
    for at in [0, 9, 60, statement.bytes().len() - 1] {
        let mut flipped = statement.bytes().to_vec();
        flipped[at] ^= 1;
        let code = refused(bench.submit(&worker, &flipped, b"hello"));
        assert!([RefusedCode::Signature, RefusedCode::UnknownOffer].contains(&code), "byte {at}: {code:?}");
    }
    let forged = Signed::sign(result.clone(), &other);
    assert_eq!(refused(bench.submit(&worker, forged.bytes(), b"hello")), RefusedCode::Signature);
    assert_eq!(refused(bench.submit(&other, forged.bytes(), b"hello")), RefusedCode::NotYours);
    let unknown = Signed::sign(WorkResult { offer: Hash::of(b"none"), ..result.clone() }, &worker);
    assert_eq!(refused(bench.submit(&worker, unknown.bytes(), b"hello")), RefusedCode::UnknownOffer);

    let returned = Hash::of(&leases[1].offer);
    bench.does(Command::Return {
        worker: worker.public(),
        offer: returned,
        reason: ReturnReason::Skipped,
        shown_ms: None,
    });
    let late = Signed::sign(bench.page(&leases[1], b"hello"), &worker);
    assert_eq!(refused(bench.submit(&worker, late.bytes(), b"hello")), RefusedCode::LeaseEnded);

    bench.later(60_001);
    assert_eq!(refused(bench.submit(&worker, statement.bytes(), b"hello")), RefusedCode::LeaseExpired, "not swept yet");
    bench.sweep();
    assert_eq!(refused(bench.submit(&worker, statement.bytes(), b"hello")), RefusedCode::LeaseExpired, "swept");
    assert_eq!(bench.reader.statistics().unwrap().fetches, 0, "a refused result leaves no trace");
    bench.checks_out();
}

#[test]
fn the_last_millisecond_of_a_lease_counts() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    let lease = bench.lease(&key(1), 1, 0);
    bench.later(60_000);
    bench.sweep();
    let result = bench.page(&lease, b"hello");
    assert_eq!(said(&bench.stores(&key(1), &result, b"hello")[0]).0, Decision::Accepted);
}

#[test]
fn the_report_must_fit_the_offer() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    bench.ask(project(2, 1, 2, 3));
    let worker = key(1);
    let leases = bench.claim(&worker, 1, 1);
    let (fetch, judgment) = (&leases[0], &leases[1]);
    let mut try_one = |result: WorkResult, body: &[u8]| {
        let statement = Signed::sign(result, &worker);
        refused(bench.submit(&worker, statement.bytes(), body))
    };
    let now = |lease, report| WorkResult {
        offer: Hash::of(lease),
        report,
        started_at: offer(fetch).issued_at,
        finished_at: offer(fetch).issued_at,
    };
    let choice = |option| Report::Judgment(JudgmentReport { answer: Answer::Choice(option), input: Input::Pointer });
    let page = |body: &[u8]| Report::Fetch(report(Outcome::Ok, 200, body));
    assert_eq!(try_one(now(&fetch.offer, choice(0)), &[]), RefusedCode::WrongReport);
    assert_eq!(try_one(now(&judgment.offer, page(b"x")), b"x"), RefusedCode::WrongReport);
    assert_eq!(try_one(now(&judgment.offer, choice(3)), &[]), RefusedCode::WrongReport, "there are three options");
    let step = Report::Judgment(JudgmentReport { answer: Answer::Rating(1), input: Input::Pointer });
    assert_eq!(try_one(now(&judgment.offer, step), &[]), RefusedCode::WrongReport, "an answer to a scale");
    assert_eq!(try_one(now(&judgment.offer, choice(0)), b"x"), RefusedCode::WrongReport, "an answer has no body");
    assert_eq!(try_one(now(&fetch.offer, page(b"x")), b"y"), RefusedCode::BodyHash);
    assert_eq!(try_one(now(&fetch.offer, page(b"x")), &[]), RefusedCode::BodyHash);
    assert_eq!(try_one(now(&fetch.offer, page(b"")), b"x"), RefusedCode::BodyHash);
    let mut longer = report(Outcome::Ok, 200, b"x");
    longer.body_bytes = bytes(2);
    assert_eq!(try_one(now(&fetch.offer, Report::Fetch(longer)), b"x"), RefusedCode::BodyHash);
    let blocked = Report::Fetch(report(Outcome::Blocked, 403, b"x"));
    assert_eq!(try_one(now(&fetch.offer, blocked), b"x"), RefusedCode::BodyHash, "nobody asked for that body");
    let big = vec![0; (2 << 20) + 1];
    assert_eq!(try_one(now(&fetch.offer, page(&big)), &big), RefusedCode::TooLarge);
    let stats = bench.reader.statistics().unwrap();
    assert_eq!((stats.fetches, stats.judgments, stats.leases_open), (0, 0, 2));
}

#[test]
fn an_equal_second_is_acknowledged_again_and_credited_once() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    let worker = key(1);
    let lease = bench.lease(&worker, 1, 0);
    let statement = Signed::sign(bench.page(&lease, b"hello"), &worker);
    let first = bench.submit(&worker, statement.bytes(), b"hello").unwrap();
    let entries = bench.reader.check_ledger().unwrap().entries;
    assert_eq!(bench.submit(&worker, statement.bytes(), b"hello").unwrap(), first);
    assert_eq!(bench.submit(&worker, statement.bytes(), &[]).unwrap(), first, "the body need not come again");
    bench.later(1_000_000);
    bench.sweep();
    assert_eq!(bench.submit(&worker, statement.bytes(), &[]).unwrap(), first, "also when the lease is over");
    assert_eq!(bench.reader.check_ledger().unwrap().entries, entries);
    assert_eq!(bench.money(&worker).0, 1_000);

    let other = Signed::sign(bench.page(&lease, b"other"), &worker);
    assert_eq!(refused(bench.submit(&worker, other.bytes(), b"other")), RefusedCode::ResultDiffers);
    let offer = Hash::of(&lease.offer);
    assert_eq!(bench.reader.body(&offer).unwrap().as_deref(), Some(&b"hello"[..]));
    let facts = bench.reader.submit_facts(&offer).unwrap().unwrap();
    assert_eq!((facts.lease.state, facts.stored.map(|s| s.hash)), (LeaseState::Judged, Some(statement.hash())));
}

#[test]
fn an_equal_second_before_the_verdict_has_none_and_after_it_has_its_own() {
    let mut bench = Bench::new();
    bench.ask(project(1, 1, 2, 2));
    let (ann, bob) = (key(1), key(2));
    let lease = bench.lease(&ann, 0, 1);
    let statement = Signed::sign(bench.choice(&lease, 0), &ann);
    let stored = |verdicts| Reply::Stored { result: statement.hash(), verdicts, freed: false, withdrawn: vec![] };
    assert_eq!(bench.submit(&ann, statement.bytes(), &[]), Ok(stored(vec![])));
    assert_eq!(bench.submit(&ann, statement.bytes(), &[]), Ok(stored(vec![])));
    let theirs = bench.lease(&bob, 0, 1);
    let verdicts = bench.answers(&bob, &theirs, 0);
    let own: Vec<_> = verdicts.into_iter().filter(|v| v.worker == ann.public()).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(bench.submit(&ann, statement.bytes(), &[]), Ok(stored(own)));
}

#[test]
fn a_fetch_by_a_clock_that_is_an_hour_off_is_rejected() {
    for (started, finished, fits) in [
        (0_i64, 0, true),
        (-(CLOCK_SKEW_MS_MAX as i64), CLOCK_SKEW_MS_MAX as i64, true),
        (-(CLOCK_SKEW_MS_MAX as i64) - 1, 0, false),
        (0, CLOCK_SKEW_MS_MAX as i64 + 1, false),
        (3_600_000, 3_600_000, false),
        (-3_600_000, -3_600_000, false),
    ] {
        let mut bench = Bench::new();
        bench.buy(fetch_order(1, &[URL]));
        let worker = key(1);
        let lease = bench.lease(&worker, 1, 0);
        let at = |ms: i64| {
            let now = bench.cx.now;
            if ms < 0 { now.minus(ms.unsigned_abs()) } else { now.plus(ms.unsigned_abs()) }
        };
        let (started_at, finished_at) = (at(started), at(finished));
        let result = WorkResult { started_at, finished_at, ..bench.page(&lease, b"x") };
        let (decision, reason, paid) = said(&bench.stores(&worker, &result, b"x")[0]);
        let outside = decision == Decision::Rejected && reason == VerdictReason::TimesOutsideLease && paid == 0;
        assert_eq!((decision == Decision::Accepted, outside), (fits, !fits), "{started} {finished}");
        let open = bench.reader.statistics().unwrap().items_open;
        assert_eq!(open, u64::from(!fits), "a rejected result leaves the item to others");
        assert_eq!(bench.claim(&worker, 2, 0).len(), 0);
        assert_eq!(bench.claim(&key(2), 2, 0).len(), usize::from(!fits));
        bench.checks_out();
    }
}

#[test]
fn a_refused_command_changes_nothing_and_does_not_touch_its_neighbours() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL, URL]));
    let worker = key(1);
    let leases = bench.claim(&worker, 2, 0);
    let submit =
        |result, key, body: &[u8]| Command::Submit { result: Box::new(Signed::sign(result, key)), body: body.to_vec() };
    let batch = [
        submit(bench.page(&leases[0], b"one"), &worker, b"one"),
        submit(bench.page(&leases[1], b"two"), &worker, b"not two"),
        submit(bench.page(&leases[1], b"two"), &key(2), b"two"),
        submit(bench.page(&leases[1], b"three"), &worker, b"three"),
        submit(bench.page(&leases[0], b"one"), &worker, b"one"),
    ];
    let replies = bench.store.apply(&bench.cx, &batch).unwrap();
    assert!(matches!(replies[0], Ok(Reply::Stored { .. })));
    assert_eq!(replies[1], Err(Refusal::Worker(RefusedCode::BodyHash)));
    assert_eq!(replies[2], Err(Refusal::Worker(RefusedCode::NotYours)));
    assert!(matches!(replies[3], Ok(Reply::Stored { .. })));
    assert_eq!(replies[4], replies[0], "the same result twice in one batch");
    assert_eq!(bench.money(&worker).0, 2_000);
    bench.checks_out();
}

#[test]
fn offers_are_signed_with_the_terms() {
    let mut bench = Bench::new();
    bench.ask(project(1, 1, 2, 3));
    let lease = bench.lease(&key(1), 0, 1);
    let signed = Signed::<Offer>::verify(&lease.offer, &bench.cx.key.public()).unwrap();
    let offer = signed.payload();
    assert_eq!(offer.item, Hash::of(&lease.item));
    assert_eq!(offer.worker, key(1).public());
    assert_eq!(offer.asset, "demo credits");
    assert_eq!(offer.deadline.since(offer.issued_at), 300_000);
    assert_eq!(offer.approved_at.since(offer.deadline), 3_600_000);
}
