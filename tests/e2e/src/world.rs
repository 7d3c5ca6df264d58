//! What surrounds the browser: sites, name server, a real coordinator with a market, and the crowd.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::axe::Found;
use crate::browser::{Browser, Kind, Launch};
use crate::market::Buyer;
use crate::network::{LIBRARY, NameServer};
use crate::site::Sites;

/// What the buyer pays in at the start, base units: 1,000 demo credits.
const DEPOSIT: u64 = 1_000_000_000;
/// How many simulated people there are.
const CROWD: usize = 2;

/// Programs and folders that `cargo xtask` has prepared.
#[derive(Clone)]
pub(crate) struct Paths {
    /// The repository.
    pub(crate) repo: PathBuf,
    /// In which browser.
    pub(crate) browser: Kind,
    /// The folder of the packages, one a browser.
    packages: PathBuf,
    /// The packaged extension, not yet bound to a coordinator.
    pub(crate) package: PathBuf,
    /// The same without bandwidth.
    judgments: PathBuf,
    /// How often the background is killed at random.
    pub(crate) kills: u64,
    judgment_lease: Duration,
    /// The pages that the coordinator serves.
    pages: PathBuf,
    coordinator: PathBuf,
    cli: PathBuf,
    native: PathBuf,
    /// What the coordinator is told about paying.
    payout: Vec<String>,
    /// What axe-core finds on the way.
    found: Found,
}

impl Paths {
    /// From the environment.
    pub(crate) fn from_env(browser: Kind, kills: u64) -> Result<Self> {
        let get = |name| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .with_context(|| format!("{name} is not set: start this program through `cargo xtask`"))
        };
        Ok(Self {
            repo: get("LULL_REPO")?,
            browser,
            package: get("LULL_EXTENSION_DIR")?.join(browser.name()),
            packages: get("LULL_EXTENSION_DIR")?,
            judgments: get("LULL_JUDGMENTS_DIR")?,
            kills,
            judgment_lease: Duration::from_mins(10),
            pages: get("LULL_PAGES")?,
            coordinator: get("LULL_COORDINATOR_BIN")?,
            cli: get("LULL_CLI_BIN")?,
            native: get("LULL_NATIVE_BIN")?,
            payout: vec![],
            found: Found::default(),
        })
    }

    /// The same in another browser.
    pub(crate) fn within(&self, browser: Kind) -> Self {
        Self { browser, package: self.packages.join(browser.name()), ..self.clone() }
    }
}

impl Paths {
    /// Where pictures go that are looked at and not kept.
    pub(crate) fn pictures(&self) -> PathBuf {
        self.packages.join("pictures")
    }

    /// Where the scenarios leave what axe-core has found.
    pub(crate) fn axe_report(&self) -> PathBuf {
        self.packages.with_file_name("axe").join("report.json")
    }

    /// With what axe-core finds going there.
    pub(crate) fn with_found(&self, found: Found) -> Self {
        Self { found, ..self.clone() }
    }

    /// With the package in a pseudo-locale, by its folder's name.
    pub(crate) fn in_locale(&self, locale: &str) -> Self {
        let packages = self.packages.join(locale);
        Self { package: packages.join(self.browser.name()), packages, ..self.clone() }
    }

    /// With judgments that are leased for so long.
    pub(crate) fn with_leases_of(&self, judgment_lease: Duration) -> Self {
        Self { judgment_lease, ..self.clone() }
    }
    /// With a coordinator that pays.
    pub(crate) fn that_pay(&self, payout: Vec<String>) -> Self {
        Self { payout, ..self.clone() }
    }
    /// With the package that has no bandwidth in it.
    pub(crate) fn without_bandwidth(&self) -> Self {
        Self { package: self.judgments.clone(), ..self.clone() }
    }
}

/// A coordinator process.
pub(crate) struct Coordinator {
    process: Child,
    /// What it said when it was ready.
    pub(crate) ready: Ready,
}

/// The ready line.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    /// Address and port.
    pub(crate) listening: String,
    /// SHA-256 of its public key.
    pub(crate) fingerprint: String,
    /// Its public key.
    pub(crate) public_key: String,
}

