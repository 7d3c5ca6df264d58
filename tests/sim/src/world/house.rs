//! The coordinator's process and its connections. What its disk does is in `writer`, who has
//! which seat in `hub`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use lull_disk::{Disk, Weather};
use lull_market::Command;
use lull_market::connect::Request;
use lull_market::session::{self, Answer, End, Found, Input, News, Now, Output, Push, Question, Session, Stage};
use lull_protocol::limits::FRAME_BYTES_MAX;
use lull_protocol::message::{Message, RefusedCode};
use lull_protocol::units::{Challenge, Nonce, Ticket};
use lull_protocol::{Hash, PublicKey, Timestamp, ToCoordinator, ToWorker};
use lull_store::{Reader, Store};

use super::net::{ConnId, Parcel, Side};
use super::pay::{Payer, Who};
use super::{Event, World};
use crate::mix::{bytes, pick};
use crate::model::broken;
use crate::plan::{Ms, SECOND};
use crate::table::{HouseState, Mark};

/// As the coordinator's own limit of this name.
const SEND_MS_MAX: Ms = 10 * SECOND;
/// How long a body may stand still, as the rules promise, and a moment to notice.
const BODY_STILL_MS_MAX: Ms = 21 * SECOND;
/// Larger frames end a connection unread, as the coordinator's transport does.
const TRANSPORT_FRAME_BYTES_MAX: usize = 2 * FRAME_BYTES_MAX;

/// The coordinator: what lives longer than its process.
pub(crate) struct House {
    pub(crate) shared: Arc<session::House>,
    pub(crate) disk: Disk,
    pub(crate) weather: Weather,
    pub(crate) process: Option<Process>,
    /// Grows with each process.
    pub(crate) era: u64,
    /// How far its clock was set.
    pub(crate) clock_step_ms: i64,
    pub(crate) commit_ms: Ms,
    /// After so many more outputs the process is killed, and down for so long.
    pub(crate) kill_after: Option<(u32, Ms)>,
    /// What follows when the disk stops: whether the power goes, and how long it is down.
    pub(crate) armed: Option<(bool, Ms)>,
    /// The machine has no power: nobody says that a connection is gone.
    pub(crate) is_dark: bool,
    /// When a sweep has something to do.
    pub(crate) due: BTreeSet<Ms>,
}

/// The coordinator's memory.
pub(crate) struct Process {
    pub(crate) store: Store,
    pub(crate) reader: Option<Reader>,
    pub(crate) sessions: BTreeMap<ConnId, Serving>,
    pub(crate) seats: BTreeMap<PublicKey, ConnId>,
    pub(crate) commands: VecDeque<(Command, Asker)>,
    pub(crate) committing: Option<Vec<Decided>>,
    /// Whether connections are to be woken soon.
    pub(crate) is_waking: bool,
    /// It ends, and is down for so long.
    pub(crate) stopping: Option<Ms>,
    pub(crate) payer: Payer,
}

/// A command's answer on its way.
pub(crate) struct Decided {
    pub(crate) asker: Asker,
    pub(crate) answer: Answer,
    pub(crate) news: News,
}

/// Who asked the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    Connection(ConnId),
    /// Which, and its turn.
    Buyer(usize, u64),
    /// Of somebody who wants a wallet, which.
    Page(usize),
    Sweeper,
    /// The operator's own commands.
    Operator,
}

/// What happens inside the coordinator.
#[derive(Debug)]
pub(crate) enum HouseEvent {
    /// The writer looks at its queue.
    Commit,
    /// What it decided is reported.
    Committed,
    /// A connection's question is answered.
    Answered {
        conn: ConnId,
        answer: Answer,
    },
    /// A connection asked to be looked at.
    Look {
        conn: ConnId,
        token: u64,
    },
    /// A connection has waited long enough for its seat.
    Seat {
        conn: ConnId,
    },
    /// All connections are told that there may be work.
    Wake,
    Sweep,
    /// The next step of paying.
    Pay,
    /// The process ends, whether or not all connections have.
    End,
}

/// One connection.
pub(crate) struct Serving {
    pub(crate) session: Session,
    inbox: VecDeque<Letter>,
    pub(crate) pushes: VecDeque<Push>,
    pub(crate) is_woken: bool,
    pub(crate) end: Option<RefusedCode>,
    pub(crate) is_asking: bool,
    /// Whose seat it waits for.
    pub(crate) waits_for: Option<ConnId>,
    held_kib: u32,
    pub(crate) look: u64,
    /// Leases that were found for it after its welcome and that it has not said yet.
    owed: BTreeSet<Hash>,
    /// When a piece of a body was last asked for, or came.
    body_moved: Ms,
}

