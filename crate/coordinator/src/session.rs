//! One worker's connection: the handshake, then messages until one side ends it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use lull_market::{Command, Lease, NumberedVerdict, Refusal, Reply, verdict};
use lull_protocol::cose::{self, Signed};
use lull_protocol::handshake::{self, HandshakeError, WorkerHello};
use lull_protocol::limits::{
    AMOUNT_MAX, BODY_BYTES_MAX, CHUNK_BYTES_MAX, FETCH_LEASES_MAX, HANDSHAKE_MS_MAX, JUDGMENT_LEASES_MAX,
    SILENCE_MS_MAX, SUBPROTOCOL, VERDICTS_IN_FLIGHT_MAX, VERDICTS_RESENT_MAX,
};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::{JobClass, Offer, Report, WorkResult};
use lull_protocol::units::{Challenge, Nonce};
use lull_protocol::{ByteCount, Hash, PublicKey, Timestamp, ToCoordinator, ToWorker};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};

use crate::App;
use crate::folder::random_bytes;
use crate::hub::{Older, Push, Seat, ended};
use crate::limits::{CLAIM_MS_MIN, REPLACE_MS_MAX, UPLOAD_MS_MAX, UPLOAD_STALL_MS_MAX, UPLOADS_MAX};
use crate::pace::Pace;
use crate::problem::Problem;
use crate::upload::{Progress, Upload};
use crate::wire::{End, TRANSPORT_FRAME_BYTES_MAX, Wire};
use crate::writer::{AskError, now};

/// `GET /v1/worker`: the socket of [`SUBPROTOCOL`].
pub(crate) async fn upgrade(State(app): State<Arc<App>>, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Problem::bad_request("the WebSocket subprotocol lull.v1 is required").into_response();
    }
    let Ok(place) = app.connections.clone().try_acquire_owned() else {
        return Problem::unavailable("too many connections").into_response();
    };
    upgrade
        .read_buffer_size(4_096)
        .write_buffer_size(0)
        .max_write_buffer_size(TRANSPORT_FRAME_BYTES_MAX)
        .max_message_size(TRANSPORT_FRAME_BYTES_MAX)
        .max_frame_size(TRANSPORT_FRAME_BYTES_MAX)
        .on_upgrade(|socket| async move {
            serve(&app, socket).await;
            drop(place);
        })
}

async fn serve(app: &App, socket: WebSocket) {
    let mut wire = Wire(socket);
    let admitted = timeout(Duration::from_millis(HANDSHAKE_MS_MAX), admit(app, &mut wire)).await;
    let end = match admitted.unwrap_or(Err(End::Lost)) {
        Ok(admitted) => match app.hub.join(admitted.worker) {
            Some((seat, older)) => return work(app, wire, admitted, seat, older).await,
            None => End::Bye(RefusedCode::Stopping),
        },
        Err(end) => end,
    };
    tracing::info!(?end, "handshake failed");
    wire.bye(end).await;
    wire.close().await;
}

async fn work(app: &App, wire: Wire, admitted: Admitted, seat: Seat, older: Option<Older>) {
    let number = seat.number;
    if let Some(older) = older {
        // What the older connection still commits must be visible before this one reads its leases.
        let waited = timeout(Duration::from_millis(REPLACE_MS_MAX), older.gone()).await;
        tracing::info!(number, in_time = waited.is_ok(), "replaces an older connection");
    }
    tracing::info!(number, connected = app.hub.count(), "worker connected");
    let mut session = Session::new(app, wire, seat, admitted);
    let end = match session.run().await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    let (results, verdicts, refused) = (session.results, session.verdicts, session.refused);
    tracing::info!(number, ?end, results, verdicts, refused, "worker left");
    let Session { mut wire, seat, .. } = session;
    wire.bye(end).await;
    // The seat is free for the next connection while this one still closes.
    drop(seat);
    wire.close().await;
}

/// What the handshake established.
struct Admitted {
    worker: PublicKey,
    verdicts_seen: u64,
    day_start: Timestamp,
}

