//! What the shell's storage holds: one key and one versioned record per thing that must survive.

use std::collections::BTreeMap;
use std::fmt;

use lull_protocol::cbor::{self, CborError};
use lull_protocol::limits::{BODY_BYTES_MAX, ITEM_BYTES_MAX, STATEMENT_BYTES_MAX};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::{Amount, Hash, PublicKey, Timestamp};
use lull_view::{BandwidthWhen, Settings};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Decoder, Encode};
use thiserror::Error;

/// The version this build writes. Another one is set aside, not guessed at.
const VERSION: u32 = 1;
/// One record, bytes.
const RECORD_BYTES_MAX: usize = BODY_BYTES_MAX as usize + ITEM_BYTES_MAX + 4 * STATEMENT_BYTES_MAX + 1_024;
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
    Lease(Hash),
    Returned(Hash),
    Outbox(Hash),
    Body(Hash),
    Receipt(Hash),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings => f.write_str("settings"),
            Self::Counters => f.write_str("counters"),
            Self::Coordinator => f.write_str("coordinator"),
            Self::Account => f.write_str("account"),
            Self::Verdicts => f.write_str("verdicts"),
            Self::Stopped => f.write_str("stopped"),
            Self::Lease(offer) => write!(f, "lease/{offer}"),
            Self::Returned(offer) => write!(f, "returned/{offer}"),
            Self::Outbox(offer) => write!(f, "outbox/{offer}"),
            Self::Body(offer) => write!(f, "body/{offer}"),
            Self::Receipt(offer) => write!(f, "receipt/{offer}"),
        }
    }
}

impl Key {
    /// Reads a storage key; `None` for what is not a record of this machine.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Some((kind, offer)) = text.split_once('/') else {
            let plain =
                [Self::Settings, Self::Counters, Self::Coordinator, Self::Account, Self::Verdicts, Self::Stopped];
            return plain.into_iter().find(|key| key.to_string() == text);
        };
        let offer = Hash::from_hex(offer)?;
        match kind {
            "lease" => Some(Self::Lease(offer)),
            "returned" => Some(Self::Returned(offer)),
            "outbox" => Some(Self::Outbox(offer)),
            "body" => Some(Self::Body(offer)),
            "receipt" => Some(Self::Receipt(offer)),
            _ => None,
        }
    }
    /// Whether the record only makes sense with the coordinator it came from.
    pub(crate) fn is_of_a_coordinator(self) -> bool {
        !matches!(self, Self::Settings | Self::Counters | Self::Stopped)
    }
}

