//! What the machine gives without any rules: signatures checked, rows committed.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use lull_store::WAL_PAGES_MAX;
use rusqlite::Connection;

/// `verify_strict` calls per second on all of `threads` threads together, for statements of this size.
pub(crate) fn verify_per_second(threads: usize, bytes: usize, span: Duration) -> Result<f64> {
    let keys: Vec<SigningKey> = (1..=64).map(|seed| SigningKey::from_bytes(&[seed; 32])).collect();
    let message = vec![7; bytes];
    let signed: Vec<(VerifyingKey, Signature)> =
        keys.iter().map(|key| (key.verifying_key(), key.sign(&message))).collect();
    let begun = Instant::now();
    let count: u64 = std::thread::scope(|scope| {
        let work = || {
            let mut count = 0;
            for (key, signature) in signed.iter().cycle() {
                if begun.elapsed() > span {
                    break;
                }
                key.verify_strict(&message, signature).context("a good signature")?;
                count += 1;
            }
            Ok::<u64, anyhow::Error>(count)
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("verifying does not panic")).sum::<Result<u64>>()
    })?;
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// Rows of this size per second in commits of `batch` rows each: WAL, every commit synced, no rules, no index.
pub(crate) fn commit_rows_per_second(folder: &Path, batch: usize, bytes: usize, span: Duration) -> Result<f64> {
    let mut db = Connection::open(folder.join("bare.sqlite"))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "wal_autocheckpoint", WAL_PAGES_MAX)?;
    db.execute_batch("CREATE TABLE rows (id INTEGER NOT NULL PRIMARY KEY, bytes BLOB NOT NULL) STRICT")?;
    let row = vec![7_u8; bytes];
    let (begun, mut count) = (Instant::now(), 0_u64);
    while begun.elapsed() < span {
        let tx = db.transaction()?;
        let mut insert = tx.prepare_cached("INSERT INTO rows (bytes) VALUES (?1)")?;
        (0..batch).try_for_each(|_| insert.execute([&row]).map(|_| ()))?;
        drop(insert);
        tx.commit()?;
        count += batch as u64;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}
