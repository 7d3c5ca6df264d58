//! One worker's connection: moves bytes between its socket, the machine that has the rules
//! ([`lull_market::session`]), and the tasks that answer its questions.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::{IntoResponse, Response};
use lull_market::Command;
use lull_market::connect::Request;
use lull_market::session::{Answer, Claim, Counts, End, Input, Now, Output, Query, Question, Session};
use lull_protocol::limits::SUBPROTOCOL;
use lull_protocol::message::RefusedCode;
use lull_protocol::units::{Challenge, Nonce, Ticket};
use lull_protocol::{PublicKey, ToWorker};
use lull_store::{Reader, StoreError};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};

use crate::App;
use crate::folder::random_bytes;
use crate::hub::Seat;
use crate::limits::{READ_BUFFER_BYTES, REPLACE_MS_MAX, WRITE_BUFFER_BYTES};
use crate::problem::Problem;
use crate::wire::{TRANSPORT_FRAME_BYTES_MAX, Wire};
use crate::writer::{AskError, now};

/// `GET /v1/worker`: the socket of [`SUBPROTOCOL`].
pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.protocols([SUBPROTOCOL]),
        Err(error) => return Problem::bad_request(error.body_text()).into_response(),
    };
    if upgrade.selected_protocol().is_none() {
        return Problem::bad_request("the WebSocket subprotocol lull.v1 is required").into_response();
    }
    let Ok(place) = app.connections.clone().try_acquire_owned() else {
        return Problem::unavailable("too many connections").into_response();
    };
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(TRANSPORT_FRAME_BYTES_MAX)
        .max_message_size(TRANSPORT_FRAME_BYTES_MAX)
        .max_frame_size(TRANSPORT_FRAME_BYTES_MAX)
        // In boxes, or the task would have room for both several times: as what is handed over and as what runs.
        .on_upgrade(|socket| {
            let mut wire = Box::new(Wire(socket));
            Box::pin(async move {
                serve(&app, &mut wire).await;
                drop(place);
            })
        })
}

async fn serve(app: &App, wire: &mut Wire) {
    let Ok(challenge) = random_bytes() else {
        tracing::error!("the operating system gives no randomness");
        Box::pin(wire.bye(End::Bye(RefusedCode::Unavailable))).await;
        return Box::pin(wire.close()).await;
    };
    let mut shell = Shell { app, began: Instant::now(), seat: None, memory: None };
    let mut session = Session::new(app.house.clone(), Challenge(*challenge), shell.now());
    let end = shell.run(&mut session, wire).await;
    let number = shell.number();
    if let End::Fault(fault) = end {
        tracing::error!(number, fault, "a connection broke an invariant");
    }
    if number.is_some() {
        let Counts { results, verdicts, refused } = session.counts();
        tracing::info!(number, ?end, results, verdicts, refused, "worker left");
    } else {
        tracing::info!(?end, "handshake failed");
    }
    // In boxes: an idle connection has no room for how it ends.
    Box::pin(wire.bye(end)).await;
    // The seat is free for the next connection while this one still closes.
    drop(shell);
    Box::pin(wire.close()).await;
}

/// What a connection holds outside of its machine.
struct Shell<'a> {
    app: &'a App,
    began: Instant,
    seat: Option<Seat>,
    memory: Option<OwnedSemaphorePermit>,
}

