//! What the browser knows about the person's situation.

use lull_browser::{
    allows_bandwidth, data_saver, has_all_sites, is_away, is_installed_by_policy, permissions_release_all,
    set_idle_detection,
};
use lull_worker::{Managed, Surroundings};

use crate::global::{day_start, utc_offset_min};
use crate::shell::report;

/// Asks the browser before this function returns. What it can't tell counts as what allows least.
pub(crate) fn look() -> impl Future<Output = Surroundings> {
    let (away, host_permission) = (is_away(), has_all_sites());
    let (allows, installed) = (allows_bandwidth(), is_installed_by_policy());
    async {
        Surroundings {
            away: away.await.unwrap_or(false),
            host_permission: host_permission.await.unwrap_or(false),
            data_saver: data_saver(),
            day_start: day_start(),
            // Where no policy is set, Firefox fails instead of telling so.
            managed: Managed {
                is_installed_by_policy: installed.await.unwrap_or(false),
                allows_bandwidth: allows.await.unwrap_or(None),
            },
            utc_offset_min: utc_offset_min(),
            // The shell knows its pages.
            looks: false,
        }
    }
}

/// Asks the browser to tell when the person comes or goes.
pub(crate) fn watch_idle() {
    report(set_idle_detection());
}

/// Gives the host permission back.
pub(crate) async fn release_permission() {
    report(permissions_release_all().await);
}
