//! A browser's storage: batches are written in their order, each whole or not at all. What was reported as
//! written stays; of what was under way when the background ended, a beginning may be there.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use lull_worker::{Event as Happened, Write};

use super::World;
use super::browser::BrowserEvent;
use crate::mix::{chance, pick};
use crate::plan::Ms;

/// A browser's storage.
#[derive(Debug, Default)]
pub(crate) struct Storage {
    records: BTreeMap<String, Vec<u8>>,
    bytes: usize,
    leases: usize,
    results: usize,
    under_way: VecDeque<(u64, Vec<Write>)>,
    /// Batches that fail, of a thousand.
    pub(crate) errors: u32,
    /// Batches with a result that fail from here on.
    pub(crate) results_refused: u32,
    /// Batches of any kind that fail from here on.
    pub(crate) batches_refused: u32,
    /// What it holds at most, bytes.
    pub(crate) bytes_max: Option<usize>,
    pub(crate) latency_ms: Ms,
    last_failed: bool,
}

impl Storage {
    /// A copy of the records.
    pub(crate) fn load(&self) -> Vec<(String, Vec<u8>)> {
        self.records.clone().into_iter().collect()
    }

    /// Storage with these records.
    pub(crate) fn with(records: Vec<(String, Vec<u8>)>) -> Self {
        let mut storage = Self { latency_ms: 5, ..Self::default() };
        for (key, value) in records {
            storage.write(&Write { key, value: Some(value.into()) });
        }
        storage
    }

    pub(crate) fn holds(&self, key: &str) -> bool {
        self.records.contains_key(key)
    }

    /// The records from one key to below another.
    pub(crate) fn range(&self, from: &str, below: &str) -> Vec<(String, Vec<u8>)> {
        let range = self.records.range(from.to_owned()..below.to_owned());
        range.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Leases and unacknowledged results in it.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.leases, self.results)
    }

    /// Whether it took all that was to be written.
    pub(crate) fn is_settled(&self) -> bool {
        self.under_way.is_empty() && !self.last_failed
    }

    /// Whether the last batch failed.
    pub(crate) fn fails(&self) -> bool {
        self.last_failed
    }

    fn write(&mut self, write: &Write) {
        let size = |value: Option<&[u8]>| value.map_or(0, |value| write.key.len() + value.len());
        let old = match &write.value {
            Some(value) => self.records.insert(write.key.clone(), value.to_vec()),
            None => self.records.remove(&write.key),
        };
        self.bytes = self.bytes + size(write.value.as_deref()) - size(old.as_deref());
        let change = isize::from(write.value.is_some()) - isize::from(old.is_some());
        for (kind, count) in [("lease/", &mut self.leases), ("outbox/", &mut self.results)] {
            if write.key.starts_with(kind) {
                *count = count.saturating_add_signed(change);
            }
        }
    }

    fn size_with(&self, writes: &[Write]) -> usize {
        let size = |key: &str, value: Option<&[u8]>| value.map_or(0, |value| key.len() + value.len());
        writes.iter().fold(self.bytes, |bytes, write| {
            let old = size(&write.key, self.records.get(&write.key).map(Vec::as_slice));
            (bytes + size(&write.key, write.value.as_deref())).saturating_sub(old)
        })
    }

    /// Whether a batch is taken now.
    fn takes(&mut self, writes: &[Write], rng: &mut Rng) -> bool {
        let has_result = writes.iter().any(|write| write.value.is_some() && write.key.starts_with("outbox/"));
        let refused =
            if has_result && self.results_refused > 0 { &mut self.results_refused } else { &mut self.batches_refused };
        if *refused > 0 {
            *refused -= 1;
            return false;
        }
        let size = self.size_with(writes);
        let fits = self.bytes_max.is_none_or(|most| size <= most || size <= self.bytes);
        fits && !chance(rng, self.errors)
    }

    /// The background is gone: any beginning of what was under way was still written.
    pub(crate) fn kill(&mut self, rng: &mut Rng) {
        let kept = rng.usize(..=self.under_way.len());
        for (_, writes) in std::mem::take(&mut self.under_way).into_iter().take(kept) {
            if self.takes(&writes, rng) {
                writes.iter().for_each(|write| self.write(write));
            }
        }
        self.last_failed = false;
    }

    /// Nothing fails any more.
    pub(crate) fn calm(&mut self) {
        (self.errors, self.results_refused, self.batches_refused) = (0, 0, 0);
        (self.bytes_max, self.latency_ms) = (None, 5);
    }

    /// Damages one record, as a disk does: its end is missing, or zeros. Its key.
    pub(crate) fn damage(&mut self, rng: &mut Rng) -> Option<String> {
        let keys: Vec<&String> = self.records.keys().collect();
        let key = pick(rng, &keys).map(|key| (*key).clone())?;
        let mut value = self.records.get(&key).cloned()?;
        let (len, kept) = (value.len(), rng.usize(..value.len().max(1)));
        value.truncate(kept);
        if rng.bool() {
            value.resize(len, 0);
        }
        self.write(&Write { key: key.clone(), value: Some(value.into()) });
        Some(key)
    }
}

impl World {
    pub(crate) fn persist(&mut self, who: usize, batch: u64, writes: Vec<Write>) {
        let (me, at) = (self.browser(who).me, self.house_wall());
        if self.browser(who).twin_of.is_none() {
            let storage = &self.browsers.get(who).expect("browsers are never removed").storage;
            let durable = |key: &str| storage.holds(key);
            let checked = self.model.worker_writes(me, batch, &writes, (storage.fails(), at), &durable);
            self.check(checked);
        }
        let storage = &mut self.browser(who).storage;
        storage.under_way.push_back((batch, writes));
        let (is_first, latency_ms) = (storage.under_way.len() == 1, storage.latency_ms);
        if is_first {
            let after_ms = self.rng.u64(..=latency_ms);
            self.queue_browser(who, after_ms, BrowserEvent::Stored);
        }
    }

    pub(crate) fn stored(&mut self, who: usize) {
        let mut rng = self.rng.fork();
        let storage = &mut self.browser(who).storage;
        let Some((batch, writes)) = storage.under_way.pop_front() else { return };
        let is_taken = storage.takes(&writes, &mut rng);
        storage.last_failed = !is_taken;
        if is_taken {
            writes.iter().for_each(|write| storage.write(write));
        }
        let (goes_on, latency_ms) = (!storage.under_way.is_empty(), storage.latency_ms);
        self.tally.batches_failed += u64::from(!is_taken);
        if goes_on {
            let after_ms = self.rng.u64(..=latency_ms);
            self.queue_browser(who, after_ms, BrowserEvent::Stored);
        }
        let (me, is_twin) = (self.browser(who).me, self.browser(who).twin_of.is_some());
        if !is_twin {
            self.model.worker_stored(me, batch, is_taken);
        }
        let happened = if is_taken { Happened::Persisted { batch } } else { Happened::PersistFailed { batch } };
        self.feed(who, happened);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_follow_the_records() {
        let mut storage = Storage::default();
        let write = |key: &str, value: Option<&[u8]>| Write {
            key: key.into(),
            value: value.map(|value| value.to_vec().into()),
        };
        storage.write(&write("lease/1", Some(b"abc")));
        storage.write(&write("outbox/1", Some(b"abcd")));
        storage.write(&write("lease/1", None));
        assert_eq!((storage.counts(), storage.bytes()), ((0, 1), "outbox/1".len() + 4));
        let size = storage.size_with(&[write("outbox/1", Some(b"x")), write("a", Some(b"bc"))]);
        assert_eq!(size, "outbox/1".len() + 1 + 3);
    }
}