/// Why a record can't be used.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Written by another build.
    #[error("version {0}")]
    Version(u32),
    /// Not the record's shape.
    #[error("{0}")]
    Shape(#[from] CborError),
    /// Readable, but it contradicts itself or its key.
    #[error("{0}")]
    Content(&'static str),
}

/// A record as stored: its version, then its content.
pub(crate) fn seal<T: Encode<()>>(content: &T) -> Vec<u8> {
    cbor::encode(&(VERSION, content))
}

/// Reads a stored record.
pub(crate) fn open<T: Encode<()> + for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Result<T, Unreadable> {
    let mut d = Decoder::new(bytes);
    if let (Ok(Some(2)), Ok(version)) = (d.array(), d.u32())
        && version != VERSION
    {
        return Err(Unreadable::Version(version));
    }
    let (_, content) = cbor::decode::<(u32, T)>(bytes, RECORD_BYTES_MAX)?;
    Ok(content)
}

/// The records still to be read, and what became of those that couldn't be.
pub(crate) struct Loading {
    records: BTreeMap<String, Vec<u8>>,
    /// Keys and bytes of the records that are set aside.
    pub(crate) aside: Vec<(String, Vec<u8>)>,
}

impl Loading {
    pub(crate) fn new(records: Vec<(String, Vec<u8>)>) -> Self {
        Self { records: records.into_iter().collect(), aside: Vec::new() }
    }

    /// Takes one record out and reads it; one that can't be read goes aside.
    pub(crate) fn take<T, U>(&mut self, key: Key, read: impl FnOnce(T) -> Result<U, Unreadable>) -> Option<U>
    where
        T: Encode<()> + for<'b> Decode<'b, ()>,
    {
        let bytes = self.records.remove(&key.to_string())?;
        match open::<T>(&bytes).and_then(read) {
            Ok(content) => Some(content),
            Err(_) => {
                self.aside.push((key.to_string(), bytes));
                None
            }
        }
    }

    /// Reads one record and leaves it where it is.
    pub(crate) fn read<T: Encode<()> + for<'b> Decode<'b, ()>>(&self, key: Key) -> Option<T> {
        open(self.records.get(&key.to_string())?).ok()
    }

    /// Counts one record as read.
    pub(crate) fn forget(&mut self, key: Key) {
        self.records.remove(&key.to_string());
    }

    /// The keys of all records of one kind (`lease/`), in order.
    pub(crate) fn keys(&self, kind: &str) -> Vec<Key> {
        self.records.keys().filter(|k| k.starts_with(kind)).filter_map(|k| Key::parse(k)).collect()
    }

    /// Sets every record aside that passes the test, unread.
    pub(crate) fn set_aside(&mut self, test: impl Fn(Key) -> bool) {
        let names: Vec<String> = self.records.keys().filter(|k| Key::parse(k).is_some_and(&test)).cloned().collect();
        for name in names {
            if let Some(bytes) = self.records.remove(&name) {
                self.aside.push((name, bytes));
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
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct SettingsRecord {
    #[n(0)]
    judgments: bool,
    #[n(1)]
    bandwidth: bool,
    #[n(2)]
    paused: bool,
    #[n(3)]
    bandwidth_always: bool,
    #[n(4)]
    card_seen: bool,
    #[n(5)]
    first_run_done: bool,
}

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Counters {
    #[n(0)]
    pub(crate) wakes: u64,
    #[n(1)]
    pub(crate) events_own: u64,
    #[n(2)]
    pub(crate) events_foreign: u64,
    #[n(3)]
    pub(crate) alarms: u64,
    #[n(4)]
    pub(crate) fetches: u64,
    #[n(5)]
    pub(crate) bytes: u64,
}

/// Who the coordinator proved to be.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct CoordinatorRecord {
    #[n(0)]
    pub(crate) key: PublicKey,
    /// `Signed<OperatorCard>`.
    #[n(1)]
    pub(crate) card: ByteVec,
    /// How far this browser's clock was ahead of it.
    #[n(2)]
    pub(crate) ahead_ms: i64,
}

/// The money, as the coordinator last told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct AccountRecord {
    #[n(0)]
    pub(crate) earned: Amount,
    #[n(1)]
    pub(crate) pending: Amount,
    #[n(2)]
    pub(crate) payable: Amount,
    #[n(3)]
    pub(crate) earned_today: Amount,
    /// Coordinator's clock.
    #[n(4)]
    pub(crate) day_start: Timestamp,
}

/// Why the connection is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct StoppedRecord {
    /// The fingerprint that was pinned then.
    #[n(0)]
    pub(crate) pinned: Hash,
    /// The other key that answered; `None`: this worker's key connected elsewhere.
    #[n(1)]
    pub(crate) found: Option<PublicKey>,
}

/// A lease that is held.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct LeaseRecord {
    /// Its place in the row of all work.
    #[n(0)]
    pub(crate) seq: u64,
    #[n(1)]
    pub(crate) offer: ByteVec,
    #[n(2)]
    pub(crate) item: ByteVec,
}

/// A lease that was given back.
#[derive(Clone, Copy, Debug, Encode, Decode)]
#[cbor(map)]
pub(crate) struct ReturnedRecord {
    #[n(0)]
    pub(crate) reason: ReturnReason,
    /// Coordinator's clock.
    #[n(1)]
    pub(crate) deadline: Timestamp,
}

/// A signed result that is not acknowledged yet; its body is a record of its own.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct OutboxRecord {
    #[n(0)]
    pub(crate) seq: u64,
    #[n(1)]
    pub(crate) offer: ByteVec,
    #[n(2)]
    pub(crate) item: ByteVec,
    #[n(3)]
    pub(crate) result: ByteVec,
}

/// A receipt, complete or still without its verdict.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
pub(crate) struct ReceiptRecord {
    #[n(0)]
    pub(crate) seq: u64,
    #[n(1)]
    pub(crate) offer: ByteVec,
    #[n(2)]
    pub(crate) item: ByteVec,
    #[n(3)]
    pub(crate) result: ByteVec,
    #[n(4)]
    pub(crate) verdict: Option<ByteVec>,
    /// The coordinator refused the result for good.
    #[n(5)]
    pub(crate) refused: Option<RefusedCode>,
    /// A second verdict that says something else than the first; evidence, it counts for nothing.
    #[n(6)]
    pub(crate) contradiction: Option<ByteVec>,
}

impl ReceiptRecord {
    /// Its size, bytes.
    pub(crate) fn bytes(&self) -> usize {
        let verdicts = [&self.verdict, &self.contradiction].into_iter().flatten();
        let verdicts_bytes: usize = verdicts.map(|verdict| verdict.len()).sum();
        self.offer.len() + self.item.len() + self.result.len() + verdicts_bytes
    }
}
