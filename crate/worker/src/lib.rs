//! The worker as a state machine: events in, effects and a view out, a serialisable snapshot.
//!
//! It does no I/O, reads no clock and draws no randomness: a shell (the extension's background, the
//! native worker, the simulator) feeds [`Event`]s with the time and carries out [`Effect`]s. After
//! each event it carries out all effects before it feeds the next one; after `new` it feeds the
//! [`Surroundings`] (or a [`Event::Tick`]).
//!
//! Nothing that a peer, a page, a disk or a clock can send makes it panic, and every list it keeps
//! has a limit. What must survive is in the shell's storage before it is relied on: a result is sent
//! only after the batch with its outbox record was reported durable.

#[cfg(feature = "bandwidth")]
mod answer;
mod appeal;
mod blob;
#[cfg(feature = "bandwidth")]
mod body;
#[cfg_attr(not(feature = "bandwidth"), allow(dead_code, reason = "without fetches nothing is counted"))]
mod caps;
mod clock;
mod consent;
mod extension;
#[cfg(feature = "bandwidth")]
mod fetch;
#[cfg(not(feature = "bandwidth"))]
#[path = "without_bandwidth.rs"]
mod fetch;
mod io;
mod judgment;
mod lease;
pub mod limits;
mod link;
mod log;
#[cfg(feature = "bandwidth")]
mod lookup;
mod never;
mod opened;
mod outbox;
mod pop;
mod practice;
mod receipt;
mod records;
mod restore;
mod reversal;
mod row;
mod settings;
mod storage;
mod traffic;
mod view;
mod wallet;
mod warning;
mod wishes;
mod you;

use std::collections::VecDeque;

use litemap::LiteMap;
use lull_protocol::cose::Signed;
use lull_protocol::statement::OperatorCard;
use lull_protocol::{Hash, PublicKey, SigningKey, Timestamp, cbor};
use lull_view::{Command, Notice, Reply, Settings, View, Wishes};

pub use io::*;
pub use log::{LowerCase, Reading};
pub use lull_policy::REQUEST_HEADERS;
pub use records::NOT_LOADED;
pub use traffic::traffic;

use blob::Blobs;
use caps::Metering;
use clock::Clock;
use consent::Agreed;
use fetch::Run;
use lease::Lease;
use link::Link;
use log::DaysRecord;
use never::Nevers;
use outbox::{Entry, Held};
use pop::Calls;
use practice::Practised;
use receipt::Receipts;
use records::{AccountRecord, Counters, ReturnedRecord};
use reversal::Reversals;
use row::Row;
use storage::Storage;
use view::Shown;
use wallet::Purse;
use warning::WarningsRecord;
use you::YouRecord;

/// The worker.
pub struct Worker {
    config: Config,
    key: SigningKey,
    me: PublicKey,
    rng: fastrand::Rng,
    effects: VecDeque<Effect>,
    settings: Settings,
    /// To bandwidth.
    consent: Option<Agreed>,
    /// `None` until the shell has told them for the first time.
    surroundings: Option<Surroundings>,
    coordinator: Option<Coordinator>,
    clock: Clock,
    account: AccountRecord,
    counters: Counters,
    counters_written: Timestamp,
    metering: Metering,
    link: Link,
    leases: Row<Lease>,
    returned: LiteMap<Hash, ReturnedRecord>,
    blobs: Blobs,
    practised: Practised,
    run: Option<Run>,
    #[cfg_attr(not(feature = "bandwidth"), allow(dead_code, reason = "without fetches none is numbered"))]
    next_fetch: u64,
    /// The browser can't refuse private addresses itself: names are looked up before each hop.
    #[cfg_attr(not(feature = "bandwidth"), allow(dead_code, reason = "without fetches nothing is looked up"))]
    looks_up_first: bool,
    /// The place in the row that the next piece of work gets.
    next_seq: u64,
    outbox: Row<Entry>,
    /// The last answer, while it can be taken back.
    held: Option<Held>,
    receipts: Receipts,
    reversals: Reversals,
    /// How far the log goes back, and what each day came to.
    days: DaysRecord,
    nevers: Nevers,
    wishes: Wishes,
    you: YouRecord,
    storage: Storage,
    notices: Vec<Notice>,
    /// The judgment on screen.
    current: Option<Hash>,
    /// The same, if a page is open and it can be shown: it has come on screen.
    on_screen: Option<Hash>,
    calls: Calls,
    purse: Purse,
    warnings: WarningsRecord,
    shown: Shown,
}

/// Who the coordinator proved to be, the last time.
#[derive(Clone, Debug)]
struct Coordinator {
    key: PublicKey,
    card: Signed<OperatorCard>,
    /// The clock's offset as it is stored.
    ahead_ms_stored: i64,
}

impl Worker {
    /// A worker from everything the shell's storage held; nothing at the first start. A record that
    /// can't be read is moved under `aside/` and reported; keys that are none of this machine's stay
    /// as they are.
    pub fn new(config: Config, key: SigningKey, seed: u64, records: Vec<(String, Vec<u8>)>) -> Self {
        restore::restore(config, key, seed, records)
    }

