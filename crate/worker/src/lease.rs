//! Leases: taken, kept across restarts, given back, over.

use lull_protocol::cose::Signed;
use lull_protocol::limits::{FETCH_LEASES_MAX, JUDGMENT_LEASES_MAX, OUTBOX_MAX, SEEN_MS_MIN};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::rejection::BuyerRecord;
use lull_protocol::statement::{JobClass, Offer, Report};
use lull_protocol::terms::{Filter, Pace};
use lull_protocol::{DurationMs, Hash, Item, OrderId, Timestamp, ToCoordinator, WarningSet};
use lull_view::Notice;

use crate::extension::Extended;
use crate::link::{Phase, Wanted};
use crate::outbox::Held;
use crate::records::{Key, LeaseRecord, ReturnedRecord, SkipsRecord};
use crate::row::Placed;
use crate::storage::After;
use crate::warning::warnings_of;
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
    /// How its project had gone when it was offered, if that was known.
    pub(crate) pace: Option<Pace>,
    pub(crate) extended: Option<Extended>,
    /// More time was asked for on this connection, and the answer is not there yet.
    pub(crate) asked_for_time: bool,
    /// Its result is signed and on its way into storage; the lease ends when it's there. Or it is skipped, which can
    /// still be taken back.
    pub(crate) is_done: bool,
    /// Since when this run of the machine holds it; `None` right after a restart.
    pub(crate) held_since: Option<Timestamp>,
    /// When it had been on screen for `SEEN_MS_MIN`, this browser's clock.
    pub(crate) seen_at: Option<Timestamp>,
    /// How long it was on screen until it left that last, once it was seen.
    pub(crate) shown_ms: u64,
    /// Since when it is there again, once it was seen.
    pub(crate) shown_since: Option<Timestamp>,
    /// It was answered or skipped, and that was taken back.
    pub(crate) was_taken_back: bool,
    /// How the requester has treated others.
    pub(crate) record: Option<BuyerRecord>,
    /// How many of its project's skips are free, as it was told last.
    pub(crate) skips: Option<SkipsRecord>,
}

impl Placed for Lease {
    fn seq(&self) -> u64 {
        self.seq
    }
}

