//! What was used: bytes of the day and the month, requests of each domain.

use lull_protocol::{Timestamp, fields};

use super::{Caps, DAYS_BACK_MAX, LocalClock, MONTHS_BACK_MAX};

/// Domains that are counted one by one. One more takes over the count of the one with the fewest, so none is ever
/// counted too low (Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data
/// Streams", 2005: Space-Saving).
pub const DOMAINS_MAX: usize = 256;
/// A minute is watched in slices of this many milliseconds.
const SLICE_MS: u64 = 10_000;
/// The slice that runs and those before it that a minute reaches back into.
const SLICES: usize = 7;

/// A day or a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// Which one.
    pub key: u64,
    /// Bytes fetched, each way.
    pub bytes: u64,
    /// Bytes sent to the coordinator: told apart, no cap holds them.
    pub upload_bytes: u64,
}
fields!(Period { 0 key, 1 bytes, 2 upload_bytes });

impl Period {
    /// Goes on to `key`. Whether a new count begins.
    fn roll(&mut self, key: u64, back_max: u64) -> bool {
        if key > self.key {
            *self = Self { key, ..Self::default() };
            return true;
        }
        if self.key - key > back_max {
            self.key = key;
        }
        false
    }
}

/// What was asked of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainUse {
    /// The registrable domain.
    pub domain: String,
    /// Requests today.
    pub day: u64,
    /// The slice of time that `slices` begins with.
    slice: u64,
    /// Requests of the last slices, the newest first.
    slices: [u64; SLICES],
}

/// As it is stored: the last minute in one number, as if all of it had been a moment ago.
struct Stored {
    domain: String,
    day: u64,
    slice: u64,
    recent: u64,
}
fields!(Stored { 0 domain, 1 day, 2 slice, 3 recent });

impl lull_protocol::cbor::Cbor for DomainUse {
    fn write(&self, to: &mut lull_protocol::cbor::Writer) {
        let stored = Stored { domain: self.domain.clone(), day: self.day, slice: self.slice, recent: self.recent() };
        stored.write(to);
    }
    fn read(from: &mut lull_protocol::cbor::Reader<'_>) -> Self {
        let Stored { domain, day, slice, recent } = Stored::read(from);
        Self { domain, day, slice, slices: [recent, 0, 0, 0, 0, 0, 0] }
    }
}

impl DomainUse {
    fn recent(&self) -> u64 {
        self.slices.iter().fold(0, |sum: u64, n| sum.saturating_add(*n))
    }

    /// Goes on to now. After a clock was set back all of it counts as if it had been now.
    fn advance(&mut self, now: Timestamp) {
        let slice = now.get() / SLICE_MS;
        let passed = usize::try_from(slice.saturating_sub(self.slice)).unwrap_or(SLICES).min(SLICES);
        self.slices.rotate_right(passed);
        self.slices.iter_mut().take(passed).for_each(|n| *n = 0);
        self.slice = slice;
    }

    /// When another request may be sent if any minute has at most `most`; `None`: now.
    pub(super) fn next_request(&self, most: u64, now: Timestamp) -> Option<Timestamp> {
        let mut here = self.clone();
        here.advance(now);
        if here.recent() < most {
            return None;
        }
        // After `n` more slices the oldest `n` no longer count; after all of them none does.
        let newest = |n: usize| here.slices.iter().take(SLICES - n).fold(0, |sum: u64, n| sum.saturating_add(*n));
        let wait = (1..=SLICES).find(|n| newest(*n) < most).unwrap_or(SLICES);
        Some(Timestamp::ZERO.plus((here.slice + wait as u64).saturating_mul(SLICE_MS)))
    }
}

/// All that was used. It is stored whenever it grew; see the worker for how a kill loses none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Today.
    pub day: Period,
    /// This month.
    pub month: Period,
    /// All bytes ever counted.
    pub total_bytes: u64,
    /// Only as stored: bytes that may have been used since.
    pub reserve_bytes: u64,
    domains: Vec<DomainUse>,
}
fields!(Usage { 0 day, 1 month, 2 total_bytes, 3 reserve_bytes, 4 domains });

impl Usage {
    /// The same as stored: what may have been used since it was written counts as used, and no list is longer
    /// than it may be.
    pub fn restored(mut self) -> Self {
        let reserve = std::mem::take(&mut self.reserve_bytes);
        self.count(reserve);
        self.domains.truncate(DOMAINS_MAX);
        self
    }