    /// Takes an event in. `now` is the browser's own clock; it may jump.
    pub fn handle(&mut self, event: Event, now: Timestamp) {
        self.look_at_limits(now);
        match event {
            // A shell whose timer fired a little early is asked again.
            Event::Tick => self.shown.forget_wake(),
            Event::SocketOpened { challenge } => self.socket_opened(challenge, now),
            Event::SocketClosed => self.socket_closed(now),
            Event::Frame(bytes) => self.frame(&bytes, now),
            Event::Persisted { batch } => self.persisted(batch),
            Event::PersistFailed { batch } => self.persist_failed(batch, now),
            Event::LookedUp { fetch, addresses } => self.looked_up(fetch, &addresses, now),
            Event::HopAnswered { fetch, head } => self.hop_answered(fetch, head, now),
            Event::BodyProgress { fetch, bytes } => self.body_progress(fetch, bytes, now),
            Event::BodyRead { fetch, body, encoded_bytes } => self.body_read(fetch, body, encoded_bytes, now),
            Event::FetchFailed { fetch, failure, encoded_bytes } => {
                self.fetch_failed(fetch, failure, encoded_bytes, now);
            }
            Event::Surroundings(surroundings) => self.look_around(surroundings),
            Event::Command(command) => self.command(command, now),
            Event::RequestEvents { own, foreign } => self.request_events(own, foreign),
            Event::Alarm => self.alarm(),
            Event::Popped { is_shown } => self.popped(is_shown),
        }
        self.settle(now);
    }

    /// The next thing to do, in order.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// What the UI shows.
    pub fn view(&self, now: Timestamp) -> View {
        self.make_view(now)
    }

    /// How the connection stands, as the view says it.
    pub fn link(&self) -> lull_view::Link {
        self.link_view()
    }

    /// Answers what only asks and needs nothing from storage: `OpenReceipt`, `Export`, `JudgeUrl`, `ListDays`,
    /// `ShowYou`,
    /// `ShowWallet`; what [`Worker::reading_of`] takes is read first, and, in words, what isn't
    /// carried out. `None` for all other commands, which go to [`Worker::handle`].
    pub fn query(&self, query: &Command, _now: Timestamp) -> Option<Reply> {
        match query {
            Command::OpenReceipt { offer, change } => {
                Some(Reply::Receipt { receipt: self.open_receipt(offer, change.as_ref()) })
            }
            Command::ListDays => Some(Reply::Days { days: self.days.totals(|at| self.clock.to_local(at)) }),
            Command::ShowYou => Some(Reply::You { you: self.you_view() }),
            Command::ShowWallet => Some(Reply::Wallet { page: cbor::encode(&self.wallet_page()).into() }),
            Command::Export => Some(Reply::Export { jsonl: self.export() }),
            Command::JudgeUrl { url } => {
                let refusal = lull_policy::judge_url(url, false).err().map(|refusal| refusal.code().to_owned());
                Some(Reply::Judged { url: url.clone(), refusal })
            }
            _ => self.objection(query).map(|error| Reply::Failed { error: error.to_owned() }),
        }
    }

    /// Every record as storage holds it once all batches under way are durable, without those that
    /// were set aside.
    pub fn snapshot(&self) -> Vec<(String, Vec<u8>)> {
        let keys = self.live_keys();
        keys.into_iter().filter_map(|key| Some((key.to_string(), self.value_of(key)?.to_vec()))).collect()
    }

    /// The records that are the browser's, whichever key signs in it: the person's choices, consent, caps and what was
    /// used of them, as they are now. With another key the next machine starts from these alone: nothing that the old
    /// key leased, signed, earned or was told may be taken for the new one's.
    pub fn records_of_the_browser(&self) -> Vec<(String, Vec<u8>)> {
        let keys = self.live_keys().into_iter().filter(|key| key.is_of_the_browser());
        keys.filter_map(|key| Some((key.to_string(), self.value_of(key)?.to_vec()))).collect()
    }

    /// Brings everything in line after an event: what is over ends, what is due begins. The order
    /// matters: a fetch is aborted and leases are given back before the connection is closed.
    fn settle(&mut self, now: Timestamp) {
        self.look_at_limits(now);
        self.expire(now);
        self.stop_what_is_switched_off();
        self.stop_what_is_filtered_out(now);
        self.stop_what_is_never(now);
        self.tick_warnings();
        self.tick_wallet(now);
        self.tick_link(now);
        self.begin_fetches(now);
        self.go_on_fetching(now);
        self.settle_usage(now);
        self.tick_storage(now);
        self.tick_log(now);
        self.load_blobs(now);
        self.tick_held(now);
        self.send_results(now);
        self.send_appeals(now);
        self.send_wallet_words();
        self.choose_judgment(now);
        self.send_want(now);
        self.tick_pop(now);
        self.show(now);
    }

    /// Whether anything may happen at all.
    fn is_working(&self) -> bool {
        !self.settings.paused && (self.settings.judgments || self.lends())
    }

    /// Whether there is to be a connection: for work, or for the wallet of somebody who has met the operator.
    fn may_connect(&self) -> bool {
        self.is_working() || (!self.settings.paused && self.settings.card_seen && self.purse.needs_link())
    }

    /// Whether judgments may be taken: switched on, and the operator's card was seen.
    fn may_judge(&self) -> bool {
        self.settings.judgments && self.settings.card_seen
    }

    /// Now, on the coordinator's clock.
    fn coordinator_now(&self, now: Timestamp) -> Timestamp {
        self.clock.to_coordinator(now)
    }

    /// The place in the row for a new piece of work.
    fn take_seq(&mut self) -> u64 {
        let seq = self.next_seq;
        self.next_seq = seq.saturating_add(1);
        seq
    }
}
