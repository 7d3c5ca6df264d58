//! What goes with an offer: what the person wants to be offered, and how they fare.

use lull_protocol::fields;
use lull_protocol::task::{TaskKind, TaskSet};

use crate::DayTotals;

/// What judgments the person wants to be offered. Whom never to serve is in [`Never`](crate::Never).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Nothing that is known to pay less an hour, base units; 0: whatever it pays. What isn't known yet passes.
    pub hourly_min: u64,
    /// Nothing with a picture.
    pub text_only: bool,
    /// The types that the person does.
    pub tasks: TaskSet,
}
fields!(Wishes { 0 hourly_min, 1 text_only, 2 tasks });

impl Default for Wishes {
    fn default() -> Self {
        Self { hourly_min: 0, text_only: false, tasks: TaskSet::ALL }
    }
}

/// How the judgments of one type went, by the verdicts about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindTotals {
    /// The type.
    pub kind: TaskKind,
    /// Answers with a verdict.
    pub answers: u64,
    /// Of these, those that enough others gave, too.
    pub agreed: u64,
    /// Those where enough others gave another one.
    pub others_agreed: u64,
    /// On screen, milliseconds.
    pub time_ms: u64,
    /// Paid, base units.
    pub earned: u64,
    /// Of the answers, those that a human has checked: the requester, or whoever decided about an appeal. `None`: none,
    /// as in each of those that follow.
    pub checked: Option<u64>,
    /// Of these, those that were right.
    pub right: Option<u64>,
}
fields!(KindTotals { 0 kind, 1 answers, 2 agreed, 3 others_agreed, 4 time_ms, 5 earned, 6 checked, 7 right });

/// How the person fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct You {
    /// The types of which there are answers with a verdict.
    pub kinds: Vec<KindTotals>,
    /// The oldest first; days without work are left out.
    pub days: Vec<DayTotals>,
    /// Judgments that were skipped.
    pub skips: u64,
}
fields!(You { 0 kinds, 1 days, 2 skips });

/// Answers below which nothing is said of how they agree with others, or of what an hour pays.
pub const KNOWN_FROM: u64 = 20;

impl KindTotals {
    /// Agreed with others, percent, and of how many answers that others agreed about; `None`: not known yet.
    pub fn agreement(&self) -> Option<(u64, u64)> {
        let decided = self.agreed.saturating_add(self.others_agreed);
        (decided >= KNOWN_FROM).then(|| (self.agreed.saturating_mul(100) / decided, decided))
    }
    /// Right where a human checked, percent, and of how many answers; `None`: not known yet.
    pub fn rightness(&self) -> Option<(u64, u64)> {
        let checked = self.checked.unwrap_or_default();
        (checked >= KNOWN_FROM).then(|| (self.right.unwrap_or_default().saturating_mul(100) / checked, checked))
    }
    /// What an hour of these paid, base units; `None`: not known yet.
    pub fn hourly(&self) -> Option<u64> {
        const HOUR_MS: u128 = 3_600_000;
        let hourly = u128::from(self.earned) * HOUR_MS / u128::from(self.time_ms.max(1));
        (self.answers >= KNOWN_FROM).then(|| u64::try_from(hourly).unwrap_or(u64::MAX))
    }
}
