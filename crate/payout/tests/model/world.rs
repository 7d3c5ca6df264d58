//! The store, the shell, three RPCs of which one may lie, and what can go wrong.

#![expect(clippy::indexing_slicing, reason = "a test's own maps hold what they are asked for")]

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::{Signer, SigningKey};
use fastrand::Rng;
use lull_payout::address::Address;
use lull_payout::batch::{Batch, Stage, Terms};
use lull_payout::decide;
use lull_payout::facts::{
    BATCH_MAX, Decided, Effect, Hold, Landing, Observation, PayoutState, Preparation, Seen, Sight, TransactionError,
    Write,
};
use lull_payout::lane::{Gate, Lane, LaneSight, LaneState, compare, gate};
use lull_payout::plan::{Due, Facts, Limits, Purse, plan, renew};
use lull_payout::reconcile::{Known, rebuild, restore};
use lull_payout::sanctions::Sanctions;
use lull_payout::token::Recipient;
use lull_payout::transaction::{lane, read};
use lull_payout::units::{BatchId, LaneId, Nonce, PayoutId, Signature};
use lull_protocol::{Amount, Timestamp};

use crate::chain::{Chain, FEE, RENT, State};
use crate::common::{id, key, terms, wallet};
use crate::store::Store;

const RPCS: usize = 3;
const LANES: u16 = 3;
const PAYOUTS: u64 = 30;

pub(crate) struct World {
    rng: Rng,
    key: SigningKey,
    terms: Terms,
    chain: Chain,
    store: Store,
    copy: Option<Store>,
    now: Timestamp,
    // The process's memory.
    effects: Vec<Effect>,
    late: Vec<(BatchId, Observation)>,
    moved: Vec<LaneId>,
    liar: Option<usize>,
    is_wild: bool,
    told: [usize; 3],
    /// Where each payout goes.
    accounts: BTreeMap<PayoutId, Address>,
    own: Address,
}

