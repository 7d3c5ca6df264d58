//! What a shell does: asks, decides, commits, and then does what was decided, one step at a time.

use ed25519_dalek::Signer;
use lull_payout::decide;
use lull_payout::facts::{Alarm, Decided, Effect, Observation, Write};
use lull_payout::lane::{Gate, Lane, LaneState, compare, gate};
use lull_payout::plan::renew;
use lull_payout::transaction::{self, Signed};
use lull_payout::units::{BatchId, LaneId, Signature};
use lull_store::{PayCommand, TreasuryState};

use super::super::{Event, World};
use super::chain::{Chain, LANE_RENT};
use super::{Done, Stop, Task, Who};
use crate::mix::chance;
use crate::model::broken;
use crate::plan::{MINUTE, Ms, SECOND};
use crate::table::PayState;

/// As the coordinator's own limits of these names.
const LANES_MS: Ms = 2 * MINUTE;
const RETRY_MS: Ms = 10 * SECOND;
const SAID_MS: Ms = MINUTE;
/// From landing until nobody can drop a block any more.
const FINAL_MS: Ms = 13 * SECOND;
/// Transactions that are lost on their way, of a thousand.
const LOST: u32 = 30;

impl World {
    pub(super) fn pay_task(&mut self, who: Who, task: Task) -> Done {
        match task {
            Task::Begin => self.begin_run(who),
            Task::Lanes => self.make_lanes(who),
            Task::Ticks => {
                let open = self.treasury(who)?.open;
                let ticks = open.iter().map(|batch| Task::Drive(batch.id, Box::new(Observation::Tick)));
                self.first(who, ticks.collect());
                Ok(())
            }
            Task::Drive(batch, seen) => self.drive(who, batch, *seen),
            Task::Effect(batch, lane, effect) => self.effect(who, batch, lane, *effect),
            Task::Renew => self.renew_lanes(who),
            Task::Retry => self.retry(who),
            Task::Make => self.make(who),
            Task::Plan => self.plan_batches(who),
        }
    }

    /// These come before what waits.
    pub(super) fn first(&mut self, who: Who, tasks: Vec<Task>) {
        if let Some(payer) = self.payer(who) {
            tasks.into_iter().rev().for_each(|task| payer.tasks.push_front(task));
        }
    }

    /// Counts the run, and drops what an earlier one has left unsigned.
    fn begin_run(&mut self, who: Who) -> Done {
        let id = self.pay().id;
        let run = self.pay_write(who, &PayCommand::Begin(id))?.number;
        if let Some(payer) = self.payer(who) {
            payer.run = run;
        }
        let open = self.treasury(who)?.open;
        let unsigned = open.iter().filter(|batch| batch.signatures().is_empty());
        let drops = unsigned.map(|batch| Task::Drive(batch.id, Box::new(Observation::CancelWanted)));
        self.first(who, drops.collect());
        Ok(())
    }

    /// How it stands; what the table calls it is kept.
    pub(super) fn treasury(&mut self, who: Who) -> Done<TreasuryState> {
        let state = self.pay_read(who, |reader| reader.lanes_and_batches())?;
        let gate = self.gate(who, &state);
        if let Some(payer) = self.payer(who)
            && (!state.open.is_empty() || gate == Gate::Closed)
        {
            payer.next_ms = 0;
        }
        if who == Who::House {
            self.pay().state = pay_state(&state, &gate);
            if matches!(gate, Gate::Stopped(_)) {
                self.call_operator();
            }
        }
        Ok(state)
    }

    pub(super) fn gate(&mut self, who: Who, state: &TreasuryState) -> Gate {
        let lanes = usize::from(self.pay().plan.lanes);
        let Some(payer) = self.payer(who) else { return Gate::Closed };
        let moved: Vec<LaneId> = state.moved.iter().map(|moved| moved.lane).collect();
        let seen = state.lanes.len() + payer.lanes_missing;
        match gate(&state.lanes, &moved, payer.run) {
            Gate::Open if state.lanes.is_empty() || seen < lanes => Gate::Closed,
            gate => gate,
        }
    }