impl Ready {
    /// Where workers dial.
    pub(crate) fn socket(&self) -> String {
        format!("ws://{}/v1/worker", self.listening)
    }
}

impl Coordinator {
    /// Starts it on a data folder; `listen` keeps the port over a restart.
    pub(crate) async fn start(paths: &Paths, data: &Path, listen: &str) -> Result<Self> {
        let mut process = Command::new(&paths.coordinator)
            .args(["serve", "--listen", listen, "--operator-name", "Lull demonstration", "--operator-country", "CH"])
            .args(["--operator-contact", "hello@lull.example", "--data"])
            .arg(data)
            .arg("--pages")
            .arg(&paths.pages)
            .args(["--judgment-lease-ms", &paths.judgment_lease.as_millis().to_string()])
            .args(&paths.payout)
            .stdout(Stdio::piped())
            .stderr(log_file(data)?)
            .kill_on_drop(true)
            .spawn()
            .context("the coordinator did not start")?;
        let out = process.stdout.take().context("the coordinator's output")?;
        let mut lines = BufReader::new(out).lines();
        let line = lines.next_line().await?;
        let line = line.with_context(|| format!("the coordinator ended; see {}/coordinator.log", data.display()))?;
        let ready = serde_json::from_str(&line).with_context(|| format!("ready line: {line}"))?;
        // Nothing else is said there; reading on keeps the pipe whole.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { process, ready })
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) -> Result<Ready> {
        self.process.kill().await?;
        Ok(self.ready)
    }
}

fn log_file(data: &Path) -> Result<Stdio> {
    std::fs::create_dir_all(data)?;
    let file = std::fs::OpenOptions::new().create(true).append(true).open(data.join("coordinator.log"))?;
    Ok(file.into())
}

/// Everything but the browser.
pub(crate) struct World {
    /// Programs and folders.
    pub(crate) paths: Paths,
    /// The data folder of this run.
    pub(crate) data: PathBuf,
    /// The coordinator; `None` while a test has it down.
    pub(crate) coordinator: Option<Coordinator>,
    /// How it can be reached.
    pub(crate) ready: Ready,
    /// The demonstration's buyer.
    pub(crate) buyer: Buyer,
    /// Whether an earlier run has left its market in the data folder.
    pub(crate) goes_on: bool,
    /// The sites; `None` with the real network.
    pub(crate) sites: Option<Sites>,
    /// The name server; `None` with the real network.
    pub(crate) names: Option<NameServer>,
    crowd: Option<Child>,
}

impl World {
    /// In the namespace: sites, names, coordinator, a buyer with money; no market yet.
    pub(crate) async fn start(paths: &Paths, data: &Path) -> Result<Self> {
        std::fs::create_dir_all(data)?;
        let names = NameServer::start().await?;
        let sites = Sites::start(&paths.repo.join("tests/demo/site"), &data.join("access.jsonl")).await?;
        let mut world = Self::start_online(paths, data).await?;
        world.sites = Some(sites);
        world.names = Some(names);
        Ok(world)
    }

    /// With the real network: coordinator and buyer only.
    pub(crate) async fn start_online(paths: &Paths, data: &Path) -> Result<Self> {
        let folder = data.join("coordinator");
        let coordinator = Coordinator::start(paths, &folder, "127.0.0.1:0").await?;
        let ready = coordinator.ready.clone();
        let kept = data.join("buyer.key");
        let goes_on = kept.exists();
        if !goes_on {
            let deposit = DEPOSIT.to_string();
            let key =
                administer(paths, &folder, &["requester", "add", "Harbour Library", "--deposit", &deposit]).await?;
            std::fs::write(&kept, key)?;
        }
        let buyer = Buyer::new(&ready.listening, std::fs::read_to_string(kept)?.trim())?;
        let mut world = Self {
            paths: paths.clone(),
            data: data.to_owned(),
            coordinator: Some(coordinator),
            ready,
            buyer,
            goes_on,
            sites: None,
            names: None,
            crowd: None,
        };
        world.package().await?;
        Ok(world)
    }

    /// The folder of the extension that trusts this coordinator.
    pub(crate) fn extension(&self) -> PathBuf {
        self.data.join("extension")
    }

