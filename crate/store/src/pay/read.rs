//! What the shell that pays reads, and the operator.

use lull_market::payouts::Share;
use lull_payout::address::{Address, Wallet};
use lull_payout::batch::Batch;
use lull_payout::facts::PayoutState;
use lull_payout::lane::Lane;
use lull_payout::reconcile::Known;
use lull_payout::rules::{Costs, Day, Earned};
use lull_payout::units::{BatchId, LaneId, Nonce, PayoutId, Signature};
use lull_protocol::payout::{Hold, Schedule, Standstill, Weekday};
use lull_protocol::{Amount, Timestamp};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::{HELD_MS, TreasuryId};
use crate::error::StoreError;
use crate::read::{Reader, clamp};
use crate::value::Col;

type Loaded<T> = Result<T, StoreError>;

/// A day, milliseconds.
const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;
/// What a transaction costs is the most that so many of the last ones did.
const LAST_SPENDS: u32 = 20;

/// How paying stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreasuryState {
    /// Who pays; `None` if nobody ever did.
    pub id: Option<TreasuryId>,
    /// The last start's number.
    pub run: u64,
    /// Grows with every change.
    pub version: u64,
    /// Since when the operator has paused payouts.
    pub paused_at: Option<Timestamp>,
    /// Why nobody is paid, besides that and lanes that moved.
    pub standstill: Option<Standstill>,
    /// What a payout costs, as it was last seen.
    pub costs: Costs,
    /// All lanes.
    pub lanes: Vec<Lane>,
    /// Those of them where ledger and chain may differ.
    pub moved: Vec<Moved>,
    /// Batches that are not over.
    pub open: Vec<Batch>,
    /// Payouts that wait, and all that arrives by them.
    pub waiting: (u64, Amount),
    /// Payouts in batches, likewise.
    pub in_batch: (u64, Amount),
    /// Payouts that are set aside, likewise.
    pub held: (u64, Amount),
    /// Payouts that were paid, likewise.
    pub paid: (u64, Amount),
    /// What the treasury spent, lamports.
    pub spent_lamports: u64,
}

/// A lane at which ledger and chain may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which.
    pub lane: LaneId,
    /// Since when.
    pub at: Timestamp,
    /// What was seen.
    pub why: String,
}

/// Somebody who has earned something: all workers of a wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Their wallet.
    pub wallet: Wallet,
    /// What is payable, by worker.
    pub shares: Vec<Share>,
    /// How they want it; whether they have a token account, as far as it is known.
    pub earned: Earned,
    /// Whether they want it now, whatever the schedule says.
    pub is_wanted: bool,
}

/// A payout for the next plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingPayout {
    /// Which.
    pub payout: PayoutId,
    /// To where.
    pub wallet: Wallet,
    /// What arrives.
    pub amount: Amount,
    /// In a batch of at most so many.
    pub batch_max: u16,
    /// Whether it was charged for its wallet's token account.
    pub is_account_charged: bool,
    /// What its wallet was paid, or has in batches, in the last 24 hours.
    pub person_day: Amount,
}

/// A payout that is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldRow {
    /// Which.
    pub payout: PayoutId,
    /// To where.
    pub wallet: Wallet,
    /// What arrives.
    pub amount: Amount,
    /// Why.
    pub hold: Hold,
    /// Since when.
    pub at: Timestamp,
}

/// What the operator was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmRow {
    /// When.
    pub at: Timestamp,
    /// About which batch.
    pub batch: Option<u64>,
    /// What.
    pub what: String,
    /// Whether nobody is paid until it was reconciled.
    pub stops: bool,
}

impl Reader {
    /// How paying stands.
    pub fn treasury(&self) -> Loaded<TreasuryState> {
        let tx = self.db.unchecked_transaction()?;
        let mut state = lanes_and_batches(&tx)?;
        for (of, word) in [
            (&mut state.waiting, "waiting"),
            (&mut state.in_batch, "in_batch"),
            (&mut state.held, "held"),
            (&mut state.paid, "paid"),
        ] {
            let sql = "SELECT count(*), coalesce(sum(arrives), 0) FROM payouts WHERE state = ?1";
            *of = tx.prepare_cached(sql)?.query_row([word], |row| Ok((row.get(0)?, row.get::<_, Col<_>>(1)?.0)))?;
        }
        let spent = "SELECT coalesce(sum(fee_lamports + rent_lamports), 0) FROM spends";
        state.spent_lamports = tx.query_row(spent, [], |row| row.get(0))?;
        Ok(state)
    }

