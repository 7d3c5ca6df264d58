//! One worker's connection, from its first frame to its end, as a machine without I/O, clock or randomness.
//!
//! [`Session::handle`] takes what happened, [`Session::poll_output`] says what to do, [`Session::wakes_at`]
//! when to look again. At most one [`Question`] is open at a time; until its answer comes the machine takes
//! nothing else from the peer, so a peer that sends faster than the store commits is slowed down by its own
//! socket. The handshake is here, serving in `work`, results and their bodies in `results`, wallets in
//! `wallet`.
//!
//! A connection holds nothing that the store doesn't: when it is gone, the next one goes on. What a commit
//! means for other connections is in [`News`].

mod io;
pub mod limits;
mod news;
mod out;
mod pace;
mod results;
mod upload;
mod wallet;
mod work;

use std::sync::Arc;

use lull_protocol::ToCoordinator;
use lull_protocol::cbor::CborError;
use lull_protocol::handshake::{self, HandshakeError, WorkerHello};
use lull_protocol::limits::HANDSHAKE_MS_MAX;
use lull_protocol::message::{Message as _, RefusedCode};
use lull_protocol::statement::Transcript;
use lull_protocol::units::Challenge;
use lull_protocol::{PublicKey, ToWorker};

pub use io::*;
pub use news::News;

use out::{Admitted, Asked, Out, Step};
use work::Work;

/// One connection.
#[derive(Debug)]
pub struct Session {
    house: Arc<House>,
    began_ms: u64,
    state: State,
    out: Out,
}

#[derive(Debug)]
enum State {
    Hello(Challenge),
    Proof(Transcript),
    Seat,
    Work(Box<Work>),
}

impl Session {
    /// A connection whose transport is open; 32 fresh random bytes for the handshake.
    pub fn new(house: Arc<House>, challenge: Challenge, now: Now) -> Self {
        Self { house, began_ms: now.monotonic_ms, state: State::Hello(challenge), out: Out::default() }
    }

