//! What the browser knows about the person's situation, in the flavour without bandwidth: only what day it is.

use lull_worker::Surroundings;

use crate::global::day_start;

/// Nothing is asked.
pub(crate) async fn look() -> Surroundings {
    Surroundings { day_start: day_start(), ..Surroundings::default() }
}

/// Nobody waits for a person to go away.
pub(crate) fn watch_idle() {}

/// There is no permission to give back.
pub(crate) async fn release_permission() {}
