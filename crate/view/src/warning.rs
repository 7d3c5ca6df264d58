//! Sensitive content: what of it the person wants to see.

use lull_protocol::fields;
use lull_protocol::warning::WarningSet;

/// Sensitive judgments a day, at most.
pub const SENSITIVE_DAY_MAX: u16 = 500;

/// The person's choices. Nothing comes until it is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warnings {
    /// The classes that may come.
    pub chosen: WarningSet,
    /// How many a day, at most [`SENSITIVE_DAY_MAX`].
    pub day_max: u16,
    /// How many were uncovered today.
    pub seen_today: u16,
}
fields!(Warnings { 0 chosen, 1 day_max, 2 seen_today });

impl Default for Warnings {
    fn default() -> Self {
        Self { chosen: WarningSet::NONE, day_max: 50, seen_today: 0 }
    }
}
