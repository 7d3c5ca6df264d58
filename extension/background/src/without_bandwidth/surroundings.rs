//! What the browser knows about the person's situation, in the flavour without bandwidth: whether there is somebody to
//! call, and what time it is for them.

use lull_browser::{is_away, set_idle_detection};
use lull_worker::Surroundings;

use crate::global::{day_start, utc_offset_min};
use crate::shell::report;

/// Asks the browser before this function returns.
pub(crate) fn look() -> impl Future<Output = Surroundings> {
    let away = is_away();
    async {
        Surroundings {
            away: away.await.unwrap_or(false),
            day_start: day_start(),
            utc_offset_min: utc_offset_min(),
            ..Surroundings::default()
        }
    }
}

/// Asks the browser to tell when the person comes or goes.
pub(crate) fn watch_idle() {
    report(set_idle_detection());
}

/// There is no permission to give back.
pub(crate) async fn release_permission() {}
