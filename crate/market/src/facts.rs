//! What the market looks at, and the writes it answers with. The store fills the one and applies the
//! other; neither knows SQL.

use std::collections::BTreeMap;

use lull_protocol::payout::Schedule;
use lull_protocol::rejection::{Appeal, BuyerRecord, Rejection};
use lull_protocol::reversal::{Ending, Reversal, ReversalEnd};
use lull_protocol::statement::{AcceptanceRule, Decision, Extension, JobClass, Offer, Price, Verdict, WorkResult};
use lull_protocol::task::AgreementKey;
use lull_protocol::{
    Amount, ByteCount, DurationMs, FlagReason, Hash, OrderId, Pace, PublicKey, Signed, TaskKind, Timestamp, WarningSet,
};

use crate::command::{NumberedVerdict, Reply, RequesterId};
use crate::connect;
use crate::ledger::Entry;
use crate::pace::Tally;
use crate::skips::SkipFacts;

/// An item's key in the store; grows with the age of its order and its number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemId(pub i64);

/// A lease's key in the store; its result and its verdict have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeaseId(pub i64);

/// Who is one to assignment, replicas and agreement: a worker by itself, or all workers that were ever paid to one
/// wallet. Its name is nobody's business but the store's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person(pub PublicKey);

/// How far an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemState {
    /// Needs results.
    Open,
    /// Fetched, or decided by agreement.
    Done,
    /// Enough people answered, but too few alike.
    Ambiguous,
    /// Nobody could fetch it, or people flagged it.
    Failed,
}

/// How far a lease is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeaseState {
    /// The worker works on it.
    Open,
    /// A result is stored; no verdict yet.
    Answered,
    /// A verdict is given.
    Judged,
    /// The worker gave it back.
    Returned,
    /// Its deadline passed.
    Expired,
}

/// An order's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderFacts {
    /// Its id.
    pub id: OrderId,
    /// Whose.
    pub requester: RequesterId,
    /// What each result pays.
    pub price: Price,
    /// How results are accepted.
    pub rule: AcceptanceRule,
    /// The type of its judgments; `None`: it is one of fetches.
    pub task: Option<TaskKind>,
    /// The fee when it was made, basis points.
    pub fee_bp: u16,
}

impl OrderFacts {
    /// Fetch or judgment.
    pub fn class(&self) -> JobClass {
        match self.rule {
            AcceptanceRule::FetchChecks { .. } => JobClass::Fetch,
            AcceptanceRule::Agreement { .. } | AcceptanceRule::Review { .. } => JobClass::Judgment,
        }
    }
    /// Ceiling of a result's body.
    pub fn bytes_max(&self) -> ByteCount {
        match self.rule {
            AcceptanceRule::FetchChecks { bytes_max } => bytes_max,
            AcceptanceRule::Agreement { .. } | AcceptanceRule::Review { .. } => ByteCount::ZERO,
        }
    }
}

/// An item's counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemFacts {
    /// Its key.
    pub id: ItemId,
    /// Its number in the order, from 0.
    pub number: u32,
    /// How many results it needs.
    pub needed: u8,
    /// Leases that are open.
    pub leased: u8,
    /// Results that count.
    pub answered: u8,
    /// Results whose outcome a buyer does not pay for.
    pub tries: u8,
    /// People who said that it is to be asked of nobody.
    pub flags: u8,
    /// Its requester has cancelled its order.
    pub is_cancelled: bool,
    /// How far it is.
    pub state: ItemState,
    /// The answer that was decided.
    pub decided: Option<AgreementKey>,
    /// What is still held for it.
    pub held: Amount,
}

/// An item that a worker may be offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The item.
    pub item: ItemFacts,
    /// Its order.
    pub order: OrderFacts,
    /// The item as CBOR.
    pub bytes: Vec<u8>,
    /// How its project has gone so far, if that is known.
    pub pace: Option<Pace>,
    /// How its requester has treated those who answered.
    pub record: BuyerRecord,
    /// What the worker did with its project today, if it is a judgment.
    pub skips: Option<SkipFacts>,
}

/// A lease with its item and order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseFacts {
    /// Its key.
    pub id: LeaseId,
    /// Whose.
    pub worker: PublicKey,
    /// How far it is.
    pub state: LeaseState,
    /// When it began.
    pub issued_at: Timestamp,
    /// When it ends; live up to and including this moment.
    pub deadline: Timestamp,
    /// How often it was extended.
    pub extensions: u8,
    /// The item.
    pub item: ItemFacts,
    /// Its order.
    pub order: OrderFacts,
}

/// A lease that may end without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldFacts {
    /// The lease.
    pub lease: LeaseFacts,
    /// How many leases of its item its person has had, this one included.
    pub leases_of_person: u32,
}

