//! The processes that are measured: the real coordinator, and a TCP echo to hold its socket against.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use lull_protocol::Hash;
use serde::Deserialize;

use crate::market::FEE_BP;
use crate::swarm::Target;

/// A child process that listens; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) target: Target,
}

/// The line that both print once they listen.
#[derive(Deserialize)]
struct Ready {
    listening: SocketAddr,
    #[serde(default)]
    fingerprint: String,
}

impl Server {
    /// Starts the coordinator on a data folder.
    pub(crate) fn coordinator(program: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("--data").arg(data).args(["--listen", "127.0.0.1:0", "--log-filter", "warn"]);
        command.args(["--fee-bp", &FEE_BP.to_string()]);
        Self::start(command)
    }

    /// Starts this program as an echo server.
    pub(crate) fn echo() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("echo");
        Self::start(command)
    }

    fn start(mut command: Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {name}"))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line)?;
        let ready: Ready = serde_json::from_str(&line).with_context(|| format!("{name} did not start"))?;
        let fingerprint = Hash::from_hex(&ready.fingerprint).unwrap_or(Hash([0; 32]));
        Ok(Self { child, target: Target { address: ready.listening, fingerprint } })
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself. What it acknowledged is durable: no goodbye is needed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The release coordinator beside this program, or the one that was named.
pub(crate) fn find_coordinator(named: Option<PathBuf>) -> Result<PathBuf> {
    let beside = || Ok(std::env::current_exe()?.with_file_name("lull-coordinator"));
    let path = named.map_or_else(beside, Ok::<_, std::io::Error>)?;
    if !path.is_file() {
        bail!("no coordinator at {}: `cargo build --release -p lull-coordinator` builds it", path.display());
    }
    Ok(path)
}

/// `lull-load echo`: sends back what comes, on tokio as the coordinator runs on it.
pub(crate) fn serve_echo() -> Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", serde_json::json!({ "listening": listener.local_addr()? }));
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let mut buffer = vec![0; 4_096];
                while let Ok(len @ 1..) = stream.read(&mut buffer).await {
                    if stream.write_all(buffer.get(..len).unwrap_or_default()).await.is_err() {
                        break;
                    }
                }
            });
        }
    })
}