async fn admit(app: &App, wire: &mut Wire) -> Result<Admitted, End> {
    let hello = loop {
        match wire.receive().await? {
            Some(ToCoordinator::Hello { versions, worker, challenge, origin }) => {
                break WorkerHello { versions, worker, challenge, origin };
            }
            Some(_) => return Err(End::Bye(RefusedCode::Unexpected)),
            None => {}
        }
    };
    let challenge = Challenge(*random_bytes().map_err(|_| End::Bye(RefusedCode::Unavailable))?);
    let origin = app.origins.iter().find(|o| **o == hello.origin).or(app.origins.first()).cloned().unwrap_or_default();
    let (transcript, proof) = handshake::answer(hello, &origin, challenge, &app.key).map_err(refused_handshake)?;
    wire.send(&ToWorker::Hello {
        version: transcript.version,
        coordinator: app.key.public(),
        challenge,
        proof: proof.bytes().to_vec().into(),
        card: app.card.clone().into(),
    })
    .await?;
    loop {
        match wire.receive().await? {
            Some(ToCoordinator::Proof { statement, verdicts_seen, day_start }) => {
                handshake::admit(&transcript, &statement).map_err(refused_handshake)?;
                return Ok(Admitted { worker: transcript.worker, verdicts_seen, day_start });
            }
            Some(_) => return Err(End::Bye(RefusedCode::Unexpected)),
            None => {}
        }
    }
}

fn refused_handshake(error: HandshakeError) -> End {
    End::Bye(match error {
        HandshakeError::Version => RefusedCode::Version,
        _ => RefusedCode::Proof,
    })
}

/// A body under transfer with its statement and its share of the memory, which grows window by window.
struct Transfer {
    upload: Upload,
    statement: Vec<u8>,
    began: Instant,
    /// When the last whole chunk came.
    heard: Instant,
    memory: OwnedSemaphorePermit,
}

impl Transfer {
    /// When it is given up.
    fn ends_at(&self) -> Instant {
        let stalled = self.heard + Duration::from_millis(UPLOAD_STALL_MS_MAX);
        stalled.min(self.began + Duration::from_millis(UPLOAD_MS_MAX))
    }
}

struct Session<'a> {
    app: &'a App,
    wire: Wire,
    seat: Seat,
    worker: PublicKey,
    day_start: Timestamp,
    /// Places still free, per class, as far as the worker has said.
    want: (u8, u8),
    /// Per class: the store had nothing more for this worker, and has had nothing new since.
    dry: (bool, bool),
    /// Work is to be claimed, as soon as [`CLAIM_MS_MIN`] allows.
    claim_due: bool,
    claim_from: Instant,
    /// Leases it holds, as far as this connection has seen: the store counts them against what is wanted.
    held: BTreeMap<Hash, JobClass>,
    verdicts_sent: u64,
    verdicts_confirmed: u64,
    /// The store holds verdicts that were not sent on this connection.
    behind: bool,
    account_due: bool,
    transfers: BTreeMap<Hash, Transfer>,
    pace: Pace,
    began: Instant,
    heard: Instant,
    results: u64,
    verdicts: u64,
    refused: u64,
}

/// A session's work never ends well: it ends with an [`End`].
type Step<T = ()> = Result<T, End>;

impl<'a> Session<'a> {
    fn new(app: &'a App, wire: Wire, seat: Seat, admitted: Admitted) -> Self {
        let began = Instant::now();
        // Above the limit of a number there are no verdicts; the store need not be asked with such a one.
        let seen = admitted.verdicts_seen.min(AMOUNT_MAX);
        Self {
            app,
            wire,
            seat,
            worker: admitted.worker,
            day_start: admitted.day_start,
            want: (0, 0),
            dry: (false, false),
            claim_due: false,
            claim_from: began,
            held: BTreeMap::new(),
            verdicts_sent: seen,
            verdicts_confirmed: seen,
            behind: true,
            account_due: false,
            transfers: BTreeMap::new(),
            pace: Pace::new(0),
            began,
            heard: began,
            results: 0,
            verdicts: 0,
            refused: 0,
        }
    }

