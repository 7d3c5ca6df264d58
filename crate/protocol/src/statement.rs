//! What is signed: offers, results, verdicts, handshake proofs and the operator's card.

use crate::cbor::{Cbor, Reader, Writer};
use crate::cose::Statement;
use crate::flag::FlagReport;
use crate::limits::{
    EXTENSIONS_MAX, HEADER_VALUE_BYTES_MAX, HEADERS_MAX, HOPS_MAX, LABEL_BYTES_MAX, ORIGIN_BYTES_MAX, URL_BYTES_MAX,
};
use crate::task::{Answer, TaskKind};
use crate::units::{Amount, ByteCount, Challenge, Hash, Nonce, PublicKey, Timestamp};
use crate::{codes, fields};

/// The two kinds of work a person can switch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobClass {
    /// Fetching public pages.
    Fetch,
    /// Answering questions.
    Judgment,
}
codes!(JobClass { 0 Fetch, 1 Judgment });

/// What one item pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// For the item.
    pub per_item: Amount,
    /// For each MiB (2^20 bytes) of decoded body.
    pub per_mib: Amount,
}
fields!(Price { 0 per_item, 1 per_mib });

impl Price {
    /// The whole price for a body of this size, rounded down; `None` above the limit of an amount.
    pub fn total(&self, body: ByteCount) -> Option<Amount> {
        let bytes = u128::from(self.per_mib.get()) * u128::from(body.get()) / (1 << 20);
        Amount::new(u64::try_from(bytes).ok()?)?.checked_add(self.per_item)
    }
}

/// How a result is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptanceRule {
    /// A fetch: in time, within `bytes_max`, the body has the stated hash, each hop passes policy.
    FetchChecks {
        /// Ceiling of the decoded body.
        bytes_max: ByteCount,
    },
    /// A judgment: `people` different people answer; an answer that `agree` of them gave is the item's.
    Agreement {
        /// How many must agree.
        agree: u8,
        /// How many are asked.
        people: u8,
    },
    /// A judgment as by `Agreement`, but the requester accepts or rejects each answer before it counts; one that
    /// it leaves alone is approved in time.
    Review {
        /// How many must agree.
        agree: u8,
        /// How many are asked.
        people: u8,
    },
}
impl Cbor for AcceptanceRule {
    fn write(&self, to: &mut Writer) {
        match *self {
            Self::FetchChecks { bytes_max } => {
                to.variant(0);
                to.array(1);
                bytes_max.write(to);
            }
            Self::Agreement { agree, people } => {
                to.variant(1);
                (agree, people).write(to);
            }
            Self::Review { agree, people } => {
                to.variant(2);
                (agree, people).write(to);
            }
        }
    }
    fn read(from: &mut Reader<'_>) -> Self {
        match from.variant() {
            1 => {
                let (agree, people) = Cbor::read(from);
                Self::Agreement { agree, people }
            }
            2 => {
                let (agree, people) = Cbor::read(from);
                Self::Review { agree, people }
            }
            number => {
                if number != 0 {
                    from.refuse("an unknown variant");
                }
                from.array_of(1);
                Self::FetchChecks { bytes_max: Cbor::read(from) }
            }
        }
    }
}

/// The coordinator's promise: this item, this worker, this price, this rule, until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Whose lease it is.
    pub worker: PublicKey,
    /// The item's hash.
    pub item: Hash,
    /// Fetch or judgment.
    pub class: JobClass,
    /// Fresh for each offer.
    pub nonce: Nonce,
    /// What it pays.
    pub price: Price,
    /// The asset of all amounts, e.g. `demo credits`.
    pub asset: String,
    /// How it is accepted.
    pub rule: AcceptanceRule,
    /// When it was made, coordinator's clock.
    pub issued_at: Timestamp,
    /// When the lease ends, coordinator's clock.
    pub deadline: Timestamp,
    /// When a result without a verdict is approved automatically.
    pub approved_at: Timestamp,
}
fields!(Offer {
    0 worker, 1 item, 2 class, 3 nonce, 4 price, 5 asset, 6 rule, 7 issued_at, 8 deadline, 9 approved_at,
});

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
            (
                JobClass::Judgment,
                AcceptanceRule::Agreement { agree, people } | AcceptanceRule::Review { agree, people },
            ) if 1 <= agree && agree <= people => Ok(()),
            _ => Err("rule does not fit the job class"),
        }
    }
}

