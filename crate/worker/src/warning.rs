//! Sensitive content: only of the classes that the person chose, covered until they ask to see it, and no more of it a
//! day than they set. What counts is what was uncovered; it is written at once, and what a kill forgets is covered again.

use lull_protocol::message::ReturnReason;
use lull_protocol::{Hash, Item, Timestamp, WarningSet, fields};
use lull_view::{SENSITIVE_DAY_MAX, Warnings};

use crate::Worker;
use crate::lease::Lease;
use crate::records::Key;
use crate::storage::After;

/// The next day begins at least this long after the one before, whatever time zone the browser moves to, milliseconds.
const DAY_MS_MIN: u64 = 12 * 60 * 60 * 1_000;

/// The record `warnings`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct WarningsRecord {
    pub(crate) chosen: WarningSet,
    day_max: Option<u16>,
    /// The day that is counted, by its start, this browser's clock.
    day_start: Timestamp,
    /// How many were uncovered on it.
    seen: u16,
    /// The judgment that is uncovered, by its offer.
    uncovered: Option<Hash>,
    /// The one before it: its answer may be taken back.
    uncovered_before: Option<Hash>,
}
fields!(WarningsRecord { 0 chosen, 1 day_max, 2 day_start, 3 seen, 4 uncovered, 5 uncovered_before });

impl WarningsRecord {
    /// What is as at first needs no record.
    pub(crate) fn is_stored(&self) -> bool {
        !self.chosen.is_empty() || self.day_max.is_some() || self.seen > 0
    }

    fn day_max(&self) -> u16 {
        self.day_max.unwrap_or(Warnings::default().day_max).min(SENSITIVE_DAY_MAX)
    }
}

/// What an item may show.
pub(crate) fn warnings_of(item: &Item) -> WarningSet {
    match item {
        Item::Judgment(item) => item.warnings,
        Item::Fetch(_) => WarningSet::NONE,
    }
}

impl Worker {
    pub(crate) fn warnings_view(&self) -> Warnings {
        let record = &self.warnings;
        Warnings { chosen: record.chosen, day_max: record.day_max(), seen_today: record.seen }
    }

    pub(crate) fn set_warnings(&mut self, chosen: WarningSet, day_max: u16) {
        let day_max = day_max.min(SENSITIVE_DAY_MAX);
        if self.warnings.chosen != chosen || self.warnings.day_max() != day_max {
            let takes_back = !self.warnings.chosen.is_within(chosen) || day_max < self.warnings.day_max();
            (self.warnings.chosen, self.warnings.day_max) = (chosen, Some(day_max));
            if takes_back {
                self.storage.must_keep_settings();
            }
            self.warnings_changed();
        }
    }

    fn warnings_changed(&mut self) {
        self.persist([Key::Warnings], After::Nothing);
        self.changed();
    }

    /// Whether a judgment is shown without its content.
    pub(crate) fn covers(&self, offer: &Hash, item: &Item) -> bool {
        let WarningsRecord { uncovered, uncovered_before, .. } = self.warnings;
        !warnings_of(item).is_empty() && ![uncovered, uncovered_before].contains(&Some(*offer))
    }

    /// Whether a judgment that is held is.
    pub(crate) fn is_under_cover(&self, offer: &Hash) -> bool {
        self.leases.get(offer).is_some_and(|lease| self.covers(offer, &lease.item))
    }

    /// The person asks to see it.
    pub(crate) fn uncover(&mut self, offer: &str, now: Timestamp) {
        let Some(offer) = self.showable_offer(offer) else { return };
        if self.leases.get(&offer).is_some_and(|lease| self.covers(&offer, &lease.item)) {
            if self.warnings.seen == 0 {
                self.warnings.day_start = self.day_start(now);
            }
            self.warnings.uncovered_before = self.warnings.uncovered.replace(offer);
            self.warnings.seen = self.warnings.seen.saturating_add(1);
            self.warnings_changed();
        }
    }

    /// Classes of which more may come now.
    pub(crate) fn wanted_warnings(&self) -> WarningSet {
        let waiting = self.leases.iter().filter(|(offer, lease)| self.waits_covered(offer, lease)).count();
        let most = usize::from(self.warnings.day_max());
        if usize::from(self.warnings.seen) + waiting < most { self.warnings.chosen } else { WarningSet::NONE }
    }

    fn waits_covered(&self, offer: &Hash, lease: &Lease) -> bool {
        !lease.is_done && self.covers(offer, &lease.item)
    }

    /// A new day begins to be counted. A clock that was set back keeps the count, and makes no day longer than it is.
    fn count_day(&mut self, today: Timestamp) {
        let record = &mut self.warnings;
        if record.seen > 0 && today >= record.day_start.plus(DAY_MS_MIN) {
            (record.day_start, record.seen) = (today, 0);
            self.warnings_changed();
        } else if record.seen > 0 && today < record.day_start {
            record.day_start = today;
            self.warnings_changed();
        }
    }

    /// What went beyond the choices, or the day's limit, goes back.
    pub(crate) fn tick_warnings(&mut self) {
        if let Some(around) = self.surroundings {
            self.count_day(around.day_start);
        }
        let mut left = usize::from(self.warnings.day_max().saturating_sub(self.warnings.seen));
        let chosen = self.warnings.chosen;
        let mut unwanted = Vec::new();
        for (offer, lease) in self.leases.iter().filter(|(offer, lease)| self.waits_covered(offer, lease)) {
            if left == 0 || !warnings_of(&lease.item).is_within(chosen) {
                unwanted.push(*offer);
            } else {
                left -= 1;
            }
        }
        for offer in unwanted {
            self.give_back(offer, ReturnReason::Unwanted, None);
        }
    }
}