enum Letter {
    /// With the state that it found.
    Frame(Vec<u8>, HouseState),
    Closed,
}

impl Serving {
    fn new(session: Session) -> Self {
        Self {
            session,
            inbox: VecDeque::new(),
            pushes: VecDeque::new(),
            is_woken: false,
            end: None,
            is_asking: false,
            waits_for: None,
            held_kib: 0,
            look: 0,
            owed: BTreeSet::new(),
            body_moved: 0,
        }
    }

    /// How far it is, for the table.
    pub(crate) fn state(&self) -> HouseState {
        match self.session.stage() {
            Stage::Hello => HouseState::Hello,
            Stage::Proof => HouseState::Proof,
            Stage::Seat => HouseState::Seat,
            Stage::Opening => HouseState::Opening,
            Stage::Ended => HouseState::Gone,
            Stage::Serving if self.is_asking => HouseState::Asking,
            Stage::Serving if self.session.memory_kib() > 0 => HouseState::Receiving,
            Stage::Serving => HouseState::Serving,
        }
    }
}

impl Process {
    pub(crate) fn new(store: Store, reader: Reader) -> Self {
        Self {
            store,
            reader: Some(reader),
            sessions: BTreeMap::new(),
            seats: BTreeMap::new(),
            commands: VecDeque::new(),
            committing: None,
            is_waking: false,
            stopping: None,
            payer: Payer::default(),
        }
    }

    fn used_kib(&self) -> u32 {
        self.sessions.values().map(|serving| serving.held_kib).sum()
    }
}

impl World {
    /// The coordinator's clock.
    pub(crate) fn house_wall(&self) -> Timestamp {
        self.wall(self.house.clock_step_ms)
    }

    pub(crate) fn house_now(&self) -> Now {
        Now { monotonic_ms: self.queue.now(), wall: self.house_wall() }
    }

    /// Whether the coordinator is there for workers, buyers and pages.
    pub(crate) fn is_serving(&self) -> bool {
        let is_closed = self.pay.as_ref().is_some_and(|pay| pay.is_closed());
        !is_closed && self.house.process.as_ref().is_some_and(|process| process.stopping.is_none())
    }

    pub(crate) fn serving(&mut self, conn: ConnId) -> Option<&mut Serving> {
        self.house.process.as_mut()?.sessions.get_mut(&conn)
    }

    /// Something arrives at the coordinator's machine.
    pub(crate) fn house_receives(&mut self, conn: ConnId, parcel: Parcel) {
        let is_up = self.is_serving();
        match parcel {
            Parcel::Open if is_up => {
                let challenge = Challenge(bytes(&mut self.rng));
                let session = Session::new(self.house.shared.clone(), challenge, self.house_now());
                if let Some(process) = &mut self.house.process {
                    process.sessions.insert(conn, Serving::new(session));
                }
                self.net.send(&mut self.queue, conn, Side::Worker, Parcel::Open);
                self.pump(conn);
            }
            _ if self.house.is_dark => {}
            // Nobody listens here: the machine says so.
            Parcel::Open => self.net.send(&mut self.queue, conn, Side::Worker, Parcel::Close),
            Parcel::Frame(bytes) => match self.serving(conn) {
                Some(serving) => {
                    serving.inbox.push_back(Letter::Frame(bytes, serving.state()));
                    self.pump(conn);
                }
                None => {
                    self.mark(Mark::ToHouse(ToCoordinator::from_frame(&bytes).ok().as_ref(), HouseState::Gone));
                    self.net.send(&mut self.queue, conn, Side::Worker, Parcel::Close);
                }
            },
            Parcel::Close => {
                if let Some(serving) = self.serving(conn) {
                    serving.inbox.push_back(Letter::Closed);
                    self.pump(conn);
                }
            }
        }
    }

    pub(crate) fn house_event(&mut self, event: HouseEvent) {
        match event {
            HouseEvent::Commit => self.commit(),
            HouseEvent::Committed => self.committed(),
            HouseEvent::Answered { conn, answer } => self.answer(conn, answer),
            HouseEvent::Look { conn, token } => {
                if self.serving(conn).is_some_and(|serving| serving.look == token) {
                    self.pump(conn);
                }
            }
            HouseEvent::Seat { conn } => self.grant_seat(conn, None),
            HouseEvent::Wake => self.wake_all(),
            HouseEvent::Sweep => self.sweep(),
            HouseEvent::Pay => self.pay_goes_on(Who::House),
            HouseEvent::End => self.end_process(),
        }
    }

