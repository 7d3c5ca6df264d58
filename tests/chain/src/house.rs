//! The real coordinator's process on a chain of the test's own: settings, earnings, wallets, and how it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail, ensure};
use data_encoding::HEXLOWER;
use lull_coordinator::folder::Folder;
use lull_market::{Command, Context, FetchOrder, Lease, Reply, RequesterId, Terms};
use lull_payout::address::Wallet;
use lull_protocol::payout::{PayoutStage, Payouts, Schedule};
use lull_protocol::siws::Chain;
use lull_protocol::statement::{FetchReport, Hop, Outcome, Price, Report, Traffic, WorkResult};
use lull_protocol::units::Nonce;
use lull_protocol::{
    Amount, ByteCount, Filter, Hash, Item, Method, OrderId, Signed, SigningKey, TaskSet, Timestamp, WarningSet,
};
use lull_store::{Reader, Store, TreasuryState};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command as Program};
use zeroize::Zeroizing;

use crate::net::address;
use crate::world::{World, key};

const PATIENCE: Duration = Duration::from_secs(60);
const DAY_MS: u64 = 86_400_000;
/// What one page pays, base units.
pub(crate) const PAGE: u64 = 100_000;
/// What the buyer has at the start, base units.
pub(crate) const BOUGHT: u64 = 1_000_000_000;
pub(crate) const BUYER: RequesterId = RequesterId([1; 16]);

/// A coordinator on a data folder.
pub(crate) struct House<'a> {
    world: &'a World,
    folder: TempDir,
    process: Option<Child>,
    orders: u64,
}

/// A worker of the test's; the same number, the same key.
pub(crate) fn worker(number: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new([number; 32]))
}

/// A person's wallet.
pub(crate) fn wallet(number: u64) -> Result<Wallet> {
    Ok(Wallet::new(address(&key(5_000 + number)))?)
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::ZERO.plus(since.as_millis().try_into().unwrap_or(u64::MAX))
}

impl<'a> House<'a> {
    /// A database with a buyer, and settings that pay from the world's treasury.
    pub(crate) fn new(world: &'a World, more: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let house = Self { world, folder, process: None, orders: 0 };
        let pair = serde_json::to_string(&world.key.to_keypair_bytes().to_vec())?;
        fs::write(house.path("treasury.json"), pair)?;
        fs::set_permissions(house.path("treasury.json"), Permissions::from_mode(0o600))?;
        house.set(more)?;
        let commands = [
            Command::AddRequester { requester: BUYER, name: "Buyer".into(), key_hash: Hash::of(b"key") },
            Command::Deposit { requester: BUYER, amount: amount(BOUGHT), reference: "all".into() },
        ];
        let folder = Folder::open(&house.data())?;
        folder.key()?;
        house.apply(&mut Store::open(&folder.database())?, 0, &commands)?;
        folder.operator_token()?;
        Ok(house)
    }

