//! What a worker is told of its payouts.

use lull_market::ledger::Account;
use lull_payout::rules::{self, Earned, Quote};
use lull_protocol::limits::PAYOUTS_TOLD_MAX;
use lull_protocol::payout::{
    Hold, NextPayout, Payout, PayoutStage, Payouts, Schedule, Standstill, TransactionId, When,
};
use lull_protocol::siws::Chain;
use lull_protocol::{Amount, PublicKey, Timestamp, Wallet};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::read::{choice, person, wallet, wallet_day};
use crate::error::StoreError;
use crate::read::{Reader, balance, clamp};
use crate::value::Col;

type Loaded<T> = Result<T, StoreError>;

const DAY_MS: u64 = 86_400_000;

impl Reader {
    /// A worker's payouts, as it is told of them.
    pub fn payouts(&self, worker: &PublicKey, chain: Chain, now: Timestamp) -> Loaded<Payouts> {
        let tx = self.db.unchecked_transaction()?;
        let (schedule, next) = next(&tx, worker, self.person_day, now)?;
        let (newest, has_older) = page(&tx, worker, None)?;
        Ok(Payouts {
            chain,
            in_payout: balance(&tx, &Account::InPayout(*worker))?,
            paid: balance(&tx, &Account::Paid(*worker))?,
            schedule,
            next,
            standstill: standstill(&tx)?,
            newest,
            has_older,
        })
    }

    /// Its payouts before a number, the newest first, and whether there are older ones.
    pub fn payouts_before(&self, worker: &PublicKey, number: u64) -> Loaded<(Vec<Payout>, bool)> {
        page(&self.db, worker, Some(number))
    }
}

fn next(
    db: &Connection,
    worker: &PublicKey,
    person_day: Option<Amount>,
    now: Timestamp,
) -> Loaded<(Schedule, Option<NextPayout>)> {
    let own = "SELECT wallet, held_until FROM wallets WHERE worker = ?1 AND wallet IS NOT NULL";
    let row = |row: &Row<'_>| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, Option<Col<Timestamp>>>(1)?));
    let Some((bytes, held)) = db.prepare_cached(own)?.query_row([Col(*worker)], row).optional()? else {
        let own = "SELECT schedule, schedule_value, account_agreed FROM payout_choices WHERE worker = ?1";
        return Ok((choice(db, own, [Col(*worker)])?.0, None));
    };
    let held = held.map(|until| until.0).filter(|until| *until > now);
    let person = person(db, wallet(bytes)?, held.unwrap_or(now))?;
    let sql = "SELECT transaction_lamports, account_lamports, sharing, sol FROM treasury";
    let costs = db.prepare_cached(sql)?.query_row([], |row| {
        Ok(rules::Costs {
            transaction_lamports: row.get(0)?,
            account_lamports: row.get(1)?,
            sharing: row.get(2)?,
            sol: row.get::<_, Col<_>>(3)?.0,
        })
    })?;
    let schedule = if person.is_wanted { Schedule::Now } else { person.earned.schedule };
    let next = rules::next_payout(&Earned { schedule, ..person.earned }, &costs, now.get() / DAY_MS);
    let next = match person_day.filter(|_| held.is_none()) {
        Some(most) => rules::within_day(next, schedule, &wallet_day(db, person.wallet, most, now)?),
        None => next,
    };
    let Quote { fee, account } = next.quote;
    let when = held.map_or(next.when, When::After);
    let rules::NextPayout { earnings, arrives, day, .. } = next;
    Ok((person.earned.schedule, Some(NextPayout { earnings, arrives, fee, account, when, day })))
}

/// When a worker is paid, as the newest word of all workers of its wallet has it.
pub(crate) fn schedule(db: &Connection, worker: PublicKey) -> Loaded<Schedule> {
    let newest = "SELECT c.schedule, c.schedule_value, c.account_agreed FROM payout_choices c
         WHERE c.worker = ?1 OR c.worker IN (SELECT o.worker FROM wallets w JOIN wallets o ON o.wallet = w.wallet
                                             WHERE w.worker = ?1)
         ORDER BY c.chosen_at DESC, c.worker LIMIT 1";
    Ok(choice(db, newest, [Col(worker)])?.0)
}

