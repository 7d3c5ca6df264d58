//! A browser around the worker machine: carries out its effects, may end between any two of them, and keeps
//! what was durable.

use std::collections::{BTreeMap, VecDeque};

use lull_protocol::message::Message;
use lull_protocol::statement::JobClass;
use lull_protocol::units::Challenge;
use lull_protocol::{PublicKey, SigningKey, Timestamp, ToCoordinator, ToWorker};
use lull_view::View;
use lull_worker::limits::TAKE_BACK_MS;
use lull_worker::{Config, Effect, Event as Happened, FetchId, Surroundings, Worker};

use super::net::{ConnId, Parcel, Peer, Side};
use super::person::Person;
use super::storage::Storage;
use super::web::{Body, looks_up, shows};
use super::{Event, World};
use crate::mix::bytes;
use crate::plan::{BrowserPlan, Ms};
use crate::table::{Mark, WorkerState};

/// Handshakes of honest workers that somebody has recorded, the newest.
const HANDSHAKES_RECORDED: usize = 32;

/// A browser: what lives longer than its background.
pub(crate) struct Browser {
    pub(crate) plan: BrowserPlan,
    pub(crate) key: SigningKey,
    pub(crate) me: PublicKey,
    /// Grows with each start of the background.
    pub(crate) era: u64,
    pub(crate) background: Option<Background>,
    pub(crate) storage: Storage,
    pub(crate) person: Person,
    pub(crate) surroundings: Surroundings,
    pub(crate) ahead_ms: i64,
    /// After so many more effects the background ends, for so long, and its machine with it.
    pub(crate) kill_after: Option<(u32, Ms, bool)>,
    /// How often somebody began to change what it sends and is sent.
    pub(crate) attacks: u32,
    /// A copy of another browser, for as long as it lives.
    pub(crate) twin_of: Option<usize>,
    /// Its last hello, as somebody could have recorded it.
    pub(crate) hello: Vec<u8>,
}

/// The background: memory only.
pub(crate) struct Background {
    pub(crate) worker: Worker,
    conn: Option<ConnId>,
    pub(crate) phase: WorkerState,
    events: VecDeque<Happened>,
    wake: u64,
    /// Heads that were answered and bodies that wait to be read, by request.
    pub(crate) hops: BTreeMap<FetchId, Hop>,
    /// What the popup shows: as it was when it was last told to look anew.
    pub(crate) view: Option<View>,
    /// Feeding is not re-entered.
    is_busy: bool,
}

/// A request of the background.
pub(crate) struct Hop {
    pub(crate) url: String,
    pub(crate) body: Option<Body>,
    pub(crate) is_public: bool,
    /// Bytes of the body that were read so far.
    pub(crate) read: u64,
    /// Bytes that came under the last grant and were not told yet.
    pub(crate) came: u64,
}

/// What happens to a browser.
#[derive(Debug)]
pub(crate) enum BrowserEvent {
    /// The time it asked for.
    Wake(u64),
    /// The batch that was longest under way is done.
    Stored,
    /// A request has an answer, or its body.
    Fetched(FetchId, Box<Happened>),
    /// The person looks at it.
    Look,
    /// The person answers what was shown.
    Answer,
    TakeBack,
    /// The person comes back, or stops what goes on.
    Interrupt,
    /// The person switches a class off, and the line breaks.
    SwitchOff(JobClass),
    /// The background ends now if it was to end and hasn't.
    Kill,
    /// The person closes the browser.
    Close,
}

impl Browser {
    /// The state of its connection and work, for the table.
    pub(crate) fn state(&self) -> WorkerState {
        let Some(background) = &self.background else { return WorkerState::Closed };
        if background.phase != WorkerState::Idle {
            return background.phase;
        }
        let (leases, results) = self.storage.counts();
        if self.storage.fails() {
            WorkerState::Failing
        } else if results > 0 {
            WorkerState::Sending
        } else if leases > 0 {
            WorkerState::Holding
        } else {
            WorkerState::Idle
        }
    }
}

