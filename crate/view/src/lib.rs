//! What the UI shows and what it may command: plain types that cross the extension's message port as CBOR
//! ([`Request`], [`Answer`]). Amounts are base units, times milliseconds since 1970, hashes lower-case hexadecimal.

mod activity;
mod alibi;
mod backup;
mod caps;
mod command;
mod consent;
mod draft;
mod everything;
mod judgment;
mod markdown;
mod offer;
mod pops;
mod port;
mod receipt;
mod task;
mod wallet;
mod warning;

pub use caps::*;
pub use command::*;
pub use consent::{Consent, Statement};
pub use draft::{Draft, Found, Touch, Touched};
pub use everything::{About, EVERYTHING_FORMAT, Everything};
pub use markdown::{Block, Inline, MARKDOWN_DEPTH_MAX, MARKDOWN_PARTS_MAX, markdown, markdown_words};
pub use port::{Answer, Judgments, Place, Request, Shown};

use lull_protocol::cbor::ByteVec;
use lull_protocol::limits::AMOUNT_MAX;
use lull_protocol::{codes, fields, variants};
use serde::{Deserialize, Serialize};

pub use activity::*;
pub use alibi::*;
pub use backup::*;
pub use judgment::*;
pub use lull_protocol::calendar::iso_8601;
pub use lull_protocol::cbor;
pub use lull_protocol::flag::FlagReason;
pub use lull_protocol::limits::{APPEAL_BYTES_MAX, SEEN_MS_MIN};
pub use lull_protocol::rejection::BuyerRecord;
pub use lull_protocol::reversal::Ending;
pub use lull_protocol::statement::VerdictReason;
pub use lull_protocol::task::{Answer as TaskAnswer, Finding, OptionSet, Preference, TaskKind, TaskSet};
pub use lull_protocol::terms::Pace;
pub use lull_protocol::warning::{Warning, WarningSet};
pub use offer::*;
pub use pops::*;
pub use receipt::{ChangedByte, ReceiptCheck, ReceiptPart, ReceiptView, RejectionView};
pub use task::*;
pub use wallet::*;
pub use warning::*;

/// Everything the UI shows, but for what it asks for by [`Command`].
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The connection.
    pub link: Link,
    /// Choices of the person.
    pub settings: Settings,
    /// Who runs the coordinator; known after the first connection.
    pub operator: Option<Operator>,
    /// This browser's key: the fingerprint's first 16 digits in groups of four.
    pub worker: String,
    /// The money.
    pub account: Account,
    /// The judgment to answer now.
    pub judgment: Option<Judgment>,
    /// Judgments that wait behind it.
    pub judgments_waiting: u32,
    /// What bandwidth does now.
    pub bandwidth: Bandwidth,
    /// Consent to it.
    pub consent: Consent,
    /// The person's caps and what was used of them.
    pub limits: Limits,
    /// The newest first, at most [`ACTIVITIES_MAX`].
    pub activities: Vec<Activity>,
    /// Signed results that the coordinator has not acknowledged yet.
    pub outbox: u32,
    /// What Lull's background saw and why it woke.
    pub diagnostics: Diagnostics,
    /// Something the person should know, until dismissed.
    pub notice: Option<Notice>,
    /// Whom never to serve.
    pub never: Never,
    /// The last answer or skip, while it can be taken back.
    pub take_back: Option<TakeBack>,
    /// How judgments may call the person.
    pub pops: Pops,
    /// The practice to do now; then there is no judgment to answer.
    pub practice: Option<Practice>,
    /// Sensitive content.
    pub warnings: Warnings,
    /// What judgments the person wants to be offered.
    pub wishes: Wishes,
    /// Answers that were rejected, and that the person may still appeal about.
    pub contested: Option<Contested>,
    /// Another number whenever what is held against an answer, or said to that, has changed: its receipt is another.
    pub reviews: u32,
    /// The judgment that comes after this one, if it can be shown: a page need not wait for it.
    pub next: Option<Judgment>,
    /// Wallet and payouts.
    pub wallet: WalletGlance,
}
fields!(View { 0 link, 1 settings, 2 operator, 3 worker, 4 account, 5 judgment, 6 judgments_waiting, 7 bandwidth, 8 consent, 9 limits, 10 activities, 11 outbox, 12 diagnostics, 13 notice, 14 never, 15 take_back, 16 pops, 17 practice, 18 warnings, 19 wallet, 20 wishes, 21 contested, 22 reviews, 23 next });

