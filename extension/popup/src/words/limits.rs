//! Words about limits: caps, hours, pauses.

use lull_view::{BandwidthState, LimitName, View};

use crate::{format, text};

/// A cell of the week.
pub(crate) fn hour(day: &str, hour: u32) -> String {
    text::limits_hour(day, &format::hour(hour.into()), &format::hour(u64::from(hour + 1) % 24))
}

/// Why bandwidth stands still, and until when; nothing if no limit is in the way.
pub(crate) fn limited(view: &View) -> Option<String> {
    let BandwidthState::Limited { limit, until } = view.bandwidth.state else { return None };
    let (used, caps) = (&view.limits.used, &view.limits.caps);
    let again = until.map_or_else(|| text::limited_until_changed().to_owned(), format::soon);
    let bytes = format::bytes;
    Some(match limit {
        LimitName::Metered => text::limited_metered().to_owned(),
        LimitName::Hours if until.is_none() => text::limited_no_hours().to_owned(),
        LimitName::Hours => text::limited_hours(&again),
        LimitName::Day => text::limited_day(&bytes(used.day_bytes), &bytes(caps.day_bytes), &again),
        LimitName::Month => text::limited_month(&bytes(used.month_bytes), &bytes(caps.month_bytes), &again),
        LimitName::Domain => text::limited_domain(&again),
    })
}

/// Which limit, for tests and styles.
pub(crate) fn limit_code(limit: LimitName) -> &'static str {
    match limit {
        LimitName::Metered => "limited_metered",
        LimitName::Hours => "limited_hours",
        LimitName::Day => "limited_day",
        LimitName::Month => "limited_month",
        LimitName::Domain => "limited_domain",
    }
}
