//! Connections, and the migrations that bring a file to this program's version.

use std::path::Path;
use std::time::Duration;

use lull_protocol::Hash;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, ffi, params};

use crate::error::StoreError;
use crate::value::Col;

/// How long a connection waits for another's lock, milliseconds.
pub const BUSY_MS_MAX: u64 = 2_000;
/// Prepared statements a connection keeps.
const STATEMENTS_MAX: usize = 128;
/// Pages that the writer keeps in memory, KiB: those that a batch changes must fit, or they are written twice.
const CACHE_KIB_MAX: i64 = 64 * 1024;
/// Pages in the write-ahead log before they are copied into the database, 32 MiB: a page that many batches
/// change is copied once.
pub const WAL_PAGES_MAX: i64 = 8 * 1024;

/// Every migration there ever was, in order; files are only added.
const MIGRATIONS: [(&str, &str); 14] = [
    ("0001_market.sql", include_str!("../migrations/0001_market.sql")),
    ("0002_fewer_pages.sql", include_str!("../migrations/0002_fewer_pages.sql")),
    ("0003_task_types.sql", include_str!("../migrations/0003_task_types.sql")),
    ("0004_flags.sql", include_str!("../migrations/0004_flags.sql")),
    ("0005_offers.sql", include_str!("../migrations/0005_offers.sql")),
    ("0006_warnings.sql", include_str!("../migrations/0006_warnings.sql")),
    ("0007_reviews.sql", include_str!("../migrations/0007_reviews.sql")),
    ("0008_claims.sql", include_str!("../migrations/0008_claims.sql")),
    ("0009_wallets.sql", include_str!("../migrations/0009_wallets.sql")),
    ("0010_payouts.sql", include_str!("../migrations/0010_payouts.sql")),
    ("0011_deposits.sql", include_str!("../migrations/0011_deposits.sql")),
    ("0012_putting_out.sql", include_str!("../migrations/0012_putting_out.sql")),
    ("0013_reversals.sql", include_str!("../migrations/0013_reversals.sql")),
    ("0014_cancelled.sql", include_str!("../migrations/0014_cancelled.sql")),
];

/// The version of a database that this program reads and writes.
pub const VERSION: u32 = MIGRATIONS.len() as u32;

/// The connection that writes: write-ahead log, every commit on the disk before it counts.
pub(crate) fn writer(path: &Path, is_alone: bool) -> Result<Connection, StoreError> {
    let mut db = Connection::open(path)?;
    db.busy_timeout(Duration::from_millis(BUSY_MS_MAX))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    if is_alone {
        trust_no_log(&db)?;
    }
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "cache_size", -CACHE_KIB_MAX)?;
    db.pragma_update(None, "wal_autocheckpoint", WAL_PAGES_MAX)?;
    tune(&db)?;
    migrate(&mut db, &MIGRATIONS)?;
    Ok(db)
}

/// Empties the log that an earlier process left. If a sync of it failed, what is read from it may be in the
/// system's memory only, marked as written (Rebello et al., "Can Applications Recover from fsync Failures?",
/// 2020): commits appended to that would be lost with it in a power cut. A checkpoint writes and syncs all of
/// it once more, into the database.
fn trust_no_log(db: &Connection) -> Result<(), StoreError> {
    let is_busy: bool = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    let busy = || rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None);
    if is_busy { Err(busy().into()) } else { Ok(()) }
}

/// Statements are prepared once: without the stability guarantee SQLite plans one anew whenever a parameter
/// that a partial index might be about has changed.
fn tune(db: &Connection) -> Result<(), StoreError> {
    db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// A connection that only reads.
pub(crate) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(Duration::from_millis(BUSY_MS_MAX))?;
    tune(&db)?;
    let found = version(&db)?;
    if found == VERSION { Ok(db) } else { Err(StoreError::Version { found, known: VERSION }) }
}

fn migrate(db: &mut Connection, migrations: &[(&str, &str)]) -> Result<(), StoreError> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS migrations (
             version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL
         ) STRICT",
    )?;
    let found = version(&tx)?;
    if found > VERSION {
        return Err(StoreError::Version { found, known: VERSION });
    }
    for (number, (name, sql)) in (1_u32..).zip(migrations) {
        let hash = Hash::of(sql.as_bytes());
        if number > found {
            tx.execute_batch(sql)?;
            let row = params![number, name, Col(hash)];
            tx.execute("INSERT INTO migrations (version, name, hash) VALUES (?1, ?2, ?3)", row)?;
            continue;
        }
        let sql = "SELECT hash FROM migrations WHERE version = ?1";
        let applied: Col<Hash> = tx.query_row(sql, [number], |row| row.get(0))?;
        if applied.0 != hash {
            return Err(StoreError::Corrupt(format!("{name} is not the migration that was applied")));
        }
    }
    tx.commit()?;
    Ok(())
}

