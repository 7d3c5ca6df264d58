//! What readers see: results, receipts, the ledger, verdicts, and who opens which file.

use lull_market::facts::SubmitFacts;
use lull_market::ledger::Account;
use lull_market::verdict::takes_body;
use lull_market::{ItemState, LeaseState};
use lull_protocol::statement::{JobClass, Report, WorkResult};
use lull_protocol::task::AgreementKey;
use lull_protocol::{Hash, Item, Timestamp};
use lull_store::{Reader, Store, StoreError, VERSION};

use crate::bench::{Bench, URL, amount, bytes, fetch_order, key, order_id, project, said};

/// One fetch and one judgment of two people, all done.
fn worked() -> Bench {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    bench.ask(project(2, 1, 2, 2));
    let leases = bench.claim(&key(1), 1, 1);
    let result = bench.page(&leases[0], b"hello");
    bench.stores(&key(1), &result, b"hello");
    bench.answers(&key(1), &leases[1], 2);
    let lease = bench.lease(&key(2), 1, 1);
    bench.answers(&key(2), &lease, 2);
    bench
}

#[test]
fn results_carry_receipts_that_verify() {
    let bench = worked();
    let coordinator = bench.cx.key.public();
    let rows = bench.reader.results(&order_id(1), 0, 10).unwrap();
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert!(row.has_body);
    assert_eq!(bench.reader.body(&row.offer).unwrap().unwrap(), b"hello");
    assert!(matches!(&row.item, Item::Fetch(item) if item.url == URL));
    assert!(matches!(&row.result.report, Report::Fetch(report) if report.body_hash == Hash::of(b"hello")));
    assert_eq!((row.item_state, row.decided, row.worker), (ItemState::Done, None, key(1).public()));

    let rows = bench.reader.results(&order_id(2), 0, 10).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(bench.reader.results(&order_id(2), rows[0].number, 10).unwrap(), rows[1..]);
    assert_eq!(bench.reader.results(&order_id(2), 0, 1).unwrap(), rows[..1]);
    for row in &rows {
        assert_eq!((row.decided, row.amount, row.has_body), (Some(AgreementKey(2)), amount(4_000), false));
        assert_eq!(bench.reader.body(&row.offer).unwrap(), None);
        let verified = row.receipt.verify(&coordinator).unwrap();
        assert_eq!(verified.offer.payload().worker, row.worker);
        assert_eq!(Hash::of(&row.receipt.offer), row.offer);
    }
    let receipts = bench.reader.receipts(0, 10).unwrap();
    assert_eq!(receipts.len(), 3);
    for row in &receipts {
        row.receipt.verify(&coordinator).unwrap();
    }
    assert_eq!(bench.reader.receipts(receipts[1].number, 10).unwrap(), receipts[2..]);
    assert_eq!(bench.reader.results(&order_id(9), 0, 10).unwrap(), []);
    assert_eq!(bench.reader.order(&order_id(9)).unwrap(), None);
}

