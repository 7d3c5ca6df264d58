//! A payout process: what the coordinator's shell does, as small as it can be. It can be killed before any of its
//! commits and effects.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use lull_payout::batch::{Batch, Stage};
use lull_payout::decide;
use lull_payout::facts::{Alarm, Decided, Effect, Observation, PayoutState, Preparation, Seen, Sight, Write};
use lull_payout::lane::{Gate, Lane, LaneSight, LaneState, compare, gate};
use lull_payout::plan::{Due, Facts, Limits, Purse, plan, renew};
use lull_payout::reconcile::{Known, Restored, rebuild, restore};
use lull_payout::rpc::{self, Commitment};
use lull_payout::sanctions::Sanctions;
use lull_payout::token;
use lull_payout::transaction::Treasury;
use lull_payout::units::{BatchId, LaneId, Nonce, PayoutId, Signature};
use lull_protocol::{Amount, Timestamp};

use crate::net::Net;
use crate::store::Store;
use crate::world::{World, amount, wallet};

const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(40);

/// A run of the process, on a store that outlives it.
pub(crate) struct Process<'a> {
    world: &'a World,
    pub(crate) store: &'a mut Store,
    effects: VecDeque<Effect>,
    moved: Vec<LaneId>,
    /// What the operator was told.
    pub(crate) alarms: Vec<Alarm>,
    /// Signed bytes stay here instead of being sent.
    pub(crate) withheld: Option<Vec<Vec<u8>>>,
    /// When it is killed.
    pub(crate) kill: Option<Kill>,
    /// Whether it plans.
    pub(crate) plans: bool,
    begun: Instant,
    /// Each batch's stages, and when.
    pub(crate) diary: Vec<(Batch, Duration)>,
}

/// A moment to kill the process at: so many commits are made before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// What it decided is lost.
    BeforeCommit(usize),
    /// What it decided is stored, and not carried out.
    AfterCommit(usize),
}

/// The process was killed, as the test wished.
#[derive(Debug)]
pub(crate) struct Killed;

impl std::fmt::Display for Killed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("killed")
    }
}
impl std::error::Error for Killed {}

impl<'a> Process<'a> {
    /// Starts it: the run is counted, and what was stored goes on.
    pub(crate) fn start(world: &'a World, store: &'a mut Store) -> Self {
        store.run += 1;
        let (effects, moved, alarms, diary) = (VecDeque::new(), vec![], vec![], vec![]);
        let begun = Instant::now();
        let process =
            Self { world, store, effects, moved, alarms, withheld: None, kill: None, plans: true, begun, diary };
        for batch in process.store.unfinished() {
            if batch.signatures().is_empty() {
                let decided = decide(&batch, Observation::CancelWanted, &world.terms, &Gate::Closed, process.now());
                process.store.apply(&decided.writes);
            }
        }
        process
    }

