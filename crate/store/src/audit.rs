//! What an auditor and the operator read: the ledger, receipts, counts, and a check of it all.

use lull_market::ledger::{Account, Posting};
use lull_protocol::receipt::Receipt;
use lull_protocol::{Amount, OrderId, PublicKey, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::error::StoreError;
use crate::read::{Reader, clamp};
use crate::value::Col;

/// A ledger entry with its postings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Grows; the next page is after it.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// Why: the word of a [`Cause`](lull_market::ledger::Cause).
    pub cause: String,
    /// What it is about, as [`Cause::about`](lull_market::ledger::Cause::about) says it.
    pub about: String,
    /// They sum to zero.
    pub postings: Vec<Posting>,
}

/// A receipt with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRow {
    /// Grows; the next page is after it.
    pub number: u64,
    /// The order.
    pub order: OrderId,
    /// Whose.
    pub worker: PublicKey,
    /// The verdict's number in the worker's row.
    pub worker_number: u64,
    /// Item, offer, result and verdict as they were signed.
    pub receipt: Receipt,
}

/// Counts for the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Requesters.
    pub requesters: u64,
    /// Orders.
    pub orders: u64,
    /// Items that need results.
    pub items_open: u64,
    /// Items that are done, ambiguous or failed.
    pub items_closed: u64,
    /// Leases that are open.
    pub leases_open: u64,
    /// Fetch results.
    pub fetches: u64,
    /// Answers.
    pub judgments: u64,
    /// Workers that have a verdict.
    pub workers: u64,
    /// Verdicts: accepted.
    pub accepted: u64,
    /// Verdicts: rejected.
    pub rejected: u64,
    /// Verdicts: ambiguous.
    pub ambiguous: u64,
    /// All that workers earned.
    pub earned: Amount,
    /// What of that was reversed while it was pending.
    pub reversed: Amount,
    /// The operator's fees.
    pub fees: Amount,
    /// All that requesters paid in.
    pub deposited: Amount,
}

/// What [`Reader::check_ledger`] saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerCheck {
    /// Entries.
    pub entries: u64,
    /// Postings.
    pub postings: u64,
    /// Accounts.
    pub accounts: u64,
    /// What is wrong, in words; empty if all agrees.
    pub problems: Vec<String>,
}

