//! What can be asked of the market, what it answers, and why it refuses.

use std::collections::BTreeSet;
use std::sync::Arc;

use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::payout::Schedule;
use lull_protocol::receipt::Receipt;
use lull_protocol::rejection::{Appeal, BuyerRecord};
use lull_protocol::statement::{AcceptanceRule, Price, WorkResult};
use lull_protocol::units::Nonce;
use lull_protocol::{
    Amount, ByteCount, DurationMs, Filter, Hash, Method, OrderId, Pace, PublicKey, Signed, SigningKey, TaskSet,
    Timestamp, Wallet, WarningSet,
};
use thiserror::Error;

use crate::connect::{self, Given, Request};
use crate::project::{Lessons, Tasks};

/// What each decision may look at besides the facts: the clock, the coordinator's key and its terms.
#[derive(Clone, Debug)]
pub struct Context {
    /// The coordinator's clock when the batch began.
    pub now: Timestamp,
    /// Signs offers and verdicts.
    pub key: SigningKey,
    /// The operator's terms.
    pub terms: Terms,
    /// Wallets that nobody may be paid to.
    pub listed: Arc<BTreeSet<Wallet>>,
}

/// The operator's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The asset of all amounts.
    pub asset: String,
    /// The fee on top of each price, paid by the requester, in basis points.
    pub fee_bp: u16,
    /// How long a fetch lease lasts, milliseconds.
    pub fetch_lease_ms: u64,
    /// How long a judgment lease lasts, milliseconds.
    pub judgment_lease_ms: u64,
    /// After a lease's deadline, a result without a verdict is approved this much later, milliseconds.
    pub approval_ms: u64,
    /// How long pending money stays open to dispute, milliseconds.
    pub dispute_ms: u64,
    /// How long a worker may appeal against a rejection, milliseconds.
    pub appeal_ms: u64,
    /// How long a human has to decide about an appeal before the worker is right, milliseconds.
    pub appeal_decision_ms: u64,
}

/// A requester's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequesterId(pub [u8; 16]);

