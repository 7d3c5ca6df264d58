//! What crosses the border: frames either way, and what a browser writes down.

use std::collections::BTreeSet;

use lull_market::Command;
use lull_market::session::{Found, Query};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::{Extension, Offer, Report, Verdict, WorkResult};
use lull_protocol::{Answer, Hash, PublicKey, Signed, Timestamp, ToCoordinator, ToWorker, cose};
use lull_worker::Write;

use super::paying::is_told_badly;
use super::{Holds, Lease, Model, Ruled, State, broken, must};
use crate::world::ConnId;

impl Model {
    /// These were in a transaction when the coordinator died.
    pub(crate) fn may_have_committed(&mut self, commands: &[Command], at: Timestamp) {
        for command in commands {
            if let Command::Claim { worker, nonces, .. } = command {
                self.maybe_nonces.extend(nonces.iter().map(|nonce| (*nonce, *worker)));
            }
            match command {
                Command::PayWhen { worker, account_agreed, .. } => {
                    self.paying.chose(*worker, None, account_agreed.get(), at);
                }
                Command::PayNow { worker } => self.paying.wished(*worker),
                _ => {}
            }
            self.unsure.push((command.clone(), at));
        }
    }

    /// A connection has read the store: it finds what is committed.
    pub(crate) fn read(&self, query: &Query, found: &Found) -> Holds {
        match (query, found) {
            (Query::OpenLeases { worker, now }, Found::OpenLeases(leases)) => self.found_leases(worker, *now, leases),
            (Query::OpenRejections { worker, after: None }, Found::OpenRejections(rejections)) => {
                self.found_rejections(worker, rejections)
            }
            (Query::Account { worker, day_start }, Found::Account(account)) => {
                let ((pending, settled), payable) = (self.account(worker), self.payable(worker));
                let row = self.verdicts.get(worker).map(Vec::as_slice).unwrap_or_default();
                let of_today = |ruled: &&Ruled| ruled.verdict.decided_at >= *day_start;
                let today: u64 = row.iter().filter(of_today).map(|ruled| ruled.verdict.amount.get()).sum();
                let said = (account.pending.get(), account.payable.get(), account.earned.get());
                let fits = said == (pending, payable, pending + settled)
                    && (account.earned_today.get(), account.verdicts) == (today, row.len() as u64);
                must(fits, "earned = pending + payable", || {
                    format!("{worker} has {account:?}, verdicts say {pending}, {payable}, {today} since {day_start:?}")
                })
            }
            (Query::Payouts { worker, .. }, Found::Payouts(payouts)) => self.read_of_payouts(worker, payouts),
            (Query::VerdictsAfter { worker, number, limit }, Found::VerdictsAfter(page)) => {
                let row = self.verdicts.get(worker).map(Vec::as_slice).unwrap_or_default();
                let from = usize::try_from(*number).unwrap_or(usize::MAX).min(row.len());
                let rest = row.iter().zip(1_u64..).skip(from).take(*limit).map(|(ruled, at)| (at, &ruled.statement));
                let is_row = rest.eq(page.iter().map(|verdict| (verdict.number, &verdict.statement)));
                must(is_row, "acknowledged means durable", || {
                    format!("{} verdicts of {worker} after {number} were found, {} exist", page.len(), row.len())
                })
            }
            _ => Ok(()),
        }
    }

    /// All that are live, and no other.
    fn found_leases(&self, worker: &PublicKey, now: Timestamp, leases: &[lull_market::Lease]) -> Holds {
        const TOLD: &str = "leases are told again";
        let is_live = |lease: &Lease| lease.state == State::Open && lease.deadline >= now;
        let live = self.leases.iter().filter(|(_, lease)| lease.worker == *worker && is_live(lease));
        let mut missing: BTreeSet<Hash> = live.map(|(offer, _)| *offer).collect();
        for lease in leases {
            let offer: Offer = cose::peek(&lease.offer).map_err(|error| broken("frames", error.to_string()))?;
            let is_maybe = self.maybe_nonces.get(&offer.nonce) == Some(worker);
            let is_known = missing.remove(&Hash::of(&lease.offer)) || is_maybe;
            must(is_known, TOLD, || format!("{offer:?} is not open"))?;
            self.found_with_its_end(lease)?;
        }
        must(missing.is_empty(), TOLD, || format!("{missing:?} of {worker} were not found"))
    }

    /// The coordinator reads a frame of a worker.
    pub(crate) fn house_got(&mut self, worker: PublicKey, message: &ToCoordinator) {
        let ToCoordinator::Result { statement } = message else { return };
        let Ok(signed) = Signed::<WorkResult>::verify(statement, &worker) else { return };
        if let Some(lease) = self.leases.get_mut(&signed.payload().offer).filter(|lease| lease.worker == worker) {
            lease.delivered.insert(signed.hash());
        }
    }

