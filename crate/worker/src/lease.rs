//! Leases: taken, kept across restarts, given back, over.

use lull_protocol::cose::Signed;
use lull_protocol::limits::{FETCH_LEASES_MAX, JUDGMENT_LEASES_MAX, OUTBOX_MAX};
use lull_protocol::message::ReturnReason;
use lull_protocol::rejection::BuyerRecord;
use lull_protocol::statement::{JobClass, Offer};
use lull_protocol::{Hash, Item, Timestamp, ToCoordinator};

use crate::link::Phase;
use crate::outbox::Held;
use crate::records::{Key, LeaseRecord, ReturnedRecord};
use crate::row::Placed;
use crate::storage::After;
use crate::{Worker, limits};

/// An assignment this worker holds.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    /// Its place in the row.
    pub(crate) seq: u64,
    pub(crate) offer: Offer,
    pub(crate) offer_bytes: Vec<u8>,
    pub(crate) item: Item,
    pub(crate) item_bytes: Vec<u8>,
    /// Its result is signed and on its way into storage; the lease ends when it's there.
    pub(crate) is_done: bool,
    /// Since when this run of the machine holds it; `None` right after a restart.
    pub(crate) held_since: Option<Timestamp>,
    /// How the requester has treated others.
    pub(crate) record: Option<BuyerRecord>,
}

impl Placed for Lease {
    fn seq(&self) -> u64 {
        self.seq
    }
}

impl Lease {
    pub(crate) fn record(&self) -> LeaseRecord {
        let (offer, item) = (self.offer_bytes.clone().into(), self.item_bytes.clone().into());
        LeaseRecord { seq: self.seq, offer, item, record: self.record }
    }
}

/// Why an assignment is not taken.
enum NotTaken {
    /// It can't be verified, is another worker's, or is known already: nothing is said.
    Ignored,
    /// It goes back.
    Returned(ReturnReason),
}

impl Worker {
    pub(crate) fn assigned(
        &mut self,
        offer_bytes: &[u8],
        item_bytes: &[u8],
        record: Option<BuyerRecord>,
        now: Timestamp,
    ) {
        let Some(coordinator) = &self.coordinator else { return };
        let Ok(offer) = Signed::<Offer>::verify(offer_bytes, &coordinator.key) else { return };
        let hash = offer.hash();
        match self.judge_assignment(&offer, item_bytes, now) {
            Ok(item) => {
                self.nevers.taken();
                let lease = Lease {
                    seq: self.take_seq(),
                    offer: offer.payload().clone(),
                    offer_bytes: offer.bytes().to_vec(),
                    item,
                    item_bytes: item_bytes.to_vec(),
                    is_done: false,
                    held_since: Some(now),
                    record,
                };
                if lease.offer.class == JobClass::Fetch {
                    self.reserve();
                }
                self.leases.insert(hash, lease);
                self.count_next_fetch(now);
                self.persist([Key::Lease(hash)], After::Nothing);
                self.changed();
            }
            Err(NotTaken::Returned(reason)) => {
                if reason == ReturnReason::Skipped {
                    self.nevers.returned(now);
                }
                self.send(&ToCoordinator::Return { offer: hash, reason });
                // The coordinator may count the place as filled.
                if let Phase::Ready(ready) = &mut self.link.phase {
                    ready.wanted = None;
                }
            }
            Err(NotTaken::Ignored) => {}
        }
    }

    fn judge_assignment(&self, offer: &Signed<Offer>, item: &[u8], now: Timestamp) -> Result<Item, NotTaken> {
        use NotTaken::{Ignored, Returned};
        let (hash, promise) = (offer.hash(), offer.payload());
        let is_known =
            self.leases.contains(&hash) || self.outbox.contains(&hash) || self.receipts.by_offer(&hash).is_some();
        if promise.worker != self.me || is_known {
            return Err(Ignored);
        }
        if let Some(returned) = self.returned.get(&hash) {
            return Err(Returned(returned.reason));
        }
        let is_on = match promise.class {
            JobClass::Fetch => self.may_fetch(),
            JobClass::Judgment => self.may_judge(),
        };
        if !is_on {
            return Err(Returned(ReturnReason::SwitchedOff));
        }
        if promise.item != Hash::of(item) || promise.deadline <= self.coordinator_now(now) {
            return Err(Returned(ReturnReason::Broken));
        }
        let item = Item::from_bytes(item).map_err(|_| Returned(ReturnReason::Broken))?;
        if class_of(&item) != promise.class || !self.has_view_for(&item) {
            return Err(Returned(ReturnReason::Broken));
        }
        if self.nevers.refuses(&item) {
            return Err(Returned(ReturnReason::Skipped));
        }
        if self.places(promise.class) == 0 {
            return Err(Returned(ReturnReason::TooMany));
        }
        Ok(item)
    }

    /// Whether what the item asks for can be shown, if it is a judgment: others aren't asked for. One of a type that
    /// isn't known at all can't even be read; to the coordinator both are the same.
    fn has_view_for(&self, item: &Item) -> bool {
        match item {
            Item::Judgment(item) => self.config.tasks.contains(item.task.kind()),
            Item::Fetch(_) => true,
        }
    }

    /// Hands back what was read from storage and can't be shown: the UI has another set of views now.
    pub(crate) fn give_back_unshown(&mut self) {
        let unshown: Vec<Hash> =
            self.leases.iter().filter(|(_, l)| !self.has_view_for(&l.item)).map(|(offer, _)| *offer).collect();
        for offer in unshown {
            self.give_back(offer, ReturnReason::Broken);
        }
    }