/// What a lease that is given back is decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnFacts {
    /// The lease.
    pub held: HeldFacts,
    /// The outcomes of its project so far.
    pub tally: Tally,
    /// What its worker did with that project today.
    pub skips: SkipFacts,
}

/// What a submitted result is decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmitFacts {
    /// The lease that the result's offer names.
    pub lease: LeaseFacts,
    /// The person whose it is.
    pub person: Person,
    /// The item as CBOR.
    pub item_bytes: Vec<u8>,
    /// The result that was committed first, if any.
    pub stored: Option<StoredResult>,
    /// The answers to this item that count so far, if one more answer or flag decides it; else none.
    pub answers: Vec<Answer>,
    /// The flags of this item that wait for others, oldest first, if one more answer or flag decides it; else none.
    pub flags: Vec<Flag>,
    /// Whose leases of this item are open, this one left out, if one more flag stops it; else none.
    pub open: Vec<(PublicKey, Hash)>,
    /// The person has or had another lease of this item, after which it isn't offered again.
    pub has_another: bool,
    /// The person has said before that the item is to be asked of nobody.
    pub has_flagged: bool,
    /// The number of the last verdict of this worker and of each in `answers` and `flags`; absent: none yet.
    pub last_numbers: BTreeMap<PublicKey, u64>,
    /// The outcomes of its project so far.
    pub tally: Tally,
}

/// The result of an offer that was committed first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResult {
    /// Its hash.
    pub hash: Hash,
    /// Its own verdict, if there is one.
    pub verdict: Option<NumberedVerdict>,
}

/// An answer that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its lease.
    pub lease: LeaseId,
    /// Whose.
    pub worker: PublicKey,
    /// The person that its worker is now.
    pub person: Person,
    /// The result's hash.
    pub result: Hash,
    /// What of it the others must say, too, to agree.
    pub key: AgreementKey,
    /// How long it was on screen; `None` for one of before that was kept, and for a program's.
    pub shown: Option<DurationMs>,
    /// Whether it has its verdict.
    pub judged: bool,
    /// `Signed<Rejection>`, if it is rejected, and not yet for good.
    pub rejection: Option<Vec<u8>>,
}

/// A flag without a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its lease.
    pub lease: LeaseId,
    /// Whose.
    pub worker: PublicKey,
    /// The result's hash.
    pub result: Hash,
    /// How long the item was on screen, milliseconds.
    pub seen_ms: u64,
    /// What of that counts for its project's pace; `None` for one of before that was kept, and for a program's.
    pub shown: Option<DurationMs>,
}

/// Whether an order may be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelFacts {
    /// Whose it is.
    pub requester: RequesterId,
    /// That was done already.
    pub is_cancelled: bool,
    /// It has an open item.
    pub is_open: bool,
}

/// An open item of an order that was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopFacts {
    /// The item.
    pub item: ItemFacts,
    /// Its order.
    pub order: OrderFacts,
    /// The answers to it that count.
    pub answers: Vec<Answer>,
    /// Its flags that wait for others, oldest first.
    pub flags: Vec<Flag>,
    /// The number of the last verdict of each worker in `answers` and `flags`; absent: none yet.
    pub last_numbers: BTreeMap<PublicKey, u64>,
    /// The outcomes of its project so far.
    pub tally: Tally,
}

/// A stored result that is to be decided on its own: by its requester, by time, by a human.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingFacts {
    /// Its lease.
    pub lease: LeaseFacts,
    /// Its hash.
    pub result: Hash,
    /// Whether it is a flag.
    pub is_flag: bool,
    /// What its verdict says, if it has one.
    pub decision: Option<Decision>,
    /// What is held against it, if anything.
    pub rejection: Option<RejectionFacts>,
    /// The answers to its item that count, itself among them, if they take all its places; else none.
    pub answers: Vec<Answer>,
    /// The flags of its item without a verdict, if there are `answers`.
    pub flags: Vec<Flag>,
    /// The number of the last verdict of this worker and of each in `answers` and `flags`; absent: none yet.
    pub last_numbers: BTreeMap<PublicKey, u64>,
    /// How long it was on screen; `None` for one of before that was kept, and for a program's.
    pub shown: Option<DurationMs>,
    /// The outcomes of its project so far.
    pub tally: Tally,
}

/// A rejection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectionFacts {
    /// `Signed<Rejection>`.
    pub statement: Vec<u8>,
    /// Whether its worker has appealed.
    pub is_appealed: bool,
}