impl Lease {
    pub(crate) fn record(&self) -> LeaseRecord {
        LeaseRecord {
            seq: self.seq,
            offer: self.offer_bytes.clone().into(),
            item: self.item_bytes.clone().into(),
            seen_at: self.seen_at,
            extension: self.extended.as_ref().map(|extended| extended.bytes.clone().into()),
            pace: self.pace,
            record: self.record,
            skips: self.skips,
        }
    }
    /// The project of a judgment.
    pub(crate) fn order(&self) -> Option<OrderId> {
        match &self.item {
            Item::Judgment(item) => Some(item.order),
            Item::Fetch(_) => None,
        }
    }
    /// How long its person has looked at it, if that was for `SEEN_MS_MIN`: no longer than the lease lasts, whatever a
    /// clock does and however long a page stood open.
    fn looked_at(&self, now: Timestamp) -> Option<DurationMs> {
        self.seen_at?;
        let shown_ms = self.shown_ms.saturating_add(self.shown_since.map_or(0, |since| now.since(since)));
        DurationMs::new(shown_ms.min(self.deadline().since(self.offer.issued_at)))
    }
    /// When it ends, coordinator's clock.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.extended.as_ref().map_or(self.offer.deadline, |extended| extended.deadline)
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
        (offer_bytes, item_bytes): (&[u8], &[u8]),
        extension: Option<&[u8]>,
        (pace, record): (Option<Pace>, Option<BuyerRecord>),
        now: Timestamp,
    ) {
        let Some(coordinator) = &self.coordinator else { return };
        let Ok(offer) = Signed::<Offer>::verify(offer_bytes, &coordinator.key) else { return };
        let hash = offer.hash();
        let extended = extension.and_then(|bytes| Extended::read(bytes, &hash, Some(&coordinator.key)));
        match self.judge_assignment(&offer, item_bytes, (extended.as_ref(), pace.as_ref()), now) {
            Ok(item) => {
                self.nevers.taken();
                let lease = Lease {
                    seq: self.take_seq(),
                    offer: offer.payload().clone(),
                    offer_bytes: offer.bytes().to_vec(),
                    item,
                    item_bytes: item_bytes.to_vec(),
                    pace,
                    extended,
                    asked_for_time: false,
                    is_done: false,
                    held_since: Some(now),
                    seen_at: None,
                    shown_ms: 0,
                    shown_since: None,
                    was_taken_back: false,
                    record,
                    skips: None,
                };
                self.end_late(&lease.offer, now);
                if lease.offer.class == JobClass::Fetch {
                    self.reserve();
                }
                self.leases.insert(hash, lease);
                self.count_next_fetch(now);
                self.persist([Key::Lease(hash)], After::Nothing);
                self.changed();
            }
            Err(NotTaken::Returned(reason)) => {
                if matches!(reason, ReturnReason::Skipped | ReturnReason::Filtered) {
                    self.nevers.returned(now);
                }
                let shown_ms = self.returned.get(&hash).and_then(|record| record.shown_ms);
                self.send(&ToCoordinator::Return { offer: hash, reason, shown_ms });
                // The coordinator may count the place as filled.
                if let Phase::Ready(ready) = &mut self.link.phase {
                    ready.wanted = None;
                }
            }
            Err(NotTaken::Ignored) => {
                if let Some(bytes) = extension {
                    self.take_extension(&hash, bytes);
                }
            }
        }
    }

    fn judge_assignment(
        &self,
        offer: &Signed<Offer>,
        item: &[u8],
        (extended, pace): (Option<&Extended>, Option<&Pace>),
        now: Timestamp,
    ) -> Result<Item, NotTaken> {
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
        let deadline = extended.map_or(promise.deadline, |extended| extended.deadline);
        if promise.item != Hash::of(item) || deadline <= self.coordinator_now(now) {
            return Err(Returned(ReturnReason::Broken));
        }
        let item = Item::from_bytes(item).map_err(|_| Returned(ReturnReason::Broken))?;
        if class_of(&item) != promise.class || !self.has_view_for(&item) {
            return Err(Returned(ReturnReason::Broken));
        }
        if self.filters_out(&item, pace) {
            return Err(Returned(ReturnReason::Filtered));
        }
        if self.nevers.refuses(&item) {
            return Err(Returned(ReturnReason::Skipped));
        }
        if !warnings_of(&item).is_within(self.wanted_warnings()) {
            return Err(Returned(ReturnReason::Unwanted));
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
            self.give_back(offer, ReturnReason::Broken, None);
        }
    }

    pub(crate) fn has_fetch_leases(&self) -> bool {
        self.leases.works().any(|lease| lease.offer.class == JobClass::Fetch)
    }

    /// Free places of a class by the limits alone.
    fn places(&self, class: JobClass) -> u8 {
        let most = most(class);
        let held = self.leases.works().filter(|lease| lease.offer.class == class).count();
        // An answer or a skip that can be taken back keeps its lease's place.
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
        let has_room = !self.receipts.is_full(self.coordinator_now(now));
        let judgment = if open && self.may_judge() && has_room { self.places(JobClass::Judgment) } else { 0 };
        let tasks = self.wanted_tasks();
        // What a person would rather not see is nobody's business while they judge nothing.
        let filter = if judgment > 0 { self.filter() } else { Filter::default() };
        let warnings = if judgment > 0 { self.wanted_warnings() } else { WarningSet::NONE };
        let Phase::Ready(ready) = &mut self.link.phase else { return };
        let wanted = Wanted { fetch, judgment, tasks, filter, warnings };
        if ready.wanted.as_ref() != Some(&wanted) {
            ready.wanted = Some(wanted.clone());
            let Wanted { fetch, judgment, tasks, filter, warnings } = wanted;
            self.send(&ToCoordinator::Want { fetch, judgment, tasks, filter, warnings });
        }
    }

    /// Hands a lease back and remembers that, so that it does not come up again.
    pub(crate) fn give_back(&mut self, offer: Hash, reason: ReturnReason, shown_ms: Option<DurationMs>) {
        let Some(lease) = self.leases.remove(&offer) else { return };
        self.abort_run_of(&offer);
        let mut keys = vec![Key::Lease(offer), Key::Returned(offer)];
        self.returned.insert(offer, ReturnedRecord { reason, deadline: lease.deadline(), shown_ms });
        if self.returned.len() > limits::RETURNED_MAX {
            let soonest = self.returned.iter().min_by_key(|(_, r)| r.deadline).map(|(offer, _)| *offer);
            keys.extend(soonest.map(Key::Returned));
            soonest.and_then(|offer| self.returned.remove(&offer));
        }
        self.send(&ToCoordinator::Return { offer, reason, shown_ms });
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
                self.give_back(offer, ReturnReason::TooMany, None);
            }
        }
    }

    /// The coordinator ended a lease. A result that is signed already goes its way and gets its answer.
    pub(crate) fn withdrawn(&mut self, offer: &Hash, reason: RefusedCode, now: Timestamp) {
        let is_stopped = reason == RefusedCode::Withdrawn;
        match self.leases.get(offer) {
            Some(lease) if lease.is_done && self.is_held(offer) => self.let_go(),
            Some(lease) if lease.is_done => {}
            Some(_) if is_stopped => self.take_away(offer, now),
            // Its deadline is for `expire` to judge, which knows what is on screen.
            Some(_) if reason == RefusedCode::LeaseExpired && self.is_on_screen(offer) => {}
            Some(_) => self.end_lease(offer, now),
            None if self.is_held(offer) => self.let_go(),
            None if is_stopped && !self.outbox.contains(offer) => {
                self.send(&ToCoordinator::Return { offer: *offer, reason: ReturnReason::Withdrawn, shown_ms: None });
            }
            None => {}
        }
    }

    /// The coordinator takes a judgment back that people flagged, or whose order was cancelled: whoever has looked at it for long enough says so and
    /// is paid.
    fn take_away(&mut self, offer: &Hash, now: Timestamp) {
        let is_on_screen = self.is_on_screen(offer);
        let Some(lease) = self.leases.get(offer) else { return };
        let shown_at = lease.seen_at.map(|at| self.coordinator_now(at.min(now)).minus(SEEN_MS_MIN));
        let started_at = shown_at.map(|at| at.max(lease.offer.issued_at));
        let is_enough = |at: &Timestamp| self.coordinator_now(now).since(*at) >= SEEN_MS_MIN;
        if let Some(started_at) = started_at.filter(is_enough) {
            self.complete(*offer, Report::Withdrawn, started_at, Vec::new(), now);
            self.notice(Notice::Withdrawn { is_paid: true });
            return;
        }
        self.give_back(*offer, ReturnReason::Withdrawn, None);
        if is_on_screen {
            self.notice(Notice::Withdrawn { is_paid: false });
        }
    }

    /// The same item comes again while its last lease, which is over, is still on screen.
    fn end_late(&mut self, offer: &Offer, now: Timestamp) {
        let at = self.coordinator_now(now);
        let is_late = |lease: &Lease| lease.offer.item == offer.item && lease.deadline() <= at && !lease.is_done;
        let late = self.leases.iter().find(|(_, lease)| is_late(lease)).map(|(late, _)| *late);
        if let Some(late) = late {
            self.end_lease(&late, now);
        }
    }

    /// When a lease is over for this machine, coordinator's clock: the person may finish what is on screen.
    pub(crate) fn over_at(&self, offer: &Hash, lease: &Lease) -> Timestamp {
        let grace_ms = if self.is_on_screen(offer) { limits::LATE_MS_MAX } else { 0 };
        lease.deadline().plus(grace_ms)
    }

    /// A lease is over without a result. What the person had looked at is said: it took their time, and the pay per hour
    /// that others are told counts that.
    fn end_lease(&mut self, offer: &Hash, now: Timestamp) {
        let looked_at = self.leases.get(offer).and_then(|lease| lease.looked_at(now));
        if looked_at.is_some() {
            return self.give_back(*offer, ReturnReason::RanOut, looked_at);
        }
        self.leases.remove(offer);
        self.abort_run_of(offer);
        self.persist([Key::Lease(*offer)], After::Nothing);
        self.changed();
    }

    /// The line is there again: what ran out without one is said now.
    pub(crate) fn tell_what_ran_out(&mut self) {
        let ran_out = self.returned.iter().filter(|(_, record)| record.reason == ReturnReason::RanOut);
        let ran_out: Vec<(Hash, Option<DurationMs>)> = ran_out.map(|(offer, r)| (*offer, r.shown_ms)).collect();
        for (offer, shown_ms) in &ran_out {
            self.returned.remove(offer);
            self.send(&ToCoordinator::Return { offer: *offer, reason: ReturnReason::RanOut, shown_ms: *shown_ms });
        }
        if !ran_out.is_empty() {
            self.persist(ran_out.into_iter().map(|(offer, _)| Key::Returned(offer)), After::Nothing);
        }
    }

    /// Ends what is past its deadline.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        let at = self.coordinator_now(now);
        let over = |offer: &Hash, lease: &Lease| self.over_at(offer, lease) <= at && !lease.is_done;
        let expired: Vec<Hash> = self.leases.iter().filter(|(o, l)| over(o, l)).map(|(offer, _)| *offer).collect();
        for offer in expired {
            self.end_lease(&offer, now);
        }
        let is_ready = self.is_ready();
        let is_over = |returned: &ReturnedRecord| {
            let waits = returned.reason == ReturnReason::RanOut && !is_ready;
            let more_ms = if waits { limits::RAN_OUT_KEPT_MS } else { 0 };
            returned.deadline.plus(more_ms) <= at
        };
        let forgotten: Vec<Key> =
            self.returned.iter().filter(|(_, r)| is_over(r)).map(|(offer, _)| Key::Returned(*offer)).collect();
        if !forgotten.is_empty() {
            self.returned.retain(|_, returned| !is_over(returned));
            self.persist(forgotten, After::Nothing);
        }
        self.drop_unstorable(at);
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
            self.give_back(offer, ReturnReason::SwitchedOff, None);
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
