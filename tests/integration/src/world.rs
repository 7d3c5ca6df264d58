//! One world: a site, a coordinator, a buyer, workers; and at its end, the books.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lull_protocol::PublicKey;
use lull_view::Link;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::books::{Books, Findings, WorkerBooks, compare};
use crate::buyer::{Appetite, Buyer, Client, read_all};
use crate::process::{Coordinator, Job, Programs, Ready, Worker};
use crate::proxy::Proxy;
use crate::{place, site, tamper};

/// What the buyer pays in, base units.
const DEPOSIT: &str = "1000000000000000";
/// How long everything may take to come to rest once the faults are over: more than a worker's longest back-off,
/// which is 5 minutes.
const QUIET_MAX: Duration = Duration::from_secs(330);
/// How long service may take to come back after a fault; the same holds.
const BACK_MAX: Duration = Duration::from_secs(330);

/// What a world is like.
#[derive(Clone)]
pub(crate) struct Plan {
    /// How many workers.
    pub(crate) workers: usize,
    /// What the buyer wants.
    pub(crate) appetite: Appetite,
    /// How long leases last, milliseconds.
    pub(crate) lease_ms: u64,
    /// The coordinator's disk, bytes; `None`: the real one.
    pub(crate) disk_bytes: Option<u64>,
    /// The workers' disk, bytes.
    pub(crate) worker_disk_bytes: Option<u64>,
    /// Whether workers reach the coordinator through a proxy that can fail.
    pub(crate) proxied: bool,
    /// What thoughts, orders and moments are drawn from.
    pub(crate) seed: u64,
}

/// It.
pub(crate) struct World {
    programs: Programs,
    folder: PathBuf,
    /// Moments and choices.
    pub(crate) rng: fastrand::Rng,
    /// `None` while it is down.
    pub(crate) coordinator: Option<Coordinator>,
    ready: Ready,
    args: Vec<String>,
    /// In the order of their names.
    pub(crate) workers: Vec<Worker>,
    buyer: Option<Buyer>,
    /// Between workers and coordinator.
    pub(crate) proxy: Option<Proxy>,
    acks: watch::Receiver<u64>,
}

/// How it ended.
pub(crate) struct Ending {
    /// What does not agree.
    pub(crate) findings: Findings,
    /// Results with a verdict.
    pub(crate) results: u64,
    /// The coordinator's log lines of level ERROR: their message and error.
    pub(crate) errors: Vec<String>,
}

