//! The task that pays: looks at the chain every so often, decides, commits, and then does what was decided.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use lull_market::session::News;
use lull_payout::address::{Address, Wallet};
use lull_payout::batch::Batch;
use lull_payout::decide;
use lull_payout::facts::{Alarm, Decided, Effect, Observation, Write};
use lull_payout::lane::{Gate, gate};
use lull_payout::sanctions::Sanctions;
use lull_payout::units::{BatchId, LaneId};
use lull_protocol::Timestamp;
use lull_protocol::payout::Standstill;
use lull_store::{PayCommand, PayError, PayReply, TreasuryId, TreasuryState};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::config::PayConfig;
use super::{Ground, PayoutError, ground};
use crate::App;
use crate::folder::random_bytes;
use crate::writer::now;

/// Until the chain is asked again, once it could not be, milliseconds.
const AGAIN_MS: u64 = 5_000;
/// The same trouble is said again after this, milliseconds.
const SAID_MS: u64 = 60_000;
/// Time between two looks at what was set aside, milliseconds.
const RETRY_MS: u64 = 10_000;
/// After so many turns in a row in which the chain could not be asked, people and the operator are told.
const TURNS_FAILED_MAX: u32 = 5;
/// Kinds of trouble that are remembered as said.
const SAID_MAX: usize = 256;

/// Pays, for as long as it runs.
pub(crate) struct Shell {
    pub(super) app: Arc<App>,
    pub(super) config: PayConfig,
    pub(super) tools: Tools,
    pub(super) id: TreasuryId,
    /// This start's number.
    pub(super) run: u64,
    pub(super) memory: Mutex<Memory>,
    /// Lanes that the chain doesn't have yet, by the last look.
    pub(super) lanes_missing: AtomicUsize,
}

/// What the settings came to; the signer is asked by one at a time.
pub(super) struct Tools {
    pub(super) net: super::net::Net,
    pub(super) signer: Mutex<Box<dyn super::signer::Signer>>,
    pub(super) terms: lull_payout::batch::Terms,
}

/// What need not last.
#[derive(Default)]
pub(super) struct Memory {
    /// Wallets without a token account, and when that was seen.
    pub(super) missing: BTreeMap<Wallet, Instant>,
    /// Rent of a token account, of an empty one, and when they were asked for.
    pub(super) rents: Option<(u64, u64, Instant)>,
    /// What workers were told last.
    pub(super) seen: Option<(lull_payout::rules::Costs, Option<Standstill>)>,
    /// When lanes were last sent for.
    pub(super) lanes_sent: Option<Instant>,
    retried: Option<Instant>,
    said: BTreeMap<String, Instant>,
}

/// Pays until the task is dropped. A setting that is wrong is said, and waited for.
pub(crate) async fn run(app: Arc<App>, config: PayConfig) {
    let mut failed = 0;
    loop {
        match Shell::start(app.clone(), config.clone()).await {
            Ok(shell) => {
                tokio::join!(shell.go_on(), shell.watch_deposits());
                return;
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "payouts wait: the chain could not be compared with the settings");
                failed = tell_of_failed(&app, failed, &error).await;
            }
            Err(error) => tracing::error!(%error, "nobody is paid: a setting is wrong"),
        }
        sleep(Duration::from_millis(AGAIN_MS)).await;
    }
}

impl Shell {
    /// Counts the run, and drops what an earlier one has left unsigned.
    async fn start(app: Arc<App>, config: PayConfig) -> Result<Self, PayoutError> {
        let Ground { net, signer, terms, id } = ground(&config).await?;
        let run = app.writer.pay(PayCommand::Begin(id)).await?.number;
        let tools = Tools { net, signer: Mutex::new(signer), terms };
        let (memory, lanes_missing) = (Mutex::default(), AtomicUsize::new(0));
        let shell = Self { app, config, tools, id, run, memory, lanes_missing };
        if let Some(till) = &shell.app.till {
            till.open(terms.treasury, id);
        }
        for batch in shell.state().await?.open {
            if batch.signatures().is_empty() {
                shell.drive(batch.id, Observation::CancelWanted).await?;
            }
        }
        tracing::info!(run, treasury = %id.owner, "payouts begin");
        Ok(shell)
    }

    async fn go_on(&self) {
        let mut failed = 0;
        loop {
            match self.turn().await {
                Ok(()) => failed = 0,
                Err(error) => {
                    self.say(&error.to_string()).await;
                    failed = tell_of_failed(&self.app, failed, &error).await;
                    // So that the next good turn takes it back.
                    self.memory.lock().await.seen = None;
                }
            }
            sleep(Duration::from_millis(self.config.poll_ms)).await;
        }
    }