    /// The same data, copied: another process on the same chain.
    pub(crate) fn copy(&self) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let copy = Self { world: self.world, folder, process: None, orders: self.orders };
        fs::create_dir(copy.data())?;
        for name in ["coordinator.key", "operator.token"] {
            fs::copy(self.data().join(name), copy.data().join(name))?;
        }
        fs::set_permissions(copy.data(), Permissions::from_mode(0o700))?;
        for name in ["treasury.json", "lull.toml"] {
            fs::copy(self.path(name), copy.path(name))?;
        }
        let text = fs::read_to_string(copy.path("lull.toml"))?;
        let (here, there) = (self.folder.path().to_string_lossy(), copy.folder.path().to_string_lossy());
        fs::write(copy.path("lull.toml"), text.replace(&*here, &there))?;
        Reader::open(&self.database())?.back_up(&copy.database())?;
        Ok(copy)
    }

    fn set(&self, more: &str) -> Result<()> {
        self.set_rpcs(&[self.world.surfnet.net.url()], more)
    }

    /// Settings with these RPCs.
    pub(crate) fn set_rpcs(&self, rpcs: &[&str], more: &str) -> Result<()> {
        let mint = self.world.terms.treasury.mint.address();
        let text = format!(
            "listen = \"127.0.0.1:0\"\ndata = \"{}\"\ndispute_ms = 1000\n[payout]\nchain = \"localnet\"\n\
             rpc = {rpcs:?}\nmint = \"{mint}\"\n{}\nhour_max = 1000000000\nperson_day_max = 500000000\n\
             sol_price = 200000000\npatience_ms = 20000\n{more}\n",
            self.data().display(),
            if more.contains("signer") { String::new() } else { self.key_setting() },
        );
        Ok(fs::write(self.path("lull.toml"), text)?)
    }

    fn key_setting(&self) -> String {
        format!("key = \"{}\"", self.path("treasury.json").display())
    }

    /// From now on a program signs, and this list counts.
    pub(crate) fn sign_by_program(&self, listed: &str) -> Result<()> {
        let program = format!(
            "#!/bin/sh\nexec {} {} {}\n",
            self.world.tools.python.display(),
            Path::new(env!("CARGO_MANIFEST_DIR")).join("sign.py").display(),
            self.path("treasury.json").display(),
        );
        fs::write(self.path("sign"), program)?;
        fs::set_permissions(self.path("sign"), Permissions::from_mode(0o700))?;
        self.list(listed)?;
        let (signer, list) = (self.path("sign"), self.path("listed.txt"));
        self.set(&format!("signer = \"{}\"\nsanctions = \"{}\"", signer.display(), list.display()))
    }

    /// Puts a sanctions list, whole in one step.
    pub(crate) fn list(&self, text: &str) -> Result<()> {
        fs::write(self.path("listed.new"), text)?;
        Ok(fs::rename(self.path("listed.new"), self.path("listed.txt"))?)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.data().join("lull.sqlite")
    }

    fn program(&self) -> Program {
        let mut program = Program::new(&self.world.tools.coordinator);
        program.arg("--config").arg(self.path("lull.toml"));
        program
    }

    /// Starts the server's process.
    pub(crate) fn start(&mut self) -> Result<()> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log"))?;
        let mut program = self.program();
        let ready = fs::File::create(self.path("ready"))?;
        program.stdin(Stdio::null()).stdout(ready).stderr(log).kill_on_drop(true);
        self.process = Some(program.spawn().context("can't start the coordinator")?);
        Ok(())
    }

    /// Where it listens, once it does.
    pub(crate) async fn address(&self) -> Result<String> {
        let begun = Instant::now();
        loop {
            let ready = fs::read_to_string(self.path("ready")).unwrap_or_default();
            if let Ok(ready) = serde_json::from_str::<Value>(&ready)
                && let Some(address) = ready.get("listening").and_then(Value::as_str)
            {
                return Ok(format!("http://{address}"));
            }
            ensure!(begun.elapsed() < PATIENCE, "it does not listen: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The end of its log.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(12).collect();
        tail.join("\n")
    }

    /// Another requester, whose key is its name.
    pub(crate) fn add_requester(&self, requester: RequesterId, name: &str) -> Result<()> {
        let key_hash = Hash::of(name.as_bytes());
        let command = Command::AddRequester { requester, name: name.to_owned(), key_hash };
        self.apply(&mut Store::open_beside(&self.database())?, 0, &[command]).map(drop)
    }

    /// What a requester can spend.
    pub(crate) fn available(&self, requester: RequesterId) -> Result<u64> {
        Ok(Reader::open(&self.database())?.balance(requester)?.available.get())
    }

    /// Kills it at once.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill().await?;
        }
        Ok(())
    }

    /// An operator's command; its status and what it prints.
    pub(crate) async fn operator(&self, arguments: &[&str]) -> Result<(bool, Value)> {
        let output = self.program().args(arguments).output().await?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        let value = serde_json::from_str(&printed).unwrap_or(Value::String(format!("{printed}{errors}")));
        Ok((output.status.success(), value))
    }

    fn apply(&self, store: &mut Store, days_ago: u64, commands: &[Command]) -> Result<Vec<Reply>> {
        let terms = Terms {
            asset: "test tokens".into(),
            fee_bp: 0,
            // Work is done a day ago, and no sweep of a server that runs now may end its lease.
            fetch_lease_ms: 2 * DAY_MS,
            judgment_lease_ms: 2 * DAY_MS,
            approval_ms: 1_000,
            dispute_ms: 1_000,
            appeal_ms: 1_000,
            appeal_decision_ms: 1_000,
        };
        let context = Context {
            now: now().minus(days_ago * DAY_MS),
            key: Folder::open(&self.data())?.key()?,
            terms,
            listed: Arc::default(),
        };
        Ok(store.apply(&context, commands)?.into_iter().collect::<Result<_, _>>()?)
    }

    /// A worker earns so many pages, and they are final; a server may run meanwhile.
    pub(crate) fn earn(&mut self, key: &SigningKey, pages: u64) -> Result<()> {
        self.earn_pending(key, pages)?;
        let mut store = Store::open_beside(&self.database())?;
        self.apply(&mut store, 0, &[Command::Sweep])?;
        Ok(())
    }

    /// The same, but a server's next sweep settles them.
    pub(crate) fn earn_pending(&mut self, key: &SigningKey, pages: u64) -> Result<()> {
        self.orders += 1;
        let mut store = Store::open_beside(&self.database())?;
        let urls = (0..pages).map(|page| format!("https://www.rust-lang.org/{}/{page}", self.orders)).collect();
        let order = FetchOrder {
            order: OrderId(fresh()),
            requester: BUYER,
            purpose: "a test".into(),
            urls,
            method: Method::Get,
            bytes_max: ByteCount::new(1_000_000).context("small")?,
            http_allowed: false,
            price: Price { per_item: amount(PAGE), per_mib: Amount::ZERO },
        };
        self.apply(&mut store, 1, &[Command::CreateFetchOrder(order)])?;
        loop {
            let claim = Command::Claim {
                worker: key.public(),
                fetch: 2,
                judgment: 0,
                tasks: TaskSet::CHOICE,
                warnings: WarningSet::NONE,
                filter: Filter::default(),
                nonces: vec![Nonce(fresh()), Nonce(fresh())],
            };
            let Some(Reply::Leases(leases)) = self.apply(&mut store, 1, &[claim])?.pop() else { bail!("no leases") };
            if leases.is_empty() {
                break;
            }
            for lease in leases {
                let submit = Command::Submit { result: Box::new(Signed::sign(page(&lease)?, key)), body: vec![] };
                self.apply(&mut store, 1, &[submit])?;
            }
        }
        Ok(())
    }

    /// A person agrees to the cost of a first token account.
    pub(crate) fn agree(&self, key: &SigningKey) -> Result<()> {
        let command =
            Command::PayWhen { worker: key.public(), schedule: Schedule::Now, account_agreed: amount(1_000_000) };
        self.apply(&mut Store::open_beside(&self.database())?, 0, &[command]).map(drop)
    }

    /// Gives workers their wallets.
    pub(crate) fn link(&self, pairs: &[(SigningKey, Wallet)]) -> Result<()> {
        let mut link = std::process::Command::new(&self.world.tools.python);
        link.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("link.py")).arg(self.database());
        for (worker, wallet) in pairs {
            link.arg(worker.public().to_string()).arg(HEXLOWER.encode(wallet.address().as_array()));
        }
        ensure!(link.status()?.success(), "can't link");
        Ok(())
    }

    pub(crate) fn state(&self) -> Result<TreasuryState> {
        Ok(Reader::open(&self.database())?.treasury()?)
    }

    /// Waits until the database says so.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&TreasuryState) -> bool) -> Result<()> {
        let begun = Instant::now();
        loop {
            // A server that is just starting may not have brought it up to date yet.
            let state = self.state();
            if state.as_ref().is_ok_and(&holds) {
                return Ok(());
            }
            let ended = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten());
            if begun.elapsed() > PATIENCE || ended.is_some() {
                bail!("not {what} (ended: {ended:?}): {state:?}\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until so many payouts are paid and none is on its way.
    pub(crate) async fn until_paid(&mut self, payouts: u64) -> Result<()> {
        let holds = move |state: &TreasuryState| {
            state.paid.0 >= payouts && state.waiting.0 == 0 && state.in_batch.0 == 0 && state.open.is_empty()
        };
        self.until(&format!("paid {payouts} times"), holds).await
    }

    pub(crate) fn told(&self, key: &SigningKey) -> Result<Payouts> {
        Ok(Reader::open(&self.database())?.payouts(&key.public(), Chain::Localnet, now())?)
    }

    /// The same as a server tells it whose limit this is.
    pub(crate) fn told_of_day(&self, key: &SigningKey, most: u64) -> Result<Payouts> {
        let reader = Reader::open(&self.database())?.with_person_day(Some(amount(most)));
        Ok(reader.payouts(&key.public(), Chain::Localnet, now())?)
    }

    /// What each wallet has on the chain is what the ledger has paid to it, once; the books are in order, and the log
    /// names nobody.
    pub(crate) async fn compare(&self, people: &[(SigningKey, Wallet)]) -> Result<u64> {
        let (mut paid, mut numbers) = (BTreeMap::<Wallet, u64>::new(), BTreeSet::new());
        for (worker, wallet) in people {
            let so_far = paid.entry(*wallet).or_default();
            for payout in self.told(worker)?.newest {
                if payout.stage == PayoutStage::Paid && numbers.insert(payout.number) {
                    *so_far += payout.arrives.get();
                }
            }
        }
        for (wallet, paid) in &paid {
            let has = self.world.held_by(wallet.address()).await?;
            ensure!(has == *paid, "{wallet} has {has} on the chain, the ledger has paid {paid}");
        }
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        ensure!(!paid.keys().any(|wallet| log.contains(&wallet.to_string())), "somebody's wallet is in the log");
        let (is_right, said) = self.operator(&["check"]).await?;
        ensure!(is_right, "the books: {said}");
        Ok(paid.values().sum())
    }
}

pub(crate) fn amount(value: u64) -> Amount {
    Amount::new(value).unwrap_or_default()
}

fn fresh() -> [u8; 16] {
    std::array::from_fn(|_| fastrand::u8(..))
}

/// A page that was fetched and has nothing in it.
fn page(lease: &Lease) -> Result<WorkResult> {
    let Item::Fetch(item) = Item::from_bytes(&lease.item)? else { bail!("not a fetch") };
    let hop = Hop { url: item.url, address: "93.184.215.14".into(), status: 200 };
    let report = Report::Fetch(FetchReport {
        outcome: Outcome::Ok,
        status: 200,
        headers: vec![],
        body_hash: Hash::of(b""),
        body_bytes: ByteCount::ZERO,
        hops: vec![hop],
        traffic: Traffic::default(),
        head_ms: 1,
        reason: None,
    });
    let at = now().minus(DAY_MS);
    Ok(WorkResult { offer: Hash::of(&lease.offer), report, started_at: at, finished_at: at })
}
