//! What may be held against an answer, who hears of it when, and who decides: the rules once more, in few words.

use lull_market::{OpenRejection, Refusal, Rejected, RequesterId, Reviewed};
use lull_protocol::rejection::{Appeal, BuyerRecord, Rejection};
use lull_protocol::statement::{AcceptanceRule, Decision, VerdictReason};
use lull_protocol::{Hash, OrderId, PublicKey, Signed, Timestamp, ToWorker};

use super::flagging::unpaid;
use super::rules::{PAUSE_PER_MILLE, PAUSE_REVIEWED_LEAST, Ruling};
use super::working::Expected;
use super::{Broken, Holds, Lease, Model, State, broken, must};

/// Nothing is final before its worker had its say.
pub(super) const REJECTIONS: &str = "a rejection comes before its verdict, with evidence and time to appeal";
const HEARD: &str = "an appeal in time is heard";
const PAUSES: &str = "a project with too many rejections pauses";
/// In the calm an appeal with so much time left reaches the coordinator, milliseconds.
const APPEAL_MARGIN_MS: u64 = 15 * 60_000;

/// What is held against an answer.
#[derive(Clone, Debug)]
pub(super) struct Contest {
    pub(super) hash: Hash,
    evidence: String,
    pub(super) is_appealed: bool,
}

impl Model {
    fn lease(&self, offer: &Hash) -> Result<&Lease, Broken> {
        self.leases.get(offer).ok_or_else(|| broken(REJECTIONS, format!("{offer} is no offer")))
    }

    /// A requester's word about answers, committed: all of it.
    pub(super) fn reviewed(
        &mut self,
        (requester, order): (RequesterId, OrderId),
        (accept, reject): (&[Hash], &[Rejected]),
        at: Timestamp,
    ) -> Result<(Expected, Vec<Hash>), Broken> {
        let mut expected = Expected::new();
        let mut rejected = Vec::new();
        for offer in accept {
            let lease = self.lease(offer)?;
            let project = self.items.get(&lease.item).map(|work| work.order);
            must(project == Some(order) && self.of_order(&order) == Some(requester), "whose answers", || {
                format!("{offer} was accepted by {requester:?}")
            })?;
            match (lease.ruling, &lease.contest) {
                (Some((decision, ..)), _) => {
                    must(decision != Decision::Rejected, REJECTIONS, || format!("{offer} was accepted in the end"))?;
                }
                (None, Some(contest)) if contest.is_appealed => {
                    self.decide_alone(*offer, VerdictReason::AppealUpheld, &mut expected)?;
                }
                (None, _) => self.decide_alone(*offer, VerdictReason::ApprovedByBuyer, &mut expected)?,
            }
        }
        for Rejected { offer, evidence } in reject {
            let lease = self.lease(offer)?;
            if let Some(contest) = &lease.contest {
                let is_same = contest.evidence == *evidence;
                must(is_same, REJECTIONS, || format!("{offer} was rejected for another reason before"))?;
                continue;
            }
            let is_waiting = lease.state == State::Done && lease.ruling.is_none();
            must(is_waiting, REJECTIONS, || format!("{offer} was rejected at {at:?}: {lease:?}"))?;
            let is_theirs = self.items.get(&lease.item).map(|work| work.order) == Some(order);
            let of_requester = self.of_order(&order) == Some(requester);
            must(is_theirs && of_requester, "whose answers", || format!("{offer} was rejected by {requester:?}"))?;
            must(!evidence.trim().is_empty(), REJECTIONS, || format!("{offer} was rejected for nothing"))?;
            self.contest(*offer, evidence, at);
            rejected.push(*offer);
        }
        let record = self.records.get(&requester).copied().unwrap_or_default();
        if let Some(of) = self.orders.get_mut(&order) {
            let much =
                |rejected: u64, reviewed: u64| rejected * 1_000 > reviewed.max(PAUSE_REVIEWED_LEAST) * PAUSE_PER_MILLE;
            let of_all = much(record.rejected.into(), record.reviewed.into()) && of.review.1 > 0;
            of.is_paused |= much(of.review.1, of.review.0) || of_all;
        }
        Ok((expected, rejected))
    }

    fn of_order(&self, order: &OrderId) -> Option<RequesterId> {
        self.orders.get(order).map(|order| order.requester)
    }

