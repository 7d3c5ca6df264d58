//! Two clocks: the browser's own and the coordinator's. What is signed and every deadline is in the
//! coordinator's; what is shown is in the browser's own.

use lull_policy::caps::civil_from_days;
use lull_protocol::Timestamp;

/// How far the browser's clock is ahead of the coordinator's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    /// Milliseconds; negative: behind.
    pub(crate) ahead_ms: i64,
}

impl Clock {
    /// Learns from the coordinator's clock, read at the same moment.
    pub(crate) fn learn(local: Timestamp, coordinator: Timestamp) -> Self {
        // Both are below 2^53, so the difference of the signed forms can't overflow.
        Self { ahead_ms: local.get() as i64 - coordinator.get() as i64 }
    }
    /// A moment of the browser's clock on the coordinator's.
    pub(crate) fn to_coordinator(self, local: Timestamp) -> Timestamp {
        if self.ahead_ms < 0 { local.plus(self.ahead_ms.unsigned_abs()) } else { local.minus(self.ahead_ms as u64) }
    }
    /// A moment of the coordinator's clock on the browser's.
    pub(crate) fn to_local(self, coordinator: Timestamp) -> Timestamp {
        Self { ahead_ms: self.ahead_ms.saturating_neg() }.to_coordinator(coordinator)
    }
}

/// `2026-10-05T14:03:07.250Z` (ISO 8601, RFC 3339), UTC.
pub(crate) fn iso_8601(at: Timestamp) -> String {
    let (days, ms) = (at.get() / 86_400_000, at.get() % 86_400_000);
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_the_calendar_s() {
        let check = |ms, text: &str| assert_eq!(iso_8601(Timestamp::new(ms).unwrap()), text);
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_400_000, "2000-02-29T00:00:00.000Z");
        check(1_000_000_000_000, "2001-09-09T01:46:40.000Z");
        check(4_107_542_399_999, "2100-02-28T23:59:59.999Z");
        check(4_107_542_400_000, "2100-03-01T00:00:00.000Z");
        check((1 << 53) - 1, "287396-10-12T08:59:00.991Z");
    }

    #[test]
    fn the_way_there_and_back_is_the_same() {
        let (local, coordinator) = (Timestamp::new(5_000_000).unwrap(), Timestamp::new(1_400_000).unwrap());
        for (a, b) in [(local, coordinator), (coordinator, local)] {
            let clock = Clock::learn(a, b);
            assert_eq!(clock.to_coordinator(a), b);
            assert_eq!(clock.to_local(b), a);
        }
    }
}
