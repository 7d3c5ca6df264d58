//! Connections, and the migrations that bring a file to this program's version.

use std::path::Path;
use std::time::Duration;

use lull_protocol::Hash;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

use crate::error::StoreError;
use crate::value::Col;

/// How long a connection waits for another's lock, milliseconds.
pub const BUSY_MS_MAX: u64 = 2_000;
/// Prepared statements a connection keeps.
const STATEMENTS_MAX: usize = 128;
/// Pages that the writer keeps in memory, KiB: those that a batch changes must fit, or they are written twice.
const CACHE_KIB_MAX: i64 = 64 * 1024;

/// Every migration there ever was, in order; files are only added.
const MIGRATIONS: [(&str, &str); 1] = [("0001_market.sql", include_str!("../migrations/0001_market.sql"))];

/// The version of a database that this program reads and writes.
pub const VERSION: u32 = MIGRATIONS.len() as u32;

/// The connection that writes: write-ahead log, every commit on the disk before it counts.
pub(crate) fn writer(path: &Path) -> Result<Connection, StoreError> {
    let mut db = Connection::open(path)?;
    db.busy_timeout(Duration::from_millis(BUSY_MS_MAX))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "cache_size", -CACHE_KIB_MAX)?;
    tune(&db)?;
    migrate(&mut db)?;
    Ok(db)
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

fn migrate(db: &mut Connection) -> Result<(), StoreError> {
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
    for (number, (name, sql)) in (1_u32..).zip(MIGRATIONS) {
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
