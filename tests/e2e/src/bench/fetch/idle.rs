//! CPU of a background that is connected and has nothing to do.

use std::time::Duration;

use anyhow::{Result, ensure};
use lull_figures::Row;

use super::super::{Bench, say};
use super::fresh_background;

pub(super) async fn measure(bench: &Bench, minutes: u32) -> Result<Vec<Row>> {
    ensure!(minutes > 0, "an idle background is observed for a minute at least");
    say(&format!("an idle background for {minutes} minutes"));
    let connections = || -> Result<usize> {
        let log = std::fs::read_to_string(bench.world.data.join("coordinator/coordinator.log"))?;
        Ok(log.matches("worker connected").count())
    };
    let process = fresh_background(bench).await?;
    let (before, connected) = (process.cpu_ms()?, connections()?);
    tokio::time::sleep(Duration::from_secs(60 * u64::from(minutes))).await;
    let spent_ms = (process.cpu_ms()? - before) as f64;
    ensure!(bench.browser.background_runs().await?, "the background was ended meanwhile");
    ensure!(connections()? == connected, "it connected again meanwhile");
    let minutes = f64::from(minutes);
    let note = format!(
        "user and system time of the extension's process over {minutes} minutes: connected, bandwidth on, no page of \
         the extension open, no work there; {spent_ms} ms in all, counted in ticks of 10 ms"
    );
    Ok(vec![
        Row::new("connected and idle: CPU per minute", spent_ms / minutes, "ms").note(&note),
        Row::new("connected and idle: CPU of one core", spent_ms / minutes / 600.0, "%").note(&note),
        Row::new("connected and idle: observed", minutes, "min").note(&note),
    ])
}
