//! What a decision looks at, and the writes and effects it answers with. The store fills the one and applies the other;
//! neither knows the chain.

use std::collections::BTreeMap;

pub use lull_protocol::payout::Hold;

use crate::address::Address;
use crate::batch::{Batch, Landed};
use crate::transaction::BuildError;
use crate::units::{BatchId, LaneId, Nonce, PayoutId, Signature};

/// What became of a batch, or could become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// Time to go on: after a commit that asked for it ([`Effect::Again`]), after a restart, and every few seconds.
    Tick,
    /// Answers to [`Effect::Prepare`]: one of each RPC that gave all of it.
    Prepared(Vec<Preparation>),
    /// An answer to [`Effect::Sign`].
    Signed(Signature),
    /// Answers to [`Effect::Ask`]: one of each RPC that gave all of it.
    Seen(Vec<Sight>),
    /// The operator wants it cancelled.
    CancelWanted,
}

/// What one RPC says before a batch is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preparation {
    /// The lane's value, finalized; `None` if it is no nonce account of the treasury's.
    pub nonce: Option<Nonce>,
    /// What the simulation came to: compute units, or why it failed.
    pub simulated: Result<u64, TransactionError>,
    /// What recent transactions that wrote to the same accounts offered, millionths of a lamport per unit.
    pub prices: Vec<u64>,
}

/// What one RPC says of a batch that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Of the payment.
    pub payment: Seen,
    /// Of what cancels it.
    pub cancel: Seen,
    /// The lane's value, finalized.
    pub nonce: Option<Nonce>,
}

/// How far a transaction is, by one RPC's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It knows of none: which proves nothing.
    Nothing,
    /// In a block that may still be dropped.
    Processed,
    /// In a block that most of the network voted for.
    Confirmed,
    /// In a block that stays.
    Finalized(Landing),
}

/// A finalized transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landing {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its slot.
    pub slot: u64,
    /// Why it failed, if it did.
    pub error: Option<TransactionError>,
    /// The network's fee, lamports.
    pub fee_lamports: u64,
    /// What its payer has less than before, lamports.
    pub spent_lamports: u64,
    /// How the balances of the mint's token accounts changed; those that didn't are left out.
    pub moved: BTreeMap<Address, i128>,
}

impl Landing {
    /// What the books keep of it.
    pub(crate) fn landed(&self, signature: Signature) -> Landed {
        let Self { slot, fee_lamports, spent_lamports, .. } = *self;
        Landed { signature, slot, fee_lamports, rent_lamports: spent_lamports.saturating_sub(fee_lamports) }
    }
}

/// Why a transaction failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionError {
    /// One of its instructions did.
    Instruction {
        /// Which, from 0.
        index: usize,
        /// How.
        why: InstructionError,
    },
    /// The transaction as a whole: the RPC's word.
    Whole(String),
}

/// Why an instruction failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstructionError {
    /// Its program's own number.
    Custom(u32),
    /// The runtime's word.
    Named(String),
}

/// What is to be stored, all of a decision in one transaction.
///
/// In the ledger (`payouts` of the market): a payout that is made moves earnings to *in payout*;
/// [`PayoutState::Paid`] moves them on to *paid*, and its quote, which never left the treasury, comes in as *network
/// fees*; [`Write::Spend`] moves what the treasury spent, as far as there is so much of those, to *treasury*, once
/// per transaction. Nothing else moves money: a payout that fails, waits or is held stays in payout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The batch is now this; a new one if there is none of its id.
    SetBatch(Batch),
    /// A payout is now this.
    SetPayout(PayoutId, PayoutState),
    /// The lane is taken by a batch. A lane that is taken already is a bug: refuse all of the decision.
    TakeLane(LaneId, BatchId),
    /// The lane is free and its value unused.
    FreeLane(LaneId),
    /// The lane is free, and the transaction used up its value; [`lane::compare`](crate::lane::compare) finds the next.
    SpendLane {
        /// Which.
        lane: LaneId,
        /// The value that is used up.
        nonce: Nonce,
        /// By this.
        by: Signature,
        /// Of this run; 0 where that isn't known.
        run: u64,
    },
    /// The lane's next value, after a spent one.
    NextNonce(LaneId, Nonce),
    /// The treasury spent lamports: from `network_fees` to `treasury` in the ledger.
    Spend {
        /// For this batch; `None` for a lane that was advanced for none.
        batch: Option<BatchId>,
        /// By this transaction, which is the cause, once.
        landed: Landed,
    },
}

