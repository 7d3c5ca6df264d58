//! Messages: one per WebSocket binary frame.

use crate::cbor::{self, ByteVec, Cbor, CborError};
use crate::connect::{Purpose, WalletBrowser, WalletRefusal, WalletState};
use crate::limits::{
    CHUNK_BYTES_MAX, FRAME_BYTES_MAX, ITEM_BYTES_MAX, ORIGIN_BYTES_MAX, STATEMENT_BYTES_MAX, WALLET_WORKERS_MAX,
};
use crate::payout::{Payout, Payouts, Schedule, payouts_fit};
use crate::receipt::RECEIPT_BYTES_MAX;
use crate::rejection::BuyerRecord;
use crate::task::TaskSet;
use crate::terms::{Filter, Pace};
use crate::units::{Amount, ByteCount, Challenge, DurationMs, Hash, OrderId, PublicKey, Ticket, Timestamp};
use crate::warning::WarningSet;
use crate::{codes, variants};

/// From a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToCoordinator {
    /// Opens the handshake.
    Hello {
        /// Lowest and highest version spoken.
        versions: (u16, u16),
        /// Who it is.
        worker: PublicKey,
        /// Fresh.
        challenge: Challenge,
        /// Scheme, host and port that were dialled.
        origin: String,
    },
    /// Ends the handshake.
    Proof {
        /// `Signed<WorkerProof>`.
        statement: ByteVec,
        /// The number of the last verdict stored; later ones are sent again.
        verdicts_seen: u64,
        /// When the person's day began; `Account` counts "today" from here.
        day_start: Timestamp,
    },
    /// How many assignments the worker will take now, per class. Replaces the last one.
    Want {
        /// Free places for fetches.
        fetch: u8,
        /// Free places for judgments.
        judgment: u8,
        /// Of which types.
        tasks: TaskSet,
        /// And of these not which.
        filter: Filter,
        /// Judgments of sensitive content: of which classes.
        warnings: WarningSet,
    },
    /// A signed result. The coordinator answers with `Ack`, `Refused`, or `BodyWanted`.
    Result {
        /// `Signed<WorkResult>`.
        statement: ByteVec,
    },
    /// A piece of a fetched body, inside what was wanted.
    BodyChunk {
        /// The result's offer.
        offer: Hash,
        /// Where it starts.
        offset: ByteCount,
        /// At most `CHUNK_BYTES_MAX`.
        bytes: ByteVec,
    },
    /// The lease is given back without a result.
    Return {
        /// Which.
        offer: Hash,
        /// Why.
        reason: ReturnReason,
        /// How long a judgment was on screen, if it was.
        shown_ms: Option<DurationMs>,
    },
    /// Asks for a blob by hash.
    GetBlob {
        /// SHA-256 of the blob.
        hash: Hash,
        /// From where on.
        offset: ByteCount,
    },
    /// Heartbeat.
    Ping {
        /// When the person's day began.
        day_start: Timestamp,
        /// The number of the last verdict stored.
        verdicts_seen: u64,
    },
    /// The person needs more time for a judgment. The coordinator answers with `Extended` or `Refused`.
    Extend {
        /// Which.
        offer: Hash,
    },
    /// Objects to a rejection or a reversal. The coordinator answers with `Appealed` or `Refused`.
    Appeal {
        /// `Signed<Appeal>`.
        statement: ByteVec,
    },
    /// Asks for a ticket. The coordinator answers with `Ticket`, with `Wallet` where no wallet has to sign, or with
    /// `WalletRefused`.
    OpenTicket {
        /// What for.
        purpose: Purpose,
    },
    /// The worker's yes to a wallet. The coordinator answers with `Wallet` or `WalletRefused`.
    WalletYes {
        /// `Signed<WalletYes>`.
        statement: ByteVec,
    },
    /// The person says no: the ticket is good for nothing any more. The answer is `Wallet`.
    WalletNo {
        /// SHA-256 of the ticket.
        ticket: Hash,
    },
    /// The worker's no to a rebinding. The coordinator answers with `Wallet` or `WalletRefused`.
    WalletVeto {
        /// `Signed<WalletVeto>`.
        statement: ByteVec,
    },
    /// The person was told of the news up to this number. The answer is `Wallet`.
    WalletNewsKnown {
        /// The last one's.
        number: u64,
    },
    /// When the person wants to be paid, all its workers together. The answer is `Payouts`.
    PayWhen {
        /// When.
        schedule: Schedule,
        /// What they agreed to pay for the wallet's first token account.
        account_agreed: Amount,
    },
    /// The person wants what is payable now, whatever the schedule says; what it must be worth at the least stays. The
    /// answer is `Payouts`.
    PayNow,
    /// Asks for payouts before this number. The answer is `PayoutsBefore`.
    PayoutsBefore {
        /// Of one that the worker was told of.
        number: u64,
    },
    /// Asks which workers are paid to its wallet. The answer is `WalletBrowsers`.
    WalletBrowsers,
}
variants!(ToCoordinator {
    0 Hello { 0 versions, 1 worker, 2 challenge, 3 origin },
    1 Proof { 0 statement, 1 verdicts_seen, 2 day_start },
    2 Want { 0 fetch, 1 judgment, 2 tasks, 3 filter, 5 warnings },
    3 Result { 0 statement },
    4 BodyChunk { 0 offer, 1 offset, 2 bytes },
    5 Return { 0 offer, 1 reason, 2 shown_ms },
    6 GetBlob { 0 hash, 1 offset },
    7 Ping { 0 day_start, 1 verdicts_seen },
    8 Extend { 0 offer },
    9 Appeal { 0 statement },
    10 OpenTicket { 0 purpose },
    11 WalletYes { 0 statement },
    12 WalletNo { 0 ticket },
    13 WalletVeto { 0 statement },
    14 WalletNewsKnown { 0 number },
    15 PayWhen { 0 schedule, 1 account_agreed },
    16 PayNow {},
    17 PayoutsBefore { 0 number },
    18 WalletBrowsers {},
});

