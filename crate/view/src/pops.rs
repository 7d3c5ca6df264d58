//! How judgments may call the person. Nothing does until it is chosen.

use lull_protocol::fields;

/// At most one call in so many minutes, to choose from.
pub const POP_MINUTES: [u64; 5] = [5, 15, 30, 60, 240];

/// The person's choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pops {
    /// The popup opens by itself (Chrome).
    pub open: bool,
    /// A notification is shown; where both are chosen, only if the popup didn't open.
    pub notify: bool,
    /// One of [`POP_MINUTES`].
    pub minutes: u64,
    /// The hour of the day, local time, at which quiet hours begin.
    pub quiet_from: u64,
    /// The hour at which they end; the same: there are none.
    pub quiet_to: u64,
}
fields!(Pops { 0 open, 1 notify, 2 minutes, 3 quiet_from, 4 quiet_to });

impl Default for Pops {
    fn default() -> Self {
        Self { open: false, notify: false, minutes: 30, quiet_from: 22, quiet_to: 8 }
    }
}