    /// Decides about a batch; what follows comes next.
    fn drive(&mut self, who: Who, id: BatchId, seen: Observation) -> Done {
        let state = self.treasury(who)?;
        let Some(batch) = state.open.iter().find(|batch| batch.id == id) else { return Ok(()) };
        let gate = self.gate(who, &state);
        let now = self.house_wall();
        let Decided { writes, effects } = decide(batch, seen, &self.pay().terms, &gate, now);
        if !writes.is_empty() {
            let on = Some(Box::new(batch.clone()));
            self.decided(who, on, writes)?;
        }
        let effects = effects.into_iter().map(|effect| Task::Effect(id, batch.lane, Box::new(effect)));
        self.first(who, effects.collect());
        Ok(())
    }

    pub(super) fn decided(&mut self, who: Who, on: Option<Box<lull_payout::batch::Batch>>, writes: Vec<Write>) -> Done {
        let sol = self.pay().plan.sol;
        self.pay_write(who, &PayCommand::Decided { on, writes, sol }).map(drop)
    }

    fn effect(&mut self, who: Who, id: BatchId, lane: LaneId, effect: Effect) -> Done {
        if who == Who::House && self.dies_before_an_output() {
            return Err(Stop::Dead);
        }
        let now = self.queue.now();
        let seen = match effect {
            Effect::Again(batch) => {
                self.first(who, vec![Task::Drive(batch, Box::new(Observation::Tick))]);
                return Ok(());
            }
            Effect::Prepare { lane, transaction, .. } => {
                Observation::Prepared(self.pay().rpcs.prepare(lane, &transaction, now))
            }
            Effect::Sign { message, .. } => Observation::Signed(Signature(self.pay().key.sign(&message).to_bytes())),
            Effect::Send { transaction, .. } => {
                self.expect_stored(who, id, &transaction)?;
                self.send_transaction(transaction);
                return Ok(());
            }
            Effect::Ask { lane, .. } => {
                let state = self.treasury(who)?;
                let Some(batch) = state.open.iter().find(|batch| batch.id == id) else { return Ok(()) };
                let named = |signed: &Signed| (signed.signature(), signed.bytes().to_vec());
                let (payment, cancel) = batch.stage.signed();
                let Some(payment) = payment.map(named) else { return Ok(()) };
                let cancel = cancel.map(named);
                Observation::Seen(self.pay().rpcs.sights(lane, (&payment, cancel.as_ref()), now))
            }
            Effect::Alarm(about, alarm) => {
                let lane = alarm.stops().then_some(lane);
                return self.alarm(who, about, lane, &words(&alarm));
            }
        };
        // Most answers come at once, some after all else that waits.
        let task = Task::Drive(id, Box::new(seen));
        let is_late = chance(&mut self.pay().rng, 100);
        match self.payer(who) {
            Some(payer) if is_late => payer.tasks.push_back(task),
            _ => self.first(who, vec![task]),
        }
        Ok(())
    }

    /// What is sent is stored before, as it is.
    fn expect_stored(&mut self, who: Who, id: BatchId, sent: &[u8]) -> Done {
        let batch = self.pay_read(who, |reader| reader.batch(id))?;
        let is_stored = batch.is_some_and(|batch| {
            let (payment, cancel) = batch.stage.signed();
            // It may be over since.
            batch.stage.is_over() || payment.into_iter().chain(cancel).any(|signed| signed.bytes() == sent)
        });
        if !is_stored {
            let what = format!("batch {} is sent and not stored", id.get());
            self.check(Err(broken("a payment is stored before it is sent", what)));
        }
        Ok(())
    }

    /// Tells the operator, and with a lane stops.
    pub(super) fn alarm(&mut self, who: Who, batch: Option<BatchId>, lane: Option<LaneId>, what: &str) -> Done {
        let stops = match lane {
            Some(lane) => self.treasury(who)?.moved.iter().all(|moved| moved.lane != lane),
            None => false,
        };
        let now = self.queue.now();
        let Some(payer) = self.payer(who) else { return Err(Stop::Dead) };
        let said = payer.said.insert(format!("{batch:?} {lane:?} {what}"), now);
        if said.is_some_and(|at| now < at + SAID_MS) && !stops {
            return Ok(());
        }
        if stops && !self.pay().may_differ {
            let why = format!("they stop for {what}, and chain and ledger are the same");
            self.check(Err(broken("payouts stop only for a reason", why)));
        }
        self.pay_write(who, &PayCommand::Alarm { batch, lane, what: what.to_owned() }).map(drop)
    }