    /// Something is held against an answer from here on. Its statement is looked at when it is seen.
    fn contest(&mut self, offer: Hash, evidence: &str, at: Timestamp) {
        let decides_at = at.plus(self.terms.appeal_ms);
        self.touched.insert(offer);
        let Some(lease) = self.leases.get_mut(&offer) else { return };
        let hash = Hash([0; 32]);
        lease.contest = Some(Contest { hash, evidence: evidence.to_owned(), is_appealed: false });
        lease.decides_at = decides_at;
        self.count(offer, BuyerRecord { reviewed: 1, rejected: 1, overturned: 0 });
    }

    /// The statements of new rejections are the coordinator's, and say what they must.
    pub(super) fn rejections_follow(&mut self, offers: &[Hash], found: &[OpenRejection], at: Timestamp) -> Holds {
        let count = (offers.len(), found.len());
        must(count.0 == count.1, REJECTIONS, || format!("{} rejections, expected {}", count.1, count.0))?;
        offers.iter().zip(found).try_for_each(|(offer, open)| {
            must(!open.is_appealed, REJECTIONS, || format!("{offer} is appealed already"))?;
            self.seen(offer, open.worker, &open.statement, at)
        })
    }

    /// The statement of a rejection is seen for the first time.
    pub(super) fn seen(&mut self, offer: &Hash, worker: PublicKey, statement: &[u8], at: Timestamp) -> Holds {
        let signed = Signed::<Rejection>::verify(statement, &self.house);
        let signed = signed.map_err(|error| broken(REJECTIONS, error.to_string()))?;
        let (appeal_ms, said) = (self.terms.appeal_ms, signed.payload());
        let lease = self.leases.get_mut(offer).ok_or_else(|| broken(REJECTIONS, format!("{offer} is no offer")))?;
        let result = lease.stored.as_ref().map(|(hash, _)| *hash);
        let Some(contest) = &mut lease.contest else {
            return Err(broken(REJECTIONS, format!("nothing is held against {offer}, yet {said:?}")));
        };
        let reason = VerdictReason::RejectedByBuyer;
        let fits = (Some(said.result), said.worker, said.reason) == (result, lease.worker, reason)
            && worker == lease.worker
            && contest.evidence == said.evidence
            && (said.decided_at, said.appeal_until) == (at, at.plus(appeal_ms));
        contest.hash = signed.hash();
        must(fits, REJECTIONS, || format!("{said:?} about {lease:?}"))
    }

    /// An appeal is committed.
    pub(super) fn appealed(&mut self, appeal: &Signed<Appeal>, at: Timestamp) -> Holds {
        let (worker, rejection) = (*appeal.signer(), appeal.payload().rejection);
        let Some(offer) = self.contested(&rejection) else {
            return Err(broken(REJECTIONS, format!("{rejection} is no rejection")));
        };
        let decides_at = at.plus(self.terms.appeal_decision_ms);
        let Some(lease) = self.leases.get_mut(&offer) else { return Ok(()) };
        must(lease.worker == worker, REJECTIONS, || format!("{worker} appeals for {}", lease.worker))?;
        let Some(contest) = lease.contest.as_mut().filter(|contest| !contest.is_appealed) else { return Ok(()) };
        contest.is_appealed = true;
        lease.decides_at = decides_at;
        self.touched.insert(offer);
        must(lease.ruling.is_none(), REJECTIONS, || format!("{offer} was appealed after its verdict"))
    }

    /// The offer whose result a rejection is about.
    pub(super) fn contested(&self, rejection: &Hash) -> Option<Hash> {
        let is_it = |lease: &Lease| lease.contest.as_ref().is_some_and(|contest| contest.hash == *rejection);
        self.leases.iter().find(|(_, lease)| is_it(lease)).map(|(offer, _)| *offer)
    }

    /// The operator has decided about an appeal.
    pub(super) fn appeal_decided(&mut self, rejection: &Hash, is_upheld: bool) -> Result<Expected, Broken> {
        let mut expected = Expected::new();
        let Some(offer) = self.contested(rejection) else {
            return Err(broken(REJECTIONS, format!("{rejection} is no rejection")));
        };
        let lease = self.lease(&offer)?;
        if let Some((decision, ..)) = lease.ruling {
            let is_same = (decision != Decision::Rejected) == is_upheld;
            must(is_same, REJECTIONS, || format!("{offer} was decided twice"))?;
            return Ok(expected);
        }
        let is_appealed = lease.contest.as_ref().is_some_and(|contest| contest.is_appealed);
        must(is_appealed, REJECTIONS, || format!("nobody appealed about {offer}"))?;
        let reason = if is_upheld { VerdictReason::AppealUpheld } else { VerdictReason::AppealDenied };
        self.decide_alone(offer, reason, &mut expected)?;
        Ok(expected)
    }

