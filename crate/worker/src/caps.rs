//! The person's caps at work: what is counted and when storage must know of it, what stands in the way,
//! pauses that end by themselves. The rules are `lull_policy::caps`.
//!
//! No byte is lost by a kill: while there is work, storage holds a mark, which is what was counted plus a
//! reserve. Nothing is asked for or read beyond the mark before a higher one is durable; after a kill the count
//! goes on from the mark. The mark rides along with records that are written anyway (a lease, a result), and
//! when all has been quiet for a while the exact figure takes its place.
//!
//! No request is lost either: it is counted, and storage holds that count, before it is sent. The count of the next
//! fetch rides along with its lease, or with the result of the one before.

use lull_policy::caps::{self, Ask, BUFFERED_BYTES_MAX, Bucket, Caps, Decision, Limit, LocalClock, Usage};
use lull_protocol::{Timestamp, fields};
use lull_view::{BandwidthState, CapRanges, LimitName, Limits, Pause, Used};

use crate::records::Key;
use crate::storage::After;
use crate::{Worker, limits};

/// A pause that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PauseRecord {
    /// The browser's clock.
    pub(crate) until: Timestamp,
    /// How long it was meant to be at most: a clock that is set back makes it no longer.
    pub(crate) length_ms: u64,
}
fields!(PauseRecord { 0 until, 1 length_ms });

/// Caps and counts, with what is known about storage.
#[derive(Debug)]
pub(crate) struct Metering {
    pub(crate) caps: Caps,
    pub(crate) usage: Usage,
    pub(crate) pause: Option<PauseRecord>,
    bucket: Bucket,
    /// What the caps say of any fetch, when they were last asked.
    stands: Decision,
    clock: LocalClock,
    /// How far the total may go before storage must know more.
    durable_total_bytes: u64,
    /// Requests counted since the machine started.
    asked: u64,
    /// How many of them storage knows of.
    durable_asked: u64,
    /// Batches that carry a mark.
    marks: Vec<Mark>,
    /// Storage holds, or is about to hold, a mark instead of the exact figure.
    is_reserving: bool,
    /// Since when nothing was in flight.
    quiet_since: Option<Timestamp>,
    /// Leases went back because of a cap: which, until when it holds, and until when no work is asked for.
    rest: Option<(Limit, Timestamp, Timestamp)>,
    /// What the row of leases or the fetch under way waits for.
    wait: Option<(Limit, Timestamp)>,
}

/// What storage knows once a batch is durable.
#[derive(Clone, Copy, Debug)]
struct Mark {
    batch: u64,
    total_bytes: u64,
    asked: u64,
}

impl Metering {
    pub(crate) fn new(caps: Caps, usage: Usage, pause: Option<PauseRecord>) -> Self {
        Self {
            durable_total_bytes: usage.total_bytes,
            caps,
            usage,
            pause,
            bucket: Bucket::default(),
            stands: Decision::Go { bytes: 0 },
            clock: LocalClock { now: Timestamp::ZERO, utc_offset_min: 0 },
            asked: 0,
            durable_asked: 0,
            marks: Vec::new(),
            is_reserving: false,
            quiet_since: None,
            rest: None,
            wait: None,
        }
    }

    /// The usage as it is stored now.
    pub(crate) fn stored(&self) -> Usage {
        let mut usage = self.usage.clone();
        usage.reserve_bytes = self.reserve_bytes();
        usage
    }

    fn reserve_bytes(&self) -> u64 {
        if self.is_reserving { limits::RESERVE_BYTES } else { 0 }
    }

    /// A batch with the usage goes out.
    pub(crate) fn marked(&mut self, batch: u64) {
        let total_bytes = self.usage.total_bytes.saturating_add(self.reserve_bytes());
        // A lower one may replace a higher one at any moment from now on.
        self.durable_total_bytes = self.durable_total_bytes.min(total_bytes);
        self.marks.push(Mark { batch, total_bytes, asked: self.asked });
    }

    /// A batch is durable, or failed. They are written in the order of their numbers.
    pub(crate) fn mark_done(&mut self, batch: u64, is_durable: bool) {
        if let Some(at) = self.marks.iter().position(|mark| mark.batch == batch) {
            let mark = self.marks.remove(at);
            if is_durable {
                (self.durable_total_bytes, self.durable_asked) = (mark.total_bytes, mark.asked);
            }
        }
    }

