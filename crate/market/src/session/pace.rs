//! A token bucket: how many messages a connection may still send. Pure.

use super::limits::{MESSAGES_BURST_MAX, MESSAGES_PER_SECOND_MAX};

/// Counts in thousandths of a message, so that refilling per millisecond is exact.
#[derive(Debug)]
pub(super) struct Pace {
    milli_tokens: u64,
    refilled_ms: u64,
}

const FULL: u64 = MESSAGES_BURST_MAX as u64 * 1_000;

impl Pace {
    /// A full bucket.
    pub(super) fn new(now_ms: u64) -> Self {
        Self { milli_tokens: FULL, refilled_ms: now_ms }
    }

    /// Takes one message; `false` if there were too many.
    pub(super) fn take(&mut self, now_ms: u64) -> bool {
        let passed = now_ms.saturating_sub(self.refilled_ms);
        self.refilled_ms = now_ms;
        let refill = passed.saturating_mul(u64::from(MESSAGES_PER_SECOND_MAX));
        self.milli_tokens = self.milli_tokens.saturating_add(refill).min(FULL);
        let allowed = self.milli_tokens >= 1_000;
        self.milli_tokens -= if allowed { 1_000 } else { 0 };
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let mut pace = Pace::new(0);
        assert!((0..MESSAGES_BURST_MAX).all(|_| pace.take(0)));
        assert!(!pace.take(0));
        assert!(pace.take(1_000 / u64::from(MESSAGES_PER_SECOND_MAX)));
        assert!(!pace.take(1_000 / u64::from(MESSAGES_PER_SECOND_MAX)));
    }
}
