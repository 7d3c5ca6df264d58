//! The person's limits: caps on bandwidth, what was used of them, pauses.

use lull_protocol::{codes, fields};

/// Everything about limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The person's caps.
    pub caps: Caps,
    /// What each may be.
    pub ranges: CapRanges,
    /// What was used.
    pub used: Used,
    /// When the pause under way ends; `None` while there is none, or until the person says so.
    pub paused_until: Option<u64>,
}
fields!(Limits { 0 caps, 1 ranges, 2 used, 3 paused_until });

/// Caps on bandwidth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Hours of the week: from Monday on, bit `h` is the hour from `h` to `h + 1`.
    pub hours: [u32; 7],
    /// The connection is metered: nothing is fetched.
    pub metered: bool,
}
fields!(Caps { 0 second_bytes, 1 day_bytes, 2 month_bytes, 3 month_day, 4 domain_minute, 5 domain_day, 6 hours, 7 metered });

/// At least and at most of each cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapRanges {
    /// Bytes per second.
    pub second_bytes: (u64, u64),
    /// Bytes per day.
    pub day_bytes: (u64, u64),
    /// Bytes per month.
    pub month_bytes: (u64, u64),
    /// The day of the month on which the month begins.
    pub month_day: (u64, u64),
    /// Requests per domain in any 60 s.
    pub domain_minute: (u64, u64),
    /// Requests per domain and day.
    pub domain_day: (u64, u64),
}
fields!(CapRanges { 0 second_bytes, 1 day_bytes, 2 month_bytes, 3 month_day, 4 domain_minute, 5 domain_day });

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Bytes fetched today, each way.
    pub day_bytes: u64,
    /// Bytes fetched this month, each way.
    pub month_bytes: u64,
    /// Bytes sent to the coordinator today: told apart, no cap holds them.
    pub day_upload_bytes: u64,
    /// Bytes sent to the coordinator this month.
    pub month_upload_bytes: u64,
    /// When the day's count begins anew.
    pub day_ends_at: u64,
    /// When the month's does.
    pub month_ends_at: u64,
}
fields!(Used { 0 day_bytes, 1 month_bytes, 2 day_upload_bytes, 3 month_upload_bytes, 4 day_ends_at, 5 month_ends_at });

/// Which limit stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitName {
    /// The person said that the connection is metered.
    Metered,
    /// It is not one of the hours.
    Hours,
    /// The day's bytes.
    Day,
    /// The month's bytes.
    Month,
    /// Requests to one domain.
    Domain,
}
codes!(LimitName { 0 Metered, 1 Hours, 2 Day, 3 Month, 4 Domain });

/// How long a pause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// An hour.
    Hour,
    /// Until tomorrow morning.
    Tomorrow,
    /// Until the person says so.
    Open,
}
codes!(Pause { 0 Hour, 1 Tomorrow, 2 Open });
