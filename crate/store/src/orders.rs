//! What the requester API reads: requesters, orders, results.

use lull_market::RequesterId;
use lull_market::facts::{ItemState, OrderFacts};
use lull_market::ledger::Account;
use lull_protocol::cose::{self, Statement};
use lull_protocol::receipt::Receipt;
use lull_protocol::statement::{AcceptanceRule, Decision, Price, Verdict, VerdictReason, WorkResult};
use lull_protocol::task::AgreementKey;
use lull_protocol::{Amount, ByteCount, Hash, Item, OrderId, PublicKey, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::StoreError;
use crate::flags::{FlagCounts, flag_counts};
use crate::read::{Reader, balance, clamp};
use crate::value::Col;

/// A requester's money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Free to spend.
    pub available: Amount,
    /// Reserved for orders.
    pub held: Amount,
}

/// Items of an order by how far they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemCounts {
    /// All.
    pub total: u64,
    /// Still need results.
    pub open: u64,
    /// Fetched, or decided by agreement.
    pub done: u64,
    /// Enough people answered, but too few alike.
    pub ambiguous: u64,
    /// Nobody could fetch it.
    pub failed: u64,
}

/// An order as its requester sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderStatus {
    /// Its terms.
    pub order: OrderFacts,
    /// A project's title or a fetch order's purpose.
    pub title: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its requester cancelled it.
    pub cancelled_at: Option<Timestamp>,
    /// How far its items are.
    pub items: ItemCounts,
    /// Its flags by reason.
    pub flags: FlagCounts,
    /// Verdicts so far: what [`Reader::results`] lists.
    pub results: u64,
    /// What was held at first: all items at full price and fee.
    pub full_price: Amount,
    /// Paid for results, with fee.
    pub spent: Amount,
    /// Still held.
    pub held: Amount,
    /// What its requester has reviewed; of a project that reviews.
    pub review: Review,
    /// Its answers without a verdict; zeros where nobody reviews.
    pub waiting: WaitingCounts,
}

/// Answers of a project that have no verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitingCounts {
    /// Neither accepted nor rejected.
    pub waiting: u64,
    /// Rejected, and nobody has appealed so far.
    pub rejected: u64,
    /// Rejected, with an appeal.
    pub appealed: u64,
}

/// How a project's answers were reviewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Review {
    /// Answers reviewed since it began or was resumed, those that time approved included.
    pub reviewed: u64,
    /// Of these, rejected.
    pub rejected: u64,
    /// Since when nothing more of it is leased, until the operator has looked at it.
    pub paused_at: Option<Timestamp>,
}

/// A result with its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultRow {
    /// Grows with the time of the verdict; the next page is after it.
    pub number: u64,
    /// The item's number in the order, from 0.
    pub item_number: u32,
    /// What was asked.
    pub item: Item,
    /// How far the item is now.
    pub item_state: ItemState,
    /// The answer that was decided, once it was.
    pub decided: Option<AgreementKey>,
    /// The offer's hash: with it [`Reader::body`] gives the body.
    pub offer: Hash,
    /// Who did it.
    pub worker: PublicKey,
    /// What was done: outcome or answer, and the body's hash and size.
    pub result: WorkResult,
    /// Whether the body is stored.
    pub has_body: bool,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: VerdictReason,
    /// What it paid the worker.
    pub amount: Amount,
    /// Item, offer, result and verdict as they were signed.
    pub receipt: Receipt,
}

impl Reader {
    /// The requester with this API key (its SHA-256), and its name.
    pub fn requester_by_key(&self, key_hash: &Hash) -> Result<Option<(RequesterId, String)>, StoreError> {
        let mut statement = self.db.prepare_cached("SELECT id, name FROM requesters WHERE key_hash = ?1")?;
        let row = statement.query_row([Col(*key_hash)], |row| Ok((row.get::<_, Col<_>>(0)?.0, row.get(1)?)));
        Ok(row.optional()?)
    }

    /// The requester of this name.
    pub fn requester_by_name(&self, name: &str) -> Result<Option<RequesterId>, StoreError> {
        let mut statement = self.db.prepare_cached("SELECT id FROM requesters WHERE name = ?1")?;
        Ok(statement.query_row([name], |row| row.get::<_, Col<_>>(0)).optional()?.map(|id| id.0))
    }

