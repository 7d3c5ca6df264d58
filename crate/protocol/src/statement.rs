//! What is signed: offers, results, verdicts, handshake proofs and the operator's card.

use minicbor::{Decode, Encode};

use crate::cose::Statement;
use crate::limits::{HEADER_VALUE_BYTES_MAX, HEADERS_MAX, HOPS_MAX, LABEL_BYTES_MAX, ORIGIN_BYTES_MAX, URL_BYTES_MAX};
use crate::units::{Amount, ByteCount, Challenge, Hash, Nonce, PublicKey, Timestamp};

/// The two kinds of work a person can switch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum JobClass {
    /// Fetching public pages.
    #[n(0)]
    Fetch,
    /// Answering questions.
    #[n(1)]
    Judgment,
}

/// What one item pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Price {
    /// For the item.
    #[n(0)]
    pub per_item: Amount,
    /// For each MiB (2^20 bytes) of decoded body.
    #[n(1)]
    pub per_mib: Amount,
}

impl Price {
    /// The whole price for a body of this size, rounded down; `None` above the limit of an amount.
    pub fn total(&self, body: ByteCount) -> Option<Amount> {
        let bytes = u128::from(self.per_mib.get()) * u128::from(body.get()) / (1 << 20);
        Amount::new(u64::try_from(bytes).ok()?)?.checked_add(self.per_item)
    }
}

/// How a result is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum AcceptanceRule {
    /// A fetch: in time, within `bytes_max`, the body has the stated hash, each hop passes policy.
    #[n(0)]
    FetchChecks {
        /// Ceiling of the decoded body.
        #[n(0)]
        bytes_max: ByteCount,
    },
    /// A judgment: `people` different people answer; an answer that `agree` of them gave is the item's.
    #[n(1)]
    Agreement {
        /// How many must agree.
        #[n(0)]
        agree: u8,
        /// How many are asked.
        #[n(1)]
        people: u8,
    },
}

/// The coordinator's promise: this item, this worker, this price, this rule, until then.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Offer {
    /// Whose lease it is.
    #[n(0)]
    pub worker: PublicKey,
    /// The item's hash.
    #[n(1)]
    pub item: Hash,
    /// Fetch or judgment.
    #[n(2)]
    pub class: JobClass,
    /// Fresh for each offer.
    #[n(3)]
    pub nonce: Nonce,
    /// What it pays.
    #[n(4)]
    pub price: Price,
    /// The asset of all amounts, e.g. `demo credits`.
    #[n(5)]
    pub asset: String,
    /// How it is accepted.
    #[n(6)]
    pub rule: AcceptanceRule,
    /// When it was made, coordinator's clock.
    #[n(7)]
    pub issued_at: Timestamp,
    /// When the lease ends, coordinator's clock.
    #[n(8)]
    pub deadline: Timestamp,
    /// When a result without a verdict is approved automatically.
    #[n(9)]
    pub approved_at: Timestamp,
}

impl Statement for Offer {
    const TYP: &'static str = "application/vnd.lull.offer+cbor";
    fn check(&self) -> Result<(), &'static str> {
        if self.asset.is_empty() || self.asset.len() > LABEL_BYTES_MAX {
            return Err("asset");
        }
        if self.deadline < self.issued_at || self.approved_at < self.deadline {
            return Err("times out of order");
        }
        match (self.class, self.rule) {
            (JobClass::Fetch, AcceptanceRule::FetchChecks { .. }) => Ok(()),
            (JobClass::Judgment, AcceptanceRule::Agreement { agree, people }) if 1 <= agree && agree <= people => {
                Ok(())
            }
            _ => Err("rule does not fit the job class"),
        }
    }
}

/// What a worker did, signed by it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct WorkResult {
    /// The hash of the offer it fulfils: the result's key.
    #[n(0)]
    pub offer: Hash,
    /// What came out.
    #[n(1)]
    pub report: Report,
    /// When the work began (shown, or first request), coordinator's clock as the worker knows it.
    #[n(2)]
    pub started_at: Timestamp,
    /// When it ended.
    #[n(3)]
    pub finished_at: Timestamp,
}