impl ToCoordinator {
    /// What a worker says that has no wishes: any work but sensitive content.
    pub fn want(fetch: u8, judgment: u8) -> Self {
        Self::Want { fetch, judgment, tasks: TaskSet::ALL, warnings: WarningSet::NONE, filter: Filter::default() }
    }
}

/// Why a lease was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnReason {
    /// The person skipped it.
    Skipped,
    /// The person paused or switched the class off.
    SwitchedOff,
    /// The item or its content can't be shown.
    Broken,
    /// The worker holds too many.
    TooMany,
    /// The coordinator took it back before the person had looked at it for `SEEN_MS_MIN`.
    Withdrawn,
    /// The person filters such work out.
    Filtered,
    /// It is of sensitive content that the person doesn't want, or had enough of for today.
    Unwanted,
    /// Its time was over before the person answered, who had looked at it for `SEEN_MS_MIN` at least. The coordinator may
    /// have ended the lease by then.
    RanOut,
}
codes!(ReturnReason { 0 Skipped, 1 SwitchedOff, 2 Broken, 3 TooMany, 4 Withdrawn, 5 Filtered, 6 Unwanted, 7 RanOut });

/// From the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToWorker {
    /// Answers the worker's hello.
    Hello {
        /// The version chosen.
        version: u16,
        /// Who it is.
        coordinator: PublicKey,
        /// Fresh.
        challenge: Challenge,
        /// `Signed<CoordinatorProof>`.
        proof: ByteVec,
        /// `Signed<OperatorCard>`.
        card: ByteVec,
    },
    /// The handshake is done; open leases and unseen verdicts follow.
    Welcome {
        /// The coordinator's clock.
        now: Timestamp,
    },
    /// A lease.
    Assign {
        /// `Signed<Offer>`.
        offer: ByteVec,
        /// The item as CBOR.
        item: ByteVec,
        /// `Signed<Extension>`: the last one, if the lease was extended.
        extension: Option<ByteVec>,
        /// How the item's project has gone so far, if that is known.
        pace: Option<Pace>,
        /// How the requester has treated others, where it reviews answers.
        record: Option<BuyerRecord>,
        /// How many skips of the item's project are still free for this worker today (UTC), of a judgment.
        skips_left: Option<u32>,
    },
    /// Asks for a range of a result's body.
    BodyWanted {
        /// The result's offer.
        offer: Hash,
        /// From where on.
        offset: ByteCount,
        /// How many bytes.
        bytes: ByteCount,
    },
    /// The result is durable.
    Ack {
        /// The result's offer.
        offer: Hash,
        /// The hash of the result that counts.
        result: Hash,
    },
    /// A verdict.
    Verdict {
        /// Its number in this worker's row of verdicts, from 1, without gaps.
        number: u64,
        /// `Signed<Verdict>`.
        statement: ByteVec,
    },
    /// The worker's money, from the ledger.
    Account {
        /// All that was ever earned.
        earned: Amount,
        /// Still open to dispute.
        pending: Amount,
        /// Final, not yet paid out.
        payable: Amount,
        /// Earned since `day_start`.
        earned_today: Amount,
        /// The `day_start` that it was counted from.
        day_start: Timestamp,
        /// Reversed while it was pending; left out while that is nothing.
        reversed: Option<Amount>,
    },
    /// A lease ended without a result: the item was withdrawn or its time is over.
    Withdraw {
        /// Which.
        offer: Hash,
        /// Why.
        reason: RefusedCode,
    },
    /// A piece of a blob.
    BlobChunk {
        /// SHA-256 of the whole.
        hash: Hash,
        /// Size of the whole.
        total: ByteCount,
        /// Where this piece starts.
        offset: ByteCount,
        /// At most `CHUNK_BYTES_MAX`.
        bytes: ByteVec,
    },
    /// Something the worker sent was refused. The connection goes on unless `Bye` follows.
    Refused {
        /// The offer or blob it is about.
        about: Option<Hash>,
        /// What is wrong.
        code: RefusedCode,
    },
    /// Heartbeat.
    Pong {
        /// The coordinator's clock.
        now: Timestamp,
    },
    /// The coordinator closes the connection.
    Bye {
        /// Why.
        code: RefusedCode,
    },
    /// A lease lasts longer.
    Extended {
        /// `Signed<Extension>`.
        statement: ByteVec,
    },
    /// After a skip: how many of a project are still free today (UTC); beyond the last one it rests until tomorrow.
    SkipsLeft {
        /// The project.
        order: OrderId,
        /// How many.
        left: u32,
    },
    /// A result is rejected, not yet for good: told again after each reconnect while that is open, and before the
    /// verdict.
    Rejected {
        /// `Signed<Rejection>`.
        statement: ByteVec,
    },
    /// The appeal is durable, and a human will decide.
    Appealed {
        /// The rejection's hash, or the reversal's.
        rejection: Hash,
    },
    /// A ticket, once: for the address of `/connect`.
    Ticket {
        /// The secret.
        ticket: Ticket,
        /// What it is for.
        purpose: Purpose,
        /// Until when the page can take it.
        expires_at: Timestamp,
    },
    /// How the worker stands with its wallet.
    Wallet(Box<WalletState>),
    /// Something about a wallet was refused; nothing changed.
    WalletRefused {
        /// The ticket's hash, or the vetoed yes's; none where a ticket was asked for.
        about: Option<Hash>,
        /// Why.
        why: WalletRefusal,
    },
    /// The worker's payouts.
    Payouts(Box<Payouts>),
    /// Older ones.
    PayoutsBefore {
        /// Before this number.
        number: u64,
        /// The newest first, at most `PAYOUTS_TOLD_MAX`.
        payouts: Vec<Payout>,
        /// Whether there are older ones.
        has_older: bool,
    },
    /// The workers that are paid to its wallet, itself too; at most `WALLET_WORKERS_MAX`.
    WalletBrowsers {
        /// Those that came first, first.
        browsers: Vec<WalletBrowser>,
    },
    /// What a verdict paid is contested while it is pending, or that has ended: told again after each reconnect while it
    /// is open, and for `REVERSALS_TOLD_MS` after its end.
    Reversal {
        /// The `Receipt` as it stands, with the reversal and what came of it: the worker may have let go of its own.
        receipt: ByteVec,
    },
}
variants!(ToWorker {
    0 Hello { 0 version, 1 coordinator, 2 challenge, 3 proof, 4 card },
    1 Welcome { 0 now },
    2 Assign { 0 offer, 1 item, 2 extension, 3 pace, 4 record, 5 skips_left },
    3 BodyWanted { 0 offer, 1 offset, 2 bytes },
    4 Ack { 0 offer, 1 result },
    5 Verdict { 0 number, 1 statement },
    6 Account { 0 earned, 1 pending, 2 payable, 3 earned_today, 4 day_start, 5 reversed },
    7 Withdraw { 0 offer, 1 reason },
    8 BlobChunk { 0 hash, 1 total, 2 offset, 3 bytes },
    9 Refused { 0 about, 1 code },
    10 Pong { 0 now },
    11 Bye { 0 code },
    12 Extended { 0 statement },
    13 SkipsLeft { 0 order, 1 left },
    14 Rejected { 0 statement },
    15 Appealed { 0 rejection },
    16 Ticket { 0 ticket, 1 purpose, 2 expires_at },
    17 Wallet { 0 (0) state },
    18 WalletRefused { 0 about, 1 why },
    19 Payouts { 0 (0) payouts },
    20 PayoutsBefore { 0 number, 1 payouts, 2 has_older },
    21 WalletBrowsers { 0 browsers },
    22 Reversal { 0 receipt },
});

