//! Opening the popup from the toolbar.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::row::{Row, Sample};
use super::{Bench, number, say};

/// How often it is opened, with the worker running and with it stopped.
const OPENS: usize = 50;
/// From one popup's end to the next click.
const BETWEEN: Duration = Duration::from_millis(500);
/// Goal, milliseconds.
const PAINT_MS: f64 = 100.0;

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for is_cold in [false, true] {
        let worker = if is_cold { "stopped" } else { "running" };
        say(&format!("{OPENS} openings of the popup, worker {worker}"));
        let (mut first, mut view) = (Sample::default(), Sample::default());
        for _ in 0..OPENS {
            if is_cold {
                bench.browser.kill_background().await?;
            }
            // Nobody clicks again before the last popup's window is gone for good.
            tokio::time::sleep(BETWEEN).await;
            let open = bench.page("popup()").await?;
            let at = |name| number(&open, name);
            ensure!(at("asked")? < at("first")? && at("first")? <= at("view")?, "times out of order: {open}");
            first.push(at("first")? - at("asked")?);
            view.push(at("view")? - at("asked")?);
        }
        let click = "from chrome.action.openPopup, as a click does";
        let name = |what: &str| format!("popup to {what}, worker {worker}");
        let note = format!("{click}, to the first contentful paint: the header");
        rows.extend(first.rows(&name("first paint"), Some(PAINT_MS), &note));
        let note =
            format!("{click}, to the paint of the background's view (largest contentful paint outside the skeleton)");
        rows.extend(view.rows(&name("painted view"), Some(PAINT_MS), &note));
    }
    Ok(rows)
}