/// How a project's requester reviews its answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProjectReview {
    /// Answers reviewed since the project began or was resumed.
    pub reviewed: u64,
    /// Of these, rejected.
    pub rejected: u64,
    /// Whether it is paused, and nothing more of it is leased.
    pub is_paused: bool,
    /// How the requester has treated those who answered, over all its projects.
    pub record: BuyerRecord,
}

/// A verdict whose time for disputes is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsettledFacts {
    /// Its lease.
    pub lease: LeaseId,
    /// Whose.
    pub worker: PublicKey,
    /// Its hash.
    pub verdict: Hash,
    /// What it paid.
    pub amount: Amount,
    /// Whether that is contested.
    pub is_contested: bool,
}

/// A result with its verdict, to be contested or decided about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidFacts {
    /// Its lease.
    pub lease: LeaseId,
    /// Whose.
    pub worker: PublicKey,
    /// Its hash.
    pub result: Hash,
    /// The verdict's hash.
    pub verdict: Hash,
    /// What the verdict paid.
    pub amount: Amount,
    /// It was rejected before its verdict.
    pub was_contested: bool,
    /// The money is payable, or reversed.
    pub is_settled: bool,
    /// When time decides.
    pub settles_at: Timestamp,
    /// Who paid.
    pub requester: RequesterId,
    /// The order's fee, basis points.
    pub fee_bp: u16,
    /// What is held against it, if anything.
    pub reversal: Option<ReversalFacts>,
}

/// A reversal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReversalFacts {
    /// `Signed<Reversal>`.
    pub statement: Vec<u8>,
    /// Whether its worker has appealed.
    pub is_appealed: bool,
    /// How it ended, if it has.
    pub ending: Option<Ending>,
}

/// A worker's money, from the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountFacts {
    /// All that was ever earned: pending, payable, in payout, paid and reversed.
    pub earned: Amount,
    /// Still open to dispute.
    pub pending: Amount,
    /// Final, not yet paid out.
    pub payable: Amount,
    /// Reversed while it was pending.
    pub reversed: Amount,
    /// Whether any of its money was ever contested.
    pub has_reversals: bool,
    /// Earned since the start of the day that was asked for.
    pub earned_today: Amount,
    /// The number of the last verdict that is in it; 0 for none.
    pub verdicts: u64,
    /// Another worker has taken its place: it is let in no more.
    pub is_succeeded: bool,
}

impl AccountFacts {
    /// With the next verdict; `None` if a sum is out of range.
    pub(crate) fn with(&self, next: &Verdict, day_start: Timestamp) -> Option<Self> {
        let today = if next.decided_at >= day_start { next.amount } else { Amount::ZERO };
        Some(Self {
            earned: self.earned.checked_add(next.amount)?,
            pending: self.pending.checked_add(next.amount)?,
            payable: self.payable,
            reversed: self.reversed,
            has_reversals: self.has_reversals,
            earned_today: self.earned_today.checked_add(today)?,
            verdicts: self.verdicts.checked_add(1)?,
            is_succeeded: self.is_succeeded,
        })
    }
}

/// What a decision says: change this, answer that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// To apply in this order, all or none.
    pub writes: Vec<Write>,
    /// The answer, once they are durable.
    pub reply: Reply,
}