fn version(db: &Connection) -> Result<u32, StoreError> {
    Ok(db.query_row("SELECT coalesce(max(version), 0) FROM migrations", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reader;
    use lull_protocol::{OrderId, PublicKey, TaskKind, Timestamp};

    /// A worker with two verdicts of 7 and 5, of which the first is of yesterday; both are pending.
    const OLD: &str = "
        INSERT INTO requesters VALUES (zeroblob(16), 'Buyer', zeroblob(32), 1);
        INSERT INTO orders VALUES (zeroblob(16), zeroblob(16), zeroblob(32), 'judgment', 'Title', 7, 0, 0, NULL, 1, 1,
                                   12, 1);
        INSERT INTO items (id, order_id, number, class, hash, needed, answered, state, held)
            VALUES (1, zeroblob(16), 0, 'judgment', zeroblob(32), 1, 1, 'done', 0),
                   (2, zeroblob(16), 1, 'judgment', zeroblob(32), 1, 1, 'done', 0);
        INSERT INTO leases (id, offer, worker, item, class, state, issued_at, deadline, approved_at, statement)
            VALUES (1, zeroblob(32), zeroblob(32), 1, 'judgment', 'judged', 1, 2, 3, x'01'),
                   (2, randomblob(32), zeroblob(32), 2, 'judgment', 'judged', 1, 2, 3, x'02');
        INSERT INTO results (lease, hash, counts, choice, body_bytes, received_at, statement)
            VALUES (1, zeroblob(32), 1, 2, 0, 1, x'03'), (2, zeroblob(32), 1, 0, 0, 1, x'04');
        INSERT INTO verdicts
            VALUES (1, 1, zeroblob(16), zeroblob(32), 1, zeroblob(32), 'accepted', 'agreed', 7, 999, 9999, 0, x'05'),
                   (2, 2, zeroblob(16), zeroblob(32), 2, zeroblob(32), 'accepted', 'agreed', 5, 1000, 9999, 0, x'06');
        INSERT INTO accounts VALUES (1, 'deposits', x'', -12), (2, 'pending', zeroblob(32), 12);
        INSERT INTO entries VALUES (1, 999, 'verdict', 'a'), (2, 1000, 'verdict', 'b');
        INSERT INTO postings VALUES (1, 1, 999, -7), (1, 2, 999, 7), (2, 1, 1000, -5), (2, 2, 1000, 5);";

    #[test]
    fn an_old_database_comes_up_to_date_with_all_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lull.sqlite");
        let mut old = Connection::open(&path).unwrap();
        migrate(&mut old, &MIGRATIONS[..1]).unwrap();
        old.execute_batch(OLD).unwrap();
        drop(old);
        assert!(matches!(Reader::open(&path), Err(StoreError::Version { found: 1, known: VERSION })));
        drop(writer(&path, true).unwrap());
        let reader = Reader::open(&path).unwrap();
        let worker = PublicKey([0; 32]);
        let account = reader.account(&worker, Timestamp::new(1_000).unwrap()).unwrap();
        let sums = [account.earned, account.pending, account.payable, account.earned_today].map(|sum| sum.get());
        assert_eq!((sums, account.verdicts), ([12, 12, 0, 5], 2));
        assert_eq!(reader.verdicts_after(&worker, 0, 9).unwrap().len(), 2);
        let order = reader.order(&OrderId([0; 16])).unwrap().unwrap();
        assert_eq!((order.order.task, order.results), (Some(TaskKind::Choice), 2));
        let answer: u32 = reader.db.query_row("SELECT answer FROM results WHERE lease = 1", [], |r| r.get(0)).unwrap();
        assert_eq!(answer, 2, "its option");
        let postings: u32 = reader.db.query_row("SELECT count(*) FROM postings", [], |row| row.get(0)).unwrap();
        assert_eq!(postings, 4);
        drop(writer(&path, true).unwrap());
    }
}
