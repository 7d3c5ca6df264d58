//! The way of a batch: `decide(batch, observation, now) -> writes + effects`.
//!
//! ```text
//! reserved ─► built ─► signed ─► sent ⇄ confirmed ─► paid        finalized, and the tokens moved as planned
//!    │          │                  │        │
//!    │          │                  │        ├──────► failed      finalized with an error: the fee is spent
//!    └─► dropped ◄┘                ▼        │
//!                              cancelling ─► cancel sent ─► cancelled    the nonce was used up for nothing
//! ```
//!
//! What is unknown stays unknown: a batch that was signed ends only by a finalized transaction that used its nonce,
//! the payment itself or the one that cancels it, on the word of several RPCs that differ in nothing. That something
//! was *not* found proves nothing. Until then the same bytes are sent again, and nobody in it is paid another way.
//!
//! The store applies all writes of a decision in one transaction; the effects are carried out after its commit. All
//! effects follow from what is stored: after a restart, [`Observation::Tick`] for each batch that is not over goes on
//! where it was.

use std::collections::BTreeMap;

use lull_protocol::Timestamp;

use crate::address::Address;
use crate::agree::{Said, said};
use crate::batch::{Batch, Landed, Stage, Terms};
use crate::facts::{
    Alarm, BATCH_MAX, Decided, Effect, Hold, InstructionError, Landing, Observation, PayoutState, Preparation, Seen,
    Sight, TransactionError, Write,
};
use crate::lane::Gate;
use crate::transaction::{self, BuildError, Fees, Message, Signed, Treasury, UNITS_MAX};

/// Decides what becomes of a batch. What doesn't fit its stage any more (an answer that comes late) changes nothing.
pub fn decide(batch: &Batch, seen: Observation, terms: &Terms, gate: &Gate, now: Timestamp) -> Decided {
    match (&batch.stage, seen) {
        (_, Observation::Tick) => tick(batch, terms, gate, now),
        (Stage::Reserved, Observation::Prepared(answers)) => prepared(batch, &answers, terms),
        (Stage::Built { message, fees }, Observation::Signed(signature)) if may_sign(batch, gate) => {
            match message.attach(signature, &terms.treasury.owner) {
                Ok(payment) => Decided::moved(batch, Stage::Signed { payment, fees: *fees }),
                Err(_) => Decided::alarm(batch, Alarm::BadSignature),
            }
        }
        (Stage::Cancelling { payment, message, since }, Observation::Signed(signature)) => {
            match message.attach(signature, &terms.treasury.owner) {
                Ok(cancel) => {
                    let (payment, since) = (payment.clone(), *since);
                    Decided::moved(batch, Stage::CancelSent { payment, cancel, since })
                }
                Err(_) => Decided::alarm(batch, Alarm::BadSignature),
            }
        }
        (_, Observation::Seen(sights)) => see(batch, &sights, terms, now),
        (Stage::Reserved | Stage::Built { .. }, Observation::CancelWanted) => {
            Decided { writes: dropped(batch, Blame::Nobody), effects: vec![] }
        }
        (Stage::Signed { payment, fees } | Stage::Sent { payment, fees, .. }, Observation::CancelWanted) => {
            cancel(batch, payment, *fees, terms, now)
        }
        _ => Decided::default(),
    }
}

/// What renews a lane pays nobody, and opens the gate.
fn may_sign(batch: &Batch, gate: &Gate) -> bool {
    *gate == Gate::Open || batch.transfers.is_empty()
}

