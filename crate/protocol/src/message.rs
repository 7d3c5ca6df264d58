//! Messages: one per WebSocket binary frame.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::cbor::{self, CborError};
use crate::limits::{CHUNK_BYTES_MAX, FRAME_BYTES_MAX, ITEM_BYTES_MAX, ORIGIN_BYTES_MAX, STATEMENT_BYTES_MAX};
use crate::units::{Amount, ByteCount, Challenge, Hash, PublicKey, Timestamp};

/// From a worker.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum ToCoordinator {
    /// Opens the handshake.
    #[n(0)]
    Hello {
        /// Lowest and highest version spoken.
        #[n(0)]
        versions: (u16, u16),
        /// Who it is.
        #[n(1)]
        worker: PublicKey,
        /// Fresh.
        #[n(2)]
        challenge: Challenge,
        /// Scheme, host and port that were dialled.
        #[n(3)]
        origin: String,
    },
    /// Ends the handshake.
    #[n(1)]
    Proof {
        /// `Signed<WorkerProof>`.
        #[n(0)]
        statement: ByteVec,
        /// The number of the last verdict stored; later ones are sent again.
        #[n(1)]
        verdicts_seen: u64,
        /// When the person's day began; `Account` counts "today" from here.
        #[n(2)]
        day_start: Timestamp,
    },
    /// How many assignments the worker will take now, per class. Replaces the last one.
    #[n(2)]
    Want {
        /// Free places for fetches.
        #[n(0)]
        fetch: u8,
        /// Free places for judgments.
        #[n(1)]
        judgment: u8,
    },
    /// A signed result. The coordinator answers with `Ack`, `Refused`, or `BodyWanted`.
    #[n(3)]
    Result {
        /// `Signed<WorkResult>`.
        #[n(0)]
        statement: ByteVec,
    },
    /// A piece of a fetched body, inside what was wanted.
    #[n(4)]
    BodyChunk {
        /// The result's offer.
        #[n(0)]
        offer: Hash,
        /// Where it starts.
        #[n(1)]
        offset: ByteCount,
        /// At most `CHUNK_BYTES_MAX`.
        #[n(2)]
        bytes: ByteVec,
    },
    /// The lease is given back without a result.
    #[n(5)]
    Return {
        /// Which.
        #[n(0)]
        offer: Hash,
        /// Why.
        #[n(1)]
        reason: ReturnReason,
    },
    /// Asks for a blob by hash.
    #[n(6)]
    GetBlob {
        /// SHA-256 of the blob.
        #[n(0)]
        hash: Hash,
        /// From where on.
        #[n(1)]
        offset: ByteCount,
    },
    /// Heartbeat.
    #[n(7)]
    Ping {
        /// When the person's day began.
        #[n(0)]
        day_start: Timestamp,
        /// The number of the last verdict stored.
        #[n(1)]
        verdicts_seen: u64,
    },
}

/// Why a lease was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ReturnReason {
    /// The person skipped it.
    #[n(0)]
    Skipped,
    /// The person paused or switched the class off.
    #[n(1)]
    SwitchedOff,
    /// The item or its content can't be shown.
    #[n(2)]
    Broken,
    /// The worker holds too many.
    #[n(3)]
    TooMany,
}

/// From the coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum ToWorker {
    /// Answers the worker's hello.
    #[n(0)]
    Hello {
        /// The version chosen.
        #[n(0)]
        version: u16,
        /// Who it is.
        #[n(1)]
        coordinator: PublicKey,
        /// Fresh.
        #[n(2)]
        challenge: Challenge,
        /// `Signed<CoordinatorProof>`.
        #[n(3)]
        proof: ByteVec,
        /// `Signed<OperatorCard>`.
        #[n(4)]
        card: ByteVec,
    },
    /// The handshake is done; open leases and unseen verdicts follow.
    #[n(1)]
    Welcome {
        /// The coordinator's clock.
        #[n(0)]
        now: Timestamp,
    },
    /// A lease.
    #[n(2)]
    Assign {
        /// `Signed<Offer>`.
        #[n(0)]
        offer: ByteVec,
        /// The item as CBOR.
        #[n(1)]
        item: ByteVec,
    },
    /// Asks for a range of a result's body.
    #[n(3)]
    BodyWanted {
        /// The result's offer.
        #[n(0)]
        offer: Hash,
        /// From where on.
        #[n(1)]
        offset: ByteCount,
        /// How many bytes.
        #[n(2)]
        bytes: ByteCount,
    },
    /// The result is durable.
    #[n(4)]
    Ack {
        /// The result's offer.
        #[n(0)]
        offer: Hash,
        /// The hash of the result that counts.
        #[n(1)]
        result: Hash,
    },
    /// A verdict.
    #[n(5)]
    Verdict {
        /// Its number in this worker's row of verdicts, from 1, without gaps.
        #[n(0)]
        number: u64,
        /// `Signed<Verdict>`.
        #[n(1)]
        statement: ByteVec,
    },
    /// The worker's money, from the ledger.
    #[n(6)]
    Account {
        /// All that was ever earned.
        #[n(0)]
        earned: Amount,
        /// Still open to dispute.
        #[n(1)]
        pending: Amount,
        /// Final, not yet paid out.
        #[n(2)]
        payable: Amount,
        /// Earned since `day_start`.
        #[n(3)]
        earned_today: Amount,
        /// The `day_start` that it was counted from.
        #[n(4)]
        day_start: Timestamp,
    },
    /// A lease ended without a result: the item was withdrawn or its time is over.
    #[n(7)]
    Withdraw {
        /// Which.
        #[n(0)]
        offer: Hash,
        /// Why.
        #[n(1)]
        reason: RefusedCode,
    },
    /// A piece of a blob.
    #[n(8)]
    BlobChunk {
        /// SHA-256 of the whole.
        #[n(0)]
        hash: Hash,
        /// Size of the whole.
        #[n(1)]
        total: ByteCount,
        /// Where this piece starts.
        #[n(2)]
        offset: ByteCount,
        /// At most `CHUNK_BYTES_MAX`.
        #[n(3)]
        bytes: ByteVec,
    },
    /// Something the worker sent was refused. The connection goes on unless `Bye` follows.
    #[n(9)]
    Refused {
        /// The offer or blob it is about.
        #[n(0)]
        about: Option<Hash>,
        /// What is wrong.
        #[n(1)]
        code: RefusedCode,
    },
    /// Heartbeat.
    #[n(10)]
    Pong {
        /// The coordinator's clock.
        #[n(0)]
        now: Timestamp,
    },
    /// The coordinator closes the connection.
    #[n(11)]
    Bye {
        /// Why.
        #[n(0)]
        code: RefusedCode,
    },
}

