//! The programs under test as processes: the coordinator, and workers that write down what they hear.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lull_native::Line;
use lull_view::{Link, Notice};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// The time a process has to get ready or to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// The programs that `cargo xtask` has built.
#[derive(Clone)]
pub(crate) struct Programs {
    coordinator: PathBuf,
    cli: PathBuf,
    native: PathBuf,
}

impl Programs {
    /// From the environment.
    pub(crate) fn from_env() -> Result<Self> {
        let get = |name| {
            let path = std::env::var_os(name).map(PathBuf::from);
            path.with_context(|| format!("{name} is not set: start this program through `cargo xtask test`"))
        };
        Ok(Self {
            coordinator: get("LULL_COORDINATOR_BIN")?,
            cli: get("LULL_CLI_BIN")?,
            native: get("LULL_NATIVE_BIN")?,
        })
    }

    /// A command of the coordinator's on a data folder: whether it succeeded, and what it said on stdout and
    /// stderr.
    pub(crate) async fn administer(&self, data: &Path, args: &[&str]) -> Result<(bool, String, String)> {
        output(Command::new(&self.coordinator).args(args).arg("--data").arg(data)).await
    }

    /// `lull verify`, the separate process: whether all agrees, and what it said.
    pub(crate) async fn verify(&self, key: &str, receipts: &Path, ledger: &Path) -> Result<(bool, String)> {
        let mut command = Command::new(&self.cli);
        command.args(["verify", "--coordinator", key, "--ledger"]).arg(ledger).arg(receipts);
        let (agrees, out, error) = output(&mut command).await?;
        Ok((agrees, out + &error))
    }
}

async fn output(command: &mut Command) -> Result<(bool, String, String)> {
    let out = command.output().await?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((out.status.success(), text(out.stdout), text(out.stderr)))
}

/// What the coordinator says when it is ready.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    /// Address and port.
    pub(crate) listening: String,
    /// SHA-256 of its public key.
    pub(crate) fingerprint: String,
    /// Its public key.
    pub(crate) public_key: String,
}

/// The coordinator's process.
pub(crate) struct Coordinator {
    child: Child,
    /// What it said.
    pub(crate) ready: Ready,
}

impl Coordinator {
    /// Starts it on a folder; its log is added to `log`, as JSON.
    pub(crate) async fn start(programs: &Programs, data: &Path, log: &Path, args: &[String]) -> Result<Self> {
        let mut child = Self::spawn(programs, data, log, args)?;
        let out = child.stdout.take().context("the coordinator's output")?;
        let mut lines = BufReader::new(out).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.context("the coordinator did not get ready")??;
        let Some(line) = line else {
            let status = child.wait().await?;
            let said = std::fs::read_to_string(log)?;
            bail!("the coordinator ended with {status}: {}", said.lines().next_back().unwrap_or_default());
        };
        let ready = serde_json::from_str(&line).with_context(|| format!("ready line: {line}"))?;
        Ok(Self { child, ready })
    }

    /// Starts it without waiting until it is ready.
    pub(crate) fn spawn(programs: &Programs, data: &Path, log: &Path, args: &[String]) -> Result<Child> {
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = Command::new(&programs.coordinator);
        command.args(["serve", "--log", "json", "--data"]).arg(data).args(args);
        command.stdout(Stdio::piped()).stderr(log).kill_on_drop(true).spawn().context("the coordinator did not start")
    }

    /// SIGKILL.
    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// SIGSTOP or SIGCONT.
    pub(crate) async fn signal(&self, name: &str) -> Result<()> {
        signal(&self.child, name).await
    }

    /// SIGTERM; it must end well.
    pub(crate) async fn stop(mut self) -> Result<()> {
        signal(&self.child, "TERM").await?;
        let status = timeout(PATIENCE, self.child.wait()).await.context("the coordinator did not stop")??;
        ensure!(status.success(), "the coordinator stopped with {status}");
        Ok(())
    }
}

/// Sends a signal to one process.
pub(crate) async fn signal(child: &Child, name: &str) -> Result<()> {
    let id = child.id().context("the process has ended already")?.to_string();
    let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().await?;
    ensure!(sent.success(), "kill -{name} {id}: {sent}");
    Ok(())
}

/// What is known of a worker from its own lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Offers whose results were acknowledged.
    pub(crate) acked: BTreeSet<String>,
    /// The number of its last verdict.
    pub(crate) verdicts: u64,
    /// Open to dispute, by its last account.
    pub(crate) pending: u64,
    /// The connection's state; `None` until it says so in this life.
    pub(crate) link: Option<Link>,
    /// Results that are not acknowledged, as far as this life has said.
    pub(crate) outbox: u32,
    /// The notice on its screen.
    pub(crate) notice: Option<Notice>,
}

