//! Bytes per second: a token bucket that holds at most one second's worth, and is overdrawn by a body.

use lull_protocol::Timestamp;

use super::{Decision, Limit};

/// The bucket. It begins full, as after a second of rest. It may be
/// overdrawn by what only shows afterwards (heads, a chunk larger than its grant), and then fills from below.
///
/// Over any span of time, what is taken is at most the rate times the span, plus one second's worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    tokens: i64,
    /// When it was last filled.
    at: Timestamp,
}

/// The deepest that it is overdrawn, seconds' worth: what a person lowers today must not stop them for hours.
const OVERDRAWN_S_MAX: u64 = 300;

impl Bucket {
    /// Fills it for the time that has passed. A clock that was set back fills nothing, one that jumped ahead
    /// fills it once.
    pub fn refill(&mut self, second_bytes: u64, now: Timestamp) {
        let rate = i64::try_from(second_bytes).unwrap_or(i64::MAX);
        let ms = i64::try_from(now.since(self.at)).unwrap_or(i64::MAX);
        let gained = rate.saturating_mul(ms) / 1_000;
        let deepest = rate.saturating_mul(OVERDRAWN_S_MAX as i64).saturating_neg();
        self.tokens = self.tokens.saturating_add(gained).clamp(deepest, rate);
        self.at = now;
    }

    /// Takes tokens out.
    pub fn take(&mut self, bytes: u64) {
        self.tokens = self.tokens.saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Puts tokens back that were taken and not used.
    pub fn give_back(&mut self, bytes: u64) {
        self.tokens = self.tokens.saturating_add(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// What may be taken.
    pub fn tokens(&self) -> u64 {
        u64::try_from(self.tokens).unwrap_or(0)
    }

    /// Whether a request may be sent, or when.
    pub(super) fn open(&self, second_bytes: u64, now: Timestamp) -> Decision {
        if self.tokens > 0 {
            return Decision::Go { bytes: 0 };
        }
        let missing = self.tokens.unsigned_abs().saturating_add(1);
        let wait_ms = missing.saturating_mul(1_000).div_ceil(second_bytes.max(1));
        Decision::WaitUntil { at: now.plus(wait_ms.max(1)), why: Limit::Second }
    }
}