/// The outcome of a fetch, or an answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Report {
    /// A fetch.
    #[n(0)]
    Fetch(#[n(0)] FetchReport),
    /// An answer to a `choice`.
    #[n(1)]
    Choice(#[n(0)] ChoiceAnswer),
}

/// What a fetch gave.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FetchReport {
    /// How it ended.
    #[n(0)]
    pub outcome: Outcome,
    /// HTTP status of the last hop, 0 if there was none.
    #[n(1)]
    pub status: u16,
    /// Selected headers of the last hop, names in lower case.
    #[n(2)]
    pub headers: Vec<Header>,
    /// SHA-256 of the decoded body.
    #[n(3)]
    pub body_hash: Hash,
    /// Size of the decoded body.
    #[n(4)]
    pub body_bytes: ByteCount,
    /// Each request sent.
    #[n(5)]
    pub hops: Vec<Hop>,
    /// Bytes that crossed the connection, as `lull_worker::traffic` counts them.
    #[n(6)]
    pub traffic: Traffic,
    /// Milliseconds from the first request to the last hop's response head.
    #[n(7)]
    pub head_ms: u64,
    /// Why not, if the outcome is `policy` or `network`: a code of the closed list in `lull_policy`.
    #[n(8)]
    pub reason: Option<String>,
}

/// How a fetch ended. A buyer pays for `ok` and `not_found`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// A 2xx answer, whole.
    #[n(0)]
    Ok,
    /// 404 or 410.
    #[n(1)]
    NotFound,
    /// 401, 403, 429, 451 or another refusal by the site.
    #[n(2)]
    Blocked,
    /// The site asks for proof of a human. Lull never solves that.
    #[n(3)]
    Challenge,
    /// The worker's policy refused.
    #[n(4)]
    Policy,
    /// DNS, TLS, connection or server failure.
    #[n(5)]
    Network,
    /// No answer in time.
    #[n(6)]
    Timeout,
}

impl Outcome {
    /// Whether a buyer pays for it.
    pub fn is_paid(self) -> bool {
        matches!(self, Self::Ok | Self::NotFound)
    }
    /// The word in exports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotFound => "not_found",
            Self::Blocked => "blocked",
            Self::Challenge => "challenge",
            Self::Policy => "policy",
            Self::Network => "network",
            Self::Timeout => "timeout",
        }
    }
}

/// One response header.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Header {
    /// In lower case.
    #[n(0)]
    pub name: String,
    /// As the browser gave it.
    #[n(1)]
    pub value: String,
}

/// One request of a fetch. One that nobody answered has status 0; it may not even have been sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hop {
    /// Its URL.
    #[n(0)]
    pub url: String,
    /// The address that answered; empty if nobody did.
    #[n(1)]
    pub address: String,
    /// HTTP status; 0 if nobody answered.
    #[n(2)]
    pub status: u16,
}

/// Bytes each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Traffic {
    /// From the sites.
    #[n(0)]
    pub received: ByteCount,
    /// To the sites.
    #[n(1)]
    pub sent: ByteCount,
}

/// An answer to a `choice`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ChoiceAnswer {
    /// The option's index, from 0.
    #[n(0)]
    pub option: u8,
    /// How it was given.
    #[n(1)]
    pub input: Input,
}

/// How an answer was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Input {
    /// By a key.
    #[n(0)]
    Keyboard,
    /// By mouse, pen or touch.
    #[n(1)]
    Pointer,
    /// By a program that replays recorded answers (the demonstration's crowd).
    #[n(2)]
    Replay,
}

impl Statement for WorkResult {
    const TYP: &'static str = "application/vnd.lull.result+cbor";
    fn check(&self) -> Result<(), &'static str> {
        if self.finished_at < self.started_at {
            return Err("times out of order");
        }
        let Report::Fetch(fetch) = &self.report else { return Ok(()) };
        if fetch.hops.len() > HOPS_MAX {
            return Err("more than HOPS_MAX hops");
        }
        if fetch.hops.iter().any(|h| h.url.len() > URL_BYTES_MAX || h.address.len() > 64) {
            return Err("a hop is too long");
        }
        if fetch.headers.len() > HEADERS_MAX {
            return Err("more than HEADERS_MAX headers");
        }
        if fetch.headers.iter().any(|h| h.name.len() > 64 || h.value.len() > HEADER_VALUE_BYTES_MAX) {
            return Err("a header is too long");
        }
        if fetch.reason.as_ref().is_some_and(|r| r.len() > 64) {
            return Err("the reason is too long");
        }
        Ok(())
    }
}

/// The coordinator's decision about one result.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Verdict {
    /// The result's hash.
    #[n(0)]
    pub result: Hash,
    /// What was decided.
    #[n(1)]
    pub decision: Decision,
    /// Why.
    #[n(2)]
    pub reason: VerdictReason,
    /// What it pays.
    #[n(3)]
    pub amount: Amount,
    /// When.
    #[n(4)]
    pub decided_at: Timestamp,
}

