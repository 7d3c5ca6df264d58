//! A shell around the worker machine in which nothing can be trusted: a coordinator with the real key that
//! says what it likes, sites that answer what they like, a disk that fails and a browser that is killed at
//! any moment. It holds every effect against the rules that are the worker's own to keep.

use std::collections::{BTreeMap, VecDeque};

use lull_policy::caps::GRANT_BYTES_MAX;
use lull_policy::judge_url;
use lull_protocol::connect::{WalletVeto, WalletYes};
use lull_protocol::limits::{CHUNK_BYTES_MAX, FETCH_LEASES_MAX, JUDGMENT_LEASES_MAX, OUTBOX_MAX};
use lull_protocol::message::Message;
use lull_protocol::rejection::Appeal;
use lull_protocol::statement::WorkResult;
use lull_protocol::trust::TrustRoot;
use lull_protocol::{Hash, Signed, TaskSet, Timestamp, ToCoordinator, cbor};
use lull_view::{ACTIVITIES_MAX, BandwidthWhen, Command, Reply, Settings, View, WalletPage};
use lull_worker::limits::{BODY_TIMEOUT_MS, HEAD_TIMEOUT_MS, LOOKUP_TIMEOUT_MS, TAKE_BACK_MS};
use lull_worker::{Config, Effect, Event, FetchId, HopHead, Surroundings, Worker, Write};

use crate::make::{self, COORDINATOR, START_MS, WORKER};
use crate::oracle;

/// The address that the worker dials.
pub(crate) const URL: &str = "wss://lull.example/socket";
/// Effects of one event, at most: what is under way has limits, so has what follows from it.
const EFFECTS_MAX: usize = 5_000;

pub(crate) type Disk = BTreeMap<String, Vec<u8>>;

/// Where the worker's socket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Socket {
    None,
    Dialling,
    Open,
}

/// The request under way.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: FetchId,
    /// Its name is looked up: nothing was sent.
    pub(crate) is_lookup: bool,
    /// What answered, once something has.
    pub(crate) head: Option<HopHead>,
    /// How many bytes of the body may be read, once they may.
    pub(crate) bytes_max: Option<u64>,
    /// Whether the last grant is used up.
    pub(crate) is_told: bool,
}

/// What the worker said of itself when the socket opened.
#[derive(Clone, Debug)]
pub(crate) struct Hello(pub(crate) lull_protocol::handshake::WorkerHello);

pub(crate) struct World {
    pub(crate) worker: Worker,
    pub(crate) disk: Disk,
    /// Batches that are not yet written.
    pub(crate) held: VecDeque<(u64, Vec<Write>)>,
    pub(crate) now: Timestamp,
    pub(crate) surroundings: Surroundings,
    pub(crate) socket: Socket,
    pub(crate) hello: Option<Hello>,
    pub(crate) request: Option<Request>,
    /// The last blob that was asked for, and from where on.
    pub(crate) wanted_blob: Option<(Hash, u64)>,
    /// Every result that was sent, by its offer.
    pub(crate) results: BTreeMap<Hash, Vec<u8>>,
    pub(crate) wake_at: Option<Timestamp>,
    settings: Settings,
    last_batch: u64,
    kills: u64,
    /// Its browser needs names looked up first.
    pub(crate) looks_up: bool,
    /// Whether the last look-up gave public addresses only.
    pub(crate) was_public: bool,
}

pub(crate) fn config() -> Config {
    let fingerprint = make::key(COORDINATOR).public().fingerprint().to_string();
    let trust = TrustRoot::new(URL, &fingerprint).expect("a good address and fingerprint");
    Config { trust, tasks: TaskSet::ALL, take_back_ms: TAKE_BACK_MS }
}

fn start(disk: &Disk, seed: u64) -> Worker {
    Worker::new(config(), make::key(WORKER), seed, disk.clone().into_iter().collect())
}