    fn retry(&mut self, who: Who) -> Done {
        let (at, now) = (self.queue.now(), self.house_wall());
        let Some(payer) = self.payer(who) else { return Err(Stop::Dead) };
        if payer.retried.is_some_and(|last| at < last + RETRY_MS) {
            return Ok(());
        }
        payer.retried = Some(at);
        if self.pay_read(who, |reader| reader.is_retry_due(now))? {
            self.pay_write(who, &PayCommand::Retry)?;
        }
        Ok(())
    }

    /// Finds the lanes that the database doesn't know, and makes those that the chain doesn't.
    fn make_lanes(&mut self, who: Who) -> Done {
        let known = self.treasury(who)?.lanes;
        let now = self.queue.now();
        let (owner, lanes) = (self.pay().terms.treasury.owner, self.pay().plan.lanes);
        let mut missing = Vec::new();
        for number in 0..lanes {
            let id = transaction::lane(&owner, number);
            if known.iter().any(|lane| lane.id == id) {
                continue;
            }
            match self.pay().rpcs.lane(id, now).ok_or(Stop::Later)? {
                None => missing.push(number),
                Some((nonce, last)) => {
                    let lane = Lane { id, nonce, is_spent: false, last, batch: None, run: 0 };
                    self.pay_write(who, &PayCommand::AddLanes(vec![lane]))?;
                }
            }
        }
        let Some(payer) = self.payer(who) else { return Err(Stop::Dead) };
        payer.lanes_missing = missing.len();
        if !missing.is_empty() {
            payer.next_ms = 0;
        }
        if missing.is_empty() || payer.lanes_sent.is_some_and(|at| now < at + LANES_MS) {
            return Ok(());
        }
        payer.lanes_sent = Some(now);
        for some in missing.chunk_by(|one, next| one + 1 == *next) {
            let (Some(first), Some(last)) = (some.first(), some.last()) else { continue };
            let message = transaction::make_lanes(&owner, *first..last + 1, LANE_RENT, Chain::blockhash(now));
            let message = message.expect("a few lanes fit into a transaction");
            let signature = Signature(self.pay().key.sign(message.bytes()).to_bytes());
            let signed = message.attach(signature, &owner).expect("it is the treasury's key");
            self.send_transaction(signed.bytes().to_vec());
        }
        Ok(())
    }

    /// Compares lanes with the chain, and renews those of an earlier run.
    fn renew_lanes(&mut self, who: Who) -> Done {
        let state = self.treasury(who)?;
        let Some(run) = self.payer(who).map(|payer| payer.run) else { return Err(Stop::Dead) };
        let (now, agree_min) = (self.queue.now(), self.pay().terms.agree_min);
        for lane in state.lanes.iter().filter(|lane| lane.run != run || lane.is_spent) {
            if state.moved.iter().any(|moved| moved.lane == lane.id) {
                continue;
            }
            let batch = state.open.iter().find(|batch| Some(batch.id) == lane.batch);
            let own = batch.map_or(vec![], |batch| batch.signatures());
            let sights = self.pay().rpcs.lane_sights(lane, now);
            match compare(lane, &own, &sights, agree_min) {
                LaneState::Next(nonce) => {
                    let written = self.decided(who, None, vec![Write::NextNonce(lane.id, nonce)]);
                    written.or_else(|stop| if stop == Stop::Stale { Ok(()) } else { Err(stop) })?;
                }
                LaneState::Mismatch => self.alarm(who, None, Some(lane.id), "a lane moved")?,
                LaneState::Same | LaneState::Busy | LaneState::Unknown => {}
            }
        }
        let state = self.treasury(who)?;
        if !state.moved.is_empty() {
            return Ok(());
        }
        let names = self.names(state.lanes.len());
        let Decided { writes, effects } = renew(&state.lanes, &names, run);
        if writes.is_empty() {
            return Ok(());
        }
        self.decided(who, None, writes)?;
        let again = effects.into_iter().filter_map(|effect| match effect {
            Effect::Again(batch) => Some(Task::Drive(batch, Box::new(Observation::Tick))),
            _ => None,
        });
        self.first(who, again.collect());
        Ok(())
    }