impl World {
    /// Starts everything.
    pub(crate) async fn start(programs: &Programs, folder: &Path, plan: &Plan) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let data = folder.join("coordinator");
        plan.disk_bytes.map(|bytes| place::small_disk(&data, bytes)).transpose()?;
        let certificate = site::start(folder).await?;
        let (added, key, said) =
            programs.administer(&data, &["requester", "add", "Harbour Library", "--deposit", DEPOSIT]).await?;
        anyhow::ensure!(added, "{said}");
        let proxy = if plan.proxied { Some(Proxy::start(plan.seed).await?) } else { None };
        let lease_ms = plan.lease_ms.to_string();
        let mut args: Vec<String> =
            ["--fetch-lease-ms", &lease_ms, "--judgment-lease-ms", &lease_ms].map(str::to_owned).into();
        args.extend(["--approval-ms", "1000", "--dispute-ms", "1000"].map(str::to_owned));
        if let Some(proxy) = &proxy {
            args.extend(["--origin".to_owned(), format!("ws://{}", proxy.address)]);
        }
        let free_port = [&args[..], &["--listen".to_owned(), "127.0.0.1:0".to_owned()]].concat();
        let coordinator = Coordinator::start(programs, &data, &folder.join("coordinator.log"), &free_port).await?;
        let ready = coordinator.ready.clone();
        args.extend(["--listen".to_owned(), ready.listening.clone()]);
        if let Some(proxy) = &proxy {
            proxy.lead_to(&ready.listening)?;
        }
        let client = Client::new(&ready.listening, key.trim())?;
        let (sender, acks) = watch::channel(0);
        let mut world = Self {
            programs: programs.clone(),
            folder: folder.to_owned(),
            rng: fastrand::Rng::with_seed(plan.seed),
            coordinator: Some(coordinator),
            ready,
            args,
            workers: Vec::new(),
            buyer: Some(Buyer::start(client, plan.appetite, plan.seed)),
            proxy,
            acks,
        };
        world.hire(plan, &certificate, &sender)?;
        let before = world.acknowledged();
        world.acknowledges_again(before).await.context("nothing was acknowledged at all")?;
        Ok(world)
    }

    fn hire(&mut self, plan: &Plan, certificate: &Path, acks: &watch::Sender<u64>) -> Result<()> {
        let address = self.proxy.as_ref().map_or(&self.ready.listening, |proxy| &proxy.address);
        let dials = (format!("ws://{address}/v1/worker"), self.ready.fingerprint.clone());
        let site = (format!("{}={}", place::SITE.0, place::SITE.1), certificate.to_owned());
        let job = Job { dials, site, think_ms_max: 300, patience_ms: 250 };
        let disk = self.workers_disk();
        plan.worker_disk_bytes.map(|bytes| place::small_disk(&disk, bytes)).transpose()?;
        for number in 1..=plan.workers {
            let name = format!("worker-{number}");
            let mut worker = Worker::new(&self.folder, disk.join(&name), name, job.clone(), acks.clone());
            worker.start(&self.programs)?;
            self.workers.push(worker);
        }
        Ok(())
    }

    /// The coordinator's folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("coordinator")
    }

    /// Where the workers' folders are.
    pub(crate) fn workers_disk(&self) -> PathBuf {
        self.folder.join("workers")
    }

    /// The coordinator's log.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("coordinator.log")
    }

    /// The buyer's client.
    pub(crate) fn client(&self) -> Result<&Client> {
        Ok(self.buyer.as_ref().context("the buyer is at it until the end")?.client())
    }

    /// Results that were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        *self.acks.borrow()
    }

    /// Waits until more are acknowledged than `before`; how long it took.
    pub(crate) async fn acknowledges_again(&mut self, before: u64) -> Result<Duration> {
        let began = Instant::now();
        let waited = timeout(BACK_MAX, self.acks.wait_for(|count| *count > before)).await;
        waited.with_context(|| format!("no result was acknowledged for {BACK_MAX:?}"))??;
        Ok(began.elapsed())
    }

    /// SIGKILL to the coordinator.
    pub(crate) async fn kill_coordinator(&mut self) -> Result<()> {
        self.coordinator.take().context("it runs")?.kill().await
    }

    /// Starts it again on the same data and the same port.
    pub(crate) async fn restart_coordinator(&mut self) -> Result<()> {
        let again = Coordinator::start(&self.programs, &self.data(), &self.log(), &self.args).await?;
        anyhow::ensure!(again.ready.fingerprint == self.ready.fingerprint, "the key changed over a restart");
        self.coordinator = Some(again);
        Ok(())
    }

    /// Starts it and kills it at some moment of its start.
    pub(crate) async fn kill_while_starting(&mut self, after: Duration) -> Result<()> {
        let mut child = Coordinator::spawn(&self.programs, &self.data(), &self.log(), &self.args)?;
        sleep(after).await;
        Ok(child.kill().await?)
    }

    /// Starts a worker again.
    pub(crate) fn restart_worker(&mut self, index: usize) -> Result<()> {
        self.workers.get_mut(index).context("no such worker")?.start(&self.programs)
    }

    /// Waits until nothing is under way any more: every outbox empty, every acknowledged result judged, all
    /// money final.
    async fn quiet(&self, findings: &mut Findings) {
        let began = Instant::now();
        let mut calm = 0;
        loop {
            let restless = self.workers.iter().find_map(|worker| {
                let seen = worker.seen();
                let judged = seen.verdicts >= seen.acked.len() as u64;
                let rests = seen.link == Some(Link::Connected) && seen.outbox == 0 && seen.pending == 0 && judged;
                (!rests).then(|| format!("{}: {}", worker.name, restless(&seen)))
            });
            // Twice in a row: a result may be between two lines.
            calm = if restless.is_none() { calm + 1 } else { 0 };
            if calm == 3 {
                return;
            }
            if began.elapsed() > QUIET_MAX {
                let who = restless.unwrap_or_default();
                findings.wrong.push(format!("not at rest {QUIET_MAX:?} after the last fault: {who}"));
                return;
            }
            sleep(Duration::from_millis(700)).await;
        }
    }

    /// Lets everything come to rest, stops it gently, and compares the books.
    pub(crate) async fn end(mut self) -> Result<Ending> {
        let mut findings = Findings::default();
        let (client, orders) = self.buyer.take().context("the buyer is at it until the end")?.stop().await?;
        self.quiet(&mut findings).await;
        let mut books = Vec::new();
        for worker in &mut self.workers {
            let (journal, receipts) = worker.stop().await?;
            books.push(WorkerBooks::read(&worker.name, &journal, &receipts)?);
        }
        // Leases that were still held may have brought results meanwhile; from here on there are none.
        let (results, wrong) = read_all(&client, &orders).await?;
        findings.wrong.extend(wrong);
        self.coordinator.take().context("it runs at the end")?.stop().await?;
        let ledger = self.export("ledger").await?;
        let coordinator = PublicKey::from_hex(&self.ready.public_key).context("the ready line's key")?;
        let exported = Books::read(coordinator, &self.export("receipts").await?, &ledger)?;
        let compared = compare(&exported, &books);
        findings.acknowledged = compared.acknowledged;
        findings.lost.extend(compared.lost);
        findings.twice.extend(compared.twice);
        findings.wrong.extend(compared.wrong);
        if exported.receipts.len() as u64 != results {
            let count = exported.receipts.len();
            findings.wrong.push(format!("the buyer reads {results} results, {count} are exported"));
        }
        self.ask_others(&ledger, &mut findings).await?;
        // A comparison that finds nothing must be one that would find something.
        if findings.all().next().is_none() {
            tamper::would_be_found(&exported, &books)?;
        }
        let errors = self.read_logs(&mut findings)?;
        Ok(Ending { findings, results, errors })
    }

    async fn export(&self, what: &str) -> Result<String> {
        let (exported, text, said) = self.programs.administer(&self.data(), &["export", what]).await?;
        anyhow::ensure!(exported, "export {what}: {said}");
        Ok(text)
    }

    /// The coordinator's own check of its ledger, and `lull verify` for every worker.
    async fn ask_others(&self, ledger: &str, findings: &mut Findings) -> Result<()> {
        let (agrees, out, said) = self.programs.administer(&self.data(), &["check"]).await?;
        if !agrees {
            findings.wrong.push(format!("lull-coordinator check: {out}{said}"));
        }
        let file = self.folder.join("ledger.jsonl");
        std::fs::write(&file, ledger)?;
        for worker in &self.workers {
            let receipts = worker.data.join("receipts.jsonl");
            let (agrees, said) = self.programs.verify(&self.ready.public_key, &receipts, &file).await?;
            if !agrees {
                findings.wrong.push(format!("{}: lull verify: {said}", worker.name));
            }
        }
        Ok(())
    }

    /// What the logs say: errors of the coordinator, panics of anybody.
    fn read_logs(&self, findings: &mut Findings) -> Result<Vec<String>> {
        let mut errors = Vec::new();
        for line in std::fs::read_to_string(self.log())?.lines() {
            match serde_json::from_str::<serde_json::Value>(line) {
                Ok(line) if line.get("level").and_then(|level| level.as_str()) == Some("ERROR") => {
                    let field = |name: &str| {
                        let value = line.pointer(&format!("/fields/{name}")).and_then(|value| value.as_str());
                        value.unwrap_or_default().to_owned()
                    };
                    errors.push(format!("{}: {}", field("message"), field("error")));
                }
                Ok(_) => {}
                // Its last words on the way out are no log lines.
                Err(_) => errors.push(line.to_owned()),
            }
        }
        for worker in &self.workers {
            let said = std::fs::read_to_string(&worker.log)?;
            if let Some(line) = said.lines().find(|line| line.contains("panicked") || line.starts_with("Error")) {
                findings.wrong.push(format!("{}: {line}", worker.name));
            }
        }
        Ok(errors)
    }
}

fn restless(seen: &crate::process::Seen) -> String {
    let (acked, verdicts) = (seen.acked.len(), seen.verdicts);
    let (link, outbox, pending) = (&seen.link, seen.outbox, seen.pending);
    format!("link {link:?}, {outbox} in its outbox, {acked} acknowledged, {verdicts} verdicts, {pending} pending")
}
