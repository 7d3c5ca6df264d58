//! When the machine is to be woken: a timer while the background lives, an alarm in case it doesn't.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use gloo::timers::callback::Timeout;
use js_sys::Promise;
use lull_browser::{clear_alarm, set_alarm};
use lull_worker::Event;
use lull_worker::protocol::Timestamp;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use crate::global::{next_day_start, now};
use crate::shell::{Shell, report};

/// The soonest an alarm may ring, milliseconds from now (Chrome).
const ALARM_MS_MIN: u64 = 30_000;
/// An alarm that is at least this far away is left alone, milliseconds.
const ALARM_KEPT_MS_MIN: u64 = 10_000;
/// The longest a timer can wait, milliseconds (HTML standard: a signed 32-bit number).
const TIMEOUT_MS_MAX: u64 = 0x7fff_ffff;

/// Calls back after this time, or earlier where a timer can't wait that long.
pub(crate) fn timeout(ms: u64, call: impl FnOnce() + 'static) -> Timeout {
    Timeout::new(ms.min(TIMEOUT_MS_MAX) as u32, call)
}

/// Waits.
pub(crate) async fn pause(ms: u64) {
    let mut timer = None;
    let rung = Promise::new(&mut |resolve, _| {
        timer = Some(timeout(ms, move || drop(resolve.call0(&JsValue::UNDEFINED))));
    });
    // A promise that is never rejected.
    rung.await.ok();
    drop(timer);
}

/// The timers and the alarm.
#[derive(Default)]
pub(crate) struct Timers {
    wake: RefCell<Option<Timeout>>,
    midnight: RefCell<Option<Timeout>>,
    wake_at: Cell<Option<Timestamp>>,
    alarm: Cell<Alarm>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Alarm {
    /// An earlier life of the background may have left one.
    #[default]
    Unknown,
    /// Everything is switched off: nothing wakes the background.
    Off,
    /// Something is switched on, and no alarm is set.
    Unset,
    At(Timestamp),
}

impl Timers {
    /// Comes back with [`Event::Tick`] at this time; replaces the last one.
    pub(crate) fn wake_at(&self, shell: &Rc<Shell>, at: Timestamp) {
        let shell = Rc::downgrade(shell);
        let tick = timeout(at.since(now()), move || post(&shell, Event::Tick));
        self.wake.replace(Some(tick));
        self.wake_at.set(Some(at));
        self.set_alarm();
    }

    /// Whether anything is switched on; an alarm only is there while it is.
    pub(crate) fn standing(&self, on: bool) {
        match (on, self.alarm.get()) {
            (false, Alarm::Off) => {}
            (false, _) => {
                self.alarm.set(Alarm::Off);
                spawn_local(async { report(clear_alarm().await) });
            }
            (true, Alarm::Off | Alarm::Unknown) => {
                self.alarm.set(Alarm::Unset);
                self.set_alarm();
            }
            (true, _) => {}
        }
    }

    /// The alarm rang.
    pub(crate) fn rang(&self) {
        if matches!(self.alarm.get(), Alarm::At(_)) {
            self.alarm.set(Alarm::Unset);
        }
        self.set_alarm();
    }

    fn set_alarm(&self) {
        let Some(wake_at) = self.wake_at.get() else { return };
        let soonest = now().plus(ALARM_MS_MIN);
        let wanted = wake_at.max(soonest);
        match self.alarm.get() {
            Alarm::Unknown | Alarm::Off => return,
            Alarm::At(at) if at >= now().plus(ALARM_KEPT_MS_MIN) && at <= wanted => return,
            Alarm::At(_) | Alarm::Unset => {}
        }
        self.alarm.set(Alarm::At(wanted));
        spawn_local(async move { report(set_alarm(wanted.get() as f64).await) });
    }

    /// Looks at the surroundings again when the person's next day begins.
    pub(crate) fn wait_for_midnight(&self, shell: &Rc<Shell>) {
        let shell = Rc::downgrade(shell);
        let midnight = timeout(next_day_start().since(now()), move || {
            if let Some(shell) = shell.upgrade() {
                shell.timers().wait_for_midnight(&shell);
                shell.look_around();
            }
        });
        self.midnight.replace(Some(midnight));
    }
}

fn post(shell: &Weak<Shell>, event: Event) {
    if let Some(shell) = shell.upgrade() {
        shell.post(event);
    }
}