/// One change to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A requester.
    AddRequester {
        /// Its id.
        requester: RequesterId,
        /// Its name.
        name: String,
        /// SHA-256 of its API key.
        key_hash: Hash,
    },
    /// That this reference was counted.
    AddDeposit {
        /// Whose.
        requester: RequesterId,
        /// How much.
        amount: Amount,
        /// The reference.
        reference: String,
    },
    /// A blob.
    AddBlob {
        /// Who brought it first.
        requester: RequesterId,
        /// SHA-256.
        hash: Hash,
        /// Its media type: a picture's, or a practice's.
        media_type: String,
        /// Itself.
        bytes: Vec<u8>,
    },
    /// An order; its items follow.
    AddOrder {
        /// Its terms.
        order: OrderFacts,
        /// What tells it from another order under the same id.
        fingerprint: Hash,
        /// Title or purpose.
        title: String,
        /// What was held for it at first.
        full_price: Amount,
        /// What it may show that some would rather not see.
        warnings: WarningSet,
    },
    /// An item of an order.
    AddItem {
        /// Its order.
        order: OrderId,
        /// Its class.
        class: JobClass,
        /// Its number in the order, from 0.
        number: u32,
        /// The item as CBOR.
        bytes: Vec<u8>,
        /// Whether it shows a picture.
        has_picture: bool,
        /// How many results it needs.
        needed: u8,
        /// What is held for it.
        held: Amount,
    },
    /// An open lease.
    AddLease {
        /// Of which item.
        item: ItemId,
        /// The offer.
        offer: Signed<Offer>,
    },
    /// An open lease lasts longer.
    ExtendLease {
        /// Which.
        lease: LeaseId,
        /// The promise.
        extension: Signed<Extension>,
    },
    /// A lease moves on.
    SetLease {
        /// Which.
        lease: LeaseId,
        /// To which state.
        state: LeaseState,
        /// Whether the worker may be offered the item once more.
        again: bool,
    },
    /// A lease that expired is open once more, and the worker isn't offered its item again.
    Reopen {
        /// Which.
        lease: LeaseId,
    },
    /// An item's counts.
    SetItem(ItemFacts),
    /// A result.
    AddResult {
        /// Its lease.
        lease: LeaseId,
        /// Itself.
        result: Signed<WorkResult>,
        /// Whether it is one of those that its item needs.
        counts: bool,
        /// How long a judgment was on screen.
        shown: Option<DurationMs>,
        /// Its decoded body, if one belongs to it.
        body: Option<Vec<u8>>,
    },
    /// That a result is a flag.
    AddFlag {
        /// Its lease.
        lease: LeaseId,
        /// Of which item.
        item: ItemId,
        /// Of which order.
        order: OrderId,
        /// What is wrong.
        reason: FlagReason,
        /// How long the item was on screen, milliseconds.
        seen_ms: u64,
    },
    /// A verdict.
    AddVerdict {
        /// Its result's lease.
        lease: LeaseId,
        /// The order.
        order: OrderId,
        /// Whose.
        worker: PublicKey,
        /// Its number in the worker's row.
        number: u64,
        /// Itself.
        verdict: Signed<Verdict>,
        /// When its money becomes payable.
        settles_at: Timestamp,
    },
    /// The outcomes of a project.
    SetTally {
        /// Which.
        order: OrderId,
        /// They.
        tally: Tally,
    },
    /// What a worker skipped of a project on a day.
    SetSkips {
        /// Whose.
        worker: PublicKey,
        /// The project.
        order: OrderId,
        /// Which day, since 1970 (UTC).
        day: u64,
        /// How many.
        skips: u32,
        /// The project is not offered to the worker any more that day.
        is_over: bool,
    },
    /// What is held against a result; its verdict comes when the time for an appeal is over.
    AddRejection {
        /// Its lease.
        lease: LeaseId,
        /// Itself.
        rejection: Signed<Rejection>,
    },
    /// When time decides about a result.
    SetApproval {
        /// Its lease.
        lease: LeaseId,
        /// When.
        at: Timestamp,
    },
    /// Its worker appeals; a human has time until then.
    AddAppeal {
        /// The rejected result's lease.
        lease: LeaseId,
        /// Itself.
        appeal: Signed<Appeal>,
        /// When time decides for the worker.
        decided_by: Timestamp,
    },
    /// A rejected result no longer takes a place of its item.
    Uncount {
        /// Its lease.
        lease: LeaseId,
    },
    /// What a requester has reviewed grows.
    CountReview {
        /// Whose.
        requester: RequesterId,
        /// In which project.
        order: OrderId,
        /// By how much.
        by: BuyerRecord,
    },
    /// That an order's requester has cancelled it.
    SetCancelled {
        /// Which.
        order: OrderId,
    },
    /// A project leases nothing more, or goes on with its counts begun anew.
    SetPaused {
        /// Which.
        order: OrderId,
        /// Whether it is paused.
        is_paused: bool,
    },
    /// What a verdict paid is contested, and stays pending until its worker had time to appeal.
    AddReversal {
        /// The result's lease.
        lease: LeaseId,
        /// Itself.
        reversal: Signed<Reversal>,
    },
    /// Its worker appeals; a human has time until then.
    AddReversalAppeal {
        /// The result's lease.
        lease: LeaseId,
        /// Itself.
        appeal: Signed<Appeal>,
        /// When time decides for the worker.
        decided_by: Timestamp,
    },
    /// It is decided.
    EndReversal {
        /// The result's lease.
        lease: LeaseId,
        /// How.
        end: Signed<ReversalEnd>,
    },
    /// A verdict's money became payable, or was reversed.
    SetSettled {
        /// Which verdict.
        lease: LeaseId,
    },
    /// Something about a worker's wallet.
    Wallet(connect::Write),
    /// When a worker's person wants to be paid.
    SetPayoutChoice {
        /// Whose.
        worker: PublicKey,
        /// When.
        schedule: Schedule,
        /// What they agreed to pay for the wallet's first token account.
        account_agreed: Amount,
    },
    /// A worker's person wants what is payable now, once.
    WishPayout {
        /// Whose.
        worker: PublicKey,
    },
    /// A ledger entry.
    Post(Entry),
}
