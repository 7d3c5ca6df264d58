//! `lull-native crowd`: the demonstration's crowd. `lull-native work`: one worker for load and faults.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use data_encoding::HEXLOWER;
use lull_native::{Crowd, Disk, Journal, Labourer, NativeWorker, Web, fresh_key, load_recorded};
use lull_protocol::SigningKey;
use lull_protocol::trust::TrustRoot;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use zeroize::Zeroizing;

/// Native Lull workers for the demonstration and for load.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  lull-native crowd --coordinator ws://127.0.0.1:7411/v1/worker \\\n    --fingerprint 5f3a… --recorded tests/demo/judgments.json --people 2\n  lull-native work --coordinator ws://127.0.0.1:7411/v1/worker \\\n    --fingerprint 5f3a… --data worker-1 --journal worker-1.jsonl"
)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Simulated people that replay recorded answers, until stopped.
    Crowd {
        #[command(flatten)]
        peer: Peer,
        /// Recorded answers.
        #[arg(long)]
        recorded: PathBuf,
        /// How many people.
        #[arg(long, default_value_t = 2)]
        people: usize,
    },
    /// One worker that takes everything on. Its key and records are in a folder, so it can be killed and
    /// started again; SIGTERM stops it, and leaves its receipts there.
    Work(Work),
}

#[derive(Args)]
struct Peer {
    /// The coordinator's worker socket.
    #[arg(long)]
    coordinator: String,
    /// SHA-256 of its public key, 64 hexadecimal digits.
    #[arg(long)]
    fingerprint: String,
}

#[derive(Args)]
struct Work {
    #[command(flatten)]
    peer: Peer,
    /// The folder of its key, records and receipts.
    #[arg(long)]
    data: PathBuf,
    /// What it sent and heard, one JSON object a line; also on stdout.
    #[arg(long)]
    journal: PathBuf,
    /// The longest thought before an answer, milliseconds.
    #[arg(long, default_value_t = 300)]
    think_ms_max: u64,
    /// How long the connection may be down before *connect now* is pressed, milliseconds [default: never].
    #[arg(long)]
    patience_ms: Option<u64>,
    /// What thoughts and answers are drawn from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Lends bandwidth too: a name and the address it has, such as example.org=93.184.215.10.
    #[arg(long, value_name = "NAME=ADDRESS", requires = "certificate", value_parser = name_and_address)]
    site: Vec<(String, SocketAddr)>,
    /// The certificate that these sites show (PEM); no other is trusted.
    #[arg(long)]
    certificate: Option<PathBuf>,
}

fn name_and_address(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, address) = text.split_once('=').ok_or("NAME=ADDRESS")?;
    let address: IpAddr = address.parse().map_err(|e| format!("{address}: {e}"))?;
    // Port 0: the URL's own.
    Ok((name.to_owned(), SocketAddr::new(address, 0)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // Installed once; a second time would only say that it is there.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    match Cli::parse().command {
        Task::Crowd { peer, recorded, people } => crowd(&peer, &recorded, people).await,
        Task::Work(work) => labour(&work).await,
    }
}

async fn crowd(peer: &Peer, recorded: &Path, people: usize) -> Result<()> {
    let trust = TrustRoot::new(&peer.coordinator, &peer.fingerprint)?;
    let recorded = Arc::new(load_recorded(recorded)?);
    let (stop, stopped) = watch::channel(false);
    let mut tasks = tokio::task::JoinSet::new();
    for person in 0..people {
        let shell = Crowd { recorded: recorded.clone(), person };
        tasks.spawn(NativeWorker::new(trust.clone(), fresh_key(), BTreeMap::new(), shell).run(stopped.clone()));
    }
    tokio::signal::ctrl_c().await?;
    stop.send(true)?;
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn labour(work: &Work) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let trust = TrustRoot::new(&work.peer.coordinator, &work.peer.fingerprint)?;
    std::fs::create_dir_all(&work.data).with_context(|| work.data.display().to_string())?;
    let key = kept_key(&work.data.join("worker.key"))?;
    let disk = Disk::open(&work.data.join("records"))?;
    let shell = Labourer::new(!work.site.is_empty(), work.think_ms_max, work.patience_ms, work.seed);
    let mut worker = NativeWorker::on_disk(trust, key, disk, shell).witnessed(Journal::open(&work.journal)?);
    if let Some(certificate) = work.certificate.as_ref().filter(|_| !work.site.is_empty()) {
        worker = worker.fetching(Web::new(&work.site, certificate)?);
    }
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        terminate.recv().await;
        // A worker that has failed by itself hears nothing.
        let _ = stop.send(true);
    });
    let receipts = worker.run(stopped).await?;
    std::fs::write(work.data.join("receipts.jsonl"), receipts).context("receipts.jsonl")
}

/// The key of this folder, made at the first start: whole before it has its name.
fn kept_key(path: &Path) -> Result<SigningKey> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = HEXLOWER.encode(&rand::random::<[u8; 32]>());
            let draft = path.with_extension("new");
            std::fs::write(&draft, &text)?;
            std::fs::File::open(&draft)?.sync_all()?;
            std::fs::rename(&draft, path)?;
            text
        }
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let seed = HEXLOWER.decode(text.trim().as_bytes()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    Ok(SigningKey::from_seed(&Zeroizing::new(seed.context("worker.key is not 64 hexadecimal digits")?)))
}
