//! How the judgments of a project go: what is told of it with each offer.
//!
//! An *outcome* is a judgment that got its verdict, be it for an answer, a flag or a look at what was taken back, or
//! one that its worker saw and skipped, or looked at for `SEEN_MS_MIN` and let run out. It has the time that it was on
//! screen and what it paid; a skip, a rejection, what ran out and a flag that others don't share pay nothing. What still
//! waits for others is none yet; what was handed back unseen, or done by a program (`Input::Replay`), never is.
//!
//! - The time of a result is what its worker signed (ended less begun), of a skip and of what ran out what its worker
//!   says. None is believed beyond the time since the lease began, by this clock: [`shown`]; what ran out not beyond the
//!   lease's end.
//! - The *median* is the middle outcome's time (the lower of two), rounded up to one of [`STEPS_S`]. However many
//!   hours some say, it moves only as far as there are honest outcomes next to it.
//! - The *hourly pay* is all that was paid by all the time, rounded down.
//! - Below `PACE_OUTCOMES_MIN` outcomes nothing is known.
//!
//! Kept is a [`Tally`] per project: sums, and how many outcomes each step has. So an outcome costs one small write,
//! and a claim one small read.

use lull_protocol::{Amount, DurationMs, Pace, Timestamp};

/// Times are counted up to these, seconds; longer ones with the last.
pub const STEPS_S: [u32; STEPS] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100, 120, 140, 160, 180,
    200, 250, 300, 350, 400, 450, 500, 600, 700, 800, 900, 1_000, 1_200, 1_500, 1_800, 2_400, 3_600, 7_200,
];
const STEPS: usize = 48;

/// The outcomes of a project so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// All that was paid.
    pub paid: Amount,
    /// All time on screen.
    pub time: DurationMs,
    /// How many outcomes each step has.
    counts: [u32; STEPS],
}

impl Default for Tally {
    fn default() -> Self {
        Self { paid: Amount::ZERO, time: DurationMs::ZERO, counts: [0; STEPS] }
    }
}

/// The least that an outcome counts as: the first step.
const SHOWN_LEAST: DurationMs = match DurationMs::new(STEPS_S[0] as u64 * 1_000) {
    Some(least) => least,
    None => DurationMs::ZERO,
};

impl Tally {
    /// From what [`Tally::counts`] gave; `None` if it did not give that.
    pub fn new(paid: Amount, time: DurationMs, counts: &[u8]) -> Option<Self> {
        let (numbers, rest) = counts.as_chunks::<4>();
        let numbers: Vec<u32> = numbers.iter().map(|number| u32::from_be_bytes(*number)).collect();
        Some(Self { paid, time, counts: numbers.try_into().ok().filter(|_| rest.is_empty())? })
    }

    /// How many outcomes each step has, four bytes each, big-endian.
    pub fn counts(&self) -> Vec<u8> {
        self.counts.iter().flat_map(|count| count.to_be_bytes()).collect()
    }

    /// Counts an outcome. Sums are held at their limits.
    pub(crate) fn count(&mut self, shown: DurationMs, paid: Amount) {
        // Nobody answers in no time: who says so would make any price a fortune an hour.
        let shown = shown.max(SHOWN_LEAST);
        self.paid = self.paid.checked_add(paid).unwrap_or(self.paid);
        self.time = self.time.checked_add(shown).unwrap_or(self.time);
        let step = STEPS_S.partition_point(|step| u64::from(*step) * 1_000 < shown.get()).min(STEPS - 1);
        if let Some(count) = self.counts.get_mut(step) {
            *count = count.saturating_add(1);
        }
    }

    /// What is told of it; `None`: not known yet.
    pub fn pace(&self) -> Option<Pace> {
        let outcomes: u64 = self.counts.iter().map(|count| u64::from(*count)).sum();
        let mut before = 0;
        let median = STEPS_S.iter().zip(self.counts).find(|(_, count)| {
            before += u64::from(*count);
            before >= outcomes.div_ceil(2)
        });
        Pace::of(outcomes, *median?.0, self.paid, self.time)
    }
}

/// How long an outcome was on screen: what its worker says, within the time since its lease began.
pub(crate) fn shown(said_ms: u64, issued_at: Timestamp, now: Timestamp) -> DurationMs {
    DurationMs::new(said_ms.min(now.since(issued_at))).expect("a span between two timestamps")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> DurationMs {
        DurationMs::new(ms).unwrap()
    }

    fn tally(seconds: impl IntoIterator<Item = u64>) -> Tally {
        let mut tally = Tally::default();
        seconds.into_iter().for_each(|s| tally.count(ms(s * 1_000), Amount::new(4_000).unwrap()));
        tally
    }

    #[test]
    fn nothing_is_known_of_too_few() {
        assert_eq!(tally([9; 19]).pace(), None);
        let pace = tally([9; 20]).pace().unwrap();
        assert_eq!((pace.outcomes, pace.median_s, pace.hourly.get()), (20, 9, 1_600_000));
    }

    #[test]
    fn the_median_is_the_lower_middle_one_rounded_up_to_a_step() {
        let median = |seconds: Vec<u64>| tally(seconds).pace().unwrap().median_s;
        assert_eq!(median([vec![3; 10], vec![60; 10]].concat()), 3);
        assert_eq!(median([vec![3; 10], vec![60; 11]].concat()), 60);
        assert_eq!(median(vec![13; 20]), 14);
        assert_eq!(median(vec![0; 20]), 1);
        assert_eq!(median(vec![999_999; 20]), 7_200);
    }

    #[test]
    fn liars_move_the_median_no_further_than_the_honest_reach() {
        let mut honest: Vec<u64> = (5..45).collect();
        honest.extend([3_600; 19]);
        assert!(tally(honest).pace().unwrap().median_s <= 45);
    }

    #[test]
    fn a_skip_costs_time_and_pays_nothing() {
        let mut tally = tally([9; 20]);
        (0..20).for_each(|_| tally.count(ms(9_000), Amount::ZERO));
        let pace = tally.pace().unwrap();
        assert_eq!((pace.outcomes, pace.hourly.get()), (40, 800_000));
    }

    #[test]
    fn nobody_is_believed_beyond_the_lease() {
        let at = |ms| Timestamp::new(ms).unwrap();
        assert_eq!(shown(u64::MAX, at(1_000), at(61_000)), ms(60_000));
        assert_eq!(shown(5, at(1_000), at(61_000)), ms(5));
        assert_eq!(shown(5, at(61_000), at(1_000)), ms(0), "the clock was set back");
    }

    #[test]
    fn what_is_stored_is_what_is_read() {
        let tally = tally([1, 9, 9, 4_000]);
        assert_eq!(Tally::new(tally.paid, tally.time, &tally.counts()), Some(tally.clone()));
        assert_eq!(Tally::new(tally.paid, tally.time, &tally.counts()[1..]), None);
    }
}