    /// A requester's money.
    pub fn balance(&self, requester: RequesterId) -> Result<Balance, StoreError> {
        let tx = self.db.unchecked_transaction()?;
        let mut statement = tx.prepare_cached(
            "SELECT coalesce(sum(a.balance), 0) FROM orders o JOIN accounts a ON a.kind = 'held' AND a.owner = o.id
             WHERE o.requester = ?1",
        )?;
        let held: Col<Amount> = statement.query_row([Col(requester)], |row| row.get(0))?;
        Ok(Balance { available: balance(&tx, &Account::Available(requester))?, held: held.0 })
    }

    /// The ids of a requester's orders, oldest first.
    pub fn orders(&self, requester: RequesterId) -> Result<Vec<OrderId>, StoreError> {
        let mut statement =
            self.db.prepare_cached("SELECT id FROM orders WHERE requester = ?1 ORDER BY created_at, id")?;
        let rows = statement.query_map([Col(requester)], |row| Ok(row.get::<_, Col<_>>(0)?.0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How far an order is.
    pub fn order(&self, order: &OrderId) -> Result<Option<OrderStatus>, StoreError> {
        let tx = self.db.unchecked_transaction()?;
        let mut statement = tx.prepare_cached(
            "SELECT id, requester, per_item, per_mib, bytes_max, agree, people, fee_bp, task, review,
                    title, created_at, full_price, reviewed, rejected, paused_at, cancelled_at
             FROM orders WHERE id = ?1",
        )?;
        let Some((terms, title, (created_at, cancelled_at), full_price, review)) = statement
            .query_row([Col(*order)], |row| {
                let (created_at, full_price): (Col<_>, Col<_>) = (row.get("created_at")?, row.get("full_price")?);
                let paused_at: Option<Col<_>> = row.get("paused_at")?;
                let (reviewed, rejected) = (row.get("reviewed")?, row.get("rejected")?);
                let review = Review { reviewed, rejected, paused_at: paused_at.map(|at| at.0) };
                let cancelled_at = row.get::<_, Option<Col<_>>>("cancelled_at")?.map(|at| at.0);
                Ok((order_facts(row, 0)?, row.get("title")?, (created_at.0, cancelled_at), full_price.0, review))
            })
            .optional()?
        else {
            return Ok(None);
        };
        Ok(Some(OrderStatus {
            title,
            created_at,
            cancelled_at,
            items: item_counts(&tx, order)?,
            flags: flag_counts(&tx, order)?,
            results: tx
                .prepare_cached("SELECT count(*) FROM verdicts WHERE order_id = ?1")?
                .query_row([Col(*order)], |row| row.get(0))?,
            full_price,
            spent: spent(&tx, order)?,
            held: balance(&tx, &Account::Held(*order))?,
            waiting: waiting_counts(&tx, &terms)?,
            order: terms,
            review,
        }))
    }

    /// An order's results after a number, in the order of their verdicts, at most `limit`.
    pub fn results(&self, order: &OrderId, after: u64, limit: usize) -> Result<Vec<ResultRow>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT v.id, i.number, t.bytes, i.state, i.decided, l.offer, l.worker, l.statement, r.statement,
                    v.statement, EXISTS (SELECT 1 FROM bodies WHERE lease = v.lease), j.statement,
                    coalesce(j.appeal, w.appeal), w.statement, w.end_statement
             FROM verdicts v JOIN results r ON r.lease = v.lease JOIN leases l ON l.id = v.lease
             JOIN items i ON i.id = l.item JOIN item_bytes t ON t.item = i.id
             LEFT JOIN rejections j ON j.lease = v.lease LEFT JOIN reversals w ON w.lease = v.lease
             WHERE v.order_id = ?1 AND v.id > ?2 ORDER BY v.id LIMIT ?3",
        )?;
        let mut rows = statement.query(params![Col(*order), clamp(after), clamp(limit as u64)])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push(result_row(row)?);
        }
        Ok(out)
    }

    /// The decoded body of the result of an offer.
    pub fn body(&self, offer: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT b.bytes FROM bodies b JOIN leases l ON l.id = b.lease WHERE l.offer = ?1")?;
        Ok(statement.query_row([Col(*offer)], |row| row.get(0)).optional()?)
    }
}

