//! Starting and stopping the server.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use lull_market::Command;
use lull_market::session::House;
use lull_protocol::cose::Signed;
use lull_protocol::{Hash, PublicKey};
use lull_store::{Checkpointer, Store, StoreError};
use serde::Serialize;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle as Task;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::App;
use crate::api::router;
use crate::config::Config;
use crate::connect::Failed;
use crate::folder::{Folder, FolderError};
use crate::hub::Hub;
use crate::limits::{BODIES_MEMORY_KIB_MAX, CONNECTIONS_MAX, SANCTIONS_MS, STOP_MS_MAX, SWEEP_MS};
use crate::listen;
use crate::pages::{Pages, PagesError};
use crate::pay::deposits::Till;
use crate::pay::{self, PayoutError};
use crate::readers::Readers;
use crate::sanctions::{List, ListError};
use crate::writer::{Writer, now};

/// Why the server did not start, or did not end well.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address to listen on.
    #[error("can't listen on {0}; is another program there? --listen names another address")]
    Listen(SocketAddr, #[source] io::Error),
    /// Settings of paying that the chain contradicts.
    #[error(transparent)]
    Payout(#[from] PayoutError),
    /// The pages for people.
    #[error(transparent)]
    Pages(#[from] PagesError),
    /// The sanctions list.
    #[error("the sanctions list {}: put it there, an address a line after `dated YYYY-MM-DD`", .0.display())]
    Sanctions(PathBuf, #[source] ListError),
    /// The operating system gives no thread.
    #[error("can't start the writer's thread")]
    Thread(#[source] io::Error),
    /// The writer did not end as it should.
    #[error("the writer thread panicked; the log says why")]
    Writer,
}

/// What a script needs to know of a server that listens; one JSON line on stdout.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// Address and port.
    pub listening: SocketAddr,
    /// The key's fingerprint, hexadecimal.
    pub fingerprint: String,
    /// The key, hexadecimal.
    pub public_key: String,
}

/// A server that runs.
pub struct Running {
    ready: Ready,
    app: Arc<App>,
    stop_accepting: oneshot::Sender<()>,
    server: Task<()>,
    background: Task<()>,
    writer: JoinHandle<()>,
    _lock: File,
}

/// Starts a server; it accepts connections when this returns.
pub async fn start(config: Config) -> Result<Running, StartError> {
    if let Some(payout) = &config.payout {
        pay::expect_right(payout).await?;
    }
    let pages = config.pages.as_deref().map(Pages::open).transpose()?;
    let folder = Folder::open(&config.data)?;
    let lock = folder.lock()?;
    let key = folder.key()?;
    folder.expect_database()?;
    let mut store = Store::open(&folder.database())?;
    let checkpointer = Checkpointer::open(&folder.database())?;
    let operator_token = Hash::of(folder.operator_token()?.as_bytes());
    if let Some(bytes) = config.store_bytes_max {
        store.set_bytes_max(bytes)?;
    }
    let listen_error = |error| StartError::Listen(config.listen, error);
    let listener = TcpListener::bind(config.listen).await.map_err(listen_error)?;
    let listening = listener.local_addr().map_err(listen_error)?;
    let card = lull_protocol::statement::OperatorCard { signed_at: now(), ..config.card };
    let hub = Hub::new();
    let listed = List::open(config.sanctions.clone())
        .map_err(|error| StartError::Sanctions(config.sanctions.clone().unwrap_or_default(), error))?;
    let decides = (key.clone(), config.terms.clone(), listed.clone());
    let (writer, thread) = Writer::start(store, checkpointer, decides, hub.clone()).map_err(StartError::Thread)?;
    let card = Signed::sign(card, &key).bytes().to_vec();
    let house = House { key, card, origins: origins(config.origin, listening), chain: config.chain };
    let app = Arc::new(App {
        house: Arc::new(house),
        terms: config.terms,
        operator_token,
        writer,
        readers: Readers::new(folder.database(), config.payout.as_ref().map(|payout| payout.limits.person_day)),
        hub,
        bodies_memory: Arc::new(Semaphore::new(BODIES_MEMORY_KIB_MAX)),
        connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        pages,
        till: config.payout.as_ref().map(|_| Till::default()),
        failed: Failed::none(),
    });
    let (stop_accepting, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(listen::serve(listener, router(app.clone()), stopped));
    let background = tokio::spawn({
        let app = app.clone();
        let payout = config.payout;
        let pays = {
            let app = app.clone();
            async move {
                if let Some(payout) = payout {
                    pay::run(app, payout).await;
                }
            }
        };
        async move { tokio::join!(sweep(&app), app.hub.wake(), look_at(&listed), pays).0 }
    });
    let ready = ready(listening, &app.house.key.public());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    Ok(Running { ready, app, stop_accepting, server, background, writer: thread, _lock: lock })
}

fn ready(listening: SocketAddr, key: &PublicKey) -> Ready {
    Ready { listening, fingerprint: key.fingerprint().to_string(), public_key: key.to_string() }
}

/// The public origin first; loopback addresses can only be dialled from this machine.
fn origins(public: Option<String>, listening: SocketAddr) -> Vec<String> {
    let port = listening.port();
    let hosts = ["127.0.0.1", "localhost", "[::1]"].iter().filter(|_| listening.ip().is_loopback());
    public.into_iter().chain(hosts.map(|host| format!("ws://{host}:{port}"))).collect()
}

/// Ends leases, approves by time, turns pending into payable: once a second, for as long as the task lives.
async fn sweep(app: &App) {
    let mut every = interval(Duration::from_millis(SWEEP_MS));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        // A store that can't write now has logged it, and the next sweep does what this one couldn't.
        if let Err(error) = app.writer.ask(Command::Sweep).await {
            tracing::debug!(%error, "sweep put off");
        }
    }
}

/// Reads the sanctions list again once it has changed, for as long as the task lives.
async fn look_at(listed: &List) {
    let mut every = interval(Duration::from_millis(SANCTIONS_MS));
    loop {
        every.tick().await;
        let listed = listed.clone();
        // A thread that panicked has said so.
        let _ = tokio::task::spawn_blocking(move || listed.refresh()).await;
    }
}

impl Running {
    /// Address and keys.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// What answers its HTTP requests, for a caller in this process.
    pub fn router(&self) -> axum::Router {
        router(self.app.clone())
    }

    /// Stops accepting, says goodbye to workers, commits what was begun.
    pub async fn stop(self) -> Result<(), StartError> {
        let limit = Duration::from_millis(STOP_MS_MAX);
        tracing::info!(connected = self.app.hub.count(), "stopping");
        // The server may have ended by itself.
        let _ = self.stop_accepting.send(());
        self.background.abort();
        self.app.hub.stop();
        if timeout(limit, self.app.hub.empty()).await.is_err() {
            tracing::warn!(left = self.app.hub.count(), "some connections did not end in time");
        }
        match timeout(limit, self.server).await {
            Ok(Ok(())) => {}
            Ok(failed) => tracing::error!(?failed, "the HTTP server failed"),
            Err(_) => tracing::warn!("some requests did not end in time"),
        }
        self.app.writer.stop().await;
        let joined = tokio::task::spawn_blocking(move || self.writer.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            return Err(StartError::Writer);
        }
        tracing::info!("stopped");
        Ok(())
    }
}