    async fn run(&mut self) -> Step<std::convert::Infallible> {
        self.open().await?;
        loop {
            if self.account_due && self.seat.pushes.is_empty() {
                self.send_account().await?;
            }
            let silent_at = self.heard + Duration::from_millis(SILENCE_MS_MAX);
            let stalled_at = self.stalled_at();
            tokio::select! {
                code = ended(&mut self.seat.end) => return Err(End::Bye(code)),
                Some(push) = self.seat.pushes.recv() => self.push(push).await?,
                () = self.seat.wake.notified() => {
                    self.dry = (false, false);
                    self.claim_due = true;
                }
                () = sleep_until(self.claim_from), if self.claim_due => self.serve_work().await?,
                received = self.wire.receive() => self.received(received?).await?,
                () = sleep_until(stalled_at.unwrap_or(silent_at)), if stalled_at.is_some() => self.drop_stalled().await?,
                () = sleep_until(silent_at) => return Err(End::Lost),
            }
        }
    }

    /// Welcome, the account, open leases again, unseen verdicts.
    async fn open(&mut self) -> Step {
        self.wire.send(&ToWorker::Welcome { now: now() }).await?;
        self.send_account().await?;
        let worker = self.worker;
        let leases = self.app.readers.read(move |r| r.open_leases(&worker, now())).await;
        let leases = leases.map_err(|e| self.unreadable(&e))?;
        for lease in leases {
            self.assign(lease).await?;
        }
        self.catch_up().await
    }

    async fn push(&mut self, push: Push) -> Step {
        match push {
            Push::Verdicts(verdicts) => {
                for verdict in verdicts {
                    if verdict.number == self.verdicts_sent + 1 && self.room() > 0 {
                        self.send_verdict(verdict).await?;
                    } else if verdict.number > self.verdicts_sent {
                        self.behind = true;
                    }
                }
                self.catch_up().await
            }
            Push::Withdraw(offer, reason) => {
                self.transfers.remove(&offer);
                self.held.remove(&offer);
                self.claim_due = true;
                self.wire.send(&ToWorker::Withdraw { offer, reason }).await
            }
            Push::Account => {
                self.account_due = true;
                Ok(())
            }
        }
    }

    async fn received(&mut self, message: Option<ToCoordinator>) -> Step {
        self.heard = Instant::now();
        let whole_chunk = match &message {
            Some(ToCoordinator::BodyChunk { offer, offset, bytes }) => {
                self.transfers.get(offer).is_some_and(|t| t.upload.is_next_whole(offset.get(), bytes.len()))
            }
            _ => false,
        };
        let now_ms = u64::try_from(self.heard.duration_since(self.began).as_millis()).unwrap_or(u64::MAX);
        if !whole_chunk && !self.pace.take(now_ms) {
            return Err(End::Bye(RefusedCode::Busy));
        }
        match message {
            None => Ok(()),
            Some(ToCoordinator::Want { fetch, judgment }) => {
                self.want = (fetch.min(FETCH_LEASES_MAX), judgment.min(JUDGMENT_LEASES_MAX));
                self.claim_due = true;
                Ok(())
            }
            Some(ToCoordinator::Result { statement }) => self.result(statement.into()).await,
            Some(ToCoordinator::BodyChunk { offer, offset, bytes }) => self.chunk(offer, offset, &bytes).await,
            Some(ToCoordinator::Return { offer, reason }) => self.give_back(offer, reason).await,
            Some(ToCoordinator::GetBlob { hash, offset }) => self.blob(hash, offset).await,
            Some(ToCoordinator::Ping { day_start, verdicts_seen }) => self.ping(day_start, verdicts_seen).await,
            Some(ToCoordinator::Hello { .. } | ToCoordinator::Proof { .. }) => {
                self.refuse(None, RefusedCode::Unexpected).await
            }
        }
    }

    async fn ping(&mut self, day_start: Timestamp, verdicts_seen: u64) -> Step {
        self.account_due |= day_start != self.day_start;
        self.day_start = day_start;
        self.verdicts_confirmed = verdicts_seen.clamp(self.verdicts_confirmed, self.verdicts_sent);
        self.wire.send(&ToWorker::Pong { now: now() }).await?;
        self.claim_due = true;
        self.catch_up().await
    }

