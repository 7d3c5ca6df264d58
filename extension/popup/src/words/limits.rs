//! Words about limits: caps, hours, pauses.

use lull_view::{BandwidthState, LimitName, View};

use crate::format;

pub(crate) const LIMITS: &str = "Limits";
pub(crate) const LIMITS_LEAD: &str = "They are on from the start and hold in this browser: no message from a coordinator can widen them. A page \
     on its way stops where a limit ends.";
pub(crate) const LIMITS_SEE: &str = "Limits and hours";
pub(crate) const USED: &str = "Used so far";
pub(crate) const USED_TODAY: &str = "Today";
pub(crate) const USED_MONTH: &str = "This month";
pub(crate) const COUNTED: &str = "Counted are pages and the heads of requests and answers, both ways. Your provider's meter counts \
     more: names looked up, encryption, repeats. After a crash Lull rather counts a few megabytes too many.";
pub(crate) const METERED: &str = "I'm on a metered connection";
pub(crate) const METERED_TEXT: &str = "Nothing is fetched until you switch this off.";
pub(crate) const CAPS: &str = "At most";
pub(crate) const SECOND: &str = "Per second";
pub(crate) const DAY: &str = "Per day";
pub(crate) const MONTH: &str = "Per month";
pub(crate) const MONTH_DAY: &str = "A month begins on day";
pub(crate) const DOMAIN_MINUTE: &str = "Requests to one site per minute";
pub(crate) const DOMAIN_DAY: &str = "Requests to one site per day";
pub(crate) const HOURS: &str = "Hours of the week";
pub(crate) const HOURS_TEXT: &str =
    "Lull fetches in the hours that are filled. Move with the arrow keys, change with the space bar.";
pub(crate) const HOURS_ALL: &str = "All hours";
pub(crate) const HOURS_NIGHT: &str = "Nights only";
pub(crate) const DEFAULTS: &str = "Back to the defaults";
pub(crate) const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
pub(crate) const DAYS_SHORT: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
pub(crate) const PAUSE_MENU: &str = "Pause for a while";
pub(crate) const PAUSE_HOUR: &str = "For an hour";
pub(crate) const PAUSE_TOMORROW: &str = "Until tomorrow morning";
pub(crate) const PAUSE_OPEN: &str = "Until I say so";

/// A cell of the week.
pub(crate) fn hour(day: usize, hour: u32) -> String {
    let day = DAYS.get(day).copied().unwrap_or_default();
    format!("{day}, {hour}:00 to {}:00", hour + 1)
}

/// The least and the most of a number.
pub(crate) fn between(least: &str, most: &str) -> String {
    format!("{least} to {most}")
}

pub(crate) fn used(used: &str, cap: &str, again: &str) -> String {
    format!("{used} of {cap}; begins anew {again}")
}

pub(crate) fn uploaded(today: &str, month: &str) -> String {
    format!("Sent on to the coordinator, counted apart and not capped: {today} today, {month} this month.")
}

pub(crate) fn paused_until(at_ms: u64) -> String {
    format!("Everything stands still. Lull goes on by itself {}.", format::soon(at_ms))
}

/// Why bandwidth stands still, and until when; nothing if no limit is in the way.
pub(crate) fn limited(view: &View) -> Option<String> {
    let BandwidthState::Limited { limit, until } = view.bandwidth.state else { return None };
    let limits = &view.limits;
    let again = until.map_or_else(|| "when you change it".to_owned(), format::soon);
    let of = |used: u64, cap: u64| format!("{} of {}", format::bytes(used), format::bytes(cap));
    Some(match limit {
        LimitName::Metered => "You said that this connection is metered.".to_owned(),
        LimitName::Hours if until.is_none() => "No hour of the week is open.".to_owned(),
        LimitName::Hours => format!("Outside your hours. Back {again}."),
        LimitName::Day => format!("{} used today; goes on {again}.", of(limits.used.day_bytes, limits.caps.day_bytes)),
        LimitName::Month => {
            format!("{} used this month; goes on {again}.", of(limits.used.month_bytes, limits.caps.month_bytes))
        }
        LimitName::Domain => format!("The next site has had its share of requests; goes on {again}."),
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