/// How a worker is started.
#[derive(Clone)]
pub(crate) struct Job {
    /// Socket and fingerprint.
    pub(crate) dials: (String, String),
    /// The site, and the certificate it shows.
    pub(crate) site: (String, PathBuf),
    /// The longest thought, milliseconds.
    pub(crate) think_ms_max: u64,
    /// When *connect now* is pressed, milliseconds.
    pub(crate) patience_ms: u64,
}

/// A worker's process, over all its lives.
pub(crate) struct Worker {
    /// Its name.
    pub(crate) name: String,
    /// Its key and records.
    pub(crate) data: PathBuf,
    /// What it sent and heard.
    pub(crate) journal: PathBuf,
    /// What it said on stderr.
    pub(crate) log: PathBuf,
    job: Job,
    lives: u64,
    child: Option<Child>,
    seen: Arc<Mutex<Seen>>,
    acks: watch::Sender<u64>,
}

impl Worker {
    /// One that isn't running yet. `data` may be on another disk than what it writes down.
    pub(crate) fn new(folder: &Path, data: PathBuf, name: String, job: Job, acks: watch::Sender<u64>) -> Self {
        let (journal, log) = (folder.join(format!("{name}.journal")), folder.join(format!("{name}.log")));
        Self { name, data, journal, log, job, lives: 0, child: None, seen: Arc::default(), acks }
    }

    /// Starts it, or starts it again.
    pub(crate) fn start(&mut self, programs: &Programs) -> Result<()> {
        self.lives += 1;
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let Job { dials, site, think_ms_max, patience_ms } = &self.job;
        let mut command = Command::new(&programs.native);
        command.args(["work", "--coordinator", &dials.0, "--fingerprint", &dials.1, "--site", &site.0]);
        command.arg("--certificate").arg(&site.1).arg("--data").arg(&self.data).arg("--journal").arg(&self.journal);
        command.args(["--think-ms-max", &think_ms_max.to_string(), "--patience-ms", &patience_ms.to_string()]);
        command.args(["--seed", &self.lives.to_string()]);
        let mut child = command.stdout(Stdio::piped()).stderr(log).kill_on_drop(true).spawn()?;
        let lines = BufReader::new(child.stdout.take().context("the worker's output")?).lines();
        let (seen, acks) = (self.seen.clone(), self.acks.clone());
        {
            let mut seen = lock(&seen);
            (seen.link, seen.outbox) = (None, 0);
        }
        tokio::spawn(follow(lines, seen, acks));
        self.child = Some(child);
        Ok(())
    }

    /// What it has said so far.
    pub(crate) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("it runs")?;
        Ok(child.kill().await?)
    }

    /// SIGSTOP or SIGCONT.
    pub(crate) async fn signal(&self, name: &str) -> Result<()> {
        signal(self.child.as_ref().context("it runs")?, name).await
    }

    /// SIGTERM; it leaves its receipts. Gives journal and receipts.
    pub(crate) async fn stop(&mut self) -> Result<(String, String)> {
        let mut child = self.child.take().context("it runs")?;
        signal(&child, "TERM").await?;
        let status = timeout(PATIENCE, child.wait()).await.context("the worker did not stop")??;
        ensure!(status.success(), "{} stopped with {status}; see {}", self.name, self.log.display());
        let read = |path: &Path| std::fs::read_to_string(path).with_context(|| path.display().to_string());
        Ok((read(&self.journal)?, read(&self.data.join("receipts.jsonl"))?))
    }
}

async fn follow(
    mut lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
    seen: Arc<Mutex<Seen>>,
    acks: watch::Sender<u64>,
) {
    while let Ok(Some(text)) = lines.next_line().await {
        let Ok(line) = serde_json::from_str(&text) else { continue };
        let mut seen = lock(&seen);
        match line {
            Line::Acked { offer, .. } => {
                if seen.acked.insert(offer) {
                    acks.send_modify(|count| *count += 1);
                }
            }
            Line::Verdict { number, .. } => seen.verdicts = seen.verdicts.max(number),
            Line::Account { pending, .. } => seen.pending = pending,
            Line::State { link, outbox, notice } => {
                (seen.link, seen.outbox, seen.notice) = (Some(link), outbox, notice)
            }
            Line::Sent { .. } | Line::Refused { .. } => {}
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
