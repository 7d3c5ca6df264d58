//! A world around one worker: a coordinator, sites, a disk and a clock, all scripted and repeatable.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this world")]

pub mod coordinator;
pub mod paying;
pub mod scenario;

use std::collections::{BTreeMap, VecDeque};

use coordinator::{Coordinator, Session};
use lull_protocol::item::{FetchItem, JudgmentItem, Picture};
use lull_protocol::message::Message;
use lull_protocol::task::Choice;
use lull_protocol::trust::TrustRoot;
use lull_protocol::units::Challenge;
use lull_protocol::*;
use lull_view::{AnswerInput, BandwidthWhen, Command, Judgment, Reply, Statement, View};
use lull_worker::*;

/// The coordinator's clock when a world begins: 2026-10-05, 10:00 UTC.
pub const START_MS: u64 = 1_791_194_400_000;
pub const DAY_START_MS: u64 = START_MS - 10 * 3_600_000;

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&zeroize::Zeroizing::new([seed; 32]))
}

pub fn at(ms: u64) -> Timestamp {
    Timestamp::new(ms).unwrap()
}

/// What a site answers to one URL.
#[derive(Clone)]
pub enum Page {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        address: Option<&'static str>,
        body: Vec<u8>,
    },
    Fails(FetchFailure),
    /// No answer ever comes.
    Hangs,
}

pub fn page(status: u16, body: &[u8]) -> Page {
    let headers = vec![("Content-Type", "text/html".to_owned()), ("Set-Cookie", "secret=1".to_owned())];
    Page::Answer { status, headers, address: Some("93.184.215.14"), body: body.to_vec() }
}

pub fn redirect(status: u16, to: &str) -> Page {
    let headers = vec![("Location", to.to_owned())];
    Page::Answer { status, headers, address: Some("93.184.215.14"), body: Vec::new() }
}

pub struct World {
    pub worker: Worker,
    pub coordinator: Coordinator,
    pub me: PublicKey,
    pub trust: TrustRoot,
    /// The types that the UI has a view for.
    pub tasks: TaskSet,
    /// How long the next start lets answers be taken back.
    pub take_back_ms: u64,
    pub sites: BTreeMap<String, Page>,
    pub disk: BTreeMap<String, Vec<u8>>,
    /// The coordinator's clock.
    pub now_ms: u64,
    /// How far the browser's clock is ahead of it.
    pub ahead_ms: i64,
    pub surroundings: Surroundings,
    pub is_reachable: bool,
    pub is_disk_full: bool,
    /// The most that the disk holds, bytes.
    pub disk_bytes_max: usize,
    /// Every n-th batch fails.
    pub fails_every: Option<usize>,
    /// Batches are neither written nor failed until `write_held`.
    pub holds_disk: bool,
    pub held: VecDeque<(u64, Vec<Write>)>,
    pub events: VecDeque<Event>,
    pub log: Vec<Effect>,
    pub sent: Vec<ToCoordinator>,
    pub requests: Vec<String>,
    /// Its browser needs every name looked up first.
    pub looks_up_first: bool,
    /// Addresses of names, for a worker that looks up first; other names have a public one.
    pub names: BTreeMap<String, Vec<String>>,
    /// Look-ups are answered by the test alone.
    pub holds_lookups: bool,
    /// Names that were looked up.
    pub lookups: Vec<String>,
    pub wake_at: Option<Timestamp>,
    pub badge: u32,
    /// When the person was called, and whether a call can be shown.
    pub pops: Vec<u64>,
    pub shows_pops: bool,
    pub kills: u64,
    /// The worker is killed after this many effects.
    pub kill_after: Option<usize>,
    pub carried_out: usize,
    /// Whether the disk is checked on the way: it costs time, and only holds for a sound shell.
    pub is_checked: bool,
    bodies: BTreeMap<FetchId, Vec<u8>>,
    /// How much of each was allowed so far.
    read: BTreeMap<FetchId, u64>,
    /// Nothing of a body comes.
    pub is_body_slow: bool,
    /// All that was ever read, bytes.
    pub granted_bytes: u64,
}

