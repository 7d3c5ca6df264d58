//! The connection: dialling, shaking hands, heartbeat, back-off.
//!
//! A coordinator that breaks the protocol (an unreadable frame, a message that does not belong there,
//! a verdict it did not sign, a gap in their numbers) is left and dialled again after a back-off: it
//! may have been a fault of the moment, and a reconnect makes both sides start from what is durable.

use lull_protocol::cose::Signed;
use lull_protocol::handshake::{self, CoordinatorHello, HandshakeError, WorkerHello};
use lull_protocol::limits::{
    CLOCK_SKEW_MS_MAX, HANDSHAKE_MS_MAX, HEARTBEAT_MS, SILENCE_MS_MAX, VERDICTS_IN_FLIGHT_MAX, VERSIONS,
};
use lull_protocol::message::{Message, RefusedCode};
use lull_protocol::statement::OperatorCard;
use lull_protocol::units::Challenge;
use lull_protocol::{Filter, Hash, PublicKey, TaskSet, Timestamp, ToCoordinator, ToWorker, WarningSet};
use lull_view::{LinkProblem, Notice};

use crate::clock::Clock;
use crate::records::{AccountRecord, Key, StoppedRecord};
use crate::storage::After;
use crate::{Coordinator, Effect, Worker, limits};

/// The connection's state and how often it failed in a row.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) phase: Phase,
    attempts: u32,
}

/// Where the connection stands.
#[derive(Debug)]
pub(crate) enum Phase {
    /// No connection, and none was tried since work was switched on.
    Down,
    /// Trying again later.
    Waiting { until: Timestamp, reason: LinkProblem },
    /// The socket is opening.
    Dialling { since: Timestamp },
    /// Our hello is sent.
    Greeting { since: Timestamp, hello: WorkerHello },
    /// Our proof is sent.
    Proving { since: Timestamp },
    /// Work flows.
    Ready(Ready),
    /// Until the person says so: another key than the pinned one answered, or ours connected elsewhere.
    Stopped { found: Option<PublicKey> },
}

/// A connection at work.
#[derive(Debug)]
pub(crate) struct Ready {
    since: Timestamp,
    heard: Timestamp,
    pinged: Timestamp,
    /// What the last proof or ping told.
    told: Told,
    /// The last `Want`; `None` if it must be said again.
    pub(crate) wanted: Option<Wanted>,
}

/// What a `Want` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) fetch: u8,
    pub(crate) judgment: u8,
    pub(crate) tasks: TaskSet,
    pub(crate) filter: Filter,
    pub(crate) warnings: WarningSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    verdicts_seen: u64,
    day_start: Timestamp,
}

/// A full-jitter back-off (Brooker, "Exponential Backoff And Jitter", 2015): anything from nothing to
/// a bound that doubles with each attempt.
pub(crate) fn backoff_ms(rng: &mut fastrand::Rng, attempts: u32) -> u64 {
    let bound = limits::BACKOFF_BASE_MS.saturating_mul(1 << attempts.min(20));
    rng.u64(0..=bound.min(limits::BACKOFF_MS_MAX))
}

/// The first 16 digits of a fingerprint in groups of four, as [`PublicKey::short`] gives them.
fn short(fingerprint: &Hash) -> String {
    let hex = fingerprint.to_string();
    let groups: Vec<&str> = (0..4).filter_map(|i| hex.get(4 * i..4 * i + 4)).collect();
    groups.join(" ")
}

impl Link {
    pub(crate) fn new(stopped: Option<StoppedRecord>) -> Self {
        let phase = stopped.map_or(Phase::Down, |s| Phase::Stopped { found: s.found });
        Self { phase, attempts: 0 }
    }

    fn has_socket(&self) -> bool {
        !matches!(self.phase, Phase::Down | Phase::Waiting { .. } | Phase::Stopped { .. })
    }

    /// When the connection needs a look.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Down | Phase::Stopped { .. } => None,
            Phase::Waiting { until, .. } => Some(*until),
            Phase::Dialling { since } => Some(since.plus(limits::CONNECT_MS_MAX)),
            Phase::Greeting { since, .. } | Phase::Proving { since } => Some(since.plus(HANDSHAKE_MS_MAX)),
            Phase::Ready(r) => Some(r.pinged.plus(HEARTBEAT_MS).min(r.heard.plus(SILENCE_MS_MAX))),
        }
    }
}

impl Phase {
    /// A clock that was set back must not make anything last longer.
    fn hold_to(&mut self, now: Timestamp) {
        match self {
            Self::Down | Self::Stopped { .. } => {}
            Self::Waiting { until, .. } => *until = (*until).min(now.plus(limits::BACKOFF_MS_MAX)),
            Self::Dialling { since } | Self::Greeting { since, .. } | Self::Proving { since } => {
                *since = (*since).min(now);
            }
            Self::Ready(r) => {
                r.since = r.since.min(now);
                r.heard = r.heard.min(now);
                r.pinged = r.pinged.min(now);
            }
        }
    }
}

