//! Who is due, and what goes together: as the coordinator's own file of this name.

use std::collections::BTreeMap;

use lull_payout::address::Wallet;
use lull_payout::batch::{Batch, Stage};
use lull_payout::facts::{Alarm, Decided, Effect, Observation};
use lull_payout::lane::Gate;
use lull_payout::memo::MEMO_PAYOUTS_MAX;
use lull_payout::plan::{Due, Facts, Limits, Purse, plan};
use lull_payout::rules::{Costs, Earned, NextPayout, Schedule, When, next_payout};
use lull_payout::sanctions::Sanctions;
use lull_payout::token::Recipient;
use lull_protocol::Amount;
use lull_protocol::calendar::civil_from_days;
use lull_protocol::payout::Standstill;
use lull_store::{NewPayout, PayCommand, Person, TreasuryState, WaitingPayout};

use super::super::World;
use super::chain::{ACCOUNT_RENT, EMPTY_RENT, FEE};
use super::shell::words;
use super::{Done, Stop, Task, WAITS_MS, Who};
use crate::plan::{Ms, SECOND};

/// As the coordinator's own limits of these names.
const PERSONS_MAX: usize = 1_000;
const MISSING_MS: Ms = 30 * SECOND;
const NEWS_PART: u64 = 4;
const ACCOUNTS_MAX: usize = 100;
const DAY_MS: u64 = 86_400_000;

impl World {
    /// Makes payouts of what is due.
    pub(super) fn make(&mut self, who: Who) -> Done {
        let state = self.treasury(who)?;
        let costs = self.costs(who)?;
        if self.sanctions().is_old(self.house_wall()) {
            return self.stands_still(who, costs, Standstill::ListOld, &words(&Alarm::ListOld));
        }
        let unseen = self.pay_read(who, |reader| reader.wallets_unseen(ACCOUNTS_MAX))?;
        if !unseen.is_empty() {
            self.look_at_wallets(who, &unseen)?;
        }
        if self.gate(who, &state) != Gate::Open || state.paused_at.is_some() {
            return self.tell_of(who, costs, None);
        }
        let (least, now) = (costs.quote(true).fee, self.house_wall());
        let persons = self.pay_read(who, |reader| reader.persons(least, None, PERSONS_MAX, now))?;
        self.make_of(who, persons, &costs)
    }

    fn make_of(&mut self, who: Who, persons: Vec<Person>, costs: &Costs) -> Done {
        let (day, at) = (self.house_wall().get() / DAY_MS, self.queue.now());
        let is_late = |person: &&Person| person.is_wanted && matches!(next(person, true, costs, day).when, When::At(_));
        let not_due: Vec<Wallet> = persons.iter().filter(is_late).map(|person| person.wallet).collect();
        let Some(payer) = self.payer(who) else { return Err(Stop::Dead) };
        let is_due = |person: &Person| {
            let is_remembered = payer.missing.get(&person.wallet).is_some_and(|seen| at < seen + MISSING_MS);
            let is_missing = is_remembered && !person.earned.has_account;
            next(person, !is_missing, costs, day).when == When::Now
        };
        let due: Vec<Person> = persons.into_iter().filter(is_due).collect();
        let wallets: Vec<Wallet> = due.iter().map(|person| person.wallet).collect();
        let found = if wallets.is_empty() { BTreeMap::new() } else { self.look_at_wallets(who, &wallets)? };
        let mut made = vec![];
        for person in due {
            let Some(found) = found.get(&person.wallet) else { continue };
            let NextPayout { arrives, quote, when, .. } = next(&person, *found != Recipient::Missing, costs, day);
            if when == When::Now {
                made.push(NewPayout { wallet: person.wallet, shares: person.shares, arrives, quote });
            }
        }
        if !made.is_empty() || !not_due.is_empty() {
            self.pay_write(who, &PayCommand::Make { made, not_due })?;
        }
        Ok(())
    }

