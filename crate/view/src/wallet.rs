//! The wallet and payouts: what home shows of them, what their page asks for, and payouts as files.
//!
//! The page gets the coordinator's own words as the background keeps them, and reads them itself: so nobody who
//! doesn't open it loads the code for that. Their times are of the coordinator's clock ([`WalletPage::local`]).

use lull_protocol::cbor::{self, ByteVec};
use lull_protocol::{codes, fields, variants};

use crate::activity::{csv, json_object};

pub use lull_protocol::connect::{
    Purpose, Rebinding, WalletAsked, WalletBrowser, WalletEvent, WalletNews, WalletRefusal, WalletState,
};
pub use lull_protocol::payout::{
    DayLimit, Hold, NextPayout, Payout, PayoutStage, Payouts, Schedule, Standstill, TransactionId, Weekday, When,
};
pub use lull_protocol::siws::Chain;
pub use lull_protocol::{Amount, Hash, PublicKey, Timestamp, Wallet};

/// What home shows of wallet and payouts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalletGlance {
    /// What the coordinator said of payouts; `None` of one that pays nobody.
    pub payouts: Option<PayoutsGlance>,
    /// It is paid to a wallet.
    pub is_connected: bool,
    /// What waits for the person's word.
    pub call: Option<WalletCall>,
    /// Another number whenever [`WalletPage`] is another.
    pub revision: u32,
    /// The page of the wallet is open, as far as the background knows.
    pub is_looked_at: bool,
}
fields!(WalletGlance { 0 payouts, 1 is_connected, 2 call, 3 revision, 4 is_looked_at });

/// Payouts in three figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayoutsGlance {
    /// On their way, base units.
    pub in_payout: u64,
    /// Paid, base units.
    pub paid: u64,
    /// The chain's tokens are no money.
    pub is_test: bool,
}
fields!(PayoutsGlance { 0 in_payout, 1 paid, 2 is_test });

/// What waits for the person's word: of several the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WalletCall {
    /// Somebody else wants to take a place among the wallet's browsers.
    Rebinding,
    /// "Pay to 9xQe…4fK2?"
    Asked,
    /// What the person wanted didn't come about.
    Trouble,
    /// Something happened to the wallet.
    News,
}
codes!(WalletCall { 0 Rebinding, 1 Asked, 2 Trouble, 3 News });

/// Why what the person wanted didn't come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletTrouble {
    /// The coordinator refused it.
    Refused(WalletRefusal),
    /// What was on screen is no longer what is asked: nothing was signed.
    Changed,
    /// It was over before the person's word was there.
    Lapsed,
}
variants!(WalletTrouble { 0 Refused { 0 (0) why }, 1 Changed {}, 2 Lapsed {} });

/// All that the page of the wallet shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalletPage {
    /// [`WalletState`] as it was told last, before this browser's key said what waits to be sent.
    pub state: Option<ByteVec>,
    /// [`Payouts`] as they were told last.
    pub payouts: Option<ByteVec>,
    /// [`OlderPayouts`] as they were asked for last.
    pub older: Option<ByteVec>,
    /// The state was told on the connection of the moment: a yes can be said.
    pub is_fresh: bool,
    /// The address of the page to connect a wallet at, while its ticket is good: a secret.
    pub address: Option<String>,
    /// A yes that is signed, and not answered: to this ticket.
    pub said: Option<Hash>,
    /// Vetoes that are signed, and not answered: against these yeses.
    pub vetoed: Vec<Hash>,
    /// What went wrong, until something else is tried.
    pub trouble: Option<WalletTrouble>,
    /// The workers of its wallet, itself too, as they were told last while the page was open.
    pub browsers: Vec<WalletBrowser>,
}
fields!(WalletPage { 0 state, 1 payouts, 2 older, 3 is_fresh, 4 address, 5 said, 6 vetoed, 7 trouble, 8 browsers });

