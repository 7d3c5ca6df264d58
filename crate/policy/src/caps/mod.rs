//! How much may be fetched, and when: the person's caps, what was used of them, and the decision that
//! follows.
//!
//! Bytes per second are an average: a body is read as fast as it comes, and the next request waits until the average
//! holds again. A browser takes a response in ahead of its reader (Chromium up to 64 MB), so to read it slowly would
//! only hide what has crossed the connection already.
//!
//! A day and a month are the person's own, by the local clock. A clock that is set back gives nothing a
//! second time: what was used counts on until the clock has passed the day that was reached already; only
//! after a jump back by more than [`DAYS_BACK_MAX`] was that day never there, and the count goes over to
//! the day it is now.

mod bucket;
mod local;
mod usage;

pub use bucket::Bucket;
pub use local::{Hours, LocalClock};
pub use usage::{DOMAINS_MAX, DomainUse, Period, Usage};

use lull_protocol::limits::{BODY_BYTES_MAX, HOPS_MAX};
use lull_protocol::{Timestamp, fields};

/// A range of a setting: at least, at most.
pub type Range = (u64, u64);

/// Bytes per second.
pub const SECOND_BYTES: Range = (50_000, 100_000_000);
/// Bytes per day. Any item fits into a fresh day of the least.
pub const DAY_BYTES: Range = (20_000_000, 1_000_000_000_000);
/// Bytes per month.
pub const MONTH_BYTES: Range = (20_000_000, 30_000_000_000_000);
/// The day of the month on which the month's count begins anew: every month has it.
pub const MONTH_DAY: Range = (1, 28);
/// Requests to one registrable domain in any 60 s.
pub const DOMAIN_MINUTE: Range = (1, 6_000);
/// Requests to one registrable domain per day.
pub const DOMAIN_DAY: Range = (1, 100_000);

/// Most bytes that are granted at a time: what a shell reads before it asks again.
pub const GRANT_BYTES_MAX: u64 = 512 * 1024;
/// What is reckoned to have crossed the connection of a response beyond what was read of it when it is stopped, bytes.
/// No browser tells; the system's own socket buffer takes in megabytes ahead of a reader that is slower than the line.
pub const BUFFERED_BYTES_MAX: u64 = 1024 * 1024;
/// The fastest line on which nothing that is stopped in the middle is counted too low, bytes per second (100 Mbit/s),
/// and how far a reader may be behind it, milliseconds. Of a body that ends by itself every byte is counted on any line.
pub const LINE_BYTES: u64 = 12_500_000;
/// See [`LINE_BYTES`].
pub const READER_LAG_MS: u64 = 80;
/// What an item may need beside its body, bytes: the heads of its requests and what a browser may have buffered.
pub const ITEM_EXTRA_BYTES: u64 = HOPS_MAX as u64 * 64 * 1024 + BUFFERED_BYTES_MAX;
/// Days that a clock may be set back without the day in between counting anew.
pub const DAYS_BACK_MAX: u64 = 2;
/// Months likewise.
pub const MONTHS_BACK_MAX: u64 = 1;

const _: () = assert!(DAY_BYTES.0 >= BODY_BYTES_MAX + ITEM_EXTRA_BYTES, "any item fits into a fresh day");
const _: () = assert!(BUFFERED_BYTES_MAX >= LINE_BYTES * READER_LAG_MS / 1_000, "as much as a reader may be behind");
const _: () = assert!(MONTH_BYTES.0 >= DAY_BYTES.0, "and into a fresh month");

/// The person's caps. On by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes per second.
    pub second_bytes: u64,
    /// Bytes per day.
    pub day_bytes: u64,
    /// Bytes per month.
    pub month_bytes: u64,
    /// The day of the month on which the month begins.
    pub month_day: u64,
    /// Requests per domain in any 60 s.
    pub domain_minute: u64,
    /// Requests per domain and day.
    pub domain_day: u64,
    /// Hours of the week.
    pub hours: Hours,
    /// The person says that this connection is metered: nothing is fetched.
    pub metered: bool,
}
fields!(Caps {
    0 second_bytes, 1 day_bytes, 2 month_bytes, 3 month_day, 4 domain_minute, 5 domain_day, 6 hours, 7 metered
});

impl Default for Caps {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Caps {
    /// What holds until the person says otherwise.
    pub const DEFAULT: Self = Self {
        second_bytes: 1_000_000,
        day_bytes: 500_000_000,
        month_bytes: 5_000_000_000,
        month_day: 1,
        domain_minute: 120,
        domain_day: 1_000,
        hours: Hours::ALL,
        metered: false,
    };

    /// The same, each number held to its range: whatever a page or a disk says.
    pub fn held(self) -> Self {
        let hold = |value: u64, (least, most): Range| value.clamp(least, most);
        Self {
            second_bytes: hold(self.second_bytes, SECOND_BYTES),
            day_bytes: hold(self.day_bytes, DAY_BYTES),
            month_bytes: hold(self.month_bytes, MONTH_BYTES),
            month_day: hold(self.month_day, MONTH_DAY),
            domain_minute: hold(self.domain_minute, DOMAIN_MINUTE),
            domain_day: hold(self.domain_day, DOMAIN_DAY),
            hours: self.hours.held(),
            metered: self.metered,
        }
    }
}

/// Which cap stands in the way. The UI puts each into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// The person said that the connection is metered.
    Metered,
    /// It is not one of the hours.
    Hours,
    /// The day's bytes.
    Day,
    /// The month's bytes.
    Month,
    /// Requests to this domain in the last minute.
    DomainMinute,
    /// Requests to this domain today.
    DomainDay,
    /// Bytes per second.
    Second,
}

