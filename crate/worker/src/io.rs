//! The border between the machine and its shell.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// What crosses this border is made of the protocol's types.
pub use lull_protocol as protocol;
use lull_protocol::trust::TrustRoot;
use lull_protocol::units::Challenge;
use lull_protocol::{Method, TaskSet, Timestamp};
use lull_view::Command;

/// What does not change while a worker runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which coordinator.
    pub trust: TrustRoot,
    /// The types of judgments that the UI has a view for; others go back.
    pub tasks: TaskSet,
    /// How long an answer can be taken back, milliseconds: [`crate::limits::TAKE_BACK_MS`] before a person. Zero: it is sent
    /// at once.
    pub take_back_ms: u64,
}

/// One request of a fetch; each hop has a number of its own, never used twice in one run of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FetchId(pub u64);

/// What happened. Events of a request that the machine has given up are ignored; of a socket that it has
/// closed with [`Effect::Disconnect`] the shell feeds none (a new one could be meant).
#[derive(Clone, Debug)]
pub enum Event {
    /// The time that [`Effect::WakeAt`] asked for, or any other occasion to look.
    Tick,
    /// The socket is open with the subprotocol; 32 fresh random bytes for the handshake.
    SocketOpened {
        /// Fresh.
        challenge: Challenge,
    },
    /// The socket failed or closed.
    SocketClosed,
    /// A binary frame.
    Frame(Vec<u8>),
    /// A batch of writes is durable.
    Persisted {
        /// Which.
        batch: u64,
    },
    /// A batch of writes failed and changed nothing.
    PersistFailed {
        /// Which.
        batch: u64,
    },
    /// The addresses of a hop's name, as the browser's own resolver gives them.
    LookedUp {
        /// Which fetch.
        fetch: FetchId,
        /// All of them, as text.
        addresses: Vec<String>,
    },
    /// A hop's response head is there; no body byte was read.
    HopAnswered {
        /// Which fetch.
        fetch: FetchId,
        /// The head.
        head: HopHead,
    },
    /// All that `ReadBody` allowed was read, and there may be more: the shell reads nothing until the next
    /// `ReadBody`.
    BodyProgress {
        /// Which fetch.
        fetch: FetchId,
        /// Decoded bytes of this body that were read so far.
        bytes: u64,
    },
    /// The body is whole.
    BodyRead {
        /// Which fetch.
        fetch: FetchId,
        /// Decoded.
        body: Vec<u8>,
        /// Bytes of the encoded body that crossed the connection.
        encoded_bytes: u64,
    },
    /// The fetch ended without a whole body.
    FetchFailed {
        /// Which fetch.
        fetch: FetchId,
        /// Why.
        failure: FetchFailure,
        /// Body bytes that had crossed the connection.
        encoded_bytes: u64,
    },
    /// What the browser knows changed.
    Surroundings(Surroundings),
    /// The person commands. Queries go to `Worker::query` instead.
    Command(Command),
    /// The shell saw request events (diagnostics).
    RequestEvents {
        /// Of Lull's own fetches.
        own: u64,
        /// Of anything else.
        foreign: u64,
    },
    /// An alarm woke the shell (diagnostics).
    Alarm,
    /// What came of [`Effect::Pop`].
    Popped {
        /// The person can see it.
        is_shown: bool,
    },
}

/// The head of one hop's response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HopHead {
    /// HTTP status.
    pub status: u16,
    /// All headers the browser shows, in its order.
    pub headers: Vec<(String, String)>,
    /// The `Location` of a redirect, resolved against the hop's URL and serialised by a WHATWG parser,
    /// without fragment; `None` if there is none or it can't be parsed.
    pub location: Option<String>,
    /// The address that answered; `None` if nobody could say, or the browser said that a proxy answered.
    ///
    /// Firefox tells of a proxy. Chrome does not, and would give the proxy's address as the site's; but it sends no
    /// request for a public address through a proxy.
    pub address: Option<String>,
}

/// Why a fetch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFailure {
    /// DNS, TLS, connection.
    Network,
    /// No head, or no end of the body, in time.
    Timeout,
    /// The decoded body is over its ceiling; reading was aborted.
    TooLarge,
}

