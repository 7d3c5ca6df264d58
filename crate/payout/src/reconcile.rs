//! From the chain back to the books: which payouts were paid, by the memos of the treasury's own transactions.
//!
//! For a database that was lost or restored from a copy. The shell reads every finalized transaction of the treasury
//! (`getSignaturesForAddress` of its address, back to the oldest that the store doesn't know), turns each into a
//! [`Landing`], [`rebuild`]s, [`restore`]s, applies the writes, and compares the lanes again.

use std::collections::{BTreeMap, BTreeSet};

use lull_protocol::Amount;

use crate::address::{Address, Wallet};
use crate::batch::{Batch, Landed, Stage};
use crate::facts::{BATCH_MAX, Landing, PayoutState, Write};
use crate::transaction::{OnChain, Treasury, read};
use crate::units::{BatchId, LaneId, Nonce, PayoutId, Signature};

/// What the chain tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Payments that moved what they say, oldest first.
    pub payments: Vec<Payment>,
    /// All that used up a lane's value, oldest first, failed ones too.
    pub advances: Vec<Advance>,
    /// Transactions that took tokens of the treasury and are no payments: the operator must explain them.
    pub unexplained: Vec<Signature>,
}

/// A payment on the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// By its memo.
    pub batch: BatchId,
    /// Each payout, the token account it went to, and how much arrived.
    pub payouts: Vec<(PayoutId, Address, Amount)>,
    /// Those of the token accounts that it made.
    pub made: Vec<Address>,
    /// The transaction.
    pub landed: Landed,
}

/// A transaction of the treasury that used up a lane's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// Which lane's.
    pub lane: LaneId,
    /// Which value.
    pub nonce: Nonce,
    /// The transaction.
    pub landed: Landed,
    /// The batch that its memo names.
    pub batch: Option<BatchId>,
}

/// Reads finalized transactions, oldest first. Those that the treasury didn't sign tell nothing: anybody can write a
/// memo.
pub fn rebuild<'a>(landings: impl IntoIterator<Item = &'a Landing>, treasury: &Treasury) -> Rebuilt {
    let mut rebuilt = Rebuilt::default();
    let own = treasury.mint.account_of(&treasury.owner);
    for landing in landings {
        let Some(read) = read(&landing.bytes, &treasury.mint) else { continue };
        if !read.signers.contains(&treasury.owner) {
            continue;
        }
        let landed = landing.landed(read.signature);
        if let Some((lane, authority)) = read.advanced
            && authority == treasury.owner
        {
            let batch = read.memo.as_ref().map(|memo| memo.batch());
            rebuilt.advances.push(Advance { lane, nonce: read.nonce, landed, batch });
        }
        match payment(&read, landing, own) {
            Some(payment) => rebuilt.payments.push(payment),
            None if landing.moved.get(&own).is_some_and(|moved| *moved < 0) => {
                rebuilt.unexplained.push(read.signature);
            }
            None => {}
        }
    }
    rebuilt
}

/// A transaction is a payment if its memo names as many payouts as it has transfers, and these are all that moved.
fn payment(read: &OnChain, landing: &Landing, own: Address) -> Option<Payment> {
    let memo = read.memo.as_ref()?;
    if landing.error.is_some() || memo.payouts().len() != read.transfers.len() {
        return None;
    }
    let mut moved = BTreeMap::<Address, i128>::new();
    let mut payouts = Vec::new();
    for (payout, (account, amount)) in memo.payouts().iter().zip(&read.transfers) {
        *moved.entry(*account).or_default() += i128::from(*amount);
        *moved.entry(own).or_default() -= i128::from(*amount);
        payouts.push((*payout, *account, Amount::new(*amount)?));
    }
    let landed = landing.landed(read.signature);
    // What was there already cost nothing.
    let made = if landed.rent_lamports > 0 { read.made.clone() } else { vec![] };
    (moved == landing.moved).then_some(Payment { batch: memo.batch(), payouts, made, landed })
}

/// A payout, as the store knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Which.
    pub payout: PayoutId,
    /// To where.
    pub wallet: Wallet,
    /// How much arrives.
    pub amount: Amount,
    /// How far it is.
    pub state: PayoutState,
}

