//! The real SQLite on a disk that fails, stops and loses power.
#![cfg(test)]

use fastrand::Rng;
use lull_disk::{Disk, Weather};
use rusqlite::Connection;

const ROW_BYTES: usize = 700;

fn open(disk: &Disk, synchronous: &str) -> rusqlite::Result<Connection> {
    Disk::install();
    let db = Connection::open(disk.path("test.sqlite"))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", synchronous)?;
    db.execute_batch("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, filler BLOB) STRICT")?;
    Ok(db)
}

/// The ids in the table; none if there is no table yet. A damaged database fails the test.
fn ids(disk: &Disk) -> Vec<i64> {
    let db = Connection::open(disk.path("test.sqlite")).unwrap();
    let check: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let Ok(mut rows) = db.prepare("SELECT id FROM t ORDER BY id") else { return vec![] };
    rows.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Inserts until the disk stops; the ids that were committed.
fn work(disk: &Disk, synchronous: &str, rng: &mut Rng, next: &mut i64) -> Vec<i64> {
    let mut done = Vec::new();
    disk.stop_after(rng.u64(1..200));
    let Ok(db) = open(disk, synchronous) else {
        disk.stop();
        return done;
    };
    while !disk.is_stopped() {
        let filler = vec![1; rng.usize(1..ROW_BYTES * 10)];
        let inserted = db.execute("INSERT INTO t (id, filler) VALUES (?1, ?2)", (*next, filler));
        if inserted.is_ok() && !disk.is_stopped() {
            done.push(*next);
        }
        *next += 1;
    }
    done
}

/// How many committed rows are missing after stops and what `end` does to the process.
fn lost(synchronous: &str, seed: u64, end: impl Fn(&Disk)) -> usize {
    let (disk, mut rng) = (Disk::new(seed), Rng::with_seed(seed));
    let (mut committed, mut next) = (Vec::new(), 1);
    for _ in 0..6 {
        committed.extend(work(&disk, synchronous, &mut rng, &mut next));
        end(&disk);
        let found = ids(&disk);
        let missing = committed.iter().filter(|id| !found.contains(id)).count();
        if missing > 0 {
            return missing;
        }
    }
    0
}

#[test]
fn what_was_committed_in_full_survives_a_power_cut_at_any_change() {
    assert_eq!((0..150).map(|seed| lost("FULL", seed, Disk::cut_power)).sum::<usize>(), 0);
}

#[test]
fn a_process_that_is_killed_loses_nothing_it_wrote() {
    assert_eq!((0..50).map(|seed| lost("OFF", seed, Disk::kill)).sum::<usize>(), 0);
}

#[test]
fn a_store_that_forgot_to_sync_is_caught() {
    let caught = (0..20).filter(|seed| lost("NORMAL", *seed, Disk::cut_power) > 0).count();
    assert!(caught >= 10, "{caught} of 20");
}

#[test]
fn failed_writes_and_syncs_fail_the_commit_and_nothing_else() {
    for seed in 0..60 {
        let (disk, mut rng) = (Disk::new(seed), Rng::with_seed(seed));
        let db = open(&disk, "FULL").unwrap();
        let (mut committed, mut failed) = (Vec::new(), 0);
        for id in 1..200 {
            let bad = Weather { write: rng.u32(..60), sync: rng.u32(..200), ..Weather::FAIR };
            disk.set_weather(if rng.bool() { Weather::FAIR } else { bad });
            match db.execute("INSERT INTO t (id, filler) VALUES (?1, zeroblob(?2))", (id, rng.u32(1..9_000))) {
                Ok(_) => committed.push(id),
                Err(_) => failed += 1,
            }
        }
        assert!(failed > 0 && disk.tally().failures > 0);
        disk.set_weather(Weather::FAIR);
        disk.stop();
        drop(db);
        disk.cut_power();
        let found = ids(&disk);
        let missing: Vec<_> = committed.iter().filter(|id| !found.contains(id)).collect();
        assert!(missing.is_empty(), "seed {seed}: {missing:?} of {committed:?}");
    }
}

#[test]
fn a_full_disk_is_full_until_there_is_room() {
    let disk = Disk::new(1);
    let db = open(&disk, "FULL").unwrap();
    disk.set_weather(Weather { bytes_max: disk.bytes() + 20_000, ..Weather::FAIR });
    let insert = |id: i64| db.execute("INSERT INTO t (id, filler) VALUES (?1, zeroblob(5000))", [id]);
    let full = (1..20).map(insert).find_map(Result::err).unwrap();
    assert_eq!(full.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull));
    disk.set_weather(Weather::FAIR);
    insert(100).unwrap();
    drop(db);
    assert!(ids(&disk).contains(&100));
}

#[test]
fn readers_and_the_writer_share_the_log() {
    let disk = Disk::new(2);
    let db = open(&disk, "FULL").unwrap();
    let reader =
        Connection::open_with_flags(disk.path("test.sqlite"), rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let count = || reader.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap();
    for id in 1..3_000 {
        db.execute("INSERT INTO t (id, filler) VALUES (?1, zeroblob(900))", [id]).unwrap();
        if id % 100 == 0 {
            assert_eq!(count(), id);
        }
    }
    assert!(disk.bytes() > 3_000_000, "it was checkpointed meanwhile");
}
