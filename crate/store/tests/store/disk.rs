//! A full disk and a locked database: typed, nothing half-written, and it works again afterwards.

use std::sync::Arc;

use lull_market::{Command, LeaseState, Refusal, Reply};
use lull_protocol::{Hash, Signed};
use lull_store::{Reader, Store, StoreError};

use crate::bench::{Bench, URL, amount, fetch_order, key};

#[test]
fn full_is_typed_keeps_nothing_of_the_batch_and_passes() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL; 40]));
    let workers: Vec<_> = (1..=20).map(key).collect();
    let mut batch = Vec::new();
    for (i, worker) in (0..).zip(&workers) {
        for lease in bench.claim(worker, 2, 0) {
            let body = vec![i; 40_000];
            let result = Box::new(Signed::sign(bench.page(&lease, &body), worker));
            batch.push(Command::Submit { result, body });
        }
    }
    assert_eq!(batch.len(), 40);
    let size = std::fs::metadata(bench.path()).unwrap().len();
    let before = (bench.reader.statistics().unwrap(), bench.reader.check_ledger().unwrap());
    bench.store.set_bytes_max(size + 600_000).unwrap();

    let error = bench.store.apply(&bench.cx, &batch).unwrap_err();
    assert!(matches!(error, StoreError::Full(_)) && error.is_transient(), "{error:?}");
    assert_eq!((bench.reader.statistics().unwrap(), bench.reader.check_ledger().unwrap()), before);
    for worker in &workers {
        assert_eq!(bench.money(worker), (0, 0, 0));
    }
    // What needs little room still works, as does a smaller batch.
    bench.does(Command::Deposit { requester: crate::bench::BUYER, amount: amount(1), reference: "small".into() });
    let small = bench.store.apply(&bench.cx, &batch[..2]).unwrap();
    assert!(small.iter().all(Result::is_ok));
    assert!(matches!(bench.store.apply(&bench.cx, &batch), Err(StoreError::Full(_))));
    bench.checks_out();

    bench.store.set_bytes_max(u64::MAX).unwrap();
    let replies = bench.store.apply(&bench.cx, &batch).unwrap();
    assert!(replies.iter().all(|reply| matches!(reply, Ok(Reply::Stored { .. }))), "{replies:?}");
    assert_eq!(replies[..2], small, "those that were stored are acknowledged again");
    let statistics = bench.reader.statistics().unwrap();
    assert_eq!((statistics.fetches, statistics.accepted, statistics.items_open), (40, 40, 0));
    bench.checks_out();
}

#[test]
fn another_writer_makes_it_busy_for_as_long_as_it_lasts() {
    let mut bench = Bench::new();
    let other = rusqlite::Connection::open(bench.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let order = [Command::CreateFetchOrder(fetch_order(1, &[URL]))];
    let error = bench.store.apply(&bench.cx, &order).unwrap_err();
    assert!(matches!(error, StoreError::Busy(_)) && error.is_transient(), "{error:?}");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(bench.store.apply(&bench.cx, &order).unwrap()[0].is_ok());
}

#[test]
fn a_reader_holds_up_who_must_empty_the_log_and_nobody_beside_a_server() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    let reads = rusqlite::Connection::open(bench.path()).unwrap();
    reads.execute_batch("BEGIN; SELECT * FROM orders").unwrap();
    bench.buy(fetch_order(2, &[URL]));
    assert!(matches!(Store::open(&bench.path()), Err(StoreError::Busy(_))));
    let mut beside = Store::open_beside(&bench.path()).unwrap();
    let order = [Command::CreateFetchOrder(fetch_order(3, &[URL]))];
    assert!(beside.apply(&bench.cx, &order).unwrap()[0].is_ok());
    reads.execute_batch("COMMIT").unwrap();
    Store::open(&bench.path()).unwrap();
}

