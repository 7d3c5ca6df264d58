//! Ten thousand workers on one thread: real keys, real handshakes, sockets that are only read and written.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as Blocking};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use lull_protocol::handshake::{self, CoordinatorHello, WorkerHello};
use lull_protocol::limits::{HEARTBEAT_MS, SUBPROTOCOL, VERSIONS};
use lull_protocol::message::Message as _;
use lull_protocol::units::Challenge;
use lull_protocol::{Hash, SigningKey, Timestamp, ToCoordinator, ToWorker};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client::client_with_config};
use zeroize::Zeroizing;

use crate::frames::{self, Seen};

/// Threads that do handshakes.
const DIALLERS: usize = 4;
/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the coordinator is, and who.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) fingerprint: Hash,
}

/// One connected worker.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) key: SigningKey,
    stream: TcpStream,
    /// The beginning of a frame whose rest has not come.
    rest: Vec<u8>,
}

/// All of them.
pub(crate) struct Swarm {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    began: Instant,
    /// Heartbeats sent so far, one worker after the other.
    beats: usize,
    pub(crate) peers: Vec<Peer>,
}

impl Swarm {
    /// Nobody yet.
    pub(crate) fn new() -> Result<Self> {
        let (poll, events) = (Poll::new()?, Events::with_capacity(1_024));
        let buffer = vec![0; 64 * 1024];
        Ok(Self { poll, events, buffer, began: Instant::now(), beats: 0, peers: Vec::new() })
    }

    /// Connects more workers until there are so many; each has its Welcome and its account.
    pub(crate) fn grow(&mut self, target: Target, count: usize) -> Result<()> {
        let numbers: Vec<usize> = (self.peers.len()..count).collect();
        let dial = |part: &[usize]| part.iter().map(|number| connect(target, *number)).collect::<Result<Vec<_>>>();
        let connected = std::thread::scope(|scope| {
            let parts = numbers.chunks(numbers.len().div_ceil(DIALLERS).max(1));
            let threads: Vec<_> = parts.map(|part| scope.spawn(move || dial(part))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a dialler does not panic")).collect::<Vec<_>>()
        });
        for part in connected {
            for (key, stream) in part? {
                stream.set_nonblocking(true)?;
                self.add(key, TcpStream::from_std(stream))?;
            }
        }
        Ok(())
    }

    /// A socket without a handshake, for peers that know none.
    pub(crate) fn add_bare(&mut self, address: SocketAddr) -> Result<()> {
        let stream = Blocking::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        self.add(worker_key(self.peers.len()), TcpStream::from_std(stream))
    }

    fn add(&mut self, key: SigningKey, mut stream: TcpStream) -> Result<()> {
        self.poll.registry().register(&mut stream, Token(self.peers.len()), Interest::READABLE)?;
        self.peers.push(Peer { key, stream, rest: Vec::new() });
        Ok(())
    }

    /// Writes at once what must fit into the socket's buffer.
    pub(crate) fn send(&mut self, peer: usize, bytes: &[u8]) -> Result<()> {
        let peer = self.peers.get_mut(peer).context("a peer of this swarm")?;
        peer.stream.write_all(bytes).context("the coordinator does not read")
    }

    /// Waits at most so long for anything to come; gives each socket's bytes to `take`, which says how many
    /// it has used.
    pub(crate) fn receive(
        &mut self,
        wait: Duration,
        mut take: impl FnMut(usize, &[u8]) -> Result<usize>,
    ) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for event in &self.events {
            let Token(number) = event.token();
            let Some(peer) = self.peers.get_mut(number) else { continue };
            read_all(peer, &mut self.buffer, |bytes| take(number, bytes))
                .with_context(|| format!("worker {number}"))?;
        }
        Ok(())
    }

    /// Waits at most so long; adds what was seen.
    pub(crate) fn look(&mut self, wait: Duration, seen: &mut Vec<(usize, Seen)>) -> Result<()> {
        self.beat()?;
        self.receive(wait, |peer, bytes| {
            let mut used = 0;
            while let Some((payload, len)) = frames::server_frame(bytes.get(used..).unwrap_or_default())? {
                seen.push((peer, frames::seen(payload)?));
                used += len;
            }
            Ok(used)
        })
    }

    /// Every worker shows every [`HEARTBEAT_MS`] that it is there, as a real one does.
    fn beat(&mut self) -> Result<()> {
        let turns = self.began.elapsed().as_secs_f64() * 1_000.0 / HEARTBEAT_MS as f64;
        let due = (turns * self.peers.len() as f64) as usize;
        if self.beats < due {
            let ping = frames::client_frame(&ping());
            for beat in self.beats.max(due.saturating_sub(self.peers.len()))..due {
                self.send(beat % self.peers.len(), &ping)?;
            }
            self.beats = due;
        }
        Ok(())
    }