impl World {
    fn config(&self) -> Config {
        Config { trust: self.trust.clone(), tasks: self.tasks, take_back_ms: self.take_back_ms }
    }

    pub fn new() -> Self {
        Self::with_disk(BTreeMap::new())
    }

    pub fn with_disk(disk: BTreeMap<String, Vec<u8>>) -> Self {
        let coordinator = Coordinator::new();
        let fingerprint = coordinator.key.public().fingerprint().to_string();
        let trust = TrustRoot::new("wss://lull.example/socket", &fingerprint).unwrap();
        let records = disk.clone().into_iter().collect();
        let worker =
            Worker::new(Config { trust: trust.clone(), tasks: TaskSet::CHOICE, take_back_ms: 0 }, key(1), 42, records);
        let day_start = at(DAY_START_MS);
        Self {
            worker,
            me: key(1).public(),
            coordinator,
            trust,
            tasks: TaskSet::CHOICE,
            take_back_ms: 0,
            sites: BTreeMap::new(),
            disk,
            now_ms: START_MS,
            ahead_ms: 0,
            surroundings: Surroundings { away: true, day_start, ..Surroundings::default() },
            is_reachable: true,
            is_disk_full: false,
            disk_bytes_max: usize::MAX,
            fails_every: None,
            holds_disk: false,
            held: VecDeque::new(),
            events: VecDeque::new(),
            log: Vec::new(),
            sent: Vec::new(),
            requests: Vec::new(),
            looks_up_first: false,
            names: BTreeMap::new(),
            holds_lookups: false,
            lookups: Vec::new(),
            wake_at: None,
            badge: 0,
            pops: Vec::new(),
            shows_pops: true,
            kills: 0,
            kill_after: None,
            carried_out: 0,
            is_checked: true,
            bodies: BTreeMap::new(),
            read: BTreeMap::new(),
            granted_bytes: 0,
            is_body_slow: false,
        }
    }

    /// A world that is connected, both classes on, bandwidth at any time.
    pub fn connected() -> Self {
        Self::new().connect()
    }

    /// In a browser that needs every name looked up first.
    pub fn connected_looking_up() -> Self {
        let mut world = Self::new();
        world.looks_up_first = true;
        world.worker = world.worker.looking_up_first();
        world.connect()
    }

    fn connect(self) -> Self {
        let mut world = self;
        world.start();
        world.command(Command::SetBandwidthWhen { when: BandwidthWhen::Always });
        world.command(Command::SetBandwidth { on: true });
        world.command(Command::SetJudgments { on: true });
        assert!(world.coordinator.is_ready());
        world
    }

    pub fn start(&mut self) {
        self.feed(Event::Surroundings(self.surroundings));
    }

    /// The browser's clock.
    pub fn local(&self) -> Timestamp {
        at(self.now_ms.saturating_add_signed(self.ahead_ms))
    }

    pub fn coordinator_now(&self) -> Timestamp {
        at(self.now_ms)
    }

    pub fn view(&self) -> View {
        self.worker.view(self.local())
    }

    pub fn judgment(&self) -> Judgment {
        self.view().judgment.expect("a judgment on screen")
    }

    /// The person commands: as in the UI, work is switched on by who has seen the card, and bandwidth by who
    /// has agreed and granted the permission.
    pub fn command(&mut self, command: Command) {
        let is_on = matches!(command, Command::SetJudgments { on: true } | Command::SetBandwidth { on: true });
        if is_on && !self.view().settings.card_seen {
            self.feed(Event::Command(Command::CardSeen));
        }
        if command == (Command::SetBandwidth { on: true }) && !self.view().consent.is_current {
            self.feed(Event::Command(Command::Agree { statements: Statement::ALL.into() }));
        }
        if command == (Command::SetBandwidth { on: true }) && !self.surroundings.host_permission {
            self.surroundings.host_permission = true;
            self.feed(Event::Surroundings(self.surroundings));
        }
        self.feed(Event::Command(command));
    }