/// A change that is asked for. Every command is decided and applied in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A new requester with the hash of its API key.
    AddRequester {
        /// Its id (random, from the shell).
        requester: RequesterId,
        /// Its public name; unique.
        name: String,
        /// SHA-256 of the API key.
        key_hash: Hash,
    },
    /// Money a requester paid in. The same reference counts once.
    Deposit {
        /// Whose.
        requester: RequesterId,
        /// How much.
        amount: Amount,
        /// What makes this deposit unlike every other.
        reference: String,
    },
    /// A requester's blob. The same bytes again are no error.
    PutBlob {
        /// Whose.
        requester: RequesterId,
        /// One of `PICTURE_TYPES`.
        media_type: String,
        /// At most `BLOB_BYTES_MAX`.
        bytes: Vec<u8>,
    },
    /// Buys fetches: an item per URL.
    CreateFetchOrder(FetchOrder),
    /// Buys judgments: an item per task.
    CreateProject(Project),
    /// Leases items to a worker: its open leases count against what it wants and against the limits.
    Claim {
        /// Whose.
        worker: PublicKey,
        /// Places for fetches.
        fetch: u8,
        /// Places for judgments.
        judgment: u8,
        /// Of which types.
        tasks: TaskSet,
        /// Of which classes of sensitive content.
        warnings: WarningSet,
        /// And of all these not which.
        filter: Filter,
        /// One fresh nonce per possible lease (`fetch + judgment`).
        nonces: Vec<Nonce>,
    },
    /// A worker's signed result. For a fetch `ok`/`not_found` with `body_bytes > 0` the body belongs to it.
    Submit {
        /// Verified under the key that the connection proved.
        result: Box<Signed<WorkResult>>,
        /// The decoded body.
        body: Vec<u8>,
    },
    /// A worker gives a lease back.
    Return {
        /// Whose.
        worker: PublicKey,
        /// Which.
        offer: Hash,
        /// Why.
        reason: ReturnReason,
        /// How long its judgment was on screen, by the worker's word.
        shown_ms: Option<DurationMs>,
    },
    /// A worker needs more time for a judgment.
    Extend {
        /// Whose.
        worker: PublicKey,
        /// Which lease.
        offer: Hash,
    },
    /// A requester has looked at answers of its project: all of them are decided, or none. Answers are named by
    /// their offers.
    Review {
        /// Whose.
        requester: RequesterId,
        /// Of which project.
        order: OrderId,
        /// These are accepted; one that was rejected is, too.
        accept: Vec<Hash>,
        /// These are rejected.
        reject: Vec<Rejected>,
    },
    /// A requester cancels an order: what is begun is paid, the rest of its money goes back.
    Cancel {
        /// Whose.
        requester: RequesterId,
        /// Which.
        order: OrderId,
    },
    /// The operator contests what a verdict has paid, while that is pending.
    Reverse {
        /// The offer of the result.
        offer: Hash,
        /// Why, 1 to `REJECTION_EVIDENCE_BYTES_MAX` bytes.
        evidence: String,
    },
    /// A worker appeals against a rejection or a reversal.
    Appeal {
        /// Verified under the key that the connection proved.
        appeal: Box<Signed<Appeal>>,
    },
    /// The operator decides about an appeal.
    DecideAppeal {
        /// The rejection's hash, or the reversal's.
        rejection: Hash,
        /// Whether the worker is right.
        is_upheld: bool,
    },
    /// The operator lets a paused project go on.
    Resume {
        /// Which.
        order: OrderId,
    },
    /// A step on the way to a wallet, or away from it.
    Wallet(Box<Request>),
    /// When a worker's person wants to be paid, all its workers together.
    PayWhen {
        /// Who says so.
        worker: PublicKey,
        /// When.
        schedule: Schedule,
        /// What they agreed to pay for the wallet's first token account.
        account_agreed: Amount,
    },
    /// A worker's person wants what is payable now, whatever the schedule says.
    PayNow {
        /// Who says so.
        worker: PublicKey,
    },
    /// Ends leases past their deadline, approves by time, turns pending into payable, lets rebindings come about: what is
    /// due now.
    Sweep,
}

/// An answer that its requester rejects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its offer.
    pub offer: Hash,
    /// Why, 1 to `REJECTION_EVIDENCE_BYTES_MAX` bytes.
    pub evidence: String,
}

/// An order of fetches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOrder {
    /// Its id (random, from the shell); the same id with the same content again is no error.
    pub order: OrderId,
    /// Whose.
    pub requester: RequesterId,
    /// What it is for.
    pub purpose: String,
    /// WHATWG-serialised.
    pub urls: Vec<String>,
    /// GET or HEAD.
    pub method: Method,
    /// Ceiling of each decoded body.
    pub bytes_max: ByteCount,
    /// Whether plain http is allowed.
    pub http_allowed: bool,
    /// Per item and per MiB.
    pub price: Price,
}

/// A judgment project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its id (random, from the shell); the same id with the same content again is no error.
    pub order: OrderId,
    /// Whose.
    pub requester: RequesterId,
    /// Title.
    pub title: String,
    /// The guideline's version.
    pub guideline_version: u32,
    /// How to decide.
    pub guideline: String,
    /// The question.
    pub question: String,
    /// What is judged, and between what; a picture's blob must be there already.
    pub tasks: Tasks,
    /// What people may practise first.
    pub lessons: Option<Box<Lessons>>,
    /// What they may show that some would rather not see.
    pub warnings: WarningSet,
    /// Per answer.
    pub price: Amount,
    /// `Agreement` or `Review`.
    pub rule: AcceptanceRule,
}

/// Items in one order.
pub const ITEMS_MAX: usize = 10_000;