    /// Plans batches; those that begin are driven next.
    pub(super) fn plan_batches(&mut self, who: Who) -> Done {
        let state = self.treasury(who)?;
        let gate = self.gate(who, &state);
        let sanctions = self.sanctions();
        let free = state.lanes.iter().filter(|lane| lane.batch.is_none() && !lane.is_spent).count();
        if free == 0 || gate != Gate::Open || state.paused_at.is_some() || sanctions.is_old(self.house_wall()) {
            return Ok(());
        }
        let (limit, now) = (free * MEMO_PAYOUTS_MAX, self.house_wall());
        let read = |reader: &lull_store::Reader| {
            Ok((reader.payouts_waiting(Amount::MAX, limit, now)?, reader.payouts_hour(now)?))
        };
        let (waiting, hour) = self.pay_read(who, read)?;
        let costs = self.costs(who)?;
        if waiting.is_empty() {
            return self.tell_of(who, costs, None);
        }
        if let Some(payer) = self.payer(who) {
            payer.next_ms = payer.next_ms.min(WAITS_MS);
        }
        let due = self.due(who, &waiting)?;
        let purse = self.purse(&state, &costs)?;
        let facts = Facts {
            due: &due,
            lanes: &state.lanes,
            names: &self.names(state.lanes.len()),
            limits: Limits { hour: Amount::MAX, person_day: Amount::MAX },
            hour,
            purse,
            sanctions: &sanctions,
            is_paused: false,
            run: self.payer(who).map_or(0, |payer| payer.run),
        };
        let Decided { writes, effects } = plan(&facts, &self.pay().terms, &gate, now);
        if !writes.is_empty() {
            self.decided(who, None, writes)?;
        }
        let (mut begun, mut standstill) = (vec![], None);
        for effect in effects {
            match effect {
                Effect::Again(batch) => begun.push(Task::Drive(batch, Box::new(Observation::Tick))),
                Effect::Alarm(about, alarm) => {
                    standstill = standstill.or((alarm == Alarm::TreasuryShort).then_some(Standstill::Short));
                    self.alarm(who, about, None, &words(&alarm))?;
                }
                _ => {}
            }
        }
        self.first(who, begun);
        self.tell_of(who, costs, standstill)
    }

    fn due(&mut self, who: Who, waiting: &[WaitingPayout]) -> Done<Vec<Due>> {
        let mut wallets: Vec<Wallet> = waiting.iter().map(|one| one.wallet).collect();
        wallets.sort_unstable();
        wallets.dedup();
        let found = self.look_at_wallets(who, &wallets)?;
        let due = waiting.iter().filter_map(|one| {
            let WaitingPayout { payout, wallet, amount, batch_max, is_account_charged, person_day } = *one;
            let person = wallets.binary_search(&wallet).ok()? as u64;
            let recipient = *found.get(&wallet)?;
            Some(Due { payout, person, wallet, amount, batch_max, is_account_charged, recipient, person_day })
        });
        Ok(due.collect())
    }

    /// What is where wallets' token accounts should be, of those that the RPCs agree about.
    fn look_at_wallets(&mut self, who: Who, wallets: &[Wallet]) -> Done<BTreeMap<Wallet, Recipient>> {
        let at = self.queue.now();
        let found = self.pay().rpcs.recipients(wallets, at).ok_or(Stop::Later)?;
        if found.len() < wallets.len() {
            self.alarm(who, None, None, &words(&Alarm::Disagreement))?;
        }
        let accounts: Vec<_> = found.iter().map(|(wallet, found)| (*wallet, *found != Recipient::Missing)).collect();
        let changed = self.pay_read(who, |reader| reader.wallets_changed(&accounts))?;
        if !changed.is_empty() {
            self.pay_write(who, &PayCommand::Looked(changed))?;
        }
        let Some(payer) = self.payer(who) else { return Err(Stop::Dead) };
        for (wallet, is_there) in accounts {
            match is_there {
                true => drop(payer.missing.remove(&wallet)),
                false => drop(payer.missing.insert(wallet, at)),
            }
        }
        Ok(found)
    }