    /// Tells the time: a new day or month begins to count. Whether one did.
    pub fn roll(&mut self, caps: &Caps, clock: LocalClock) -> bool {
        let day = self.day.roll(clock.day(), DAYS_BACK_MAX);
        let month = self.month.roll(clock.month(caps.month_day), MONTHS_BACK_MAX);
        // A minute that lies ahead of a clock that was set back begins to pass now.
        for domain in self.domains.iter_mut().filter(|domain| domain.slice > clock.now.get() / SLICE_MS) {
            domain.advance(clock.now);
        }
        if day {
            for domain in &mut self.domains {
                domain.advance(clock.now);
                domain.day = 0;
            }
            self.domains.retain(|domain| domain.recent() > 0);
        }
        day || month
    }

    /// The person chose another day for months to begin: what was used is this month's, as it is cut now.
    pub fn recut_month(&mut self, caps: &Caps, clock: LocalClock) {
        self.month.key = clock.month(caps.month_day);
    }

    /// Counts bytes, each way.
    pub fn count(&mut self, bytes: u64) {
        for sum in [&mut self.day.bytes, &mut self.month.bytes, &mut self.total_bytes] {
            *sum = sum.saturating_add(bytes);
        }
    }

    /// Takes back what was counted and turned out to be less. The total stays: it only says how far storage is.
    pub fn uncount(&mut self, bytes: u64) {
        for sum in [&mut self.day.bytes, &mut self.month.bytes] {
            *sum = sum.saturating_sub(bytes);
        }
    }

    /// Counts bytes sent to the coordinator.
    pub fn upload(&mut self, bytes: u64) {
        for sum in [&mut self.day.upload_bytes, &mut self.month.upload_bytes] {
            *sum = sum.saturating_add(bytes);
        }
    }

    /// Counts a request.
    pub fn ask(&mut self, domain: &str, now: Timestamp) {
        let at = self.domains.iter().position(|used| used.domain == domain);
        let at = at.unwrap_or_else(|| self.place_for(domain, now));
        if let Some(used) = self.domains.get_mut(at) {
            used.advance(now);
            used.day = used.day.saturating_add(1);
            let [newest, ..] = &mut used.slices;
            *newest = newest.saturating_add(1);
        }
    }

    /// The request to this domain that was counted last is sent only now: it had to wait, and its minute begins here.
    pub fn sent(&mut self, domain: &str, now: Timestamp) {
        let Some(used) = self.domains.iter_mut().find(|used| used.domain == domain) else { return };
        used.advance(now);
        let [newest, older @ ..] = &mut used.slices;
        if *newest == 0 {
            *newest = 1;
            if let Some(counted) = older.iter_mut().find(|n| **n > 0) {
                *counted -= 1;
            }
        }
    }

    /// A place in the list, with nothing in it or with the count that it takes over.
    fn place_for(&mut self, domain: &str, now: Timestamp) -> usize {
        if self.domains.len() < DOMAINS_MAX {
            let slice = now.get() / SLICE_MS;
            self.domains.push(DomainUse { domain: domain.to_owned(), day: 0, slice, slices: [0; SLICES] });
            return self.domains.len() - 1;
        }
        let fewest = self.domains.iter().enumerate().min_by_key(|(_, used)| (used.day, used.slice));
        let at = fewest.map_or(0, |(at, _)| at);
        if let Some(used) = self.domains.get_mut(at) {
            used.domain = domain.to_owned();
        }
        at
    }

    /// What was asked of a domain, or of the one whose place it would take.
    pub fn domain(&self, domain: &str) -> Option<&DomainUse> {
        let known = self.domains.iter().find(|used| used.domain == domain);
        known.or_else(|| {
            let is_full = self.domains.len() >= DOMAINS_MAX;
            is_full.then(|| self.domains.iter().min_by_key(|used| (used.day, used.slice))).flatten()
        })
    }

    /// When the day's count begins anew.
    pub fn day_ends(&self, clock: LocalClock) -> Timestamp {
        clock.day_starts(self.day.key.saturating_add(1))
    }

    /// When the month's does.
    pub fn month_ends(&self, month_day: u64, clock: LocalClock) -> Timestamp {
        clock.month_starts(self.month.key.saturating_add(1), month_day)
    }
}
