//! Batches of writes: each group of records is written together or not at all. A group that failed is
//! tried again with what is true by then; only a result that a person gave is taken back instead, so
//! that the person sees that it was not stored.
//!
//! A setting that takes consent back must outlive a full disk: its batch is tried again at once
//! together with the deletion of the oldest receipts, then of the oldest bodies with their results.
//! They go only if that batch succeeds, so a disk that takes nothing at all costs nothing.

use litemap::LiteMap;
use lull_protocol::{Hash, Timestamp};
use lull_view::Notice;

use crate::link::backoff_ms;
use crate::outbox::Entry;
use crate::records::{Key, Keys};
use crate::{Bytes, Effect, Worker, Write, limits};

/// What is under way and what failed.
#[derive(Debug, Default)]
pub(crate) struct Storage {
    last_batch: u64,
    in_flight: LiteMap<u64, Group>,
    retry: Vec<Group>,
    failing: Option<Failing>,
    /// Records that ride along with the next batch: counts that only inform.
    lazy: Keys,
    /// The settings take consent back and storage may still hold the old ones.
    must_keep_settings: bool,
}

#[derive(Clone, Copy, Debug)]
struct Failing {
    try_at: Timestamp,
    attempts: u32,
}

/// Records that change together.
#[derive(Debug)]
struct Group {
    keys: Keys,
    /// Writes that are not records of this machine: those that are set aside.
    raw: Vec<Write>,
    after: After,
    /// Results as they were when it was last written: offer, and the result's hash.
    results: Vec<(Hash, Hash)>,
}

impl Group {
    fn new(keys: Keys, raw: Vec<Write>, after: After) -> Self {
        Self { keys, raw, after, results: Vec::new() }
    }
}

/// What follows once a group is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Nothing.
    Nothing,
    /// The result for this offer may be sent; if it fails, an answer is taken back.
    Result(Hash),
    /// The verdicts up to this number count as seen.
    Verdicts(u64),
    /// These receipts and results have made room.
    Room(Vec<Hash>),
    /// These receipts are where they are kept.
    Archived(Vec<Hash>),
    /// The person may be called.
    Called,
    /// The appeal about this offer's result may be sent.
    Appeal(Hash),
    /// What the person said about their wallet, by its hash, may be sent.
    WalletSaid(Hash),
}

impl Storage {
    /// Whether the last writes failed: no new work is taken until one succeeds.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.is_some()
    }
    /// When failed writes are tried again.
    pub(crate) fn try_at(&self) -> Option<Timestamp> {
        self.failing.map(|f| f.try_at)
    }
    /// This record goes out with the next batch.
    pub(crate) fn write_later(&mut self, key: Key) {
        self.lazy.insert(key);
    }
    /// Settings must be kept, whatever has to make room for them.
    pub(crate) fn must_keep_settings(&mut self) {
        self.must_keep_settings = true;
    }
    /// Keeps a failed group. Those without a word of their own become one, so that the list stays short.
    fn retry_later(&mut self, group: Group) {
        let is_plain = |group: &Group| group.after == After::Nothing && group.raw.is_empty();
        if is_plain(&group) && group.keys.is_empty() {
            return;
        }
        match self.retry.iter_mut().find(|other| is_plain(other)) {
            Some(other) if is_plain(&group) => other.keys.extend(group.keys),
            _ => self.retry.push(group),
        }
    }
    /// The records that were to change together with one of these and may not have: half of such a group on
    /// the disk would read as damage.
    fn companions(&self, keys: &Keys) -> Keys {
        let groups = self.in_flight.values().chain(&self.retry);
        let touched = groups.filter(|group| group.keys.iter().any(|key| keys.contains(key)));
        touched.flat_map(|group| group.keys.iter().copied()).collect()
    }
    /// Whether a batch with this record is under way.
    pub(crate) fn is_writing(&self, key: Key) -> bool {
        self.in_flight.values().any(|group| group.keys.contains(&key))
    }
    fn has_verdicts_in_flight(&self) -> bool {
        self.in_flight.values().any(|group| matches!(group.after, After::Verdicts(_)))
    }
}

/// Whether the result for this offer is the one of these that failed, and not another that was given since.
fn is_what_failed(worker: &Worker, offer: &Hash, results: &[(Hash, Hash)]) -> bool {
    worker.outbox.get(offer).is_some_and(|entry| results.contains(&(*offer, entry.result.hash())))
}

impl Worker {
    /// Writes these records as they are now, all or nothing.
    pub(crate) fn persist(&mut self, keys: impl IntoIterator<Item = Key>, after: After) {
        self.emit(Group::new(keys.into_iter().collect(), Vec::new(), after));
    }

    /// Writes these, and what the machine itself has no record for, in one batch.
    pub(crate) fn persist_with(&mut self, keys: impl IntoIterator<Item = Key>, raw: Vec<Write>, after: After) {
        self.emit(Group::new(keys.into_iter().collect(), raw, after));
    }