impl World {
    pub(crate) fn browser(&mut self, who: usize) -> &mut Browser {
        self.browsers.get_mut(who).expect("browsers are never removed")
    }

    pub(crate) fn browser_wall(&mut self, who: usize) -> Timestamp {
        let ahead_ms = self.browser(who).ahead_ms;
        self.wall(ahead_ms)
    }

    fn background(&mut self, who: usize) -> Option<&mut Background> {
        self.browser(who).background.as_mut()
    }

    /// The browser starts its background with what its storage holds.
    pub(crate) fn start_browser(&mut self, who: usize) {
        let (trust, seed) = (self.trust.clone(), self.rng.u64(..));
        let browser = self.browser(who);
        if browser.background.is_some() {
            return;
        }
        browser.era += 1;
        let worker = Worker::new(
            Config { trust, tasks: shows(&browser.me), take_back_ms: TAKE_BACK_MS },
            browser.key.clone(),
            seed,
            browser.storage.load(),
        );
        let worker = if looks_up(&browser.me) { worker.looking_up_first() } else { worker };
        let found = worker.view(Timestamp::ZERO);
        let (surroundings, me, is_twin) = (browser.surroundings, browser.me, browser.twin_of.is_some());
        browser.background = Some(Background {
            worker,
            conn: None,
            phase: WorkerState::Offline,
            events: VecDeque::new(),
            wake: 0,
            hops: BTreeMap::new(),
            view: None,
            is_busy: false,
        });
        self.tally.browser_starts += 1;
        if !is_twin {
            self.model.started(me);
            self.model.practice.started(me);
            let (caps, paused_until) = (found.limits.caps, found.limits.paused_until);
            let (settings, is_agreed) = (found.settings, found.consent.is_current);
            let checked =
                self.model.consent.started(me, settings, is_agreed, paused_until, found.never, found.warnings.chosen);
            self.check(checked);
            self.model.pops.surroundings(me, surroundings);
            let checked = self.model.pops.started(me, &found.pops);
            self.check(checked);
            let checked = self.model.caps.started(me, &caps);
            self.check(checked);
        }
        self.feed(who, Happened::Surroundings(surroundings));
        self.plan_closing(who);
        self.queue_browser(who, 1_000, BrowserEvent::Look);
    }

    /// The background is gone at this very moment; whatever was under way to its storage may be there or not.
    pub(crate) fn kill_browser(&mut self, who: usize, silent: bool) {
        let mut rng = self.rng.fork();
        let browser = self.browser(who);
        let Some(background) = browser.background.take() else { return };
        let (me, is_settled) = (browser.me, browser.storage.is_settled());
        browser.storage.kill(&mut rng);
        browser.kill_after = None;
        browser.era += 1;
        self.tally.browser_kills += 1;
        self.model.killed(me, is_settled);
        if let Some(conn) = background.conn {
            self.net.close(&mut self.queue, conn, Side::Worker, silent);
        }
    }

    pub(crate) fn queue_browser(&mut self, who: usize, after_ms: Ms, event: BrowserEvent) {
        let era = self.browser(who).era;
        self.queue.after(after_ms, Event::Browser { who, era, event });
    }

    pub(crate) fn browser_event(&mut self, who: usize, event: BrowserEvent) {
        match event {
            BrowserEvent::Wake(token) => {
                if self.background(who).is_some_and(|background| background.wake == token) {
                    self.feed(who, Happened::Tick);
                }
            }
            BrowserEvent::Stored => self.stored(who),
            BrowserEvent::Fetched(fetch, happened) => self.fetched(who, fetch, *happened),
            BrowserEvent::Look => self.person_looks(who),
            BrowserEvent::Answer => self.person_answers(who),
            BrowserEvent::TakeBack => self.person_takes_back(who),
            BrowserEvent::Interrupt => self.person_interrupts(who),
            BrowserEvent::SwitchOff(class) => self.person_switches_off(who, class),
            BrowserEvent::Kill => {
                if let Some((_, down_ms, silent)) = self.browser(who).kill_after {
                    self.kill_and_reopen(who, down_ms, silent);
                }
            }
            BrowserEvent::Close => self.person_closes(who),
        }
    }