    /// Leases what the worker has places for.
    async fn serve_work(&mut self) -> Step {
        self.claim_due = false;
        let held = |class| u8::try_from(self.held.values().filter(|c| **c == class).count()).unwrap_or(u8::MAX);
        let held = (held(JobClass::Fetch), held(JobClass::Judgment));
        let fetch = places(self.want.0, held.0, FETCH_LEASES_MAX, self.dry.0);
        let judgment = places(self.want.1, held.1, JUDGMENT_LEASES_MAX, self.dry.1);
        if fetch == 0 && judgment == 0 {
            return Ok(());
        }
        self.claim_from = Instant::now() + Duration::from_millis(CLAIM_MS_MIN);
        let nonces = (0..fetch + judgment).map(|_| random_bytes().map(|bytes| Nonce(*bytes)));
        let Ok(nonces) = nonces.collect() else {
            return self.refuse(None, RefusedCode::Unavailable).await;
        };
        let claim = Command::Claim { worker: self.worker, fetch, judgment, nonces };
        let leases = match self.app.writer.ask(claim).await {
            Ok(Reply::Leases(leases)) => leases,
            Ok(_) => Vec::new(),
            Err(error) => return self.refuse(None, code_of(error)).await,
        };
        self.dry = (self.dry.0 || fetch > 0, self.dry.1 || judgment > 0);
        for lease in leases {
            match self.assign(lease).await? {
                JobClass::Fetch => (self.want.0, self.dry.0) = (self.want.0.saturating_sub(1), false),
                JobClass::Judgment => (self.want.1, self.dry.1) = (self.want.1.saturating_sub(1), false),
            }
        }
        Ok(())
    }

    async fn assign(&mut self, lease: Lease) -> Step<JobClass> {
        let class = match cose::peek::<Offer>(&lease.offer) {
            Ok(offer) => offer.class,
            Err(error) => {
                tracing::error!(%error, "an offer of our own can't be read");
                return Err(End::Bye(RefusedCode::Unavailable));
            }
        };
        self.held.insert(Hash::of(&lease.offer), class);
        self.wire.send(&ToWorker::Assign { offer: lease.offer.into(), item: lease.item.into() }).await?;
        Ok(class)
    }

    async fn result(&mut self, statement: Vec<u8>) -> Step {
        let signed = match Signed::<WorkResult>::verify(&statement, &self.worker) {
            Ok(signed) => signed,
            Err(_) => {
                let about = cose::peek::<WorkResult>(&statement).ok().map(|result| result.offer);
                return self.refuse(about, RefusedCode::Signature).await;
            }
        };
        let result = signed.payload();
        let offer = result.offer;
        let (body_hash, body_bytes) = match &result.report {
            Report::Fetch(fetch) if fetch.outcome.is_paid() => (fetch.body_hash, fetch.body_bytes.get()),
            Report::Fetch(_) | Report::Choice(_) => {
                return self.submit(offer, statement, Vec::new()).await;
            }
        };
        if body_bytes > BODY_BYTES_MAX {
            return self.refuse(Some(offer), RefusedCode::TooLarge).await;
        }
        if self.transfers.contains_key(&offer) {
            return self.refuse(Some(offer), RefusedCode::Unexpected).await;
        }
        // Where no body belongs to the result, or nobody would pay for it, none is asked for: the market says
        // what is wrong, or that this result is stored already.
        let worker = self.worker;
        match self.app.readers.read(move |r| r.submit_facts(&offer)).await {
            Ok(Some(facts)) if verdict::takes_body(&facts, &worker, result, now()) => {
                self.begin_transfer(offer, statement, body_hash, body_bytes).await
            }
            Ok(_) => self.submit(offer, statement, Vec::new()).await,
            Err(error) => {
                tracing::error!(%error, "reading a lease failed");
                self.refuse(Some(offer), RefusedCode::Unavailable).await
            }
        }
    }

    async fn begin_transfer(&mut self, offer: Hash, statement: Vec<u8>, hash: Hash, bytes: u64) -> Step {
        let memory = self.app.bodies_memory.clone().try_acquire_many_owned(0);
        let Some(memory) = memory.ok().filter(|_| self.transfers.len() < UPLOADS_MAX) else {
            return self.refuse(Some(offer), RefusedCode::Busy).await;
        };
        let (upload, first) = Upload::new(hash, bytes);
        let began = Instant::now();
        self.transfers.insert(offer, Transfer { upload, statement, began, heard: began, memory });
        self.progress(offer, first).await
    }

