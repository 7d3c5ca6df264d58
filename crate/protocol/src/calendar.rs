//! Days as dates and back: for the person's days and months, and for times as text.

/// The calendar goes this far; beyond it every day is the last one.
const YEARS_MAX: u64 = 1_000_000;
const DAYS_MAX: u64 = YEARS_MAX * 366;

/// Year, month and day of a day counted from 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level
/// Date Algorithms").
pub fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let z = days.min(DAYS_MAX).saturating_add(719_468);
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// The way back, from 1970 on; the same source.
pub fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let (month, day) = (month.clamp(1, 12), day.clamp(1, 31));
    let year = year.min(YEARS_MAX).saturating_sub(u64::from(month <= 2));
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted = (month + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).saturating_sub(719_468)
}

/// `2026-10-05T14:03:07.250Z` (ISO 8601; RFC 3339 up to the year 9999), UTC, of milliseconds since 1970.
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
        let check = |days, (year, month, day)| {
            assert_eq!(civil_from_days(days), (year, month, day));
            assert_eq!(days_from_civil(year, month, day), days);
        };
        check(0, (1970, 1, 1));
        check(11_016, (2000, 2, 29));
        check(20_530, (2026, 3, 18));
        check(47_540, (2100, 2, 28));
        check(47_541, (2100, 3, 1));
    }

    #[test]
    fn the_way_there_is_the_way_back() {
        for days in (0..400 * 366).chain((0..days_from_civil(YEARS_MAX, 1, 1)).step_by(9_973)) {
            let (year, month, day) = civil_from_days(days);
            assert!((1..=12).contains(&month) && (1..=31).contains(&day));
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }

    #[test]
    fn beyond_the_calendar_every_day_is_the_last_one() {
        assert_eq!(civil_from_days(u64::MAX), civil_from_days(DAYS_MAX));
        assert_eq!(days_from_civil(u64::MAX, u64::MAX, u64::MAX), days_from_civil(YEARS_MAX, 12, 31));
        assert_eq!(days_from_civil(0, 0, 0), 0);
    }

    #[test]
    fn times_are_read_by_everyone() {
        let check = |ms, text: &str| assert_eq!(iso_8601(ms), text);
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_400_000, "2000-02-29T00:00:00.000Z");
        check(1_000_000_000_000, "2001-09-09T01:46:40.000Z");
        check(4_107_542_399_999, "2100-02-28T23:59:59.999Z");
        check(4_107_542_400_000, "2100-03-01T00:00:00.000Z");
        check((1 << 53) - 1, "287396-10-12T08:59:00.991Z");
    }
}