    pub(crate) fn kill_and_reopen(&mut self, who: usize, down_ms: Ms, silent: bool) {
        self.kill_browser(who, silent);
        self.queue.after(down_ms.max(1), Event::BrowserStarts { who });
    }

    /// Something arrives at a browser.
    pub(crate) fn browser_receives(&mut self, who: usize, conn: ConnId, parcel: Parcel) {
        let state = self.browser(who).state();
        let is_current = self.background(who).is_some_and(|background| background.conn == Some(conn));
        if !is_current {
            // Its socket is gone; the system closes what is left of it.
            return self.net.close(&mut self.queue, conn, Side::Worker, false);
        }
        match parcel {
            Parcel::Open => {
                let challenge = Challenge(bytes(&mut self.rng));
                self.feed(who, Happened::SocketOpened { challenge });
            }
            Parcel::Frame(bytes) => {
                self.mix.bytes(&bytes);
                let message = ToWorker::from_frame(&bytes).ok();
                self.mark(Mark::ToWorker(message.as_ref(), state));
                let me = self.browser(who).me;
                if let Some(message) = &message {
                    self.model.worker_heard(me, message);
                }
                self.feed(who, Happened::Frame(bytes));
            }
            Parcel::Close => {
                self.net.close(&mut self.queue, conn, Side::Worker, false);
                if let Some(background) = self.background(who) {
                    background.conn = None;
                    background.phase = WorkerState::Offline;
                }
                self.feed(who, Happened::SocketClosed);
            }
        }
    }

    /// Takes an event in and carries out what follows, effect by effect.
    pub(crate) fn feed(&mut self, who: usize, happened: Happened) {
        let now = self.browser_wall(who);
        let era = self.browser(who).era;
        let Some(background) = self.background(who) else { return };
        background.events.push_back(happened);
        let is_first = !background.is_busy;
        self.tell_time(who, now, is_first);
        let Some(background) = self.background(who) else { return };
        if std::mem::replace(&mut background.is_busy, true) {
            return;
        }
        while self.browser(who).era == era && !self.has_failed() {
            let Some(background) = self.background(who) else { return };
            if let Some(effect) = background.worker.poll_effect() {
                self.carry_out(who, effect, now);
                self.count_effect(who);
                continue;
            }
            let Some(event) = background.events.pop_front() else { break };
            background.worker.handle(event, now);
        }
        let is_twin = self.browser(who).twin_of.is_some();
        let me = self.browser(who).me;
        let Some(background) = self.background(who) else { return };
        background.is_busy = false;
        if !is_twin && let Some(hop) = background.hops.values().next() {
            let url = hop.url.clone();
            let checked = self.model.consent.may_fetch(me, &url);
            self.check(checked);
            let checked = self.model.caps.is_open(me, &url, now);
            self.check(checked);
        }
    }

    /// The model reads the same clock as the machine.
    fn tell_time(&mut self, who: usize, now: Timestamp, is_first: bool) {
        let browser = self.browser(who);
        let (me, is_twin) = (browser.me, browser.twin_of.is_some());
        if is_first && !is_twin {
            self.model.consent.tell(me, now);
            self.model.caps.time(me, now);
        }
    }

    fn count_effect(&mut self, who: usize) {
        let browser = self.browser(who);
        let Some((left, down_ms, silent)) = browser.kill_after else { return };
        match left.checked_sub(1) {
            Some(fewer) => browser.kill_after = Some((fewer, down_ms, silent)),
            None => self.kill_and_reopen(who, down_ms, silent),
        }
    }

