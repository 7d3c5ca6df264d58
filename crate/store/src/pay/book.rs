//! Payments that the chain has and the books don't. What of them nobody has earned here yet is a debt: what their
//! workers earn later goes against it before anything of that is paid.

use lull_market::ledger::Account;
use lull_market::payouts::{self, Share};
use lull_payout::address::Wallet;
use lull_payout::reconcile::Forgotten;
use lull_payout::rules::{Costs, Quote};
use lull_protocol::{Amount, PublicKey};
use rusqlite::{OptionalExtension, params};

use super::PayError;
use super::write::{Desk, Done, workers_of};
use crate::read::{balance, clamp};
use crate::value::Col;

/// What is owed for one payment's wallet.
#[derive(Clone, Copy, Debug)]
struct Debt {
    /// What arrived unearned.
    unearned: u64,
    /// What the network took for that, and nobody bore.
    unborne: u64,
}

impl Desk<'_> {
    /// Its workers' earnings were paid by it, as far as they are here; the rest is owed.
    pub(super) fn book(&mut self, forgotten: &Forgotten, wallet: Wallet) -> Done {
        let Forgotten { payout, amount, landed, .. } = *forgotten;
        let bytes = *wallet.address().as_array();
        // Two payouts of a transaction may be equal in all but their numbers.
        let known = "SELECT 1 FROM payouts WHERE signature = ?1 AND coalesce(found_as, number) = ?2";
        if self.db.prepare_cached(known)?.exists(params![landed.signature.0, payout.get()])? {
            return Ok(());
        }
        let workers = workers_of(self.db, wallet)?;
        let Quote { fee, account } = self.costs()?.quote(!forgotten.makes_account);
        let cost = fee.get().saturating_add(account.get());
        let shares = self.payable_of(&workers, amount.get().saturating_add(cost))?;
        // What arrived is borne first, then the fee, then the account.
        let mut left = shares.iter().map(|share| share.amount.get()).sum::<u64>();
        let mut bear = |due: Amount| {
            let borne = due.get().min(left);
            left -= borne;
            borne
        };
        let (earned, fee, account) = (bear(amount), bear(fee), bear(account));
        let taken = "SELECT 1 FROM payouts WHERE number = ?1";
        let is_found = self.db.prepare_cached(taken)?.exists([payout.get()])?;
        let number = if is_found { self.next_number()? } else { payout.get() };
        let debt = Debt { unearned: amount.get() - earned, unborne: cost - fee - account };
        self.one(
            "INSERT INTO payouts (number, wallet, arrives, fee, account, state, batch_max, made_at, arriving_at, paid_at,
                                  signature, slot, is_found, found_as, unearned, unborne)
             VALUES (?1, ?2, ?3, ?4, ?5, 'paid', 1, ?6, ?6, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                number,
                bytes,
                Col(amount),
                clamp(fee),
                clamp(account),
                Col(self.now),
                landed.signature.0,
                clamp(landed.slot),
                is_found,
                is_found.then_some(payout.get()),
                clamp(debt.unearned),
                clamp(debt.unborne),
            ],
        )?;
        if debt.unearned > 0 || debt.unborne > 0 {
            for worker in &workers {
                self.run(
                    "INSERT INTO payout_debtors (worker, wallet) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                    params![Col(*worker), bytes],
                )?;
            }
        }
        self.pay_at_once(number, &shares, fee + account)?;
        self.reply.number += 1;
        Ok(())
    }

    /// What a worker has payable goes against what is owed for its wallet, and for those that it left owing.
    pub(super) fn set_off(&mut self, worker: PublicKey, wallet: Wallet) -> Done {
        let sql = "SELECT wallet FROM payout_debtors WHERE worker = ?1 UNION SELECT ?2";
        let mut statement = self.db.prepare_cached(sql)?;
        let bytes = *wallet.address().as_array();
        let wallets = statement.query_map(params![Col(worker), bytes], |row| row.get(0))?;
        let wallets: Vec<[u8; 32]> = wallets.collect::<Result<_, _>>()?;
        wallets.into_iter().try_for_each(|wallet| self.set_off_for(worker, wallet))?;
        // Balances are read next.
        Ok(self.books.close(self.db)?)
    }

    fn set_off_for(&mut self, worker: PublicKey, wallet: [u8; 32]) -> Done {
        let sql = "SELECT sum(unearned), sum(unborne), max(number) FROM payouts
             WHERE wallet = ?1 AND (unearned <> 0 OR unborne <> 0)
             HAVING sum(unearned) > 0 OR sum(unborne) > 0";
        let row = |row: &rusqlite::Row<'_>| Ok((Debt { unearned: row.get(0)?, unborne: row.get(1)? }, row.get(2)?));
        let Some((debt, last)): Option<(Debt, u64)> =
            self.db.prepare_cached(sql)?.query_row([wallet], row).optional()?
        else {
            return Ok(());
        };
        let shares = self.payable_of(&[worker], debt.unearned.saturating_add(debt.unborne))?;
        let Some(share) = shares.first() else { return Ok(()) };
        let earned = share.amount.get().min(debt.unearned);
        let borne = share.amount.get() - earned;
        let number = self.next_number()?;
        self.one(
            "INSERT INTO payouts (number, wallet, arrives, fee, account, state, batch_max, made_at, arriving_at, paid_at,
                                  signature, slot, is_found, unearned, unborne)
             SELECT ?1, wallet, 0, ?2, 0, 'paid', 1, ?3, ?3, ?3, signature, slot, 1, -?4, -?2
             FROM payouts WHERE number = ?5",
            params![number, clamp(borne), Col(self.now), clamp(earned), last],
        )?;
        self.pay_at_once(number, &shares, borne)
    }

    /// As much as these have payable, one after the other, and so much at most.
    fn payable_of(&mut self, workers: &[PublicKey], most: u64) -> Done<Vec<Share>> {
        self.books.close(self.db)?;
        let (mut left, mut shares) = (most, vec![]);
        for worker in workers {
            let share = balance(self.db, &Account::Payable(*worker))?.get().min(left);
            left -= share;
            if let Some(amount) = Amount::new(share).filter(|amount| *amount > Amount::ZERO) {
                shares.push(Share { worker: *worker, amount });
            }
        }
        Ok(shares)
    }

    fn pay_at_once(&mut self, number: u64, shares: &[Share], quote: u64) -> Done {
        self.add_shares(number, shares)?;
        if !shares.is_empty() {
            let quote = Amount::new(quote).ok_or_else(|| PayError::Fault("a quote is out of range".into()))?;
            self.post(payouts::made(number, shares).map(Some))?;
            self.post(payouts::paid(number, shares, quote).map(Some))?;
        }
        self.touched.insert(number);
        Ok(())
    }

    fn costs(&self) -> Done<Costs> {
        let sql = "SELECT transaction_lamports, account_lamports, sharing, sol FROM treasury";
        Ok(self.db.prepare_cached(sql)?.query_row([], |row| {
            Ok(Costs {
                transaction_lamports: row.get(0)?,
                account_lamports: row.get(1)?,
                sharing: row.get(2)?,
                sol: row.get::<_, Col<_>>(3)?.0,
            })
        })?)
    }
}
