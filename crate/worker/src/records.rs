//! What the shell's storage holds: one key and one versioned record per thing that must survive.

use std::fmt;

use litemap::LiteMap;
use lull_protocol::cbor::{self, ByteVec, Cbor, Writer};
use lull_protocol::limits::{BODY_BYTES_MAX, ITEM_BYTES_MAX, STATEMENT_BYTES_MAX};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::rejection::BuyerRecord;
use lull_protocol::{Amount, DurationMs, Hash, Pace, PublicKey, Timestamp, fields};
use lull_view::{BandwidthWhen, Settings};

use crate::limits::BODY_PIECE_BYTES;

/// The version this build writes. Another one is set aside, not guessed at.
const VERSION: u64 = 1;
/// One record, bytes.
const RECORD_BYTES_MAX: usize = ITEM_BYTES_MAX + 7 * STATEMENT_BYTES_MAX + 1_024;
/// The records of the longest body.
const BODY_PIECES_MAX: u8 = (BODY_BYTES_MAX as usize).div_ceil(BODY_PIECE_BYTES) as u8;
/// The range of keys that a shell need not load: a machine that is given such records leaves them alone. Only the
/// last key of the range tells it something: the highest number.
pub const NOT_LOADED: (&str, &str) = ("log-kept/", "log0");
/// Where records go that can't be read.
pub(crate) const ASIDE: &str = "aside/";

/// What a record is about; its text form is the storage key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Settings,
    Counters,
    Coordinator,
    Account,
    Verdicts,
    Stopped,
    Consent,
    Caps,
    Usage,
    Pause,
    Lease(Hash),
    Returned(Hash),
    Outbox(Hash),
    /// A piece of a result's body, as it is: its length and hash are the result's.
    Body(Hash, u8),
    Receipt(Hash),
    /// The receipt of work whose money was contested.
    Reversal(Hash),
    /// Whom never to serve.
    Never,
    /// How far the log goes back.
    Days,
    /// How judgments may call the person.
    Pops,
    /// Which practices were done or skipped.
    Practised,
    /// Which sensitive content the person wants, and how much they saw.
    Warnings,
    /// What judgments the person wants to be offered.
    Wishes,
    /// How the person fares.
    You,
    /// How the worker stands with its wallet, as the coordinator last told.
    Wallet,
    /// Its payouts, as the coordinator last told.
    Payouts,
    /// What the person said about the wallet and has no answer yet.
    WalletSaid,
    /// One piece of work in the log; not loaded.
    Log(u64),
    /// A settled receipt; not loaded.
    Kept(u64),
}

/// The keys of records of which there is one at most.
pub(crate) const PLAIN: [Key; 20] = [
    Key::Settings,
    Key::Counters,
    Key::Coordinator,
    Key::Account,
    Key::Verdicts,
    Key::Stopped,
    Key::Consent,
    Key::Caps,
    Key::Usage,
    Key::Pause,
    Key::Never,
    Key::Days,
    Key::Pops,
    Key::Practised,
    Key::Warnings,
    Key::Wishes,
    Key::You,
    Key::Wallet,
    Key::Payouts,
    Key::WalletSaid,
];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings => f.write_str("settings"),
            Self::Counters => f.write_str("counters"),
            Self::Coordinator => f.write_str("coordinator"),
            Self::Account => f.write_str("account"),
            Self::Verdicts => f.write_str("verdicts"),
            Self::Stopped => f.write_str("stopped"),
            Self::Consent => f.write_str("consent"),
            Self::Caps => f.write_str("caps"),
            Self::Usage => f.write_str("usage"),
            Self::Pause => f.write_str("pause"),
            Self::Lease(offer) => write!(f, "lease/{offer}"),
            Self::Returned(offer) => write!(f, "returned/{offer}"),
            Self::Outbox(offer) => write!(f, "outbox/{offer}"),
            Self::Body(offer, piece) => write!(f, "body/{offer}/{piece:02x}"),
            Self::Receipt(offer) => write!(f, "receipt/{offer}"),
            Self::Reversal(offer) => write!(f, "reversal/{offer}"),
            Self::Never => f.write_str("never"),
            Self::Days => f.write_str("days"),
            Self::Pops => f.write_str("pops"),
            Self::Practised => f.write_str("practised"),
            Self::Warnings => f.write_str("warnings"),
            Self::Wishes => f.write_str("wishes"),
            Self::You => f.write_str("you"),
            Self::Wallet => f.write_str("wallet"),
            Self::Payouts => f.write_str("payouts"),
            Self::WalletSaid => f.write_str("wallet-said"),
            // Of one length, so that their order is that of the numbers.
            Self::Log(number) => write!(f, "log/{number:016x}"),
            Self::Kept(number) => write!(f, "log-kept/{number:016x}"),
        }
    }
}