/// The one that lasts longest is told.
fn standstill(db: &Connection) -> Loaded<Option<Standstill>> {
    let sql = "SELECT paused_at IS NOT NULL, EXISTS (SELECT 1 FROM lanes WHERE moved_at IS NOT NULL), standstill
         FROM treasury";
    Ok(db.prepare_cached(sql)?.query_row([], |row| {
        let word: Option<String> = row.get(2)?;
        Ok(match (row.get(0)?, row.get(1)?, word.as_deref()) {
            (true, _, _) => Some(Standstill::Paused),
            (false, true, _) => Some(Standstill::Differs),
            (false, false, Some("list_old")) => Some(Standstill::ListOld),
            (false, false, Some("unreachable")) => Some(Standstill::Unreachable),
            (false, false, Some(_)) => Some(Standstill::Short),
            (false, false, None) => None,
        })
    })?)
}

fn page(db: &Connection, worker: &PublicKey, before: Option<u64>) -> Loaded<(Vec<Payout>, bool)> {
    let mut statement = db.prepare_cached(
        "SELECT p.number, p.made_at, p.wallet, s.amount, p.arrives - p.unearned, p.fee, p.account, p.state, p.hold, b.stage,
                coalesce(p.signature, b.signature), p.paid_at,
                (SELECT coalesce(max(o.made_at), 0) FROM payout_shares t JOIN payouts o ON o.number = t.payout
                 WHERE t.worker = s.worker AND t.payout < s.payout)
         FROM payout_shares s JOIN payouts p ON p.number = s.payout LEFT JOIN batches b ON b.id = p.batch
         WHERE s.worker = ?1 AND s.payout < ?2 ORDER BY s.payout DESC LIMIT ?3",
    )?;
    let row = params![Col(*worker), clamp(before.unwrap_or(u64::MAX)), clamp(PAYOUTS_TOLD_MAX as u64 + 1)];
    let mut rows = statement.query(row)?;
    let mut all = vec![];
    while let Some(row) = rows.next()? {
        all.push(payout(row)?);
    }
    let has_older = all.len() > PAYOUTS_TOLD_MAX;
    all.truncate(PAYOUTS_TOLD_MAX);
    Ok((all, has_older))
}

fn payout(row: &Row<'_>) -> Loaded<Payout> {
    let amount = |index| -> Loaded<Amount> { Ok(row.get::<_, Col<_>>(index)?.0) };
    let bytes: [u8; 32] = row.get(2)?;
    let wallet = Wallet::new(PublicKey(bytes)).map_err(|error| StoreError::Corrupt(format!("a wallet: {error}")))?;
    let (arrives, fee, account) = (amount(4)?, amount(5)?, amount(6)?);
    let earnings = arrives.checked_add(fee).and_then(|sum| sum.checked_add(account));
    let stage = match (row.get::<_, String>(7)?.as_str(), row.get::<_, Option<Col<Hold>>>(8)?) {
        ("paid", _) => PayoutStage::Paid,
        ("held", Some(hold)) => PayoutStage::Held(hold.0),
        _ => match row.get::<_, Option<String>>(9)?.as_deref() {
            Some("confirmed") => PayoutStage::Arriving,
            Some("signed" | "sent" | "cancelling" | "cancel sent") => PayoutStage::Sent,
            _ => PayoutStage::Waiting,
        },
    };
    Ok(Payout {
        number: row.get(0)?,
        made_at: row.get::<_, Col<_>>(1)?.0,
        wallet,
        share: amount(3)?,
        earnings: earnings.ok_or_else(|| StoreError::Corrupt("a payout is out of range".into()))?,
        arrives,
        fee,
        account,
        stage,
        transaction: row.get::<_, Option<[u8; 64]>>(10)?.map(TransactionId),
        paid_at: row.get::<_, Option<Col<_>>>(11)?.map(|at| at.0),
        since: row.get::<_, Col<_>>(12)?.0,
    })
}