    /// What time says of a result that waits.
    pub(super) fn by_time(lease: &Lease) -> VerdictReason {
        match &lease.contest {
            None if !lease.counts => VerdictReason::FlagNotShared,
            None => VerdictReason::ApprovedByTime,
            Some(contest) if contest.is_appealed => VerdictReason::AppealUpheld,
            Some(_) => VerdictReason::RejectedByBuyer,
        }
    }

    /// Offers of results that time decides about now, in the order of their times.
    pub(super) fn due(&self, at: Timestamp) -> Vec<Hash> {
        let waits = |lease: &Lease| lease.state == State::Done && lease.ruling.is_none() && lease.decides_at <= at;
        let due = self.leases.iter().filter(|(_, lease)| waits(lease));
        let mut due: Vec<(Timestamp, Hash)> = due.map(|(offer, lease)| (lease.decides_at, *offer)).collect();
        due.sort();
        due.into_iter().map(|(_, offer)| offer).collect()
    }

    /// One result gets its verdict for itself; perhaps its item waited for that.
    pub(super) fn decide_alone(&mut self, offer: Hash, reason: VerdictReason, expected: &mut Expected) -> Holds {
        let lease = self.lease(&offer)?;
        let (item, Some((result, _))) = (lease.item, &lease.stored) else {
            return Err(broken(REJECTIONS, format!("{offer} has no result")));
        };
        let (result, price) = (*result, lease.offer.price.per_item.get());
        let denies = [VerdictReason::RejectedByBuyer, VerdictReason::AppealDenied];
        let is_denied = denies.contains(&reason);
        let is_heard = lease.must_be_heard && is_denied && reason != VerdictReason::AppealDenied;
        must(!is_heard, HEARD, || format!("{offer}: {:?} without it", reason))?;
        if reason == VerdictReason::FlagNotShared {
            expected.insert(result, self.rule(offer, unpaid(reason)));
            return Ok(());
        }
        let by_buyer = lease.contest.is_some();
        let ruling: Ruling =
            if is_denied { (Decision::Rejected, reason, 0) } else { (Decision::Accepted, reason, price) };
        expected.insert(result, self.rule(offer, ruling));
        if let Some(lease) = self.leases.get_mut(&offer) {
            lease.counts &= !is_denied;
        }
        if is_denied {
            return Ok(());
        }
        self.pay(offer, price)?;
        self.count(offer, BuyerRecord { reviewed: (!by_buyer).into(), rejected: 0, overturned: by_buyer.into() });
        expected.extend(self.decide(item)?);
        Ok(())
    }

    /// Of projects that review.
    fn count(&mut self, offer: Hash, by: BuyerRecord) {
        let Some(lease) = self.leases.get(&offer) else { return };
        let AcceptanceRule::Review { .. } = lease.offer.rule else { return };
        let Some(order) = self.items.get(&lease.item).and_then(|work| self.orders.get_mut(&work.order)) else { return };
        order.review.0 += u64::from(by.reviewed);
        order.review.1 += u64::from(by.rejected);
        let record = self.records.entry(order.requester).or_default();
        record.reviewed += by.reviewed;
        record.rejected += by.rejected;
        record.overturned += by.overturned;
    }

    /// The operator lets a project go on.
    pub(super) fn resumed(&mut self, order: OrderId) {
        if let Some(order) = self.orders.get_mut(&order).filter(|order| order.is_paused) {
            (order.is_paused, order.review) = (false, (0, 0));
        }
    }

    /// Nothing of a paused project is leased; and whoever is offered work that will be reviewed hears how the buyer did
    /// that so far.
    pub(super) fn offers_honestly(&self, lease: &lull_market::Lease, order: OrderId, rule: AcceptanceRule) -> Holds {
        let Some(order) = self.orders.get(&order) else { return Ok(()) };
        must(!order.is_paused, PAUSES, || format!("a lease of {:?}", order.command))?;
        let record = self.records.get(&order.requester).copied().unwrap_or_default();
        let expected = Some(record).filter(|_| matches!(rule, AcceptanceRule::Review { .. }));
        must(lease.record == expected, "the honest offer", || format!("{:?}, not {expected:?}", lease.record))
    }

