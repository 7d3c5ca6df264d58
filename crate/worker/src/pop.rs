//! When judgments call the person: only as they chose, while they are there and no page of Lull is, never in quiet
//! hours, once for a judgment, and never more often than they allowed, whatever restarts in between.

use lull_protocol::{Hash, Timestamp, fields};
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
    /// What it was for: a judgment by its offer, or a practice. One that was let be calls no more.
    pub(crate) called_for: Option<Hash>,
}
fields!(PopsRecord { 0 chosen, 1 called_at, 2 called_for });

/// Calls to the person.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) record: PopsRecord,
    step: Step,
    /// The last one could not be shown: once more, not before then.
    again_at: Option<Timestamp>,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    None,
    /// Storage shall know of it first.
    Written,
    /// It does.
    Stored,
    /// The shell calls, and hasn't said what came of it.
    Out,
}

impl Calls {
    pub(crate) fn new(record: Option<PopsRecord>) -> Self {
        let record = record.unwrap_or_default();
        Self { record: PopsRecord { chosen: held(record.chosen), ..record }, ..Self::default() }
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
            self.persist([Key::Pops], After::Nothing);
            self.changed();
        }
    }

    /// Whether there is somebody to call, and something to call for.
    fn may_call(&self) -> bool {
        let Pops { open, notify, .. } = self.calls.record.chosen;
        let is_there = self.surroundings.is_some_and(|around| !around.away && !around.looks);
        // Its picture may still be on its way.
        let lease = self.current.and_then(|offer| self.leases.get(&offer));
        let has_work = lease.is_some_and(|lease| self.is_showable(lease));
        is_there && (open || notify) && has_work && !self.storage.is_failing()
    }

    /// What is on screen: a judgment by its offer, or a practice, whichever lease it comes before.
    fn on_screen(&self) -> Option<Hash> {
        let offer = self.current?;
        let practice = self.leases.get(&offer).and_then(|lease| self.practice_before(lease));
        Some(practice.map_or(offer, |blob| blob.hash))
    }

    /// When the person is called; `None` while nothing calls for it.
    pub(crate) fn pop_due_at(&self, now: Timestamp) -> Option<Timestamp> {
        let PopsRecord { chosen, called_at, called_for } = &self.calls.record;
        let is_let_be = self.on_screen() == *called_for && self.calls.again_at.is_none();
        if self.calls.step != Step::None || !self.may_call() || is_let_be {
            return None;
        }
        let after =
            self.calls.again_at.unwrap_or_else(|| called_at.plus(chosen.minutes * MINUTE_MS + limits::POP_LATE_MS));
        self.next_loud(after.max(now))
    }

    /// This time, or the end of the quiet hours that it is in.
    fn next_loud(&self, at: Timestamp) -> Option<Timestamp> {
        let offset_ms = i64::from(self.surroundings?.utc_offset_min) * MINUTE_MS as i64;
        let local = at.get().saturating_add_signed(offset_ms);
        let quiet_hours = (0..24).find(|n| !is_quiet(&self.calls.record.chosen, (local / HOUR_MS + n) % 24))?;
        let due = if quiet_hours == 0 { local } else { (local / HOUR_MS + quiet_hours) * HOUR_MS };
        Timestamp::new(due.saturating_add_signed(-offset_ms))
    }

    /// Calls the person if it is time, once storage knows of it: a browser that is killed meanwhile doesn't call twice.
    pub(crate) fn tick_pop(&mut self, now: Timestamp) {
        // A clock that was set back makes nobody wait longer than they chose.
        self.calls.record.called_at = self.calls.record.called_at.min(now);
        self.calls.again_at = self.calls.again_at.map(|at| at.min(now.plus(limits::POP_AGAIN_MS)));
        if self.calls.step == Step::Stored {
            self.call(now);
        }
        if self.pop_due_at(now).is_some_and(|due| due <= now) {
            (self.calls.step, self.calls.again_at) = (Step::Written, None);
            (self.calls.record.called_at, self.calls.record.called_for) = (now, self.on_screen());
            self.persist([Key::Pops], After::Called);
        }
    }

    /// Calls, if all is as it was when storage was asked.
    fn call(&mut self, now: Timestamp) {
        let PopsRecord { chosen: Pops { open, notify, .. }, called_at, called_for } = self.calls.record;
        let is_as_it_was = self.may_call() && self.on_screen() == called_for && self.next_loud(now) == Some(now);
        if is_as_it_was && now <= called_at.plus(limits::POP_LATE_MS) {
            self.calls.step = Step::Out;
            self.effects.push_back(Effect::Pop { open, notify });
        } else {
            self.end_call(false);
        }
    }

    /// Storage knows of the call, or doesn't take it.
    pub(crate) fn call_stored(&mut self, is_stored: bool) {
        match self.calls.step {
            Step::Written if is_stored => self.calls.step = Step::Stored,
            Step::Written => self.end_call(false),
            Step::None | Step::Stored | Step::Out => {}
        }
    }

    /// What came of a call.
    pub(crate) fn popped(&mut self, is_shown: bool) {
        if self.calls.step == Step::Out {
            self.end_call(is_shown);
        }
    }

    /// A call that the person can't have noticed is tried again soon.
    fn end_call(&mut self, is_shown: bool) {
        self.calls.step = Step::None;
        if !is_shown {
            self.calls.again_at = Some(self.calls.record.called_at.plus(limits::POP_AGAIN_MS));
        }
    }
}
