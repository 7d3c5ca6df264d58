//! What the browser knows about the person's situation.

use lull_browser::{data_saver, has_all_sites, is_away};
use lull_worker::Surroundings;

use crate::global::{day_start, utc_offset_min};

/// Asks the browser before this function returns. What it can't tell counts as what allows least.
pub(crate) fn look() -> impl Future<Output = Surroundings> {
    let (away, host_permission) = (is_away(), has_all_sites());
    async {
        Surroundings {
            away: away.await.unwrap_or(false),
            host_permission: host_permission.await.unwrap_or(false),
            data_saver: data_saver(),
            day_start: day_start(),
            utc_offset_min: utc_offset_min(),
        }
    }
}