    /// Writes a receipt that has more parts now, and the log's word on it, with whatever must not be torn from it.
    pub(crate) fn persist_receipt(&mut self, offer: Hash, seq: u64, after: After) {
        let mut keys = Keys::from_iter([Key::Receipt(offer), Key::Log(seq)]);
        keys.extend(self.storage.companions(&keys));
        self.persist(keys, after);
    }

    /// Writes this record with the next batch.
    pub(crate) fn persist_lazily(&mut self, key: Key) {
        self.storage.write_later(key);
    }

    fn emit(&mut self, mut group: Group) {
        group.keys.extend(std::mem::take(&mut self.storage.lazy));
        let mut writes = group.raw.clone();
        // What left memory stays as it is in storage: only pruning deletes there.
        let is_left = |key: Key, value: &Option<Bytes>| value.is_none() && matches!(key, Key::Log(_) | Key::Kept(_));
        let values = group.keys.iter().map(|key| (*key, self.value_of(*key))).filter(|(key, v)| !is_left(*key, v));
        writes.extend(values.map(|(key, value)| Write { key: key.to_string(), value }));
        let result_of = |key: &Key| match key {
            Key::Outbox(offer) => self.outbox.get(offer).map(|entry| (*offer, entry.result.hash())),
            _ => None,
        };
        group.results = group.keys.iter().filter_map(result_of).collect();
        self.storage.last_batch += 1;
        let batch = self.storage.last_batch;
        if group.keys.contains(&Key::Usage) {
            self.metering.marked(batch);
        }
        self.storage.in_flight.insert(batch, group);
        self.effects.push_back(Effect::Persist { batch, writes });
    }

    pub(crate) fn persisted(&mut self, batch: u64) {
        let Some(group) = self.storage.in_flight.remove(&batch) else { return };
        self.metering.mark_done(batch, true);
        let is_of_settings = |group: &Group| group.keys.contains(&Key::Settings) || group.keys.contains(&Key::Never);
        if is_of_settings(&group) && !self.storage.in_flight.values().any(is_of_settings) {
            self.storage.must_keep_settings = false;
        }
        let is_over = self.storage.retry.is_empty() && !self.storage.must_keep_settings;
        if is_over && self.storage.failing.take().is_some() {
            self.drop_notice(|notice| *notice == Notice::Storage);
        }
        // A result may have come along with a batch that is about something else.
        for (offer, result) in group.results {
            if self.outbox.get(&offer).is_some_and(|entry| entry.result.hash() == result) {
                self.result_is_durable(&offer);
            }
        }
        match group.after {
            After::Nothing | After::Result(_) => {}
            After::Verdicts(number) => self.receipts.seen = self.receipts.seen.max(number),
            After::Room(offers) => self.room_made(&offers),
            After::Archived(offers) => self.archived(&offers, true),
            After::Called => self.call_stored(true),
            After::Appeal(offer) => match self.reversals.sending_mut(&offer) {
                Some(sending) => sending.is_durable = true,
                None => self.receipts.appeal_is_durable(&offer),
            },
            After::WalletSaid(hash) => self.purse.are_durable(&hash),
        }
    }

    pub(crate) fn persist_failed(&mut self, batch: u64, now: Timestamp) {
        let Some(mut group) = self.storage.in_flight.remove(&batch) else { return };
        self.metering.mark_done(batch, false);
        let attempts = self.storage.failing.map_or(0, |f| f.attempts);
        let wait_ms = backoff_ms(&mut self.rng, attempts);
        let made_room = if let After::Room(offers) = &group.after { offers.len() } else { 0 };
        // Tries to make room follow at once; they are one failure.
        let attempts = attempts.saturating_add(u32::from(made_room == 0));
        self.storage.failing = Some(Failing { try_at: now.plus(wait_ms), attempts });
        self.notice(Notice::Storage);
        if made_room > 0 {
            (group.raw, group.after) = (Vec::new(), After::Nothing);
        }
        let is_of_settings = group.keys.contains(&Key::Settings) || group.keys.contains(&Key::Never);
        if self.storage.must_keep_settings && is_of_settings {
            group.keys.retain(|key| !matches!(key, Key::Settings | Key::Never));
            self.keep_settings(made_room, now);
        }
        match group.after {
            After::Verdicts(_) => {
                // Verdicts are flushed one batch at a time, so these go out with all that came since.
                self.receipts.unsaved.extend(group.keys);
                self.receipts.unsaved.remove(&Key::Verdicts);
                return;
            }
            After::Result(offer) if is_what_failed(self, &offer, &group.results) && self.take_answer_back(&offer) => {
                // The rest of the group, or a count that is always there, probes storage again.
                group.keys.retain(|key| !matches!(key, Key::Outbox(_) | Key::Lease(_) | Key::Log(_)));
                group.keys.insert(Key::Counters);
                group.after = After::Nothing;
            }
            After::Archived(offers) => {
                self.archived(&offers, false);
                group.keys.retain(|key| !matches!(key, Key::Receipt(_) | Key::Kept(_)));
                // A count that is always there probes storage again.
                group.keys.insert(Key::Counters);
                group.after = After::Nothing;
            }
            After::Called => {
                self.call_stored(false);
                group.after = After::Nothing;
            }
            After::Result(_) | After::Nothing | After::Room(_) | After::Appeal(_) | After::WalletSaid(_) => {}
        }
        self.storage.retry_later(group);
    }