    /// What a turn of the shell begins with: as [`Reader::treasury`], but the counts and sums are left at zero.
    pub fn lanes_and_batches(&self) -> Loaded<TreasuryState> {
        lanes_and_batches(&*self.db.unchecked_transaction()?)
    }

    /// A batch.
    pub fn batch(&self, id: BatchId) -> Loaded<Option<Batch>> {
        Ok(batches(&self.db, "SELECT bytes FROM batches WHERE id = ?1", [id.get()])?.pop())
    }

    /// People who have earned at least so much, by their wallets after one, at most `limit`. A worker that is held is as if
    /// it weren't there.
    pub fn persons(&self, least: Amount, after: Option<Wallet>, limit: usize, now: Timestamp) -> Loaded<Vec<Person>> {
        let tx = self.db.unchecked_transaction()?;
        let mut wallets = tx.prepare_cached(
            "SELECT w.wallet FROM wallets w JOIN accounts a ON a.kind = 'payable' AND a.owner = w.worker
             WHERE w.wallet > ?1 AND a.balance > 0 AND coalesce(w.held_until, 0) <= ?3
             GROUP BY w.wallet HAVING sum(a.balance) >= max(?2, 1)
             ORDER BY w.wallet LIMIT ?4",
        )?;
        let after = after.map_or(vec![], |after| after.address().to_bytes().to_vec());
        let rows = wallets.query_map(params![after, Col(least), Col(now), clamp(limit as u64)], |row| row.get(0))?;
        let rows: Vec<[u8; 32]> = rows.collect::<Result<_, _>>()?;
        rows.into_iter().map(|bytes| person(&tx, wallet(bytes)?, now)).collect()
    }

    /// Wallets of whose token account nothing is known, at most `limit`.
    pub fn wallets_unseen(&self, limit: usize) -> Loaded<Vec<Wallet>> {
        let sql = "SELECT DISTINCT wallet FROM wallets
             WHERE wallet IS NOT NULL AND wallet NOT IN (SELECT wallet FROM token_accounts) LIMIT ?1";
        wallets(&self.db, sql, [clamp(limit as u64)])
    }

    /// Those of which the database says otherwise.
    pub fn wallets_changed(&self, seen: &[(Wallet, bool)]) -> Loaded<Vec<(Wallet, bool)>> {
        let mut same = self.db.prepare_cached("SELECT 1 FROM token_accounts WHERE wallet = ?1 AND is_there = ?2")?;
        let mut changed = vec![];
        for (wallet, is_there) in seen {
            if !same.exists(params![wallet.address().as_array(), is_there])? {
                changed.push((*wallet, *is_there));
            }
        }
        Ok(changed)
    }

    /// What the dearest of the treasury's last transactions cost, lamports; `None` before the first.
    pub fn transaction_lamports(&self) -> Loaded<Option<u64>> {
        let sql = "SELECT max(fee_lamports) FROM (SELECT fee_lamports FROM spends ORDER BY at DESC LIMIT ?1)";
        Ok(self.db.prepare_cached(sql)?.query_row([LAST_SPENDS], |row| row.get(0))?)
    }