    /// Lets a connection go on for as long as there is something to do.
    pub(crate) fn pump(&mut self, conn: ConnId) {
        let era = self.house.era;
        while self.house.era == era && !self.has_failed() {
            let Some(serving) = self.serving(conn) else { return };
            match serving.session.poll_output() {
                Some(Output::Send(message)) => self.house_sends(conn, message),
                Some(Output::Ask(question)) => {
                    serving.is_asking = true;
                    self.asked(conn, question);
                }
                Some(Output::End(end)) => return self.house_ends(conn, end),
                None if serving.is_asking => return,
                None => {
                    if let Some(offer) = serving.owed.first() {
                        let what = format!("{offer} is open and was not told after the welcome");
                        return self.check(Err(broken("leases are told again", what)));
                    }
                    if !self.feed_next(conn) {
                        self.look_for_stalls(conn);
                        return self.look_again(conn);
                    }
                }
            }
        }
    }

    /// Feeds one of the inputs that are there; which one comes first is chance. Whether there was one.
    fn feed_next(&mut self, conn: ConnId) -> bool {
        let now = self.house_now();
        let Some(process) = &mut self.house.process else { return false };
        let Some(serving) = process.sessions.get_mut(&conn) else { return false };
        let is_due = serving.session.wakes_at().is_some_and(|at| at <= now.monotonic_ms);
        let is_seated = matches!(serving.session.stage(), Stage::Opening | Stage::Serving);
        let ready = [
            serving.end.is_some(),
            is_seated && !serving.pushes.is_empty(),
            is_seated && serving.is_woken,
            !serving.inbox.is_empty(),
            is_due,
        ];
        let ready: Vec<usize> = (0..).zip(ready).filter(|(_, is_ready)| *is_ready).map(|(which, _)| which).collect();
        let Some(which) = pick(&mut self.rng, &ready) else { return false };
        match which {
            0 => {
                let code = serving.end.take().unwrap_or(RefusedCode::Stopping);
                serving.session.handle(Input::End(code), now);
            }
            1 => serving.session.handle(Input::Pushes(serving.pushes.drain(..).collect()), now),
            2 => {
                serving.is_woken = false;
                serving.session.handle(Input::Wake, now);
            }
            3 => match serving.inbox.pop_front() {
                Some(Letter::Frame(bytes, state)) => self.house_reads(conn, &bytes, state),
                _ => serving.session.handle(Input::Closed, now),
            },
            _ => serving.session.handle(Input::Tick, now),
        }
        self.shrink_memory(conn);
        true
    }

    fn house_reads(&mut self, conn: ConnId, bytes: &[u8], state: HouseState) {
        let now = self.house_now();
        let Some(serving) = self.serving(conn) else { return };
        let worker = serving.session.worker();
        if bytes.len() > TRANSPORT_FRAME_BYTES_MAX {
            return serving.session.handle(Input::Broken, now);
        }
        let message = ToCoordinator::from_frame(bytes);
        serving.session.handle(Input::Frame(bytes), now);
        if let Ok(ToCoordinator::BodyChunk { .. }) = &message {
            serving.body_moved = now.monotonic_ms;
        }
        self.mix.bytes(bytes);
        let message = message.ok();
        self.mark(Mark::ToHouse(message.as_ref(), state));
        if let (Some(message), Some(worker)) = (&message, worker) {
            self.model.house_got(worker, message);
        }
    }

    /// A body that does not move gives its memory back.
    fn look_for_stalls(&mut self, conn: ConnId) {
        let now = self.queue.now();
        let Some(serving) = self.serving(conn) else { return };
        let (held_kib, still_ms) = (serving.session.memory_kib(), now - serving.body_moved);
        if held_kib > 0 && still_ms > BODY_STILL_MS_MAX {
            let what = format!("{held_kib} KiB are held for a body that has not moved for {still_ms} ms");
            self.check(Err(broken("a stalled body ends", what)));
        }
    }

    fn shrink_memory(&mut self, conn: ConnId) {
        if let Some(serving) = self.serving(conn) {
            serving.held_kib = serving.held_kib.min(serving.session.memory_kib());
        }
    }

    fn look_again(&mut self, conn: ConnId) {
        let era = self.house.era;
        let Some(serving) = self.serving(conn) else { return };
        serving.look += 1;
        let token = serving.look;
        if let Some(at) = serving.session.wakes_at() {
            let event = Event::House { era, event: HouseEvent::Look { conn, token } };
            self.queue.at(at, event);
        }
    }

