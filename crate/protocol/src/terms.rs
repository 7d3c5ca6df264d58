//! What goes with work and is signed by nobody: what a person filters out, and how a project has gone so far.

use crate::cbor::{Cbor, Reader, Writer};
use crate::fields;
use crate::limits::{FILTER_NEVER_MAX, LABEL_BYTES_MAX, PACE_OUTCOMES_MIN};
use crate::units::{Amount, DurationMs};

/// What judgments a worker wants to be spared. The worker holds what comes against it all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Projects whose hourly pay is known and lower, base units; 0: none.
    pub hourly_min: Amount,
    /// Items with a picture.
    pub text_only: bool,
    /// Items of these requesters, by name; at most [`FILTER_NEVER_MAX`].
    pub never: Vec<String>,
}

impl Cbor for Filter {
    fn write(&self, to: &mut Writer) {
        let map = to.map();
        to.field(map, 0, &self.hourly_min);
        to.field(map, 1, &self.text_only);
        to.field(map, 2, &self.never);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        let mut left = from.map();
        let filter = Self {
            hourly_min: from.field(&mut left, 0),
            text_only: from.field(&mut left, 1),
            never: from.field(&mut left, 2),
        };
        from.end(left);
        filter
    }
    fn is_left_out(&self) -> bool {
        *self == Self::default()
    }
    fn left_out() -> Option<Self> {
        Some(Self::default())
    }
}

impl Filter {
    /// Whether each name can be a requester's, and there are not too many.
    pub fn check(&self) -> Result<(), &'static str> {
        let is_name = |name: &String| (1..=LABEL_BYTES_MAX).contains(&name.len());
        if self.never.len() > FILTER_NEVER_MAX || !self.never.iter().all(is_name) {
            return Err("a filter names too many, or too long, or nobody");
        }
        Ok(())
    }
}

/// How the judgments of a project have gone so far, over all outcomes: accepted, rejected, skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many outcomes there are; at least [`PACE_OUTCOMES_MIN`].
    pub outcomes: u64,
    /// The median time on screen, seconds, rounded up to a step.
    pub median_s: u32,
    /// All that was paid by all the time on screen: base units per hour.
    pub hourly: Amount,
}
fields!(Pace { 0 outcomes, 1 median_s, 2 hourly });

impl Pace {
    /// From sums; `None` while there are too few outcomes to tell.
    pub fn of(outcomes: u64, median_s: u32, paid: Amount, time: DurationMs) -> Option<Self> {
        const HOUR_MS: u128 = 3_600_000;
        if outcomes < PACE_OUTCOMES_MIN {
            return None;
        }
        let hourly = u128::from(paid.get()) * HOUR_MS / u128::from(time.get().max(1));
        let hourly = u64::try_from(hourly).ok().and_then(Amount::new).unwrap_or(Amount::MAX);
        Some(Self { outcomes, median_s, hourly })
    }

    /// Whether enough outcomes are behind it.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.outcomes < PACE_OUTCOMES_MIN { Err("a pace of too few outcomes") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hourly_pay_is_all_pay_by_all_time() {
        let of = |outcomes, paid, ms| {
            Pace::of(outcomes, 9, Amount::new(paid).unwrap(), DurationMs::new(ms).unwrap()).map(|p| p.hourly.get())
        };
        assert_eq!(of(PACE_OUTCOMES_MIN, 80_000, 180_000), Some(1_600_000));
        assert_eq!(of(PACE_OUTCOMES_MIN, 1, 7_200_000), Some(0), "rounded down");
        assert_eq!(of(PACE_OUTCOMES_MIN - 1, 80_000, 180_000), None);
        assert_eq!(of(PACE_OUTCOMES_MIN, Amount::MAX.get(), 0), Some(Amount::MAX.get()), "held at the limit");
    }
}