/// What was wrong with a message. Each has a rule about trying again in [`RefusedCode::is_final`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum RefusedCode {
    /// The frame is not a message of this protocol.
    #[n(0)]
    Malformed,
    /// The frame, body or blob is over its limit.
    #[n(1)]
    TooLarge,
    /// A message that does not belong here now.
    #[n(2)]
    Unexpected,
    /// No common version.
    #[n(3)]
    Version,
    /// The handshake's proof does not hold.
    #[n(4)]
    Proof,
    /// The statement or its signature does not hold.
    #[n(5)]
    Signature,
    /// No such offer.
    #[n(6)]
    UnknownOffer,
    /// The offer is another worker's.
    #[n(7)]
    NotYours,
    /// The lease is over.
    #[n(8)]
    LeaseExpired,
    /// The lease was given back or withdrawn.
    #[n(9)]
    LeaseEnded,
    /// Another result for this offer was committed first.
    #[n(10)]
    ResultDiffers,
    /// The report is not of the offer's job class, or the option does not exist.
    #[n(11)]
    WrongReport,
    /// The body does not have the signed hash.
    #[n(12)]
    BodyHash,
    /// The body is not inside what was wanted.
    #[n(13)]
    BodyRange,
    /// No such blob.
    #[n(14)]
    UnknownBlob,
    /// The coordinator can't store now (its disk is full or failing): try again later.
    #[n(15)]
    Unavailable,
    /// Too many messages or open transfers.
    #[n(16)]
    Busy,
    /// The same key has connected elsewhere.
    #[n(17)]
    Replaced,
    /// The coordinator is stopping.
    #[n(18)]
    Stopping,
    /// The item was withdrawn.
    #[n(19)]
    Withdrawn,
}

impl RefusedCode {
    /// Whether sending the same result again can never help: the outbox then lets it go, with a word
    /// to the person.
    pub fn is_final(self) -> bool {
        !matches!(
            self,
            Self::Unavailable | Self::Busy | Self::Replaced | Self::Stopping | Self::Unexpected | Self::BodyRange
        )
    }
}

/// A message of either direction as a frame.
pub trait Message: Encode<()> + for<'b> Decode<'b, ()> {
    /// Checks of single fields that CBOR's shape does not express.
    fn check(&self) -> Result<(), &'static str>;
    /// The frame.
    fn to_frame(&self) -> Vec<u8> {
        cbor::encode(self)
    }
    /// Reads a frame and checks each field's bounds.
    fn from_frame(bytes: &[u8]) -> Result<Self, CborError> {
        let message: Self = cbor::decode(bytes, FRAME_BYTES_MAX)?;
        message.check().map_err(|e| CborError::Malformed(e.into()))?;
        Ok(message)
    }
}

impl Message for ToCoordinator {
    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Hello { origin, .. } if origin.len() > ORIGIN_BYTES_MAX => {
                Err("the origin is longer than ORIGIN_BYTES_MAX")
            }
            Self::Proof { statement, .. } | Self::Result { statement } => statement_fits(statement),
            Self::BodyChunk { bytes, .. } => chunk_fits(bytes),
            _ => Ok(()),
        }
    }
}

impl Message for ToWorker {
    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Hello { proof, card, .. } => statement_fits(proof).and_then(|()| statement_fits(card)),
            Self::Assign { item, .. } if item.len() > ITEM_BYTES_MAX => Err("the item is longer than ITEM_BYTES_MAX"),
            Self::Assign { offer: statement, .. } | Self::Verdict { statement, .. } => statement_fits(statement),
            Self::BlobChunk { bytes, .. } => chunk_fits(bytes),
            _ => Ok(()),
        }
    }
}

fn statement_fits(bytes: &[u8]) -> Result<(), &'static str> {
    if bytes.len() > STATEMENT_BYTES_MAX { Err("a statement is longer than STATEMENT_BYTES_MAX") } else { Ok(()) }
}

fn chunk_fits(bytes: &[u8]) -> Result<(), &'static str> {
    if bytes.len() > CHUNK_BYTES_MAX { Err("a chunk is longer than CHUNK_BYTES_MAX") } else { Ok(()) }
}
