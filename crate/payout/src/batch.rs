//! A batch, as the store keeps it: payouts that share a transaction, and how far that is.

use lull_protocol::cbor::{self, CborError};
use lull_protocol::{Timestamp, fields, variants};

use crate::transaction::{Fees, Message, Signed, Transfer, Treasury};
use crate::units::{BatchId, LaneId, Nonce, Signature};

/// Two transactions and as many transfers as they can hold are far smaller.
const BATCH_BYTES_MAX: usize = 16 * 1_024;

/// What the operator has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Who pays, and in what.
    pub treasury: Treasury,
    /// How many RPCs must say the same; 1 only where there is one.
    pub agree_min: usize,
    /// A payment that nobody has seen for this long after it was sent is cancelled and made anew, with fees of then.
    pub patience_ms: u64,
    /// The most that a transaction offers for being taken soon.
    pub priority_lamports_max: u64,
}

/// A batch: payouts that share a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its name, in the memo too.
    pub id: BatchId,
    /// Its lane.
    pub lane: LaneId,
    /// The lane's value that its transaction holds.
    pub nonce: Nonce,
    /// Its payouts, ascending; none in one that only renews its lane.
    pub transfers: Vec<Transfer>,
    /// The run that made it.
    pub run: u64,
    /// How far it is.
    pub stage: Stage,
}

fields!(Batch { 0 id, 1 lane, 2 nonce, 3 transfers, 4 run, 5 stage });

/// How far a batch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its payouts are reserved and its lane is taken.
    Reserved,
    /// What is to be signed is known.
    Built {
        /// That.
        message: Message,
        /// What it may compute and offers.
        fees: Fees,
    },
    /// Signed, and not yet handed to any RPC.
    Signed {
        /// The only bytes that are ever sent for it.
        payment: Signed,
        /// What it may compute and offers.
        fees: Fees,
    },
    /// Handed to the RPCs, and sent again until it is seen.
    Sent {
        /// The same bytes.
        payment: Signed,
        /// What it may compute and offers.
        fees: Fees,
        /// When it was first sent.
        sent_at: Timestamp,
    },
    /// Seen in a block that most of the network voted for: "arriving".
    Confirmed {
        /// The same bytes.
        payment: Signed,
        /// What it may compute and offers.
        fees: Fees,
        /// When it was first sent.
        sent_at: Timestamp,
    },
    /// To be cancelled; what cancels it is not signed yet. The payment may still land.
    Cancelling {
        /// It isn't sent any more.
        payment: Signed,
        /// Uses the nonce up.
        message: Message,
        /// When that was decided.
        since: Timestamp,
    },
    /// What cancels it is signed, and sent until either of the two has landed.
    CancelSent {
        /// It isn't sent any more.
        payment: Signed,
        /// The bytes that cancel it.
        cancel: Signed,
        /// When that was decided.
        since: Timestamp,
    },
    /// Over: finalized, and the tokens moved as planned.
    Paid {
        /// How it landed.
        landed: Landed,
    },
    /// Over: finalized with an error. No token moved, the fee is spent.
    Failed {
        /// How it landed.
        landed: Landed,
    },
    /// Over: its nonce was used up by another transaction.
    Cancelled {
        /// How that landed.
        landed: Landed,
    },
    /// Over: nothing was ever signed.
    Dropped,
}

variants!(Stage {
    0 Reserved {},
    1 Built { 0 message, 1 fees },
    2 Signed { 0 payment, 1 fees },
    3 Sent { 0 payment, 1 fees, 2 sent_at },
    4 Confirmed { 0 payment, 1 fees, 2 sent_at },
    5 Cancelling { 0 payment, 1 message, 2 since },
    6 CancelSent { 0 payment, 1 cancel, 2 since },
    7 Paid { 0 landed },
    8 Failed { 0 landed },
    9 Cancelled { 0 landed },
    10 Dropped {},
});

/// The transaction by which a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landed {
    /// Its name.
    pub signature: Signature,
    /// Its slot.
    pub slot: u64,
    /// The network's fee, lamports.
    pub fee_lamports: u64,
    /// What the treasury paid beyond that, lamports: rent of new token accounts.
    pub rent_lamports: u64,
}

fields!(Landed { 0 signature, 1 slot, 2 fee_lamports, 3 rent_lamports });

impl Stage {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Built { .. } => "built",
            Self::Signed { .. } => "signed",
            Self::Sent { .. } => "sent",
            Self::Confirmed { .. } => "confirmed",
            Self::Cancelling { .. } => "cancelling",
            Self::CancelSent { .. } => "cancel sent",
            Self::Paid { .. } => "paid",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Dropped => "dropped",
        }
    }
    /// Whether nothing more becomes of it.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Paid { .. } | Self::Failed { .. } | Self::Cancelled { .. } | Self::Dropped)
    }
    /// The payment, and what cancels it, as far as they are signed and the batch isn't over.
    pub fn signed(&self) -> (Option<&Signed>, Option<&Signed>) {
        match self {
            Self::Signed { payment, .. }
            | Self::Sent { payment, .. }
            | Self::Confirmed { payment, .. }
            | Self::Cancelling { payment, .. } => (Some(payment), None),
            Self::CancelSent { payment, cancel, .. } => (Some(payment), Some(cancel)),
            _ => (None, None),
        }
    }
}

impl Batch {
    /// The signatures by which the chain knows it, for [`lane::compare`](crate::lane::compare).
    pub fn signatures(&self) -> Vec<Signature> {
        let (payment, cancel) = self.stage.signed();
        payment.into_iter().chain(cancel).map(Signed::signature).collect()
    }
    /// What the store keeps of it.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }
    /// What the store kept.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CborError> {
        cbor::decode(bytes, BATCH_BYTES_MAX)
    }
    pub(crate) fn at(&self, stage: Stage) -> Self {
        Self { stage, ..self.clone() }
    }
}
