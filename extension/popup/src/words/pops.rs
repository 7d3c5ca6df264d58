//! Words about calls to the person.

use crate::text;

/// How often at most.
pub(crate) fn minutes(minutes: u64) -> String {
    if minutes.is_multiple_of(60) { text::pops_hours(minutes / 60) } else { text::pops_minutes(minutes) }
}
