//! When judgments call the person: only as they chose, while they are there and no page of Lull is, never in quiet
//! hours, and never more often than they allowed, whatever restarts in between.

use lull_protocol::{Timestamp, fields};
use lull_view::{POP_MINUTES, Pops};

use crate::records::Key;
use crate::storage::After;
use crate::{Effect, Worker, limits};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// The record `pops`.
#[derive(Debug, Default)]
pub(crate) struct PopsRecord {
    pub(crate) chosen: Pops,
    /// When the person was called last, this browser's clock.
    pub(crate) called_at: Timestamp,
}
fields!(PopsRecord { 0 chosen, 1 called_at });

/// Calls to the person.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) record: PopsRecord,
    /// The shell was asked to call and hasn't said what came of it.
    asked: bool,
    /// The last one could not be shown: not before then.
    again_at: Option<Timestamp>,
}

impl Calls {
    pub(crate) fn new(record: Option<PopsRecord>) -> Self {
        let PopsRecord { chosen, called_at } = record.unwrap_or_default();
        Self { record: PopsRecord { chosen: held(chosen), called_at }, ..Self::default() }
    }

    /// What is as at first needs no record.
    pub(crate) fn is_stored(&self) -> bool {
        self.record.chosen != Pops::default() || self.record.called_at != Timestamp::ZERO
    }
}

/// Held to what there is to choose from.
fn held(pops: Pops) -> Pops {
    let minutes = if POP_MINUTES.contains(&pops.minutes) { pops.minutes } else { Pops::default().minutes };
    Pops { minutes, quiet_from: pops.quiet_from % 24, quiet_to: pops.quiet_to % 24, ..pops }
}

/// Whether this hour of the day is quiet.
fn is_quiet(pops: &Pops, hour: u64) -> bool {
    let Pops { quiet_from: from, quiet_to: to, .. } = *pops;
    if from <= to { (from..to).contains(&hour) } else { hour >= from || hour < to }
}

impl Worker {
    pub(crate) fn set_pops(&mut self, pops: Pops) {
        let pops = held(pops);
        if self.calls.record.chosen != pops {
            self.calls.record.chosen = pops;
            self.calls.again_at = None;
            self.persist([Key::Pops], After::Nothing);
            self.changed();
        }
    }

    /// When the person is called; `None` while nothing calls for it.
    pub(crate) fn pop_due_at(&self, now: Timestamp) -> Option<Timestamp> {
        let PopsRecord { chosen, called_at } = &self.calls.record;
        let there = self.surroundings.filter(|around| !around.away && !around.looks)?;
        if !(chosen.open || chosen.notify) || self.calls.asked || self.current.is_none() {
            return None;
        }
        // A clock that was set back makes nobody wait longer than they chose.
        let after = (*called_at).min(now).plus(chosen.minutes * MINUTE_MS);
        let after = after.max(self.calls.again_at.unwrap_or_default().min(now.plus(limits::POP_AGAIN_MS))).max(now);
        let offset_ms = i64::from(there.utc_offset_min) * MINUTE_MS as i64;
        let local = after.get().saturating_add_signed(offset_ms);
        let hour = |n: u64| (local / HOUR_MS + n) % 24;
        let quiet_hours = (0..24).find(|n| !is_quiet(chosen, hour(*n)))?;
        let due = if quiet_hours == 0 { local } else { (local / HOUR_MS + quiet_hours) * HOUR_MS };
        Timestamp::new(due.saturating_add_signed(-offset_ms))
    }

    /// Calls the person if it is time.
    pub(crate) fn tick_pop(&mut self, now: Timestamp) {
        if self.pop_due_at(now).is_none_or(|due| due > now) {
            return;
        }
        self.calls.asked = true;
        // Before it is shown: a browser that is killed meanwhile doesn't call twice.
        self.calls.record.called_at = now;
        self.persist([Key::Pops], After::Nothing);
        let Pops { open, notify, .. } = self.calls.record.chosen;
        self.effects.push_back(Effect::Pop { open, notify });
    }

    /// What came of a call. One that the person can't have noticed is tried again soon.
    pub(crate) fn popped(&mut self, is_shown: bool, now: Timestamp) {
        if std::mem::take(&mut self.calls.asked) && !is_shown {
            self.calls.again_at = Some(now.plus(limits::POP_AGAIN_MS));
            self.calls.record.called_at = Timestamp::ZERO;
            self.persist_lazily(Key::Pops);
        }
    }
}