    /// What a shell does every so often.
    async fn turn(&self) -> Result<(), PayoutError> {
        self.make_lanes().await?;
        let state = self.state().await?;
        let ticks = state.open.iter().map(|batch| self.drive(batch.id, Observation::Tick));
        for done in join_all(ticks).await {
            done?;
        }
        self.renew_lanes().await?;
        self.retry().await?;
        let batches = self.make_and_plan().await?;
        let begun = batches.into_iter().map(|batch| self.drive(batch, Observation::Tick));
        for done in join_all(begun).await {
            done?;
        }
        Ok(())
    }

    /// What was set aside may wait again.
    async fn retry(&self) -> Result<(), PayoutError> {
        let late = Duration::from_millis(RETRY_MS);
        if self.memory.lock().await.retried.is_some_and(|at| at.elapsed() < late) {
            return Ok(());
        }
        if self.app.readers.read(|reader| reader.is_retry_due(now())).await? {
            self.tell(PayCommand::Retry).await?;
        }
        self.memory.lock().await.retried = Some(Instant::now());
        Ok(())
    }

    pub(super) async fn state(&self) -> Result<TreasuryState, PayoutError> {
        Ok(self.app.readers.read(|reader| reader.lanes_and_batches()).await?)
    }

    pub(super) fn gate(&self, state: &TreasuryState) -> Gate {
        let moved: Vec<LaneId> = state.moved.iter().map(|moved| moved.lane).collect();
        // One that the chain has and the database doesn't is compared first; those that neither has hold up nobody.
        let seen = state.lanes.len() + self.lanes_missing.load(Ordering::Relaxed);
        match gate(&state.lanes, &moved, self.run) {
            Gate::Open if state.lanes.is_empty() || seen < usize::from(self.config.lanes) => Gate::Closed,
            gate => gate,
        }
    }

    /// Decides about a batch, and about what follows, until something must be waited for.
    pub(super) async fn drive(&self, id: BatchId, first: Observation) -> Result<(), PayoutError> {
        let mut seen = VecDeque::from([first]);
        while let Some(observation) = seen.pop_front() {
            let state = self.state().await?;
            let Some(batch) = state.open.iter().find(|batch| batch.id == id) else { return Ok(()) };
            let decided = decide(batch, observation, &self.tools.terms, &self.gate(&state), now());
            let Some(effects) = self.commit(Some(batch), decided).await? else { return Ok(()) };
            for effect in effects {
                seen.extend(self.effect(batch, effect).await?);
            }
        }
        Ok(())
    }

    /// Writes what was decided; what is to be done then. `None`: the batch has changed since, so nothing was written.
    pub(super) async fn commit(
        &self,
        on: Option<&Batch>,
        decided: Decided,
    ) -> Result<Option<Vec<Effect>>, PayoutError> {
        let Decided { writes, effects } = decided;
        if !writes.is_empty() {
            let is_stale =
                |result: &Result<PayReply, PayoutError>| matches!(result, Err(PayoutError::Pay(PayError::Stale)));
            let written = self.write(on, writes).await;
            if is_stale(&written) {
                return Ok(None);
            }
            written?;
        }
        Ok(Some(effects))
    }

    async fn write(&self, on: Option<&Batch>, writes: Vec<Write>) -> Result<PayReply, PayoutError> {
        let on = on.cloned().map(Box::new);
        self.tell(PayCommand::Decided { on, writes, sol: self.config.sol_price }).await
    }

    /// Has a command committed, and its workers told.
    pub(super) async fn tell(&self, command: PayCommand) -> Result<PayReply, PayoutError> {
        let reply = self.app.writer.pay(command).await?;
        if reply.is_for_all {
            self.app.hub.payouts_changed();
        } else {
            self.app.hub.deliver(News::of_payouts(&reply.workers).pushes);
        }
        Ok(reply)
    }

    async fn effect(&self, batch: &Batch, effect: Effect) -> Result<Option<Observation>, PayoutError> {
        let Tools { net, signer, terms } = &self.tools;
        Ok(match effect {
            Effect::Again(_) => Some(Observation::Tick),
            Effect::Prepare { lane, transaction, writes_to, .. } => {
                Some(Observation::Prepared(net.prepare(lane, &transaction, &writes_to, terms).await))
            }
            Effect::Sign { message, .. } => Some(Observation::Signed(signer.lock().await.sign(&message).await?)),
            Effect::Send { transaction, .. } => {
                net.send(&transaction).await;
                None
            }
            Effect::Ask { lane, payment, cancel, .. } => {
                Some(Observation::Seen(net.sights(lane, payment, cancel, terms).await))
            }
            Effect::Alarm(about, alarm) => {
                let lane = alarm.stops().then_some(batch.lane);
                self.alarm(about, lane, &words(&alarm)).await?;
                None
            }
        })
    }