    fn house_sends(&mut self, conn: ConnId, message: ToWorker) {
        if self.dies_before_an_output() {
            return;
        }
        let now = self.house_now();
        if self.net.backlog_ms(self.queue.now(), conn, Side::Worker) > SEND_MS_MAX {
            if let Some(serving) = self.serving(conn) {
                serving.session.handle(Input::Closed, now);
            }
            return;
        }
        let worker = self.serving(conn).and_then(|serving| serving.session.worker());
        if let Some(worker) = worker {
            let checked = self.model.house_sent(conn, worker, &message, now.wall);
            self.check(checked);
        }
        match (&message, self.serving(conn)) {
            (ToWorker::Assign { offer, .. }, Some(serving)) => drop(serving.owed.remove(&Hash::of(offer))),
            // Of what was stopped meanwhile it is told that it is taken back.
            (ToWorker::Withdraw { offer, .. }, Some(serving)) => drop(serving.owed.remove(offer)),
            (ToWorker::BodyWanted { .. }, Some(serving)) => serving.body_moved = now.monotonic_ms,
            _ => {}
        }
        self.mix.number(conn);
        self.net.send(&mut self.queue, conn, Side::Worker, Parcel::Frame(message.to_frame()));
    }

    /// Whether a kill falls right here, before something leaves the process.
    pub(crate) fn dies_before_an_output(&mut self) -> bool {
        let Some((left, down_ms)) = &mut self.house.kill_after else { return false };
        let down_ms = *down_ms;
        match left.checked_sub(1) {
            Some(fewer) => {
                *left = fewer;
                false
            }
            None => {
                self.kill_house(false, down_ms);
                true
            }
        }
    }

    fn house_ends(&mut self, conn: ConnId, end: End) {
        if let End::Fault(fault) = end {
            tracing::error!(fault, "a connection broke an invariant");
        }
        let worker = self.serving(conn).and_then(|serving| serving.session.worker());
        if let Some(code) = end.last_word() {
            let message = ToWorker::Bye { code };
            if let Some(worker) = worker {
                let checked = self.model.house_sent(conn, worker, &message, self.house_wall());
                self.check(checked);
            }
            self.net.send(&mut self.queue, conn, Side::Worker, Parcel::Frame(message.to_frame()));
        }
        self.net.close(&mut self.queue, conn, Side::House, false);
        let Some(process) = &mut self.house.process else { return };
        process.sessions.remove(&conn);
        process.seats.retain(|_, seated| *seated != conn);
        let waiting = process.sessions.iter().find(|(_, serving)| serving.waits_for == Some(conn)).map(|(id, _)| *id);
        if let Some(waiting) = waiting {
            self.grant_seat(waiting, Some(conn));
        }
        let is_empty = self.house.process.as_ref().is_some_and(|p| p.sessions.is_empty() && p.stopping.is_some());
        if is_empty {
            self.queue_house(0, HouseEvent::End);
        }
    }

    fn asked(&mut self, conn: ConnId, question: Question) {
        match question {
            Question::Seat(worker) => self.take_seat(conn, worker),
            Question::Claim(claim) => {
                let nonces = (0..claim.nonces()).map(|_| Nonce(bytes(&mut self.rng))).collect();
                self.ask_writer(claim.command(nonces), Asker::Connection(conn));
            }
            Question::OpenTicket { worker, purpose } => {
                let request = Request::Open { worker, purpose, ticket: Ticket(bytes(&mut self.rng)) };
                self.ask_writer(Command::Wallet(Box::new(request)), Asker::Connection(conn));
            }
            Question::Command(command) => self.ask_writer(command, Asker::Connection(conn)),
            Question::Read(query) => self.read_later(conn, query),
            Question::MemoryKib(kib) => {
                let room = self.plan.bodies_kib;
                let Some(process) = &mut self.house.process else { return };
                let is_given = process.used_kib() + kib <= room;
                if let (true, Some(serving)) = (is_given, process.sessions.get_mut(&conn)) {
                    serving.held_kib += kib;
                }
                self.feed_answer(conn, if is_given { Answer::Yes } else { Answer::No });
            }
        }
    }

    /// The answer to a connection's question, while it is being let go on.
    pub(crate) fn feed_answer(&mut self, conn: ConnId, answer: Answer) {
        let now = self.house_now();
        let Some(serving) = self.serving(conn) else { return };
        serving.is_asking = false;
        serving.session.handle(Input::Answer(answer), now);
        self.shrink_memory(conn);
    }

    pub(crate) fn answer(&mut self, conn: ConnId, answer: Answer) {
        if let (Answer::Found(Found::OpenLeases(leases)), Some(serving)) = (&answer, self.serving(conn)) {
            serving.owed = leases.iter().map(|lease| Hash::of(&lease.offer)).collect();
        }
        if self.serving(conn).is_some_and(|serving| serving.is_asking) {
            self.feed_answer(conn, answer);
            self.pump(conn);
        }
    }

    pub(crate) fn queue_house(&mut self, after_ms: Ms, event: HouseEvent) {
        let event = Event::House { era: self.house.era, event };
        self.queue.after(after_ms, event);
    }
}