/// What a stage asks for by itself.
fn tick(batch: &Batch, terms: &Terms, gate: &Gate, now: Timestamp) -> Decided {
    let id = batch.id;
    let send = |signed: &Signed| Effect::Send { batch: id, transaction: signed.bytes().to_vec() };
    let ask = || {
        let (payment, cancel) = batch.stage.signed();
        let payment = payment?.signature();
        Some(Effect::Ask { batch: id, lane: batch.lane, payment, cancel: cancel.map(Signed::signature) })
    };
    let mut decided = Decided::default();
    match &batch.stage {
        Stage::Reserved => match draft(batch, terms, Fees { price: 0, ..Fees::MOST }) {
            Ok(message) => decided.effects.push(Effect::Prepare {
                batch: id,
                lane: batch.lane,
                transaction: message.unsigned(),
                writes_to: writes_to(batch, terms),
            }),
            Err(error) => return Decided::alarm(batch, Alarm::Unbuildable(error)),
        },
        Stage::Built { message, .. } if may_sign(batch, gate) => {
            decided.effects.push(Effect::Sign { batch: id, message: message.bytes().to_vec() });
        }
        Stage::Signed { payment, fees } => {
            let (payment, fees) = (payment.clone(), *fees);
            decided.effects = vec![send(&payment)];
            decided.effects.extend(ask());
            decided.writes.push(Write::SetBatch(batch.at(Stage::Sent { payment, fees, sent_at: now })));
        }
        // A confirmed one, too: its block may still be dropped.
        Stage::Sent { payment, .. } | Stage::Confirmed { payment, .. } => {
            decided.effects.push(send(payment));
            decided.effects.extend(ask());
        }
        Stage::Cancelling { message, .. } => {
            decided.effects.push(Effect::Sign { batch: id, message: message.bytes().to_vec() });
            decided.effects.extend(ask());
        }
        Stage::CancelSent { cancel, .. } => {
            decided.effects.push(send(cancel));
            decided.effects.extend(ask());
        }
        Stage::Built { .. } | Stage::Paid { .. } | Stage::Failed { .. } | Stage::Cancelled { .. } | Stage::Dropped => {}
    }
    decided
}

fn draft(batch: &Batch, terms: &Terms, fees: Fees) -> Result<Message, BuildError> {
    if batch.transfers.is_empty() {
        return transaction::cancel(&terms.treasury, batch.lane, batch.nonce, fees);
    }
    transaction::payment(&terms.treasury, batch.lane, batch.nonce, batch.id, &batch.transfers, fees)
}

fn writes_to(batch: &Batch, terms: &Terms) -> Vec<Address> {
    let Treasury { owner, mint } = &terms.treasury;
    vec![*owner, mint.account_of(owner), batch.lane.0]
}

/// Room above what a simulation computed: bumps of derived addresses and account sizes differ by a little.
const UNITS_ROOM: u64 = 1_000;

/// Builds what is signed, once the lane and the simulation are in order.
fn prepared(batch: &Batch, answers: &[Preparation], terms: &Terms) -> Decided {
    match said(answers.iter().map(|answer| answer.nonce), terms.agree_min) {
        Said::Agreed(nonce) if nonce == Some(batch.nonce) => {}
        Said::Agreed(_) => return Decided::alarm(batch, Alarm::LaneMoved),
        Said::TooFew => return Decided::default(),
        Said::Differ => return Decided::alarm(batch, Alarm::Disagreement),
    }
    let units = answers.iter().filter_map(|answer| answer.simulated.as_ref().ok()).max();
    let failed = answers.iter().filter_map(|answer| answer.simulated.as_ref().err());
    match (units, said(failed, terms.agree_min)) {
        (Some(units), Said::TooFew) => {
            let units = units.saturating_add(units / 10).saturating_add(UNITS_ROOM);
            let units = u32::try_from(units).unwrap_or(UNITS_MAX).min(UNITS_MAX);
            let prices = answers.iter().flat_map(|answer| answer.prices.iter().copied()).collect();
            let fees = Fees { units, price: price(prices, units, terms.priority_lamports_max) };
            match draft(batch, terms, fees) {
                Ok(message) => Decided::moved(batch, Stage::Built { message, fees }),
                Err(error) => Decided::alarm(batch, Alarm::Unbuildable(error)),
            }
        }
        // The transaction as a whole: its nonce isn't seen yet, the fee can't be paid. It is tried again as it is.
        (None, Said::Agreed(error @ TransactionError::Whole(_))) => {
            Decided::alarm(batch, Alarm::Simulation(error.clone()))
        }
        (None, Said::Agreed(error)) => {
            let blame = blame(batch, error);
            let alarm = Effect::Alarm(Some(batch.id), Alarm::Simulation(error.clone()));
            let effects = if blame == Blame::Nobody { vec![alarm] } else { vec![] };
            Decided { writes: dropped(batch, blame), effects }
        }
        (Some(_), Said::Agreed(_)) | (_, Said::Differ) => Decided::alarm(batch, Alarm::Disagreement),
        (None, Said::TooFew) => Decided::default(),
    }
}

/// The median of what others offer, at most so many lamports for the transaction.
fn price(mut prices: Vec<u64>, units: u32, lamports_max: u64) -> u64 {
    prices.sort_unstable();
    let median = prices.get(prices.len() / 2).copied().unwrap_or(0);
    let most = u128::from(lamports_max) * 1_000_000 / u128::from(units.max(1));
    median.min(u64::try_from(most).unwrap_or(u64::MAX))
}