    /// Whether storage covers this many bytes more.
    fn covers(&self, bytes: u64) -> bool {
        self.durable_total_bytes >= self.usage.total_bytes.saturating_add(bytes)
    }

    /// Counts bytes that crossed the connection.
    fn count(&mut self, bytes: u64) {
        self.usage.count(bytes);
        self.bucket.take(bytes);
    }

    fn decide(&self, ask: Ask<'_>) -> Decision {
        caps::decide(&self.caps, &self.usage, &self.bucket, ask, self.clock)
    }

    /// Remembers the soonest thing that something waits for.
    fn note_wait(&mut self, why: Limit, at: Timestamp) {
        if self.wait.is_none_or(|(_, sooner)| at < sooner) {
            self.wait = Some((why, at));
        }
    }
}

/// What can be said of a lease.
pub(crate) enum Turn {
    /// It may begin.
    Now,
    /// Later, but in time.
    Later,
    /// Not in time.
    TooLate,
}

impl Worker {
    /// Tells the caps the time: days that begin, pauses that end, what stands in the way.
    pub(crate) fn look_at_limits(&mut self, now: Timestamp) {
        self.end_pause(now);
        let utc_offset_min = self.surroundings.map_or(0, |s| s.utc_offset_min);
        let m = &mut self.metering;
        m.clock = LocalClock { now, utc_offset_min };
        // Before the shell has told where it is, no day can be known to have begun.
        if self.surroundings.is_some() && m.usage.roll(&m.caps, m.clock) {
            // What storage holds is of another day now.
            m.durable_total_bytes = m.usage.total_bytes;
            m.marks.clear();
            self.storage.write_later(Key::Usage);
            self.changed();
        }
        let m = &mut self.metering;
        m.bucket.refill(m.caps.second_bytes, now);
        m.stands = m.decide(Ask::Anything);
        m.rest = m.rest.filter(|(_, until, end)| now < (*until).min(*end) && end.since(now) <= limits::CAP_REST_MS);
        self.metering.wait = None;
    }

    /// Which cap stands in the way of any fetch.
    pub(crate) fn limited(&self) -> Option<BandwidthState> {
        match self.metering.stands {
            Decision::Go { .. } => None,
            Decision::WaitUntil { at, why } => Some(limited(why, Some(at))),
            Decision::Refuse(why) => Some(limited(why, None)),
        }
    }

    /// What the next fetch waits for, if there is none under way.
    pub(crate) fn waiting_for(&self) -> Option<BandwidthState> {
        let rest = self.metering.rest.map(|(why, until, _)| (why, until));
        let (why, at) = rest.or(self.metering.wait).filter(|(why, _)| *why != Limit::Second)?;
        Some(limited(why, Some(at)))
    }

    /// Whether more fetch work may be asked for as far as the caps go.
    pub(crate) fn may_want_fetches(&self) -> bool {
        self.metering.rest.is_none()
    }

    /// When the caps need a look.
    pub(crate) fn limits_due_at(&self) -> Option<Timestamp> {
        let m = &self.metering;
        let stands = match m.stands {
            Decision::WaitUntil { at, .. } => Some(at),
            _ => None,
        };
        let rest = m.rest.map(|(_, until, end)| until.min(end));
        let quiet = m.quiet_since.map(|since| since.plus(limits::QUIET_MS));
        [stands, rest, m.wait.map(|(_, at)| at), quiet].into_iter().flatten().min()
    }

    /// When the pause ends.
    pub(crate) fn pause_due_at(&self) -> Option<Timestamp> {
        self.metering.pause.map(|pause| pause.until)
    }

    /// Whether a request may be sent before the item's deadline (the browser's clock).
    pub(crate) fn turn(&mut self, ask: Ask<'_>, deadline: Timestamp) -> Turn {
        match self.metering.decide(ask) {
            Decision::Go { .. } => Turn::Now,
            Decision::WaitUntil { at, why } if at < deadline => {
                self.metering.note_wait(why, at);
                Turn::Later
            }
            Decision::WaitUntil { at, why } => {
                self.metering.rest = Some((why, at, self.metering.clock.now.plus(limits::CAP_REST_MS)));
                Turn::TooLate
            }
            Decision::Refuse(_) => Turn::Later,
        }
    }