impl Shell<'_> {
    fn now(&self) -> Now {
        let monotonic_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { monotonic_ms, wall: now() }
    }

    async fn run(&mut self, session: &mut Session, wire: &mut Wire) -> End {
        let mut alarm = pin!(sleep_until(self.began));
        loop {
            if let Some(end) = self.carry_out(session, wire).await {
                return end;
            }
            // What has come meanwhile is taken first: one flush sends all the answers.
            if let Some(input) = self.seat.as_mut().and_then(Seat::waiting) {
                self.feed(session, input);
                continue;
            }
            if let Some(received) = wire.waiting() {
                self.feed(session, received.input());
                continue;
            }
            if !wire.flush().await {
                self.feed(session, Input::Closed);
                continue;
            }
            // An alarm that comes too early does no harm; setting it for each message would cost.
            let wakes_at = session.wakes_at().map(|ms| self.began + Duration::from_millis(ms));
            if let Some(at) = wakes_at.filter(|at| alarm.is_elapsed() || *at < alarm.deadline()) {
                alarm.as_mut().reset(at);
            }
            tokio::select! {
                input = next(&mut self.seat) => self.feed(session, input),
                received = wire.receive() => self.feed(session, received.input()),
                () = alarm.as_mut(), if wakes_at.is_some() => self.feed(session, Input::Tick),
            }
        }
    }

    fn feed(&mut self, session: &mut Session, input: Input<'_>) {
        session.handle(input, self.now());
        self.shrink_memory(session.memory_kib());
    }

    /// Does all that the machine has to say now.
    async fn carry_out(&mut self, session: &mut Session, wire: &mut Wire) -> Option<End> {
        while let Some(output) = session.poll_output() {
            match output {
                Output::Send(message) => {
                    if let ToWorker::Refused { code, .. } = &message {
                        tracing::debug!(number = self.number(), ?code, "refused");
                    }
                    if !wire.feed(&message).await {
                        self.feed(session, Input::Closed);
                    }
                }
                Output::Ask(question) => {
                    if !wire.flush().await {
                        self.feed(session, Input::Closed);
                        continue;
                    }
                    // In a box: an idle connection has no room for what its questions need.
                    let answer = Box::pin(self.answer(question)).await;
                    self.feed(session, Input::Answer(answer));
                }
                Output::End(end) => return Some(end),
            }
        }
        None
    }

    async fn answer(&mut self, question: Question) -> Answer {
        match question {
            Question::Seat(worker) => self.take_seat(worker).await,
            Question::Claim(claim) => match nonces(&claim) {
                Some(nonces) => self.command(claim.command(nonces)).await,
                None => Answer::Unavailable,
            },
            Question::OpenTicket { worker, purpose } => match random_bytes() {
                Ok(secret) => {
                    let request = Request::Open { worker, purpose, ticket: Ticket(*secret) };
                    self.command(Command::Wallet(Box::new(request))).await
                }
                Err(_) => Answer::Unavailable,
            },
            Question::Command(command) => self.command(command).await,
            Question::Read(query) => self.read(query).await,
            Question::MemoryKib(kib) => self.grow_memory(kib),
        }
    }

    async fn take_seat(&mut self, worker: PublicKey) -> Answer {
        let Some((seat, older)) = self.app.hub.join(worker) else { return Answer::No };
        let number = seat.number;
        self.seat = Some(seat);
        if let Some(older) = older {
            // What the older connection still commits must be visible before this one reads its leases.
            let waited = timeout(Duration::from_millis(REPLACE_MS_MAX), older.gone()).await;
            tracing::info!(number, in_time = waited.is_ok(), "replaces an older connection");
        }
        tracing::info!(number, connected = self.app.hub.count(), "worker connected");
        Answer::Yes
    }

    async fn command(&self, command: Command) -> Answer {
        match self.app.writer.ask(command).await {
            Ok(reply) => Answer::Reply(reply),
            Err(AskError::Refused(refusal)) => Answer::Refused(refusal),
            Err(AskError::Unavailable) => Answer::Unavailable,
        }
    }

    async fn read(&self, query: Query) -> Answer {
        match self.app.readers.read(move |reader| Ok((reader.answer(&query)?, ahead(reader, &query)?))).await {
            Ok((_, Some(seen))) => {
                tracing::warn!(
                    number = self.number(),
                    seen,
                    "a worker holds verdicts that this database has not: was an older backup restored? \
                     Restore the newest; without one, begin anew with another folder, which has another key"
                );
                Answer::Unavailable
            }
            Ok((found, None)) => Answer::Found(found),
            Err(error) => {
                tracing::error!(%error, number = self.number(), "reading the store failed");
                Answer::Unavailable
            }
        }
    }

    fn grow_memory(&mut self, kib: u32) -> Answer {
        let Ok(more) = self.app.bodies_memory.clone().try_acquire_many_owned(kib) else { return Answer::No };
        match &mut self.memory {
            Some(memory) => memory.merge(more),
            None => self.memory = Some(more),
        }
        Answer::Yes
    }

    fn shrink_memory(&mut self, kib: u32) {
        let Some(memory) = &mut self.memory else { return };
        let excess = memory.num_permits().saturating_sub(usize::try_from(kib).unwrap_or(usize::MAX));
        drop(memory.split(excess));
    }

    fn number(&self) -> Option<u64> {
        self.seat.as_ref().map(|seat| seat.number)
    }
}

/// What the hub has for a connection, once it has its seat.
async fn next(seat: &mut Option<Seat>) -> Input<'static> {
    match seat {
        Some(seat) => seat.next().await,
        None => pending().await,
    }
}

fn nonces(claim: &Claim) -> Option<Vec<Nonce>> {
    (0..claim.nonces()).map(|_| random_bytes().ok().map(|bytes| Nonce(*bytes))).collect()
}

/// The number of a verdict that a worker says it has, if the store is not that far: then numbers would be given
/// a second time.
fn ahead(reader: &Reader, query: &Query) -> Result<Option<u64>, StoreError> {
    let Query::VerdictsAfter { worker, number, .. } = query else { return Ok(None) };
    let is_ahead = *number > 0 && reader.last_verdict(worker)? < *number;
    Ok(is_ahead.then_some(*number))
}