impl Worker {
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.link.phase, Phase::Ready(_))
    }

    /// Sends a message if the connection is ready; else what it says is said again after a reconnect.
    pub(crate) fn send(&mut self, message: &ToCoordinator) {
        if self.is_ready() {
            let frame = message.to_frame();
            self.count_upload(frame.len());
            self.effects.push_back(Effect::Send(frame));
        }
    }

    /// What is due: dial, give up, ping, or close when nothing is switched on.
    pub(crate) fn tick_link(&mut self, now: Timestamp) {
        self.link.phase.hold_to(now);
        if !self.may_connect() {
            if self.link.has_socket() {
                self.effects.push_back(Effect::Disconnect);
            }
            if !matches!(self.link.phase, Phase::Stopped { .. }) {
                self.link.phase = Phase::Down;
            }
            return;
        }
        match &self.link.phase {
            Phase::Down => self.dial(now),
            Phase::Waiting { until, .. } if now >= *until => self.dial(now),
            Phase::Dialling { since } if now.since(*since) >= limits::CONNECT_MS_MAX => {
                self.leave(LinkProblem::Unreachable, now);
            }
            Phase::Greeting { since, .. } | Phase::Proving { since } if now.since(*since) >= HANDSHAKE_MS_MAX => {
                self.leave(LinkProblem::Handshake, now);
            }
            Phase::Ready(ready) if now.since(ready.heard) >= SILENCE_MS_MAX => self.leave(LinkProblem::Lost, now),
            Phase::Ready(_) => self.ping_if_due(now),
            _ => {}
        }
    }

    fn dial(&mut self, now: Timestamp) {
        self.link.phase = Phase::Dialling { since: now };
        self.effects.push_back(Effect::Connect { url: self.config.trust.url().to_owned() });
    }

    /// The person does not want to wait.
    pub(crate) fn connect_now(&mut self, now: Timestamp) {
        if matches!(self.link.phase, Phase::Stopped { .. }) {
            self.link.phase = Phase::Down;
            self.drop_notice(|notice| matches!(notice, Notice::OtherKey { .. }));
            self.persist([Key::Stopped], After::Nothing);
        }
        if matches!(self.link.phase, Phase::Down | Phase::Waiting { .. }) && self.may_connect() {
            self.dial(now);
        }
    }

    /// Closes the socket and tries again after a back-off.
    pub(crate) fn leave(&mut self, reason: LinkProblem, now: Timestamp) {
        self.effects.push_back(Effect::Disconnect);
        self.wait(reason, now);
    }

    fn wait(&mut self, reason: LinkProblem, now: Timestamp) {
        if let Phase::Ready(ready) = &self.link.phase
            && now.since(ready.since) >= limits::LIVED_MS_MIN
        {
            self.link.attempts = 0;
        }
        let until = now.plus(backoff_ms(&mut self.rng, self.link.attempts));
        self.link.attempts = self.link.attempts.saturating_add(1);
        self.link.phase = Phase::Waiting { until, reason };
    }

    fn stop(&mut self, found: Option<PublicKey>) {
        self.effects.push_back(Effect::Disconnect);
        self.link.phase = Phase::Stopped { found };
        self.persist([Key::Stopped], After::Nothing);
        self.notice_other_key();
    }

    /// Tells the person that another key answered.
    pub(crate) fn notice_other_key(&mut self) {
        if let Phase::Stopped { found: Some(found) } = &self.link.phase {
            let pinned = short(self.config.trust.fingerprint());
            let notice = Notice::OtherKey { pinned, found: found.short() };
            self.notice(notice);
        }
    }

    pub(crate) fn socket_opened(&mut self, challenge: Challenge, now: Timestamp) {
        if !matches!(self.link.phase, Phase::Dialling { .. }) {
            // It opened after it was given up.
            if !self.link.has_socket() {
                self.effects.push_back(Effect::Disconnect);
            }
            return;
        }
        let origin = self.config.trust.origin().to_owned();
        let hello = WorkerHello { versions: VERSIONS, worker: self.me, challenge, origin: origin.clone() };
        let message = ToCoordinator::Hello { versions: VERSIONS, worker: self.me, challenge, origin };
        self.effects.push_back(Effect::Send(message.to_frame()));
        self.link.phase = Phase::Greeting { since: now, hello };
    }

    pub(crate) fn socket_closed(&mut self, now: Timestamp) {
        match self.link.phase {
            Phase::Dialling { .. } => self.wait(LinkProblem::Unreachable, now),
            Phase::Greeting { .. } | Phase::Proving { .. } | Phase::Ready(_) => self.wait(LinkProblem::Lost, now),
            Phase::Down | Phase::Waiting { .. } | Phase::Stopped { .. } => {}
        }
    }

    pub(crate) fn frame(&mut self, bytes: &[u8], now: Timestamp) {
        if !self.link.has_socket() || matches!(self.link.phase, Phase::Dialling { .. }) {
            return;
        }
        let message = match ToWorker::from_frame(bytes) {
            Ok(ToWorker::Bye { code }) => return self.bye(code, now),
            Ok(message) => message,
            Err(_) => return self.broken(now),
        };
        match (&mut self.link.phase, message) {
            (Phase::Ready(ready), message) => {
                ready.heard = now;
                self.message(message, now);
            }
            (Phase::Greeting { .. }, ToWorker::Hello { version, coordinator, challenge, proof, card }) => {
                let theirs = CoordinatorHello { version, coordinator, challenge, proof: &proof, card: &card };
                self.greeted(&theirs, now);
            }
            (Phase::Proving { .. }, ToWorker::Welcome { now: coordinator_now }) => self.welcome(coordinator_now, now),
            _ => self.broken(now),
        }
    }

    /// The coordinator broke the protocol.
    fn broken(&mut self, now: Timestamp) {
        let reason = if self.is_ready() { LinkProblem::Lost } else { LinkProblem::Handshake };
        self.leave(reason, now);
    }

    /// Before the handshake is done anybody could have said it: then each is a back-off only.
    fn bye(&mut self, code: RefusedCode, now: Timestamp) {
        match code {
            // Two browsers with one key must not push each other out for ever.
            RefusedCode::Replaced if self.is_ready() => self.stop(None),
            RefusedCode::Stopping | RefusedCode::Unavailable | RefusedCode::Busy => {
                self.leave(LinkProblem::Stopping, now);
            }
            RefusedCode::Version => self.leave(LinkProblem::Version, now),
            RefusedCode::Succeeded => self.leave(LinkProblem::Succeeded, now),
            _ => self.broken(now),
        }
    }

    fn greeted(&mut self, theirs: &CoordinatorHello<'_>, now: Timestamp) {
        let Phase::Greeting { hello, .. } = &self.link.phase else { return };
        match handshake::confirm(hello.clone(), theirs, self.config.trust.fingerprint(), &self.key) {
            Ok((proof, card)) => {
                self.learn_coordinator(theirs.coordinator, card);
                let told = self.to_tell(now);
                let statement = proof.bytes().to_vec().into();
                let message =
                    ToCoordinator::Proof { statement, verdicts_seen: told.verdicts_seen, day_start: told.day_start };
                self.effects.push_back(Effect::Send(message.to_frame()));
                self.link.phase = Phase::Proving { since: now };
            }
            Err(HandshakeError::OtherKey { found, .. }) => self.stop(Some(found)),
            Err(HandshakeError::Version) => self.leave(LinkProblem::Version, now),
            Err(_) => self.leave(LinkProblem::Handshake, now),
        }
    }

    fn learn_coordinator(&mut self, key: PublicKey, card: Signed<OperatorCard>) {
        let ahead_ms_stored = self.coordinator.as_ref().map_or(0, |c| c.ahead_ms_stored);
        let known = self.coordinator.as_ref().is_some_and(|c| c.key == key && c.card == card);
        self.coordinator = Some(Coordinator { key, card, ahead_ms_stored });
        if !known {
            self.changed();
            self.persist([Key::Coordinator], After::Nothing);
        }
    }

    fn welcome(&mut self, coordinator_now: Timestamp, now: Timestamp) {
        let told = self.to_tell(now);
        self.learn_clock(coordinator_now, now);
        // As the coordinator takes it before it hears anything; of nothing the types don't matter.
        let (tasks, filter) = (self.wanted_tasks(), self.filter());
        let nothing = Wanted { fetch: 0, judgment: 0, tasks, filter, warnings: WarningSet::NONE };
        let ready = Ready { since: now, heard: now, pinged: now, told, wanted: Some(nothing) };
        self.link.phase = Phase::Ready(ready);
        self.forget_what_was_sent(now);
        self.tell_what_ran_out();
        // The day was told on a clock that may have been wrong.
        self.ping_if_due(now);
    }

    fn learn_clock(&mut self, coordinator_now: Timestamp, now: Timestamp) {
        self.clock = Clock::learn(now, coordinator_now);
        let ahead_ms = self.clock.ahead_ms;
        if let Some(coordinator) = &mut self.coordinator
            && coordinator.ahead_ms_stored.abs_diff(ahead_ms) > limits::CLOCK_DRIFT_MS_MAX
        {
            let was_far_off = coordinator.ahead_ms_stored.unsigned_abs() > CLOCK_SKEW_MS_MAX;
            coordinator.ahead_ms_stored = ahead_ms;
            self.persist([Key::Coordinator], After::Nothing);
            self.changed();
            let is_far_off = ahead_ms.unsigned_abs() > CLOCK_SKEW_MS_MAX;
            if was_far_off || is_far_off {
                self.drop_notice(|notice| matches!(notice, Notice::Clock { .. }));
            }
            if is_far_off {
                self.notice(Notice::Clock { ahead_ms });
            }
        }
    }

    fn to_tell(&self, now: Timestamp) -> Told {
        let day_start = self.coordinator_now(self.day_start(now));
        Told { verdicts_seen: self.receipts.seen, day_start }
    }

    /// When the person's day began (own clock); until the shell tells, the day of UTC.
    pub(crate) fn day_start(&self, now: Timestamp) -> Timestamp {
        let utc = now.minus(now.get() % 86_400_000);
        self.surroundings.map_or(utc, |s| s.day_start)
    }

    /// The heartbeat; early if the day changed or many verdicts wait to be confirmed.
    fn ping_if_due(&mut self, now: Timestamp) {
        let tell = self.to_tell(now);
        let Phase::Ready(ready) = &mut self.link.phase else { return };
        let unconfirmed = tell.verdicts_seen.saturating_sub(ready.told.verdicts_seen);
        let day_moved_ms = tell.day_start.get().abs_diff(ready.told.day_start.get());
        let due = now.since(ready.pinged) >= HEARTBEAT_MS
            || unconfirmed >= VERDICTS_IN_FLIGHT_MAX as u64 / 2
            || day_moved_ms > limits::CLOCK_DRIFT_MS_MAX;
        if due {
            ready.pinged = now;
            ready.told = tell;
            self.send(&ToCoordinator::Ping { day_start: tell.day_start, verdicts_seen: tell.verdicts_seen });
        }
    }

    fn message(&mut self, message: ToWorker, now: Timestamp) {
        match message {
            ToWorker::Assign { offer, item, extension, pace, record, skips_left } => {
                let extension = extension.as_ref().map(|bytes| bytes.as_slice());
                self.assigned((&offer, &item), extension, (pace, record), now);
                if let Some(left) = skips_left {
                    self.skips_left_with(&offer, left, now);
                }
            }
            ToWorker::Extended { statement } => self.extended(&statement),
            ToWorker::SkipsLeft { order, left } => self.skips_left(order, left, now),
            ToWorker::BodyWanted { offer, offset, bytes } => self.body_wanted(&offer, offset, bytes),
            ToWorker::Ack { offer, result } => self.acknowledged(&offer, &result),
            ToWorker::Verdict { number, statement } => self.verdict(number, &statement, now),
            ToWorker::Rejected { statement } => self.rejected(&statement, now),
            ToWorker::Appealed { rejection } => self.appealed(&rejection),
            ToWorker::Reversal { receipt } => self.reversal_told(&receipt, now),
            ToWorker::Account { earned, pending, payable, earned_today, day_start, reversed } => {
                self.account = AccountRecord { earned, pending, payable, earned_today, day_start, reversed };
                self.persist_lazily(Key::Account);
                self.changed();
            }
            ToWorker::Withdraw { offer, reason } => self.withdrawn(&offer, reason, now),
            ToWorker::BlobChunk { hash, total, offset, bytes } => self.blob_piece(&hash, total, offset, &bytes, now),
            ToWorker::Refused { about: Some(about), code } => self.refused(&about, code, now),
            // Nothing here can be taken back by it; the code was for the log of whoever sent a bad frame.
            ToWorker::Refused { about: None, .. } => {}
            ToWorker::Ticket { ticket, purpose, expires_at } => self.ticket_told(ticket, purpose, expires_at, now),
            ToWorker::Wallet(state) => self.wallet_told(*state),
            ToWorker::WalletBrowsers { browsers } => self.wallet_browsers_told(browsers),
            ToWorker::WalletRefused { about, why } => self.wallet_refused(about, why),
            ToWorker::Payouts(payouts) => self.payouts_told(*payouts),
            ToWorker::PayoutsBefore { number, payouts, has_older } => {
                self.older_payouts_told(number, payouts, has_older);
            }
            ToWorker::Pong { now: coordinator_now } => self.learn_clock(coordinator_now, now),
            ToWorker::Hello { .. } | ToWorker::Welcome { .. } | ToWorker::Bye { .. } => self.broken(now),
        }
    }
}