/// What was wrong with a message. Each has a rule about trying again in [`RefusedCode::is_final`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusedCode {
    /// The frame is not a message of this protocol.
    Malformed,
    /// The frame, body or blob is over its limit.
    TooLarge,
    /// A message that does not belong here now.
    Unexpected,
    /// No common version.
    Version,
    /// The handshake's proof does not hold.
    Proof,
    /// The statement or its signature does not hold.
    Signature,
    /// No such offer.
    UnknownOffer,
    /// The offer is another worker's.
    NotYours,
    /// The lease is over.
    LeaseExpired,
    /// The lease was given back or withdrawn.
    LeaseEnded,
    /// Another result for this offer was committed first.
    ResultDiffers,
    /// The report is not of the offer's job class, or the answer is none to the item's task.
    WrongReport,
    /// The body does not have the signed hash.
    BodyHash,
    /// The body is not inside what was wanted.
    BodyRange,
    /// No such blob.
    UnknownBlob,
    /// The coordinator can't store now (its disk is full or failing): try again later.
    Unavailable,
    /// Too many messages or open transfers.
    Busy,
    /// The same key has connected elsewhere.
    Replaced,
    /// The coordinator is stopping.
    Stopping,
    /// The item was withdrawn.
    Withdrawn,
    /// Another worker of the same wallet has taken this one's place, for its key was said to be lost: it is let in no
    /// more.
    Succeeded,
}
codes!(RefusedCode {
    0 Malformed, 1 TooLarge, 2 Unexpected, 3 Version, 4 Proof, 5 Signature, 6 UnknownOffer, 7 NotYours,
    8 LeaseExpired, 9 LeaseEnded, 10 ResultDiffers, 11 WrongReport, 12 BodyHash, 13 BodyRange, 14 UnknownBlob,
    15 Unavailable, 16 Busy, 17 Replaced, 18 Stopping, 19 Withdrawn, 20 Succeeded,
});

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
pub trait Message: Cbor {
    /// Checks of single fields that CBOR's shape does not express.
    fn check(&self) -> Result<(), &'static str>;
    /// The frame.
    fn to_frame(&self) -> Vec<u8> {
        cbor::encode(self)
    }
    /// Reads a frame and checks each field's bounds.
    fn from_frame(bytes: &[u8]) -> Result<Self, CborError> {
        let message: Self = cbor::decode(bytes, FRAME_BYTES_MAX)?;
        message.check().map_err(CborError::Malformed)?;
        Ok(message)
    }
}