    /// How much of a body may be read now; taken out of the second's share.
    pub(crate) fn take_grant(&mut self, wanted_bytes: u64) -> Option<u64> {
        match self.metering.decide(Ask::Read { bytes: wanted_bytes }) {
            Decision::Go { bytes } if bytes > 0 => {
                if !self.is_covered(bytes) {
                    return None;
                }
                self.metering.bucket.take(bytes);
                Some(bytes)
            }
            Decision::WaitUntil { at, why } => {
                self.metering.note_wait(why, at);
                None
            }
            Decision::Go { .. } | Decision::Refuse(_) => None,
        }
    }

    /// Whether storage covers a request, or this many bytes of a body, with all that the browser may take in
    /// unread. If it soon won't, it is told more.
    pub(crate) fn is_covered(&mut self, bytes: u64) -> bool {
        let m = &mut self.metering;
        m.is_reserving = true;
        m.quiet_since = None;
        if !m.covers(limits::RESERVE_BYTES / 2) && m.marks.is_empty() && !self.storage.is_failing() {
            self.persist([Key::Usage], After::Nothing);
        }
        self.metering.covers(bytes.saturating_add(BUFFERED_BYTES_MAX + limits::HEAD_BYTES))
    }

    /// A fetch is at hand: the record that is written for it carries the mark.
    pub(crate) fn reserve(&mut self) {
        self.metering.is_reserving = true;
        self.metering.quiet_since = None;
        if !self.metering.covers(limits::RESERVE_BYTES / 2) {
            self.persist_lazily(Key::Usage);
        }
    }

    /// Counts a request that is about to be sent; its number among those counted since the start.
    pub(crate) fn count_request(&mut self, domain: &str, now: Timestamp) -> u64 {
        self.metering.usage.ask(domain, now);
        self.metering.asked += 1;
        self.persist_lazily(Key::Usage);
        self.metering.asked
    }

    /// A request that was counted goes out: it may have waited for storage, or for a look-up.
    pub(crate) fn request_goes(&mut self, domain: &str, now: Timestamp) {
        self.metering.usage.sent(domain, now);
        self.persist_lazily(Key::Usage);
    }

    /// Whether storage knows of this request. If no batch is about to tell it, one is sent.
    pub(crate) fn is_request_durable(&mut self, number: u64) -> bool {
        let m = &self.metering;
        let is_told = m.marks.iter().any(|mark| mark.asked >= number);
        if m.durable_asked < number && !is_told && !self.storage.is_failing() {
            self.persist([Key::Usage], After::Nothing);
        }
        self.metering.durable_asked >= number
    }

    /// Counts bytes, each way.
    pub(crate) fn count_bytes(&mut self, bytes: u64) {
        if bytes > 0 {
            self.metering.count(bytes);
            self.persist_lazily(Key::Usage);
            self.changed();
        }
    }

    /// Counts what came under a grant: of `granted` bytes this many, more or less.
    pub(crate) fn count_granted(&mut self, granted: u64, bytes: u64) {
        self.metering.bucket.give_back(granted);
        self.count_bytes(bytes);
    }

    /// Less came than was counted: an encoded body is smaller than what is read of it.
    pub(crate) fn uncount_bytes(&mut self, bytes: u64) {
        self.metering.usage.uncount(bytes);
    }

    /// Counts what is sent to the coordinator.
    pub(crate) fn count_upload(&mut self, bytes: usize) {
        self.metering.usage.upload(bytes as u64);
    }

    /// Writes the exact figure once nothing has been in flight for a while.
    pub(crate) fn settle_usage(&mut self, now: Timestamp) {
        let is_busy = self.run.is_some() || self.has_fetch_leases() || self.storage.is_failing();
        let m = &mut self.metering;
        if is_busy || !m.is_reserving {
            m.quiet_since = None;
            return;
        }
        // A clock that was set back must not hold it up.
        let since = m.quiet_since.unwrap_or(now).min(now);
        m.quiet_since = Some(since);
        if now.since(since) >= limits::QUIET_MS {
            m.is_reserving = false;
            m.quiet_since = None;
            self.persist([Key::Usage], After::Nothing);
        }
    }