impl Limit {
    /// Every limit there is, in the order above.
    pub const ALL: [Self; 7] =
        [Self::Metered, Self::Hours, Self::Day, Self::Month, Self::DomainMinute, Self::DomainDay, Self::Second];
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask<'a> {
    /// Whether anything may be fetched now.
    Anything,
    /// An item's first request; its body has at most this many bytes.
    Begin {
        /// The registrable domain.
        domain: &'a str,
        /// Ceiling of the body, bytes.
        bytes_max: u64,
    },
    /// A further request of an item that has begun: a redirect.
    Hop {
        /// The registrable domain.
        domain: &'a str,
    },
    /// To read on in a body.
    Read {
        /// How much is wanted.
        bytes: u64,
    },
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Now; at most this many bytes of a body (zero where none was asked for).
    Go {
        /// The grant.
        bytes: u64,
    },
    /// Not before then.
    WaitUntil {
        /// The browser's clock.
        at: Timestamp,
        /// Why.
        why: Limit,
    },
    /// Not until the person changes something.
    Refuse(Limit),
}

impl Decision {
    /// The limit in the way.
    pub fn limit(&self) -> Option<Limit> {
        match self {
            Self::Go { .. } => None,
            Self::WaitUntil { why, .. } | Self::Refuse(why) => Some(*why),
        }
    }

    /// The one that holds longer.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Refuse(_), _) => self,
            (_, Self::Refuse(_)) => other,
            (Self::WaitUntil { at: a, .. }, Self::WaitUntil { at: b, .. }) => {
                if b > a {
                    other
                } else {
                    self
                }
            }
            (Self::Go { .. }, _) => other,
            (_, Self::Go { .. }) => self,
        }
    }
}

/// Decides. [`Usage::roll`] and [`Bucket::refill`] have been told the time before.
pub fn decide(caps: &Caps, usage: &Usage, bucket: &Bucket, ask: Ask<'_>, clock: LocalClock) -> Decision {
    let stands = anything(caps, usage, clock);
    match ask {
        Ask::Anything => stands,
        Ask::Begin { domain, bytes_max } => {
            let bytes = bytes_max.saturating_add(ITEM_EXTRA_BYTES);
            let fits = room(caps, usage, bytes, clock);
            stands.and(fits).and(requests(caps, usage, domain, clock)).and(bucket.open(caps.second_bytes, clock.now))
        }
        Ask::Hop { domain } => {
            stands.and(requests(caps, usage, domain, clock)).and(bucket.open(caps.second_bytes, clock.now))
        }
        Ask::Read { bytes } => {
            let left = rest(caps.day_bytes, usage.day.bytes).min(rest(caps.month_bytes, usage.month.bytes));
            stands.granting(bytes.min(left).min(GRANT_BYTES_MAX))
        }
    }
}

impl Decision {
    fn granting(self, granted: u64) -> Self {
        match self {
            Self::Go { .. } => Self::Go { bytes: granted },
            other => other,
        }
    }
}

fn rest(cap: u64, used: u64) -> u64 {
    cap.saturating_sub(used)
}

const GO: Decision = Decision::Go { bytes: 0 };

fn anything(caps: &Caps, usage: &Usage, clock: LocalClock) -> Decision {
    let metered = if caps.metered { Decision::Refuse(Limit::Metered) } else { GO };
    let hours = match caps.hours.next_open(clock) {
        Some(at) if at <= clock.now => GO,
        Some(at) => Decision::WaitUntil { at, why: Limit::Hours },
        None => Decision::Refuse(Limit::Hours),
    };
    metered.and(hours).and(room(caps, usage, 1, clock))
}

/// Whether this many bytes fit into what is left of the day and the month.
fn room(caps: &Caps, usage: &Usage, bytes: u64, clock: LocalClock) -> Decision {
    let day = if rest(caps.day_bytes, usage.day.bytes) >= bytes {
        GO
    } else {
        Decision::WaitUntil { at: usage.day_ends(clock), why: Limit::Day }
    };
    let month = if rest(caps.month_bytes, usage.month.bytes) >= bytes {
        GO
    } else {
        Decision::WaitUntil { at: usage.month_ends(caps.month_day, clock), why: Limit::Month }
    };
    day.and(month)
}

fn requests(caps: &Caps, usage: &Usage, domain: &str, clock: LocalClock) -> Decision {
    let Some(used) = usage.domain(domain) else { return GO };
    let day = if used.day < caps.domain_day {
        GO
    } else {
        Decision::WaitUntil { at: usage.day_ends(clock), why: Limit::DomainDay }
    };
    let minute = match used.next_request(caps.domain_minute, clock.now) {
        Some(at) => Decision::WaitUntil { at, why: Limit::DomainMinute },
        None => GO,
    };
    day.and(minute)
}
