//! Money that is contested while it is pending: facts for the market, what workers are told, what the operator reads.

use lull_market::ToldReversal;
use lull_market::facts::{LeaseId, PaidFacts, ReversalFacts};
use lull_protocol::limits::REVERSALS_RESENT_MAX;
use lull_protocol::receipt::Receipt;
use lull_protocol::rejection::Appeal;
use lull_protocol::reversal::{Ending, Reversal, ReversalEnd};
use lull_protocol::{Hash, OrderId, PublicKey, Signed, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::apply::Stop;
use crate::error::StoreError;
use crate::orders::stored;
use crate::read::{Reader, clamp};
use crate::value::Col;
use crate::write::one;

/// A reversal that is open, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReversalRow {
    /// Its hash.
    pub hash: Hash,
    /// Its order.
    pub order: OrderId,
    /// The order's title.
    pub title: String,
    /// Its requester's name, who has paid.
    pub requester: String,
    /// The item's number in the order, from 0.
    pub item_number: u32,
    /// The offer's hash.
    pub offer: Hash,
    /// The statement.
    pub reversal: Reversal,
    /// What its worker says to that, and when it came.
    pub appeal: Option<(Timestamp, Appeal)>,
    /// When time decides: for the worker if there is an appeal, else against.
    pub decides_at: Timestamp,
}

macro_rules! paid {
    ($which:literal) => {
        concat!(
            "SELECT v.lease, v.worker, r.hash, v.hash, v.amount, EXISTS (SELECT 1 FROM rejections j WHERE j.lease = v.lease),
                    v.settled, v.settles_at, o.requester, o.fee_bp, w.statement, w.appeal IS NOT NULL, w.ending
             FROM leases l JOIN verdicts v ON v.lease = l.id JOIN results r ON r.lease = l.id
             JOIN orders o ON o.id = v.order_id LEFT JOIN reversals w ON w.lease = l.id WHERE ",
            $which
        )
    };
}

macro_rules! reversal_rows {
    () => {
        "SELECT w.hash, o.id, o.title, b.name, i.number, l.offer, w.statement, w.appealed_at, w.appeal, v.settles_at
         FROM reversals w JOIN leases l ON l.id = w.lease JOIN items i ON i.id = l.item
         JOIN orders o ON o.id = i.order_id JOIN requesters b ON b.id = o.requester JOIN verdicts v ON v.lease = w.lease "
    };
}
const OPEN: &str = concat!(reversal_rows!(), "WHERE w.ended_at IS NULL ORDER BY w.proposed_at, w.lease LIMIT ?1");
const BY_HASH: &str = concat!(reversal_rows!(), "WHERE w.hash = ?1");

/// A result with its verdict, by its offer.
pub(crate) fn of_offer(db: &Connection, offer: Hash) -> Result<Option<PaidFacts>, StoreError> {
    let mut statement = db.prepare_cached(paid!("l.offer = ?1"))?;
    Ok(statement.query_row([Col(offer)], paid_facts).optional()?)
}

/// The same by its lease.
pub(crate) fn of_lease(db: &Connection, lease: LeaseId) -> Result<Option<PaidFacts>, StoreError> {
    let mut statement = db.prepare_cached(paid!("l.id = ?1"))?;
    Ok(statement.query_row([lease.0], paid_facts).optional()?)
}

/// The same by its reversal.
pub(crate) fn of_reversal(db: &Connection, reversal: Hash) -> Result<Option<(PaidFacts, ReversalFacts)>, StoreError> {
    let mut statement = db.prepare_cached("SELECT lease FROM reversals WHERE hash = ?1")?;
    let lease = statement.query_row([Col(reversal)], |row| row.get(0)).optional()?;
    let facts = lease.map_or(Ok(None), |lease| of_lease(db, LeaseId(lease)))?;
    Ok(facts.and_then(|facts| facts.reversal.clone().map(|reversal| (facts, reversal))))
}

fn paid_facts(row: &Row<'_>) -> rusqlite::Result<PaidFacts> {
    let statement: Option<Vec<u8>> = row.get(10)?;
    let (is_appealed, ending): (bool, Option<Col<Ending>>) = (row.get(11)?, row.get(12)?);
    let ending = ending.map(|ending| ending.0);
    Ok(PaidFacts {
        lease: LeaseId(row.get(0)?),
        worker: row.get::<_, Col<_>>(1)?.0,
        result: row.get::<_, Col<_>>(2)?.0,
        verdict: row.get::<_, Col<_>>(3)?.0,
        amount: row.get::<_, Col<_>>(4)?.0,
        was_contested: row.get(5)?,
        is_settled: row.get(6)?,
        settles_at: row.get::<_, Col<_>>(7)?.0,
        requester: row.get::<_, Col<_>>(8)?.0,
        fee_bp: row.get(9)?,
        reversal: statement.map(|statement| ReversalFacts { statement, is_appealed, ending }),
    })
}