    async fn chunk(&mut self, offer: Hash, offset: ByteCount, bytes: &[u8]) -> Step {
        let Some(transfer) = self.transfers.get_mut(&offer) else {
            return self.refuse(Some(offer), RefusedCode::BodyRange).await;
        };
        if transfer.upload.is_next_whole(offset.get(), bytes.len()) {
            transfer.heard = Instant::now();
        }
        match transfer.upload.take(offset.get(), bytes) {
            Ok(progress) => self.progress(offer, progress).await,
            Err(code) => {
                self.transfers.remove(&offer);
                self.refuse(Some(offer), code).await
            }
        }
    }

    async fn progress(&mut self, offer: Hash, progress: Progress) -> Step {
        match progress {
            Progress::Inside => Ok(()),
            Progress::Want(offset, bytes) => {
                let kib = u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX);
                let more = self.app.bodies_memory.clone().try_acquire_many_owned(kib);
                let (Some(transfer), Ok(more)) = (self.transfers.get_mut(&offer), more) else {
                    self.transfers.remove(&offer);
                    return self.refuse(Some(offer), RefusedCode::Busy).await;
                };
                transfer.memory.merge(more);
                const BOUNDED: &str = "inside a body of at most BODY_BYTES_MAX";
                let offset = ByteCount::new(offset).expect(BOUNDED);
                let bytes = ByteCount::new(bytes).expect(BOUNDED);
                self.wire.send(&ToWorker::BodyWanted { offer, offset, bytes }).await
            }
            Progress::Whole(body) => {
                let Some(Transfer { statement, memory, .. }) = self.transfers.remove(&offer) else {
                    return Ok(());
                };
                let submitted = self.submit(offer, statement, body).await;
                drop(memory);
                submitted
            }
        }
    }

    async fn submit(&mut self, offer: Hash, statement: Vec<u8>, body: Vec<u8>) -> Step {
        match self.app.writer.ask(Command::Submit { worker: self.worker, statement, body }).await {
            Ok(Reply::Stored { result, .. }) => {
                self.results += 1;
                self.held.remove(&offer);
                // The lease that has ended may leave a place that was asked for already.
                self.claim_due = true;
                self.wire.send(&ToWorker::Ack { offer, result }).await
            }
            Ok(_) => self.refuse(Some(offer), RefusedCode::Unavailable).await,
            Err(error) => self.refuse(Some(offer), code_of(error)).await,
        }
    }

    async fn give_back(&mut self, offer: Hash, reason: ReturnReason) -> Step {
        self.transfers.remove(&offer);
        match self.app.writer.ask(Command::Return { worker: self.worker, offer, reason }).await {
            Ok(_) => {
                // A worker that turned the item down still has the place it asked for; the writer wakes all
                // who wait for work, this connection too.
                let turned_down = matches!(reason, ReturnReason::Skipped | ReturnReason::Broken);
                match self.held.remove(&offer).filter(|_| turned_down) {
                    Some(JobClass::Fetch) => self.want.0 = (self.want.0 + 1).min(FETCH_LEASES_MAX),
                    Some(JobClass::Judgment) => self.want.1 = (self.want.1 + 1).min(JUDGMENT_LEASES_MAX),
                    None => {}
                }
                Ok(())
            }
            Err(error) => self.refuse(Some(offer), code_of(error)).await,
        }
    }

    async fn blob(&mut self, hash: Hash, offset: ByteCount) -> Step {
        let blob = match self.app.readers.read(move |r| r.blob(&hash)).await {
            Ok(Some((_, bytes))) => bytes,
            Ok(None) => return self.refuse(Some(hash), RefusedCode::UnknownBlob).await,
            Err(error) => {
                tracing::error!(%error, "reading a blob failed");
                return self.refuse(Some(hash), RefusedCode::Unavailable).await;
            }
        };
        let (total, start) = (size(&blob), usize::try_from(offset.get()).unwrap_or(usize::MAX));
        let Some(rest) = blob.get(start..).filter(|rest| !rest.is_empty()) else {
            return self.refuse(Some(hash), RefusedCode::BodyRange).await;
        };
        let mut offset = offset;
        for piece in rest.chunks(CHUNK_BYTES_MAX) {
            self.wire.send(&ToWorker::BlobChunk { hash, total, offset, bytes: piece.to_vec().into() }).await?;
            offset = offset.checked_add(size(piece)).unwrap_or(total);
        }
        Ok(())
    }

    /// Sends what the store holds beyond the last verdict sent, as far as the worker keeps up.
    async fn catch_up(&mut self) -> Step {
        while self.behind && self.room() > 0 {
            let (worker, after, limit) = (self.worker, self.verdicts_sent, self.room().min(VERDICTS_RESENT_MAX));
            let page = self.app.readers.read(move |r| r.verdicts_after(&worker, after, limit)).await;
            let page = page.map_err(|e| self.unreadable(&e))?;
            self.behind = page.len() == limit;
            for verdict in page {
                self.send_verdict(verdict).await?;
            }
        }
        Ok(())
    }

    /// How many verdicts may still be sent before the worker confirms some.
    fn room(&self) -> usize {
        let unconfirmed = usize::try_from(self.verdicts_sent - self.verdicts_confirmed).unwrap_or(usize::MAX);
        VERDICTS_IN_FLIGHT_MAX.saturating_sub(unconfirmed)
    }

    async fn send_verdict(&mut self, verdict: NumberedVerdict) -> Step {
        self.verdicts_sent = verdict.number;
        self.verdicts += 1;
        self.account_due = true;
        self.wire.send(&ToWorker::Verdict { number: verdict.number, statement: verdict.statement.into() }).await
    }

    async fn send_account(&mut self) -> Step {
        let (worker, day_start) = (self.worker, self.day_start);
        let account = self.app.readers.read(move |r| r.account(&worker, day_start)).await;
        let account = account.map_err(|e| self.unreadable(&e))?;
        self.account_due = false;
        self.wire
            .send(&ToWorker::Account {
                earned: account.earned,
                pending: account.pending,
                payable: account.payable,
                earned_today: account.earned_today,
                day_start,
            })
            .await
    }

    fn stalled_at(&self) -> Option<Instant> {
        self.transfers.values().map(Transfer::ends_at).min()
    }

    async fn drop_stalled(&mut self) -> Step {
        let now = Instant::now();
        let stalled: Vec<Hash> =
            self.transfers.iter().filter(|(_, t)| t.ends_at() <= now).map(|(offer, _)| *offer).collect();
        for offer in stalled {
            self.transfers.remove(&offer);
            self.refuse(Some(offer), RefusedCode::Busy).await?;
        }
        Ok(())
    }

    async fn refuse(&mut self, about: Option<Hash>, code: RefusedCode) -> Step {
        tracing::debug!(number = self.seat.number, ?code, "refused");
        self.refused += 1;
        if let Some(offer) = about.filter(|_| code.is_final()) {
            self.held.remove(&offer);
        }
        self.wire.send(&ToWorker::Refused { about, code }).await
    }

    /// Without its money, leases and verdicts a session can't go on; the worker comes back later.
    fn unreadable(&self, error: &crate::readers::ReadError) -> End {
        tracing::error!(%error, number = self.seat.number, "reading the store failed");
        End::Bye(RefusedCode::Unavailable)
    }
}

/// How many places to claim for a class, those that its leases hold included; 0 if no lease can come of it.
fn places(want: u8, held: u8, limit: u8, dry: bool) -> u8 {
    let places = want.saturating_add(held).min(limit);
    if dry || places <= held { 0 } else { places }
}

fn size(bytes: &[u8]) -> ByteCount {
    ByteCount::new(bytes.len() as u64).expect("memory is smaller than 2^53 bytes")
}

fn code_of(error: AskError) -> RefusedCode {
    match error {
        AskError::Refused(Refusal::Worker(code)) => code,
        AskError::Refused(_) | AskError::Unavailable => RefusedCode::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_is_asked_only_where_a_lease_can_come_of_it() {
        assert_eq!(places(1, 0, 2, false), 1);
        assert_eq!(places(1, 1, 2, false), 2, "held leases count against the wish");
        assert_eq!(places(255, 1, 2, false), 2);
        assert_eq!(places(1, 2, 2, false), 0, "all places are held");
        assert_eq!(places(0, 1, 2, false), 0, "nothing is wanted");
        assert_eq!(places(2, 0, 2, true), 0, "nothing is there");
    }
}
