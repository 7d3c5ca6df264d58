//! Carries out the machine's effects: a socket, a clock, records in memory or on a disk, and a web where
//! there is one.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use lull_protocol::trust::TrustRoot;
use lull_protocol::units::Challenge;
use lull_protocol::{SigningKey, TaskSet, Timestamp};
use lull_view::{Command, View};
use lull_worker::{Config, Effect, Event, FetchFailure, Managed, Surroundings, Worker, Write};
use tokio::sync::{mpsc, watch};

use crate::disk::Disk;
use crate::journal::{Journal, Line};
use crate::socket::{Socket, dial};
use crate::web::{Wanted, Web};

/// A key from the operating system's randomness.
pub fn fresh_key() -> SigningKey {
    SigningKey::from_seed(&zeroize::Zeroizing::new(rand::random()))
}

/// What drives a worker: looks at its view, gives commands.
pub trait Shell {
    /// Called whenever the view changed.
    fn look(&mut self, view: &View) -> Vec<Said>;
}

/// A command, given at once or after a while.
#[derive(Clone, Debug)]
pub struct Said {
    /// What.
    pub command: Command,
    /// When, milliseconds from now.
    pub after_ms: u64,
}

impl Said {
    /// At once.
    pub fn now(command: Command) -> Self {
        Self { command, after_ms: 0 }
    }
}

/// Where records are.
enum Storage {
    Memory(BTreeMap<String, Vec<u8>>),
    Disk(Disk),
}

impl Storage {
    fn records(&self) -> &BTreeMap<String, Vec<u8>> {
        match self {
            Self::Memory(records) => records,
            Self::Disk(disk) => disk.records(),
        }
    }

    fn range(&self, from: &str, below: &str) -> Vec<(String, Vec<u8>)> {
        let range = self.records().range::<str, _>((Bound::Included(from), Bound::Excluded(below)));
        range.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn write(&mut self, writes: Vec<Write>) -> bool {
        match self {
            Self::Disk(disk) => {
                let written = disk.write(&writes);
                if let Err(error) = &written {
                    eprintln!("records: {error}");
                }
                written.is_ok()
            }
            Self::Memory(records) => {
                for write in writes {
                    match write.value {
                        Some(value) => records.insert(write.key, value.to_vec()),
                        None => records.remove(&write.key),
                    };
                }
                true
            }
        }
    }
}

/// One native worker.
pub struct NativeWorker<S> {
    worker: Worker,
    shell: S,
    storage: Storage,
    web: Option<Web>,
    journal: Option<Journal>,
    last_state: Option<Line>,
    socket: Option<Socket>,
    wake_at: Option<Timestamp>,
}

/// What the machine is told by what runs beside it.
struct Ways {
    dialled: mpsc::UnboundedSender<Option<Socket>>,
    events: mpsc::UnboundedSender<Event>,
}

impl<S: Shell> NativeWorker<S> {
    /// A worker with what an earlier one has left, e.g. nothing, in memory.
    pub fn new(trust: TrustRoot, key: SigningKey, records: BTreeMap<String, Vec<u8>>, shell: S) -> Self {
        Self::with(trust, key, Storage::Memory(records), shell)
    }

    /// A worker whose records are on a disk.
    pub fn on_disk(trust: TrustRoot, key: SigningKey, disk: Disk, shell: S) -> Self {
        Self::with(trust, key, Storage::Disk(disk), shell)
    }

    fn with(trust: TrustRoot, key: SigningKey, storage: Storage, shell: S) -> Self {
        let stored = storage.records().clone().into_iter().collect();
        let worker = Worker::new(Config { trust, tasks: TaskSet::ALL, take_back_ms: 0 }, key, rand::random(), stored);
        let (web, journal, last_state, socket, wake_at) = (None, None, None, None, None);
        Self { worker, shell, storage, web, journal, last_state, socket, wake_at }
    }

    /// With a web: bandwidth can be offered.
    pub fn fetching(mut self, web: Web) -> Self {
        self.web = Some(web);
        self
    }

