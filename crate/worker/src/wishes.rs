//! What judgments the person wants to be offered: of which types, with pictures or without, for how much an hour, and
//! not of whom.
//!
//! The coordinator is told, so that it need not send what would come back, and what comes all the same goes back as
//! *filtered*: nobody holds that against anyone. What an hour pays is told by the coordinator; what isn't known passes.

use lull_protocol::limits::{AMOUNT_MAX, FILTER_NEVER_MAX};
use lull_protocol::message::ReturnReason;
use lull_protocol::terms::{Filter, Pace};
use lull_protocol::{Amount, Hash, Item, TaskSet, Timestamp};
use lull_view::Wishes;

use crate::Worker;
use crate::records::Key;
use crate::storage::After;

impl Worker {
    pub(crate) fn set_wishes(&mut self, wishes: Wishes) {
        let wishes = Wishes { hourly_min: wishes.hourly_min.min(AMOUNT_MAX), ..wishes };
        if self.wishes != wishes {
            self.wishes = wishes;
            self.persist([Key::Wishes], After::Nothing);
            self.changed();
        }
    }

    /// The types that the person does and the UI can show.
    pub(crate) fn wanted_tasks(&self) -> TaskSet {
        let both = self.config.tasks.iter().filter(|kind| self.wishes.tasks.contains(*kind));
        TaskSet::of(&both.collect::<Vec<_>>())
    }

    /// What the coordinator need not send. Of a long list of requesters it is told the newest.
    pub(crate) fn filter(&self) -> Filter {
        let never = self.nevers.list.requesters.iter().rev().take(FILTER_NEVER_MAX).cloned().collect();
        let hourly_min = Amount::new(self.wishes.hourly_min).unwrap_or(Amount::MAX);
        Filter { hourly_min, text_only: self.wishes.text_only, never }
    }

    /// Whether the person wants a judgment to be spared.
    pub(crate) fn filters_out(&self, item: &Item, pace: Option<&Pace>) -> bool {
        let Item::Judgment(judgment) = item else { return false };
        let pays_less = pace.is_some_and(|pace| pace.hourly.get() < self.wishes.hourly_min);
        !self.wishes.tasks.contains(judgment.task.kind())
            || (self.wishes.text_only && item.has_picture())
            || pays_less
            || self.nevers.refuses(item)
    }

    /// Hands back what the person doesn't want any more.
    pub(crate) fn stop_what_is_filtered_out(&mut self, now: Timestamp) {
        let unwanted = self.leases.iter().filter(|(_, l)| !l.is_done && self.filters_out(&l.item, l.pace.as_ref()));
        let unwanted: Vec<Hash> = unwanted.map(|(offer, _)| *offer).collect();
        if !unwanted.is_empty() && self.is_working() {
            // Heard before it, other wishes keep the coordinator from offering the same again.
            self.send_want(now);
        }
        for offer in unwanted {
            self.give_back(offer, ReturnReason::Filtered, None);
        }
    }
}