    /// What the store says of a project's review.
    pub(super) fn review_agrees(&self, reader: &lull_store::Reader) -> Holds {
        for (id, order) in self.orders.iter().filter(|(_, order)| order.is_certain) {
            let found = reader.order(id).map_err(|error| broken("the store can be read", format!("{error:?}")))?;
            let Some(found) = found else { continue };
            let said = (found.review.reviewed, found.review.rejected, found.review.paused_at.is_some());
            let expected = (order.review.0, order.review.1, order.is_paused);
            must(said == expected, PAUSES, || format!("{id} has {said:?}, expected {expected:?}"))?;
        }
        Ok(())
    }

    /// A requester's review may come too late for one of the answers; then it changes nothing.
    pub(super) fn review_is_refused(&self, accept: &[Hash], reject: &[Rejected], refusal: &Refusal) -> Holds {
        let is_ruled = |offer: &Hash| self.leases.get(offer).is_some_and(|lease| lease.ruling.is_some());
        let is_late = accept.iter().any(is_ruled) || reject.iter().any(|rejected| is_ruled(&rejected.offer));
        must(is_late, "buyers are served", || format!("a review was refused: {refusal}"))
    }

    /// A worker hears of a rejection or an appeal: only what is committed, and only its own.
    pub(super) fn told_of_rejection(&mut self, worker: PublicKey, message: &ToWorker) -> Holds {
        let (hash, needs_appeal) = match message {
            ToWorker::Rejected { statement } => (Hash::of(statement), false),
            ToWorker::Appealed { rejection } => (*rejection, true),
            _ => return Ok(()),
        };
        let lease = self.contested(&hash).and_then(|offer| self.leases.get(&offer));
        let is_own = lease.is_some_and(|lease| {
            lease.worker == worker && lease.contest.as_ref().is_some_and(|c| c.is_appealed || !needs_appeal)
        });
        must(is_own, "acknowledged means durable", || format!("{worker} hears {message:?}, which is uncommitted"))
    }

    /// In the calm the person appeals about this.
    pub(crate) fn person_appeals(&mut self, me: PublicKey, offer: &str, at: Timestamp) {
        let is_unharmed = self.is_unharmed(&me);
        let lease = Hash::from_hex(offer).and_then(|offer| self.leases.get_mut(&offer));
        if let Some(lease) = lease.filter(|lease| is_unharmed && lease.worker == me) {
            lease.must_be_heard = at.plus(APPEAL_MARGIN_MS) < lease.decides_at;
        }
    }

    /// A worker of ours sends an appeal. It is stored first, so that there is one about each rejection.
    pub(super) fn worker_appeals(&mut self, me: PublicKey, statement: &[u8], is_twin: bool) -> Holds {
        let signed = Signed::<Appeal>::verify(statement, &me);
        let signed = signed.map_err(|error| broken("frames", error.to_string()))?;
        let (rejection, hash) = (signed.payload().rejection, signed.hash());
        let may_differ = is_twin || !self.is_unharmed(&me);
        let first = *self.worker(me).appeals.entry(rejection).or_insert(hash);
        must(first == hash || may_differ, "one appeal about a rejection", || format!("{rejection}: {first} and {hash}"))
    }

    /// What was read of a worker's open rejections: all of them.
    pub(super) fn found_rejections(&self, worker: &PublicKey, found: &[OpenRejection]) -> Holds {
        let is_open = |lease: &&Lease| lease.worker == *worker && lease.contest.is_some() && lease.ruling.is_none();
        let open = self.leases.values().filter(is_open).filter_map(|lease| lease.contest.as_ref());
        let mut expected: Vec<(Hash, bool)> = open.map(|contest| (contest.hash, contest.is_appealed)).collect();
        let mut found: Vec<(Hash, bool)> =
            found.iter().map(|open| (Hash::of(&open.statement), open.is_appealed)).collect();
        expected.sort();
        found.sort();
        must(expected == found, REJECTIONS, || format!("{worker} is told {found:?}, open are {expected:?}"))
    }

    /// What a review gave: the rejections first, then the verdicts.
    pub(super) fn review_follows(
        &mut self,
        (expected, rejected): (Expected, Vec<Hash>),
        reply: &Reviewed,
        at: Timestamp,
    ) -> Holds {
        self.rejections_follow(&rejected, &reply.rejections, at)?;
        self.verdicts_follow(&expected, &reply.verdicts)
    }
}
