//! Memory of the background while bodies pass.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lull_figures::{Row, Sample};
use serde_json::{Value, json};

use super::super::{Bench, say};
use super::{fresh_background, process::Process};
use crate::world::World;

/// Bodies that pass, and their sizes, bytes: 100 MB each time.
const PASSES: [(usize, usize); 2] = [(10, 10_000_000), (1_000, 100_000)];
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// Until collected memory is the system's again.
const COLLECTED: Duration = Duration::from_secs(1);
/// Looks at an idle background.
const IDLE_LOOKS: usize = 100;
/// How many looks there are to one question by DevTools, which itself takes memory.
const LOOKS_PER_QUESTION: usize = 5;
/// Goal: above idle, MB.
const ABOVE_MB: f64 = 32.0;

/// What was seen, MB.
#[derive(Default)]
struct Seen {
    /// Resident memory of the process, without files.
    process: Sample,
    /// JavaScript's heap, and buffers outside it.
    own: Sample,
}

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (count, bytes) in PASSES {
        say(&format!("memory while {count} bodies of {bytes} bytes pass"));
        rows.extend(pass(bench, count, bytes).await?);
    }
    Ok(rows)
}

async fn pass(bench: &Bench, count: usize, bytes: usize) -> Result<Vec<Row>> {
    let process = fresh_background(bench).await?;
    let target = bench.browser.background().await?.context("the background runs")?;
    // What its start has left to collect is not what it needs.
    bench.devtools.call(&target, "HeapProfiler.collectGarbage", json!({})).await?;
    tokio::time::sleep(COLLECTED).await;
    let mut idle = Seen::default();
    for turn in 0..IDLE_LOOKS {
        idle.look(bench, &process, &target, turn).await?;
    }
    let urls: Vec<String> = (0..count).map(|n| World::url(&format!("/bench/0/{bytes}/memory-{n}"))).collect();
    let order = bench.world.buyer.order("A library's link check", &urls).await?;
    let mut busy = Seen::default();
    let mut turn = 0_usize;
    while !turn.is_multiple_of(LOOKS_PER_QUESTION) || bench.world.buyer.results_count(&order).await? < count as u64 {
        busy.look(bench, &process, &target, turn).await?;
        turn += 1;
    }
    for result in bench.world.buyer.results(&order).await? {
        ensure!(result.pointer("/fetch/body_bytes") == Some(&bytes.into()), "not the whole page: {result}");
    }
    let name = format!("memory while {count} bodies of {} KB pass", bytes / 1_000);
    let note = |what: &str, idle: &Sample, busy: &Sample| {
        format!(
            "{what}; the most seen less the least seen of a freshly started background ({:.1} MB), idle after a garbage \
             collection or busy; the median while they passed {:.1} MB; {} looks, one every {} ms or more; the site answers at once, no page of the extension \
             is open; MB = 1,000,000 bytes",
            least(idle, busy),
            busy.quantile(0.5),
            busy.count(),
            LOOK.as_millis()
        )
    };
    let above = |idle: &Sample, busy: &Sample| busy.quantile(1.0) - least(idle, busy);
    let process_note = note("resident memory of the extension's process, without files", &idle.process, &busy.process);
    let own_note = note(
        "DevTools' Runtime.getHeapUsage: the heap in use, and buffers outside it, garbage included, but not wasm's memory",
        &idle.own,
        &busy.own,
    );
    Ok(vec![
        Row::new(format!("{name}: process above idle"), above(&idle.process, &busy.process), "MB")
            .at_most(ABOVE_MB)
            .note(process_note),
        Row::new(format!("{name}: heap and buffers above idle"), above(&idle.own, &busy.own), "MB")
            .at_most(ABOVE_MB)
            .note(own_note),
    ])
}

/// What an idle background needs: the pages that were open before it leave memory behind that goes only later.
fn least(idle: &Sample, busy: &Sample) -> f64 {
    idle.quantile(0.0).min(busy.quantile(0.0))
}

impl Seen {
    async fn look(&mut self, bench: &Bench, process: &Process, target: &str, turn: usize) -> Result<()> {
        self.process.push(process.memory_bytes()? as f64 / 1e6);
        if turn.is_multiple_of(LOOKS_PER_QUESTION) {
            let usage = bench.devtools.call(target, "Runtime.getHeapUsage", json!({})).await?;
            let part =
                |name: &str| usage.get(name).and_then(Value::as_f64).with_context(|| format!("no {name}: {usage}"));
            let bytes = part("usedSize")? + part("embedderHeapUsedSize")? + part("backingStorageSize")?;
            self.own.push(bytes / 1e6);
        }
        tokio::time::sleep(LOOK).await;
        Ok(())
    }
}