    /// Fresh names for batches.
    pub(super) fn names(&mut self, count: usize) -> Vec<BatchId> {
        let rng = &mut self.pay().rng;
        (0..count).map(|_| BatchId::new(rng.u64(..1 << 53)).expect("below 2^53")).collect()
    }

    /// Hands a transaction to the RPCs. It lands soon, late, or never.
    fn send_transaction(&mut self, bytes: Vec<u8>) {
        let pay = self.pay();
        let lost = pay.late.map_or(LOST, |(_, lost)| lost);
        let most_ms = pay.late.map_or(2 * SECOND, |(by_ms, _)| by_ms);
        let Some(signature) = transaction::read(&bytes, &pay.terms.treasury.mint).map(|read| read.signature) else {
            return;
        };
        if chance(&mut pay.rng, lost) || pay.pool.contains_key(&signature) || pay.rpcs.chain.has(&signature) {
            return;
        }
        let after_ms = pay.rng.u64(most_ms / 4..most_ms);
        pay.pool.insert(signature, bytes);
        self.queue.after(after_ms, Event::Lands(signature));
    }

    /// A transaction's time has come.
    pub(crate) fn lands(&mut self, signature: Signature) {
        let now = self.queue.now();
        let pay = self.pay();
        let Some(bytes) = pay.pool.remove(&signature) else { return };
        let Some(slot) = pay.rpcs.chain.land(&bytes, now) else { return };
        let after_ms = FINAL_MS + pay.rng.u64(..5 * SECOND);
        self.mix.bytes(&signature.0);
        self.queue.after(after_ms, Event::Finalizes(slot));
    }

    /// Blocks become final: this is what was paid.
    pub(crate) fn finalizes(&mut self, slot: u64) {
        let now = self.queue.now();
        let pay = self.pay();
        let mint = pay.terms.treasury.mint;
        let mut paid = Vec::new();
        for landed in pay.rpcs.chain.finalize(slot, now) {
            let Some(read) = transaction::read(&landed.landing.bytes, &mint) else { continue };
            let Some(memo) = read.memo.filter(|_| landed.landing.error.is_none()) else { continue };
            for (payout, (account, amount)) in memo.payouts().iter().zip(read.transfers) {
                paid.push((payout.get(), account, amount));
            }
        }
        for (payout, account, amount) in paid {
            self.tally.paid += 1;
            let checked = self.model.chain_pays(payout, account, amount);
            self.check(checked);
        }
    }
}

/// What the table calls it.
fn pay_state(state: &TreasuryState, gate: &Gate) -> PayState {
    use lull_payout::batch::Stage;
    let of = |batch: &lull_payout::batch::Batch| match batch.stage {
        Stage::Reserved => PayState::Reserved,
        Stage::Built { .. } => PayState::Built,
        Stage::Signed { .. } => PayState::Signed,
        Stage::Sent { .. } => PayState::Sent,
        Stage::Confirmed { .. } => PayState::Confirmed,
        Stage::Cancelling { .. } => PayState::Cancelling,
        Stage::CancelSent { .. } => PayState::CancelSent,
        Stage::Paid { .. } | Stage::Failed { .. } | Stage::Cancelled { .. } | Stage::Dropped => PayState::Idle,
    };
    match gate {
        Gate::Stopped(_) => PayState::Stopped,
        Gate::Closed | Gate::Open => {
            let furthest = state.open.iter().filter(|batch| !batch.transfers.is_empty()).map(of).max();
            furthest.unwrap_or(if *gate == Gate::Open { PayState::Idle } else { PayState::Shut })
        }
    }
}

/// An alarm in a word.
pub(super) fn words(alarm: &Alarm) -> String {
    match alarm {
        Alarm::Disagreement => "the RPCs differ".into(),
        Alarm::LaneMoved => "a lane moved".into(),
        Alarm::NonceGone => "a nonce was used up".into(),
        Alarm::OtherTokens => "other tokens moved".into(),
        Alarm::TreasuryShort => "the treasury is short".into(),
        Alarm::ListOld => "the list is old".into(),
        other => format!("{other:?}"),
    }
}
