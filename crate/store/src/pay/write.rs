//! Applies a command of the shell that pays, inside the open transaction.

use std::collections::BTreeSet;

use lull_market::ledger::{Account, LedgerError};
use lull_market::payouts::{self, Share};
use lull_payout::address::Wallet;
use lull_payout::batch::{Batch, Landed};
use lull_payout::facts::{PayoutState, Write};
use lull_payout::lane::Lane;
use lull_payout::rules::{Costs, Quote};
use lull_payout::units::{BatchId, LaneId, PayoutId};
use lull_protocol::payout::Standstill;
use lull_protocol::{Amount, PublicKey, Timestamp};
use rusqlite::{Connection, OptionalExtension, Params, params};

use super::read::other_wallet;
use super::{ALARMS_KEPT_MAX, HELD_MS, NewPayout, PayCommand, PayError, PayReply, Restore, TreasuryId, deposits};
use crate::error::StoreError;
use crate::read::{balance, clamp};
use crate::value::Col;
use crate::write::Books;

pub(super) type Done<T = ()> = Result<T, PayError>;

/// Applies a command.
pub(crate) fn pay(db: &Connection, now: Timestamp, command: &PayCommand) -> Done<PayReply> {
    if let PayCommand::Deposit(command) = command {
        // Nothing of payouts, batches and lanes changes.
        return deposits::deposit(db, now, command);
    }
    let mut desk = Desk {
        db,
        now,
        books: Books::default(),
        touched: BTreeSet::new(),
        has_moved: false,
        reply: PayReply::default(),
    };
    match command {
        PayCommand::Begin(treasury) => desk.begin(treasury)?,
        PayCommand::AddLanes(lanes) => lanes.iter().try_for_each(|lane| desk.add_lane(lane))?,
        PayCommand::Looked(accounts) => desk.looked(accounts)?,
        PayCommand::Stands { costs, standstill } => desk.stands(costs, *standstill)?,
        PayCommand::Make { made, not_due } => {
            for payout in made {
                desk.make(payout)?;
            }
            not_due.iter().try_for_each(|wallet| desk.forget_wish(*wallet))?;
        }
        PayCommand::Decided { on, writes, sol } => {
            if let Some(on) = on {
                desk.expect_batch(on)?;
            }
            desk.write_all(writes, *sol)?;
        }
        PayCommand::Alarm { batch, lane, what } => desk.alarm(*batch, *lane, what)?,
        PayCommand::Pause(is_paused) => desk.pause(*is_paused)?,
        PayCommand::Retry => desk.retry()?,
        PayCommand::Release(payout) => desk.release(*payout)?,
        PayCommand::Restore(restore) => desk.restore(restore)?,
        PayCommand::Deposit(_) => {}
    }
    desk.end()
}

pub(super) struct Desk<'a> {
    pub(super) db: &'a Connection,
    pub(super) now: Timestamp,
    pub(super) books: Books,
    /// Payouts that their workers are told of.
    pub(super) touched: BTreeSet<u64>,
    /// Lanes have changed, or all of it may have.
    has_moved: bool,
    pub(super) reply: PayReply,
}

