//! From payouts that are due to batches on free lanes.
//!
//! Oldest first. Each batch is as full as a transaction allows, which is found by building it. Wallets without a token
//! account go apart from the others, for theirs are twice as long and cost more; so do those that go in smaller batches
//! after a failure. What no lane is free for, or a limit or the treasury doesn't reach for, waits for the next plan.

use std::collections::{BTreeMap, BTreeSet};

use lull_protocol::{Amount, Timestamp};

use crate::address::Wallet;
use crate::batch::{Batch, Stage, Terms};
use crate::facts::{Alarm, Decided, Effect, Hold, PayoutState, Write};
use crate::lane::{Gate, Lane};
use crate::memo::MEMO_PAYOUTS_MAX;
use crate::sanctions::Sanctions;
use crate::token::Recipient;
use crate::transaction::{self, BuildError, Fees, Transfer};
use crate::units::{BatchId, PayoutId};

/// A payout that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub payout: PayoutId,
    /// Whose: a number that all payouts of a person share.
    pub person: u64,
    /// To where.
    pub wallet: Wallet,
    /// How much arrives.
    pub amount: Amount,
    /// From its state: [`PayoutState::Waiting`].
    pub batch_max: u16,
    /// Whether it was charged for making its wallet's token account; otherwise none is made for it.
    pub is_account_charged: bool,
    /// What its wallet's token account is, by a look of this minute at what is confirmed.
    pub recipient: Recipient,
    /// What this person was paid, or has in batches, in the last 24 hours.
    pub person_day: Amount,
}

/// How much may leave the treasury, whatever is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To all, in an hour.
    pub hour: Amount,
    /// To one person, in 24 hours.
    pub person_day: Amount,
}

/// What the treasury has, by a look of this minute, less what batches that are not over will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purse {
    /// Base units of the mint.
    pub tokens: u64,
    /// Lamports above what its account must keep.
    pub lamports: u64,
    /// What a transaction costs at most: the network's fee and the priority cap.
    pub transaction_lamports: u64,
    /// The rent of a new token account.
    pub account_lamports: u64,
}

/// All that a plan looks at.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// What is due, oldest first, each wallet looked at.
    pub due: &'a [Due],
    /// All lanes.
    pub lanes: &'a [Lane],
    /// Fresh random names, one for each batch that there may be.
    pub names: &'a [BatchId],
    /// What may leave.
    pub limits: Limits,
    /// What left, or is in batches, in the last hour.
    pub hour: Amount,
    /// What there is.
    pub purse: Purse,
    /// Whom nobody may pay.
    pub sanctions: &'a Sanctions,
    /// Whether the operator paused payouts.
    pub is_paused: bool,
    /// This run's number.
    pub run: u64,
}

/// Advances each lane that is free and of an earlier run, see [`lane`](crate::lane); one name for each. A batch that an
/// earlier run has left unsigned is dropped first: [`Observation::CancelWanted`](crate::facts::Observation::CancelWanted).
pub fn renew(lanes: &[Lane], names: &[BatchId], run: u64) -> Decided {
    let mut decided = Decided::default();
    let old = lanes.iter().filter(|lane| is_free(lane) && lane.run != run);
    for (lane, id) in old.zip(names) {
        let (id, lane, nonce) = (*id, lane.id, lane.nonce);
        reserve(&mut decided, Batch { id, lane, nonce, transfers: vec![], run, stage: Stage::Reserved });
    }
    decided
}

fn is_free(lane: &Lane) -> bool {
    lane.batch.is_none() && !lane.is_spent
}

/// Reserves payouts in batches. Nothing is planned while payouts pause or the gate isn't open.
pub fn plan(facts: &Facts<'_>, terms: &Terms, gate: &Gate, now: Timestamp) -> Decided {
    let mut decided = Decided::default();
    if facts.is_paused || *gate != Gate::Open {
        return decided;
    }
    if facts.sanctions.is_old(now) {
        decided.effects.push(Effect::Alarm(None, Alarm::ListOld));
        return decided;
    }
    let mut payable = Vec::new();
    let mut seen = BTreeSet::new();
    for due in facts.due.iter().filter(|due| seen.insert(due.payout)) {
        match hold(due, facts, terms) {
            Some(hold) => decided.writes.push(Write::SetPayout(due.payout, PayoutState::Held(hold))),
            None => payable.push(*due),
        }
    }
    let mut left = Left::new(facts);
    let free = facts.lanes.iter().filter(|lane| is_free(lane));
    for (lane, name) in free.zip(facts.names) {
        match left.next_batch(&mut payable, lane, *name, facts, terms) {
            Ok(Some(batch)) => reserve(&mut decided, batch),
            Ok(None) => break,
            Err(error) => {
                decided.effects.push(Effect::Alarm(None, Alarm::Unbuildable(error)));
                break;
            }
        }
    }
    if left.is_short {
        decided.effects.push(Effect::Alarm(None, Alarm::TreasuryShort));
    }
    decided
}

fn reserve(decided: &mut Decided, batch: Batch) {
    decided.writes.push(Write::TakeLane(batch.lane, batch.id));
    let state = PayoutState::InBatch(batch.id);
    decided.writes.extend(batch.transfers.iter().map(|transfer| Write::SetPayout(transfer.payout, state)));
    decided.effects.push(Effect::Again(batch.id));
    decided.writes.push(Write::SetBatch(batch));
}

