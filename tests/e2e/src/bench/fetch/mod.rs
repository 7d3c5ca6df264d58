//! What it costs to fetch for buyers: the relay beside plain fetches, policy, memory, CPU while idle, the pause.

mod idle;
mod memory;
mod pause;
mod policy;
mod process;

use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;
use lull_figures::Row;

use super::relay::{self, Pages};
use super::{Bench, each};
use crate::person::{HOME, SETTINGS};
use crate::world::Paths;

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Policy's decisions
    Policy,
    /// CPU of the background while it is connected and has nothing to do
    Idle,
    /// Memory of the background while 100 MB pass
    Memory,
    /// Pages of three sizes, beside plain fetches
    Relay,
    /// From the click on pause to the end of what the site can send
    Pause,
}

/// A page's size, bytes, with the pages of a round and the rounds.
const SIZES: [(usize, usize, usize); 3] = [(1_000, 40, 8), (100_000, 40, 8), (10_000_000, 4, 8)];
/// What the site takes to think before it answers, milliseconds: one in the same room, one across a continent.
const THINKS_MS: [u64; 2] = [0, 20];

/// Measures all parts, or `only` these.
pub(crate) async fn run(paths: &Paths, data: &Path, only: &[Part], idle_minutes: u32) -> Result<()> {
    each(paths, data, only, async |bench, part| match part {
        Part::Policy => policy::measure(bench).await,
        Part::Idle => idle::measure(bench, idle_minutes).await,
        Part::Memory => memory::measure(bench).await,
        Part::Relay => relayed(bench).await,
        Part::Pause => pause::measure(bench).await,
    })
    .await
}

async fn relayed(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    bench.open_page().await?;
    for (bytes, count, rounds) in SIZES {
        for thinks_ms in THINKS_MS {
            rows.extend(relay::measure(bench, Pages { bytes, thinks_ms, count, rounds }).await?);
        }
    }
    Ok(rows)
}

/// A background that has just been started and has nothing to do, with no page of the extension open; its process.
async fn fresh_background(bench: &Bench) -> Result<process::Process> {
    let browser = &bench.browser;
    browser.leave_and_kill_background().await?;
    browser.open(SETTINGS).await?;
    browser.until_attribute("outbox", "data-value", "0").await?;
    browser.open(HOME).await?;
    browser.until_attribute("link-state", "data-state", "connected").await?;
    browser.goto("about:blank").await?;
    tokio::time::sleep(process::SETTLES).await;
    process::Process::of_extension(browser.process()?)
}