    /// Copies the package and writes the trust root beside it: the only file that differs.
    async fn package(&mut self) -> Result<()> {
        copy_folder(&self.paths.package, &self.extension())?;
        self.trust(&self.ready.fingerprint)
    }

    /// Binds the packaged extension to a fingerprint.
    pub(crate) fn trust(&self, fingerprint: &str) -> Result<()> {
        let trust = serde_json::json!({"coordinator": self.ready.socket(), "fingerprint": fingerprint});
        Ok(std::fs::write(self.extension().join("trust.json"), trust.to_string())?)
    }

    /// Starts the crowd.
    pub(crate) fn start_crowd(&mut self) -> Result<()> {
        let mut command = Command::new(&self.paths.native);
        command
            .args(["crowd", "--coordinator", &self.ready.socket(), "--fingerprint", &self.ready.fingerprint])
            .args(["--people", &CROWD.to_string(), "--recorded"])
            .arg(self.paths.repo.join("tests/demo/judgments.json"))
            .kill_on_drop(true);
        self.crowd = Some(command.spawn().context("the crowd did not start")?);
        Ok(())
    }

    /// Kills the coordinator with `kill -9`.
    pub(crate) async fn kill_coordinator(&mut self) -> Result<()> {
        self.coordinator.take().context("the coordinator runs")?.kill().await?;
        Ok(())
    }

    /// Starts it again on the same port.
    pub(crate) async fn restart_coordinator(&mut self) -> Result<()> {
        let again = Coordinator::start(&self.paths, &self.data.join("coordinator"), &self.ready.listening).await?;
        ensure!(again.ready.fingerprint == self.ready.fingerprint, "the key changed over a restart");
        self.coordinator = Some(again);
        Ok(())
    }

    /// A browser with the extension; `name` is its profile.
    pub(crate) async fn browser(&self, name: &str) -> Result<Browser> {
        self.launched(name, None, None).await
    }

    /// The same with the test wallets beside it.
    pub(crate) async fn browser_with_wallets(&self, name: &str) -> Result<Browser> {
        self.launched(name, None, Some(&self.paths.repo.join("tests/wallet"))).await
    }

    /// The same behind a proxy.
    pub(crate) async fn browser_behind(&self, name: &str, proxy: SocketAddr) -> Result<Browser> {
        self.launched(name, Some(proxy), None).await
    }

    async fn launched(&self, name: &str, proxy: Option<SocketAddr>, beside: Option<&Path>) -> Result<Browser> {
        let downloads = self.data.join("downloads");
        std::fs::create_dir_all(&downloads)?;
        Browser::launch(&Launch {
            kind: self.paths.browser,
            extension: &self.extension(),
            beside,
            profile: &self.data.join(name),
            downloads: &downloads,
            spki: self.sites.as_ref().map(|s| s.spki.as_str()),
            headless: true,
            proxy,
            found: &self.paths.found,
        })
        .await
    }

    /// Writes the coordinator's ledger, as an auditor gets it.
    pub(crate) async fn export_ledger(&self) -> Result<PathBuf> {
        let folder = self.data.join("coordinator");
        let ledger = administer(&self.paths, &folder, &["export", "ledger"]).await?;
        let file = self.data.join("ledger.jsonl");
        std::fs::write(&file, ledger)?;
        Ok(file)
    }

    /// Orders the judgments of a project's file in the repository, by `lull project`. Gives the order's id.
    pub(crate) async fn order_by_file(&self, file: &str) -> Result<String> {
        let file = self.paths.repo.join(file);
        let out = self.lull(&["project", &file.to_string_lossy()]).await?;
        let answer: serde_json::Value = serde_json::from_str(&out)?;
        let order = answer.get("order").and_then(|order| order.as_str());
        order.map(str::to_owned).with_context(|| format!("`lull project` printed {answer}"))
    }