    pub fn answer(&mut self, offer: &str, option: u8) {
        self.judge(offer, Answer::Choice(option));
    }

    pub fn judge(&mut self, offer: &str, answer: Answer) {
        let shown_at = self.local().get() - 2_000;
        let (offer, input) = (offer.to_owned(), AnswerInput::Keyboard);
        self.command(Command::Answer { offer, answer, input, shown_at });
    }

    /// Takes one event in and everything that follows from it.
    pub fn feed(&mut self, event: Event) {
        self.events.push_back(event);
        self.run();
    }

    /// A message from the coordinator.
    pub fn say(&mut self, message: &ToWorker) {
        self.feed(Event::Frame(message.to_frame()));
    }

    /// The coordinator leases an item, asked or not. The offer's hash.
    pub fn assign(&mut self, item: &Item) -> String {
        let now = self.coordinator_now();
        let message = self.coordinator.assign(item, self.me, now);
        let ToWorker::Assign { offer, .. } = &message else { unreachable!() };
        let hash = Hash::of(offer).to_string();
        self.say(&message);
        hash
    }

    /// The coordinator leases what is in its plan and wanted.
    pub fn serve(&mut self) {
        let now = self.coordinator_now();
        for message in self.coordinator.serve(self.me, now) {
            self.say(&message);
        }
    }

    /// The line breaks.
    pub fn cut(&mut self) {
        self.coordinator.close();
        self.events.retain(|e| !matches!(e, Event::Frame(_) | Event::SocketOpened { .. }));
        self.feed(Event::SocketClosed);
    }