/// An order's terms, from its columns id, requester, per_item, per_mib, bytes_max, agree, people, fee_bp, task, review,
/// the first of which is at `at`.
pub(crate) fn order_facts(row: &Row<'_>, at: usize) -> rusqlite::Result<OrderFacts> {
    let rule = match (row.get::<_, Option<Col<ByteCount>>>(at + 4)?, row.get(at + 9)?) {
        (Some(bytes_max), _) => AcceptanceRule::FetchChecks { bytes_max: bytes_max.0 },
        (None, false) => AcceptanceRule::Agreement { agree: row.get(at + 5)?, people: row.get(at + 6)? },
        (None, true) => AcceptanceRule::Review { agree: row.get(at + 5)?, people: row.get(at + 6)? },
    };
    Ok(OrderFacts {
        id: row.get::<_, Col<_>>(at)?.0,
        requester: row.get::<_, Col<_>>(at + 1)?.0,
        price: Price { per_item: row.get::<_, Col<_>>(at + 2)?.0, per_mib: row.get::<_, Col<_>>(at + 3)?.0 },
        rule,
        fee_bp: row.get(at + 7)?,
        task: row.get::<_, Option<Col<_>>>(at + 8)?.map(|task| task.0),
    })
}

fn item_counts(db: &Connection, order: &OrderId) -> Result<ItemCounts, StoreError> {
    let mut statement = db.prepare_cached("SELECT state, count(*) FROM items WHERE order_id = ?1 GROUP BY state")?;
    let mut rows = statement.query([Col(*order)])?;
    let mut counts = ItemCounts::default();
    while let Some(row) = rows.next()? {
        let (state, count): (Col<ItemState>, u64) = (row.get(0)?, row.get(1)?);
        counts.total += count;
        match state.0 {
            ItemState::Open => counts.open = count,
            ItemState::Done => counts.done = count,
            ItemState::Ambiguous => counts.ambiguous = count,
            ItemState::Failed => counts.failed = count,
        }
    }
    Ok(counts)
}

/// As many look-ups as it has answers; its items are read for their own counts, too.
fn waiting_counts(db: &Connection, order: &OrderFacts) -> Result<WaitingCounts, StoreError> {
    if !matches!(order.rule, AcceptanceRule::Review { .. }) {
        return Ok(WaitingCounts::default());
    }
    let mut statement = db.prepare_cached(
        "SELECT count(*), count(j.lease), count(j.appealed_at)
         FROM items i JOIN leases l ON l.item = i.id AND l.state = 'answered' JOIN results r ON r.lease = l.id
         LEFT JOIN rejections j ON j.lease = l.id WHERE i.order_id = ?1 AND r.counts = 1",
    )?;
    let (all, rejected, appealed): (u64, u64, u64) =
        statement.query_row([Col(order.id)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(WaitingCounts { waiting: all - rejected, rejected: rejected - appealed, appealed })
}

fn spent(db: &Connection, order: &OrderId) -> Result<Amount, StoreError> {
    let held = Account::Held(*order);
    let mut statement = db.prepare_cached(
        "SELECT coalesce(-sum(p.delta), 0) FROM accounts a JOIN postings p ON p.account = a.id
         JOIN entries e ON e.id = p.entry
         WHERE a.kind = ?1 AND a.owner = ?2 AND e.cause = 'verdict'",
    )?;
    let spent: Col<Amount> = statement.query_row(params![held.kind(), held.owner()], |row| row.get(0))?;
    Ok(spent.0)
}

fn result_row(row: &Row<'_>) -> Result<ResultRow, StoreError> {
    let (item, offer, result, verdict) = (row.get(2)?, row.get(7)?, row.get(8)?, row.get(9)?);
    let (rejection, appeal, reversal, reversal_end) = (row.get(11)?, row.get(12)?, row.get(13)?, row.get(14)?);
    let receipt = Receipt { item, offer, result, verdict, rejection, appeal, reversal, reversal_end };
    let verdict: Verdict = stored(&receipt.verdict)?;
    Ok(ResultRow {
        number: row.get(0)?,
        item_number: row.get(1)?,
        item: Item::from_bytes(&receipt.item).map_err(|e| StoreError::Corrupt(format!("stored item: {e}")))?,
        item_state: row.get::<_, Col<_>>(3)?.0,
        decided: row.get::<_, Option<Col<_>>>(4)?.map(|key| key.0),
        offer: row.get::<_, Col<_>>(5)?.0,
        worker: row.get::<_, Col<_>>(6)?.0,
        result: stored(&receipt.result)?,
        has_body: row.get(10)?,
        decision: verdict.decision,
        reason: verdict.reason,
        amount: verdict.amount,
        receipt,
    })
}

/// A statement that was verified before it was stored.
pub(crate) fn stored<T: Statement>(bytes: &[u8]) -> Result<T, StoreError> {
    cose::peek(bytes).map_err(|e| StoreError::Corrupt(format!("stored statement: {e}")))
}