impl Statement for Verdict {
    const TYP: &'static str = "application/vnd.lull.verdict+cbor";
    fn check(&self) -> Result<(), &'static str> {
        if self.decision == Decision::Rejected && self.amount != Amount::ZERO {
            return Err("a rejected result pays nothing");
        }
        Ok(())
    }
}

/// What a verdict says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Decision {
    /// Good, and paid by the offer.
    #[n(0)]
    Accepted,
    /// Not good; pays nothing; the reason is the evidence.
    #[n(1)]
    Rejected,
    /// People differ, and nobody is called wrong: paid in full.
    #[n(2)]
    Ambiguous,
}

/// Why a verdict is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum VerdictReason {
    /// A fetch passed every check.
    #[n(0)]
    ChecksPassed,
    /// Enough people gave this answer.
    #[n(1)]
    Agreed,
    /// Enough people gave another answer.
    #[n(2)]
    OthersAgreed,
    /// No answer was given by enough people.
    #[n(3)]
    NobodyAgreed,
    /// Nobody else answered in time, so it was approved automatically.
    #[n(4)]
    ApprovedByTime,
    /// The outcome is one that a buyer does not pay for.
    #[n(5)]
    UnpaidOutcome,
    /// A hop that policy forbids.
    #[n(6)]
    HopRefused,
    /// The first hop is not the item's URL, or the hops don't fit the outcome.
    #[n(7)]
    HopsDontFit,
    /// The body is larger than the offer allows.
    #[n(8)]
    BodyTooLarge,
    /// The times lie outside the lease.
    #[n(9)]
    TimesOutsideLease,
}

/// What both sides of a handshake sign: fresh challenges, both keys, the origin, the versions.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Transcript {
    /// Scheme, host and port that the worker dialled.
    #[n(0)]
    pub origin: String,
    /// The worker's key.
    #[n(1)]
    pub worker: PublicKey,
    /// The coordinator's key.
    #[n(2)]
    pub coordinator: PublicKey,
    /// The worker's challenge.
    #[n(3)]
    pub worker_challenge: Challenge,
    /// The coordinator's challenge.
    #[n(4)]
    pub coordinator_challenge: Challenge,
    /// Lowest and highest version the worker offered.
    #[n(5)]
    pub offered: (u16, u16),
    /// The version chosen.
    #[n(6)]
    pub version: u16,
}

impl Transcript {
    fn check(&self) -> Result<(), &'static str> {
        if self.origin.len() > ORIGIN_BYTES_MAX {
            return Err("the origin is longer than ORIGIN_BYTES_MAX");
        }
        let (lowest, highest) = self.offered;
        if (lowest..=highest).contains(&self.version) { Ok(()) } else { Err("a version that was not offered") }
    }
}

/// The coordinator's half of the handshake.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct CoordinatorProof(#[n(0)] pub Transcript);

impl Statement for CoordinatorProof {
    const TYP: &'static str = "application/vnd.lull.coordinator-proof+cbor";
    fn check(&self) -> Result<(), &'static str> {
        self.0.check()
    }
}

/// The worker's half of the handshake.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct WorkerProof(#[n(0)] pub Transcript);

impl Statement for WorkerProof {
    const TYP: &'static str = "application/vnd.lull.worker-proof+cbor";
    fn check(&self) -> Result<(), &'static str> {
        self.0.check()
    }
}

/// Who runs the coordinator; shown before the first job.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OperatorCard {
    /// The operator's name.
    #[n(0)]
    pub name: String,
    /// Where the operator is established (ISO 3166-1 alpha-2).
    #[n(1)]
    pub country: String,
    /// How to reach a human.
    #[n(2)]
    pub contact: String,
    /// The operator's fee, paid by the buyer on top of the price, in basis points (1/10,000).
    #[n(3)]
    pub fee_bp: u16,
    /// The asset that is earned.
    #[n(4)]
    pub asset: String,
    /// Whether the asset is play money.
    #[n(5)]
    pub demo: bool,
    /// When the card was signed.
    #[n(6)]
    pub signed_at: Timestamp,
}

impl Statement for OperatorCard {
    const TYP: &'static str = "application/vnd.lull.operator-card+cbor";
    fn check(&self) -> Result<(), &'static str> {
        let texts = [&self.name, &self.country, &self.contact, &self.asset];
        if texts.iter().any(|t| t.is_empty() || t.len() > LABEL_BYTES_MAX) {
            return Err("a text is empty or too long");
        }
        if self.country.len() != 2 || !self.country.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err("country is two capital letters");
        }
        if self.fee_bp > 10_000 {
            return Err("fee above 100 %");
        }
        Ok(())
    }
}
