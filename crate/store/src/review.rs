//! What requesters and the operator read to review answers, appeals and paused projects.

use lull_protocol::rejection::{Appeal, BuyerRecord, Rejection};
use lull_protocol::statement::WorkResult;
use lull_protocol::{Hash, Item, OrderId, PublicKey, Timestamp};
use rusqlite::{Row, params};

use crate::error::StoreError;
use crate::load::buyer_record;
use crate::orders::{Review, stored};
use crate::read::{Reader, clamp};
use crate::value::Col;

/// An answer without a verdict, or one that was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRow {
    /// The next page is after it.
    pub number: u64,
    /// Its order.
    pub order: OrderId,
    /// The order's title.
    pub title: String,
    /// Its requester's name.
    pub requester: String,
    /// How that one has reviewed so far.
    pub record: BuyerRecord,
    /// The item's number in the order, from 0.
    pub item_number: u32,
    /// What was asked.
    pub item: Item,
    /// The offer's hash, by which a review names it.
    pub offer: Hash,
    /// Who answered.
    pub worker: PublicKey,
    /// The answer.
    pub result: WorkResult,
    /// When time decides: for the worker, unless it was rejected and nobody appealed.
    pub decides_at: Timestamp,
    /// What is held against it, with its hash.
    pub rejection: Option<(Hash, Rejection)>,
    /// What its worker says to that, and when it came.
    pub appeal: Option<(Timestamp, Appeal)>,
}

/// A project that leases nothing more until the operator has looked at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PausedRow {
    /// Its id.
    pub order: OrderId,
    /// Its title.
    pub title: String,
    /// Its requester's name.
    pub requester: String,
    /// How its answers were reviewed.
    pub review: Review,
}

macro_rules! waiting_answers {
    ($($from:tt)+) => {
        concat!(
            "SELECT l.id, o.id, o.title, i.number, t.bytes, l.offer, l.worker, r.statement, l.approved_at, j.hash,
                    j.statement, j.appealed_at, j.appeal, b.name, b.reviewed, b.rejected, b.overturned ",
            $($from)+
        )
    };
}

/// By the items' own index, for there may be very many; those that are decided leave the list.
const ANSWERS: &str = waiting_answers!(
    "FROM items i JOIN orders o ON o.id = i.order_id JOIN requesters b ON b.id = o.requester
     JOIN leases l ON l.item = i.id AND l.state = 'answered'
     JOIN results r ON r.lease = l.id JOIN item_bytes t ON t.item = i.id LEFT JOIN rejections j ON j.lease = l.id
     WHERE i.order_id = ?1 AND r.counts = 1 AND (i.number, l.id) >
        (coalesce((SELECT n.number FROM leases m JOIN items n ON n.id = m.item WHERE m.id = ?2), -1), ?2)
     ORDER BY i.number, l.id LIMIT ?3"
);
macro_rules! rejected_answers {
    ($($which:tt)+) => {
        waiting_answers!(concat!(
            "FROM rejections j JOIN results r ON r.lease = j.lease JOIN leases l ON l.id = j.lease
             JOIN items i ON i.id = l.item JOIN orders o ON o.id = i.order_id JOIN requesters b ON b.id = o.requester
             JOIN item_bytes t ON t.item = i.id ",
            $($which)+
        ))
    };
}

/// Appeals after that of one lease.
macro_rules! later_appeals {
    () => {
        "WHERE j.is_open = 1 AND j.appealed_at IS NOT NULL AND (j.appealed_at, j.lease) >
            (coalesce((SELECT k.appealed_at FROM rejections k WHERE k.lease = ?1), -1), ?1)"
    };
}

const APPEALS: &str = rejected_answers!(concat!(later_appeals!(), " ORDER BY j.appealed_at, j.lease LIMIT ?2"));
const APPEALS_LEFT: &str = concat!("SELECT count(*) FROM rejections j ", later_appeals!());
const REJECTION: &str = rejected_answers!("WHERE j.hash = ?1");

impl Reader {
    /// Answers of an order that have no verdict, by their items, after one of them, at most `limit`.
    pub fn waiting_answers(&self, order: &OrderId, after: u64, limit: usize) -> Result<Vec<WaitingRow>, StoreError> {
        self.waiting_rows(ANSWERS, params![Col(*order), clamp(after), clamp(limit as u64)])
    }

    /// Appeals that a human is to decide, the oldest first, at most `limit`.
    pub fn appeals(&self, limit: usize) -> Result<Vec<WaitingRow>, StoreError> {
        self.appeals_after(0, limit)
    }

    /// Those after one of them, by its number.
    pub fn appeals_after(&self, after: u64, limit: usize) -> Result<Vec<WaitingRow>, StoreError> {
        self.waiting_rows(APPEALS, params![clamp(after), clamp(limit as u64)])
    }

    /// How many there are after one of them.
    pub fn appeals_left(&self, after: u64) -> Result<u64, StoreError> {
        Ok(self.db.prepare_cached(APPEALS_LEFT)?.query_row([clamp(after)], |row| row.get(0))?)
    }

    /// A rejected answer, by its rejection's hash.
    pub fn rejection(&self, hash: &Hash) -> Result<Option<WaitingRow>, StoreError> {
        Ok(self.waiting_rows(REJECTION, params![Col(*hash)])?.pop())
    }

    fn waiting_rows(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<WaitingRow>, StoreError> {
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push(waiting_row(row)?);
        }
        Ok(out)
    }

    /// Projects that are paused, the oldest pause first.
    pub fn paused(&self) -> Result<Vec<PausedRow>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT o.id, o.title, b.name, o.reviewed, o.rejected, o.paused_at
             FROM orders o JOIN requesters b ON b.id = o.requester WHERE o.paused_at IS NOT NULL ORDER BY o.paused_at",
        )?;
        let rows = statement.query_map([], |row| {
            let paused_at: Col<Timestamp> = row.get(5)?;
            let review = Review { reviewed: row.get(3)?, rejected: row.get(4)?, paused_at: Some(paused_at.0) };
            let order: Col<OrderId> = row.get(0)?;
            Ok(PausedRow { order: order.0, title: row.get(1)?, requester: row.get(2)?, review })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn waiting_row(row: &Row<'_>) -> Result<WaitingRow, StoreError> {
    let (item, result): (Vec<u8>, Vec<u8>) = (row.get(4)?, row.get(7)?);
    let (hash, rejection): (Option<Col<Hash>>, Option<Vec<u8>>) = (row.get(9)?, row.get(10)?);
    let (appealed_at, appeal): (Option<Col<Timestamp>>, Option<Vec<u8>>) = (row.get(11)?, row.get(12)?);
    let rejection = rejection.map(|bytes| stored::<Rejection>(&bytes)).transpose()?;
    let appeal = appeal.map(|bytes| stored::<Appeal>(&bytes)).transpose()?;
    Ok(WaitingRow {
        number: row.get(0)?,
        order: row.get::<_, Col<_>>(1)?.0,
        title: row.get(2)?,
        requester: row.get(13)?,
        record: buyer_record(row, 14)?,
        item_number: row.get(3)?,
        item: Item::from_bytes(&item).map_err(|e| StoreError::Corrupt(format!("stored item: {e}")))?,
        offer: row.get::<_, Col<_>>(5)?.0,
        worker: row.get::<_, Col<_>>(6)?.0,
        result: stored(&result)?,
        decides_at: row.get::<_, Col<_>>(8)?.0,
        rejection: hash.map(|hash| hash.0).zip(rejection),
        appeal: appealed_at.map(|at| at.0).zip(appeal),
    })
}