#[test]
fn verdicts_are_numbered_without_gaps() {
    let bench = worked();
    let all = bench.reader.verdicts_after(&key(1).public(), 0, 10).unwrap();
    assert_eq!(all.iter().map(|v| v.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(all.iter().map(|v| said(v).2).sum::<u64>(), bench.money(&key(1)).0);
    assert_eq!(bench.reader.verdicts_after(&key(1).public(), 1, 10).unwrap(), all[1..]);
    assert_eq!(bench.reader.verdicts_after(&key(1).public(), 0, 1).unwrap(), all[..1]);
    assert_eq!(bench.reader.verdicts_after(&key(1).public(), u64::MAX, 10).unwrap(), []);
    assert_eq!(bench.reader.verdicts_after(&key(9).public(), 0, 10).unwrap(), []);
}

#[test]
fn the_ledger_reads_as_it_was_posted() {
    let bench = worked();
    let entries = bench.reader.ledger(0, 100).unwrap();
    let causes: Vec<_> = entries.iter().map(|e| e.cause.as_str()).collect();
    // The deposit, two orders, the fetch with what it did not need, two answers; nothing is left of the project.
    assert_eq!(causes, ["deposit", "order", "order", "verdict", "closed", "verdict", "verdict"]);
    assert!(entries.iter().all(|e| e.postings.iter().map(|p| p.delta).sum::<i64>() == 0));
    assert_eq!(entries[0].about, "first");
    assert_eq!(entries[4].about, format!("{}/0", order_id(1)));
    let paid = &entries[5].postings;
    assert!(paid.iter().any(|p| p.account == Account::Pending(key(1).public()) && p.delta == 4_000));
    assert!(paid.iter().any(|p| p.account == Account::Fee && p.delta == 400));
    assert!(paid.iter().any(|p| p.account == Account::Held(order_id(2)) && p.delta == -4_400));
    assert_eq!(bench.reader.ledger(entries[4].id, 1).unwrap(), entries[5..6]);
    let statistics = bench.reader.statistics().unwrap();
    assert_eq!((statistics.fetches, statistics.judgments, statistics.accepted, statistics.workers), (1, 2, 3, 2));
    assert_eq!((statistics.earned, statistics.fees), (amount(9_000), amount(900)));
}

#[test]
fn the_check_finds_what_was_tampered_with() {
    let tampered = [
        ("UPDATE accounts SET balance = balance + 1 WHERE kind = 'pending'", "balance is not the sum"),
        ("UPDATE postings SET delta = delta + 1 WHERE entry = 1 AND delta > 0", "does not sum to zero"),
        ("DELETE FROM postings WHERE entry = 1", "entry without postings 1"),
        ("UPDATE postings SET at = at + 1 WHERE entry = 1", "another time"),
        ("UPDATE deposits SET amount = amount + 1", "deposits are not what was paid in"),
        ("UPDATE items SET held = 1, state = 'open'", "held is not what its items hold"),
        ("UPDATE verdicts SET amount = amount + 1", "not what verdicts say"),
        ("UPDATE verdicts SET number = number + 1 WHERE number = 2", "gaps"),
        ("UPDATE verdicts SET settled = 1", "not what verdicts say"),
        ("UPDATE accounts SET balance = -1 WHERE kind = 'fee'", "negative balance"),
    ];
    for (sql, problem) in tampered {
        let bench = worked();
        bench.checks_out();
        let raw = rusqlite::Connection::open(bench.path()).unwrap();
        raw.pragma_update(None, "ignore_check_constraints", true).unwrap();
        assert!(raw.execute(sql, []).unwrap() > 0, "{sql}");
        let problems = bench.reader.check_ledger().unwrap().problems;
        assert!(problems.iter().any(|p| p.contains(problem)), "{sql}: {problems:?}");
    }
}

#[test]
fn a_body_is_asked_for_only_if_it_would_be_paid() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    let lease = bench.lease(&key(1), 1, 0);
    let facts = bench.reader.submit_facts(&Hash::of(&lease.offer)).unwrap().unwrap();
    assert_eq!((facts.lease.state, &facts.stored), (LeaseState::Open, &None));
    let (good, now) = (bench.page(&lease, b"hello"), bench.cx.now);
    let takes =
        |facts: &SubmitFacts, seed, result: &WorkResult, now| takes_body(facts, &key(seed).public(), result, now);
    assert!(takes(&facts, 1, &good, now));
    assert!(takes(&facts, 1, &good, now.plus(60_000)));
    assert!(!takes(&facts, 1, &good, now.plus(60_001)), "the lease is over");
    assert!(!takes(&facts, 2, &good, now), "another's");
    assert!(!takes(&facts, 1, &bench.page(&lease, b""), now), "there is none");
    let early = WorkResult { started_at: now.minus(3_600_000), ..good.clone() };
    assert!(!takes(&facts, 1, &early, now), "times outside the lease");
    let mut private = good.clone();
    let Report::Fetch(report) = &mut private.report else { panic!("a fetch") };
    report.hops[0].address = "10.0.0.1".into();
    assert!(!takes(&facts, 1, &private, now), "a private address");
    let lease_facts = bench.reader.lease(&Hash::of(&lease.offer)).unwrap().unwrap();
    assert_eq!((lease_facts.class, lease_facts.bytes_max), (JobClass::Fetch, bytes(2 << 20)));
    assert_eq!((lease_facts.deadline, lease_facts.result), (now.plus(60_000), None));
    assert_eq!(bench.reader.open_leases(&key(1).public(), now).unwrap(), [lease]);
    assert_eq!(bench.reader.submit_facts(&Hash::of(b"none")).unwrap(), None);
    let nobody = bench.reader.account(&key(9).public(), Timestamp::ZERO).unwrap();
    assert_eq!(nobody, Default::default());
}

#[test]
fn a_reader_sees_commits_as_they_come_and_reopening_finds_all() {
    let mut bench = worked();
    let second = Reader::open(&bench.path()).unwrap();
    bench.ask(project(3, 1, 1, 1));
    assert_eq!(second.statistics().unwrap().orders, 3);
    let before = (bench.money(&key(1)), bench.reader.receipts(0, 10).unwrap());
    bench.store = Store::open(&bench.path()).unwrap();
    bench.reader = Reader::open(&bench.path()).unwrap();
    assert_eq!((bench.money(&key(1)), bench.reader.receipts(0, 10).unwrap()), before);
    bench.checks_out();
}

#[test]
fn another_version_or_another_file_is_refused() {
    let bench = Bench::new();
    let raw = rusqlite::Connection::open(bench.path()).unwrap();
    raw.execute("INSERT INTO migrations VALUES (?1, 'from the future', x'00')", [VERSION + 1]).unwrap();
    let newer =
        |error| matches!(error, StoreError::Version { found, known } if found == VERSION + 1 && known == VERSION);
    assert!(newer(Store::open(&bench.path()).unwrap_err()));
    assert!(newer(Reader::open(&bench.path()).unwrap_err()));
    assert!(Store::open(&bench.path()).unwrap_err().to_string().contains("start the newer program"));
    raw.execute_batch("DELETE FROM migrations WHERE version > 1; UPDATE migrations SET hash = zeroblob(32)").unwrap();
    assert!(matches!(Store::open(&bench.path()).unwrap_err(), StoreError::Corrupt(_)), "an edited migration");

    let file = bench.folder.path().join("text");
    std::fs::write(&file, "no database, but long enough to look like one ".repeat(100)).unwrap();
    let error = Store::open(&file).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)) && !error.is_transient(), "{error:?}");
    assert!(matches!(Reader::open(&file).unwrap_err(), StoreError::Corrupt(_)));
    let error = Reader::open(&bench.folder.path().join("none")).unwrap_err();
    assert!(matches!(error, StoreError::Io(_)) && error.is_transient(), "{error:?}");
}