/// The coordinator's promise that a judgment's lease lasts longer than its offer says. All else stays as offered,
/// the time of automatic approval included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The hash of the offer.
    pub offer: Hash,
    /// Which one of this lease it is, from 1 to `EXTENSIONS_MAX`; the highest counts.
    pub number: u8,
    /// When the lease ends now, coordinator's clock.
    pub deadline: Timestamp,
}
fields!(Extension { 0 offer, 1 number, 2 deadline });

impl Statement for Extension {
    const TYP: &'static str = "application/vnd.lull.extension+cbor";
    fn check(&self) -> Result<(), &'static str> {
        if (1..=EXTENSIONS_MAX).contains(&self.number) { Ok(()) } else { Err("number") }
    }
}

/// What a worker did, signed by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkResult {
    /// The hash of the offer it fulfils: the result's key.
    pub offer: Hash,
    /// What came out.
    pub report: Report,
    /// When the work began (shown, or first request), coordinator's clock as the worker knows it.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
}
fields!(WorkResult { 0 offer, 1 report, 2 started_at, 3 finished_at });

/// The outcome of a fetch, an answer, or what came instead of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A fetch.
    Fetch(FetchReport),
    /// An answer.
    Judgment(JudgmentReport),
    /// What is wrong with a judgment.
    Flag(FlagReport),
    /// The coordinator took a judgment back while it was on screen.
    Withdrawn,
}

impl Report {
    /// Of which job class it is.
    pub fn class(&self) -> JobClass {
        match self {
            Self::Fetch(_) => JobClass::Fetch,
            Self::Judgment(_) | Self::Flag(_) | Self::Withdrawn => JobClass::Judgment,
        }
    }
}

/// The numbers of what is no fetch and no answer: behind all that a type can have.
const FLAG: u64 = 32;
const WITHDRAWN: u64 = 33;

/// Each type of judgment has a number of its own.
impl Cbor for Report {
    fn write(&self, to: &mut Writer) {
        let (number, answered) = match self {
            Self::Fetch(fetch) => {
                to.variant(0);
                to.array(1);
                return fetch.write(to);
            }
            Self::Flag(flag) => {
                to.variant(FLAG);
                to.array(1);
                return flag.write(to);
            }
            Self::Withdrawn => {
                to.variant(WITHDRAWN);
                return to.array(0);
            }
            Self::Judgment(report) => (1 + report.answer.kind() as u64, report),
        };
        to.variant(number);
        to.array(1);
        let map = to.map();
        match &answered.answer {
            Answer::Choice(option) => to.field(map, 0, option),
            Answer::Multi(chosen) => to.field(map, 0, chosen),
            Answer::Compare(preference) => to.field(map, 0, preference),
            Answer::Rating(step) => to.field(map, 0, step),
            Answer::Verify(finding) => to.field(map, 0, finding),
        }
        to.field(map, 1, &answered.input);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        let number = from.variant();
        if number == WITHDRAWN {
            from.array_of(0);
            return Self::Withdrawn;
        }
        from.array_of(1);
        if number == FLAG {
            return Self::Flag(Cbor::read(from));
        }
        let kind = TaskKind::ALL.into_iter().find(|kind| 1 + *kind as u64 == number);
        let Some(kind) = kind else {
            if number != 0 {
                from.refuse("an unknown variant");
            }
            return Self::Fetch(Cbor::read(from));
        };
        let mut left = from.map();
        let answer = match kind {
            TaskKind::Choice => Answer::Choice(from.field(&mut left, 0)),
            TaskKind::Multi => Answer::Multi(from.field(&mut left, 0)),
            TaskKind::Compare => Answer::Compare(from.field(&mut left, 0)),
            TaskKind::Rating => Answer::Rating(from.field(&mut left, 0)),
            TaskKind::Verify => Answer::Verify(from.field(&mut left, 0)),
        };
        let input = from.field(&mut left, 1);
        from.end(left);
        Self::Judgment(JudgmentReport { answer, input })
    }
}

