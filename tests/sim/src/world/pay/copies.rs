//! Copies of the database: one is restored after people were paid, or a second process pays from it. While that goes
//! on the coordinator serves nobody, so that nothing but payments is forgotten: what a restored database forgets of
//! work can't be had back, and nobody promises that.

use lull_disk::Disk;
use lull_store::{PayCommand, Reader, Store};

use super::super::writer::DATABASE;
use super::super::{Event, World};
use super::{Payer, Task, Who};
use crate::plan::{MINUTE, Ms, SECOND};

/// Only payments go on.
pub(crate) struct Closed {
    /// For so long.
    pays_ms: Ms,
    /// A second process pays from the copy; otherwise it is restored.
    has_second: bool,
    copy: Option<Disk>,
}

/// A second process, with a copy of the database.
pub(crate) struct Second {
    pub(super) payer: Payer,
    // Before the disk that they are on.
    pub(super) reader: Reader,
    pub(super) store: Store,
    _disk: Disk,
}

impl World {
    /// The operator pauses payouts, and a while later stops all else, to make a copy.
    pub(super) fn close_house(&mut self, pays_ms: Ms, has_second: bool) {
        if self.is_calm {
            return;
        }
        self.operator_pays(&PayCommand::Pause(true));
        let after_ms = self.pay().rng.u64(SECOND..40 * MINUTE);
        self.queue.after(after_ms, Event::Closes { pays_ms, has_second });
    }

    pub(crate) fn closes(&mut self, pays_ms: Ms, has_second: bool) {
        let is_stopped = self.pay().is_reconciling || self.pay().is_closed();
        let is_up = self.house.process.as_ref().is_some_and(|process| process.stopping.is_none());
        if self.is_calm || is_stopped || !is_up {
            return;
        }
        self.pay().closed = Some(Closed { pays_ms, has_second, copy: None });
        self.stop_house(SECOND);
    }

    /// Before the coordinator starts on its disk: the copy that was to be made.
    pub(crate) fn make_copy(&mut self) {
        let seed = self.plan.seed;
        let Some(closed) = self.pay.as_mut().and_then(|pay| pay.closed.as_mut()) else { return };
        if closed.copy.is_some() {
            return;
        }
        let copy = self.house.disk.copy(seed);
        let pays_ms = closed.pays_ms;
        if closed.has_second {
            let disk = copy.copy(seed);
            let path = disk.path(DATABASE);
            // The copy of a database that was never made.
            let Ok(store) = Store::open(&path) else { return };
            let Ok(reader) = Reader::open(&path) else { return };
            let mut payer = Payer::default();
            payer.tasks.push_back(Task::Begin);
            self.queue.after(SECOND, Event::SecondPays);
            self.model.paid_from_copy();
            self.pay().second = Some(Second { payer, reader, store, _disk: disk });
            let _ = self.pay_write(Who::Second, &PayCommand::Pause(false));
        } else {
            self.model.keep_books();
        }
        if let Some(closed) = &mut self.pay().closed {
            closed.copy = Some(copy);
        }
        self.pay().may_differ = true;
        self.queue.after(pays_ms, Event::Opens);
    }

    /// The coordinator serves again: on the copy, or beside nobody any more.
    pub(crate) fn open_house_again(&mut self) {
        let Some(closed) = self.pay.as_mut().and_then(|pay| pay.closed.take()) else { return };
        self.pay().second = None;
        let Some(copy) = closed.copy else { return };
        if closed.has_second {
            if self.house.process.is_some() {
                self.operator_pays(&PayCommand::Pause(false));
                self.queue_house(0, super::HouseEvent::Sweep);
            }
            return;
        }
        if self.house.process.is_some() {
            self.kill_house(false, SECOND);
        }
        self.house.disk.put_back(&copy);
        self.model.restore_books();
        self.tally.restored += 1;
        // The copy is of a time when the operator had paused.
        self.queue.after(MINUTE, Event::LetGo);
    }

    /// While only payments go on, the operator lets them.
    pub(crate) fn let_go(&mut self) {
        let state = self.pay_read(Who::House, |reader| reader.lanes_and_batches());
        if state.is_ok_and(|state| state.paused_at.is_some()) {
            self.operator_pays(&PayCommand::Pause(false));
        }
    }
}