    /// A heartbeat of everyone, and everything that was on its way until its answer.
    pub(crate) fn heartbeat(&mut self) -> Result<Vec<(usize, Seen)>> {
        let ping = frames::client_frame(&ping());
        let (mut all, mut pongs) = (Vec::new(), 0);
        // In parts, so that the coordinator isn't stormed.
        for first in (0..self.peers.len()).step_by(256) {
            let last = (first + 256).min(self.peers.len());
            (first..last).try_for_each(|peer| self.send(peer, &ping))?;
            let begun = Instant::now();
            while pongs < last {
                let mut seen = Vec::new();
                self.look(Duration::from_millis(100), &mut seen)?;
                pongs += seen.iter().filter(|(_, seen)| *seen == Seen::Pong).count();
                all.extend(seen.into_iter().filter(|(_, seen)| *seen != Seen::Pong));
                if begun.elapsed() > PATIENCE {
                    bail!("a heartbeat was not answered in {PATIENCE:?}");
                }
            }
        }
        Ok(all)
    }
}

/// A heartbeat.
pub(crate) fn ping() -> ToCoordinator {
    ToCoordinator::Ping { day_start: Timestamp::ZERO, verdicts_seen: u64::MAX >> 11 }
}

/// The clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::ZERO.plus(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Reads until there is no more for the moment.
fn read_all(peer: &mut Peer, buffer: &mut [u8], mut take: impl FnMut(&[u8]) -> Result<usize>) -> Result<()> {
    loop {
        let len = match peer.stream.read(buffer) {
            Ok(0) => bail!("the coordinator closed the connection"),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        let fresh = buffer.get(..len).unwrap_or_default();
        if peer.rest.is_empty() {
            let used = take(fresh)?;
            peer.rest.extend_from_slice(fresh.get(used..).unwrap_or_default());
        } else {
            peer.rest.extend_from_slice(fresh);
            let used = take(&peer.rest)?;
            peer.rest.drain(..used);
        }
        // A read that filled less than the buffer took all there was; epoll tells of what comes later.
        if len < buffer.len() {
            return Ok(());
        }
    }
}

/// A key of its own for each number.
pub(crate) fn worker_key(number: usize) -> SigningKey {
    let seed = Hash::of(&(number as u64).to_be_bytes());
    SigningKey::from_seed(&Zeroizing::new(seed.0))
}

type Socket = WebSocket<Blocking>;

fn connect(target: Target, number: usize) -> Result<(SigningKey, Blocking)> {
    let key = worker_key(number);
    let connected = handshake(target, &key).with_context(|| format!("worker {number}: handshake"));
    // Nothing is on its way after the account, so nothing is lost with the socket's buffer.
    connected.map(|socket| (key, into_stream(socket)))
}

fn handshake(target: Target, key: &SigningKey) -> Result<Socket> {
    let stream = Blocking::connect(target.address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut request = format!("ws://{}/v1/worker", target.address).into_client_request()?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
    let config = WebSocketConfig::default().read_buffer_size(4_096).write_buffer_size(0);
    let (mut socket, _) = client_with_config(request, stream, Some(config)).map_err(io::Error::other)?;
    let (worker, challenge) = (key.public(), Challenge(Hash::of(&key.public().0).0));
    let mine = WorkerHello { versions: VERSIONS, worker, challenge, origin: format!("ws://{}", target.address) };
    let WorkerHello { versions, worker, challenge, origin } = mine.clone();
    send(&mut socket, &ToCoordinator::Hello { versions, worker, challenge, origin })?;
    let ToWorker::Hello { version, coordinator, challenge, proof, card } = next(&mut socket)? else {
        bail!("no hello came back");
    };
    let theirs = CoordinatorHello { version, coordinator, challenge, proof: &proof, card: &card };
    let (proof, _) = handshake::confirm(mine, &theirs, &target.fingerprint, key)?;
    let statement = proof.bytes().to_vec().into();
    send(&mut socket, &ToCoordinator::Proof { statement, verdicts_seen: 0, day_start: Timestamp::ZERO })?;
    match (next(&mut socket)?, next(&mut socket)?) {
        (ToWorker::Welcome { .. }, ToWorker::Account { .. }) => Ok(socket),
        others => bail!("no welcome and account, but {others:?}"),
    }
}

fn send(socket: &mut Socket, message: &ToCoordinator) -> Result<()> {
    Ok(socket.send(Message::Binary(message.to_frame().into()))?)
}

fn next(socket: &mut Socket) -> Result<ToWorker> {
    match socket.read()? {
        Message::Binary(bytes) => Ok(ToWorker::from_frame(&bytes)?),
        other => bail!("not a message: {other:?}"),
    }
}

fn into_stream(socket: Socket) -> Blocking {
    socket.into_inner()
}
