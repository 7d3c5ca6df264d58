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
    is_asked: bool,
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

    /// Whether there is somebody to call, and something to call for.
    fn may_call(&self) -> bool {
        let Pops { open, notify, .. } = self.calls.record.chosen;
        let is_there = self.surroundings.is_some_and(|around| !around.away && !around.looks);
        is_there && (open || notify) && self.current.is_some() && !self.storage.is_failing()
    }

    /// When the person is called; `None` while nothing calls for it.
    pub(crate) fn pop_due_at(&self, now: Timestamp) -> Option<Timestamp> {
        let PopsRecord { chosen, called_at } = &self.calls.record;
        let offset_min = self.surroundings?.utc_offset_min;
        if self.calls.is_asked || !self.may_call() {
            return None;
        }
        let after = self.calls.again_at.unwrap_or_else(|| called_at.plus(chosen.minutes * MINUTE_MS));
        let offset_ms = i64::from(offset_min) * MINUTE_MS as i64;
        let local = after.max(now).get().saturating_add_signed(offset_ms);
        let quiet_hours = (0..24).find(|n| !is_quiet(chosen, (local / HOUR_MS + n) % 24))?;
        let due = if quiet_hours == 0 { local } else { (local / HOUR_MS + quiet_hours) * HOUR_MS };
        Timestamp::new(due.saturating_add_signed(-offset_ms))
    }

    /// Calls the person if it is time, once storage knows of it: a browser that is killed meanwhile doesn't call twice.
    pub(crate) fn tick_pop(&mut self, now: Timestamp) {
        // A clock that was set back makes nobody wait longer than they chose.
        self.calls.record.called_at = self.calls.record.called_at.min(now);
        self.calls.again_at = self.calls.again_at.map(|at| at.min(now.plus(limits::POP_AGAIN_MS)));
        if self.pop_due_at(now).is_some_and(|due| due <= now) {
            (self.calls.is_asked, self.calls.again_at) = (true, None);
            self.calls.record.called_at = now;
            self.persist([Key::Pops], After::Called);
        }
    }

    /// Storage knows of the call, or doesn't take it.
    pub(crate) fn call(&mut self, is_stored: bool) {
        if is_stored && self.may_call() {
            let Pops { open, notify, .. } = self.calls.record.chosen;
            self.effects.push_back(Effect::Pop { open, notify });
        } else {
            self.popped(false);
        }
    }

    /// What came of a call. One that the person can't have noticed is tried again soon.
    pub(crate) fn popped(&mut self, is_shown: bool) {
        if std::mem::take(&mut self.calls.is_asked) && !is_shown {
            self.calls.again_at = Some(self.calls.record.called_at.plus(limits::POP_AGAIN_MS));
        }
    }
}
