//! SIGSTOP: a process that is there and does nothing, for longer than a heartbeat, and for longer than the
//! silence after which the other side leaves.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::{Outcome, Row, Run, say};
use crate::process::Programs;
use crate::world::World;

/// How long the coordinator stands still, seconds: below the heartbeat, above it, above the silence.
const FREEZES_S: (&[u64], &[u64]) = (&[3], &[1, 5, 25, 65, 65, 90]);
/// How long a worker does.
const WORKER_FREEZES_S: (&[u64], &[u64]) = (&[3], &[5, 25, 70]);

pub(super) async fn run(programs: &Programs, folder: &Path, run: Run) -> Result<Outcome> {
    let mut world = World::start(programs, folder, &run.plan()).await?;
    let mut coordinator = Row::new("coordinator frozen (SIGSTOP)");
    for seconds in run.pick(FREEZES_S.0, FREEZES_S.1) {
        sleep(Duration::from_millis(world.rng.u64(0..1_000))).await;
        frozen(&world, "STOP").await?;
        sleep(Duration::from_secs(*seconds)).await;
        let before = world.acknowledged();
        frozen(&world, "CONT").await?;
        let outage = world.acknowledges_again(before).await?;
        coordinator.count(outage);
        say(&format!("coordinator frozen for {seconds} s, back after {:.1} s", outage.as_secs_f64()));
    }
    let mut worker = Row::new("worker frozen (SIGSTOP)");
    for seconds in run.pick(WORKER_FREEZES_S.0, WORKER_FREEZES_S.1) {
        let index = world.rng.usize(0..world.workers.len());
        let Some(victim) = world.workers.get(index) else { continue };
        victim.signal("STOP").await?;
        let before = world.acknowledged();
        sleep(Duration::from_secs(*seconds)).await;
        anyhow::ensure!(world.acknowledged() > before, "one frozen worker holds up all");
        if let Some(victim) = world.workers.get(index) {
            victim.signal("CONT").await?;
        }
        worker.times += 1;
        say(&format!("one worker frozen for {seconds} s, the others went on"));
    }
    let ending = world.end().await?;
    Ok(Outcome { rows: vec![coordinator, worker], ending, errors_allowed: &[] })
}

async fn frozen(world: &World, signal: &str) -> Result<()> {
    match &world.coordinator {
        Some(coordinator) => coordinator.signal(signal).await,
        None => anyhow::bail!("the coordinator runs"),
    }
}