    /// What a payout costs now.
    fn costs(&mut self, who: Who) -> Done<Costs> {
        let fee = self.pay_read(who, |reader| reader.transaction_lamports())?;
        let at = self.queue.now();
        if !self.pay().rpcs.answer(at) {
            return Err(Stop::Later);
        }
        let plan = &self.pay().plan;
        Ok(Costs {
            transaction_lamports: fee.unwrap_or(FEE),
            account_lamports: ACCOUNT_RENT,
            sharing: plan.sharing,
            sol: plan.sol,
        })
    }

    fn stands_still(&mut self, who: Who, costs: Costs, why: Standstill, what: &str) -> Done {
        self.tell_of(who, costs, Some(why))?;
        self.alarm(who, None, None, what)
    }

    fn tell_of(&mut self, who: Who, costs: Costs, standstill: Option<Standstill>) -> Done {
        let Some(payer) = self.payer(who) else { return Err(Stop::Dead) };
        let is_known = |(told, why): &(Costs, _)| *why == standstill && !is_news(told, &costs);
        if payer.seen.as_ref().is_some_and(is_known) {
            return Ok(());
        }
        self.pay_write(who, &PayCommand::Stands { costs, standstill })?;
        if let Some(payer) = self.payer(who) {
            payer.seen = Some((costs, standstill));
        }
        Ok(())
    }

    /// What the treasury has, less what batches that it has not paid for yet will take.
    fn purse(&mut self, state: &TreasuryState, costs: &Costs) -> Done<Purse> {
        let at = self.queue.now();
        let (own, lamports) = self.pay().rpcs.purse(at).ok_or(Stop::Later)?;
        let open: Vec<&Batch> =
            state.open.iter().filter(|batch| !matches!(batch.stage, Stage::Confirmed { .. })).collect();
        let transfers = || open.iter().flat_map(|batch| &batch.transfers);
        let tokens: u64 = transfers().map(|transfer| transfer.amount.get()).sum();
        let accounts = transfers().filter(|transfer| transfer.makes_account).count() as u64;
        let transaction_lamports = costs.transaction_lamports + self.pay().terms.priority_lamports_max;
        let taken = ACCOUNT_RENT * accounts + transaction_lamports * open.len() as u64 + EMPTY_RENT;
        Ok(Purse {
            tokens: own.saturating_sub(tokens),
            lamports: lamports.saturating_sub(taken),
            transaction_lamports,
            account_lamports: ACCOUNT_RENT,
        })
    }

    /// The sanctions list, as the operator has it now.
    fn sanctions(&mut self) -> Sanctions {
        let now = self.house_wall();
        let pay = self.pay();
        let days = (now.get() / DAY_MS).saturating_sub(if pay.is_list_old { 9 } else { 0 });
        let (year, month, day) = civil_from_days(days);
        let addresses: String = pay.listed.iter().map(|address| format!("{address}\n")).collect();
        let list = Sanctions::parse(&format!("dated {year:04}-{month:02}-{day:02}\n{addresses}"), now);
        list.expect("a date and addresses are a list")
    }
}

fn is_news(told: &Costs, costs: &Costs) -> bool {
    let moved = told.transaction_lamports.abs_diff(costs.transaction_lamports);
    let but_the_fee = Costs { transaction_lamports: told.transaction_lamports, ..*costs };
    moved.saturating_mul(NEWS_PART) > told.transaction_lamports || but_the_fee != *told
}

fn next(person: &Person, has_account: bool, costs: &Costs, day: u64) -> NextPayout {
    let schedule = if person.is_wanted { Schedule::Now } else { person.earned.schedule };
    next_payout(&Earned { schedule, has_account, ..person.earned }, costs, day)
}