/// What the operator's commands write beside a server is noticed once; what the server's own connections do is not.
#[test]
fn what_others_write_is_noticed_once() {
    let mut bench = Bench::new();
    let checkpointer = lull_store::Checkpointer::open(&bench.path()).unwrap();
    let mut name = 0_u8;
    let mut add = |store: &mut lull_store::Store, cx: &lull_market::Context| {
        name += 1;
        let requester = lull_market::RequesterId([100 + name; 16]);
        let key_hash = lull_protocol::Hash([name; 32]);
        store.apply(cx, &[lull_market::Command::AddRequester { requester, name: name.to_string(), key_hash }]).unwrap();
    };
    bench.store.others_wrote().unwrap();
    for _ in 0..3 {
        add(&mut bench.store, &bench.cx);
        checkpointer.run().unwrap();
        assert!(!bench.store.others_wrote().unwrap(), "its own writes, and a copied log");
    }
    let mut other = lull_store::Store::open_beside(&bench.path()).unwrap();
    assert!(!bench.store.others_wrote().unwrap(), "opening is no write");
    add(&mut other, &bench.cx);
    assert!(bench.store.others_wrote().unwrap());
    assert!(!bench.store.others_wrote().unwrap(), "once");
    add(&mut other, &bench.cx);
    add(&mut bench.store, &bench.cx);
    assert!(bench.store.others_wrote().unwrap(), "also before a write of its own");
}