/// How far a payout is. Its money is *in payout* until it is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutState {
    /// For the next plan, in a batch of at most so many.
    Waiting {
        /// [`BATCH_MAX`], or fewer after a failure that nobody was to blame for.
        batch_max: u16,
    },
    /// In a batch, which says how far it is.
    InBatch(BatchId),
    /// On the chain for good.
    Paid {
        /// By this transaction.
        signature: Signature,
        /// In this slot.
        slot: u64,
    },
    /// Set aside, visibly; nobody else waits for it.
    Held(Hold),
}

/// The batch size of payouts that have not failed: as many as fit.
pub const BATCH_MAX: u16 = u16::MAX;

/// What the shell does once the writes are committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Decide the batch's [`Observation::Tick`] at once.
    Again(BatchId),
    /// Ask each RPC for the lane's value (finalized), a simulation, and recent prices: [`Observation::Prepared`].
    Prepare {
        /// Of this batch.
        batch: BatchId,
        /// Whose value.
        lane: LaneId,
        /// What to simulate, unsigned.
        transaction: Vec<u8>,
        /// The accounts that it writes to, for the prices.
        writes_to: Vec<Address>,
    },
    /// Have the treasury's key sign: [`Observation::Signed`].
    Sign {
        /// For this batch.
        batch: BatchId,
        /// These bytes.
        message: Vec<u8>,
    },
    /// Hand the bytes to every RPC, without its own retries and without a preflight. What they answer tells nothing.
    Send {
        /// For this batch.
        batch: BatchId,
        /// These bytes.
        transaction: Vec<u8>,
    },
    /// Ask each RPC for the lane's value, then how far the transactions are, and for those that are finalized how they
    /// landed: [`Observation::Seen`]. In this order: what moved the lane is seen by who looks afterwards.
    Ask {
        /// Of this batch.
        batch: BatchId,
        /// Whose value.
        lane: LaneId,
        /// The payment.
        payment: Signature,
        /// What cancels it.
        cancel: Option<Signature>,
    },
    /// Tell the operator.
    Alarm(Option<BatchId>, Alarm),
}

/// What an operator must hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// The RPCs differ. Nothing is decided until they agree.
    Disagreement,
    /// The lane isn't as the store knows it: nothing is signed until it was reconciled.
    LaneMoved,
    /// The nonce was used up, and not by what is known: ask on, and look.
    NonceGone,
    /// The payment is finalized and moved other tokens than planned: ledger and chain differ.
    OtherTokens,
    /// The signer gave no valid signature.
    BadSignature,
    /// The simulation failed for a reason that is nobody's in the batch.
    Simulation(TransactionError),
    /// A transaction failed, and the fee is spent.
    Failed(TransactionError),
    /// The treasury has too little of its tokens or lamports for what is due.
    TreasuryShort,
    /// The sanctions list is too old: all payouts pause.
    ListOld,
    /// A payment can't be built, which the planner should have seen.
    Unbuildable(BuildError),
}

impl Alarm {
    /// Whether ledger and chain may differ: the batch's lane joins those that moved ([`gate`](crate::lane::gate)), and
    /// nobody is paid until it was reconciled.
    pub fn stops(&self) -> bool {
        matches!(self, Self::LaneMoved | Self::NonceGone | Self::OtherTokens)
    }
}

/// Writes and effects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// For one transaction of the store.
    pub writes: Vec<Write>,
    /// For after its commit.
    pub effects: Vec<Effect>,
}