/// Each gives one row per problem: what it is about.
const CHECKS: [(&str, &str); 25] = [
    ("entry does not sum to zero", "SELECT entry FROM postings GROUP BY entry HAVING sum(delta) <> 0"),
    ("entry without postings", "SELECT id FROM entries WHERE id NOT IN (SELECT entry FROM postings)"),
    (
        "posting with another time than its entry",
        "SELECT p.entry FROM postings p JOIN entries e ON e.id = p.entry WHERE p.at <> e.at",
    ),
    (
        "balance is not the sum of the postings, account",
        "SELECT a.id FROM accounts a LEFT JOIN postings p ON p.account = a.id
         GROUP BY a.id HAVING a.balance <> coalesce(sum(p.delta), 0)",
    ),
    ("negative balance, account", "SELECT id FROM accounts WHERE balance < 0 AND kind <> 'deposits'"),
    (
        // What payouts cost their people came in once more, and what was reversed.
        "deposits are not what was paid in",
        "SELECT 'all' WHERE (SELECT coalesce(sum(amount), 0) FROM deposits)
            + (SELECT coalesce(sum(fee + account), 0) FROM payouts WHERE state = 'paid')
            + (SELECT coalesce(sum(balance), 0) FROM accounts WHERE kind = 'reversed')
            <> (SELECT -coalesce(sum(balance), 0) FROM accounts WHERE kind = 'deposits')",
    ),
    (
        "a transaction is credited without its deposit, transaction",
        "SELECT t.signature FROM deposit_transactions t JOIN deposit_references r ON r.reference = t.reference
         LEFT JOIN deposits d ON d.reference = t.signature AND d.requester = r.requester AND d.amount = t.credited
         WHERE t.credited IS NOT NULL AND d.reference IS NULL",
    ),
    (
        "held is not what its items hold, order",
        "SELECT lower(hex(o.id)) FROM orders o LEFT JOIN items i ON i.order_id = o.id GROUP BY o.id
         HAVING coalesce(sum(i.held), 0)
            <> coalesce((SELECT balance FROM accounts WHERE kind = 'held' AND owner = o.id), 0)",
    ),
    (
        "earned is not what verdicts say, worker",
        "SELECT lower(hex(w.worker)) FROM (
            SELECT worker, sum(CASE WHEN settled = 0 THEN amount ELSE 0 END) AS pending,
                   sum(CASE WHEN settled = 1 THEN amount ELSE 0 END) AS settled
            FROM verdicts GROUP BY worker
            UNION ALL
            SELECT DISTINCT owner, 0, 0 FROM accounts
            WHERE kind IN ('pending', 'payable', 'in_payout', 'paid', 'reversed')
              AND owner NOT IN (SELECT worker FROM verdicts)
         ) w
         WHERE pending <> coalesce((SELECT balance FROM accounts WHERE kind = 'pending' AND owner = w.worker), 0)
            OR settled <> coalesce((SELECT sum(balance) FROM accounts
                 WHERE kind IN ('payable', 'in_payout', 'paid', 'reversed') AND owner = w.worker), 0)",
    ),
    (
        "reversed is not what reversals say, worker",
        "SELECT lower(hex(w.worker)) FROM (
            SELECT v.worker, sum(v.amount) AS reversed FROM reversals r JOIN verdicts v ON v.lease = r.lease
            WHERE r.ending IN ('unopposed', 'denied') GROUP BY v.worker
            UNION ALL
            SELECT owner, 0 FROM accounts WHERE kind = 'reversed' AND owner NOT IN (
                SELECT worker FROM reversals WHERE ending IN ('unopposed', 'denied'))
         ) w
         WHERE reversed <> coalesce((SELECT balance FROM accounts WHERE kind = 'reversed' AND owner = w.worker), 0)",
    ),
    (
        "a reversal is open until its money is final and no longer, lease",
        "SELECT r.lease FROM reversals r JOIN verdicts v ON v.lease = r.lease
         WHERE (r.ended_at IS NULL) <> (v.settled = 0)",
    ),
    (
        "a reversal has no entry, or one too many, lease",
        "SELECT r.lease FROM reversals r JOIN verdicts v ON v.lease = r.lease
         WHERE (coalesce(r.ending, '') IN ('unopposed', 'denied'))
            <> EXISTS (SELECT 1 FROM entries WHERE cause = 'reversed' AND about = lower(hex(v.hash)))",
    ),
    (
        "in payout or paid is not what payouts say, worker",
        "SELECT lower(hex(w.worker)) FROM (
            SELECT s.worker, sum(CASE WHEN p.state <> 'paid' THEN s.amount ELSE 0 END) AS in_payout,
                   sum(CASE WHEN p.state = 'paid' THEN s.amount ELSE 0 END) AS paid
            FROM payout_shares s JOIN payouts p ON p.number = s.payout GROUP BY s.worker
            UNION ALL
            SELECT DISTINCT owner, 0, 0 FROM accounts
            WHERE kind IN ('in_payout', 'paid') AND owner NOT IN (SELECT worker FROM payout_shares)
         ) w
         WHERE in_payout <> coalesce((SELECT balance FROM accounts WHERE kind = 'in_payout' AND owner = w.worker), 0)
            OR paid <> coalesce((SELECT balance FROM accounts WHERE kind = 'paid' AND owner = w.worker), 0)",
    ),
    (
        "a payout is not its shares less what it costs, number",
        "SELECT p.number FROM payouts p WHERE p.arrives + p.fee + p.account - p.unearned
            <> (SELECT coalesce(sum(amount), 0) FROM payout_shares WHERE payout = p.number)",
    ),
    (
        "a payout has no entry, or one too many, number",
        "SELECT p.number FROM payouts p WHERE EXISTS (SELECT 1 FROM payout_shares WHERE payout = p.number) AND (
            NOT EXISTS (SELECT 1 FROM entries WHERE cause = 'payout' AND about = CAST(p.number AS TEXT))
            OR (p.state = 'paid') <> EXISTS (SELECT 1 FROM entries WHERE cause = 'paid' AND about = CAST(p.number AS TEXT)))",
    ),
    (
        "network fees and treasury are not what payouts cost",
        "SELECT 'all' WHERE (SELECT coalesce(sum(fee + account), 0) FROM payouts WHERE state = 'paid')
            <> (SELECT coalesce(sum(balance), 0) FROM accounts WHERE kind IN ('network_fees', 'treasury'))",
    ),
    (
        "a lane has a batch that is over or another's, or a batch has no lane, batch",
        "SELECT b.id FROM batches b WHERE (b.is_over = 0) <>
            EXISTS (SELECT 1 FROM lanes l WHERE l.batch = b.id AND l.id = b.lane)",
    ),
    (
        "a payout is in a batch that is over, number",
        "SELECT p.number FROM payouts p JOIN batches b ON b.id = p.batch WHERE b.is_over = 1",
    ),
    (
        "more was spent in the books than on the chain, transaction",
        "SELECT about FROM entries WHERE cause = 'spent' AND about NOT IN (SELECT lower(hex(signature)) FROM spends)",
    ),
    (
        // The hash is that of no bytes (FIPS 180-4).
        "a body that was paid for is gone, lease",
        "SELECT v.lease FROM verdicts v JOIN results r ON r.lease = v.lease
         WHERE v.amount > 0 AND r.outcome IS NOT NULL
           AND r.body_hash <> X'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
           AND v.lease NOT IN (SELECT lease FROM bodies)",
    ),
    (
        "verdict numbers have gaps, worker",
        "SELECT lower(hex(worker)) FROM verdicts GROUP BY worker HAVING max(number) <> count(*)",
    ),
    (
        "an item counts other answers than there are, item",
        "SELECT i.id FROM items i WHERE i.class = 'judgment' AND i.answered <>
            (SELECT count(*) FROM leases l JOIN results r ON r.lease = l.id WHERE l.item = i.id AND r.counts = 1)",
    ),
    (
        "a rejection is open until its verdict and no longer, lease",
        "SELECT j.lease FROM rejections j LEFT JOIN verdicts v ON v.lease = j.lease
         WHERE (j.is_open = 1) <> (v.lease IS NULL)",
    ),
    (
        "a lease of an open item is another person's than its worker is, lease",
        "SELECT l.id FROM items i JOIN leases l ON l.item = i.id LEFT JOIN persons p ON p.worker = l.worker
         WHERE i.state = 'open' AND l.again = 0 AND l.person IS NOT p.person",
    ),
    (
        "an order is open without an item that is, or the other way round, order",
        "SELECT o.rowid FROM orders o WHERE o.is_open <> EXISTS (SELECT 1 FROM items i WHERE i.order_id = o.id AND i.state = 'open')",
    ),
];