    /// Time passes; the worker is woken whenever it asked to be.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        let mut wakes_left = 50 + ms / 100;
        while let Some(wake_at) = self.wake_at.map(|at| at.get().saturating_add_signed(-self.ahead_ms)) {
            if wake_at > end {
                break;
            }
            self.now_ms = self.now_ms.max(wake_at);
            self.wake_at = None;
            self.feed(Event::Tick);
            wakes_left = wakes_left.checked_sub(1).expect("a worker that wants to be woken all the time");
        }
        self.now_ms = end;
    }

    /// The browser ends the background at this very moment, and starts it anew with what is on disk.
    pub fn kill(&mut self) {
        self.kills += 1;
        self.coordinator.close();
        self.events.clear();
        self.held.clear();
        self.bodies.clear();
        self.read.clear();
        self.wake_at = None;
        let records = self.disk.clone().into_iter().collect();
        let worker = Worker::new(self.config(), key(1), self.kills, records);
        self.worker = if self.looks_up_first { worker.looking_up_first() } else { worker };
        self.events.push_back(Event::Surroundings(self.surroundings));
    }

    /// Carries effects and events out until nothing is left to do.
    pub fn run(&mut self) {
        loop {
            while let Some(effect) = self.worker.poll_effect() {
                self.log.push(effect.clone());
                self.carry_out(effect);
                self.carried_out += 1;
                if self.kill_after == Some(self.carried_out) {
                    self.kill();
                }
            }
            let Some(event) = self.events.pop_front() else { return self.check_snapshot() };
            self.worker.handle(event, self.local());
        }
    }

    /// With nothing under way, the snapshot is what is on disk (but for counts that wait for company).
    fn check_snapshot(&self) {
        let is_lazy = |key: &str| {
            let is_elsewhere = ["aside/", "log/", "log-kept/"].iter().any(|kind| key.starts_with(kind));
            ["counters", "account", "days", "usage", "payouts"].contains(&key) || is_elsewhere
        };
        let always = ["settings", "verdicts", "never"];
        let of = |map: BTreeMap<String, Vec<u8>>| -> BTreeMap<String, Vec<u8>> {
            map.into_iter().filter(|(k, _)| !is_lazy(k) && !always.contains(&k.as_str())).collect()
        };
        if !self.is_disk_full
            && self.disk_bytes_max == usize::MAX
            && self.fails_every.is_none()
            && self.is_checked
            && self.held.is_empty()
            && !self.holds_disk
        {
            let snapshot = of(self.worker.snapshot().into_iter().collect());
            let disk = of(self.disk.clone());
            let (s, d): (Vec<_>, Vec<_>) = (snapshot.keys().collect(), disk.keys().collect());
            assert_eq!(s, d, "keys of the snapshot and of the disk");
            assert!(snapshot == disk, "values of the snapshot and of the disk");
        }
    }

    pub fn write_held(&mut self, succeed: bool) {
        self.holds_disk = false;
        while let Some((batch, writes)) = self.held.pop_front() {
            if succeed {
                self.write(writes);
                self.feed(Event::Persisted { batch });
            } else {
                self.feed(Event::PersistFailed { batch });
            }
        }
    }

    pub fn disk_bytes(&self) -> usize {
        self.disk.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    /// The disk's size once these writes are done, bytes.
    fn size_with(&self, writes: &[Write]) -> usize {
        writes.iter().fold(self.disk_bytes(), |bytes, write| {
            let size = |value: Option<&[u8]>| value.map_or(0, |value| write.key.len() + value.len());
            bytes - size(self.disk.get(&write.key).map(Vec::as_slice)) + size(write.value.as_deref())
        })
    }

    fn write(&mut self, writes: Vec<Write>) {
        for Write { key, value } in writes {
            match value {
                Some(value) => self.disk.insert(key, value.to_vec()),
                None => self.disk.remove(&key),
            };
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { url } => {
                assert_eq!(url, "wss://lull.example/socket");
                self.coordinator.close();
                if self.is_reachable {
                    self.coordinator.session = Session::New;
                    let fresh = [self.log.len() as u8; 32];
                    self.events.push_back(Event::SocketOpened { challenge: Challenge(fresh) });
                } else {
                    self.events.push_back(Event::SocketClosed);
                }
            }
            Effect::Disconnect => {
                self.coordinator.close();
                let of_socket =
                    |e: &Event| matches!(e, Event::Frame(_) | Event::SocketOpened { .. } | Event::SocketClosed);
                self.events.retain(|e| !of_socket(e));
            }
            Effect::Send(bytes) => self.deliver(&bytes),
            Effect::Persist { batch, writes } => {
                if self.holds_disk {
                    self.held.push_back((batch, writes));
                } else if self.is_disk_full
                    || self.size_with(&writes) > self.disk_bytes_max
                    || self.fails_every.is_some_and(|n| (batch as usize).is_multiple_of(n))
                {
                    self.events.push_back(Event::PersistFailed { batch });
                } else {
                    self.write(writes);
                    self.events.push_back(Event::Persisted { batch });
                }
            }
            Effect::LookUp { fetch, host, timeout_ms } => {
                assert!(timeout_ms > 0);
                let public = || vec!["93.184.215.14".to_owned()];
                let addresses = self.names.get(&host).cloned().unwrap_or_else(public);
                self.lookups.push(host);
                if !self.holds_lookups {
                    self.events.push_back(Event::LookedUp { fetch, addresses });
                }
            }
            Effect::Fetch { fetch, url, timeout_ms, .. } => {
                assert!(timeout_ms > 0);
                self.requests.push(url.clone());
                self.request(fetch, &url);
            }
            Effect::ReadBody { fetch, allowance_bytes, bytes_max, timeout_ms } => {
                assert!(timeout_ms > 0 && allowance_bytes > 0);
                if self.is_body_slow {
                    return;
                }
                let read = self.read.entry(fetch).or_default();
                let whole = self.bodies.get(&fetch).expect("a head was answered").len() as u64;
                self.granted_bytes += allowance_bytes.min(whole - (*read).min(whole));
                *read = read.saturating_add(allowance_bytes);
                if whole >= *read && *read <= bytes_max {
                    let bytes = *read;
                    return self.events.push_back(Event::BodyProgress { fetch, bytes });
                }
                let body = self.bodies.remove(&fetch).expect("a head was answered");
                self.read.remove(&fetch);
                let encoded_bytes = body.len() as u64;
                self.events.push_back(if encoded_bytes > bytes_max {
                    Event::FetchFailed { fetch, failure: FetchFailure::TooLarge, encoded_bytes }
                } else {
                    Event::BodyRead { fetch, body, encoded_bytes }
                });
            }
            Effect::AbortFetch { fetch } => {
                self.bodies.remove(&fetch);
                self.read.remove(&fetch);
                self.events.retain(|e| !matches!(e, Event::LookedUp { fetch: f, .. } | Event::HopAnswered { fetch: f, .. } | Event::BodyProgress { fetch: f, .. } | Event::BodyRead { fetch: f, .. } | Event::FetchFailed { fetch: f, .. } if *f == fetch));
            }
            Effect::ReleasePermission => {
                self.surroundings.host_permission = false;
                self.events.push_back(Event::Surroundings(self.surroundings));
            }
            Effect::WakeAt(at) => self.wake_at = Some(at),
            Effect::Badge { count } => self.badge = count,
            Effect::Pop { .. } => {
                self.pops.push(self.now_ms);
                self.events.push_back(Event::Popped { is_shown: self.shows_pops });
            }
            Effect::ViewChanged => {}
        }
    }

    fn deliver(&mut self, bytes: &[u8]) {
        let message = ToCoordinator::from_frame(bytes).expect("the worker's frames are sound");
        self.sent.push(message.clone());
        if let ToCoordinator::Result { statement } = &message {
            let offer = cose::peek::<statement::WorkResult>(statement).unwrap().offer;
            assert!(self.disk.contains_key(&format!("outbox/{offer}")), "a result is durable before it is sent");
        }
        if let ToCoordinator::WalletYes { statement } | ToCoordinator::WalletVeto { statement } = &message {
            let record = self.disk.get("wallet-said").expect("words are durable before they are sent");
            assert!(record.windows(statement.len()).any(|part| part == statement.as_slice()), "these words");
        }
        if let ToCoordinator::Proof { verdicts_seen, .. } = &message {
            self.check_verdicts(*verdicts_seen as usize);
        }
        let now = self.coordinator_now();
        let replies = self.coordinator.receive(message, self.me, now);
        self.events.extend(replies.into_iter().map(|m| Event::Frame(m.to_frame())));
    }

    /// Every verdict that counts as seen would survive a kill at this moment.
    fn check_verdicts(&self, seen: usize) {
        if !self.is_checked {
            return;
        }
        let records = self.disk.clone().into_iter().collect();
        let survivor = Worker::new(self.config(), key(1), 0, records);
        let jsonl = exported(&survivor, &self.disk, self.local());
        for verdict in self.coordinator.verdicts.iter().take(seen) {
            assert!(jsonl.contains(&data_encoding::BASE64.encode(verdict)), "a verdict that counts as seen is gone");
        }
    }

    fn request(&mut self, fetch: FetchId, url: &str) {
        match self.sites.get(url).cloned().unwrap_or(Page::Fails(FetchFailure::Network)) {
            Page::Answer { status, headers, address, body } => {
                let location = headers.iter().find(|(name, _)| *name == "Location").map(|(_, value)| value.clone());
                let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                let head = HopHead { status, headers, location, address: address.map(str::to_owned) };
                self.bodies.insert(fetch, body);
                self.events.push_back(Event::HopAnswered { fetch, head });
            }
            Page::Fails(failure) => self.events.push_back(Event::FetchFailed { fetch, failure, encoded_bytes: 0 }),
            Page::Hangs => {}
        }
    }

    /// The answer to a query, with what is on the disk.
    pub fn ask(&self, query: &Command) -> Reply {
        self.worker.query_stored(query, self.local(), |from, below| range(&self.disk, from, below)).expect("a query")
    }

    /// Everything that is exported.
    pub fn export(&self) -> String {
        exported(&self.worker, &self.disk, self.local())
    }

    /// The whole log, the newest first.
    pub fn log_entries(&self) -> Vec<lull_view::ActivityEntry> {
        let find = lull_view::Find { limit: lull_view::PAGE_MAX, ..lull_view::Find::default() };
        let Reply::Activities { page } = self.ask(&Command::FindActivities(find)) else { panic!("a page") };
        assert_eq!(page.unreadable, 0);
        page.entries
    }

    /// What was sent since the last call.
    pub fn take_sent(&mut self) -> Vec<ToCoordinator> {
        std::mem::take(&mut self.sent)
    }
    /// What was done since the last call.
    pub fn take_log(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.log)
    }
    /// The results sent since the last call, in order.
    pub fn take_results(&mut self) -> Vec<Vec<u8>> {
        let results = self.take_sent().into_iter().filter_map(|m| match m {
            ToCoordinator::Result { statement } => Some(statement.into()),
            _ => None,
        });
        results.collect()
    }
}