impl Key {
    /// Reads a storage key; `None` for what is not a record of this machine.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Some((kind, offer)) = text.split_once('/') else {
            return PLAIN.into_iter().find(|key| key.to_string() == text);
        };
        if kind == "log" || kind == "log-kept" {
            let number = u64::from_str_radix(offer, 16).ok()?;
            let key = if kind == "log" { Self::Log(number) } else { Self::Kept(number) };
            return (key.to_string() == text).then_some(key);
        }
        if kind == "body" {
            let (offer, piece) = offer.split_once('/')?;
            let key = Self::Body(Hash::from_hex(offer)?, u8::from_str_radix(piece, 16).ok()?);
            return (key.to_string() == text).then_some(key);
        }
        let offer = Hash::from_hex(offer)?;
        match kind {
            "lease" => Some(Self::Lease(offer)),
            "returned" => Some(Self::Returned(offer)),
            "outbox" => Some(Self::Outbox(offer)),
            "receipt" => Some(Self::Receipt(offer)),
            "reversal" => Some(Self::Reversal(offer)),
            _ => None,
        }
    }
    /// The records of a body of this length.
    pub(crate) fn bodies(offer: Hash, bytes: usize) -> impl Iterator<Item = Self> {
        (0..BODY_PIECES_MAX).take(bytes.div_ceil(BODY_PIECE_BYTES)).map(move |piece| Self::Body(offer, piece))
    }
    /// Whether the record stays when another key takes the place of the worker's.
    pub(crate) fn is_of_the_browser(self) -> bool {
        matches!(
            self,
            Self::Settings
                | Self::Counters
                | Self::Coordinator
                | Self::Consent
                | Self::Caps
                | Self::Usage
                | Self::Pause
                | Self::Never
                | Self::Pops
                | Self::Warnings
                | Self::Wishes
        )
    }
    /// Whether the record only makes sense with the coordinator it came from.
    pub(crate) fn is_of_a_coordinator(self) -> bool {
        !matches!(
            self,
            Self::Settings
                | Self::Counters
                | Self::Stopped
                | Self::Consent
                | Self::Caps
                | Self::Usage
                | Self::Pause
                | Self::Never
                | Self::Days
                | Self::Pops
                | Self::Practised
                | Self::Warnings
                | Self::Wishes
                | Self::You
                | Self::Log(_)
                | Self::Kept(_)
        )
    }
}

/// Keys, each once, in order.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    pub(crate) fn insert(&mut self, key: Key) {
        if let Err(place) = self.0.binary_search(&key) {
            self.0.insert(place, key);
        }
    }
    /// Whether it was there.
    pub(crate) fn remove(&mut self, key: &Key) -> bool {
        self.0.binary_search(key).map(|place| self.0.remove(place)).is_ok()
    }
    pub(crate) fn retain(&mut self, test: impl FnMut(&Key) -> bool) {
        self.0.retain(test);
    }
    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.0.binary_search(key).is_ok()
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }
    pub(crate) fn extend(&mut self, keys: impl IntoIterator<Item = Key>) {
        keys.into_iter().for_each(|key| self.insert(key));
    }
}

impl FromIterator<Key> for Keys {
    fn from_iter<T: IntoIterator<Item = Key>>(keys: T) -> Self {
        let mut all = Self::default();
        all.extend(keys);
        all
    }
}

impl IntoIterator for Keys {
    type Item = Key;
    type IntoIter = std::vec::IntoIter<Key>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A record as stored: its version, then its content.
pub(crate) fn seal<T: Cbor>(content: &T) -> Vec<u8> {
    let mut to = Writer::default();
    to.array(2);
    to.uint(VERSION);
    content.write(&mut to);
    to.into_bytes()
}

/// Reads a stored record; `None` for one of another version or shape.
pub(crate) fn open<T: Cbor>(bytes: &[u8]) -> Option<T> {
    let (version, content) = cbor::decode::<(u64, T)>(bytes, RECORD_BYTES_MAX).ok()?;
    (version == VERSION).then_some(content)
}

/// The records still to be read, and what became of those that couldn't be.
pub(crate) struct Loading {
    /// `None`: it was taken.
    records: LiteMap<String, Option<Vec<u8>>>,
    /// Keys and bytes of the records that are set aside.
    pub(crate) aside: Vec<(String, Vec<u8>)>,
}

impl Loading {
    pub(crate) fn new(records: Vec<(String, Vec<u8>)>) -> Self {
        let mut loading = Self { records: LiteMap::new(), aside: Vec::new() };
        for (key, bytes) in records {
            loading.records.insert(key, Some(bytes));
        }
        loading
    }