    /// Whether a payout that is set aside may have to wait again.
    pub fn is_retry_due(&self, now: Timestamp) -> Loaded<bool> {
        let is_late =
            "SELECT EXISTS (SELECT 1 FROM payouts WHERE state = 'held' AND hold <> 'listed' AND held_at <= ?1)";
        let before = clamp(now.get().saturating_sub(HELD_MS));
        if self.db.prepare_cached(is_late)?.query_row([before], |row| row.get(0))? {
            return Ok(true);
        }
        let mut held = self.db.prepare_cached("SELECT number FROM payouts WHERE state = 'held'")?;
        for payout in held.query_map([], |row| row.get(0))? {
            if other_wallet(&self.db, payout?, now)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Every wallet that a payout may have gone to.
    pub fn wallets_known(&self) -> Loaded<Vec<Wallet>> {
        let sql = "SELECT wallet FROM wallets WHERE wallet IS NOT NULL
             UNION SELECT left_wallet FROM wallets WHERE left_wallet IS NOT NULL UNION SELECT wallet FROM payouts";
        wallets(&self.db, sql, [])
    }

    /// Payouts for the next plan, the oldest first, at most `limit`. Those that a person's limit for the day has no room
    /// for now are left out, unless it is smaller than they are.
    pub fn payouts_waiting(&self, person_day: Amount, limit: usize, now: Timestamp) -> Loaded<Vec<WaitingPayout>> {
        let sql = "SELECT number, wallet, arrives, batch_max, day, account > 0 FROM (
                SELECT p.number, p.wallet, p.arrives, p.batch_max, p.account,
                    (SELECT coalesce(sum(o.arrives), 0) FROM payouts o
                     WHERE o.wallet = p.wallet AND (o.state = 'in_batch' OR o.paid_at >= ?2)) AS day
                FROM payouts p WHERE p.state = 'waiting' ORDER BY p.number)
             WHERE day + arrives <= ?1 OR arrives > ?1 LIMIT ?3";
        let mut statement = self.db.prepare_cached(sql)?;
        let since = clamp(now.get().saturating_sub(DAY_MS));
        let mut rows = statement.query(params![Col(person_day), since, clamp(limit as u64)])?;
        let mut waiting = vec![];
        while let Some(row) = rows.next()? {
            waiting.push(WaitingPayout {
                payout: payout_id(row.get(0)?)?,
                wallet: wallet(row.get(1)?)?,
                amount: row.get::<_, Col<_>>(2)?.0,
                batch_max: row.get(3)?,
                person_day: row.get::<_, Col<_>>(4)?.0,
                is_account_charged: row.get(5)?,
            });
        }
        Ok(waiting)
    }

    /// What a wallet was paid in the last 24 hours, or is on its way to it; the most is the operator's.
    pub fn wallet_day(&self, wallet: Wallet, most: Amount, now: Timestamp) -> Loaded<Day> {
        wallet_day(&self.db, wallet, most, now)
    }

    /// What left in the last hour, or is in batches.
    pub fn payouts_hour(&self, now: Timestamp) -> Loaded<Amount> {
        let sql = "SELECT (SELECT coalesce(sum(arrives), 0) FROM payouts WHERE state = 'in_batch')
             + (SELECT coalesce(sum(arrives), 0) FROM payouts WHERE paid_at >= ?1)";
        let since = clamp(now.get().saturating_sub(HOUR_MS));
        Ok(self.db.prepare_cached(sql)?.query_row([since], |row| row.get::<_, Col<_>>(0))?.0)
    }

    /// Every payout under its own number, to compare with the chain.
    pub fn payouts_known(&self) -> Loaded<Vec<Known>> {
        let sql = "SELECT number, wallet, arrives, state, batch_max, batch, hold, signature, slot FROM payouts
             WHERE is_found = 0 ORDER BY number";
        let mut statement = self.db.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut known = vec![];
        while let Some(row) = rows.next()? {
            known.push(Known {
                payout: payout_id(row.get(0)?)?,
                wallet: wallet(row.get(1)?)?,
                amount: row.get::<_, Col<_>>(2)?.0,
                state: payout_state(row)?,
            });
        }
        Ok(known)
    }

    /// Payouts that are set aside, the oldest first, at most `limit`.
    pub fn payouts_held(&self, limit: usize) -> Loaded<Vec<HeldRow>> {
        let sql =
            "SELECT number, wallet, arrives, hold, held_at FROM payouts WHERE state = 'held' ORDER BY number LIMIT ?1";
        let mut statement = self.db.prepare(sql)?;
        let mut rows = statement.query([clamp(limit as u64)])?;
        let mut held = vec![];
        while let Some(row) = rows.next()? {
            held.push(HeldRow {
                payout: payout_id(row.get(0)?)?,
                wallet: wallet(row.get(1)?)?,
                amount: row.get::<_, Col<_>>(2)?.0,
                hold: row.get::<_, Col<_>>(3)?.0,
                at: row.get::<_, Col<_>>(4)?.0,
            });
        }
        Ok(held)
    }

    /// What the operator was told of, the newest first, at most `limit`.
    pub fn alarms(&self, limit: usize) -> Loaded<Vec<AlarmRow>> {
        let mut statement =
            self.db.prepare("SELECT at, batch, what, stops FROM alarms ORDER BY number DESC LIMIT ?1")?;
        let rows = statement.query_map([clamp(limit as u64)], |row| {
            let at = row.get::<_, Col<_>>(0)?.0;
            Ok(AlarmRow { at, batch: row.get(1)?, what: row.get(2)?, stops: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn lanes_and_batches(db: &Connection) -> Loaded<TreasuryState> {
    let mut state = db.query_row(
        "SELECT owner, mint, genesis, run, version, paused_at, standstill, transaction_lamports, account_lamports,
                sharing, sol FROM treasury",
        [],
        treasury_state,
    )?;
    let mut lanes =
        db.prepare_cached("SELECT id, nonce, is_spent, last, batch, run, moved_at, moved_why FROM lanes ORDER BY id")?;
    for row in lanes.query_map([], |row| Ok((lane(row)?, moved(row)?)))? {
        let (lane, moved) = row?;
        state.lanes.push(lane);
        state.moved.extend(moved);
    }
    state.open = batches(db, "SELECT bytes FROM batches WHERE is_over = 0 ORDER BY id", [])?;
    Ok(state)
}

fn treasury_state(row: &Row<'_>) -> rusqlite::Result<TreasuryState> {
    let bytes = |column| row.get::<_, Option<[u8; 32]>>(column);
    let id = bytes(0)?.zip(bytes(1)?).zip(bytes(2)?).map(|((owner, mint), genesis)| TreasuryId {
        owner: Address::from(owner),
        mint: Address::from(mint),
        genesis: Nonce(genesis),
    });
    let standstill = match row.get::<_, Option<String>>(6)?.as_deref() {
        Some("list_old") => Some(Standstill::ListOld),
        Some("unreachable") => Some(Standstill::Unreachable),
        Some(_) => Some(Standstill::Short),
        None => None,
    };
    let costs = Costs {
        transaction_lamports: row.get(7)?,
        account_lamports: row.get(8)?,
        sharing: row.get(9)?,
        sol: row.get::<_, Col<_>>(10)?.0,
    };
    let none = (0, Amount::ZERO);
    Ok(TreasuryState {
        id,
        run: row.get(3)?,
        version: row.get(4)?,
        paused_at: row.get::<_, Option<Col<_>>>(5)?.map(|at| at.0),
        standstill,
        costs,
        lanes: vec![],
        moved: vec![],
        open: vec![],
        waiting: none,
        in_batch: none,
        held: none,
        paid: none,
        spent_lamports: 0,
    })
}

fn lane(row: &Row<'_>) -> rusqlite::Result<Lane> {
    Ok(Lane {
        id: LaneId(Address::from(row.get::<_, [u8; 32]>(0)?)),
        nonce: Nonce(row.get(1)?),
        is_spent: row.get(2)?,
        last: Signature(row.get(3)?),
        batch: row.get::<_, Option<u64>>(4)?.and_then(BatchId::new),
        run: row.get(5)?,
    })
}

fn moved(row: &Row<'_>) -> rusqlite::Result<Option<Moved>> {
    let lane = LaneId(Address::from(row.get::<_, [u8; 32]>(0)?));
    let at = row.get::<_, Option<Col<Timestamp>>>(6)?;
    Ok(at.map(|at| at.0).zip(row.get(7)?).map(|(at, why)| Moved { lane, at, why }))
}

fn batches(db: &Connection, sql: &str, params: impl Params) -> Loaded<Vec<Batch>> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row| row.get::<_, Vec<u8>>(0))?;
    rows.map(|bytes| Batch::from_bytes(&bytes?).map_err(|error| StoreError::Corrupt(format!("a batch: {error}"))))
        .collect()
}

pub(super) fn wallet(bytes: [u8; 32]) -> Loaded<Wallet> {
    Wallet::new(Address::from(bytes)).map_err(|error| StoreError::Corrupt(format!("a wallet: {error}")))
}

fn wallets(db: &Connection, sql: &str, params: impl Params) -> Loaded<Vec<Wallet>> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row| row.get::<_, [u8; 32]>(0))?;
    rows.map(|bytes| wallet(bytes?)).collect()
}

/// The wallet that all of a payout's workers have now, if it is another and none of them is held.
pub(super) fn other_wallet(db: &Connection, payout: u64, now: Timestamp) -> Loaded<Option<[u8; 32]>> {
    let sql = "SELECT min(w.wallet) FROM payout_shares s LEFT JOIN wallets w ON w.worker = s.worker
         WHERE s.payout = ?1
         HAVING count(w.wallet) = count(*) AND count(DISTINCT w.wallet) = 1
            AND coalesce(max(w.held_until), 0) <= ?2
            AND min(w.wallet) <> (SELECT wallet FROM payouts WHERE number = ?1)";
    Ok(db.prepare_cached(sql)?.query_row(params![payout, Col(now)], |row| row.get(0)).optional()?)
}

fn payout_id(number: u64) -> Loaded<PayoutId> {
    PayoutId::new(number).ok_or_else(|| StoreError::Corrupt("a payout's number is out of range".into()))
}

fn payout_state(row: &Row<'_>) -> Loaded<PayoutState> {
    let broken = || StoreError::Corrupt("a payout's state contradicts itself".into());
    Ok(match row.get::<_, String>(3)?.as_str() {
        "waiting" => PayoutState::Waiting { batch_max: row.get(4)? },
        "in_batch" => PayoutState::InBatch(row.get::<_, Option<u64>>(5)?.and_then(BatchId::new).ok_or_else(broken)?),
        "held" => PayoutState::Held(row.get::<_, Col<Hold>>(6)?.0),
        _ => PayoutState::Paid { signature: Signature(row.get(7)?), slot: row.get(8)? },
    })
}

/// All that is payable to a wallet, and how its person wants it, as far as its workers are held no longer than `at`.
pub(super) fn person(db: &Connection, wallet: Wallet, at: Timestamp) -> Loaded<Person> {
    let bytes = *wallet.address().as_array();
    let mut statement = db.prepare_cached(
        "SELECT w.worker, a.balance FROM wallets w JOIN accounts a ON a.kind = 'payable' AND a.owner = w.worker
         WHERE w.wallet = ?1 AND a.balance > 0 AND coalesce(w.held_until, 0) <= ?2 ORDER BY w.worker",
    )?;
    let shares = statement.query_map(params![bytes, Col(at)], |row| {
        Ok(Share { worker: row.get::<_, Col<_>>(0)?.0, amount: row.get::<_, Col<_>>(1)?.0 })
    })?;
    let shares: Vec<Share> = shares.collect::<Result<_, _>>()?;
    let payable = shares.iter().try_fold(Amount::ZERO, |sum, share| sum.checked_add(share.amount));
    let payable = payable.ok_or_else(|| StoreError::Corrupt("payable is out of range".into()))?;
    let newest = "SELECT c.schedule, c.schedule_value, c.account_agreed FROM payout_choices c
         JOIN wallets w ON w.worker = c.worker WHERE w.wallet = ?1 AND coalesce(w.held_until, 0) <= ?2
         ORDER BY c.chosen_at DESC, c.worker LIMIT 1";
    let (schedule, account_agreed) = choice(db, newest, params![bytes, Col(at)])?;
    let (is_wanted, has_account, last): (bool, bool, Option<u64>) = db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM payout_wishes p JOIN wallets w ON w.worker = p.worker
                            WHERE w.wallet = ?1 AND coalesce(w.held_until, 0) <= ?2),
                    coalesce((SELECT is_there FROM token_accounts WHERE wallet = ?1), 0),
                    (SELECT max(made_at) FROM payouts WHERE wallet = ?1)",
        )?
        .query_row(params![bytes, Col(at)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let last_paid = last.map(|at| at / DAY_MS);
    let earned = Earned { payable, schedule, has_account, account_agreed, last_paid };
    Ok(Person { wallet, shares, earned, is_wanted })
}

pub(super) fn wallet_day(db: &Connection, wallet: Wallet, most: Amount, now: Timestamp) -> Loaded<Day> {
    let sql = "SELECT coalesce(sum(arrives), 0), coalesce(max(coalesce(paid_at, ?3)), ?3) FROM payouts
         WHERE wallet = ?1 AND (state IN ('waiting', 'in_batch') OR paid_at >= ?2)";
    let bytes = *wallet.address().as_array();
    let row = params![bytes, clamp(now.get().saturating_sub(DAY_MS)), Col(now)];
    let read = |row: &Row<'_>| Ok((row.get::<_, Col<Amount>>(0)?.0, row.get::<_, Col<Timestamp>>(1)?.0));
    let (paid, last) = db.prepare_cached(sql)?.query_row(row, read)?;
    Ok(Day { most, paid, over_at: last.plus(DAY_MS) })
}

/// A choice that a statement finds; without one, at once and nothing agreed.
pub(super) fn choice(db: &Connection, sql: &str, params: impl Params) -> Loaded<(Schedule, Amount)> {
    let row = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?, row.get::<_, Col<Amount>>(2)?.0));
    let Some((word, value, agreed)) = db.prepare_cached(sql)?.query_row(params, row).optional()? else {
        return Ok((Schedule::Now, Amount::ZERO));
    };
    let schedule = match word.as_str() {
        "at" => Amount::new(value).map(Schedule::At),
        "weekly" => usize::try_from(value).ok().and_then(|day| Weekday::ALL.get(day)).copied().map(Schedule::Weekly),
        _ => Some(Schedule::Now),
    };
    let broken = || StoreError::Corrupt("a choice of when to be paid is out of range".into());
    Ok((schedule.ok_or_else(broken)?, agreed))
}