impl World {
    pub(crate) fn new(disk: Disk) -> Self {
        let worker = start(&disk, 42);
        let now = make::time(START_MS);
        let settings = worker.view(now).settings;
        Self {
            worker,
            disk,
            held: VecDeque::new(),
            now,
            surroundings: Surroundings {
                day_start: now.minus(36_000_000),
                utc_offset_min: 120,
                ..Surroundings::default()
            },
            socket: Socket::None,
            hello: None,
            request: None,
            wanted_blob: None,
            results: BTreeMap::new(),
            wake_at: None,
            settings,
            last_batch: 0,
            kills: 0,
            looks_up: false,
            was_public: false,
        }
    }

    /// In a browser that needs names looked up first.
    pub(crate) fn looking_up(self) -> Self {
        Self { worker: self.worker.looking_up_first(), looks_up: true, ..self }
    }

    pub(crate) fn view(&self) -> View {
        self.worker.view(self.now)
    }

    /// Takes one event in and looks at all that follows.
    pub(crate) fn feed(&mut self, event: Event) {
        let before = self.settings.clone();
        match &event {
            Event::SocketOpened { .. } => self.socket = Socket::Open,
            Event::SocketClosed => self.socket = Socket::None,
            Event::Surroundings(surroundings) => self.surroundings = *surroundings,
            _ => {}
        }
        let is_command = matches!(event, Event::Command(_));
        let pause_is_over = self.view().limits.paused_until.is_some();
        self.worker.handle(event, self.now);
        self.settings = self.view().settings;
        let went_on = Settings { paused: false, ..before.clone() };
        let barred = |from: &Settings| Settings { bandwidth: false, ..from.clone() };
        let is_barred = !self.may_lend() && [barred(&before), barred(&went_on)].contains(&self.settings);
        let is_same = self.settings == before || is_barred || (pause_is_over && self.settings == went_on);
        assert!(is_command || is_same, "somebody else than the person changed the settings");
        self.drain();
        self.look();
    }

    fn drain(&mut self) {
        let mut released = false;
        for count in 0.. {
            assert!(count < EFFECTS_MAX, "effects without an end");
            let Some(effect) = self.worker.poll_effect() else { break };
            released |= effect == Effect::ReleasePermission;
            self.carry_out(effect);
        }
        if released {
            self.surroundings.host_permission = false;
            self.feed(Event::Surroundings(self.surroundings));
        }
    }

    fn is_working(&self) -> bool {
        !self.settings.paused && (self.settings.judgments || self.lends())
    }

    /// What the page of the wallet shows.
    pub(crate) fn wallet(&self) -> WalletPage {
        let page = self.worker.query(&Command::ShowWallet, self.now).and_then(|reply| match reply {
            Reply::Wallet { page } => lull_view::cbor::read(&page).ok(),
            _ => None,
        });
        page.expect("it is answered with the page")
    }

    /// The wallet's page is open, or something of it is under way.
    fn is_for_the_wallet(&self) -> bool {
        let page = self.wallet();
        let is_open = self.view().wallet.is_looked_at || page.address.is_some();
        let needs_link = is_open || page.said.is_some() || !page.vetoed.is_empty();
        needs_link && self.settings.card_seen && !self.settings.paused
    }

    /// Whether bandwidth is on, agreed to, and nobody who manages the browser forbids it.
    fn lends(&self) -> bool {
        self.settings.bandwidth && self.view().consent.is_current && self.may_lend()
    }

    /// What who manages the browser says.
    fn may_lend(&self) -> bool {
        let managed = self.surroundings.managed;
        managed.allows_bandwidth.unwrap_or(!managed.is_installed_by_policy)
    }

