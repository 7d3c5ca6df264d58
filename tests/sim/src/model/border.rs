//! What crosses the border: frames either way, and what a browser writes down.

use std::collections::BTreeSet;

use lull_market::Command;
use lull_protocol::message::RefusedCode;
use lull_protocol::statement::{Offer, Report, WorkResult};
use lull_protocol::{Hash, PublicKey, Signed, Timestamp, ToCoordinator, ToWorker, cose};
use lull_worker::Write;

use super::{Holds, Lease, Model, State, broken, must};

impl Model {
    /// These were in a transaction when the coordinator died.
    pub(crate) fn may_have_committed(&mut self, commands: &[Command], at: Timestamp) {
        for command in commands {
            if let Command::Claim { worker, nonces, .. } = command {
                self.maybe_nonces.extend(nonces.iter().map(|nonce| (*nonce, *worker)));
            }
            self.unsure.push((command.clone(), at));
        }
    }

    /// The coordinator reads a frame of a worker.
    pub(crate) fn house_got(&mut self, worker: PublicKey, message: &ToCoordinator) {
        let ToCoordinator::Result { statement } = message else { return };
        let Ok(signed) = Signed::<WorkResult>::verify(statement, &worker) else { return };
        if let Some(lease) = self.leases.get_mut(&signed.payload().offer).filter(|lease| lease.worker == worker) {
            lease.delivered.insert(signed.hash());
        }
    }

    /// The coordinator sends a message to whoever proved to be this worker.
    pub(crate) fn house_sent(&mut self, worker: PublicKey, message: &ToWorker, at: Timestamp) -> Holds {
        match message {
            ToWorker::Assign { offer, item } => self.assigned(worker, offer, item),
            ToWorker::Ack { offer, result } => self.acknowledged(worker, offer, result),
            ToWorker::Verdict { number, statement } => {
                let at = usize::try_from(*number).unwrap_or(usize::MAX).checked_sub(1);
                let known = at.and_then(|at| self.verdicts.get(&worker)?.get(at));
                let is_known = known.is_some_and(|ruled| ruled.statement == statement.as_slice());
                must(is_known, "acknowledged means durable", || format!("verdict {number} was sent uncommitted"))?;
                let told = &mut self.worker(worker).told_verdicts;
                *told = (*told).max(*number);
                Ok(())
            }
            ToWorker::Account { earned, pending, payable, .. } => {
                let (known_pending, known_payable) = self.account(&worker);
                let told = self.worker(worker).told_earned;
                let sum = pending.get() + payable.get();
                let fits = earned.get() == sum && sum <= known_pending + known_payable && sum >= told;
                must(fits, "earned = pending + payable", || {
                    format!("{worker} hears {message:?}; before {told}, known {known_pending} + {known_payable}")
                })?;
                self.worker(worker).told_earned = sum;
                Ok(())
            }
            ToWorker::Withdraw { offer, reason } => {
                let state = self.leases.get(offer).map(|lease| lease.state);
                let is_over = state == Some(State::Expired) && *reason == RefusedCode::LeaseExpired;
                must(is_over, "each lease ends", || format!("{offer} is withdrawn as {reason:?}, but is {state:?}"))
            }
            ToWorker::Refused { about, code } => self.refused(&worker, about.as_ref(), *code, at),
            ToWorker::Bye { code } => {
                let is_known = matches!(
                    code,
                    RefusedCode::Busy | RefusedCode::Replaced | RefusedCode::Stopping | RefusedCode::Unavailable
                );
                must(is_known || !self.is_unharmed(&worker), "honest workers are served", || {
                    format!("{worker} was sent away: {code:?}")
                })
            }
            ToWorker::Hello { .. }
            | ToWorker::Welcome { .. }
            | ToWorker::BodyWanted { .. }
            | ToWorker::BlobChunk { .. }
            | ToWorker::Pong { .. } => Ok(()),
        }
    }

    fn assigned(&mut self, worker: PublicKey, offer: &[u8], item: &[u8]) -> Holds {
        const LEASES: &str = "who may have which lease";
        let hash = Hash::of(offer);
        let signed = Signed::<Offer>::verify(offer, &self.house);
        let signed = signed.map_err(|error| broken(LEASES, format!("an offer does not verify: {error}")))?;
        let promise = signed.payload();
        let fits = promise.worker == worker && promise.item == Hash::of(item);
        must(fits, LEASES, || format!("{hash} was sent to {worker} with another's item"))?;
        if self.leases.contains_key(&hash) {
            return Ok(());
        }
        // One of those whose commit was unsure.
        let is_maybe = self.maybe_nonces.remove(&promise.nonce) == Some(worker);
        must(is_maybe, "acknowledged means durable", || format!("{hash} was sent uncommitted"))?;
        self.add_lease(hash, promise.clone());
        Ok(())
    }