impl Desk<'_> {
    fn end(mut self) -> Done<PayReply> {
        self.books.close(self.db)?;
        let mut workers: BTreeSet<PublicKey> = self.reply.workers.iter().copied().collect();
        for payout in &self.touched {
            workers.extend(shares(self.db, *payout)?.iter().map(|share| share.worker));
        }
        self.reply.workers = workers.into_iter().collect();
        if self.has_moved || !self.touched.is_empty() {
            self.run("UPDATE treasury SET version = version + 1", [])?;
        }
        Ok(self.reply)
    }

    pub(super) fn run(&self, sql: &str, params: impl Params) -> Done<usize> {
        Ok(self.db.prepare_cached(sql)?.execute(params)?)
    }

    /// A statement that changes one row; if it finds none, the command was decided on something that has changed.
    pub(super) fn one(&self, sql: &str, params: impl Params) -> Done {
        if self.run(sql, params)? == 1 { Ok(()) } else { Err(PayError::Stale) }
    }

    fn begin(&mut self, treasury: &TreasuryId) -> Done {
        let TreasuryId { owner, mint, genesis } = treasury;
        let names = params![owner.as_array(), mint.as_array(), genesis.0];
        let is_same = "SELECT owner IS NULL OR (owner = ?1 AND mint = ?2 AND genesis = ?3) FROM treasury";
        let is_same: bool = self.db.query_row(is_same, names, |row| row.get(0))?;
        if !is_same {
            // What waits or is held was sent by nobody: it is the new one's.
            let on_their_way = "SELECT EXISTS (SELECT 1 FROM batches WHERE is_over = 0)";
            if self.db.query_row(on_their_way, [], |row| row.get(0))? {
                return Err(PayError::OtherTreasury);
            }
            self.run("DELETE FROM lanes", [])?;
            self.run("DELETE FROM token_accounts", [])?;
        }
        self.has_moved = true;
        self.one("UPDATE treasury SET owner = ?1, mint = ?2, genesis = ?3, run = run + 1", names)?;
        self.reply.number = self.db.query_row("SELECT run FROM treasury", [], |row| row.get(0))?;
        Ok(())
    }

    fn add_lane(&mut self, lane: &Lane) -> Done {
        let Lane { id, nonce, is_spent, last, run, .. } = lane;
        let added = self.run(
            "INSERT INTO lanes (id, nonce, is_spent, last, run) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            params![id.0.as_array(), nonce.0, is_spent, last.0, run],
        )?;
        self.has_moved |= added > 0;
        Ok(())
    }

    fn stands(&mut self, costs: &Costs, standstill: Option<Standstill>) -> Done {
        let word = match standstill {
            Some(Standstill::ListOld) => Some("list_old"),
            Some(Standstill::Short) => Some("short"),
            Some(Standstill::Unreachable) => Some("unreachable"),
            Some(Standstill::Paused | Standstill::Differs) | None => None,
        };
        let Costs { transaction_lamports, account_lamports, sharing, sol } = *costs;
        let changed = self.run(
            "UPDATE treasury SET standstill = ?1, transaction_lamports = ?2, account_lamports = ?3, sharing = ?4, sol = ?5
             WHERE standstill IS NOT ?1 OR transaction_lamports <> ?2 OR account_lamports <> ?3 OR sharing <> ?4
                OR sol <> ?5",
            params![word, clamp(transaction_lamports), clamp(account_lamports), sharing.max(1), Col(sol)],
        )?;
        self.reply.is_for_all = changed > 0;
        Ok(())
    }

    fn looked(&mut self, accounts: &[(Wallet, bool)]) -> Done {
        for (wallet, is_there) in accounts {
            let changed = self.run(
                "INSERT INTO token_accounts (wallet, is_there, looked_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (wallet) DO UPDATE SET is_there = ?2, looked_at = ?3 WHERE is_there <> ?2",
                params![wallet.address().as_array(), is_there, Col(self.now)],
            )?;
            if changed > 0 {
                let workers = workers_of(self.db, *wallet)?;
                self.reply.workers.extend(workers);
            }
        }
        Ok(())
    }

    fn make(&mut self, payout: &NewPayout) -> Done {
        let NewPayout { wallet, shares, arrives, quote } = payout;
        self.books.close(self.db)?;
        let wallet_bytes = *wallet.address().as_array();
        for share in shares {
            // What they still owe goes first; then this isn't payable any more, and the next look makes the rest.
            self.set_off(share.worker, *wallet)?;
        }
        for share in shares {
            let is_theirs = "SELECT EXISTS (SELECT 1 FROM wallets
                 WHERE worker = ?1 AND wallet = ?2 AND coalesce(held_until, 0) <= ?3)";
            let row = params![Col(share.worker), wallet_bytes, Col(self.now)];
            let is_theirs: bool = self.db.prepare_cached(is_theirs)?.query_row(row, |row| row.get(0))?;
            if !is_theirs || balance(self.db, &Account::Payable(share.worker))? < share.amount {
                return Ok(());
            }
        }
        let number = self.next_number()?;
        let Quote { fee, account } = *quote;
        self.one(
            "INSERT INTO payouts (number, wallet, arrives, fee, account, state, batch_max, made_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'waiting', ?6, ?7)",
            params![number, wallet_bytes, Col(*arrives), Col(fee), Col(account), u16::MAX, Col(self.now)],
        )?;
        self.add_shares(number, shares)?;
        self.post(payouts::made(number, shares).map(Some))?;
        self.forget_wish(*wallet)?;
        if account > Amount::ZERO {
            let agreed = "UPDATE payout_choices SET account_agreed = 0
                 WHERE worker IN (SELECT worker FROM wallets WHERE wallet = ?1)";
            self.run(agreed, [wallet_bytes])?;
        }
        self.touched.insert(number);
        self.reply.number += 1;
        Ok(())
    }

    pub(super) fn next_number(&self) -> Done<u64> {
        let sql = "SELECT 1 + max(coalesce((SELECT max(number) FROM payouts), 0), (SELECT payouts_from FROM treasury))";
        let number: u64 = self.db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        PayoutId::new(number).map(PayoutId::get).ok_or_else(|| PayError::Fault("no number is left for a payout".into()))
    }

    pub(super) fn add_shares(&self, payout: u64, shares: &[Share]) -> Done {
        for share in shares {
            self.one(
                "INSERT INTO payout_shares (payout, worker, amount) VALUES (?1, ?2, ?3)",
                params![payout, Col(share.worker), Col(share.amount)],
            )?;
        }
        Ok(())
    }

    pub(super) fn post(&mut self, entry: Result<Option<lull_market::ledger::Entry>, LedgerError>) -> Done {
        let entry = entry.map_err(|error| PayError::Fault(error.to_string()))?;
        match entry {
            Some(entry) => Ok(self.books.post(self.db, self.now, &entry)?),
            None => Ok(()),
        }
    }

    fn forget_wish(&mut self, wallet: Wallet) -> Done {
        let sql = "DELETE FROM payout_wishes WHERE worker IN (
                SELECT worker FROM wallets WHERE wallet = ?1 AND coalesce(held_until, 0) <= ?2)";
        if self.run(sql, params![wallet.address().as_array(), Col(self.now)])? > 0 {
            let workers = workers_of(self.db, wallet)?;
            self.reply.workers.extend(workers);
        }
        Ok(())
    }

    fn expect_batch(&self, batch: &Batch) -> Done {
        let sql = "SELECT bytes FROM batches WHERE id = ?1";
        let found: Option<Vec<u8>> =
            self.db.prepare_cached(sql)?.query_row([batch.id.get()], |row| row.get(0)).optional()?;
        if found.is_some_and(|found| found == batch.to_bytes()) { Ok(()) } else { Err(PayError::Stale) }
    }

    fn write_all(&mut self, writes: &[Write], sol: Amount) -> Done {
        for write in writes {
            self.has_moved |= !matches!(write, Write::Spend { .. });
            match write {
                Write::SetBatch(batch) => self.set_batch(batch)?,
                Write::SetPayout(payout, state) => self.set_payout(payout.get(), *state)?,
                Write::TakeLane(lane, batch) => self.one(
                    "UPDATE lanes SET batch = ?2 WHERE id = ?1 AND batch IS NULL AND is_spent = 0",
                    params![lane.0.as_array(), batch.get()],
                )?,
                Write::FreeLane(lane) => {
                    self.one("UPDATE lanes SET batch = NULL WHERE id = ?1", [lane.0.as_array()])?;
                }
                Write::SpendLane { lane, nonce, by, run } => self.one(
                    "UPDATE lanes SET nonce = ?2, is_spent = 1, last = ?3, batch = NULL, run = ?4 WHERE id = ?1",
                    params![lane.0.as_array(), nonce.0, by.0, run],
                )?,
                Write::NextNonce(lane, nonce) => self.one(
                    "UPDATE lanes SET nonce = ?2, is_spent = 0 WHERE id = ?1 AND is_spent = 1",
                    params![lane.0.as_array(), nonce.0],
                )?,
                Write::Spend { .. } => {}
            }
        }
        // What the person bore of it comes in with their payout.
        writes.iter().try_for_each(|write| match write {
            Write::Spend { batch, landed } => self.spend(*batch, landed, sol),
            _ => Ok(()),
        })
    }

    /// What is over stays as it is.
    fn set_batch(&mut self, batch: &Batch) -> Done {
        let (payment, _) = batch.stage.signed();
        let signature = match (&batch.stage, payment) {
            (lull_payout::batch::Stage::Paid { landed }, _) => Some(landed.signature.0),
            (_, payment) => payment.map(|payment| payment.signature().0),
        };
        self.one(
            "INSERT INTO batches (id, lane, stage, is_over, signature, made_at, changed_at, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
             ON CONFLICT (id) DO UPDATE SET stage = ?3, is_over = ?4, signature = coalesce(?5, signature),
                changed_at = ?6, bytes = ?7 WHERE is_over = 0 OR bytes = ?7",
            params![
                batch.id.get(),
                batch.lane.0.as_array(),
                batch.stage.word(),
                batch.stage.is_over(),
                signature,
                Col(self.now),
                batch.to_bytes(),
            ],
        )?;
        if batch.stage.word() == "confirmed" {
            let arriving = "UPDATE payouts SET arriving_at = coalesce(arriving_at, ?2) WHERE batch = ?1";
            self.run(arriving, params![batch.id.get(), Col(self.now)])?;
        }
        self.touched.extend(batch.transfers.iter().map(|transfer| transfer.payout.get()));
        Ok(())
    }

    fn set_payout(&mut self, payout: u64, state: PayoutState) -> Done {
        self.touched.insert(payout);
        match state {
            PayoutState::Waiting { batch_max } => self.one(
                "UPDATE payouts SET state = 'waiting', batch_max = ?2, batch = NULL, hold = NULL, held_at = NULL
                 WHERE number = ?1 AND state <> 'paid'",
                params![payout, batch_max.max(1)],
            ),
            PayoutState::InBatch(batch) => self.one(
                "UPDATE payouts SET state = 'in_batch', batch = ?2 WHERE number = ?1 AND state = 'waiting'",
                params![payout, batch.get()],
            ),
            PayoutState::Held(hold) => self.one(
                "UPDATE payouts SET state = 'held', hold = ?2, held_at = ?3, batch = NULL
                 WHERE number = ?1 AND state <> 'paid'",
                params![payout, Col(hold), Col(self.now)],
            ),
            PayoutState::Paid { signature, slot } => {
                let paid = "SELECT 1 FROM payouts WHERE number = ?1 AND state = 'paid' AND signature = ?2";
                if self.db.prepare_cached(paid)?.exists(params![payout, signature.0])? {
                    return Ok(());
                }
                self.one(
                    "UPDATE payouts SET state = 'paid', batch = NULL, hold = NULL, held_at = NULL, signature = ?2,
                        slot = ?3, paid_at = ?4, arriving_at = coalesce(arriving_at, ?4)
                     WHERE number = ?1 AND state <> 'paid'",
                    params![payout, signature.0, clamp(slot), Col(self.now)],
                )?;
                let sql = "SELECT fee, account, wallet FROM payouts WHERE number = ?1";
                let row = |row: &rusqlite::Row<'_>| {
                    Ok((row.get::<_, Col<Amount>>(0)?.0, row.get::<_, Col<Amount>>(1)?.0, row.get(2)?))
                };
                let (fee, account, wallet) = self.db.prepare_cached(sql)?.query_row([payout], row)?;
                let quote =
                    fee.checked_add(account).ok_or_else(|| PayError::Fault("a quote is out of range".into()))?;
                // What was paid has arrived in a token account, so the next payout need not open one.
                self.looked(&[(super::read::wallet(wallet)?, true)])?;
                let shares = shares(self.db, payout)?;
                self.post(payouts::paid(payout, &shares, quote).map(Some))
            }
        }
    }

    /// Once for each transaction.
    fn spend(&mut self, batch: Option<BatchId>, landed: &Landed, sol: Amount) -> Done {
        let Landed { signature, slot, fee_lamports, rent_lamports } = *landed;
        let new = self.run(
            "INSERT INTO spends (signature, batch, slot, fee_lamports, rent_lamports, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            params![
                signature.0,
                batch.map(BatchId::get),
                clamp(slot),
                clamp(fee_lamports),
                clamp(rent_lamports),
                Col(self.now)
            ],
        )?;
        if new == 0 {
            return Ok(());
        }
        self.books.close(self.db)?;
        let kept = balance(self.db, &Account::NetworkFees)?;
        let transaction_lamports = fee_lamports.saturating_add(rent_lamports);
        let costs = Costs { transaction_lamports, account_lamports: 0, sharing: 1, sol };
        self.post(payouts::spent(signature.0, kept, costs.quote(true).fee))
    }

    fn alarm(&mut self, batch: Option<BatchId>, lane: Option<LaneId>, what: &str) -> Done {
        let last = "SELECT 1 FROM alarms WHERE number = (SELECT max(number) FROM alarms) AND what = ?1 AND batch IS ?2";
        if !self.db.prepare_cached(last)?.exists(params![what, batch.map(BatchId::get)])? {
            self.one(
                "INSERT INTO alarms (at, batch, what, stops) VALUES (?1, ?2, ?3, ?4)",
                params![Col(self.now), batch.map(BatchId::get), what, lane.is_some()],
            )?;
            let old = "DELETE FROM alarms WHERE number <= (SELECT max(number) FROM alarms) - ?1";
            self.run(old, [clamp(ALARMS_KEPT_MAX)])?;
        }
        if let Some(lane) = lane {
            self.reply.is_for_all = 0 < self.run(
                "UPDATE lanes SET moved_at = ?2, moved_why = ?3 WHERE id = ?1 AND moved_at IS NULL",
                params![lane.0.as_array(), Col(self.now), what],
            )?;
            self.has_moved |= self.reply.is_for_all;
        }
        Ok(())
    }

    fn pause(&mut self, is_paused: bool) -> Done {
        let at = is_paused.then_some(Col(self.now));
        let sql = "UPDATE treasury SET paused_at = ?1 WHERE (paused_at IS NULL) <> (?1 IS NULL)";
        self.reply.is_for_all = self.run(sql, params![at])? > 0;
        Ok(())
    }

    fn retry(&mut self) -> Done {
        let (again, mut elsewhere) = (self.held_since_a_day()?, vec![]);
        for payout in self.numbers("SELECT number FROM payouts WHERE state = 'held'", [])? {
            if let Some(wallet) = other_wallet(self.db, payout, self.now)? {
                elsewhere.push((payout, wallet));
            }
        }
        for (payout, wallet) in &elsewhere {
            self.one("UPDATE payouts SET wallet = ?2 WHERE number = ?1", params![payout, wallet])?;
        }
        let all: BTreeSet<u64> = again.into_iter().chain(elsewhere.into_iter().map(|(payout, _)| payout)).collect();
        for payout in all {
            self.set_payout(payout, PayoutState::Waiting { batch_max: 1 })?;
            self.reply.number += 1;
        }
        Ok(())
    }

    fn held_since_a_day(&self) -> Done<Vec<u64>> {
        let before = clamp(self.now.get().saturating_sub(HELD_MS));
        let sql = "SELECT number FROM payouts WHERE state = 'held' AND hold <> 'listed' AND held_at <= ?1";
        self.numbers(sql, [before])
    }

    fn numbers(&self, sql: &str, params: impl Params) -> Done<Vec<u64>> {
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(params, |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn release(&mut self, payout: PayoutId) -> Done {
        let held = "SELECT 1 FROM payouts WHERE number = ?1 AND state = 'held'";
        if !self.db.prepare_cached(held)?.exists([payout.get()])? {
            return Err(PayError::NotHeld);
        }
        self.reply.number = 1;
        self.set_payout(payout.get(), PayoutState::Waiting { batch_max: 1 })
    }

    fn restore(&mut self, restore: &Restore) -> Done {
        let Restore { restored, wallets, version, sol, is_accepted } = restore;
        let found: u64 = self.db.query_row("SELECT version FROM treasury", [], |row| row.get(0))?;
        if found != *version {
            return Err(PayError::Stale);
        }
        self.write_all(&restored.writes, *sol)?;
        if let Some(most) = restored.payout_max {
            self.run("UPDATE treasury SET payouts_from = max(payouts_from, ?1)", [most.get()])?;
        }
        for forgotten in &restored.forgotten {
            match wallets.get(&forgotten.account) {
                Some(wallet) => self.book(forgotten, *wallet)?,
                None => self.reply.unbooked.push(*forgotten),
            }
        }
        let is_clear =
            restored.contradicted.is_empty() && restored.unexplained.is_empty() && self.reply.unbooked.is_empty();
        if is_clear || *is_accepted {
            self.run("UPDATE lanes SET moved_at = NULL, moved_why = NULL", [])?;
        }
        (self.reply.is_for_all, self.has_moved) = (true, true);
        Ok(())
    }
}

/// Whose earnings a payout pays.
pub(super) fn shares(db: &Connection, payout: u64) -> Result<Vec<Share>, StoreError> {
    let sql = "SELECT worker, amount FROM payout_shares WHERE payout = ?1 ORDER BY worker";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([payout], |row| {
        Ok(Share { worker: row.get::<_, Col<_>>(0)?.0, amount: row.get::<_, Col<_>>(1)?.0 })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The workers that are paid to a wallet.
pub(crate) fn workers_of(db: &Connection, wallet: Wallet) -> Result<Vec<PublicKey>, StoreError> {
    let mut statement = db.prepare_cached("SELECT worker FROM wallets WHERE wallet = ?1 ORDER BY worker")?;
    let rows = statement.query_map(params![wallet.address().as_array()], |row| Ok(row.get::<_, Col<_>>(0)?.0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