    /// What people said is wrong with an order's items, by `lull flags`.
    pub(crate) async fn flags(&self, order: &str) -> Result<Vec<serde_json::Value>> {
        let lines = self.lull(&["flags", order]).await?;
        Ok(lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    }

    /// The flags that the operator must look at, as JSON Lines.
    pub(crate) async fn flags_for_the_operator(&self) -> Result<String> {
        self.operator(&["export", "flags"]).await
    }

    /// The buyer's own program; what it prints.
    pub(crate) async fn lull(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.paths.cli);
        command.args(arguments).args(["--server", &self.buyer.server]).env("LULL_API_KEY", &self.buyer.key);
        let out = command.output().await.with_context(|| format!("`lull {arguments:?}`"))?;
        let error = String::from_utf8_lossy(&out.stderr);
        ensure!(out.status.success(), "`lull {arguments:?}`: {error}");
        Ok(String::from_utf8(out.stdout)?)
    }

    /// A command of the operator, beside the server; what it prints.
    pub(crate) async fn operator(&self, arguments: &[&str]) -> Result<String> {
        administer(&self.paths, &self.data.join("coordinator"), arguments).await
    }

    /// The separate process: verifies the exported receipts and compares them with log and ledger.
    pub(crate) async fn verify(&self, receipts: &Path) -> Result<Verified> {
        let log = self.data.join("access.jsonl");
        self.ask_verifier(receipts, self.sites.is_some().then_some(&log)).await
    }

    /// The same without the site's log.
    pub(crate) async fn verify_books(&self, receipts: &Path) -> Result<Verified> {
        self.ask_verifier(receipts, None).await
    }

    async fn ask_verifier(&self, receipts: &Path, site_log: Option<&PathBuf>) -> Result<Verified> {
        let mut command = Command::new(&self.paths.cli);
        command.args(["verify", "--json", "--coordinator", &self.ready.public_key]);
        command.arg(receipts).arg("--ledger").arg(self.export_ledger().await?);
        if let Some(log) = site_log {
            command.arg("--site-log").arg(log);
        }
        let out = command.output().await.context("`lull verify` did not start")?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let error = String::from_utf8_lossy(&out.stderr);
        ensure!(out.status.success(), "`lull verify` does not agree:\n{text}{error}");
        serde_json::from_str(&text).with_context(|| format!("`lull verify --json` printed {text}"))
    }

    /// The separate process: whether an alibi holds.
    pub(crate) async fn verify_alibi(&self, file: &Path) -> Result<bool> {
        let mut command = Command::new(&self.paths.cli);
        command.arg("verify-alibi").arg(file).args(["--coordinator", &self.ready.public_key]);
        let out = command.output().await.context("`lull verify-alibi` did not start")?;
        match out.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => anyhow::bail!("`lull verify-alibi`: {}", String::from_utf8_lossy(&out.stderr)),
        }
    }

    /// The site's URL of a path.
    pub(crate) fn url(path: &str) -> String {
        format!("https://{}{path}", LIBRARY.0)
    }

    /// Stops crowd and coordinator gently.
    pub(crate) async fn stop(mut self) -> Result<()> {
        if let Some(mut crowd) = self.crowd.take() {
            crowd.kill().await?;
        }
        if let Some(mut coordinator) = self.coordinator.take() {
            let id = coordinator.process.id().context("the coordinator's process id")?.to_string();
            Command::new("kill").args(["-TERM", &id]).status().await?;
            let ended = tokio::time::timeout(Duration::from_secs(10), coordinator.process.wait()).await;
            let status = ended.context("the coordinator did not stop within 10 s")??;
            ensure!(status.success(), "the coordinator stopped with {status}");
        }
        Ok(())
    }
}

/// What `lull verify --json` prints.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Verified {
    /// Receipts of judgments.
    pub(crate) judgments: u64,
    /// Receipts of fetches.
    pub(crate) fetches: u64,
    /// Bytes of fetched bodies.
    pub(crate) bytes: u64,
    /// Sum of the verdicts, base units.
    pub(crate) earned: u64,
    /// Receipts that hold.
    pub(crate) verified: u64,
}

async fn administer(paths: &Paths, data: &Path, args: &[&str]) -> Result<String> {
    let out = Command::new(&paths.coordinator).args(args).arg("--data").arg(data).output().await?;
    let error = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "lull-coordinator {}: {error}", args.join(" "));
    Ok(String::from_utf8(out.stdout)?)
}

/// Copies a folder with all in it, but no trust root.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if entry.file_name() != OsStr::new("trust.json") {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