/// What a command gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Done.
    Done,
    /// Done, and a place of an item is free for others.
    Freed {
        /// After a skip: the project, and how many more of its skips are free today.
        skips_left: Option<(OrderId, u32)>,
    },
    /// The lease lasts longer: `Signed<Extension>`.
    Extended(Vec<u8>),
    /// A blob's hash.
    Blob(Hash),
    /// The order and what it holds of the requester's balance.
    Order {
        /// Its id.
        order: OrderId,
        /// Held: all items at full price and fee.
        held: Amount,
    },
    /// New leases.
    Leases(Vec<Lease>),
    /// The result is stored; `verdicts` it caused, for this worker and for others.
    Stored {
        /// The result's hash (the stored one, when this one came again).
        result: Hash,
        /// In the order of their numbers.
        verdicts: Vec<NumberedVerdict>,
        /// Whether a place of the item is free for others now, which it was not before.
        freed: bool,
        /// Open leases of an item that was stopped: whose, which offer.
        withdrawn: Vec<(PublicKey, Hash)>,
    },
    /// What a sweep did.
    Swept {
        /// Leases that ended: whose, which offer.
        expired: Vec<(PublicKey, Hash)>,
        /// Verdicts by time.
        verdicts: Vec<NumberedVerdict>,
        /// Workers whose pending money became payable.
        settled: Vec<PublicKey>,
        /// Whether places are free for others now, besides those of the leases.
        freed: bool,
        /// Workers with news of their wallet.
        wallets: Vec<PublicKey>,
    },
    /// Answers were reviewed, or an appeal decided.
    Reviewed(Reviewed),
    /// The order is cancelled; nothing came of it if it was before.
    Cancelled {
        /// Of answers and flags that waited; each worker's in the order of their numbers.
        verdicts: Vec<NumberedVerdict>,
        /// Its open leases: whose, which offer.
        withdrawn: Vec<(PublicKey, Hash)>,
    },
    /// What a verdict paid is contested.
    Reversal {
        /// The reversal's hash.
        reversal: Hash,
        /// Whose money it is.
        worker: PublicKey,
        /// Whether that was so before.
        is_new: bool,
    },
    /// A reversal has ended.
    Ended {
        /// Whose money it was about.
        worker: PublicKey,
        /// Whether that was so before.
        is_new: bool,
    },
    /// The appeal against this rejection or reversal is stored.
    Appealed(Hash),
    /// Of [`Command::Wallet`].
    Wallet {
        /// What whoever asked gets.
        given: Given,
        /// Workers with news of their wallet, but for the one that asked.
        told: Vec<PublicKey>,
    },
    /// How these workers are paid has changed.
    PayoutsChanged(Vec<PublicKey>),
}

/// What came of a review.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviewed {
    /// In the order of their numbers.
    pub verdicts: Vec<NumberedVerdict>,
    /// Rejections that are open now.
    pub rejections: Vec<OpenRejection>,
    /// Whether a place of an item is free for others now.
    pub freed: bool,
}

impl Reviewed {
    /// This, and then that.
    pub fn extend(&mut self, more: Self) {
        self.verdicts.extend(more.verdicts);
        self.rejections.extend(more.rejections);
        self.freed |= more.freed;
    }
}

/// A reversal as it is sent to a worker: open, or ended not long ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldReversal {
    /// Its hash.
    pub reversal: Hash,
    /// The receipt as it stands.
    pub receipt: Receipt,
}

/// A rejection without a verdict, as it is sent to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRejection {
    /// Whose.
    pub worker: PublicKey,
    /// `Signed<Rejection>`.
    pub statement: Vec<u8>,
    /// Whether the worker has appealed.
    pub is_appealed: bool,
}

