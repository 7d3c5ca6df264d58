//! What the socket layer reads: accounts, verdicts, leases, blobs.

use std::path::Path;

use lull_market::facts::{AccountFacts, SubmitFacts};
use lull_market::flag::FLAGS_CLOSE;
use lull_market::ledger::Account;
use lull_market::session::{Found, Query};
use lull_market::{Lease, LeaseState, NumberedVerdict, OpenRejection};
use lull_protocol::limits::REJECTIONS_RESENT_MAX;
use lull_protocol::statement::JobClass;
use lull_protocol::{Amount, ByteCount, Hash, OrderId, PublicKey, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use crate::error::StoreError;
use crate::load::{Told, buyer_record};
use crate::open;
use crate::value::Col;

/// A read-only connection. It sees everything that was committed before a call began.
#[derive(Debug)]
pub struct Reader {
    pub(crate) db: Connection,
    /// The most that one person is paid in 24 hours, where there is such a limit.
    pub(crate) person_day: Option<Amount>,
}

/// A lease and how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseFacts {
    /// Whose.
    pub worker: PublicKey,
    /// The order that its item belongs to.
    pub order: OrderId,
    /// Fetch or judgment.
    pub class: JobClass,
    /// Ceiling of the decoded body; zero for a judgment and for HEAD.
    pub bytes_max: ByteCount,
    /// When it ends; live up to and including this moment.
    pub deadline: Timestamp,
    /// How far it is.
    pub state: LeaseState,
    /// The hash of the result that was committed, if any.
    pub result: Option<Hash>,
}