    pub(crate) fn has_fetch_leases(&self) -> bool {
        self.leases.works().any(|lease| lease.offer.class == JobClass::Fetch)
    }

    /// Free places of a class by the limits alone.
    fn places(&self, class: JobClass) -> u8 {
        let most = most(class);
        let held = self.leases.works().filter(|lease| lease.offer.class == class).count();
        // An answer that can be taken back keeps its lease's place.
        let is_back = |held: &&Held| class == JobClass::Judgment && !self.leases.contains(&held.offer);
        let held = held + self.held.iter().filter(is_back).count();
        let room = OUTBOX_MAX.saturating_sub(self.outbox.len() + self.leases.len());
        let free = usize::from(most).saturating_sub(held).min(room);
        u8::try_from(free).unwrap_or(most)
    }

    /// Tells how much more work is welcome, if that changed. None while storage fails.
    pub(crate) fn send_want(&mut self, now: Timestamp) {
        let rests = self.nevers.rest_until(now).is_some();
        let open = !self.storage.is_failing() && !rests;
        let fetch = if open && self.may_fetch() && self.may_want_fetches() { self.places(JobClass::Fetch) } else { 0 };
        let judgment = if open && self.may_judge() { self.places(JobClass::Judgment) } else { 0 };
        let Phase::Ready(ready) = &mut self.link.phase else { return };
        if ready.wanted != Some((fetch, judgment)) {
            ready.wanted = Some((fetch, judgment));
            self.send(&ToCoordinator::Want { fetch, judgment, tasks: self.config.tasks });
        }
    }

    /// Hands a lease back and remembers that, so that it does not come up again.
    pub(crate) fn give_back(&mut self, offer: Hash, reason: ReturnReason) {
        let Some(lease) = self.leases.remove(&offer) else { return };
        self.abort_run_of(&offer);
        let mut keys = vec![Key::Lease(offer), Key::Returned(offer)];
        self.returned.insert(offer, ReturnedRecord { reason, deadline: lease.offer.deadline });
        if self.returned.len() > limits::RETURNED_MAX {
            let soonest = self.returned.iter().min_by_key(|(_, r)| r.deadline).map(|(offer, _)| *offer);
            keys.extend(soonest.map(Key::Returned));
            soonest.and_then(|offer| self.returned.remove(&offer));
        }
        self.send(&ToCoordinator::Return { offer, reason });
        self.persist(keys, After::Nothing);
        self.changed();
    }

    /// Hands back what was read from storage over the limits: a lease that went back while storage failed is still
    /// there, and another came in its place. The oldest go, for that is the way leases go.
    pub(crate) fn give_back_too_many(&mut self) {
        for class in [JobClass::Fetch, JobClass::Judgment] {
            let of_class = self.leases.iter().filter(|(_, lease)| lease.offer.class == class);
            let held: Vec<Hash> = of_class.map(|(offer, _)| *offer).collect();
            let over = held.len().saturating_sub(usize::from(most(class)));
            for offer in held.into_iter().take(over) {
                self.give_back(offer, ReturnReason::TooMany);
            }
        }
    }

    /// The coordinator ended a lease. A result that is signed already goes its way and gets its answer.
    pub(crate) fn withdrawn(&mut self, offer: &Hash) {
        if self.leases.get(offer).is_some_and(|lease| !lease.is_done) {
            self.end_lease(offer);
        } else if self.is_held(offer) {
            self.let_go();
        }
    }

    fn end_lease(&mut self, offer: &Hash) {
        self.leases.remove(offer);
        self.abort_run_of(offer);
        self.persist([Key::Lease(*offer)], After::Nothing);
        self.changed();
    }

    /// Ends what is past its deadline.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        let now = self.coordinator_now(now);
        let over = |lease: &Lease| lease.offer.deadline <= now && !lease.is_done;
        let expired: Vec<Hash> = self.leases.iter().filter(|(_, l)| over(l)).map(|(offer, _)| *offer).collect();
        for offer in expired {
            self.end_lease(&offer);
        }
        let forgotten: Vec<Key> =
            self.returned.iter().filter(|(_, r)| r.deadline <= now).map(|(offer, _)| Key::Returned(*offer)).collect();
        if !forgotten.is_empty() {
            self.returned.retain(|_, r| r.deadline > now);
            self.persist(forgotten, After::Nothing);
        }
        self.drop_unstorable(now);
    }

    /// Takes consent at its word: what is switched off stops, and its leases go back. A pause hands
    /// nothing back: going on before the deadline simply goes on.
    pub(crate) fn stop_what_is_switched_off(&mut self) {
        if !self.may_fetch() {
            self.abort_run();
        }
        let fetch_stands_still = !self.settings.paused && self.surroundings.is_some() && !self.may_fetch();
        let is_off = |class| match class {
            JobClass::Fetch => !self.lends() || fetch_stands_still,
            JobClass::Judgment => !self.may_judge(),
        };
        let off = self.leases.iter().filter(|(_, lease)| !lease.is_done && is_off(lease.offer.class));
        let off: Vec<Hash> = off.map(|(offer, _)| *offer).collect();
        for offer in off {
            self.give_back(offer, ReturnReason::SwitchedOff);
        }
    }
}

/// Leases of a class at most.
fn most(class: JobClass) -> u8 {
    match class {
        JobClass::Fetch => FETCH_LEASES_MAX,
        JobClass::Judgment => JUDGMENT_LEASES_MAX,
    }
}

/// The job class an item belongs to.
pub(crate) fn class_of(item: &Item) -> JobClass {
    match item {
        Item::Fetch(_) => JobClass::Fetch,
        Item::Judgment(_) => JobClass::Judgment,
    }
}