    fn carry_out(&mut self, who: usize, effect: Effect, now: Timestamp) {
        match effect {
            Effect::Connect { .. } => {
                self.disconnect(who);
                let me = self.browser(who).me;
                if self.browser(who).twin_of.is_none() {
                    let checked = self.model.consent.connects(me);
                    self.check(checked);
                }
                let conn = self.net.dial(&mut self.queue, Peer::Browser(who));
                if let Some(background) = self.background(who) {
                    background.conn = Some(conn);
                    background.phase = WorkerState::Dialling;
                }
            }
            Effect::Disconnect => {
                self.disconnect(who);
                if let Some(background) = self.background(who) {
                    background.phase = WorkerState::Offline;
                }
            }
            Effect::Send(bytes) => self.worker_sends(who, bytes),
            Effect::Persist { batch, writes } => self.persist(who, batch, writes),
            Effect::LookUp { fetch, host, timeout_ms } => self.look_up(who, fetch, host, timeout_ms),
            Effect::Fetch { fetch, url, timeout_ms, .. } => self.request(who, fetch, url, timeout_ms),
            Effect::ReadBody { fetch, allowance_bytes, bytes_max, timeout_ms } => {
                self.read_body(who, fetch, allowance_bytes, (bytes_max, timeout_ms));
            }
            Effect::AbortFetch { fetch } => {
                if let Some(background) = self.background(who) {
                    background.hops.remove(&fetch);
                }
            }
            Effect::ReleasePermission => {
                let browser = self.browser(who);
                browser.surroundings.host_permission = false;
                let surroundings = browser.surroundings;
                self.tell_surroundings(who, surroundings);
            }
            Effect::WakeAt(at) => {
                let Some(background) = self.background(who) else { return };
                background.wake += 1;
                let token = background.wake;
                self.queue_browser(who, at.since(now), BrowserEvent::Wake(token));
            }
            Effect::Badge { count } => self.person_sees(who, count),
            Effect::Pop { open, notify } => self.person_is_called(who, (open, notify), now),
            Effect::ViewChanged => {
                if let Some(background) = self.background(who) {
                    background.view = None;
                }
            }
        }
    }

    /// The browser tells what changed around it.
    pub(crate) fn tell_surroundings(&mut self, who: usize, surroundings: Surroundings) {
        let browser = self.browser(who);
        browser.surroundings = surroundings;
        let (me, is_twin) = (browser.me, browser.twin_of.is_some());
        if !is_twin {
            self.model.consent.surroundings(me, surroundings);
            self.model.caps.moved(me, surroundings.utc_offset_min);
            self.model.pops.surroundings(me, surroundings);
        }
        self.feed(who, Happened::Surroundings(surroundings));
    }

    fn disconnect(&mut self, who: usize) {
        let conn = self.background(who).and_then(|background| background.conn.take());
        if let Some(conn) = conn {
            self.net.close(&mut self.queue, conn, Side::Worker, false);
        }
    }

    fn worker_sends(&mut self, who: usize, bytes: Vec<u8>) {
        let message = ToCoordinator::from_frame(&bytes);
        let Some(browser) = self.browsers.get_mut(who) else { return };
        let (me, is_twin) = (browser.me, browser.twin_of.is_some());
        let Some(background) = &mut browser.background else { return };
        match &message {
            Ok(ToCoordinator::Hello { .. }) => {
                background.phase = WorkerState::Greeting;
                browser.hello.clone_from(&bytes);
            }
            Ok(ToCoordinator::Proof { .. }) => {
                background.phase = WorkerState::Proving;
                self.handshakes.push_front((browser.hello.clone(), bytes.clone()));
                self.handshakes.truncate(HANDSHAKES_RECORDED);
            }
            _ => background.phase = WorkerState::Idle,
        }
        let conn = background.conn;
        let durable = |key: &str| browser.storage.holds(key);
        let checked = match &message {
            Ok(message) => self.model.worker_sent(me, message, is_twin, &durable),
            Err(error) => Err(crate::model::broken("frames", format!("the worker's own frame: {error}"))),
        };
        self.check(checked);
        if let Ok(ToCoordinator::Result { statement }) = &message {
            self.person_may_switch_off(who, statement);
        }
        if let Some(conn) = conn {
            self.net.send(&mut self.queue, conn, Side::House, Parcel::Frame(bytes));
        }
    }
}