/// Why a payout can't be paid at all.
fn hold(due: &Due, facts: &Facts<'_>, terms: &Terms) -> Option<Hold> {
    let wallet = due.wallet.address();
    let account = terms.treasury.mint.account_of(&wallet);
    match due.recipient {
        _ if facts.sanctions.has(&wallet) || facts.sanctions.has(&account) => Some(Hold::Listed),
        _ if due.amount == Amount::ZERO => Some(Hold::Nothing),
        _ if wallet == terms.treasury.owner => Some(Hold::Foreign),
        _ if due.amount > facts.limits.hour || due.amount > facts.limits.person_day => Some(Hold::AboveLimit),
        Recipient::Frozen => Some(Hold::Frozen),
        Recipient::Foreign => Some(Hold::Foreign),
        // It was there when the payout was made, or is another wallet's: who closes it doesn't get its rent again and again.
        Recipient::Missing if !due.is_account_charged => Some(Hold::NoAccount),
        Recipient::Open | Recipient::Missing => None,
    }
}

/// What goes with what: whether accounts are made, and the size of the batch.
type Kind = (bool, u16);

fn kind(due: &Due) -> Kind {
    (due.recipient == Recipient::Missing, due.batch_max)
}

/// What limits and treasury still reach for.
struct Left {
    hour: u64,
    persons: BTreeMap<u64, u64>,
    tokens: u64,
    lamports: u64,
    is_short: bool,
    /// How many of a kind fitted last: nearly as many will the next time.
    fitted: BTreeMap<bool, usize>,
}

impl Left {
    fn new(facts: &Facts<'_>) -> Self {
        Self {
            hour: facts.limits.hour.get().saturating_sub(facts.hour.get()),
            persons: BTreeMap::new(),
            tokens: facts.purse.tokens,
            lamports: facts.purse.lamports,
            is_short: false,
            fitted: BTreeMap::new(),
        }
    }

    /// Takes the next batch out of what is payable: that of the oldest payout that limits and treasury reach for.
    fn next_batch(
        &mut self,
        payable: &mut Vec<Due>,
        lane: &Lane,
        id: BatchId,
        facts: &Facts<'_>,
        terms: &Terms,
    ) -> Result<Option<Batch>, BuildError> {
        let fee = facts.purse.transaction_lamports;
        if self.lamports < fee && !payable.is_empty() {
            self.is_short = true;
            return Ok(None);
        }
        let mut chosen: Vec<Due> = Vec::new();
        let before = self.lamports;
        self.lamports = before.saturating_sub(fee);
        let mut most = MEMO_PAYOUTS_MAX;
        let mut waiting = payable.iter();
        while chosen.len() < most
            && let Some(due) = waiting.next()
        {
            let alike = chosen.first().is_none_or(|first| kind(first) == kind(due));
            if alike && self.take(due, facts) {
                chosen.push(*due);
                let (makes_account, batch_max) = kind(due);
                let guess = self.fitted.get(&makes_account).map_or(MEMO_PAYOUTS_MAX, |fitted| fitted + 1);
                most = guess.min(usize::from(batch_max.max(1)));
            }
        }
        if chosen.is_empty() {
            self.lamports = before;
            return Ok(None);
        }
        let batch = self.fit(chosen, lane, id, facts, terms)?;
        let taken: BTreeSet<PayoutId> = batch.transfers.iter().map(|transfer| transfer.payout).collect();
        payable.retain(|due| !taken.contains(&due.payout));
        Ok(Some(batch))
    }

    /// As many of the chosen as fit; the others are given back.
    fn fit(
        &mut self,
        mut chosen: Vec<Due>,
        lane: &Lane,
        id: BatchId,
        facts: &Facts<'_>,
        terms: &Terms,
    ) -> Result<Batch, BuildError> {
        loop {
            let transfers = transfers(&chosen);
            match transaction::payment(&terms.treasury, lane.id, lane.nonce, id, &transfers, Fees::MOST) {
                Err(BuildError::TooLong(_)) if chosen.len() > 1 => self.give_back(chosen.pop().as_ref(), facts),
                Err(error) => return Err(error),
                Ok(_) => {
                    let makes_account = transfers.iter().any(|transfer| transfer.makes_account);
                    self.fitted.insert(makes_account, transfers.len());
                    let (lane, nonce) = (lane.id, lane.nonce);
                    return Ok(Batch { id, lane, nonce, transfers, run: facts.run, stage: Stage::Reserved });
                }
            }
        }
    }

    fn take(&mut self, due: &Due, facts: &Facts<'_>) -> bool {
        let amount = due.amount.get();
        let rent = rent(due, facts);
        let spent = self.persons.get(&due.person).copied().unwrap_or(0).saturating_add(due.person_day.get());
        if self.hour < amount || facts.limits.person_day.get().saturating_sub(spent) < amount {
            return false;
        }
        if self.tokens < amount || self.lamports < rent {
            self.is_short = true;
            return false;
        }
        self.hour -= amount;
        self.tokens -= amount;
        self.lamports -= rent;
        *self.persons.entry(due.person).or_default() += amount;
        true
    }

    fn give_back(&mut self, due: Option<&Due>, facts: &Facts<'_>) {
        let Some(due) = due else { return };
        self.hour += due.amount.get();
        self.tokens += due.amount.get();
        self.lamports += rent(due, facts);
        if let Some(spent) = self.persons.get_mut(&due.person) {
            *spent -= due.amount.get();
        }
    }
}

fn rent(due: &Due, facts: &Facts<'_>) -> u64 {
    if due.recipient == Recipient::Missing { facts.purse.account_lamports } else { 0 }
}

fn transfers(chosen: &[Due]) -> Vec<Transfer> {
    let transfer = |due: &Due| Transfer {
        payout: due.payout,
        wallet: due.wallet,
        amount: due.amount,
        makes_account: due.recipient == Recipient::Missing,
    };
    let mut transfers: Vec<Transfer> = chosen.iter().map(transfer).collect();
    transfers.sort_unstable_by_key(|transfer| transfer.payout);
    transfers
}
