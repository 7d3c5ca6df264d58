//! Opening the popup from the toolbar, beside a page that has nothing to load.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Bench, number, say};
use lull_figures::{Row, Sample};

/// How often each is opened.
const OPENS: usize = 50;
/// From one popup's end to the next click.
const BETWEEN: Duration = Duration::from_millis(500);
/// Goal, milliseconds.
const PAINT_MS: f64 = 100.0;
/// The extension's popup, and the page it stands beside.
const POPUP: &str = "popup.html";
const PLAIN: &str = "bench/plain.html";

/// What is measured.
const FIRST: &str = "from chrome.action.openPopup, as a click does, to the first contentful paint: the header at least";
const VIEW: &str = "from chrome.action.openPopup, as a click does, to the paint of the background's view (largest \
                    contentful paint outside the skeleton)";

/// From click to paint, milliseconds.
#[derive(Default)]
struct Paints {
    first: Sample,
    view: Sample,
}

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let plain = open(bench, PLAIN, false).await?;
    let mut rows = Vec::new();
    for is_cold in [false, true] {
        let worker = if is_cold { "stopped" } else { "running" };
        let paints = open(bench, POPUP, is_cold).await?;
        let name = |what: &str| format!("popup to {what}, worker {worker}");
        let peer = Some(("page of one heading", &plain.first));
        rows.extend(paints.first.rows(&name("first paint"), peer, Some(PAINT_MS), FIRST));
        rows.extend(paints.view.rows(&name("painted view"), peer, Some(PAINT_MS), VIEW));
    }
    Ok(rows)
}

/// With this many receipts: the view is as long as it gets.
pub(super) async fn with_receipts(bench: &Bench, receipts: usize) -> Result<Vec<Row>> {
    let paints = open(bench, POPUP, false).await?;
    let name = format!("popup to painted view, worker running, {receipts} receipts");
    Ok(paints.view.rows(&name, None, Some(PAINT_MS), VIEW).into())
}

async fn open(bench: &Bench, path: &str, is_cold: bool) -> Result<Paints> {
    say(&format!("{OPENS} openings of {path}, worker {}", if is_cold { "stopped" } else { "running" }));
    let mut paints = Paints::default();
    for _ in 0..OPENS {
        if is_cold {
            bench.browser.kill_background().await?;
        }
        // Nobody clicks again before the last popup's window is gone for good.
        tokio::time::sleep(BETWEEN).await;
        let open = bench.page(&format!("popup('{path}')")).await?;
        let at = |name| number(&open, name);
        ensure!(at("asked")? < at("first")? && at("first")? <= at("view")?, "times out of order: {open}");
        paints.first.push(at("first")? - at("asked")?);
        paints.view.push(at("view")? - at("asked")?);
    }
    Ok(paints)
}