    /// Takes what happened. After the end everything is ignored.
    pub fn handle(&mut self, input: Input<'_>, now: Now) {
        match input {
            Input::Closed => self.out.end(End::Lost),
            Input::Broken => self.out.end(End::Broken),
            Input::End(code) => self.out.bye(code),
            _ if self.out.has_ended() => return,
            Input::Answer(answer) => match self.out.take_asked() {
                Some(asked) => self.answered(asked, answer, now),
                None => self.out.end(End::Fault("an answer to no question")),
            },
            Input::Tick => self.tick(now),
            _ if self.out.asked().is_some() => self.out.end(End::Fault("an input while a question is open")),
            Input::Text => self.out.bye(RefusedCode::Malformed),
            Input::Sign => self.received(None, now),
            Input::Frame(bytes) => match ToCoordinator::from_frame(bytes) {
                Ok(message) => self.received(Some(message), now),
                Err(CborError::TooLong { .. }) => self.out.bye(RefusedCode::TooLarge),
                Err(_) => self.out.bye(RefusedCode::Malformed),
            },
            Input::Pushes(pushes) => match &mut self.state {
                State::Work(work) => work.pushed(&mut Step { out: &mut self.out, now }, pushes),
                _ => self.out.end(End::Fault("a push before the seat was given")),
            },
            Input::Wake => match &mut self.state {
                State::Work(work) => work.woken(),
                _ => self.out.end(End::Fault("a wake before the seat was given")),
            },
        }
        if let State::Work(work) = &mut self.state {
            work.settle(&mut Step { out: &mut self.out, now });
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.poll()
    }

    /// When to feed [`Input::Tick`] at the latest, by the monotonic clock; `None` while a question is open
    /// and after the end.
    pub fn wakes_at(&self) -> Option<u64> {
        if self.out.has_ended() || self.out.asked().is_some() {
            return None;
        }
        match &self.state {
            State::Hello(_) | State::Proof(_) => Some(self.handshake_ends_ms()),
            State::Seat => None,
            State::Work(work) => Some(work.wakes_at()),
        }
    }

    /// How much memory for bodies it holds, KiB: what it was given beyond that is free again.
    pub fn memory_kib(&self) -> u32 {
        let State::Work(work) = &self.state else { return 0 };
        let submitting = match self.out.asked() {
            Some(Asked::Submit { kib, .. }) => *kib,
            _ => 0,
        };
        if self.out.has_ended() { 0 } else { work.memory_kib() + submitting }
    }

    /// How far it is.
    pub fn stage(&self) -> Stage {
        match &self.state {
            _ if self.out.has_ended() => Stage::Ended,
            State::Hello(_) => Stage::Hello,
            State::Proof(_) => Stage::Proof,
            State::Seat => Stage::Seat,
            State::Work(work) if work.is_opening() => Stage::Opening,
            State::Work(_) => Stage::Serving,
        }
    }

    /// Whose connection it is, once the worker has proved it.
    pub fn worker(&self) -> Option<PublicKey> {
        match (&self.state, self.out.asked()) {
            (State::Work(work), _) => Some(work.worker()),
            (_, Some(Asked::Seat(admitted))) => Some(admitted.worker),
            _ => None,
        }
    }

    /// What went over it so far.
    pub fn counts(&self) -> Counts {
        self.out.counts()
    }

    fn handshake_ends_ms(&self) -> u64 {
        self.began_ms.saturating_add(HANDSHAKE_MS_MAX)
    }

    fn tick(&mut self, now: Now) {
        if self.wakes_at().is_none_or(|at| now.monotonic_ms < at) {
            return;
        }
        match &mut self.state {
            State::Work(work) => work.tick(&mut Step { out: &mut self.out, now }),
            _ => self.out.end(End::Lost),
        }
    }

    fn received(&mut self, message: Option<ToCoordinator>, now: Now) {
        match (&mut self.state, message) {
            (State::Work(work), message) => work.received(&mut Step { out: &mut self.out, now }, message),
            (_, None) => {}
            (State::Hello(challenge), Some(ToCoordinator::Hello { versions, worker, challenge: theirs, origin })) => {
                let challenge = *challenge;
                self.hello(WorkerHello { versions, worker, challenge: theirs, origin }, challenge);
            }
            (State::Proof(transcript), Some(ToCoordinator::Proof { statement, verdicts_seen, day_start })) => {
                match handshake::admit(transcript, &statement) {
                    Ok(()) => {
                        let worker = transcript.worker;
                        self.state = State::Seat;
                        let admitted = Admitted { worker, verdicts_seen, day_start };
                        self.out.ask(Question::Seat(worker), Asked::Seat(admitted));
                    }
                    Err(error) => self.out.bye(handshake_code(&error)),
                }
            }
            (State::Hello(_) | State::Proof(_) | State::Seat, Some(_)) => self.out.bye(RefusedCode::Unexpected),
        }
    }

    fn hello(&mut self, hello: WorkerHello, challenge: Challenge) {
        let House { key, card, origins, .. } = &*self.house;
        let origin = origins.iter().find(|o| **o == hello.origin).or(origins.first()).cloned().unwrap_or_default();
        match handshake::answer(hello, &origin, challenge, key) {
            Ok((transcript, proof)) => {
                self.out.send(ToWorker::Hello {
                    version: transcript.version,
                    coordinator: key.public(),
                    challenge,
                    proof: proof.bytes().to_vec().into(),
                    card: card.clone().into(),
                });
                self.state = State::Proof(transcript);
            }
            Err(error) => self.out.bye(handshake_code(&error)),
        }
    }

    fn answered(&mut self, asked: Asked, answer: Answer, now: Now) {
        let mut step = Step { out: &mut self.out, now };
        match (&mut self.state, asked) {
            (State::Work(work), asked) => work.answered(&mut step, asked, answer),
            (_, Asked::Seat(admitted)) => match answer {
                Answer::Yes => self.state = State::Work(Box::new(Work::begin(&mut step, admitted, self.house.chain))),
                Answer::No => step.out.bye(RefusedCode::Stopping),
                _ => step.out.bye(RefusedCode::Unavailable),
            },
            _ => step.out.end(End::Fault("an answer in a state that asks nothing")),
        }
    }
}

fn handshake_code(error: &HandshakeError) -> RefusedCode {
    match error {
        HandshakeError::Version => RefusedCode::Version,
        _ => RefusedCode::Proof,
    }
}