    /// With a witness of what was sent and heard.
    pub fn witnessed(mut self, journal: Journal) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Runs until `stop` says so; gives back its receipts as the extension exports them.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<String> {
        let (dialled, mut dials) = mpsc::unbounded_channel();
        let (events, mut happened) = mpsc::unbounded_channel();
        let ways = Ways { dialled, events };
        let surroundings = Surroundings {
            away: true,
            data_saver: false,
            host_permission: self.web.is_some(),
            day_start: day_start(now()),
            managed: Managed::default(),
            utc_offset_min: 0,
            looks: false,
        };
        self.feed(Event::Surroundings(surroundings), &ways).await?;
        loop {
            let sleep = self.wake_at.map_or(60_000, |at| at.since(now()));
            tokio::select! {
                _ = stop.changed() => {
                    return Ok(self.worker.export_stored(now(), |from, below| self.storage.range(from, below)));
                }
                Some(socket) = dials.recv() => {
                    let event = if socket.is_some() {
                        Event::SocketOpened { challenge: Challenge(rand::random()) }
                    } else {
                        Event::SocketClosed
                    };
                    self.socket = socket;
                    self.feed(event, &ways).await?;
                }
                Some(event) = happened.recv() => self.feed(event, &ways).await?,
                frame = Socket::next(&mut self.socket) => {
                    let event = match frame {
                        Some(bytes) => {
                            if let Some(journal) = &mut self.journal {
                                journal.heard(&bytes)?;
                            }
                            Event::Frame(bytes.to_vec())
                        }
                        None => { self.socket = None; Event::SocketClosed }
                    };
                    self.feed(event, &ways).await?;
                }
                () = tokio::time::sleep(Duration::from_millis(sleep)) => {
                    self.wake_at = None;
                    self.feed(Event::Tick, &ways).await?;
                }
            }
        }
    }

    async fn feed(&mut self, event: Event, ways: &Ways) -> Result<()> {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            self.worker.handle(event, now());
            while let Some(effect) = self.worker.poll_effect() {
                self.carry_out(effect, ways, &mut events)?;
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect, ways: &Ways, events: &mut VecDeque<Event>) -> Result<()> {
        match effect {
            Effect::Connect { url } => {
                let dialled = ways.dialled.clone();
                tokio::spawn(async move {
                    // The receiver is gone only when the worker has stopped.
                    let _ = dialled.send(dial(&url).await.ok());
                });
            }
            Effect::Disconnect => self.socket = None,
            Effect::Send(bytes) => {
                if let Some(journal) = &mut self.journal {
                    journal.says(&bytes)?;
                }
                if self.socket.as_ref().is_some_and(|socket| !socket.send(bytes)) {
                    self.socket = None;
                    events.push_back(Event::SocketClosed);
                }
            }
            Effect::Persist { batch, writes } => events.push_back(if self.storage.write(writes) {
                Event::Persisted { batch }
            } else {
                Event::PersistFailed { batch }
            }),
            Effect::WakeAt(at) => self.wake_at = Some(at),
            Effect::ViewChanged => self.look(ways, events)?,
            Effect::Fetch { fetch, url, method, timeout_ms } => {
                if let Some(web) = &mut self.web {
                    web.fetch(fetch, &url, method, timeout_ms, &ways.events);
                }
            }
            Effect::ReadBody { fetch, allowance_bytes, bytes_max, timeout_ms } => {
                if let Some(web) = &mut self.web {
                    web.read_body(
                        fetch,
                        Wanted { allowance_bytes, bytes_max, time: Duration::from_millis(timeout_ms) },
                    );
                }
            }
            Effect::AbortFetch { fetch } => {
                if let Some(web) = &mut self.web {
                    web.abort(fetch);
                }
            }
            // Only a worker that was told to looks names up, and this one wasn't.
            Effect::LookUp { fetch, .. } => {
                events.push_back(Event::FetchFailed { fetch, failure: FetchFailure::Network, encoded_bytes: 0 });
            }
            // Nobody is here to be called.
            Effect::Pop { .. } => events.push_back(Event::Popped { is_shown: false }),
            Effect::ReleasePermission | Effect::Badge { .. } => {}
        }
        Ok(())
    }

    fn look(&mut self, ways: &Ways, events: &mut VecDeque<Event>) -> Result<()> {
        let view = self.worker.view(now());
        if let Some(journal) = &mut self.journal {
            let state = Some(Line::State { link: view.link.clone(), outbox: view.outbox, notice: view.notice.clone() });
            if state != self.last_state {
                state.iter().try_for_each(|line| journal.write(line, false))?;
                self.last_state = state;
            }
        }
        for Said { command, after_ms } in self.shell.look(&view) {
            if after_ms == 0 {
                events.push_back(Event::Command(command));
                continue;
            }
            let later = ways.events.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                // The receiver is gone only when the worker has stopped.
                let _ = later.send(Event::Command(command));
            });
        }
        Ok(())
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::ZERO.plus(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Midnight UTC: a native worker has no person with a time zone.
fn day_start(now: Timestamp) -> Timestamp {
    now.minus(now.get() % 86_400_000)
}