impl Reader {
    /// Ledger entries after an id, in order, at most `limit`.
    pub fn ledger(&self, after: u64, limit: usize) -> Result<Vec<EntryRow>, StoreError> {
        let tx = self.db.unchecked_transaction()?;
        let mut entries =
            tx.prepare_cached("SELECT id, at, cause, about FROM entries WHERE id > ?1 ORDER BY id LIMIT ?2")?;
        let mut lines = tx.prepare_cached(
            "SELECT a.kind, a.owner, p.delta FROM postings p JOIN accounts a ON a.id = p.account
             WHERE p.entry = ?1 ORDER BY p.delta",
        )?;
        let mut rows = entries.query(params![clamp(after), clamp(limit as u64)])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let id: u64 = row.get(0)?;
            let mut postings = Vec::new();
            let mut found = lines.query([id])?;
            while let Some(line) = found.next()? {
                postings.push(posting(line)?);
            }
            out.push(EntryRow { id, at: row.get::<_, Col<_>>(1)?.0, cause: row.get(2)?, about: row.get(3)?, postings });
        }
        Ok(out)
    }

    /// Receipts after a number, in the order of their verdicts, at most `limit`.
    pub fn receipts(&self, after: u64, limit: usize) -> Result<Vec<ReceiptRow>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT v.id, v.order_id, v.worker, v.number, t.bytes, l.statement, r.statement, v.statement,
                    j.statement, coalesce(j.appeal, w.appeal), w.statement, w.end_statement
             FROM verdicts v JOIN results r ON r.lease = v.lease JOIN leases l ON l.id = v.lease
             JOIN item_bytes t ON t.item = l.item LEFT JOIN rejections j ON j.lease = v.lease
             LEFT JOIN reversals w ON w.lease = v.lease WHERE v.id > ?1 ORDER BY v.id LIMIT ?2",
        )?;
        let rows = statement.query_map(params![clamp(after), clamp(limit as u64)], |row| {
            let (item, offer, result, verdict) = (row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?);
            let (rejection, appeal) = (row.get(8)?, row.get(9)?);
            let (reversal, reversal_end) = (row.get(10)?, row.get(11)?);
            Ok(ReceiptRow {
                number: row.get(0)?,
                order: row.get::<_, Col<_>>(1)?.0,
                worker: row.get::<_, Col<_>>(2)?.0,
                worker_number: row.get(3)?,
                receipt: Receipt { item, offer, result, verdict, rejection, appeal, reversal, reversal_end },
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Counts; reads whole tables.
    pub fn statistics(&self) -> Result<Statistics, StoreError> {
        let tx = self.db.unchecked_transaction()?;
        let count = |sql: &str| tx.query_row(sql, [], |row| row.get::<_, u64>(0));
        let amount = |sql: &str| tx.query_row(sql, [], |row| row.get::<_, Col<Amount>>(0)).map(|sum| sum.0);
        Ok(Statistics {
            requesters: count("SELECT count(*) FROM requesters")?,
            orders: count("SELECT count(*) FROM orders")?,
            items_open: count("SELECT count(*) FROM items WHERE state = 'open'")?,
            items_closed: count("SELECT count(*) FROM items WHERE state <> 'open'")?,
            leases_open: count("SELECT count(*) FROM leases WHERE state = 'open'")?,
            fetches: count("SELECT count(*) FROM results WHERE body_hash IS NOT NULL")?,
            judgments: count("SELECT count(*) FROM results WHERE answer IS NOT NULL")?,
            workers: count("SELECT count(DISTINCT worker) FROM verdicts")?,
            accepted: count("SELECT count(*) FROM verdicts WHERE decision = 'accepted'")?,
            rejected: count("SELECT count(*) FROM verdicts WHERE decision = 'rejected'")?,
            ambiguous: count("SELECT count(*) FROM verdicts WHERE decision = 'ambiguous'")?,
            earned: amount(
                "SELECT coalesce(sum(balance), 0) FROM accounts WHERE kind IN ('pending', 'payable', 'in_payout', 'paid', 'reversed')",
            )?,
            reversed: amount("SELECT coalesce(sum(balance), 0) FROM accounts WHERE kind = 'reversed'")?,
            fees: amount("SELECT coalesce(sum(balance), 0) FROM accounts WHERE kind = 'fee'")?,
            deposited: amount("SELECT coalesce(sum(amount), 0) FROM deposits")?,
        })
    }

    /// Recomputes every balance from the postings, and what verdicts and items say of them: a list of
    /// what does not agree. Reads the whole ledger.
    pub fn check_ledger(&self) -> Result<LedgerCheck, StoreError> {
        let tx = self.db.unchecked_transaction()?;
        let mut check = LedgerCheck {
            entries: tx.query_row("SELECT count(*) FROM entries", [], |row| row.get(0))?,
            postings: tx.query_row("SELECT count(*) FROM postings", [], |row| row.get(0))?,
            accounts: tx.query_row("SELECT count(*) FROM accounts", [], |row| row.get(0))?,
            problems: vec![],
        };
        for (problem, sql) in CHECKS {
            note(&tx, problem, sql, &mut check.problems)?;
        }
        Ok(check)
    }
}

fn note(db: &Connection, problem: &str, sql: &str, problems: &mut Vec<String>) -> Result<(), StoreError> {
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let about = match row.get_ref(0)? {
            rusqlite::types::ValueRef::Integer(id) => id.to_string(),
            other => other.as_str().unwrap_or("?").to_owned(),
        };
        problems.push(format!("{problem} {about}"));
    }
    Ok(())
}

fn posting(row: &Row<'_>) -> Result<Posting, StoreError> {
    let (kind, owner): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
    let account = Account::from_parts(&kind, &owner)
        .ok_or_else(|| StoreError::Corrupt(format!("an account of kind {kind} with a wrong owner")))?;
    Ok(Posting { account, delta: row.get(2)? })
}
