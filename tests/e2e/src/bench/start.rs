//! The start of the service worker: from nothing to the first view.

use anyhow::{Context, Result, ensure};

use super::{Bench, number, say};
use lull_figures::{Row, Sample};

/// Cold starts.
const STARTS: usize = 50;
/// Goal, milliseconds.
const START_MS: f64 = 50.0;
/// What is measured.
const OWN: &str = "from the worker's time origin (its global scope is made, no script has run) until a page of the \
                   extension has the first view; after ServiceWorker.stopAllWorkers, the extension's process lives";

/// With next to no receipts.
pub(super) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let (own, whole) = starts(bench).await?;
    let rows = own.rows("service worker start to first view", None, Some(START_MS), OWN);
    let from_asked = "the same from the page's runtime.connect, which wakes the worker: with the browser's own part";
    Ok(rows
        .into_iter()
        .chain(whole.rows("page's call to first view, worker stopped", None, None, from_asked))
        .collect())
}

/// With this many receipts.
pub(super) async fn with_receipts(bench: &Bench, receipts: usize) -> Result<Vec<Row>> {
    let (own, _) = starts(bench).await?;
    let name = format!("service worker start to first view, {receipts} receipts");
    Ok(own.rows(&name, None, Some(START_MS), OWN).into())
}

async fn starts(bench: &Bench) -> Result<(Sample, Sample)> {
    say(&format!("{STARTS} cold starts of the service worker"));
    let (mut own, mut whole) = (Sample::default(), Sample::default());
    for _ in 0..STARTS {
        let start = cold(bench).await?;
        own.push(start.heard - start.began);
        whole.push(start.heard - start.asked);
    }
    Ok((own, whole))
}

/// Times of one start, on the browser's clock.
struct Start {
    /// The page called.
    asked: f64,
    /// The worker's time origin.
    began: f64,
    /// The page had the first view.
    heard: f64,
}

async fn cold(bench: &Bench) -> Result<Start> {
    bench.browser.kill_background().await?;
    let view = bench.page("firstView()").await?;
    let worker = bench.browser.background().await?.context("the service worker runs")?;
    let began = bench.devtools.evaluate(&worker, "performance.timeOrigin").await?;
    let began = began.as_f64().context("no time origin")?;
    let start = Start { asked: number(&view, "asked")?, began, heard: number(&view, "heard")? };
    ensure!(start.asked < start.began && start.began < start.heard, "the worker ran before it was asked for");
    Ok(start)
}
