//! Times as text.

use lull_protocol::calendar::civil_from_days;

/// `2026-10-05T14:03:07.250Z` (ISO 8601, RFC 3339), UTC, of milliseconds since 1970.
pub fn iso_8601(at_ms: u64) -> String {
    let (days, ms) = (at_ms / 86_400_000, at_ms % 86_400_000);
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_the_calendar_s() {
        let check = |ms, text: &str| assert_eq!(iso_8601(ms), text);
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_400_000, "2000-02-29T00:00:00.000Z");
        check(1_000_000_000_000, "2001-09-09T01:46:40.000Z");
        check(4_107_542_399_999, "2100-02-28T23:59:59.999Z");
        check(4_107_542_400_000, "2100-03-01T00:00:00.000Z");
        check((1 << 53) - 1, "287396-10-12T08:59:00.991Z");
    }
}
