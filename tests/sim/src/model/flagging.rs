//! What flags must mean, once more in few words: two people stop an item, whoever works on it is paid, and nobody is
//! paid beyond what is held for it.

use lull_protocol::statement::{Decision, VerdictReason, WorkResult};
use lull_protocol::{FlagReason, FlagReport, Hash, PublicKey, Timestamp};

use super::rules::{self, Ruling};
use super::working::Expected;
use super::{Broken, Holds, Lease, Model, State, Work};

/// People whose flags stop an item, as the rules promise.
const FLAGS_CLOSE: u8 = 2;
/// How long a look is that is paid, as the rules promise, milliseconds.
pub(super) const SEEN_MS_MIN: u64 = 5_000;

/// A flag in the order in which they came.
#[derive(Clone, Debug)]
pub(super) struct Flagged {
    offer: Hash,
    result: Hash,
    seen_ms: u64,
}

impl Work {
    pub(super) fn is_stopped(&self) -> bool {
        self.flaggers >= FLAGS_CLOSE
    }
}

pub(super) const fn unpaid(reason: VerdictReason) -> Ruling {
    (Decision::Accepted, reason, 0)
}

fn seen_ms(result: &WorkResult, lease: &Lease, at: Timestamp) -> u64 {
    let (from, to) = (result.started_at.max(lease.offer.issued_at), result.finished_at.min(at));
    to.get().saturating_sub(from.get())
}

impl Model {
    /// Whether a result of a lease that has expired may still be taken.
    pub(super) fn may_be_late(&self, lease: &Lease) -> bool {
        let Some(work) = self.items.get(&lease.item) else { return false };
        let has_another = self
            .leases_of(work)
            .any(|other| self.is_of_person(other, &lease.worker) && matches!(other.state, State::Open | State::Done));
        lease.state == State::Expired && !work.is_closed && self.is_offered(work) && !has_another
    }

    /// Whether a place of an item may be leased: as many stay free as flags wait, while somebody works on it.
    pub(super) fn is_offered(&self, work: &Work) -> bool {
        let is_worked_on = self.leases_of(work).any(|lease| lease.state == State::Open);
        let kept = if is_worked_on { usize::from(work.flaggers) } else { 0 };
        !work.is_stopped() && usize::from(work.needed) > self.places_taken(work) + kept
    }

    /// A flag. Its look is bounded by the coordinator's own clock, whatever its worker's says.
    pub(super) fn take_flag(
        &mut self,
        offer: Hash,
        flag: &FlagReport,
        result: &WorkResult,
        at: Timestamp,
    ) -> Result<Expected, Broken> {
        let Some(lease) = self.leases.get(&offer) else { return Ok(Expected::new()) };
        let (item, seen_ms) = (lease.item, seen_ms(result, lease, at));
        let hash = lease.stored.as_ref().map_or(Hash([0; 32]), |(hash, _)| *hash);
        if flag.reason == FlagReason::Unclear {
            let is_stopped = self.items.get(&item).is_some_and(|work| work.is_stopped());
            let ruling = if is_stopped {
                self.pay_look(offer, seen_ms)?
            } else {
                self.rule(offer, unpaid(VerdictReason::FlagPassedOn))
            };
            self.close_if_stopped(item);
            return Ok([(hash, ruling)].into());
        }
        let has_flagged = self.has_flagged(item, &lease.worker);
        let Some(work) = self.items.get_mut(&item) else { return Ok(Expected::new()) };
        work.flags.push(Flagged { offer, result: hash, seen_ms });
        work.flaggers += u8::from(!has_flagged);
        if !work.is_stopped() {
            return Ok(Expected::new());
        }
        let flags = work.flags.clone();
        let mut expected = Expected::new();
        let answers: Vec<(Hash, Hash)> = self.items.get(&item).map_or(vec![], |work| {
            let waiting = self.leases_of(work).filter(|lease| lease.counts && lease.ruling.is_none());
            waiting.filter_map(|lease| Some((lease.stored.as_ref()?.0, self.offer_of(lease)?))).collect()
        });
        for (result, offer) in answers {
            expected.insert(result, self.pay_stopped(offer)?);
        }
        for Flagged { offer, result, seen_ms } in flags {
            if self.leases.get(&offer).is_some_and(|lease| lease.ruling.is_none()) {
                expected.insert(result, self.pay_look(offer, seen_ms)?);
            }
        }
        self.close_if_stopped(item);
        Ok(expected)
    }