    fn acknowledged(&mut self, worker: PublicKey, offer: &Hash, result: &Hash) -> Holds {
        let stored = self.leases.get_mut(offer).filter(|lease| lease.worker == worker);
        let is_stored = |lease: &Lease| lease.stored.as_ref().is_some_and(|(hash, _)| hash == result);
        let Some(lease) = stored.filter(|lease| is_stored(lease)) else {
            return Err(broken("acknowledged means durable", format!("{result} for {offer} is not committed")));
        };
        if !std::mem::replace(&mut lease.was_acknowledged, true) {
            self.counts.acknowledged += 1;
        }
        Ok(())
    }

    /// An honest worker's work is not refused for a reason that only a liar gives.
    fn refused(&self, worker: &PublicKey, about: Option<&Hash>, code: RefusedCode, at: Timestamp) -> Holds {
        if !self.is_unharmed(worker) {
            return Ok(());
        }
        let lease = about.and_then(|about| self.leases.get(about));
        let is_let_go = |offer: &Hash| self.workers.get(worker).is_some_and(|w| w.let_go.contains(offer));
        let is_fair = match code {
            RefusedCode::Busy | RefusedCode::Unavailable | RefusedCode::BodyRange => true,
            RefusedCode::Unexpected => about.is_some(),
            RefusedCode::LeaseExpired => {
                lease.is_none_or(|lease| lease.state == State::Expired || lease.offer.deadline < at)
            }
            RefusedCode::LeaseEnded => {
                lease.is_some_and(|lease| matches!(lease.state, State::Returned(_) | State::Done))
            }
            RefusedCode::ResultDiffers => about.is_some_and(is_let_go),
            _ => false,
        };
        must(is_fair, "honest workers are served", || format!("{worker} was refused {about:?}: {code:?}, {lease:?}"))
    }

    /// A worker of ours sends a message; `durable` tells whether its storage holds a key.
    pub(crate) fn worker_sent(
        &mut self,
        me: PublicKey,
        message: &ToCoordinator,
        is_twin: bool,
        durable: &dyn Fn(&str) -> bool,
    ) -> Holds {
        let ToCoordinator::Result { statement } = message else { return Ok(()) };
        let result: WorkResult = cose::peek(statement).map_err(|error| broken("frames", error.to_string()))?;
        let offer = result.offer;
        must(durable(&format!("outbox/{offer}")), "a result is durable before it is sent", || offer.to_string())?;
        let is_harmed = !self.is_unharmed(&me);
        let worker = self.worker(me);
        let hash = Hash::of(statement);
        let first = *worker.signed.entry(offer).or_insert(hash);
        let may_differ = is_twin || is_harmed || worker.let_go.contains(&offer);
        must(first == hash || may_differ, "one result per offer", || format!("{offer}: {first} and {hash}"))?;
        if let Report::Choice(answer) = &result.report {
            let is_answer = worker.answered.get(&offer).is_some_and(|given| given.contains(&answer.option));
            must(is_answer, "answers are the person's", || format!("{offer}: {answer:?}"))?;
        }
        Ok(())
    }

    pub(crate) fn person_answered(&mut self, me: PublicKey, offer: &str, option: u8) {
        if let Some(offer) = Hash::from_hex(offer) {
            let given: &mut BTreeSet<u8> = self.worker(me).answered.entry(offer).or_default();
            given.insert(option);
        }
    }

    /// A worker of ours writes a batch.
    pub(crate) fn worker_writes(&mut self, me: PublicKey, batch: u64, writes: &[Write]) {
        let keeps = |kind: &str, offer: &str| {
            writes.iter().any(|write| write.value.is_some() && write.key.strip_prefix(kind) == Some(offer))
        };
        for write in writes {
            if write.key == "settings" {
                self.consent.writes(me, batch);
            }
            let is_gone = |kind: &str| write.value.is_none().then(|| write.key.strip_prefix(kind)).flatten();
            let let_go = match (is_gone("receipt/"), is_gone("outbox/")) {
                (Some(offer), _) => Some(offer),
                (_, Some(offer)) if !keeps("receipt/", offer) => Some(offer),
                _ => None,
            };
            if let Some(offer) = let_go.and_then(Hash::from_hex) {
                let worker = self.worker(me);
                worker.made_room = true;
                worker.let_go.insert(offer);
            }
        }
    }

    /// A batch was written, or failed.
    pub(crate) fn worker_stored(&mut self, me: PublicKey, batch: u64, is_taken: bool) {
        self.consent.wrote(me, batch, is_taken);
    }
}