fn amount(payout: PayoutId) -> Amount {
    Amount::new(1_000 + payout.get()).expect("small")
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let terms = terms();
        let treasury = terms.treasury;
        let ids: Vec<LaneId> = (0..LANES).map(|number| lane(&treasury.owner, number)).collect();
        let first = |id: &LaneId| Nonce(*id.0.as_array());
        let payouts: Vec<PayoutId> = (1..=PAYOUTS).map(id).collect();
        let total: u64 = payouts.iter().map(|payout| amount(*payout).get()).sum();
        let own = treasury.mint.account_of(&treasury.owner);
        let account = |payout: &PayoutId| treasury.mint.account_of(&wallet(*payout).address());
        let accounts: BTreeMap<PayoutId, Address> = payouts.iter().map(|payout| (*payout, account(payout))).collect();
        let mut tokens = BTreeMap::from([(own, rng.u64(total / 2..total))]);
        tokens.extend(accounts.values().filter(|_| rng.bool()).map(|account| (*account, 0)));
        let nonces = ids.iter().map(|id| (id.0, first(id))).collect();
        let made = |id: &LaneId| Lane {
            id: *id,
            nonce: first(id),
            is_spent: false,
            last: Signature([0; 64]),
            batch: None,
            run: 0,
        };
        let store = Store {
            run: 1,
            batches: BTreeMap::new(),
            lanes: ids.iter().map(|id| (*id, made(id))).collect(),
            payouts: payouts.iter().map(|payout| (*payout, PayoutState::Waiting { batch_max: BATCH_MAX })).collect(),
            spent: BTreeMap::new(),
        };
        Self {
            rng,
            key: key(0),
            terms,
            chain: Chain::new(State { nonces, tokens, lamports: 10_000_000 }),
            store,
            copy: None,
            now: Timestamp::ZERO,
            effects: vec![],
            late: vec![],
            moved: vec![],
            liar: None,
            is_wild: true,
            told: [0; 3],
            accounts,
            own,
        }
    }

    /// How often something happened that the test is about.
    pub(crate) fn told(&self) -> [usize; 3] {
        self.told
    }

    fn chance(&mut self, in_100: u32) -> bool {
        self.is_wild && self.rng.u32(..100) < in_100
    }

    /// One thing happens.
    pub(crate) fn step(&mut self) {
        self.now = self.now.plus(self.rng.u64(..5_000));
        match self.rng.u32(..100) {
            0..30 => self.effect(),
            30..45 => self.tick(),
            45..55 => self.look(),
            55..63 => self.plan(),
            63..85 => self.chain_moves(),
            85..88 => self.late_answer(),
            88..93 => self.adversity(),
            93 => self.rarely(),
            94..97 => self.reconcile(),
            _ => self.liar = self.rng.bool().then(|| self.rng.usize(..RPCS)),
        }
    }

    fn rarely(&mut self) {
        match self.rng.u32(..8) {
            0 => self.start(),
            1 => self.copy = Some(self.store.clone()),
            2..5 => self.restored(),
            _ => self.cancel(),
        }
    }

    // The shell.

    fn gate(&self) -> Gate {
        let lanes = self.store.lanes();
        gate(&lanes, &self.moved, self.store.run)
    }

    fn decide(&mut self, id: BatchId, seen: Observation) {
        let Some(batch) = self.store.batch(id) else { return };
        let decided = decide(&batch, seen, &self.terms, &self.gate(), self.now);
        self.carry_out(decided);
    }

    fn carry_out(&mut self, decided: Decided) {
        let is_killed = self.is_wild && self.rng.u32(..150) == 0;
        if is_killed && self.rng.bool() {
            return self.start(); // before the commit
        }
        self.apply(&decided.writes);
        if is_killed {
            return self.start(); // after it
        }
        self.effects.extend(decided.effects);
    }

    fn apply(&mut self, writes: &[Write]) {
        for write in writes {
            match write {
                Write::SetBatch(Batch { stage: Stage::Failed { .. }, .. }) => self.told[1] += 1,
                Write::SetBatch(Batch { stage: Stage::Cancelled { .. }, .. }) => self.told[2] += 1,
                _ => {}
            }
        }
        self.store.apply(writes);
    }

    fn effect(&mut self) {
        if self.effects.is_empty() {
            return;
        }
        let index = self.rng.usize(..self.effects.len());
        let effect = self.effects.swap_remove(index);
        if self.chance(3) {
            self.effects.push(effect.clone());
        }
        match effect {
            Effect::Again(batch) => self.decide(batch, Observation::Tick),
            Effect::Prepare { batch, lane, transaction, .. } => {
                let mut answers: Vec<_> =
                    (0..RPCS).filter_map(|rpc| self.preparation(rpc, lane, &transaction)).collect();
                if self.chance(30) {
                    // Simulated before an account was frozen or the treasury emptied.
                    answers.iter_mut().for_each(|answer| answer.simulated = Ok(1_000));
                }
                self.answer(batch, Observation::Prepared(answers));
            }
            Effect::Sign { batch, message } => {
                let signature = Signature(self.key.sign(&message).to_bytes());
                self.answer(batch, Observation::Signed(signature));
            }
            Effect::Send { batch, transaction } => {
                let stage = self.store.batch(batch).expect("only stored batches have effects").stage;
                assert!(!matches!(stage, Stage::Reserved | Stage::Built { .. } | Stage::Dropped), "sent before signed");
                for _ in 0..2 {
                    self.chain.send(transaction.clone());
                }
            }
            Effect::Ask { batch, lane, payment, cancel } => {
                let sights = (0..RPCS).filter_map(|rpc| self.sight(rpc, lane, payment, cancel)).collect();
                self.answer(batch, Observation::Seen(sights));
            }
            Effect::Alarm(batch, alarm) => {
                let batch = batch.filter(|_| alarm.stops()).and_then(|id| self.store.batch(id));
                self.moved.extend(batch.map(|batch| batch.lane));
            }
        }
    }

    /// Most answers come at once, some later, some never.
    fn answer(&mut self, batch: BatchId, seen: Observation) {
        if self.chance(10) {
            self.late.push((batch, seen));
        } else if !self.chance(5) {
            self.decide(batch, seen);
        }
    }

    fn late_answer(&mut self) {
        if !self.late.is_empty() {
            let (batch, seen) = self.late.swap_remove(self.rng.usize(..self.late.len()));
            self.decide(batch, seen);
        }
    }

    fn tick(&mut self) {
        let batches = self.store.unfinished();
        if let Some(batch) = self.rng.choice(&batches) {
            self.decide(batch.id, Observation::Tick);
        }
    }

    fn cancel(&mut self) {
        let batches = self.store.unfinished();
        if let Some(batch) = self.rng.choice(&batches) {
            self.decide(batch.id, Observation::CancelWanted);
        }
    }

    fn look(&mut self) {
        for lane in self.store.lanes.clone().into_values() {
            if lane.run == self.store.run && !lane.is_spent {
                continue;
            }
            let own = lane.batch.and_then(|id| self.store.batch(id)).map_or(vec![], |batch| batch.signatures());
            let sights: Vec<LaneSight> = (0..RPCS).filter_map(|rpc| self.lane_sight(rpc, &lane)).collect();
            match compare(&lane, &own, &sights, self.terms.agree_min) {
                LaneState::Next(nonce) => {
                    self.carry_out(Decided { writes: vec![Write::NextNonce(lane.id, nonce)], effects: vec![] })
                }
                LaneState::Mismatch if !self.moved.contains(&lane.id) => {
                    self.told[0] += 1;
                    self.moved.push(lane.id);
                }
                _ => {}
            }
        }
        let lanes = self.store.lanes();
        let names: Vec<BatchId> = lanes.iter().map(|_| self.name()).collect();
        if self.moved.is_empty() {
            self.carry_out(renew(&lanes, &names, self.store.run));
        }
    }

    fn name(&mut self) -> BatchId {
        BatchId::new(self.rng.u64(..1 << 53)).expect("below 2^53")
    }

    fn plan(&mut self) {
        let names: Vec<BatchId> = (0..LANES).map(|_| self.name()).collect();
        let lanes = self.store.lanes();
        let due: Vec<Due> = self
            .store
            .payouts
            .iter()
            .filter_map(|(payout, state)| {
                let PayoutState::Waiting { batch_max } = state else { return None };
                Some(Due {
                    payout: *payout,
                    person: payout.get(),
                    wallet: wallet(*payout),
                    amount: amount(*payout),
                    batch_max: *batch_max,
                    is_account_charged: true,
                    recipient: self.recipient(*payout),
                    person_day: Amount::ZERO,
                })
            })
            .collect();
        let sanctions = Sanctions::parse(&format!("dated 1970-01-01\n{}", wallet(id(1))), Timestamp::ZERO);
        let sanctions = sanctions.expect("a list");
        // In the wild phase the purse is believed to be full, as if it had been looked at before others were paid.
        let state = self.chain.state();
        let tokens = state.tokens[&self.own];
        let purse = Purse {
            tokens: if self.is_wild { u64::MAX / 2 } else { tokens },
            lamports: state.lamports,
            transaction_lamports: FEE,
            account_lamports: RENT,
        };
        let limits = Limits { hour: Amount::MAX, person_day: Amount::MAX };
        let facts = Facts {
            due: &due,
            lanes: &lanes,
            names: &names,
            limits,
            hour: Amount::ZERO,
            purse,
            sanctions: &sanctions,
            is_paused: false,
            run: self.store.run,
        };
        let decided = plan(&facts, &self.terms, &self.gate(), Timestamp::ZERO);
        self.carry_out(decided);
    }

    fn account(&self, payout: PayoutId) -> Address {
        self.accounts[&payout]
    }

    fn recipient(&self, payout: PayoutId) -> Recipient {
        let account = self.account(payout);
        match self.chain.state().tokens.contains_key(&account) {
            true if self.chain.frozen.contains(&account) => Recipient::Frozen,
            true => Recipient::Open,
            false => Recipient::Missing,
        }
    }

    /// The process starts: what it had in memory is gone.
    fn start(&mut self) {
        self.effects.clear();
        self.late.clear();
        self.moved.clear();
        self.store.run += 1;
        for batch in self.store.unfinished() {
            let seen = if batch.signatures().is_empty() { Observation::CancelWanted } else { Observation::Tick };
            let decided = decide(&batch, seen, &self.terms, &self.gate(), self.now);
            self.apply(&decided.writes);
            self.effects.extend(decided.effects);
        }
    }

    fn restored(&mut self) {
        if let Some(copy) = self.copy.clone() {
            self.store = copy;
            self.start();
        }
    }

    fn reconcile(&mut self) {
        if self.moved.is_empty() {
            return;
        }
        let landings: Vec<Landing> = self.chain.finalized.iter().map(|landed| landed.landing.clone()).collect();
        let rebuilt = rebuild(&landings, &self.terms.treasury);
        assert_eq!(rebuilt.unexplained, []);
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
        let restored = restore(&known, &self.store.unfinished(), &rebuilt, &self.terms.treasury);
        assert_eq!((restored.contradicted, restored.forgotten), (vec![], vec![]));
        self.apply(&restored.writes);
        self.moved.clear();
    }

    // The chain, and what the RPCs say of it.

    fn chain_moves(&mut self) {
        match self.rng.u32(..10) {
            0..5 if !self.chain.pool.is_empty() => {
                let index = self.rng.usize(..self.chain.pool.len());
                self.chain.land(index);
            }
            5 if self.is_wild => self.chain.fork(),
            _ => self.chain.finalize(),
        }
    }

    fn adversity(&mut self) {
        let payout = id(self.rng.u64(1..=PAYOUTS));
        let account = self.account(payout);
        match self.rng.u32(..4) {
            0 => _ = self.chain.frozen.insert(account),
            1 => _ = self.chain.frozen.remove(&account),
            2 if !self.chain.pool.is_empty() => {
                let index = self.rng.usize(..self.chain.pool.len());
                drop(self.chain.pool.swap_remove(index));
            }
            _ => {}
        }
    }

    /// How many finalized transactions an RPC knows of; `None`: it doesn't answer.
    fn known_to(&mut self, _rpc: usize) -> Option<usize> {
        let all = self.chain.finalized.len();
        if self.chance(10) {
            return None;
        }
        let lag = if self.chance(20) { self.rng.usize(..3) } else { 0 };
        Some(all.saturating_sub(lag))
    }

    fn lies(&mut self, rpc: usize) -> bool {
        self.is_wild && self.liar == Some(rpc) && self.rng.bool()
    }

    fn nonce(&mut self, rpc: usize, lane: LaneId, known: usize) -> Option<Nonce> {
        if self.lies(rpc) {
            return self.rng.bool().then(|| Nonce([self.rng.u8(..); 32]));
        }
        self.chain.state_at(known).nonces.get(&lane.0).copied()
    }

    fn preparation(&mut self, rpc: usize, lane: LaneId, transaction: &[u8]) -> Option<Preparation> {
        let known = self.known_to(rpc)?;
        let nonce = self.nonce(rpc, lane, known);
        let simulated = match self.lies(rpc) {
            true => Err(TransactionError::Instruction {
                index: self.rng.usize(..20),
                why: lull_payout::facts::InstructionError::Custom(self.rng.u32(..20)),
            }),
            false => self.chain.simulate(transaction),
        };
        Some(Preparation { nonce, simulated, prices: vec![self.rng.u64(..1 << 40)] })
    }

    fn seen(&mut self, rpc: usize, known: usize, signature: Signature) -> Seen {
        if self.lies(rpc) {
            return match self.rng.u32(..4) {
                0 => Seen::Nothing,
                1 => Seen::Processed,
                2 => Seen::Confirmed,
                _ => Seen::Finalized(self.invented(signature)),
            };
        }
        let is_it = |landed: &&crate::chain::Landed| landed.signature == signature;
        if let Some(landed) = self.chain.finalized[..known].iter().find(is_it).cloned() {
            // Its history may lag behind its statuses, or be cut off.
            return match self.rng.u32(..10) {
                0 if self.is_wild => Seen::Nothing,
                1 if self.is_wild => Seen::Confirmed,
                _ => Seen::Finalized(landed.landing),
            };
        }
        match self.chain.tip.iter().find(is_it) {
            Some(_) if self.rng.bool() => Seen::Processed,
            Some(_) => Seen::Confirmed,
            None => Seen::Nothing,
        }
    }

    /// What a lie looks like: the right bytes, and as paid or as failed.
    fn invented(&mut self, signature: Signature) -> Landing {
        let sent = self.store.unfinished().into_iter().flat_map(|batch| {
            let (payment, cancel) = batch.stage.signed();
            payment.into_iter().chain(cancel).cloned().collect::<Vec<_>>()
        });
        let bytes = sent.into_iter().find(|signed| signed.signature() == signature);
        let bytes = bytes.map_or(vec![], |signed| signed.bytes().to_vec());
        let mut moved = BTreeMap::new();
        for (account, by) in read(&bytes, &self.terms.treasury.mint).map_or(vec![], |read| read.transfers) {
            *moved.entry(account).or_default() += i128::from(by);
            *moved.entry(self.own).or_default() -= i128::from(by);
        }
        let error = self.rng.bool().then(|| TransactionError::Whole("Invented".into()));
        if error.is_some() {
            moved.clear();
        }
        Landing { bytes, slot: 1, error, fee_lamports: FEE, spent_lamports: FEE, moved }
    }

    fn sight(&mut self, rpc: usize, lane: LaneId, payment: Signature, cancel: Option<Signature>) -> Option<Sight> {
        let known = self.known_to(rpc)?;
        let payment = self.seen(rpc, known, payment);
        let cancel = cancel.map_or(Seen::Nothing, |cancel| self.seen(rpc, known, cancel));
        Some(Sight { payment, cancel, nonce: self.nonce(rpc, lane, known) })
    }

    fn lane_sight(&mut self, rpc: usize, lane: &Lane) -> Option<LaneSight> {
        let known = self.known_to(rpc)?;
        let nonce = self.nonce(rpc, lane.id, known);
        let on_lane = self.chain.finalized[..known].iter().rev().filter(|landed| {
            read(&landed.landing.bytes, &self.terms.treasury.mint)
                .is_some_and(|read| read.advanced.is_some_and(|(advanced, _)| advanced == lane.id))
        });
        let newer = on_lane.map(|landed| landed.signature).take_while(|signature| *signature != lane.last).collect();
        Some(LaneSight { nonce, newer })
    }

    // What must hold.

    /// Nobody ever has more than their payout, in any block.
    pub(crate) fn check(&self) {
        for payout in self.store.payouts.keys() {
            let has = self.chain.state().tokens.get(&self.account(*payout)).copied().unwrap_or(0);
            assert!(has == 0 || has == amount(*payout).get(), "{payout:?} was paid {has}");
            if let PayoutState::Paid { .. } = self.store.payouts[payout] {
                let state = self.chain.state_at(self.chain.finalized.len());
                assert_eq!(
                    state.tokens.get(&self.account(*payout)),
                    Some(&amount(*payout).get()),
                    "{payout:?} is not paid"
                );
            }
        }
    }

    /// The adversary rests, the treasury is filled, the operator reconciles.
    pub(crate) fn settle_down(&mut self) {
        self.is_wild = false;
        self.liar = None;
        let own = self.own;
        self.chain.finalized.iter_mut().chain(&mut self.chain.tip).for_each(|landed| {
            *landed.after.tokens.entry(own).or_default() += 1_000_000;
        });
        *self.chain.genesis.tokens.entry(own).or_default() += 1_000_000;
        let mut rounds = 0;
        while !self.is_done() {
            rounds += 1;
            assert!(rounds < 400, "still not over: {:?}, {:?}", self.store.payouts, self.gate());
            self.now = self.now.plus(1_000);
            while !self.effects.is_empty() {
                self.effect();
            }
            for batch in self.store.unfinished() {
                self.decide(batch.id, Observation::Tick);
            }
            self.look();
            self.reconcile();
            self.plan();
            for _ in 0..self.chain.pool.len() {
                self.chain.land(0);
            }
            while !self.chain.tip.is_empty() {
                self.chain.finalize();
            }
        }
    }

    fn is_done(&self) -> bool {
        let is_open = |state: &PayoutState| matches!(state, PayoutState::Waiting { .. } | PayoutState::InBatch(_));
        !self.store.payouts.values().any(is_open) && self.store.unfinished().is_empty() && self.moved.is_empty()
    }

    /// Paid once, or held for a reason.
    pub(crate) fn check_end(&self) {
        self.check();
        let mut received = 0;
        for (payout, state) in &self.store.payouts {
            let has = self.chain.state().tokens.get(&self.account(*payout)).copied().unwrap_or(0);
            received += has;
            match state {
                PayoutState::Paid { .. } => assert_eq!(has, amount(*payout).get()),
                PayoutState::Held(Hold::Listed) => assert_eq!((payout.get(), has), (1, 0)),
                PayoutState::Held(Hold::Frozen | Hold::Refused) => assert_eq!(has, 0),
                other => unreachable!("{payout:?} ended as {other:?}"),
            }
        }
        let sent: i128 = self.chain.finalized.iter().filter_map(|landed| landed.landing.moved.get(&self.own)).sum();
        assert_eq!(-sent, i128::from(received));
        let fees: u64 = self.chain.finalized.iter().map(|landed| landed.landing.spent_lamports).sum();
        assert_eq!(self.store.spent.values().sum::<u64>(), fees, "each lamport is booked once");
        let unique: BTreeSet<Signature> = self.chain.finalized.iter().map(|landed| landed.signature).collect();
        assert_eq!(unique.len(), self.chain.finalized.len());
    }
}
