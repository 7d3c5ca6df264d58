//! Disks that are full for real: the coordinator's under load and at its start, and the workers'.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use lull_view::Notice;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Outcome, Row, Run, say};
use crate::buyer::Appetite;
use crate::process::Programs;
use crate::world::{Plan, World};

/// How often the coordinator's disk fills up.
const TIMES: (u64, u64) = (2, 12);
/// How long a disk stays full, seconds.
const FULL_S: (u64, u64) = (7, 10);
/// Their size, bytes.
const DISK_BYTES: (u64, u64) = (64 << 20, 256 << 20);
/// How long it may take until a full disk shows, seconds.
const SHOWS_S_MAX: u64 = 60;
/// What the coordinator's log says of it: once a spell, not once a commit.
const SAYS: &[&str] = &["the database is full: make room on its disk"];

pub(super) async fn run(programs: &Programs, folder: &Path, run: Run) -> Result<Outcome> {
    let bytes = Some(run.pick(DISK_BYTES.0, DISK_BYTES.1));
    let appetite = Appetite { page_bytes_max: 60_000, ..run.plan().appetite };
    let plan = Plan { disk_bytes: bytes, worker_disk_bytes: bytes, appetite, ..run.plan() };
    let mut world = World::start(programs, folder, &plan).await?;
    let mut full = Row::new("coordinator's disk full");
    let mut starts = Row::new("coordinator started on a full disk");
    for time in 1..=run.pick(TIMES.0, TIMES.1) {
        sleep(Duration::from_millis(world.rng.u64(500..2_000))).await;
        let filler = Filler::fill(&world.data())?;
        refuses(&world, &filler).await?;
        sleep(Duration::from_secs(run.pick(FULL_S.0, FULL_S.1))).await;
        filler.fill_up()?;
        let (status, health) = world.client()?.get("health").await?;
        ensure!(status == 503, "the disk is still full, and health says {status} {health}");
        let restarts = time % 2 == 0;
        if restarts {
            world.kill_coordinator().await?;
            filler.fill_up()?;
            // It may start and refuse what it can't store, or say why it doesn't start.
            if let Err(error) = world.restart_coordinator().await {
                let said = format!("{error:#}");
                ensure!(said.contains("full") || said.contains("No space left"), "on a full disk it says: {said}");
                say(&format!("on a full disk it does not start, and says: {said}"));
            }
        }
        let before = world.acknowledged();
        filler.free()?;
        if world.coordinator.is_none() {
            world.restart_coordinator().await?;
        }
        let outage = world.acknowledges_again(before).await?;
        (if restarts { &mut starts } else { &mut full }).count(outage);
        healthy(&world).await?;
        say(&format!("disk full {time} times, back after {:.1} s", outage.as_secs_f64()));
    }
    let workers = workers_disk(&mut world, run).await?;
    let ending = world.end().await?;
    let said = ending.errors.len() as u64;
    // A spell that lasts is told of again each minute; a coordinator that is started again tells anew.
    let most = 2 * (full.times + starts.times);
    ensure!((1..=most).contains(&said), "{said} lines of level ERROR for {most} spells at the most");
    Ok(Outcome { rows: vec![full, starts, workers], ending, errors_allowed: SAYS })
}

/// A full disk shows: results wait, requesters are told to come back, health says so, reading goes on.
async fn refuses(world: &World, filler: &Filler) -> Result<()> {
    let client = world.client()?;
    let began = Instant::now();
    loop {
        filler.fill_up()?;
        let (status, health) = client.get("health").await?;
        if status == 503 {
            ensure!(health.get("status") == Some(&json!("not writing")), "health: {health}");
            break;
        }
        ensure!(began.elapsed().as_secs() < SHOWS_S_MAX, "a full disk did not show in {SHOWS_S_MAX} s");
        sleep(Duration::from_millis(50)).await;
    }
    // Small writes may still find room in the log that is there: an order that needs much more doesn't.
    let urls: Vec<String> = (0..5_000).map(|n| crate::site::url(&format!("/page/{n}/10"))).collect();
    let order = json!({"purpose": "too much for now", "urls": urls, "price": {"per_item": 500}, "bytes_max": 10});
    match client.place("orders", "too much for now", &order).await? {
        Err((503, problem)) => {
            let kind = problem.get("type").and_then(Value::as_str);
            ensure!(kind == Some("urn:lull:problem:unavailable"), "{problem}");
        }
        other => anyhow::bail!("an order on a full disk: {other:?}"),
    }
    let (status, balance) = client.get("balance").await?;
    ensure!(status == 200, "reading on a full disk: {status} {balance}");
    Ok(())
}

async fn healthy(world: &World) -> Result<()> {
    let (status, health) = world.client()?.get("health").await?;
    ensure!(status == 200, "with room again, health says {status} {health}");
    Ok(())
}

/// The workers' own disk: they say so, take nothing on, and go on where they were.
async fn workers_disk(world: &mut World, run: Run) -> Result<Row> {
    let mut row = Row::new("workers' disk full");
    for _ in 0..run.pick(1, 4) {
        let filler = Filler::fill(&world.workers_disk())?;
        let began = Instant::now();
        while !world.workers.iter().all(|worker| worker.seen().notice == Some(Notice::Storage)) {
            filler.fill_up()?;
            ensure!(began.elapsed().as_secs() < SHOWS_S_MAX, "not every worker was told that its disk is full");
            sleep(Duration::from_millis(50)).await;
        }
        sleep(Duration::from_secs(run.pick(FULL_S.0, FULL_S.1))).await;
        let before = world.acknowledged();
        filler.free()?;
        row.count(world.acknowledges_again(before).await?);
        say(&format!("workers' disk full, {} results acknowledged", world.acknowledged()));
    }
    Ok(row)
}

/// A file that takes all the room there is.
struct Filler {
    path: PathBuf,
    file: File,
}

impl Filler {
    fn fill(folder: &Path) -> Result<Self> {
        let path = folder.join("filler");
        let file = OpenOptions::new().create(true).append(true).open(&path).context("the filler")?;
        let filler = Self { path, file };
        filler.fill_up()?;
        Ok(filler)
    }

    /// Takes what has become free meanwhile.
    fn fill_up(&self) -> Result<()> {
        for piece in [1 << 20, 4_096, 1] {
            let zeros = vec![0; piece];
            loop {
                match (&self.file).write(&zeros) {
                    Ok(_) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
                    Err(error) => return Err(error).context("the filler"),
                }
            }
        }
        Ok(())
    }

    fn free(self) -> Result<()> {
        std::fs::remove_file(&self.path).context("the filler")
    }
}