pub(crate) fn add(db: &Connection, lease: LeaseId, reversal: &Signed<Reversal>) -> Result<(), Stop> {
    let said = reversal.payload();
    one(
        db,
        "INSERT INTO reversals (lease, worker, hash, statement, proposed_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![lease.0, Col(said.worker), Col(reversal.hash()), reversal.bytes(), Col(said.decided_at)],
    )?;
    set_settles_at(db, lease, said.appeal_until)
}

pub(crate) fn add_appeal(
    db: &Connection,
    (lease, now): (LeaseId, Timestamp),
    appeal: &Signed<Appeal>,
    decided_by: Timestamp,
) -> Result<(), Stop> {
    one(
        db,
        "UPDATE reversals SET appeal = ?2, appealed_at = ?3 WHERE lease = ?1 AND appeal IS NULL AND ended_at IS NULL",
        params![lease.0, appeal.bytes(), Col(now)],
    )?;
    set_settles_at(db, lease, decided_by)
}

pub(crate) fn end(db: &Connection, lease: LeaseId, end: &Signed<ReversalEnd>) -> Result<(), Stop> {
    let ReversalEnd { ending, decided_at, .. } = *end.payload();
    one(
        db,
        "UPDATE reversals SET ended_at = ?2, ending = ?3, end_statement = ?4 WHERE lease = ?1 AND ended_at IS NULL",
        params![lease.0, Col(decided_at), Col(ending), end.bytes()],
    )
}

/// When time decides about pending money.
fn set_settles_at(db: &Connection, lease: LeaseId, at: Timestamp) -> Result<(), Stop> {
    one(db, "UPDATE verdicts SET settles_at = ?2 WHERE lease = ?1 AND settled = 0", params![lease.0, Col(at)])
}

/// Whether a worker's money was ever contested.
pub(crate) fn are_there(db: &Connection, worker: PublicKey) -> Result<bool, StoreError> {
    Ok(db.prepare_cached("SELECT 1 FROM reversals WHERE worker = ?1")?.exists([Col(worker)])?)
}

impl Reader {
    /// The reversals of a worker's money that are open or have ended since a moment, oldest first, after one of them, at
    /// most `REVERSALS_RESENT_MAX`.
    pub fn reversals(
        &self,
        worker: &PublicKey,
        ended_since: Timestamp,
        after: Option<Hash>,
    ) -> Result<Vec<ToldReversal>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT w.hash, t.bytes, l.statement, r.statement, v.statement, w.appeal, w.statement, w.end_statement
             FROM reversals w JOIN leases l ON l.id = w.lease JOIN results r ON r.lease = w.lease
             JOIN verdicts v ON v.lease = w.lease JOIN item_bytes t ON t.item = l.item
             WHERE w.worker = ?1 AND coalesce(w.ended_at, ?2) >= ?2
               AND w.lease > coalesce((SELECT lease FROM reversals WHERE hash = ?3), -1)
             ORDER BY w.lease LIMIT ?4",
        )?;
        let params = params![Col(*worker), Col(ended_since), after.map(Col), REVERSALS_RESENT_MAX];
        let rows = statement.query_map(params, |row| {
            let (item, offer, result, verdict) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            let (appeal, reversal, reversal_end) = (row.get(5)?, row.get(6)?, row.get(7)?);
            let receipt = Receipt { item, offer, result, verdict, rejection: None, appeal, reversal, reversal_end };
            Ok(ToldReversal { reversal: row.get::<_, Col<Hash>>(0)?.0, receipt })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All reversals that are open, those first that were proposed first, at most `limit`.
    pub fn open_reversals(&self, limit: usize) -> Result<Vec<ReversalRow>, StoreError> {
        self.reversal_rows(OPEN, params![clamp(limit as u64)])
    }

    /// A reversal, open or ended, by its hash.
    pub fn reversal(&self, hash: &Hash) -> Result<Option<ReversalRow>, StoreError> {
        Ok(self.reversal_rows(BY_HASH, params![Col(*hash)])?.pop())
    }

    fn reversal_rows(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<ReversalRow>, StoreError> {
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let (appealed_at, appeal): (Option<Col<Timestamp>>, Option<Vec<u8>>) = (row.get(7)?, row.get(8)?);
            let appeal = appeal.map(|bytes| stored::<Appeal>(&bytes)).transpose()?;
            out.push(ReversalRow {
                hash: row.get::<_, Col<_>>(0)?.0,
                order: row.get::<_, Col<_>>(1)?.0,
                title: row.get(2)?,
                requester: row.get(3)?,
                item_number: row.get(4)?,
                offer: row.get::<_, Col<_>>(5)?.0,
                reversal: stored(&row.get::<_, Vec<u8>>(6)?)?,
                appeal: appealed_at.map(|at| at.0).zip(appeal),
                decides_at: row.get::<_, Col<_>>(9)?.0,
            });
        }
        Ok(out)
    }
}
