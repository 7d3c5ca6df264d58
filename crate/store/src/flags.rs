//! What requesters and the operator read of flags.

use lull_market::facts::ItemState;
use lull_protocol::statement::{Report, VerdictReason, WorkResult};
use lull_protocol::{Amount, FlagReason, Hash, Item, OrderId, PublicKey, Timestamp, cose};
use rusqlite::{Connection, Params, Row, params};

use crate::error::StoreError;
use crate::read::{Reader, clamp};
use crate::value::Col;

/// A flag and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagRow {
    /// Its place among all flags; the next page is after it.
    pub number: u64,
    /// The order.
    pub order: OrderId,
    /// The requester's name.
    pub requester: String,
    /// The item's number in the order, from 0.
    pub item_number: u32,
    /// What was asked.
    pub item: Item,
    /// How far the item is now.
    pub item_state: ItemState,
    /// The offer's hash.
    pub offer: Hash,
    /// Who flagged it.
    pub worker: PublicKey,
    /// When it came.
    pub at: Timestamp,
    /// What is wrong.
    pub reason: FlagReason,
    /// In the person's own words.
    pub note: Option<String>,
    /// How long the item was on screen, milliseconds.
    pub seen_ms: u64,
    /// Why the verdict is what it is, and what it paid; `None`: there is none yet.
    pub verdict: Option<(VerdictReason, Amount)>,
}

/// Flags of an order by reason, in the order of [`FlagReason::ALL`].
pub type FlagCounts = [u64; FlagReason::ALL.len()];

const FLAGS: &str =
    "SELECT f.number, i.order_id, q.name, i.number, t.bytes, i.state, l.offer, l.worker, f.at, f.reason,
        f.seen_ms, r.statement, v.reason, v.amount
     FROM flags f JOIN leases l ON l.id = f.lease JOIN results r ON r.lease = f.lease
     JOIN items i ON i.id = f.item JOIN item_bytes t ON t.item = i.id
     JOIN orders o ON o.id = f.order_id JOIN requesters q ON q.id = o.requester
     LEFT JOIN verdicts v ON v.lease = f.lease";

impl Reader {
    /// An order's flags after a number, in the order in which they came, at most `limit`.
    pub fn flags(&self, order: &OrderId, after: u64, limit: usize) -> Result<Vec<FlagRow>, StoreError> {
        let which = "WHERE f.order_id = ?1 AND f.number > ?2 ORDER BY f.number LIMIT ?3";
        self.flag_rows(which, params![Col(*order), clamp(after), clamp(limit as u64)])
    }

    /// The flags that the operator must look at, of all orders, after a number, at most `limit`.
    pub fn flags_for_the_operator(&self, after: u64, limit: usize) -> Result<Vec<FlagRow>, StoreError> {
        let reasons = FlagReason::ALL.into_iter().filter(|reason| reason.is_for_the_operator());
        let reasons = reasons.map(|reason| format!("'{}'", reason.as_str())).collect::<Vec<_>>().join(", ");
        let which = format!("WHERE f.number > ?1 AND f.reason IN ({reasons}) ORDER BY f.number LIMIT ?2");
        self.flag_rows(&which, params![clamp(after), clamp(limit as u64)])
    }

    fn flag_rows(&self, which: &str, params: impl Params) -> Result<Vec<FlagRow>, StoreError> {
        let mut statement = self.db.prepare_cached(&format!("{FLAGS} {which}"))?;
        let mut rows = statement.query(params)?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push(flag_row(row)?);
        }
        Ok(out)
    }
}

/// How many flags an order has.
pub(crate) fn flag_counts(db: &Connection, order: &OrderId) -> Result<FlagCounts, StoreError> {
    let mut statement = db.prepare_cached("SELECT reason, count(*) FROM flags WHERE order_id = ?1 GROUP BY reason")?;
    let mut rows = statement.query([Col(*order)])?;
    let mut counts = FlagCounts::default();
    while let Some(row) = rows.next()? {
        let (reason, count): (Col<FlagReason>, u64) = (row.get(0)?, row.get(1)?);
        for (count_of, one) in counts.iter_mut().zip(FlagReason::ALL) {
            if one == reason.0 {
                *count_of = count;
            }
        }
    }
    Ok(counts)
}

fn flag_row(row: &Row<'_>) -> Result<FlagRow, StoreError> {
    let corrupt = |what: &str, error: &dyn std::fmt::Display| StoreError::Corrupt(format!("stored {what}: {error}"));
    let (item, statement): (Vec<u8>, Vec<u8>) = (row.get(4)?, row.get(11)?);
    let result = cose::peek::<WorkResult>(&statement).map_err(|error| corrupt("statement", &error))?;
    let Report::Flag(flag) = result.report else { return Err(corrupt("flag", &"its statement is none")) };
    let verdict = row.get::<_, Option<Col<_>>>(12)?.zip(row.get::<_, Option<Col<_>>>(13)?);
    Ok(FlagRow {
        number: row.get(0)?,
        order: row.get::<_, Col<_>>(1)?.0,
        requester: row.get(2)?,
        item_number: row.get(3)?,
        item: Item::from_bytes(&item).map_err(|error| corrupt("item", &error))?,
        item_state: row.get::<_, Col<_>>(5)?.0,
        offer: row.get::<_, Col<_>>(6)?.0,
        worker: row.get::<_, Col<_>>(7)?.0,
        at: row.get::<_, Col<_>>(8)?.0,
        reason: row.get::<_, Col<_>>(9)?.0,
        note: flag.note,
        seen_ms: row.get(10)?,
        verdict: verdict.map(|(reason, amount)| (reason.0, amount.0)),
    })
}