    fn may_fetch(&self) -> bool {
        let Surroundings { away, data_saver, host_permission, .. } = self.surroundings;
        let s = &self.settings;
        self.lends()
            && s.card_seen
            && !s.paused
            && host_permission
            && !data_saver
            && !self.view().limits.caps.metered
            && (away || s.bandwidth_when == BandwidthWhen::Always)
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { url } => {
                assert!(self.is_working() || self.is_for_the_wallet(), "it dials without consent");
                assert_eq!(url, URL);
                (self.socket, self.hello, self.wanted_blob) = (Socket::Dialling, None, None);
            }
            Effect::Disconnect => self.socket = Socket::None,
            Effect::Send(frame) => self.sent(&frame),
            Effect::Persist { batch, writes } => {
                assert_eq!(batch, self.last_batch + 1, "batches are numbered in a row");
                self.last_batch = batch;
                self.held.push_back((batch, writes));
            }
            Effect::LookUp { fetch, timeout_ms, .. } => {
                assert!(self.looks_up && self.may_fetch(), "it looks a name up without consent, or need");
                assert!(self.request.is_none(), "one request at a time");
                assert!((1..=LOOKUP_TIMEOUT_MS).contains(&timeout_ms));
                self.request =
                    Some(Request { id: fetch, is_lookup: true, head: None, bytes_max: None, is_told: false });
            }
            Effect::Fetch { fetch, url, timeout_ms, .. } => {
                assert!(!self.looks_up || self.was_public, "nothing is sent before its name is known to be public");
                self.was_public = false;
                assert!(self.may_fetch(), "it fetches without consent");
                let was_judged = self.request.take().is_none_or(|request| request.is_lookup && request.id == fetch);
                assert!(was_judged, "one request at a time");
                assert!(judge_url(&url, true).is_ok(), "policy does not let {url} pass");
                assert!((1..=HEAD_TIMEOUT_MS).contains(&timeout_ms));
                self.request =
                    Some(Request { id: fetch, is_lookup: false, head: None, bytes_max: None, is_told: false });
            }
            Effect::ReadBody { fetch, allowance_bytes, bytes_max, timeout_ms } => {
                assert!((1..=GRANT_BYTES_MAX).contains(&allowance_bytes), "a grant of {allowance_bytes} bytes");
                let request = self.request.as_mut().filter(|r| r.id == fetch).expect("it reads what was asked for");
                let head = request.head.as_ref().expect("a head was judged before the body is read");
                assert!(is_public(head.address.as_deref()), "the address was not let pass");
                assert!(matches!(head.status, 200..=299 | 404 | 410), "the body of a {}", head.status);
                assert!((1..=BODY_TIMEOUT_MS).contains(&timeout_ms));
                assert!(request.bytes_max.is_none() || request.is_told, "a second grant before the first is used up");
                request.bytes_max = Some(bytes_max);
                request.is_told = false;
            }
            Effect::AbortFetch { fetch } => drop(self.request.take_if(|request| request.id == fetch)),
            Effect::WakeAt(at) => {
                assert!(at > self.now || at.get() == (1 << 53) - 1, "it wants to be woken at once, again and again");
                self.wake_at = Some(at);
            }
            Effect::Badge { count } => assert!(count <= u32::from(JUDGMENT_LEASES_MAX)),
            Effect::Pop { open, notify } => assert!(open || notify, "a call in no way"),
            Effect::ReleasePermission | Effect::ViewChanged => {}
        }
    }

    fn sent(&mut self, frame: &[u8]) {
        assert_eq!(self.socket, Socket::Open, "it sends without a socket");
        match ToCoordinator::from_frame(frame).expect("the worker's own frames are sound") {
            ToCoordinator::Hello { versions, worker, challenge, origin } => {
                let hello = lull_protocol::handshake::WorkerHello { versions, worker, challenge, origin };
                self.hello = Some(Hello(hello));
            }
            ToCoordinator::Proof { verdicts_seen, .. } | ToCoordinator::Ping { verdicts_seen, .. } => {
                let record = self.disk.get("verdicts").and_then(|bytes| cbor::decode::<(u32, u64)>(bytes, 64).ok());
                assert!(
                    record.map_or(0, |(_, number)| number) >= verdicts_seen,
                    "a verdict counts before it is stored"
                );
            }
            ToCoordinator::Want { fetch, judgment, .. } => {
                assert!(fetch <= FETCH_LEASES_MAX && judgment <= JUDGMENT_LEASES_MAX);
                assert!(fetch == 0 || self.may_fetch(), "it asks for fetches without consent");
                assert!(judgment == 0 || self.settings.judgments, "it asks for judgments without consent");
            }
            ToCoordinator::Result { statement } => self.result_sent(&statement),
            ToCoordinator::BodyChunk { offer, offset, bytes } => {
                assert!((1..=CHUNK_BYTES_MAX).contains(&bytes.len()));
                let (first, beyond) = (format!("body/{offer}/"), format!("body/{offer}0"));
                let body: Vec<u8> = self.disk.range(first..beyond).flat_map(|(_, piece)| piece).copied().collect();
                let at = usize::try_from(offset.get()).expect("an offset inside the body");
                assert_eq!(
                    body.get(at..at + bytes.len()),
                    Some(bytes.as_slice()),
                    "not durable before it is sent, or others"
                );
            }
            ToCoordinator::GetBlob { hash, offset } => self.wanted_blob = Some((hash, offset.get())),
            ToCoordinator::Appeal { statement } => {
                assert!(self.settings.judgments, "an appeal goes out without consent");
                let signed = Signed::<Appeal>::verify(&statement, &make::key(WORKER).public()).expect("its own");
                let is_stored = |(_, record): (&String, &Vec<u8>)| {
                    record.windows(signed.bytes().len()).any(|part| part == signed.bytes())
                };
                let stored = self.disk.range("receipt/".to_owned().."receipt0".to_owned()).any(is_stored);
                assert!(stored, "an appeal is durable before it is sent");
            }
            ToCoordinator::WalletYes { statement } => {
                let yes = Signed::<WalletYes>::verify(&statement, &make::key(WORKER).public()).expect("its own");
                assert_eq!(yes.payload().coordinator, make::key(COORDINATOR).public());
                self.check_wallet_words(yes.bytes());
            }
            ToCoordinator::WalletVeto { statement } => {
                let veto = Signed::<WalletVeto>::verify(&statement, &make::key(WORKER).public()).expect("its own");
                self.check_wallet_words(veto.bytes());
            }
            ToCoordinator::OpenTicket { .. }
            | ToCoordinator::WalletNo { .. }
            | ToCoordinator::WalletNewsKnown { .. }
            | ToCoordinator::PayWhen { .. }
            | ToCoordinator::PayNow
            | ToCoordinator::PayoutsBefore { .. }
            | ToCoordinator::WalletBrowsers
            | ToCoordinator::Return { .. } => {}
            ToCoordinator::Extend { .. } => {
                assert!(self.settings.judgments && !self.settings.paused, "more time for what is off");
            }
        }
    }

    fn check_wallet_words(&self, statement: &[u8]) {
        let record = self.disk.get("wallet-said").map(Vec::as_slice).unwrap_or_default();
        let is_stored = record.windows(statement.len()).any(|part| part == statement);
        assert!(is_stored, "what is said about the wallet is durable before it is sent");
    }

    fn result_sent(&mut self, statement: &[u8]) {
        let signed = Signed::<WorkResult>::verify(statement, &make::key(WORKER).public()).expect("signed by itself");
        let offer = signed.payload().offer;
        assert!(self.disk.contains_key(&format!("outbox/{offer}")), "a result is durable before it is sent");
        let first = self.results.entry(offer).or_insert_with(|| statement.to_vec());
        assert_eq!(*first, statement, "one offer, one result, the same bytes each time");
    }

    /// What holds after each event.
    fn look(&self) {
        let view = self.view();
        assert!(view.outbox as usize <= OUTBOX_MAX && view.activities.len() <= ACTIVITIES_MAX);
        assert!(view.judgments_waiting <= u32::from(JUDGMENT_LEASES_MAX));
        assert!(view.judgment.is_none() || (self.settings.judgments && !self.settings.paused));
        assert!(view.practice.is_none() || view.judgment.is_none(), "both at once");
        assert!(view.practice.is_none() || (self.settings.judgments && !self.settings.paused));
        let may_connect = self.is_working() || self.is_for_the_wallet();
        assert!(may_connect || self.socket == Socket::None, "connected without consent");
        assert!(self.may_fetch() || self.request.is_none(), "a request goes on without consent");
    }

    /// The oldest batch is written, or fails.
    pub(crate) fn write(&mut self, succeeds: bool) {
        let Some((batch, writes)) = self.held.pop_front() else { return };
        if succeeds {
            self.apply(writes);
            self.feed(Event::Persisted { batch });
        } else {
            self.feed(Event::PersistFailed { batch });
        }
    }

    /// Everything that waits to be written is.
    pub(crate) fn write_all(&mut self) {
        for round in 0.. {
            assert!(round < EFFECTS_MAX, "it writes without an end");
            if self.held.is_empty() {
                return;
            }
            self.write(true);
        }
    }

    fn apply(&mut self, writes: Vec<Write>) {
        for Write { key, value } in writes {
            let offer = key.split_once('/').and_then(|(_, offer)| Hash::from_hex(offer));
            match value {
                Some(value) => drop(self.disk.insert(key, value.to_vec())),
                None => drop(self.disk.remove(&key)),
            }
            // What made room for settings is gone for good; its offer may be done anew.
            if let Some(offer) = offer
                && !["outbox", "receipt"].iter().any(|kind| self.disk.contains_key(&format!("{kind}/{offer}")))
            {
                self.results.remove(&offer);
            }
        }
    }

    /// The browser ends the background and starts it with what is on disk, of which the first `written` of
    /// the batches under way are. What the worker wrote itself it reads again.
    pub(crate) fn kill(&mut self, written: usize) {
        for _ in 0..written {
            let Some((_, writes)) = self.held.pop_front() else { break };
            self.apply(writes);
        }
        self.held.clear();
        (self.socket, self.request, self.hello, self.wake_at) = (Socket::None, None, None, None);
        self.kills += 1;
        self.last_batch = 0;
        let worker = start(&self.disk, self.kills);
        self.worker = if self.looks_up { worker.looking_up_first() } else { worker };
        self.settings = self.view().settings;
        self.feed(Event::Surroundings(self.surroundings));
        assert_eq!(self.set_aside(), Vec::<&str>::new(), "it can't read what it wrote");
    }

    /// Records that the batches under way move out of the way.
    fn set_aside(&self) -> Vec<&str> {
        let keys = self.held.iter().flat_map(|(_, writes)| writes).map(|write| write.key.as_str());
        keys.filter(|key| key.starts_with("aside/")).collect()
    }

    /// The snapshot is a start that shows the same and is the same snapshot.
    pub(crate) fn check_snapshot(&self) {
        let snapshot = self.worker.snapshot();
        let again = start(&snapshot.iter().cloned().collect(), 1);
        // Starts are counted, and a start counts as used what may have been.
        let lasting = |records: Vec<(String, Vec<u8>)>| -> Disk {
            records.into_iter().filter(|(key, _)| key != "counters" && key != "usage").collect()
        };
        let (before, after) = (lasting(snapshot), lasting(again.snapshot()));
        let differing: Vec<&String> =
            before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key)).collect();
        assert!(differing.is_empty(), "the snapshot does not hold: {differing:?}");
        let (here, there) = (self.view(), again.view(self.now));
        assert_eq!((here.settings, here.outbox), (there.settings, there.outbox));
        assert_eq!(here.account.earned, there.account.earned);
        let (used, known) = (here.limits.used, there.limits.used);
        assert!(used.day_bytes <= known.day_bytes && used.month_bytes <= known.month_bytes, "bytes are forgotten");
        let lasting = |view: View| view.activities.into_iter().map(|a| (a.offer, a.work, a.state, a.amount));
        assert!(lasting(self.view()).eq(lasting(again.view(self.now))), "activities are not restored");
    }

    /// The answer to a query.
    pub(crate) fn ask(&self, query: &Command) -> Option<Reply> {
        self.worker.query_stored(query, self.now, |from, below| {
            let range = self.disk.range(from.to_owned()..below.to_owned());
            range.map(|(key, value)| (key.clone(), value.clone())).collect()
        })
    }

    /// Every receipt opens, and the export is what its readers expect.
    pub(crate) fn check_receipts(&self) {
        let export = self.worker.query(&Command::Export, self.now);
        let is_json = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
        assert!(matches!(export, Some(Reply::Export { jsonl }) if jsonl.lines().all(is_json)), "no export");
        for offer in self.results.keys() {
            let query = Command::OpenReceipt { offer: offer.to_string(), change: None };
            let opened = self.ask(&query);
            assert!(matches!(opened, Some(Reply::Receipt { receipt: Some(_) })), "a result that was sent is gone");
        }
    }
}

pub(crate) fn is_public(address: Option<&str>) -> bool {
    let text = address.unwrap_or_default().trim_matches(['[', ']']);
    text.parse().is_ok_and(oracle::is_public)
}
