//! One run: a plan from its first moment to its end, and what came of it.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::log;
use crate::model::{Broken, Counts, broken};
use crate::plan::{Ms, Plan};
use crate::table::Marks;
use crate::world::{Tally, World};

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    static IS_UNDER_WAY: Cell<bool> = const { Cell::new(false) };
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything held.
    Held,
    /// Something broke.
    Broke {
        /// What.
        broken: Broken,
        /// When, on the world's clock.
        at_ms: Ms,
    },
}

/// What a run was.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// The hash of everything that happened.
    pub hash: u64,
    /// Its length on the world's clock.
    pub simulated_ms: Ms,
    /// Its counts.
    pub tally: Tally,
    /// What was achieved.
    pub counts: Counts,
    /// What was reached.
    pub marks: Marks,
}

/// Runs a plan.
pub fn run(plan: &Plan) -> Report {
    listen_to_panics();
    // Errors that an earlier run on this thread left behind are not this one's.
    log::take();
    let mut world = World::new(plan.clone());
    IS_UNDER_WAY.set(true);
    let ended = catch_unwind(AssertUnwindSafe(|| while world.step() {}));
    IS_UNDER_WAY.set(false);
    let at_ms = world.queue.now();
    let mut failure = match ended {
        Ok(()) => world.failure().cloned(),
        Err(_) => {
            let what = PANIC.with_borrow_mut(Option::take).unwrap_or_default();
            Some(broken("no panic", what))
        }
    };
    let (hash, tally, counts) = (world.mix.value(), world.tally, world.model.counts());
    let marks = std::mem::take(&mut world.marks);
    drop(world);
    if let (None, Some(error)) = (&failure, log::take().into_iter().next()) {
        failure = Some(broken("no ERROR line", error));
    }
    let outcome = failure.map_or(Outcome::Held, |broken| Outcome::Broke { broken, at_ms });
    Report { outcome, hash, simulated_ms: at_ms, tally, counts, marks }
}

/// A panic inside a run is a finding: it is kept, and not printed. Any other is printed as ever.
fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match IS_UNDER_WAY.get() {
            true => PANIC.with_borrow_mut(|panic| *panic = Some(info.to_string())),
            false => others(info),
        }));
    });
}