/// Nothing was signed: the payouts wait again, the lane is as it was.
fn dropped(batch: &Batch, blame: Blame) -> Vec<Write> {
    let mut writes = vec![Write::SetBatch(batch.at(Stage::Dropped)), Write::FreeLane(batch.lane)];
    writes.extend(release(batch, blame));
    writes
}

/// Compute units of a transaction that only advances a nonce, with room.
const CANCEL_UNITS: u32 = 5_000;

fn cancel(batch: &Batch, payment: &Signed, fees: Fees, terms: &Terms, now: Timestamp) -> Decided {
    // It should come before the payment wherever both wait, so it offers twice as much per unit, under the same cap.
    let fees = Fees {
        units: CANCEL_UNITS,
        price: price(vec![fees.price.saturating_mul(2)], CANCEL_UNITS, terms.priority_lamports_max),
    };
    match transaction::cancel(&terms.treasury, batch.lane, batch.nonce, fees) {
        Ok(message) => Decided::moved(batch, Stage::Cancelling { payment: payment.clone(), message, since: now }),
        Err(error) => Decided::alarm(batch, Alarm::Unbuildable(error)),
    }
}

/// What the RPCs say of a batch that was signed.
fn see(batch: &Batch, sights: &[Sight], terms: &Terms, now: Timestamp) -> Decided {
    let (Some(payment), cancelling) = batch.stage.signed() else { return Decided::default() };
    // Each tells of the payment and of what cancels it; only one of the two can have landed.
    let landings = sights.iter().flat_map(|sight| {
        let of = |seen, signed| finalized(seen).zip(Some(signed));
        [of(&sight.payment, Some(payment)), of(&sight.cancel, cancelling)]
    });
    match said(landings.flatten(), terms.agree_min) {
        Said::Agreed((landing, Some(signed))) if landing.bytes == signed.bytes() => {
            return land(batch, landing, signed, signed == payment, terms);
        }
        Said::Agreed(_) | Said::Differ => return Decided::alarm(batch, Alarm::Disagreement),
        Said::TooFew => {}
    }
    let arriving = sights.iter().filter(|sight| matches!(sight.payment, Seen::Confirmed | Seen::Finalized(_)));
    let is_arriving = arriving.count() >= terms.agree_min;
    let nonce = said(sights.iter().map(|sight| sight.nonce), terms.agree_min);
    let is_seen = sights.iter().any(|sight| sight.payment != Seen::Nothing || sight.cancel != Seen::Nothing);
    match &batch.stage {
        Stage::Sent { payment, fees, sent_at } if is_arriving => {
            let (payment, fees, sent_at) = (payment.clone(), *fees, *sent_at);
            let writes = vec![Write::SetBatch(batch.at(Stage::Confirmed { payment, fees, sent_at }))];
            Decided { writes, effects: vec![] }
        }
        Stage::Confirmed { payment, fees, sent_at } if !is_seen && sights.len() >= terms.agree_min => {
            // Its block was dropped.
            let (payment, fees, sent_at) = (payment.clone(), *fees, *sent_at);
            let writes = vec![Write::SetBatch(batch.at(Stage::Sent { payment, fees, sent_at }))];
            Decided { writes, effects: vec![] }
        }
        _ if is_seen => Decided::default(),
        // Histories may lag behind accounts, so what is missing is waited for before anybody is told.
        Stage::Sent { sent_at: since, .. } | Stage::Cancelling { since, .. } | Stage::CancelSent { since, .. }
            if now.since(*since) < terms.patience_ms =>
        {
            Decided::default()
        }
        Stage::Sent { payment, fees, .. } if nonce == Said::Agreed(Some(batch.nonce)) => {
            cancel(batch, payment, *fees, terms, now)
        }
        _ if matches!(nonce, Said::Agreed(nonce) if nonce != Some(batch.nonce)) => {
            Decided::alarm(batch, Alarm::NonceGone)
        }
        _ => Decided::default(),
    }
}

fn finalized(seen: &Seen) -> Option<&Landing> {
    match seen {
        Seen::Finalized(landing) => Some(landing),
        Seen::Nothing | Seen::Processed | Seen::Confirmed => None,
    }
}