/// A lease as it is sent to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// `Signed<Offer>`.
    pub offer: Vec<u8>,
    /// The item as CBOR.
    pub item: Vec<u8>,
    /// The item was stopped since.
    pub is_withdrawn: bool,
    /// `Signed<Extension>`: the last one, if it was extended.
    pub extension: Option<Vec<u8>>,
    /// How its project has gone so far, if that is known.
    pub pace: Option<Pace>,
    /// How the requester has treated others, where it reviews answers.
    pub record: Option<BuyerRecord>,
    /// How many skips of its project are free for the worker today, of a judgment.
    pub skips_left: Option<u32>,
}

/// A verdict as it is sent to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedVerdict {
    /// Whose.
    pub worker: PublicKey,
    /// Its number in the worker's row, from 1, without gaps.
    pub number: u64,
    /// `Signed<Verdict>`.
    pub statement: Vec<u8>,
    /// `Signed<Rejection>`, if there was one before it.
    pub rejection: Option<Vec<u8>>,
}

/// Why a command changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Refused to a worker, with the code that travels.
    #[error("refused: {0:?}")]
    Worker(RefusedCode),
    /// A field of a requester's command is wrong.
    #[error("{field}: {problem}")]
    Field {
        /// Which, as the API names it (`urls[3]`).
        field: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// Not enough money for the full price.
    #[error("the order costs {needed:?} but only {available:?} is available")]
    Funds {
        /// The full price with fee.
        needed: Amount,
        /// The available balance.
        available: Amount,
    },
    /// An answer, an appeal, a project or an order can't be decided like this.
    #[error("{field}: {problem}")]
    Review {
        /// What of the command it is about, as the API names it (`reject[3]`).
        field: String,
        /// Why not.
        problem: ReviewProblem,
    },
    /// A step on the way to a wallet.
    #[error(transparent)]
    Wallet(connect::Problem),
    /// No such requester.
    #[error("no such requester")]
    UnknownRequester,
    /// The name or id is taken by something else.
    #[error("{0} is already taken")]
    Taken(&'static str),
    /// An invariant would break: a bug here or a damaged database, not the sender's fault. Nothing changed.
    #[error("internal fault: {0}")]
    Fault(String),
}

/// Why something can't be reviewed or cancelled as was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReviewProblem {
    /// There is no such answer, or it is another's.
    #[error("there is no such answer in this project")]
    UnknownAnswer,
    /// Its requester does not review.
    #[error("the answers of this project are decided by agreement alone")]
    NotReviewed,
    /// It has its verdict, which is final.
    #[error("it has its verdict, which is final")]
    Judged,
    /// It is rejected already, with other evidence.
    #[error("it is rejected already, with other evidence")]
    OtherEvidence,
    /// There is no such rejection.
    #[error("there is no such rejection")]
    UnknownRejection,
    /// Nobody has appealed against it.
    #[error("nobody has appealed against it")]
    NotAppealed,
    /// There is no such project.
    #[error("there is no such project")]
    UnknownProject,
    /// There is no such order, or it is another's.
    #[error("there is no such order of yours")]
    UnknownOrder,
    /// None of the order's items is open.
    #[error("the order is finished: there is nothing left to cancel")]
    Finished,
    /// There is no such result, or no verdict about it.
    #[error("there is no such result, or it has no verdict yet")]
    NoVerdict,
    /// Its verdict paid nothing.
    #[error("nothing was paid for it")]
    Unpaid,
    /// Its money is no longer pending.
    #[error("its time for disputes is over: the money is payable, which is final")]
    Payable,
    /// It was rejected before its verdict.
    #[error("it was rejected before its verdict, and nothing is contested twice")]
    Contested,
    /// Its money is contested already, with other evidence.
    #[error("its money is contested already, with other evidence")]
    OtherReversal,
}

impl From<connect::Problem> for Refusal {
    fn from(problem: connect::Problem) -> Self {
        match problem {
            connect::Problem::Fault(fault) => Self::Fault(fault.into()),
            problem => Self::Wallet(problem),
        }
    }
}