/// An answer that is signed and stored but not sent, or a skip that isn't sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeBack {
    /// Its offer.
    pub offer: String,
    /// Until when it can be taken back (the browser's own clock).
    pub until: u64,
    /// Whether it is a skip.
    pub is_skip: bool,
}
fields!(TakeBack { 0 offer, 1 until, 2 is_skip });

/// Rejected answers without an appeal and without a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contested {
    /// How many.
    pub count: u32,
    /// The offer of the one whose time ends first.
    pub offer: String,
    /// Until when (the browser's own clock).
    pub until: u64,
}
fields!(Contested { 0 count, 1 offer, 2 until });

/// Activities in a view.
pub const ACTIVITIES_MAX: usize = 50;

/// The state of the connection, with a reason where it is down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The person switched everything off, or paused.
    Off,
    /// Dialling or shaking hands.
    Connecting,
    /// Ready.
    Connected,
    /// Trying again.
    Waiting {
        /// When the next try is.
        next_try_at: u64,
        /// Why the last one failed.
        reason: LinkProblem,
    },
    /// Never trying again until the person acts.
    Stopped {
        /// Why.
        reason: LinkProblem,
    },
}
variants!(Link {
    0 Off {},
    1 Connecting {},
    2 Connected {},
    3 Waiting { 0 next_try_at, 1 reason },
    4 Stopped { 0 reason },
});

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkProblem {
    /// Nobody answers.
    Unreachable,
    /// It was connected, and the line went quiet or closed.
    Lost,
    /// The coordinator answers with another key than the pinned one.
    OtherKey,
    /// No common protocol version.
    Version,
    /// The handshake failed.
    Handshake,
    /// The same key is connected elsewhere.
    Replaced,
    /// The coordinator is stopping for a while.
    Stopping,
    /// The browser's storage is full or failing.
    Storage,
    /// Another browser of the same wallet took this one's place.
    Succeeded,
}
codes!(LinkProblem {
    0 Unreachable, 1 Lost, 2 OtherKey, 3 Version, 4 Handshake, 5 Replaced, 6 Stopping, 7 Storage, 8 Succeeded,
});

/// Choices of the person. Everything is off until switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Consent to judgments.
    pub judgments: bool,
    /// Consent to bandwidth. Only with the browser's host permission.
    pub bandwidth: bool,
    /// Everything stands still.
    pub paused: bool,
    /// When bandwidth may be used.
    pub bandwidth_when: BandwidthWhen,
    /// The operator's card was read.
    pub card_seen: bool,
    /// The first run was finished.
    pub first_run_done: bool,
}
fields!(Settings { 0 judgments, 1 bandwidth, 2 paused, 3 bandwidth_when, 4 card_seen, 5 first_run_done });

impl Default for Settings {
    fn default() -> Self {
        Self {
            judgments: false,
            bandwidth: false,
            paused: false,
            bandwidth_when: BandwidthWhen::Away,
            card_seen: false,
            first_run_done: false,
        }
    }
}

/// When bandwidth may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BandwidthWhen {
    /// Only while nobody is at the keyboard.
    Away,
    /// At any time.
    Always,
}
codes!(BandwidthWhen { 0 Away, 1 Always });

/// Who runs the coordinator (from its signed card).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Name.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// How to reach a human.
    pub contact: String,
    /// The buyer pays this on top, in basis points.
    pub fee_bp: u16,
    /// The asset's name, e.g. `demo credits`.
    pub asset: String,
    /// Play money.
    pub demo: bool,
    /// The coordinator's key, short form.
    pub key: String,
    /// The whole of it, 64 hexadecimal digits.
    pub public_key: String,
    /// Where it is.
    pub address: String,
}
fields!(Operator { 0 name, 1 country, 2 contact, 3 fee_bp, 4 asset, 5 demo, 6 key, 7 public_key, 8 address });

