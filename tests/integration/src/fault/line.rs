//! Bad weather between workers and coordinator: cuts, stalls, half-closed and half-dead lines.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::time::sleep;

use super::{Outcome, Row, Run, say};
use crate::buyer::Appetite;
use crate::process::Programs;
use crate::proxy::FAULTS;
use crate::world::{Plan, World};

/// Storms, and how long each lasts, seconds. The long ones outlast the silence after which both sides leave.
const STORMS_S: (&[u64], &[u64]) = (&[6, 6], &[20, 20, 20, 90, 90, 90]);
/// How often connections are drawn anew in a storm, seconds.
const GUST_S: u64 = 4;

pub(super) async fn run(programs: &Programs, folder: &Path, run: Run) -> Result<Outcome> {
    // A worker keeps its newest 2,000 receipts: no one may get more of a long run.
    let appetite = Appetite { pages: 6, questions: 6, ..run.plan().appetite };
    let plan = Plan { proxied: true, appetite, ..run.plan() };
    let mut world = World::start(programs, folder, &plan).await?;
    let mut storms = Row::new("storms on every connection");
    for seconds in run.pick(STORMS_S.0, STORMS_S.1) {
        let began = Instant::now();
        let mut gust = Duration::from_secs(GUST_S);
        proxy(&world)?.storm(Duration::from_secs(seconds / 2));
        while began.elapsed() < Duration::from_secs(*seconds) {
            sleep(Duration::from_secs(1)).await;
            // Short storms shake every connection often; in long ones a half-dead line is left alone.
            if *seconds <= 20 && began.elapsed() > gust {
                proxy(&world)?.storm(Duration::from_secs(seconds / 2));
                gust += Duration::from_secs(GUST_S);
            }
        }
        let before = world.acknowledged();
        proxy(&world)?.clear();
        let outage = world.acknowledges_again(before).await?;
        storms.count(outage);
        say(&format!("a storm of {seconds} s, back after {:.1} s", outage.as_secs_f64()));
        sleep(Duration::from_secs(2)).await;
    }
    let mut rows = vec![storms];
    for (fault, times) in FAULTS.iter().zip(proxy(&world)?.counts()) {
        rows.push(Row { fault: format!("connection: {fault:?}"), times, outage: None });
    }
    let ending = world.end().await?;
    Ok(Outcome { rows, ending, errors_allowed: &[] })
}

fn proxy(world: &World) -> Result<&crate::proxy::Proxy> {
    world.proxy.as_ref().context("this world has a proxy")
}