    /// Whether a worker's person has flagged an item before.
    fn has_flagged(&self, item: Hash, worker: &PublicKey) -> bool {
        let flags = self.items.get(&item).map_or(&[][..], |work| &work.flags);
        let by = |flag: &Flagged| self.leases.get(&flag.offer).is_some_and(|lease| self.is_of_person(lease, worker));
        flags.iter().any(by)
    }

    /// The look at an item that was taken back.
    pub(super) fn take_look(&mut self, offer: Hash, result: &WorkResult, at: Timestamp) -> Result<Ruling, Broken> {
        let Some(lease) = self.leases.get(&offer) else { return Ok(unpaid(VerdictReason::StoppedUnpaid)) };
        let (item, seen_ms) = (lease.item, seen_ms(result, lease, at));
        let ruling = self.pay_look(offer, seen_ms)?;
        self.close_if_stopped(item);
        Ok(ruling)
    }

    /// What an answer to a stopped item earns: all that it was promised.
    pub(super) fn pay_stopped(&mut self, offer: Hash) -> Result<Ruling, Broken> {
        let price = self.leases.get(&offer).map_or(0, |lease| lease.offer.price.per_item.get());
        self.pay(offer, price)?;
        Ok(self.rule(offer, (Decision::Accepted, VerdictReason::Stopped, price)))
    }

    /// A look earns the same, if it was long enough, and if open leases keep what they were promised.
    fn pay_look(&mut self, offer: Hash, seen_ms: u64) -> Result<Ruling, Broken> {
        let Some(lease) = self.leases.get(&offer) else { return Ok(unpaid(VerdictReason::StoppedUnpaid)) };
        let price = lease.offer.price.per_item.get();
        let cost = price + rules::fee(price, self.terms.fee_bp);
        let Some(work) = self.items.get(&lease.item) else { return Ok(unpaid(VerdictReason::StoppedUnpaid)) };
        let open = self.leases_of(work).filter(|lease| lease.state == State::Open).count() as u64;
        if seen_ms >= SEEN_MS_MIN && work.held >= (open + 1) * cost {
            self.pay_stopped(offer)
        } else {
            Ok(self.rule(offer, unpaid(VerdictReason::StoppedUnpaid)))
        }
    }

    /// Flags that wait while others decide the item.
    pub(super) fn not_shared(&mut self, item: Hash) -> Expected {
        let flags = self.items.get(&item).map_or(vec![], |work| work.flags.clone());
        let waits = |flag: &Flagged| self.leases.get(&flag.offer).is_some_and(|lease| lease.ruling.is_none());
        let waiting: Vec<Flagged> = flags.into_iter().filter(waits).collect();
        let rule = |flag: Flagged| (flag.result, self.rule(flag.offer, unpaid(VerdictReason::FlagNotShared)));
        waiting.into_iter().map(rule).collect()
    }

    /// A stopped item is over when nobody works on it any more.
    pub(super) fn close_if_stopped(&mut self, item: Hash) {
        let is_over = self.items.get(&item).is_some_and(|work| {
            let is_open = self.leases_of(work).any(|lease| lease.state == State::Open);
            work.is_stopped() && !work.is_closed && !is_open
        });
        if is_over {
            self.close(item);
        }
    }

    fn offer_of(&self, lease: &Lease) -> Option<Hash> {
        let work = self.items.get(&lease.item)?;
        work.leases.iter().copied().find(|offer| self.leases.get(offer).is_some_and(|other| std::ptr::eq(other, lease)))
    }

    /// The person says what is wrong.
    pub(crate) fn person_flagged(&mut self, me: PublicKey, offer: &str) {
        if let Some(offer) = Hash::from_hex(offer) {
            self.worker(me).flagged.insert(offer);
            self.worker(me).taken_back.entry(offer).and_modify(|is_open| *is_open = false);
        }
    }

    /// A page shows the person a judgment for as long as a look is paid.
    pub(crate) fn person_saw(&mut self, me: PublicKey, offer: &str) {
        self.worker(me).seen.extend(Hash::from_hex(offer));
    }

    /// What a worker of ours says instead of an answer is the person's own word, and a look was one.
    pub(super) fn word_is_true(&self, me: &PublicKey, offer: &Hash, is_look: bool) -> Holds {
        let worker = self.workers.get(me);
        let is_true = worker.is_some_and(|w| if is_look { w.seen.contains(offer) } else { w.flagged.contains(offer) });
        super::must(is_true, "flags and looks are the person's", || format!("{me} about {offer}, a look: {is_look}"))
    }
}