impl Message for ToCoordinator {
    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Hello { origin, .. } if origin.len() > ORIGIN_BYTES_MAX => {
                Err("the origin is longer than ORIGIN_BYTES_MAX")
            }
            Self::Proof { statement, .. }
            | Self::Result { statement }
            | Self::Appeal { statement }
            | Self::WalletYes { statement }
            | Self::WalletVeto { statement } => statement_fits(statement),
            Self::BodyChunk { bytes, .. } => chunk_fits(bytes),
            Self::Want { filter, .. } => filter.check(),
            _ => Ok(()),
        }
    }
}

impl Message for ToWorker {
    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Hello { proof, card, .. } => statement_fits(proof).and_then(|()| statement_fits(card)),
            Self::Assign { item, .. } if item.len() > ITEM_BYTES_MAX => Err("the item is longer than ITEM_BYTES_MAX"),
            Self::Assign { offer, extension, pace, .. } => {
                pace.iter().try_for_each(Pace::check)?;
                [Some(offer), extension.as_ref()].into_iter().flatten().try_for_each(|s| statement_fits(s))
            }
            Self::Verdict { statement, .. } | Self::Extended { statement } | Self::Rejected { statement } => {
                statement_fits(statement)
            }
            Self::Reversal { receipt } if receipt.len() > RECEIPT_BYTES_MAX => {
                Err("the receipt is longer than RECEIPT_BYTES_MAX")
            }
            Self::BlobChunk { bytes, .. } => chunk_fits(bytes),
            Self::Wallet(state) => state.check(),
            Self::Payouts(payouts) => payouts_fit(&payouts.newest),
            Self::PayoutsBefore { payouts, .. } => payouts_fit(payouts),
            Self::WalletBrowsers { browsers } if browsers.len() > WALLET_WORKERS_MAX => {
                Err("more browsers than WALLET_WORKERS_MAX")
            }
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
