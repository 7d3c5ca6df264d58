//! Skips are free within an allowance, per worker, project and day (UTC): [`SKIPS_FREE`], and one more for each
//! [`ANSWERS_PER_SKIP`] answers (or flags, or looks) that had their verdict that day. What was filtered out, not wanted
//! or taken back is no skip. Beyond it nothing is taken from anyone: the project
//! is just not offered to that worker for the rest of the day. How many are left is told with each offer and after each
//! skip.

use lull_protocol::Timestamp;

/// Skips of a project that are free each day, whatever else is done.
pub const SKIPS_FREE: u32 = 10;
/// So many answers make one more skip free.
pub const ANSWERS_PER_SKIP: u32 = 2;
/// Verdicts of a worker among which its answers of the day are counted: the newest.
pub const ANSWERS_LOOKED_AT: u64 = 200;

/// What a worker did with a project today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SkipFacts {
    /// Skips so far.
    pub skips: u32,
    /// Answers with a verdict, among the newest [`ANSWERS_LOOKED_AT`] verdicts of the worker.
    pub answers: u32,
}

/// What the next skip means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// Skips now.
    pub(crate) skips: u32,
    /// Free ones that are left.
    pub(crate) left: u32,
    /// The project is not offered to the worker any more today.
    pub(crate) is_over: bool,
}

impl SkipFacts {
    /// Free skips of the day, used or not.
    fn free(self) -> u32 {
        SKIPS_FREE.saturating_add(self.answers / ANSWERS_PER_SKIP)
    }
    /// Free ones that are left.
    pub fn left(self) -> u32 {
        self.free().saturating_sub(self.skips)
    }
}

/// Counts one more.
pub(crate) fn skip(facts: SkipFacts) -> Skipped {
    let free = facts.free();
    let skips = facts.skips.saturating_add(1);
    Skipped { skips, left: free.saturating_sub(skips), is_over: skips > free }
}

/// The day that a moment is in, since 1970 (UTC).
pub fn day(now: Timestamp) -> u64 {
    now.get() / 86_400_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_skips_are_free_and_one_more_for_two_answers() {
        let after = |skips, answers| skip(SkipFacts { skips, answers });
        assert_eq!(after(0, 0), Skipped { skips: 1, left: 9, is_over: false });
        assert_eq!(after(9, 0), Skipped { skips: 10, left: 0, is_over: false });
        assert_eq!(after(10, 0), Skipped { skips: 11, left: 0, is_over: true });
        assert_eq!(after(10, 1), Skipped { skips: 11, left: 0, is_over: true });
        assert_eq!(after(10, 2), Skipped { skips: 11, left: 0, is_over: false });
        assert_eq!(after(4, 200), Skipped { skips: 5, left: 105, is_over: false });
        let left = |skips, answers| SkipFacts { skips, answers }.left();
        assert_eq!((left(0, 0), left(9, 0), left(11, 1), left(4, 5)), (10, 1, 0, 8));
    }

    #[test]
    fn a_day_begins_at_midnight_of_utc() {
        let at = |ms| day(Timestamp::new(ms).unwrap());
        assert_eq!((at(86_399_999), at(86_400_000)), (0, 1));
    }
}
