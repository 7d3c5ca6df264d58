//! A database that a failing disk has changed.

use lull_market::Command;
use lull_market::session::Query;
use lull_protocol::message::ReturnReason;
use lull_protocol::units::Nonce;
use lull_protocol::{Filter, Hash, TaskSet};
use lull_store::{Reader, Store};

use crate::feed::Feed;
use crate::make::{self, START_MS, WORKER};
use crate::market::{self, API_KEY, BUYER, FETCHES, QUESTIONS};

/// Rows of a list that are read.
const ROWS_MAX: usize = 20;

/// Whatever the disk has made of it, opening, reading and writing end with an answer or an error.
pub(crate) fn database(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let mut damaged = market::worked_day().to_vec();
    for _ in 0..feed.below(8) {
        damage(&mut feed, &mut damaged);
    }
    let (folder, path) = market::folder_of(&damaged);
    if feed.one_in(8) {
        let log = feed.bytes(400);
        std::fs::write(folder.path().join("lull.sqlite-wal"), log).expect("a temporary file");
    }
    if let Ok(reader) = Reader::open(&path) {
        read(&reader);
    }
    if let Ok(mut store) = Store::open(&path) {
        write(&mut store);
        if let Ok(reader) = Reader::open(&path) {
            read(&reader);
        }
    }
}

fn damage(feed: &mut Feed<'_>, database: &mut Vec<u8>) {
    const PAGE_BYTES: usize = 4_096;
    let page = feed.below(database.len() / PAGE_BYTES) * PAGE_BYTES;
    // The beginning of a page says where everything else in it is.
    let inside = if feed.one_in(2) { feed.below(64) } else { feed.below(PAGE_BYTES) };
    let at = (page + inside).min(database.len());
    match feed.below(4) {
        0 => database.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << feed.below(8)),
        1 => database.iter_mut().skip(at).zip(feed.bytes(16)).for_each(|(byte, new)| *byte = new),
        2 => {
            // A page comes back as another one.
            let from = feed.below(database.len() / PAGE_BYTES) * PAGE_BYTES;
            database.copy_within(from..from + PAGE_BYTES, page);
        }
        _ if feed.one_in(4) => database.truncate(at.max(PAGE_BYTES)),
        // A sector that was never written.
        _ => database.iter_mut().skip(at / 512 * 512).take(512).for_each(|byte| *byte = 0),
    }
}

/// Everything that is ever read.
fn read(reader: &Reader) {
    let (worker, now) = (make::key(WORKER).public(), make::time(START_MS));
    let _ = reader.requester_by_key(&Hash::of(API_KEY.as_bytes()));
    let _ = reader.requester_by_name("Buyer");
    let _ = reader.balance(BUYER);
    let _ = reader.orders(BUYER);
    let _ = reader.statistics();
    let _ = reader.check_ledger();
    let _ = reader.ledger(0, ROWS_MAX);
    let _ = reader.receipts(0, ROWS_MAX);
    let _ = reader.blob(&Hash::of(
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT and more",
    ));
    for order in [FETCHES].into_iter().chain(QUESTIONS) {
        let _ = reader.order(&order);
        for row in reader.results(&order, 0, ROWS_MAX).into_iter().flatten() {
            let offer = row.offer;
            let _ = reader.lease(&offer);
            let _ = reader.body(&offer);
            let _ = reader.answer(&Query::SubmitFacts { offer });
        }
    }
    let _ = reader.answer(&Query::OpenLeases { worker, now });
    let _ = reader.answer(&Query::Account { worker, day_start: now });
    let _ = reader.answer(&Query::VerdictsAfter { worker, number: 0, limit: ROWS_MAX });
}

/// Every command that changes something.
fn write(store: &mut Store) {
    let (worker, mut cx) = (make::key(WORKER).public(), market::context());
    cx.now = cx.now.plus(2_000_000);
    let nonces = (0..6).map(|i| Nonce([100 + i; 16])).collect();
    let batch = [
        Command::Claim {
            worker,
            fetch: 2,
            judgment: 4,
            tasks: TaskSet::ALL,
            warnings: lull_protocol::WarningSet::ALL,
            filter: Filter::default(),
            nonces,
        },
        Command::Deposit { requester: BUYER, amount: make::amount(5), reference: "second".into() },
        Command::Sweep,
    ];
    let applied = store.apply_each(&cx, &batch);
    for reply in applied.replies.into_iter().flatten().flatten() {
        let lull_market::Reply::Leases(leases) = reply else { continue };
        for (i, lease) in leases.iter().enumerate() {
            let command = match i % 2 {
                0 => Command::Return {
                    worker,
                    offer: Hash::of(&lease.offer),
                    reason: ReturnReason::Skipped,
                    shown_ms: None,
                },
                _ if lull_protocol::Item::from_bytes(&lease.item).is_ok() => {
                    let (result, body) = market::result(lease, 0, vec![1; 5], cx.now);
                    let result = Box::new(lull_protocol::Signed::sign(result, &make::key(WORKER)));
                    Command::Submit { result, body }
                }
                _ => continue,
            };
            let _ = store.apply(&cx, &[command]);
        }
    }
    cx.now = cx.now.plus(100_000_000);
    let _ = store.apply(&cx, &[Command::Sweep]);
}