    /// Tries the settings again at once, with twice as many deletions as the last time; once nothing more
    /// may go they wait like any other record.
    fn keep_settings(&mut self, made_room: usize, now: Timestamp) {
        let (offers, raw) = self.oldest((2 * made_room).clamp(1, limits::ROOM_RECORDS_MAX), now);
        let keys = Keys::from_iter([Key::Settings, Key::Never]);
        if offers.len() > made_room {
            self.emit(Group::new(keys, raw, After::Room(offers)));
        } else {
            self.storage.retry_later(Group::new(keys, Vec::new(), After::Nothing));
        }
    }

    /// The oldest receipts, then the oldest results with a body: their offers, and what deletes them.
    fn oldest(&self, count: usize, now: Timestamp) -> (Vec<Hash>, Vec<Write>) {
        let receipts = self.receipts.oldest(self.coordinator_now(now));
        let has_body = |entry: &Entry| entry.is_durable && !entry.body.is_empty();
        let results = self.outbox.iter().filter(|(_, entry)| has_body(entry)).map(|(offer, _)| *offer);
        let offers: Vec<Hash> = receipts.chain(results).take(count).collect();
        let bodies = |offer: &Hash| Key::bodies(*offer, self.outbox.get(offer).map_or(0, |entry| entry.body.len()));
        let keys = offers
            .iter()
            .flat_map(|offer| [Key::Receipt(*offer), Key::Outbox(*offer)].into_iter().chain(bodies(offer)));
        // Receipts that are kept are older than all of these, and there may be many.
        let kept = (self.days.first..).take(offers.len() * 2).map(Key::Kept);
        let keys = keys.chain(kept);
        (offers.clone(), keys.map(|key| Write { key: key.to_string(), value: None }).collect())
    }

    fn room_made(&mut self, offers: &[Hash]) {
        for offer in offers {
            self.receipts.remove(offer);
            self.outbox.remove(offer);
        }
        self.changed();
    }

    /// A result that failed by itself may have come to be stored along with another batch since. What it is now, a
    /// receipt perhaps, is for its own batch; here is left a count, which probes storage.
    fn forget_what_is_stored(&self, group: &mut Group) {
        let After::Result(offer) = group.after else { return };
        let is_stored = self.outbox.get(&offer).is_some_and(|entry| entry.is_durable);
        if is_stored || self.receipts.by_offer(&offer).is_some() {
            let is_its = |key: &Key| matches!(key, Key::Outbox(o) | Key::Body(o, _) | Key::Lease(o) if *o == offer);
            group.keys.retain(|key| !is_its(key));
            group.keys.insert(Key::Counters);
            group.after = After::Nothing;
        }
    }

    /// Tries failed writes again, writes what verdicts came, and counts that have waited long enough.
    pub(crate) fn tick_storage(&mut self, now: Timestamp) {
        if let Some(failing) = self.storage.failing {
            // A clock that was set back must not hold the next try up.
            let try_at = failing.try_at.min(now.plus(limits::BACKOFF_MS_MAX));
            self.storage.failing = Some(Failing { try_at, ..failing });
            if now < try_at {
                return;
            }
            for mut group in std::mem::take(&mut self.storage.retry) {
                self.forget_what_is_stored(&mut group);
                self.emit(group);
            }
            let wait_ms = backoff_ms(&mut self.rng, failing.attempts);
            self.storage.failing = Some(Failing { try_at: now.plus(wait_ms.max(1)), ..failing });
        }
        if self.receipts.received > self.receipts.seen && !self.storage.has_verdicts_in_flight() {
            self.log_earnings(now);
            let mut keys = std::mem::take(&mut self.receipts.unsaved);
            keys.insert(Key::Days);
            keys.extend(self.storage.companions(&keys));
            keys.insert(Key::Verdicts);
            self.persist(keys, After::Verdicts(self.receipts.received));
        }
        let counters_due = now.since(self.counters_written) >= limits::COUNTERS_MS_MIN || now < self.counters_written;
        if counters_due && !self.storage.lazy.is_empty() {
            self.counters_written = now;
            self.persist([], After::Nothing);
        }
    }
}
