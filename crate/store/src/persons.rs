//! Who is one person: workers that were ever paid to one wallet. Persons only grow together.

use lull_market::facts::Person;
use lull_protocol::{PublicKey, Wallet};
use rusqlite::{Connection, OptionalExtension, params};

use crate::apply::Stop;
use crate::error::StoreError;
use crate::value::Col;

/// The person of a worker.
pub(crate) fn of(db: &Connection, worker: PublicKey) -> Result<Person, StoreError> {
    Ok(Person(shared(db, worker)?.unwrap_or(worker)))
}

/// The name that a worker shares with others of its person; `None`: it shares with nobody.
pub(crate) fn shared(db: &Connection, worker: PublicKey) -> Result<Option<PublicKey>, StoreError> {
    let mut statement = db.prepare_cached("SELECT person FROM persons WHERE worker = ?1")?;
    let row: Option<Col<PublicKey>> = statement.query_row([Col(worker)], |row| row.get(0)).optional()?;
    Ok(row.map(|person| person.0))
}

/// A worker is paid to a wallet: it is one person with all that ever were. Those are one already, so one of them stands
/// for all.
pub(crate) fn join(db: &Connection, worker: PublicKey, wallet: Wallet) -> Result<(), Stop> {
    let mut member = db.prepare_cached("INSERT OR IGNORE INTO wallet_workers (wallet, worker) VALUES (?1, ?2)")?;
    member.execute(params![Col(wallet), Col(worker)])?;
    let mut other =
        db.prepare_cached("SELECT worker FROM wallet_workers WHERE wallet = ?1 AND worker <> ?2 LIMIT 1")?;
    let other: Option<Col<PublicKey>> =
        other.query_row(params![Col(wallet), Col(worker)], |row| row.get(0)).optional()?;
    let Some(Col(other)) = other else { return Ok(()) };
    match (shared(db, worker)?, shared(db, other)?) {
        (None, None) => {
            let person = wallet.key();
            add(db, worker, person)?;
            add(db, other, person)
        }
        (None, Some(person)) => add(db, worker, person),
        (Some(person), None) => add(db, other, person),
        (Some(one), Some(two)) if one == two => Ok(()),
        (Some(one), Some(two)) => {
            let (fewer, more) = if size(db, one)? < size(db, two)? { (one, two) } else { (two, one) };
            merge(db, fewer, more)
        }
    }
}

fn size(db: &Connection, person: PublicKey) -> Result<u64, StoreError> {
    let mut statement = db.prepare_cached("SELECT count(*) FROM persons WHERE person = ?1")?;
    Ok(statement.query_row([Col(person)], |row| row.get(0))?)
}

/// A worker that shared with nobody before. Its leases of open items are its person's now; others matter to nobody.
fn add(db: &Connection, worker: PublicKey, person: PublicKey) -> Result<(), Stop> {
    let mut insert = db.prepare_cached("INSERT INTO persons (worker, person) VALUES (?1, ?2)")?;
    insert.execute(params![Col(worker), Col(person)])?;
    let mut leases = db.prepare_cached(LEASES_OF_WORKER)?;
    leases.execute(params![Col(worker), Col(person)])?;
    Ok(())
}

fn merge(db: &Connection, fewer: PublicKey, more: PublicKey) -> Result<(), Stop> {
    for sql in ["UPDATE persons SET person = ?2 WHERE person = ?1", LEASES_OF_PERSON] {
        db.prepare_cached(sql)?.execute(params![Col(fewer), Col(more)])?;
    }
    Ok(())
}

const LEASES_OF_WORKER: &str = "UPDATE leases SET person = ?2 WHERE worker = ?1 AND again = 0
     AND EXISTS (SELECT 1 FROM items i WHERE i.id = leases.item AND i.state = 'open')";
const LEASES_OF_PERSON: &str = "UPDATE leases SET person = ?2 WHERE person = ?1 AND again = 0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_joins_walks_no_table() {
        let folder = tempfile::tempdir().unwrap();
        let db = crate::open::writer(&folder.path().join("lull.sqlite"), true).unwrap();
        for (sql, index) in [(LEASES_OF_WORKER, "leases_once"), (LEASES_OF_PERSON, "leases_of_person")] {
            let plan = crate::load::plan(&db, sql);
            assert!(plan.contains(&format!("INDEX {index}")) && !plan.contains("SCAN "), "{plan}");
        }
    }
}