    /// Works until this holds.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<()> {
        let begun = Instant::now();
        while !holds(self) {
            self.turn().await?;
            let state = || format!("{what}: {:?}, {:?}, {:?}", self.gate(), self.store.payouts, self.alarms);
            ensure!(begun.elapsed() < PATIENCE, "not after {PATIENCE:?}: {}", state());
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Works until every payout is paid or held, and no batch is on its way.
    pub(crate) async fn until_over(&mut self) -> Result<()> {
        let is_over = |state: &PayoutState| matches!(state, PayoutState::Paid { .. } | PayoutState::Held(_));
        let holds =
            |process: &Self| process.store.payouts.values().all(is_over) && process.store.unfinished().is_empty();
        self.until("every payout is over", holds).await
    }

    /// Works until the gate is open.
    pub(crate) async fn until_open(&mut self) -> Result<()> {
        self.plans = false;
        self.until("the gate opens", |process| process.gate() == Gate::Open).await?;
        self.plans = true;
        Ok(())
    }

    /// Works until batches are signed and stored as sent, and returns them and their bytes, which nobody was sent.
    pub(crate) async fn until_withheld(&mut self) -> Result<(Vec<Batch>, Vec<Vec<u8>>)> {
        self.until_open().await?;
        self.withheld = Some(vec![]);
        let is_sent = |stage: &Stage| matches!(stage, Stage::Sent { .. });
        self.until("a batch is sent", |process| !process.at(is_sent).is_empty()).await?;
        self.plans = false;
        let mut bytes = self.withheld.take().unwrap_or_default();
        bytes.dedup();
        Ok((self.at(is_sent), bytes))
    }

    /// What a shell does every few seconds.
    pub(crate) async fn turn(&mut self) -> Result<()> {
        for batch in self.store.unfinished() {
            self.decide(batch.id, Observation::Tick)?;
        }
        self.carry_out().await?;
        self.look().await?;
        if self.gate() == Gate::Open && self.plans {
            self.plan().await?;
        }
        self.carry_out().await
    }

    pub(crate) fn gate(&self) -> Gate {
        gate(&self.store.lanes(), &self.moved, self.store.run)
    }

    pub(crate) fn cancel(&mut self, batch: BatchId) -> Result<()> {
        self.decide(batch, Observation::CancelWanted)
    }

    fn now(&self) -> Timestamp {
        Timestamp::ZERO.plus(self.begun.elapsed().as_millis().try_into().unwrap_or(u64::MAX))
    }

    /// Dies if it is the time. `is_before` a commit, or after it.
    fn survive(&mut self, is_before: bool) -> Result<()> {
        let left = match &mut self.kill {
            Some(Kill::BeforeCommit(left)) if is_before => left,
            Some(Kill::AfterCommit(left)) if !is_before => left,
            _ => return Ok(()),
        };
        *left = left.checked_sub(1).ok_or(Killed)?;
        Ok(())
    }

    fn decide(&mut self, id: BatchId, seen: Observation) -> Result<()> {
        let Some(batch) = self.store.batch(id) else { return Ok(()) };
        let decided = decide(&batch, seen, &self.world.terms, &self.gate(), self.now());
        self.commit(decided)
    }

    fn commit(&mut self, decided: Decided) -> Result<()> {
        let is_commit = !decided.writes.is_empty();
        if is_commit {
            self.survive(true)?;
        }
        for write in &decided.writes {
            if let Write::SetBatch(batch) = write {
                self.diary.push((batch.clone(), self.begun.elapsed()));
            }
        }
        self.store.apply(&decided.writes);
        if is_commit {
            self.survive(false)?;
        }
        self.effects.extend(decided.effects);
        Ok(())
    }

    async fn carry_out(&mut self) -> Result<()> {
        while let Some(effect) = self.effects.pop_front() {
            self.effect(effect).await?;
        }
        Ok(())
    }

    /// Two RPCs, which are the same here.
    fn nets(&self) -> [Net; 2] {
        [self.world.surfnet.net.clone(), self.world.surfnet.net.clone()]
    }

    async fn effect(&mut self, effect: Effect) -> Result<()> {
        match effect {
            Effect::Again(batch) => self.decide(batch, Observation::Tick)?,
            Effect::Prepare { batch, lane, transaction, writes_to } => {
                let mut answers = vec![];
                for net in self.nets() {
                    let nonce = self.nonce(&net, lane).await?;
                    let simulated = net.ask(&rpc::simulation(&transaction)).await?;
                    let prices = net.ask(&rpc::recent_prices(&writes_to)).await?;
                    answers.push(Preparation { nonce, simulated, prices });
                }
                self.decide(batch, Observation::Prepared(answers))?;
            }
            Effect::Sign { batch, message } => {
                self.decide(batch, Observation::Signed(self.world.sign(&message)))?;
            }
            Effect::Send { transaction, .. } => match &mut self.withheld {
                Some(withheld) => withheld.push(transaction),
                // Twice: the same bytes are one transaction. What it answers tells nothing.
                None => {
                    for net in self.nets() {
                        let _ = net.ask(&rpc::send(&transaction)).await;
                    }
                }
            },
            Effect::Ask { batch, lane, payment, cancel } => {
                let mut sights = vec![];
                for net in self.nets() {
                    // First: what has moved it is seen by those who look afterwards.
                    let nonce = self.nonce(&net, lane).await?;
                    let payment = self.seen(&net, payment).await?;
                    let cancel = match cancel {
                        Some(cancel) => self.seen(&net, cancel).await?,
                        None => Seen::Nothing,
                    };
                    sights.push(Sight { payment, cancel, nonce });
                }
                self.decide(batch, Observation::Seen(sights))?;
            }
            Effect::Alarm(batch, alarm) => {
                let batch = batch.filter(|_| alarm.stops()).and_then(|id| self.store.batch(id));
                self.moved.extend(batch.map(|batch| batch.lane));
                self.alarms.push(alarm);
            }
        }
        Ok(())
    }

    async fn nonce(&self, net: &Net, lane: LaneId) -> Result<Option<Nonce>> {
        let account = net.ask(&rpc::account(&lane.0, Commitment::Finalized)).await?;
        Ok(account.and_then(|account| token::nonce(&account, &self.world.terms.treasury.owner)))
    }

    async fn seen(&self, net: &Net, signature: Signature) -> Result<Seen> {
        let status = net.ask(&rpc::statuses(&[signature])).await?.into_iter().flatten().next();
        let landing = match status {
            Some(status) if status.commitment == Commitment::Finalized => {
                let transaction = net.ask(&rpc::transaction(&signature)).await?;
                transaction.and_then(|transaction| transaction.landing(&self.world.terms.treasury.mint))
            }
            _ => None,
        };
        Ok(rpc::seen(status, landing))
    }

    /// Compares lanes with the chain, and renews those of an earlier run.
    async fn look(&mut self) -> Result<()> {
        for lane in self.store.lanes() {
            if lane.run == self.store.run && !lane.is_spent {
                continue;
            }
            let own = lane.batch.and_then(|id| self.store.batch(id)).map_or(vec![], |batch| batch.signatures());
            let mut sights = vec![];
            for net in self.nets() {
                sights.push(self.lane_sight(&net, &lane).await?);
            }
            match compare(&lane, &own, &sights, self.world.terms.agree_min) {
                LaneState::Next(nonce) => {
                    let writes = vec![Write::NextNonce(lane.id, nonce)];
                    self.commit(Decided { writes, effects: vec![] })?;
                }
                LaneState::Mismatch if !self.moved.contains(&lane.id) => self.moved.push(lane.id),
                LaneState::Mismatch | LaneState::Same | LaneState::Busy | LaneState::Unknown => {}
            }
        }
        if self.moved.is_empty() {
            let lanes = self.store.lanes();
            self.commit(renew(&lanes, &names(lanes.len()), self.store.run))?;
        }
        Ok(())
    }

    async fn lane_sight(&self, net: &Net, lane: &Lane) -> Result<LaneSight> {
        let nonce = self.nonce(net, lane.id).await?;
        let Treasury { owner, mint } = self.world.terms.treasury;
        let mut newer = vec![];
        for signature in net.ask(&rpc::history(&lane.id.0, None, Some(&lane.last))).await? {
            let read = net.ask(&rpc::transaction(&signature)).await?.and_then(|transaction| transaction.read(&mint));
            if read.is_some_and(|read| read.advanced == Some((lane.id, owner))) {
                newer.push(signature);
            }
        }
        Ok(LaneSight { nonce, newer })
    }

    async fn plan(&mut self) -> Result<()> {
        let net = &self.world.surfnet.net;
        let Treasury { owner, mint } = self.world.terms.treasury;
        let waiting = self.store.payouts.iter().filter_map(|(payout, state)| match state {
            PayoutState::Waiting { batch_max } => Some((*payout, *batch_max)),
            _ => None,
        });
        let waiting: Vec<(PayoutId, u16)> = waiting.collect();
        let mut due = vec![];
        for some in waiting.chunks(rpc::ACCOUNTS_MAX) {
            let accounts: Vec<_> = some.iter().map(|(payout, _)| mint.account_of(&wallet(*payout).address())).collect();
            let accounts = net.ask(&rpc::accounts(&accounts, Commitment::Confirmed)).await?;
            for ((payout, batch_max), account) in some.iter().zip(accounts) {
                let (payout, batch_max, wallet) = (*payout, *batch_max, wallet(*payout));
                let recipient = mint.recipient(wallet, account.as_ref());
                let (person, person_day) = (payout.get(), Amount::ZERO);
                due.push(Due {
                    payout,
                    person,
                    wallet,
                    amount: amount(payout),
                    batch_max,
                    is_account_charged: true,
                    recipient,
                    person_day,
                });
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        let [treasury, own] = [owner, mint.account_of(&owner)];
        let accounts = net.ask(&rpc::accounts(&[treasury, own], Commitment::Confirmed)).await?;
        let [Some(treasury), Some(own)] = accounts.as_slice() else { anyhow::bail!("no treasury") };
        let in_flight: u64 = self
            .store
            .unfinished()
            .iter()
            .flat_map(|batch| &batch.transfers)
            .map(|transfer| transfer.amount.get())
            .sum();
        let own = mint.token_account(own).context("the treasury's account is none")?;
        let purse = Purse {
            tokens: own.amount.saturating_sub(in_flight),
            lamports: treasury.lamports,
            transaction_lamports: 5_000 + self.world.terms.priority_lamports_max,
            account_lamports: net.ask(&rpc::rent(mint.account_bytes())).await?,
        };
        let sanctions = Sanctions::parse("dated 1970-01-01", Timestamp::ZERO).context("an empty list")?;
        let lanes = self.store.lanes();
        let facts = Facts {
            due: &due,
            lanes: &lanes,
            names: &names(lanes.len()),
            limits: Limits { hour: Amount::MAX, person_day: Amount::MAX },
            hour: Amount::ZERO,
            purse,
            sanctions: &sanctions,
            is_paused: false,
            run: self.store.run,
        };
        let decided = plan(&facts, &self.world.terms, &self.gate(), self.now());
        self.commit(decided)
    }

    /// What `lull treasury reconcile` does.
    pub(crate) async fn reconcile(&mut self) -> Result<Restored> {
        let net = &self.world.surfnet.net;
        let Treasury { owner, mint } = self.world.terms.treasury;
        let mut landings = vec![];
        for signature in net.ask(&rpc::history(&owner, None, None)).await? {
            let transaction = net.ask(&rpc::transaction(&signature)).await?.context("it is in the history")?;
            landings.push(transaction.landing(&mint).context("a transaction can't be read")?);
        }
        landings.reverse();
        let treasury = &self.world.terms.treasury;
        let rebuilt = rebuild(&landings, treasury);
        let known: Vec<Known> = self
            .store
            .payouts
            .iter()
            .map(|(payout, state)| Known {
                payout: *payout,
                wallet: wallet(*payout),
                amount: amount(*payout),
                state: *state,
            })
            .collect();
        let restored = restore(&known, &self.store.unfinished(), &rebuilt, treasury);
        self.store.apply(&restored.writes);
        self.moved.clear();
        Ok(restored)
    }

    /// Batches that pay somebody and are at this stage.
    pub(crate) fn at(&self, is_it: impl Fn(&Stage) -> bool) -> Vec<Batch> {
        let batches = self.store.unfinished().into_iter();
        batches.filter(|batch| is_it(&batch.stage) && !batch.transfers.is_empty()).collect()
    }
}

fn names(count: usize) -> Vec<BatchId> {
    (0..count).filter_map(|_| BatchId::new(fastrand::u64(..1 << 53))).collect()
}
