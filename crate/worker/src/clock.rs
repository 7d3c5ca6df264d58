//! Two clocks: the browser's own and the coordinator's. What is signed and every deadline is in the
//! coordinator's; what is shown is in the browser's own.

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

#[cfg(test)]
mod tests {
    use super::*;

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