    /// Tells the operator, and with a lane stops.
    pub(super) async fn alarm(
        &self,
        batch: Option<BatchId>,
        lane: Option<LaneId>,
        what: &str,
    ) -> Result<(), PayoutError> {
        let stops = match lane {
            Some(lane) => self.state().await?.moved.iter().all(|moved| moved.lane != lane),
            None => false,
        };
        if !self.is_news(&format!("{batch:?} {lane:?} {what}")).await && !stops {
            return Ok(());
        }
        let number = batch.map(BatchId::get);
        if lane.is_some() {
            tracing::error!(
                batch = number,
                what,
                "payouts stop until `treasury reconcile`: ledger and chain may differ"
            );
        } else {
            tracing::warn!(batch = number, what, "payouts");
        }
        self.tell(PayCommand::Alarm { batch, lane, what: what.to_owned() }).await?;
        Ok(())
    }

    pub(super) async fn say(&self, what: &str) {
        if self.is_news(what).await {
            tracing::warn!(what, "payouts wait");
        }
    }

    /// Whether something was not said in the last minute.
    pub(super) async fn is_news(&self, what: &str) -> bool {
        let said = &mut self.memory.lock().await.said;
        let late = Duration::from_millis(SAID_MS);
        if said.get(what).is_some_and(|at| at.elapsed() < late) {
            return false;
        }
        if said.len() >= SAID_MAX {
            said.clear();
        }
        said.insert(what.to_owned(), Instant::now());
        true
    }

    /// The sanctions list as it is now. Without a file (on a chain of one's own) it is empty and of today.
    pub(super) async fn sanctions(&self) -> Result<Sanctions, PayoutError> {
        let broken = |error: String| PayoutError::Sanctions(error);
        let text = match &self.config.sanctions {
            Some(file) => tokio::fs::read_to_string(file).await.map_err(|error| broken(error.to_string()))?,
            None => format!("dated {}", today(now())),
        };
        Sanctions::parse(&text, now()).map_err(|error| broken(error.to_string()))
    }
}

/// One more turn has failed; how many these are. What fails for another reason than the chain doesn't count.
async fn tell_of_failed(app: &App, failed: u32, error: &PayoutError) -> u32 {
    let failed = if matches!(error, PayoutError::Net(_)) { failed.saturating_add(1) } else { 0 };
    if failed == TURNS_FAILED_MAX
        && let Err(error) = tell_unreachable(app).await
    {
        tracing::warn!(%error, "nobody could be told that the chain can't be asked");
        return failed - 1;
    }
    failed
}

async fn tell_unreachable(app: &App) -> Result<(), PayoutError> {
    let costs = app.readers.read(|reader| reader.lanes_and_batches()).await?.costs;
    let standstill = Some(Standstill::Unreachable);
    if app.writer.pay(PayCommand::Stands { costs, standstill }).await?.is_for_all {
        app.hub.payouts_changed();
    }
    Ok(())
}

fn today(now: Timestamp) -> String {
    let (year, month, day) = lull_protocol::calendar::civil_from_days(now.get() / 86_400_000);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Fresh names for batches.
pub(super) fn names(count: usize) -> Result<Vec<BatchId>, PayoutError> {
    let name = |_| {
        let bytes = random_bytes::<8>().map_err(|_| PayoutError::Random)?;
        BatchId::new(u64::from_le_bytes(*bytes) >> 11).ok_or(PayoutError::Random)
    };
    (0..count).map(name).collect()
}

/// An alarm for a person to read; nobody's wallet is in it.
pub(super) fn words(alarm: &Alarm) -> String {
    match alarm {
        Alarm::Disagreement => "the RPCs differ; nothing is decided until they agree".into(),
        Alarm::LaneMoved => "a lane is not as the database knows it".into(),
        Alarm::NonceGone => "a nonce was used up, and not by what is known".into(),
        Alarm::OtherTokens => "a payment moved other tokens than planned".into(),
        Alarm::BadSignature => "the signer gave a signature that is not the treasury's".into(),
        Alarm::Simulation(error) => format!("a simulation failed: {error:?}"),
        Alarm::Failed(error) => format!("a transaction failed, and its fee is spent: {error:?}"),
        Alarm::TreasuryShort => "the treasury has too little for what is due; fill it".into(),
        Alarm::ListOld => "the sanctions list is older than 7 days; put a new one".into(),
        Alarm::Unbuildable(error) => format!("a payment can't be built: {error}"),
    }
}

/// What a lane is called in an alarm: its address, which is the treasury's own.
pub(super) fn moved(lane: &Address) -> String {
    format!("lane {lane} moved without the database knowing: it was restored, or another process pays with this key")
}