    pub(crate) fn set_caps(&mut self, caps: Caps, now: Timestamp) {
        let caps = caps.held();
        if self.metering.caps != caps {
            let is_cut_anew = self.metering.caps.month_day != caps.month_day;
            self.metering.caps = caps;
            self.metering.rest = None;
            if is_cut_anew {
                let m = &mut self.metering;
                m.usage.recut_month(&m.caps, m.clock);
            }
            self.look_at_limits(now);
            // A fetch stops before anything else is done about the change. A request that is not sent yet had its turn
            // by the old caps: its fetch begins anew, if the new ones let it.
            if !self.may_fetch() || self.run.as_ref().is_some_and(|run| !run.is_open()) {
                self.abort_run();
            }
            self.persist([Key::Caps], After::Nothing);
            self.changed();
        }
    }

    pub(crate) fn pause_for(&mut self, pause: Pause, now: Timestamp) {
        let clock = self.metering.clock;
        let until = match pause {
            Pause::Hour => Some(now.plus(limits::PAUSE_HOUR_MS)),
            Pause::Tomorrow => Some(clock.hour_starts(clock.day() + 1, limits::PAUSE_MORNING_HOUR)),
            Pause::Open => None,
        };
        let pause = until.map(|until| PauseRecord { until, length_ms: until.since(now) });
        self.set_paused(true, pause);
    }

    /// Ends a pause whose time has come.
    fn end_pause(&mut self, now: Timestamp) {
        let Some(pause) = self.metering.pause else { return };
        let until = pause.until.min(now.plus(pause.length_ms));
        if now >= until {
            self.set_paused(false, None);
        } else if until != pause.until {
            self.metering.pause = Some(PauseRecord { until, ..pause });
            self.persist([Key::Pause], After::Nothing);
            self.changed();
        }
    }

    /// Caps, use and pause as they are shown.
    pub(crate) fn limits_view(&self) -> Limits {
        let m = &self.metering;
        let (day, month) = (&m.usage.day, &m.usage.month);
        Limits {
            caps: view_of(&m.caps),
            ranges: CapRanges {
                second_bytes: caps::SECOND_BYTES,
                day_bytes: caps::DAY_BYTES,
                month_bytes: caps::MONTH_BYTES,
                month_day: caps::MONTH_DAY,
                domain_minute: caps::DOMAIN_MINUTE,
                domain_day: caps::DOMAIN_DAY,
            },
            used: Used {
                day_bytes: day.bytes,
                month_bytes: month.bytes,
                day_upload_bytes: day.upload_bytes,
                month_upload_bytes: month.upload_bytes,
                day_ends_at: m.usage.day_ends(m.clock).get(),
                month_ends_at: m.usage.month_ends(m.caps.month_day, m.clock).get(),
            },
            paused_until: m.pause.map(|pause| pause.until.get()),
        }
    }
}

fn limited(why: Limit, until: Option<Timestamp>) -> BandwidthState {
    let limit = match why {
        Limit::Metered => LimitName::Metered,
        Limit::Hours => LimitName::Hours,
        Limit::Day => LimitName::Day,
        Limit::Month => LimitName::Month,
        Limit::DomainMinute | Limit::DomainDay | Limit::Second => LimitName::Domain,
    };
    BandwidthState::Limited { limit, until: until.map(Timestamp::get) }
}

fn view_of(caps: &Caps) -> lull_view::Caps {
    lull_view::Caps {
        second_bytes: caps.second_bytes,
        day_bytes: caps.day_bytes,
        month_bytes: caps.month_bytes,
        month_day: caps.month_day,
        domain_minute: caps.domain_minute,
        domain_day: caps.domain_day,
        hours: caps.hours.0,
        metered: caps.metered,
    }
}

/// The person's word as policy knows it.
pub(crate) fn caps_of(view: lull_view::Caps) -> Caps {
    Caps {
        second_bytes: view.second_bytes,
        day_bytes: view.day_bytes,
        month_bytes: view.month_bytes,
        month_day: view.month_day,
        domain_minute: view.domain_minute,
        domain_day: view.domain_day,
        hours: caps::Hours(view.hours),
        metered: view.metered,
    }
}