/// A transaction that used the batch's nonce is finalized.
fn land(batch: &Batch, landing: &Landing, signed: &Signed, is_payment: bool, terms: &Terms) -> Decided {
    let landed = landing.landed(signed.signature());
    let expected =
        if is_payment && landing.error.is_none() { planned(batch, &terms.treasury) } else { BTreeMap::new() };
    if landing.moved != expected {
        return Decided::alarm(batch, Alarm::OtherTokens);
    }
    let (stage, payouts, effects) = match &landing.error {
        _ if !is_payment => (Stage::Cancelled { landed }, release(batch, Blame::Nobody), vec![]),
        Some(error) => {
            let alarm = Effect::Alarm(Some(batch.id), Alarm::Failed(error.clone()));
            (Stage::Failed { landed }, release(batch, blame(batch, error)), vec![alarm])
        }
        None => (Stage::Paid { landed }, paid(batch, &landed), vec![]),
    };
    let mut writes = vec![
        Write::SetBatch(batch.at(stage)),
        Write::SpendLane { lane: batch.lane, nonce: batch.nonce, by: landed.signature, run: batch.run },
        Write::Spend { batch: Some(batch.id), landed },
    ];
    writes.extend(payouts);
    Decided { writes, effects }
}

fn paid(batch: &Batch, landed: &Landed) -> Vec<Write> {
    let state = PayoutState::Paid { signature: landed.signature, slot: landed.slot };
    batch.transfers.iter().map(|transfer| Write::SetPayout(transfer.payout, state)).collect()
}

/// How a payment changes the balances of token accounts.
pub(crate) fn planned(batch: &Batch, treasury: &Treasury) -> BTreeMap<Address, i128> {
    let mut moved = BTreeMap::new();
    let from = treasury.mint.account_of(&treasury.owner);
    for transfer in &batch.transfers {
        let amount = i128::from(transfer.amount.get());
        *moved.entry(from).or_default() -= amount;
        *moved.entry(treasury.mint.account_of(&transfer.wallet.address())).or_default() += amount;
    }
    moved
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    /// Nobody's in the batch: the treasury's, or the network's.
    Nobody,
    /// That of the transfer at this place.
    One(usize),
    /// Of somebody in it.
    Somebody,
}

/// Both programs call the lack of money 1: the token program of tokens, the system program of lamports.
const CUSTOM_TOO_LITTLE: u32 = 1;
/// The runtime's words for a limit on computing that was too low.
const LIMITS: [&str; 2] = ["ComputationalBudgetExceeded", "ProgramFailedToComplete"];

fn blame(batch: &Batch, error: &TransactionError) -> Blame {
    let TransactionError::Instruction { index, why } = error else { return Blame::Nobody };
    match (why, transaction::transfer_at(&batch.transfers, *index)) {
        (InstructionError::Custom(CUSTOM_TOO_LITTLE), Some(_)) => Blame::Nobody,
        (InstructionError::Named(word), _) if LIMITS.contains(&word.as_str()) => Blame::Nobody,
        (_, Some(place)) => Blame::One(place),
        (_, None) => Blame::Somebody,
    }
}

/// The payouts of a batch that paid nobody: they wait again. Who is to blame goes alone next; if nobody knows who,
/// they go in halves, until one is alone and set aside.
fn release(batch: &Batch, blame: Blame) -> Vec<Write> {
    let count = batch.transfers.len();
    let half = u16::try_from(count.div_ceil(2)).unwrap_or(BATCH_MAX);
    let state = |place| match blame {
        Blame::One(_) | Blame::Somebody if count == 1 => PayoutState::Held(Hold::Refused),
        Blame::One(culprit) if culprit == place => PayoutState::Waiting { batch_max: 1 },
        Blame::Somebody => PayoutState::Waiting { batch_max: half },
        Blame::One(_) | Blame::Nobody => PayoutState::Waiting { batch_max: BATCH_MAX },
    };
    let writes = batch.transfers.iter().enumerate();
    writes.map(|(place, transfer)| Write::SetPayout(transfer.payout, state(place))).collect()
}

impl Decided {
    fn effect(effect: Effect) -> Self {
        Self { writes: vec![], effects: vec![effect] }
    }
    fn alarm(batch: &Batch, alarm: Alarm) -> Self {
        Self::effect(Effect::Alarm(Some(batch.id), alarm))
    }
    /// The batch is at another stage, and goes on from there at once.
    fn moved(batch: &Batch, stage: Stage) -> Self {
        Self { writes: vec![Write::SetBatch(batch.at(stage))], effects: vec![Effect::Again(batch.id)] }
    }
}