/// What the store has to change, and what the operator must look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// For one transaction of the store.
    pub writes: Vec<Write>,
    /// Payouts on the chain that the store doesn't know, or knows with another wallet or amount: they are paid all
    /// the same, and their earnings are to be booked as paid to whose wallet it is.
    pub forgotten: Vec<Forgotten>,
    /// Payouts that the chain has paid twice, or that the store calls paid by a transaction that isn't there.
    pub contradicted: Vec<PayoutId>,
    /// From [`Rebuilt::unexplained`].
    pub unexplained: Vec<Signature>,
    /// The largest number of a payout on the chain: the store counts on from above it.
    pub payout_max: Option<PayoutId>,
}

/// A payout that the store has forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// Its number then; the store may have given it to another one since.
    pub payout: PayoutId,
    /// The wallet's token account.
    pub account: Address,
    /// How much arrived.
    pub amount: Amount,
    /// Whether the account was made for it, which its person was charged for.
    pub makes_account: bool,
    /// By this.
    pub landed: Landed,
}

/// Compares what the store knows with what the chain tells. `batches`: those that are not over. `known`: all payouts
/// that are not paid, and those paid within the time that `rebuilt` covers.
pub fn restore(known: &[Known], batches: &[Batch], rebuilt: &Rebuilt, treasury: &Treasury) -> Restored {
    let mut restored = Restored { unexplained: rebuilt.unexplained.clone(), ..Restored::default() };
    let known: BTreeMap<PayoutId, &Known> = known.iter().map(|known| (known.payout, known)).collect();
    let mut paid = BTreeMap::<PayoutId, Signature>::new();
    for payment in &rebuilt.payments {
        for (payout, account, amount) in &payment.payouts {
            restored.payout_max = restored.payout_max.max(Some(*payout));
            let is_it = |known: &&&Known| {
                known.amount == *amount && treasury.mint.account_of(&known.wallet.address()) == *account
            };
            match known.get(payout).filter(is_it) {
                Some(_) if paid.insert(*payout, payment.landed.signature).is_some() => {
                    restored.contradicted.push(*payout);
                }
                Some(_) => restored.writes.push(settle(*payout, &payment.landed)),
                None => {
                    let (payout, account, amount, landed) = (*payout, *account, *amount, payment.landed);
                    let makes_account = payment.made.contains(&account);
                    restored.forgotten.push(Forgotten { payout, account, amount, makes_account, landed });
                }
            }
        }
    }
    for known in known.values() {
        if let PayoutState::Paid { signature, .. } = known.state
            && paid.get(&known.payout) != Some(&signature)
        {
            restored.contradicted.push(known.payout);
        }
    }
    let is_paid = |payout: &PayoutId| paid.contains_key(payout);
    let mut busy = BTreeSet::new();
    for batch in batches {
        match end(batch, rebuilt) {
            Some(stage) => {
                restored.writes.push(Write::SetBatch(Batch { stage, ..batch.clone() }));
                restored.writes.push(Write::FreeLane(batch.lane));
                let unpaid = batch.transfers.iter().map(|transfer| transfer.payout).filter(|payout| !is_paid(payout));
                let waiting = PayoutState::Waiting { batch_max: BATCH_MAX };
                restored.writes.extend(unpaid.map(|payout| Write::SetPayout(payout, waiting)));
            }
            None => _ = busy.insert(batch.lane),
        }
    }
    let mut last = BTreeMap::new();
    for Advance { lane, nonce, landed, batch } in &rebuilt.advances {
        last.insert(*lane, Write::SpendLane { lane: *lane, nonce: *nonce, by: landed.signature, run: 0 });
        restored.writes.push(Write::Spend { batch: *batch, landed: *landed });
    }
    restored.writes.extend(last.into_iter().filter(|(lane, _)| !busy.contains(lane)).map(|(_, write)| write));
    restored
}

fn settle(payout: PayoutId, landed: &Landed) -> Write {
    Write::SetPayout(payout, PayoutState::Paid { signature: landed.signature, slot: landed.slot })
}

/// How a batch ended, if the chain proves that it did.
fn end(batch: &Batch, rebuilt: &Rebuilt) -> Option<Stage> {
    let own = batch.signatures();
    if own.is_empty() {
        // Never signed as far as the store knows. It may have been since, which only the memo of its own name tells.
        let payment = rebuilt.payments.iter().find(|payment| payment.batch == batch.id);
        return Some(payment.map_or(Stage::Dropped, |payment| Stage::Paid { landed: payment.landed }));
    }
    let used = rebuilt.advances.iter().find(|advance| advance.lane == batch.lane && advance.nonce == batch.nonce)?;
    // By its own transaction: then it ends by itself, with all that is checked there.
    (!own.contains(&used.landed.signature)).then_some(Stage::Cancelled { landed: used.landed })
}