    /// Takes one record out and reads it; one that can't be read goes aside.
    pub(crate) fn take<T: Cbor, U>(&mut self, key: Key, read: impl FnOnce(T) -> Option<U>) -> Option<U> {
        let bytes = self.remove(key)?;
        let content = open::<T>(&bytes).and_then(read);
        if content.is_none() {
            self.aside.push((key.to_string(), bytes));
        }
        content
    }

    /// Reads one record and leaves it where it is.
    pub(crate) fn read<T: Cbor>(&self, key: Key) -> Option<T> {
        open(self.records.get(&key.to_string())?.as_ref()?)
    }

    /// A result's body, of the pieces that are there; they stay where they are.
    pub(crate) fn body(&self, offer: Hash) -> Vec<u8> {
        let mut body = Vec::new();
        for key in Key::bodies(offer, usize::MAX) {
            let Some(Some(piece)) = self.records.get(&key.to_string()) else { break };
            body.extend_from_slice(piece);
            if piece.len() != BODY_PIECE_BYTES {
                break;
            }
        }
        body
    }

    /// Counts a result's body as read.
    pub(crate) fn forget_body(&mut self, offer: Hash, bytes: usize) {
        for key in Key::bodies(offer, bytes) {
            self.remove(key);
        }
    }

    fn remove(&mut self, key: Key) -> Option<Vec<u8>> {
        self.records.get_mut(&key.to_string())?.take()
    }

    /// The keys of all records of one kind (`lease/`), in order.
    pub(crate) fn keys(&self, kind: &str) -> Vec<Key> {
        self.records.keys().filter(|k| k.starts_with(kind)).filter_map(|k| Key::parse(k)).collect()
    }

    /// The names of all records that begin so, in order.
    pub(crate) fn names(&self, beginning: &str) -> Vec<String> {
        self.records.keys().filter(|name| name.starts_with(beginning)).cloned().collect()
    }

    /// Sets every record aside that passes the test, unread.
    pub(crate) fn set_aside(&mut self, test: impl Fn(Key) -> bool) {
        for (name, bytes) in self.records.iter_mut() {
            if Key::parse(name).is_some_and(&test)
                && let Some(bytes) = bytes.take()
            {
                self.aside.push((name.clone(), bytes));
            }
        }
    }

    /// A key under `aside/` that storage doesn't hold yet.
    pub(crate) fn aside_key(&self, name: &str) -> String {
        let plain = format!("{ASIDE}{name}");
        let numbered = (2_u64..).map(|n| format!("{plain}~{n}"));
        let mut all = std::iter::once(plain.clone()).chain(numbered);
        all.find(|key| !self.records.contains_key(key)).unwrap_or(plain)
    }
}

/// The person's choices.
pub(crate) struct SettingsRecord {
    judgments: bool,
    bandwidth: bool,
    paused: bool,
    bandwidth_always: bool,
    card_seen: bool,
    first_run_done: bool,
}
fields!(SettingsRecord { 0 judgments, 1 bandwidth, 2 paused, 3 bandwidth_always, 4 card_seen, 5 first_run_done });

impl From<&Settings> for SettingsRecord {
    fn from(s: &Settings) -> Self {
        Self {
            judgments: s.judgments,
            bandwidth: s.bandwidth,
            paused: s.paused,
            bandwidth_always: s.bandwidth_when == BandwidthWhen::Always,
            card_seen: s.card_seen,
            first_run_done: s.first_run_done,
        }
    }
}

impl From<SettingsRecord> for Settings {
    fn from(r: SettingsRecord) -> Self {
        Self {
            judgments: r.judgments,
            bandwidth: r.bandwidth,
            paused: r.paused,
            bandwidth_when: if r.bandwidth_always { BandwidthWhen::Always } else { BandwidthWhen::Away },
            card_seen: r.card_seen,
            first_run_done: r.first_run_done,
        }
    }
}

/// Counts since installation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) wakes: u64,
    pub(crate) events_own: u64,
    pub(crate) events_foreign: u64,
    pub(crate) alarms: u64,
    pub(crate) fetches: u64,
    pub(crate) bytes: u64,
}
fields!(Counters { 0 wakes, 1 events_own, 2 events_foreign, 3 alarms, 4 fetches, 5 bytes });

