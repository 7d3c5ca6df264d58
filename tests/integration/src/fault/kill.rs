//! SIGKILL at random moments: to the coordinator, to the coordinator while it starts, to workers.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::{Outcome, Row, Run, say};
use crate::process::Programs;
use crate::world::World;

/// Kills of the coordinator: a slice, the whole.
const TIMES: (u64, u64) = (8, 200);
/// The longest life between two kills, beyond the first acknowledgement, milliseconds.
const LIFE_MS_MAX: u64 = 1_500;
/// The longest time it stays away, milliseconds.
const AWAY_MS_MAX: u64 = 300;
/// A start takes about this long; a kill during it comes at any moment of it, milliseconds.
const START_MS: u64 = 60;

pub(super) async fn run(programs: &Programs, folder: &Path, run: Run) -> Result<Outcome> {
    let times = run.pick(TIMES.0, TIMES.1);
    let mut world = World::start(programs, folder, &run.plan()).await?;
    let mut killed = Row::new("coordinator killed (SIGKILL)");
    let mut starting = Row::new("coordinator killed while it starts");
    let mut workers = Row::new("worker killed (SIGKILL)");
    for time in 1..=times {
        sleep(Duration::from_millis(world.rng.u64(0..=LIFE_MS_MAX))).await;
        let victim = (world.rng.u8(0..3) == 0).then(|| world.rng.usize(0..world.workers.len()));
        if let Some(worker) = victim.and_then(|index| world.workers.get_mut(index)) {
            worker.kill().await?;
            workers.times += 1;
        }
        world.kill_coordinator().await?;
        sleep(Duration::from_millis(world.rng.u64(0..=AWAY_MS_MAX))).await;
        if world.rng.u8(0..5) == 0 {
            let after = Duration::from_millis(world.rng.u64(0..=START_MS));
            world.kill_while_starting(after).await?;
            starting.times += 1;
        }
        // What it had sent before it died has been read by then.
        let before = world.acknowledged();
        world.restart_coordinator().await?;
        if let Some(index) = victim {
            world.restart_worker(index)?;
        }
        killed.count(world.acknowledges_again(before).await?);
        if time % run.pick(4, 20) == 0 {
            let acknowledged = world.acknowledged();
            say(&format!("killed {time} of {times} times, {acknowledged} results acknowledged"));
        }
    }
    let ending = world.end().await?;
    Ok(Outcome { rows: vec![killed, starting, workers], ending, errors_allowed: &[] })
}