impl Reader {
    /// Opens a database that a [`Store`](crate::Store) has made.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: open::reader(path)?, person_day: None })
    }

    /// Tells workers of the operator's limit: the most that one person is paid in 24 hours.
    #[must_use]
    pub fn with_person_day(self, most: Option<Amount>) -> Self {
        Self { person_day: most, ..self }
    }

    /// Writes all that is committed into a new file, synced; a server may run meanwhile. Fails if there is a file.
    pub fn back_up(&self, file: &Path) -> Result<(), StoreError> {
        let name = file.to_str().ok_or_else(|| StoreError::Io(rusqlite::Error::InvalidPath(file.to_owned())))?;
        self.db.execute("VACUUM INTO ?1", [name])?;
        let synced = std::fs::File::open(file).and_then(|file| file.sync_all());
        synced.map_err(|error| StoreError::Io(rusqlite::Error::ToSqlConversionFailure(error.into())))
    }

    /// Answers what a connection asks.
    pub fn answer(&self, query: &Query) -> Result<Found, StoreError> {
        Ok(match query {
            Query::OpenLeases { worker, now } => Found::OpenLeases(self.open_leases(worker, *now)?),
            Query::OpenRejections { worker, after } => Found::OpenRejections(self.open_rejections(worker, *after)?),
            Query::Reversals { worker, ended_since, after } => {
                Found::Reversals(self.reversals(worker, *ended_since, *after)?)
            }
            Query::Account { worker, day_start } => Found::Account(self.account(worker, *day_start)?),
            Query::VerdictsAfter { worker, number, limit } => {
                Found::VerdictsAfter(self.verdicts_after(worker, *number, *limit)?)
            }
            Query::SubmitFacts { offer } => Found::SubmitFacts(self.submit_facts(offer)?.map(Box::new)),
            Query::Wallet { worker, now } => Found::Wallet(Box::new(self.wallet(*worker, *now)?)),
            Query::WalletBrowsers { worker } => Found::WalletBrowsers(self.wallet_browsers(*worker)?),
            Query::Payouts { worker, chain, now } => Found::Payouts(Box::new(self.payouts(worker, *chain, *now)?)),
            Query::PayoutsBefore { worker, number } => {
                let (payouts, has_older) = self.payouts_before(worker, *number)?;
                Found::PayoutsBefore(payouts, has_older)
            }
            Query::Blob { hash } => Found::Blob(self.blob(hash)?.map(|(_, bytes)| bytes)),
        })
    }

    /// A worker's money; zeros for one that never earned.
    pub fn account(&self, worker: &PublicKey, day_start: Timestamp) -> Result<AccountFacts, StoreError> {
        let tx = self.db.unchecked_transaction()?;
        let pending = balance(&tx, &Account::Pending(*worker))?;
        let payable = balance(&tx, &Account::Payable(*worker))?;
        let on_their_way = [balance(&tx, &Account::InPayout(*worker))?, balance(&tx, &Account::Paid(*worker))?];
        let earned_today = earned_since(&tx, worker, day_start)?;
        let reversed = balance(&tx, &Account::Reversed(*worker))?;
        let earned = [payable, reversed].into_iter().chain(on_their_way).try_fold(pending, Amount::checked_add);
        let earned = earned.ok_or_else(|| StoreError::Corrupt("earned is out of range".into()))?;
        let verdicts = crate::load::last_number(&tx, *worker)?;
        let mut succeeded =
            tx.prepare_cached("SELECT 1 FROM wallets WHERE worker = ?1 AND succeeded_by IS NOT NULL")?;
        let is_succeeded = succeeded.exists([Col(*worker)])?;
        let has_reversals = crate::reversals::are_there(&tx, *worker)?;
        Ok(AccountFacts { earned, pending, payable, reversed, has_reversals, earned_today, verdicts, is_succeeded })
    }

    /// The worker's verdicts after a number, in order, at most `limit`.
    pub fn verdicts_after(
        &self,
        worker: &PublicKey,
        number: u64,
        limit: usize,
    ) -> Result<Vec<NumberedVerdict>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT v.number, v.statement, j.statement FROM verdicts v LEFT JOIN rejections j ON j.lease = v.lease
             WHERE v.worker = ?1 AND v.number > ?2 ORDER BY v.number LIMIT ?3",
        )?;
        let rows = statement.query_map(params![Col(*worker), clamp(number), clamp(limit as u64)], |row| {
            let (number, statement, rejection) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(NumberedVerdict { worker: *worker, number, statement, rejection })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The number of the worker's last verdict; zero if it has none.
    pub fn last_verdict(&self, worker: &PublicKey) -> Result<u64, StoreError> {
        crate::load::last_number(&self.db, *worker)
    }

    /// The worker's leases that are live now, oldest first: sent again after a reconnect.
    pub fn open_leases(&self, worker: &PublicKey, now: Timestamp) -> Result<Vec<Lease>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT l.statement, t.bytes, l.extension, i.flags >= ?3 OR o.cancelled_at IS NOT NULL, i.order_id, i.class,
                    o.review, b.reviewed, b.rejected, b.overturned
             FROM leases l JOIN item_bytes t ON t.item = l.item JOIN items i ON i.id = l.item
             JOIN orders o ON o.id = i.order_id JOIN requesters b ON b.id = o.requester
             WHERE l.worker = ?1 AND l.state = 'open' AND l.deadline >= ?2 ORDER BY l.id",
        )?;
        let rows = statement.query_map(params![Col(*worker), Col(now), FLAGS_CLOSE], |row| {
            let (offer, item, extension, is_withdrawn) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            let record = if row.get(6)? { Some(buyer_record(row, 7)?) } else { None };
            let lease = Lease { offer, item, extension, pace: None, record, skips_left: None, is_withdrawn };
            Ok((lease, row.get::<_, Col<OrderId>>(4)?.0, row.get::<_, Col<JobClass>>(5)?.0))
        })?;
        let (mut leases, mut told) = (Vec::new(), Told::default());
        for row in rows {
            let (mut lease, order, class): (Lease, OrderId, JobClass) = row?;
            if class == JobClass::Judgment {
                let (pace, skips) = told.of(&self.db, *worker, order, now)?;
                (lease.pace, lease.skips_left) = (pace, Some(skips.left()));
            }
            leases.push(lease);
        }
        Ok(leases)
    }

    /// The worker's rejected results that have no verdict yet, oldest first, after one of them, at most
    /// `REJECTIONS_RESENT_MAX`.
    pub fn open_rejections(&self, worker: &PublicKey, after: Option<Hash>) -> Result<Vec<OpenRejection>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT statement, appeal IS NOT NULL FROM rejections WHERE worker = ?1 AND is_open = 1
               AND lease > coalesce((SELECT lease FROM rejections WHERE hash = ?3), -1)
             ORDER BY lease LIMIT ?2",
        )?;
        let rows = statement.query_map(params![Col(*worker), REJECTIONS_RESENT_MAX, after.map(Col)], |row| {
            Ok(OpenRejection { worker: *worker, statement: row.get(0)?, is_appealed: row.get(1)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A lease by its offer's hash.
    pub fn lease(&self, offer: &Hash) -> Result<Option<LeaseFacts>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT l.worker, i.order_id, l.class, coalesce(o.bytes_max, 0) AS bytes_max, l.deadline, l.state, r.hash
             FROM leases l JOIN items i ON i.id = l.item JOIN orders o ON o.id = i.order_id
             LEFT JOIN results r ON r.lease = l.id
             WHERE l.offer = :offer",
        )?;
        let row = statement.query_row(named_params! { ":offer": Col(*offer) }, lease_facts).optional()?;
        Ok(row)
    }

    /// What the market would decide a result of this offer on: to know, before a body is pulled, whether it
    /// would be paid. The decision itself is made in [`Store::apply`](crate::Store::apply).
    pub fn submit_facts(&self, offer: &Hash) -> Result<Option<SubmitFacts>, StoreError> {
        let tx = self.db.unchecked_transaction()?;
        crate::load::submitted(&tx, *offer)
    }

    /// A blob's media type and bytes.
    pub fn blob(&self, hash: &Hash) -> Result<Option<(String, Vec<u8>)>, StoreError> {
        let mut statement = self.db.prepare_cached("SELECT media_type, bytes FROM blobs WHERE hash = ?1")?;
        Ok(statement.query_row([Col(*hash)], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }
}

fn lease_facts(row: &Row<'_>) -> rusqlite::Result<LeaseFacts> {
    Ok(LeaseFacts {
        worker: row.get::<_, Col<_>>("worker")?.0,
        order: row.get::<_, Col<_>>("order_id")?.0,
        class: row.get::<_, Col<_>>("class")?.0,
        bytes_max: row.get::<_, Col<_>>("bytes_max")?.0,
        deadline: row.get::<_, Col<_>>("deadline")?.0,
        state: row.get::<_, Col<_>>("state")?.0,
        result: row.get::<_, Option<Col<Hash>>>("hash")?.map(|hash| hash.0),
    })
}

/// What the worker's verdicts since then pay, the newest first, which is where the day is.
fn earned_since(db: &Connection, worker: &PublicKey, since: Timestamp) -> Result<Amount, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT decided_at, amount FROM verdicts WHERE worker = ?1 ORDER BY number DESC")?;
    let mut rows = statement.query([Col(*worker)])?;
    let mut sum = Amount::ZERO;
    while let Some(row) = rows.next()? {
        let (decided_at, amount): (Col<Timestamp>, Col<Amount>) = (row.get(0)?, row.get(1)?);
        if decided_at.0 < since {
            break;
        }
        sum = sum.checked_add(amount.0).ok_or_else(|| StoreError::Corrupt("earned today is out of range".into()))?;
    }
    Ok(sum)
}

/// The balance of an account that can't be negative; zero if it never had a posting.
pub(crate) fn balance(db: &Connection, account: &Account) -> Result<Amount, StoreError> {
    let mut statement = db.prepare_cached("SELECT balance FROM accounts WHERE kind = ?1 AND owner = ?2")?;
    let found: Option<Col<Amount>> =
        statement.query_row(params![account.kind(), account.owner()], |row| row.get(0)).optional()?;
    Ok(found.map_or(Amount::ZERO, |balance| balance.0))
}

/// An unsigned number for SQLite, whose integers end at 2^63 − 1.
pub(crate) fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