impl WalletPage {
    /// How the worker stands with its wallet.
    pub fn state(&self) -> Option<WalletState> {
        cbor::read(self.state.as_ref()?).ok()
    }
    /// Its payouts.
    pub fn payouts(&self) -> Option<Payouts> {
        cbor::read(self.payouts.as_ref()?).ok()
    }
    /// Older ones.
    pub fn older(&self) -> Option<OlderPayouts> {
        cbor::read(self.older.as_ref()?).ok()
    }
    /// A time of the coordinator's clock on the browser's, which is so far ahead; milliseconds since 1970.
    pub fn local(at: Timestamp, clock_ahead_ms: i64) -> u64 {
        at.get().saturating_add_signed(clock_ahead_ms)
    }
}

/// Payouts before a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OlderPayouts {
    /// Which number.
    pub before: u64,
    /// The newest first.
    pub payouts: Vec<Payout>,
    /// Whether there are older ones.
    pub has_older: bool,
}
fields!(OlderPayouts { 0 before, 1 payouts, 2 has_older });

/// The columns of a file of payouts, in order. Amounts are base units; `share` is what this browser earned of
/// `earnings`, which are those of all browsers of the wallet. It pays work that became final after `work_since` and
/// not after `time`.
pub const PAYOUT_COLUMNS: [&str; 13] = [
    "date",
    "time",
    "number",
    "state",
    "wallet",
    "transaction",
    "paid_at",
    "work_since",
    "share_base_units",
    "earnings_base_units",
    "fee_base_units",
    "account_base_units",
    "arrives_base_units",
];

/// The first line of a CSV file of payouts (RFC 4180).
pub fn payout_csv_head() -> String {
    csv(PAYOUT_COLUMNS.into_iter())
}

/// When a payout was, as files say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutTimes {
    /// The local date on which it was made, `2026-10-05`.
    pub date: String,
    /// When it was made: ISO 8601 in UTC, as those that follow.
    pub made_at: String,
    /// When it was paid.
    pub paid_at: String,
    /// What it pays became final after that.
    pub since: String,
}

/// A payout as a line of CSV.
pub fn payout_csv_line(payout: &Payout, times: &PayoutTimes) -> String {
    csv(values(payout, times).iter().map(String::as_str))
}

/// A payout as a JSON object with the names of [`PAYOUT_COLUMNS`]; numbers are numbers, what isn't there yet is left out.
pub fn payout_json_line(payout: &Payout, times: &PayoutTimes) -> String {
    let is_number = |name: &str| name == "number" || name.ends_with("_base_units");
    json_object(PAYOUT_COLUMNS.into_iter().zip(values(payout, times)), is_number)
}

fn values(payout: &Payout, times: &PayoutTimes) -> [String; 13] {
    let PayoutTimes { date, made_at, paid_at, since } = times.clone();
    let units = |amount: Amount| amount.get().to_string();
    [
        date,
        made_at,
        payout.number.to_string(),
        stage_code(payout.stage).to_owned(),
        payout.wallet.to_string(),
        payout.transaction.map(|id| id.to_string()).unwrap_or_default(),
        paid_at,
        since,
        units(payout.share),
        units(payout.earnings),
        units(payout.fee),
        units(payout.account),
        units(payout.arrives),
    ]
}

/// The word of a stage in files.
pub fn stage_code(stage: PayoutStage) -> &'static str {
    match stage {
        PayoutStage::Waiting => "waiting",
        PayoutStage::Sent => "sent",
        PayoutStage::Arriving => "arriving",
        PayoutStage::Paid => "paid",
        PayoutStage::Held(Hold::Listed) => "held_listed",
        PayoutStage::Held(Hold::Frozen) => "held_frozen",
        PayoutStage::Held(Hold::Foreign) => "held_foreign",
        PayoutStage::Held(Hold::AboveLimit) => "held_above_limit",
        PayoutStage::Held(Hold::Refused) => "held_refused",
        PayoutStage::Held(Hold::Nothing) => "held_nothing",
        PayoutStage::Held(Hold::NoAccount) => "held_no_account",
    }
}