/// What the browser knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Nobody is at the keyboard (or the screen is locked).
    pub away: bool,
    /// Data Saver is on.
    pub data_saver: bool,
    /// The optional host permission is granted.
    pub host_permission: bool,
    /// When the person's day began, local midnight.
    pub day_start: Timestamp,
    /// What an organisation that manages this browser says.
    pub managed: Managed,
    /// Local time minus UTC, minutes.
    pub utc_offset_min: i32,
    /// A page of Lull is open.
    pub looks: bool,
}

/// What an organisation that manages this browser says; nothing in a browser that nobody manages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Managed {
    /// Its policy installed Lull; the person didn't.
    pub is_installed_by_policy: bool,
    /// Its policy for Lull says whether bandwidth may be switched on.
    pub allows_bandwidth: Option<bool>,
}

/// What the shell must do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Open a WebSocket with subprotocol `lull.v1`.
    Connect {
        /// The address.
        url: String,
    },
    /// Close it.
    Disconnect,
    /// Send a binary frame.
    Send(Vec<u8>),
    /// Write all or nothing, with strict durability, then report `Persisted` or `PersistFailed`. Batches are
    /// written in the order of their numbers.
    Persist {
        /// Number of the batch.
        batch: u64,
        /// What to write.
        writes: Vec<Write>,
    },
    /// Ask the browser's resolver for all addresses of a name, then report `LookedUp`, or `FetchFailed` if it
    /// has none. Only of a worker that [looks up first](crate::Worker::looking_up_first).
    LookUp {
        /// Which fetch; its `Fetch` may follow with the same number.
        fetch: FetchId,
        /// Passed policy.
        host: String,
        /// For the answer, milliseconds.
        timeout_ms: u64,
    },
    /// Send ONE request: `redirect: 'manual'`, `targetAddressSpace: 'public'`, no cache, no credentials, no
    /// referrer. Read no body byte before `ReadBody`.
    Fetch {
        /// Which fetch.
        fetch: FetchId,
        /// Passed policy.
        url: String,
        /// GET or HEAD.
        method: Method,
        /// For the response head, milliseconds.
        timeout_ms: u64,
    },
    /// Read on in the body of the hop that answered, until the allowance is read or the body ends. Between two of
    /// these nothing is read.
    ReadBody {
        /// Which fetch.
        fetch: FetchId,
        /// How much may be read now, decoded bytes; a last chunk may reach beyond it.
        allowance_bytes: u64,
        /// Ceiling of the decoded body.
        bytes_max: u64,
        /// For reading that much, milliseconds.
        timeout_ms: u64,
    },
    /// Stop a fetch now; no further byte of it is read.
    AbortFetch {
        /// Which fetch.
        fetch: FetchId,
    },
    /// Give the host permission back.
    ReleasePermission,
    /// Come back with `Tick` at this time; replaces the last one.
    WakeAt(Timestamp),
    /// Show this many waiting judgments on the icon; zero hides it, and takes a notification of one away.
    Badge {
        /// How many.
        count: u32,
    },
    /// Tell the person that there is a judgment, in one of the ways they chose, then report `Popped`.
    Pop {
        /// Open the popup, if what they do now allows it.
        open: bool,
        /// Show a notification, if the popup did not open.
        notify: bool,
    },
    /// `Worker::view` gives something new.
    ViewChanged,
}

/// One record to write or to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its key, e.g. `outbox/5f…`.
    pub key: String,
    /// The value; `None` deletes.
    pub value: Option<Bytes>,
}

/// Bytes of a record: its own, or a piece of a body that the machine holds, without a copy.
#[derive(Clone)]
pub struct Bytes {
    whole: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl Bytes {
    /// A range of these bytes; `None` if it begins at their end or later.
    pub(crate) fn piece(whole: &Arc<Vec<u8>>, from: usize, bytes_max: usize) -> Option<Self> {
        let to = from.saturating_add(bytes_max).min(whole.len());
        (from < to).then(|| Self { whole: Arc::clone(whole), range: from..to })
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self { range: 0..bytes.len(), whole: Arc::new(bytes) }
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.whole.get(self.range.clone()).unwrap_or_default()
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Bytes {}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}