/// Who the coordinator proved to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CoordinatorRecord {
    pub(crate) key: PublicKey,
    /// `Signed<OperatorCard>`.
    pub(crate) card: ByteVec,
    /// How far this browser's clock was ahead of it.
    pub(crate) ahead_ms: i64,
}
fields!(CoordinatorRecord { 0 key, 1 card, 2 ahead_ms });

/// The money, as the coordinator last told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AccountRecord {
    pub(crate) earned: Amount,
    pub(crate) pending: Amount,
    pub(crate) payable: Amount,
    pub(crate) earned_today: Amount,
    /// Coordinator's clock.
    pub(crate) day_start: Timestamp,
    /// Reversed while it was pending, if anything was.
    pub(crate) reversed: Option<Amount>,
}
fields!(AccountRecord { 0 earned, 1 pending, 2 payable, 3 earned_today, 4 day_start, 5 reversed });

/// Why the connection is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoppedRecord {
    /// The fingerprint that was pinned then.
    pub(crate) pinned: Hash,
    /// The other key that answered; `None`: this worker's key connected elsewhere.
    pub(crate) found: Option<PublicKey>,
}
fields!(StoppedRecord { 0 pinned, 1 found });

/// A lease that is held.
pub(crate) struct LeaseRecord {
    /// Its place in the row of all work.
    pub(crate) seq: u64,
    pub(crate) offer: ByteVec,
    pub(crate) item: ByteVec,
    /// Browser's clock.
    pub(crate) seen_at: Option<Timestamp>,
    pub(crate) extension: Option<ByteVec>,
    pub(crate) pace: Option<Pace>,
    /// How the requester has treated others, as it was told with the lease.
    pub(crate) record: Option<BuyerRecord>,
    pub(crate) skips: Option<SkipsRecord>,
}
fields!(LeaseRecord { 0 seq, 1 offer, 2 item, 3 seen_at, 4 extension, 5 pace, 6 record, 7 skips });

/// Free skips of a project that were left on a day of the coordinator's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SkipsRecord {
    /// Since 1970 (UTC).
    pub(crate) day: u64,
    pub(crate) left: u32,
}
fields!(SkipsRecord { 0 day, 1 left });

/// A lease that was given back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReturnedRecord {
    pub(crate) reason: ReturnReason,
    /// Coordinator's clock.
    pub(crate) deadline: Timestamp,
    /// How long a judgment was on screen, if it was.
    pub(crate) shown_ms: Option<DurationMs>,
}
fields!(ReturnedRecord { 0 reason, 1 deadline, 2 shown_ms });

/// A signed result that is not acknowledged yet; its body is a record of its own.
pub(crate) struct OutboxRecord {
    pub(crate) seq: u64,
    pub(crate) offer: ByteVec,
    pub(crate) item: ByteVec,
    pub(crate) result: ByteVec,
    pub(crate) extension: Option<ByteVec>,
}
fields!(OutboxRecord { 0 seq, 1 offer, 2 item, 3 result, 4 extension });

/// A receipt, complete or still without its verdict.
#[derive(Clone, Debug)]
pub(crate) struct ReceiptRecord {
    pub(crate) seq: u64,
    pub(crate) offer: ByteVec,
    pub(crate) item: ByteVec,
    pub(crate) result: ByteVec,
    pub(crate) verdict: Option<ByteVec>,
    /// The coordinator refused the result for good.
    pub(crate) refused: Option<RefusedCode>,
    /// A second verdict that says something else than the first; evidence, it counts for nothing.
    pub(crate) contradiction: Option<ByteVec>,
    /// The promise by which a result after the offer's deadline was in time.
    pub(crate) extension: Option<ByteVec>,
    /// What is held against the result.
    pub(crate) rejection: Option<ByteVec>,
    /// What the person says to that: sent until it is answered.
    pub(crate) appeal: Option<ByteVec>,
}
fields!(ReceiptRecord {
    0 seq, 1 offer, 2 item, 3 result, 4 verdict, 5 refused, 6 contradiction, 7 extension, 8 rejection, 9 appeal,
});

impl ReceiptRecord {
    /// Its size, bytes.
    pub(crate) fn bytes(&self) -> usize {
        let more = [&self.verdict, &self.contradiction, &self.extension, &self.rejection, &self.appeal];
        let more_bytes: usize = more.into_iter().flatten().map(|statement| statement.len()).sum();
        self.offer.len() + self.item.len() + self.result.len() + more_bytes
    }
}