/// What a fetch gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchReport {
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status of the last hop, 0 if there was none.
    pub status: u16,
    /// Selected headers of the last hop, names in lower case.
    pub headers: Vec<Header>,
    /// SHA-256 of the decoded body.
    pub body_hash: Hash,
    /// Size of the decoded body.
    pub body_bytes: ByteCount,
    /// Each request sent.
    pub hops: Vec<Hop>,
    /// Bytes that crossed the connection, as `lull_worker::traffic` counts them.
    pub traffic: Traffic,
    /// Milliseconds from the first request to the last hop's response head.
    pub head_ms: u64,
    /// Why not, if the outcome is `policy` or `network`: a code of the closed list in `lull_policy`.
    pub reason: Option<String>,
}
fields!(FetchReport {
    0 outcome, 1 status, 2 headers, 3 body_hash, 4 body_bytes, 5 hops, 6 traffic, 7 head_ms, 8 reason,
});

/// How a fetch ended. A buyer pays for `ok` and `not_found`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A 2xx answer, whole.
    Ok,
    /// 404 or 410.
    NotFound,
    /// 401, 403, 429, 451 or another refusal by the site.
    Blocked,
    /// The site asks for proof of a human. Lull never solves that.
    Challenge,
    /// The worker's policy refused.
    Policy,
    /// DNS, TLS, connection or server failure.
    Network,
    /// No answer in time.
    Timeout,
}
codes!(Outcome { 0 Ok, 1 NotFound, 2 Blocked, 3 Challenge, 4 Policy, 5 Network, 6 Timeout });

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// In lower case.
    pub name: String,
    /// As the browser gave it.
    pub value: String,
}
fields!(Header { 0 name, 1 value });

/// One request of a fetch. One that nobody answered has status 0; it may not even have been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Its URL.
    pub url: String,
    /// The address that answered; empty if nobody did.
    pub address: String,
    /// HTTP status; 0 if nobody answered.
    pub status: u16,
}
fields!(Hop { 0 url, 1 address, 2 status });

/// Bytes each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From the sites.
    pub received: ByteCount,
    /// To the sites.
    pub sent: ByteCount,
}
fields!(Traffic { 0 received, 1 sent });

/// An answer, and how it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgmentReport {
    /// What was answered.
    pub answer: Answer,
    /// How it was given.
    pub input: Input,
}

/// How an answer was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// By a key.
    Keyboard,
    /// By mouse, pen or touch.
    Pointer,
    /// By a program that replays recorded answers (the demonstration's crowd).
    Replay,
}
codes!(Input { 0 Keyboard, 1 Pointer, 2 Replay });

impl Statement for WorkResult {
    const TYP: &'static str = "application/vnd.lull.result+cbor";
    fn check(&self) -> Result<(), &'static str> {
        if self.finished_at < self.started_at {
            return Err("times out of order");
        }
        let fetch = match &self.report {
            Report::Fetch(fetch) => fetch,
            Report::Judgment(report) => return report.answer.check(),
            Report::Flag(flag) => return flag.check(),
            Report::Withdrawn => return Ok(()),
        };
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The result's hash.
    pub result: Hash,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: VerdictReason,
    /// What it pays.
    pub amount: Amount,
    /// When.
    pub decided_at: Timestamp,
    /// Whose it is; a verdict that says so can't pass for another worker's, nor for another of the same one.
    pub place: Option<VerdictPlace>,
    /// The rejection that came before it, if there was one: with its evidence.
    pub rejection: Option<Hash>,
}
fields!(Verdict { 0 result, 1 decision, 2 reason, 3 amount, 4 decided_at, 5 place, 6 rejection });

/// A verdict's place in the row of all verdicts about one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictPlace {
    /// Whose row.
    pub worker: PublicKey,
    /// From 1, without gaps.
    pub number: u64,
}
fields!(VerdictPlace { 0 worker, 1 number });

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Good, and paid by the offer.
    Accepted,
    /// Not good; pays nothing; the reason is the evidence.
    Rejected,
    /// People differ, and nobody is called wrong: paid in full.
    Ambiguous,
}
codes!(Decision { 0 Accepted, 1 Rejected, 2 Ambiguous });

