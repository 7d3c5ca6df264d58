//! From the click on pause until the site can send no more.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use lull_figures::{Row, Sample};

use super::super::{Bench, say};
use crate::person::HOME;
use crate::world::World;

/// Pauses.
const PAUSES: u64 = 40;
/// Goal, milliseconds.
const PAUSE_MS: f64 = 100.0;
/// How long a body is read before the click, milliseconds: at least, and how many more in turn.
const READ_MS: (u64, u64) = (200, 100);
/// Between two looks, and how often there is one.
const LOOK: Duration = Duration::from_millis(5);
const LOOKS_MAX: usize = 1_000;
/// A click as a person's: the page's own listener hears it. Gives the time before it, Unix milliseconds.
const CLICK: &str = "const button = document.querySelector('[data-testid=pause]'); \
                     const at = performance.timeOrigin + performance.now(); button.click(); return at";

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    say(&format!("{PAUSES} pauses while a body is read"));
    let sites = bench.world.sites.as_ref().context("the namespace has sites")?;
    // A body that was stopped is asked for again once the pause ends.
    bench.world.buyer.order("A library's link check", &[World::url("/drip")]).await?;
    bench.browser.open(HOME).await?;
    let mut pauses = Sample::default();
    for turn in 0..PAUSES {
        bench.browser.until("the slow page is being read", async || Ok(sites.dripping())).await?;
        // At another moment between two of the site's pieces each time.
        tokio::time::sleep(Duration::from_millis(READ_MS.0 + turn * 7 % READ_MS.1)).await;
        let clicked = bench.browser.js(CLICK).await?.as_f64().context("the click's time")?;
        let mut looks = 0;
        while sites.dripping() {
            looks += 1;
            ensure!(looks < LOOKS_MAX, "the site still sends {LOOKS_MAX} looks after the pause");
            tokio::time::sleep(LOOK).await;
        }
        let left = sites.last_left().context("a reader went away")?;
        let left_ms = left.duration_since(UNIX_EPOCH)?.as_secs_f64() * 1_000.0;
        ensure!(left_ms > clicked && left <= SystemTime::now(), "the reader went away before the click");
        pauses.push(left_ms - clicked);
        bench.browser.click("pause").await?;
    }
    let note = "from the click on the popup's button until the site's server has seen its connection end, which is after \
                the last byte that it could write; a body of 1 KB every 10 ms";
    Ok(pauses.rows("pause, click to the site's last byte", None, Some(PAUSE_MS), note).into())
}
