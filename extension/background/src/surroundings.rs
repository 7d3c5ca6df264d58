//! What the browser knows about the person's situation.

use lull_browser::{data_saver, has_all_sites, is_away};
use lull_worker::Surroundings;

use crate::global::day_start;

/// Asks the browser. What it can't tell counts as what allows least.
pub(crate) async fn look() -> Surroundings {
    let (away, host_permission) = (is_away().await, has_all_sites().await);
    Surroundings {
        away: away.unwrap_or(false),
        data_saver: data_saver(),
        host_permission: host_permission.unwrap_or(false),
        day_start: day_start(),
    }
}