/// Why a verdict is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VerdictReason {
    /// A fetch passed every check.
    ChecksPassed,
    /// Enough people gave this answer.
    Agreed,
    /// Enough people gave another answer.
    OthersAgreed,
    /// No answer was given by enough people.
    NobodyAgreed,
    /// Nobody else answered in time, so it was approved automatically.
    ApprovedByTime,
    /// The outcome is one that a buyer does not pay for.
    UnpaidOutcome,
    /// A hop that policy forbids.
    HopRefused,
    /// The first hop is not the item's URL, or the hops don't fit the outcome.
    HopsDontFit,
    /// The body is larger than the offer allows.
    BodyTooLarge,
    /// The times lie outside the lease.
    TimesOutsideLease,
    /// The item was stopped because of flags: paid for the answer, the flag or the look at it.
    Stopped,
    /// The item was stopped, but this wasn't on screen for long enough, or nothing was left that was held for the item.
    StoppedUnpaid,
    /// Others had nothing to say against the item.
    FlagNotShared,
    /// The requester hears of it; nothing else follows.
    FlagPassedOn,
    /// The requester looked at the answer and accepted it.
    ApprovedByBuyer,
    /// The requester rejected the answer, and nobody appealed.
    RejectedByBuyer,
    /// A rejection did not stand: a human said so, or nobody decided about the appeal in time.
    AppealUpheld,
    /// A human looked at the appeal, and the rejection stands.
    AppealDenied,
}
codes!(VerdictReason {
    0 ChecksPassed, 1 Agreed, 2 OthersAgreed, 3 NobodyAgreed, 4 ApprovedByTime, 5 UnpaidOutcome, 6 HopRefused,
    7 HopsDontFit, 8 BodyTooLarge, 9 TimesOutsideLease, 10 Stopped, 11 StoppedUnpaid, 12 FlagNotShared,
    13 FlagPassedOn, 14 ApprovedByBuyer, 15 RejectedByBuyer, 16 AppealUpheld, 17 AppealDenied,
});

impl VerdictReason {
    /// Whether such a verdict comes only after a rejection.
    pub fn follows_rejection(self) -> bool {
        matches!(self, Self::RejectedByBuyer | Self::AppealUpheld | Self::AppealDenied)
    }
}

/// What both sides of a handshake sign: fresh challenges, both keys, the origin, the versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// Scheme, host and port that the worker dialled.
    pub origin: String,
    /// The worker's key.
    pub worker: PublicKey,
    /// The coordinator's key.
    pub coordinator: PublicKey,
    /// The worker's challenge.
    pub worker_challenge: Challenge,
    /// The coordinator's challenge.
    pub coordinator_challenge: Challenge,
    /// Lowest and highest version the worker offered.
    pub offered: (u16, u16),
    /// The version chosen.
    pub version: u16,
}
fields!(Transcript {
    0 origin, 1 worker, 2 coordinator, 3 worker_challenge, 4 coordinator_challenge, 5 offered, 6 version,
});

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoordinatorProof(pub Transcript);

impl Cbor for CoordinatorProof {
    fn write(&self, to: &mut Writer) {
        self.0.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        Self(Cbor::read(from))
    }
}

impl Statement for CoordinatorProof {
    const TYP: &'static str = "application/vnd.lull.coordinator-proof+cbor";
    fn check(&self) -> Result<(), &'static str> {
        self.0.check()
    }
}

/// The worker's half of the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerProof(pub Transcript);

impl Cbor for WorkerProof {
    fn write(&self, to: &mut Writer) {
        self.0.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        Self(Cbor::read(from))
    }
}

impl Statement for WorkerProof {
    const TYP: &'static str = "application/vnd.lull.worker-proof+cbor";
    fn check(&self) -> Result<(), &'static str> {
        self.0.check()
    }
}

/// Who runs the coordinator; shown before the first job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorCard {
    /// The operator's name.
    pub name: String,
    /// Where the operator is established (ISO 3166-1 alpha-2).
    pub country: String,
    /// How to reach a human.
    pub contact: String,
    /// The operator's fee, paid by the buyer on top of the price, in basis points (1/10,000).
    pub fee_bp: u16,
    /// The asset that is earned.
    pub asset: String,
    /// Whether the asset is play money.
    pub demo: bool,
    /// When the card was signed.
    pub signed_at: Timestamp,
}
fields!(OperatorCard { 0 name, 1 country, 2 contact, 3 fee_bp, 4 asset, 5 demo, 6 signed_at });

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