    /// The coordinator sends a message on this connection, to whoever proved to be this worker.
    pub(crate) fn house_sent(&mut self, conn: ConnId, worker: PublicKey, message: &ToWorker, at: Timestamp) -> Holds {
        match message {
            ToWorker::Assign { offer, item, extension, .. } => {
                self.assigned(worker, offer, item)?;
                self.told_with_its_end(Hash::of(offer), extension.as_ref().map(|bytes| bytes.as_slice()))
            }
            ToWorker::Extended { statement } => {
                let about = cose::peek::<Extension>(statement).map(|extension| extension.offer);
                let about = about.map_err(|error| broken("frames", error.to_string()))?;
                self.told_with_its_end(about, Some(statement))
            }
            ToWorker::Rejected { .. } | ToWorker::Appealed { .. } => self.told_of_rejection(worker, message),
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
                let (known_pending, known_settled) = self.account(&worker);
                // A connection that another one of the same key replaces may still tell what it had asked for before.
                let told = self.worker(worker).told_earned.get(&conn).copied().unwrap_or(0);
                let (sum, rest) = (earned.get(), pending.get() + payable.get());
                let is_sum = if self.pays() { rest <= sum } else { rest == sum };
                let fits = is_sum && sum <= known_pending + known_settled && sum >= told;
                must(fits, "earned = pending + payable", || {
                    format!("{worker} hears {message:?}; before {told}, known {known_pending} + {known_settled}")
                })?;
                self.worker(worker).told_earned.insert(conn, sum);
                Ok(())
            }
            ToWorker::Withdraw { offer, reason } => {
                let state = self.leases.get(offer).map(|lease| lease.state);
                let item = self.leases.get(offer).and_then(|lease| self.items.get(&lease.item));
                // Whoever hears that its time is over may have been a little quicker.
                let is_over = match reason {
                    RefusedCode::LeaseExpired => matches!(state, Some(State::Expired | State::Done)),
                    RefusedCode::Withdrawn => item.is_some_and(|work| work.is_stopped()),
                    _ => false,
                };
                must(is_over, "each lease ends", || format!("{offer} is withdrawn as {reason:?}, but is {state:?}"))
            }
            ToWorker::Payouts(payouts) if self.pays() => {
                must(!is_told_badly(payouts), "payouts are told as they are", || format!("{worker} hears {payouts:?}"))
            }
            ToWorker::Ticket { .. }
            | ToWorker::Wallet(_)
            | ToWorker::WalletRefused { .. }
            | ToWorker::PayoutsBefore { .. }
            | ToWorker::WalletBrowsers { .. }
                if self.pays() =>
            {
                Ok(())
            }
            ToWorker::Ticket { .. }
            | ToWorker::Wallet(_)
            | ToWorker::WalletRefused { .. }
            | ToWorker::Payouts(_)
            | ToWorker::PayoutsBefore { .. }
            | ToWorker::WalletBrowsers { .. } => Err(broken("frames", "a coordinator that pays nobody says how")),
            ToWorker::Reversal { .. } => Err(broken("frames", "an operator that contests no money says that it does")),
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
            | ToWorker::SkipsLeft { .. }
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
        let contested = about.and_then(|about| self.leases.get(&self.contested(about)?));
        let is_let_go = |offer: &Hash| self.workers.get(worker).is_some_and(|w| w.let_go.contains(offer));
        let is_fair = match code {
            RefusedCode::Busy | RefusedCode::Unavailable | RefusedCode::BodyRange => true,
            RefusedCode::Unexpected => about.is_some(),
            RefusedCode::LeaseExpired => lease.is_none_or(|lease| lease.state == State::Expired || lease.deadline < at),
            RefusedCode::LeaseEnded => {
                lease.is_some_and(|lease| matches!(lease.state, State::Returned(_) | State::Done))
                    || contested.is_some_and(|lease| lease.ruling.is_some())
            }
            RefusedCode::Withdrawn => {
                lease.and_then(|lease| self.items.get(&lease.item)).is_some_and(|work| work.is_stopped())
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
        if !is_twin {
            self.consent.sends(me, message)?;
        }
        if let ToCoordinator::Ping { verdicts_seen, .. } | ToCoordinator::Proof { verdicts_seen, .. } = message {
            let ruled = self.verdicts.get(&me).map_or(0, Vec::len) as u64;
            let of_others = || format!("{me} counts {verdicts_seen} verdicts, {ruled} were about it");
            must(*verdicts_seen <= ruled, "another's verdict counts for nobody", of_others)?;
        }
        if let ToCoordinator::Appeal { statement } = message {
            return self.worker_appeals(me, statement, is_twin);
        }
        if let ToCoordinator::Return { offer, reason: ReturnReason::RanOut, .. } = message {
            return self.word_is_true(&me, offer, true);
        }
        let ToCoordinator::Result { statement } = message else { return Ok(()) };
        let result: WorkResult = cose::peek(statement).map_err(|error| broken("frames", error.to_string()))?;
        let offer = result.offer;
        must(durable(&format!("outbox/{offer}")), "a result is durable before it is sent", || offer.to_string())?;
        let is_harmed = !self.is_unharmed(&me);
        let worker = self.worker(me);
        let hash = Hash::of(statement);
        let is_new = !worker.signed.contains_key(&offer);
        let first = *worker.signed.entry(offer).or_insert(hash);
        let may_differ = is_twin || is_harmed || worker.let_go.contains(&offer);
        must(first == hash || may_differ, "one result per offer", || format!("{offer}: {first} and {hash}"))?;
        // That it was withdrawn is no word of the person's.
        let is_theirs = !matches!(result.report, Report::Withdrawn);
        let may_be_sent = is_twin || is_harmed || !is_theirs || worker.taken_back.get(&offer) != Some(&true);
        must(may_be_sent, "what is taken back is not sent", || format!("{offer}: {:?}", result.report))?;
        if let Report::Judgment(report) = &result.report {
            let is_answer = worker.answered.get(&offer).is_some_and(|given| given.contains(&report.answer));
            must(is_answer, "answers are the person's", || format!("{offer}: {report:?}"))?;
        }
        match &result.report {
            Report::Flag(_) => self.word_is_true(&me, &offer, false),
            Report::Withdrawn => self.word_is_true(&me, &offer, true),
            Report::Fetch(report) if is_new => self.report_is_true(&offer, report),
            _ => Ok(()),
        }
    }

    /// A worker of ours hears something.
    pub(crate) fn worker_heard(&mut self, me: PublicKey, message: &ToWorker) {
        let worker = self.worker(me);
        let about = match message {
            ToWorker::Ack { offer, .. } => Some(*offer),
            ToWorker::Refused { about: Some(about), code } if code.is_final() => {
                worker.appeals.remove(about);
                Some(*about)
            }
            ToWorker::Verdict { statement, .. } => cose::peek::<Verdict>(statement).ok().and_then(|verdict| {
                worker.signed.iter().find(|(_, hash)| **hash == verdict.result).map(|(offer, _)| *offer)
            }),
            _ => None,
        };
        worker.heard.extend(about);
    }

    pub(crate) fn person_answered(&mut self, me: PublicKey, offer: &str, answer: Answer) {
        if let Some(offer) = Hash::from_hex(offer) {
            let given: &mut BTreeSet<Answer> = self.worker(me).answered.entry(offer).or_default();
            given.insert(answer);
            self.worker(me).taken_back.entry(offer).and_modify(|is_open| *is_open = false);
        }
    }

    pub(crate) fn person_took_back(&mut self, me: PublicKey, offer: &str) {
        self.worker(me).taken_back.extend(Hash::from_hex(offer).map(|offer| (offer, true)));
    }

    /// A browser ended; `is_settled`: storage had taken all that was to be written.
    pub(crate) fn killed(&mut self, me: PublicKey, is_settled: bool) {
        if !is_settled {
            self.worker(me).taken_back.values_mut().for_each(|is_open| *is_open = false);
        }
    }

    /// A worker of ours writes a batch; `fails`: its storage did not take the last one; `durable` tells whether it
    /// holds a key.
    pub(crate) fn worker_writes(
        &mut self,
        me: PublicKey,
        batch: u64,
        writes: &[Write],
        (fails, at): (bool, Timestamp),
        durable: &dyn Fn(&str) -> bool,
    ) -> Holds {
        self.worker_deletes(me, batch, writes, (fails, at), durable)?;
        self.caps.writes(me, batch, writes);
        for write in writes {
            if write.key == "settings" {
                self.consent.writes(me, batch);
            }
            let is_aside = write.key.starts_with("aside/") && !self.worker(me).was_damaged;
            must(!is_aside, "records survive", || format!("{me} can't read its own {}", write.key))?;
            let taken = write.value.as_ref().and_then(|_| Hash::from_hex(write.key.strip_prefix("lease/")?));
            if let Some(lease) = taken.and_then(|offer| self.leases.get(&offer)) {
                let class = lease.offer.class;
                let keeps = self.consent.keeps(me, class);
                must(keeps, "nothing before consent", || format!("{me} takes work of {class:?}, which is off"))?;
            }
        }
        Ok(())
    }

    /// A batch was written, or failed.
    pub(crate) fn worker_stored(&mut self, me: PublicKey, batch: u64, is_taken: bool) {
        self.consent.wrote(me, batch, is_taken);
        self.caps.wrote(me, batch, is_taken);
        let worker = self.worker(me);
        let offers = worker.makes_room.remove(&batch).filter(|_| is_taken);
        worker.let_go.extend(offers.into_iter().flatten());
    }
}
