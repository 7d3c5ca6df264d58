//! Carries out the machine's effects: a socket, a clock, records in memory.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use futures_util::{SinkExt, StreamExt};
use lull_protocol::limits::{FRAME_BYTES_MAX, SUBPROTOCOL};
use lull_protocol::trust::TrustRoot;
use lull_protocol::units::Challenge;
use lull_protocol::{SigningKey, Timestamp};
use lull_view::{Command, View};
use lull_worker::{Config, Effect, Event, Surroundings, Worker, Write};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A key from the operating system's randomness.
pub fn fresh_key() -> SigningKey {
    SigningKey::from_seed(&zeroize::Zeroizing::new(rand::random()))
}

/// What drives a worker: looks at its view, gives commands.
pub trait Shell {
    /// Called whenever the view changed; the commands are given at once.
    fn look(&mut self, view: &View) -> Vec<Command>;
}

/// One native worker.
pub struct NativeWorker<S> {
    worker: Worker,
    shell: S,
    records: BTreeMap<String, Vec<u8>>,
    socket: Option<Socket>,
    wake_at: Option<Timestamp>,
}

/// A socket that is being dialled reports here.
type Dialled = mpsc::UnboundedSender<Option<Socket>>;

impl<S: Shell> NativeWorker<S> {
    /// A worker with what an earlier one has left, e.g. nothing.
    pub fn new(trust: TrustRoot, key: SigningKey, records: BTreeMap<String, Vec<u8>>, shell: S) -> Self {
        let stored = records.clone().into_iter().collect();
        let worker = Worker::new(Config { trust }, key, rand::random(), stored);
        Self { worker, shell, records, socket: None, wake_at: None }
    }

    /// Runs until `stop` says so; gives back the records.
    pub async fn run(mut self, mut stop: tokio::sync::watch::Receiver<bool>) -> Result<BTreeMap<String, Vec<u8>>> {
        let (dialled, mut dials) = mpsc::unbounded_channel();
        self.feed(
            Event::Surroundings(Surroundings { day_start: day_start(now()), ..Surroundings::default() }),
            &dialled,
        )
        .await;
        loop {
            let sleep = self.wake_at.map_or(60_000, |at| at.since(now()));
            tokio::select! {
                _ = stop.changed() => return Ok(self.records),
                Some(socket) = dials.recv() => {
                    let event = if socket.is_some() {
                        Event::SocketOpened { challenge: Challenge(rand::random()) }
                    } else {
                        Event::SocketClosed
                    };
                    self.socket = socket;
                    self.feed(event, &dialled).await;
                }
                frame = next_frame(&mut self.socket) => {
                    let event = match frame {
                        Some(bytes) => Event::Frame(bytes.to_vec()),
                        None => { self.socket = None; Event::SocketClosed }
                    };
                    self.feed(event, &dialled).await;
                }
                () = tokio::time::sleep(Duration::from_millis(sleep)) => {
                    self.wake_at = None;
                    self.feed(Event::Tick, &dialled).await;
                }
            }
        }
    }

    async fn feed(&mut self, event: Event, dialled: &Dialled) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            self.worker.handle(event, now());
            while let Some(effect) = self.worker.poll_effect() {
                self.carry_out(effect, dialled, &mut events).await;
            }
        }
    }

    async fn carry_out(&mut self, effect: Effect, dialled: &Dialled, events: &mut Vec<Event>) {
        match effect {
            Effect::Connect { url } => {
                let dialled = dialled.clone();
                tokio::spawn(async move {
                    // The receiver is gone only when the worker has stopped.
                    let _ = dialled.send(dial(&url).await.ok());
                });
            }
            Effect::Disconnect => self.socket = None,
            Effect::Send(bytes) => {
                let sent = match &mut self.socket {
                    Some(socket) => socket.send(Message::Binary(Bytes::from(bytes))).await.is_ok(),
                    None => false,
                };
                if !sent && self.socket.take().is_some() {
                    events.insert(0, Event::SocketClosed);
                }
            }
            Effect::Persist { batch, writes } => {
                writes.into_iter().for_each(|write| self.write(write));
                events.insert(0, Event::Persisted { batch });
            }
            Effect::WakeAt(at) => self.wake_at = Some(at),
            Effect::ViewChanged => {
                let commands = self.shell.look(&self.worker.view(now()));
                events.splice(0..0, commands.into_iter().map(Event::Command).rev());
            }
            Effect::Fetch { .. }
            | Effect::ReadBody { .. }
            | Effect::AbortFetch { .. }
            | Effect::ReleasePermission
            | Effect::Badge { .. } => {}
        }
    }

    fn write(&mut self, write: Write) {
        match write.value {
            Some(value) => self.records.insert(write.key, value),
            None => self.records.remove(&write.key),
        };
    }
}

async fn next_frame(socket: &mut Option<Socket>) -> Option<Bytes> {
    let Some(open) = socket else { return std::future::pending().await };
    loop {
        match open.next().await {
            Some(Ok(Message::Binary(bytes))) => return Some(bytes),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            _ => return None,
        }
    }
}

async fn dial(url: &str) -> Result<Socket> {
    let mut request = url.into_client_request()?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
    let config = WebSocketConfig::default().max_message_size(Some(FRAME_BYTES_MAX));
    let (socket, _) = tokio_tungstenite::connect_async_with_config(request, Some(config), true).await?;
    Ok(socket)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::ZERO.plus(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Midnight UTC: a native worker has no person with a time zone.
fn day_start(now: Timestamp) -> Timestamp {
    now.minus(now.get() % 86_400_000)
}