/// The worker's money, from the coordinator's ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// All that was ever earned, base units (10^-6).
    pub earned: u64,
    /// Earned today.
    pub earned_today: u64,
    /// Still open to dispute.
    pub pending: u64,
    /// Final, not yet paid out.
    pub payable: u64,
    /// Earned, and reversed while it was open to dispute.
    pub reversed: u64,
}
fields!(Account { 0 earned, 1 earned_today, 2 pending, 3 payable, 4 reversed });

/// What bandwidth does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// In one word.
    pub state: BandwidthState,
    /// Site of the fetch under way.
    pub site: Option<String>,
    /// Bytes each way, ever.
    pub bytes: u64,
    /// Fetches done, ever.
    pub fetches: u64,
}
fields!(Bandwidth { 0 state, 1 site, 2 bytes, 3 fetches });

/// What bandwidth does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BandwidthState {
    /// This flavour of Lull has no bandwidth in it.
    Absent,
    /// The organisation that manages this browser forbids it.
    Forbidden,
    /// The organisation that manages this browser installed Lull, and its policy doesn't allow it.
    NotAllowed,
    /// Not switched on.
    Off,
    /// Switched on, but consent is missing, or covers less than this version of Lull may do.
    NeedsConsent,
    /// Switched on, but the browser's permission is missing.
    NoPermission,
    /// Paused.
    Paused,
    /// Waits until the person is away.
    WaitingForAway,
    /// Data Saver is on.
    DataSaver,
    /// One of the person's limits stands in the way.
    Limited {
        /// Which.
        limit: LimitName,
        /// Until when; `None`: until the person changes something.
        until: Option<u64>,
    },
    /// Ready, nothing to do.
    Idle,
    /// A fetch is under way.
    Fetching,
}
variants!(BandwidthState {
    0 Absent {},
    1 Forbidden {},
    2 NotAllowed {},
    3 Off {},
    4 NeedsConsent {},
    5 NoPermission {},
    6 Paused {},
    7 WaitingForAway {},
    8 DataSaver {},
    9 Limited { 0 limit, 1 until },
    10 Idle {},
    11 Fetching {},
});

/// One line of what this browser did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// The offer's hash; opens the receipt.
    pub offer: String,
    /// When it ended.
    pub at: u64,
    /// The requester's name.
    pub requester: String,
    /// What it was.
    pub work: ActivityWork,
    /// How it stands.
    pub state: ActivityState,
    /// What it earned, base units; zero until the verdict.
    pub amount: u64,
}
fields!(Activity { 0 offer, 1 at, 2 requester, 3 work, 4 state, 5 amount });

/// What an activity was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActivityWork {
    /// A judgment.
    Judgment {
        /// The project's title.
        title: String,
        /// The answer given, or what came instead of one.
        answer: String,
    },
    /// A fetch.
    Fetch {
        /// The site's host.
        site: String,
        /// The declared purpose.
        purpose: String,
        /// The outcome's word (`ok`, `not_found`, …).
        outcome: String,
        /// The refusal's code, if policy refused.
        reason: Option<String>,
        /// Bytes each way.
        bytes: u64,
    },
}
variants!(ActivityWork {
    0 Judgment { 0 title, 1 answer },
    1 Fetch { 0 site, 1 purpose, 2 outcome, 3 reason, 4 bytes },
});

/// How an activity stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityState {
    /// Signed and stored, not yet acknowledged.
    Sending,
    /// Acknowledged, no verdict yet.
    Waiting,
    /// Accepted.
    Accepted,
    /// People differ; paid in full.
    Ambiguous,
    /// Rejected.
    Rejected,
    /// The coordinator refused it, e.g. too late.
    Refused,
    /// Rejected, or paid and contested, and not yet for good: the person may appeal.
    Contested,
    /// The person has appealed; a human will decide.
    Appealed,
    /// Paid, and reversed while that was pending.
    Reversed,
}
codes!(ActivityState {
    0 Sending, 1 Waiting, 2 Accepted, 3 Ambiguous, 4 Rejected, 5 Refused, 6 Contested, 7 Appealed, 8 Reversed,
});