/// The records of a range of keys.
pub fn range(disk: &BTreeMap<String, Vec<u8>>, from: &str, below: &str) -> Vec<(String, Vec<u8>)> {
    disk.range(from.to_owned()..below.to_owned()).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The receipts that are loaded, and those that are kept.
fn exported(worker: &Worker, disk: &BTreeMap<String, Vec<u8>>, now: Timestamp) -> String {
    worker.export_stored(now, |from, below| range(disk, from, below))
}

pub fn text_item(title: &str) -> Item {
    choice_item(title, Content::Text(format!("A sentence about {title}.")))
}

fn choice_item(title: &str, content: Content) -> Item {
    let options = vec!["Yes".into(), "No".into(), "Can't tell".into()];
    judgment_item(title, Task::Choice(Choice { content, options }))
}

pub fn judgment_item(title: &str, task: Task) -> Item {
    Item::Judgment(JudgmentItem {
        order: OrderId([1; 16]),
        requester: "Road Maps".into(),
        title: title.into(),
        guideline_version: 1,
        warnings: lull_protocol::WarningSet::NONE,
        guideline: "Choose what fits best.".into(),
        question: "Which is it?".into(),
        task,
        practice: None,
    })
}

/// The same item of a project with this practice.
pub fn practised_item(item: Item, practice: &Practice) -> Item {
    let Item::Judgment(item) = item else { panic!("a judgment") };
    Item::Judgment(JudgmentItem { practice: Some(practice.blob()), ..item })
}

/// A practice of so many choices, about this.
pub fn practice(about: &str, count: usize) -> Practice {
    let item = |n| {
        let Item::Judgment(item) = text_item(&format!("{about} {n}")) else { unreachable!() };
        PracticeItem { task: item.task, answer: Answer::Choice(1), explanation: format!("Because of {n}.") }
    };
    Practice { items: (0..count).map(item).collect() }
}

/// The file of a picture of this length.
pub fn picture(fill: u8, len: usize) -> Vec<u8> {
    let head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT";
    let mut file = vec![fill; len];
    file.splice(..head.len(), *head);
    file
}

pub fn picture_item(title: &str, picture: &[u8]) -> Item {
    choice_item(title, picture_content(picture))
}

pub fn picture_content(picture: &[u8]) -> Content {
    let bytes = ByteCount::new(picture.len() as u64).unwrap();
    let (hash, media_type, alt) = (Hash::of(picture), "image/png".to_owned(), "A road".to_owned());
    Content::Picture(Picture { hash, media_type, bytes, alt })
}

pub fn fetch_item(url: &str, bytes_max: u64) -> Item {
    Item::Fetch(FetchItem {
        order: OrderId([2; 16]),
        requester: "Open Index".into(),
        purpose: "A search index".into(),
        url: url.into(),
        method: Method::Get,
        bytes_max: ByteCount::new(bytes_max).unwrap(),
        http_allowed: false,
    })
}