#[test]
fn a_probe_fails_while_there_is_no_room_and_leaves_nothing() {
    let mut bench = Bench::new();
    bench.store.probe().unwrap();
    let size = std::fs::metadata(bench.path()).unwrap().len();
    bench.store.set_bytes_max(size).unwrap();
    assert!(matches!(bench.store.probe(), Err(StoreError::Full(_))));
    bench.store.set_bytes_max(u64::MAX).unwrap();
    bench.store.probe().unwrap();
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'probe'";
    let raw = rusqlite::Connection::open(bench.path()).unwrap();
    assert_eq!(raw.query_row(tables, [], |row| row.get::<_, u32>(0)).unwrap(), 0);
    bench.checks_out();
}

#[test]
fn a_backup_has_all_that_is_committed_and_replaces_nothing() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    let file = bench.path().with_file_name("backup.sqlite");
    bench.reader.back_up(&file).unwrap();
    let copy = Reader::open(&file).unwrap();
    assert_eq!(copy.statistics().unwrap(), bench.reader.statistics().unwrap());
    assert_eq!(copy.check_ledger().unwrap(), bench.reader.check_ledger().unwrap());
    bench.buy(fetch_order(2, &[URL]));
    assert!(bench.reader.back_up(&file).is_err());
    assert_eq!(copy.statistics().unwrap().orders, 1);
}

#[test]
fn what_does_not_fit_fails_alone_and_what_is_busy_fails_together() {
    let mut bench = Bench::new();
    let deposit = |reference: &str| Command::Deposit {
        requester: crate::bench::BUYER,
        amount: amount(1),
        reference: reference.into(),
    };
    let picture = [
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT".as_slice(),
        &[1; 500_000],
    ]
    .concat();
    let large = Command::PutBlob { requester: crate::bench::BUYER, media_type: "image/png".into(), bytes: picture };
    let batch = [deposit("a"), large, deposit("b")];
    let size = std::fs::metadata(bench.path()).unwrap().len();
    bench.store.set_bytes_max(size + 100_000).unwrap();
    let applied = bench.store.apply_each(&bench.cx, &batch);
    assert!(matches!(applied.split, Some(StoreError::Full(_))));
    assert!(matches!(&applied.replies[..], [Ok(Ok(_)), Err(full), Ok(Ok(_))] if full.is_transient()));

    let other = rusqlite::Connection::open(bench.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let applied = bench.store.apply_each(&bench.cx, &batch);
    let [Err(first), Err(second), Err(third)] = &applied.replies[..] else { panic!("{applied:?}") };
    assert!(matches!(&**first, StoreError::Busy(_)) && applied.split.is_none(), "{applied:?}");
    assert!(Arc::ptr_eq(first, second) && Arc::ptr_eq(second, third), "waited for once");
}

#[test]
fn a_fault_in_the_middle_of_a_command_takes_back_what_it_wrote_and_no_more() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    bench.buy(fetch_order(2, &[URL]));
    let leases = bench.claim(&key(1), 2, 0);
    let raw = rusqlite::Connection::open(bench.path()).unwrap();
    // The result is written before its payment is found to be impossible.
    raw.execute("UPDATE accounts SET balance = 1 WHERE kind = 'held' AND owner = ?1", [[1_u8; 16]])
        .map(|rows| assert_eq!(rows, 1))
        .unwrap();
    let submits: Vec<_> = leases
        .iter()
        .map(|lease| {
            let result = Box::new(Signed::sign(bench.page(lease, b"x"), &key(1)));
            Command::Submit { result, body: b"x".to_vec() }
        })
        .collect();
    let replies = bench.store.apply(&bench.cx, &submits).unwrap();
    assert!(matches!(&replies[0], Err(Refusal::Fault(_))), "{replies:?}");
    assert!(matches!(&replies[1], Ok(Reply::Stored { .. })));
    let facts = bench.reader.submit_facts(&Hash::of(&leases[0].offer)).unwrap().unwrap();
    assert_eq!((facts.lease.state, facts.stored), (LeaseState::Open, None));
    assert_eq!(bench.reader.body(&Hash::of(&leases[0].offer)).unwrap(), None);
    assert_eq!((bench.money(&key(1)).0, bench.reader.statistics().unwrap().fetches), (1_000, 1));
}