/// What Lull's background saw and why it woke; for a person who wants to check line 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// Starts of the background since installation.
    pub wakes: u64,
    /// Request events of Lull's own fetches.
    pub events_own: u64,
    /// Request events of anything else: must stay zero.
    pub events_foreign: u64,
    /// Alarms received.
    pub alarms: u64,
    /// How far the browser's clock is ahead of the coordinator's, milliseconds.
    pub clock_ahead_ms: i64,
}
fields!(Diagnostics { 0 wakes, 1 events_own, 2 events_foreign, 3 alarms, 4 clock_ahead_ms });

/// Something the person should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// The coordinator's key is not the pinned one.
    OtherKey {
        /// Short form of the pinned fingerprint.
        pinned: String,
        /// Short form of the one that answered.
        found: String,
    },
    /// Storage is full or failing; work stands still, nothing acknowledged is lost.
    Storage,
    /// Stored state could not be read and was set aside.
    SetAside {
        /// Which record.
        record: String,
    },
    /// The coordinator refused a result for good.
    Refused {
        /// A code in words: `lease_expired`, …
        code: String,
    },
    /// The coordinator refused an appeal for good: it doesn't count.
    AppealRefused {
        /// A code in words: `lease_ended`, …
        code: String,
    },
    /// The coordinator signed two different verdicts about one result: the first one counts, both are kept.
    Contradiction {
        /// The result's offer, hex.
        offer: String,
    },
    /// The judgment on screen was taken back: people had flagged it, or its buyer cancelled it.
    Withdrawn {
        /// Whether it was on screen for long enough to be paid.
        is_paid: bool,
    },
    /// The list of what is never served is as long as it may be; nothing was added.
    NeverFull,
    /// The judgment whose turn it was can't be shown, and went back.
    Broken,
    /// The browser's clock is far off; Lull corrects for it.
    Clock {
        /// How far ahead, milliseconds (negative: behind).
        ahead_ms: i64,
    },
}
variants!(Notice {
    0 OtherKey { 0 pinned, 1 found },
    1 Storage {},
    2 SetAside { 0 record },
    3 Refused { 0 code },
    4 Contradiction { 0 offer },
    5 NeverFull {},
    6 Clock { 0 ahead_ms },
    7 Withdrawn { 0 is_paid },
    8 AppealRefused { 0 code },
    9 Broken {},
});

/// Answers of the background.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The view changed.
    View {
        /// It.
        view: Box<Shown>,
    },
    /// An opened receipt.
    Receipt {
        /// It; `None` if this browser holds no such receipt.
        receipt: Option<ReceiptView>,
    },
    /// All receipts as JSON Lines: one object per receipt with `item`, `offer`, `result`, `verdict` and, of what was
    /// rejected, `rejection` and `appeal` as base64, and a first line with the coordinator's key and the worker's.
    Export {
        /// The file's text.
        jsonl: String,
    },
    /// Older receipts as further lines of the same form.
    ExportKept {
        /// Complete lines, perhaps none.
        jsonl: String,
        /// Where the next piece begins; `None`: this is the last.
        next: Option<u64>,
    },
    /// What policy says of a URL.
    Judged {
        /// The text that was asked about.
        url: String,
        /// `None`: Lull would fetch it. Else the refusal's code.
        refusal: Option<String>,
    },
    /// Entries of the log.
    Activities {
        /// They.
        page: ActivityPage,
    },
    /// One entry of the log.
    Activity {
        /// It; `None` if it made room for newer ones.
        detail: Option<Box<ActivityDetail>>,
    },
    /// What each day came to.
    Days {
        /// The oldest first; days without work are left out.
        days: Vec<DayTotals>,
    },
    /// How the person fares.
    You {
        /// They.
        you: You,
    },
    /// Wallet and payouts.
    Wallet {
        /// A [`WalletPage`], for whoever asked to read.
        page: ByteVec,
    },
    /// A command failed.
    Failed {
        /// Why, in words.
        error: String,
    },
}
variants!(Reply {
    0 View { 0 view },
    1 Receipt { 0 receipt },
    2 Export { 0 jsonl },
    3 ExportKept { 0 jsonl, 1 next },
    4 Judged { 0 url, 1 refusal },
    5 Activities { 0 page },
    6 Activity { 0 detail },
    7 Days { 0 days },
    8 Failed { 0 error },
    12 You { 0 you },
    13 Wallet { 0 page },
});

const _: () = assert!(AMOUNT_MAX < 1 << 53, "amounts must be exact in JavaScript's numbers");
