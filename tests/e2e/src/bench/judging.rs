//! The popup before a person who judges: from the answer to the next item, under a slow processor, over hundreds of
//! items, by each type.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use lull_figures::{Row, Sample};
use serde_json::{Value, json};

use super::{Bench, each_of, number, popup, say};
use crate::market::Demo;
use crate::person::HOME;
use crate::types::ASKED;
use crate::world::{Paths, World};

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// From the click to the first paint
    Open,
    /// From one answer to the next item, and memory over hundreds of them
    Items,
    /// The same with pictures
    Pictures,
    /// The latency of a key on a processor of a quarter of the speed
    Slow,
    /// Answers per minute that keys reach, by type
    Types,
}

/// Items before memory is looked at for the first time.
const WARM_UP: usize = 50;
/// Items until it is looked at again.
const ITEMS: usize = 500;
/// Keys that are pressed on the slow processor.
const SLOW: usize = 100;
/// How many times slower it is.
const SLOWER: u32 = 4;
/// Items of each type.
const OF_TYPE: usize = 30;
/// A person looks this long at the least: an earlier key is taken for one of the last item.
const LOOK: Duration = Duration::from_millis(200);
/// How long the next item may take before the benchmark gives up.
const NEXT_MAX: Duration = Duration::from_secs(20);
/// Goal from the answer to the next item, milliseconds.
const NEXT_MS: f64 = 50.0;
/// Goal of a key's latency: "good" by web.dev, Interaction to Next Paint, milliseconds.
const INP_MS: f64 = 200.0;
/// The shortest latency that the browser tells one by one (Event Timing), milliseconds.
const TOLD_MS: f64 = 16.0;
/// Growth that isn't one: what garbage collection leaves lying, KB.
const GROWTH_KB: f64 = 512.0;

const POPUP: (u32, u32) = (380, 600);

/// Watches the page: when a key went down, when the item after it was decoded and painted, how long keys took.
const PROBE: &str = "
    const probe = window.probe = {offer: '', key: 0, painted: 0, slow: []};
    const offer = () => document.querySelector('[data-testid=judgment]')?.dataset.offer ?? '';
    probe.offer = offer();
    addEventListener('keydown', (event) => { probe.key = event.timeStamp; }, true);
    const painted = () => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => { probe.painted = performance.now(); };
      channel.port2.postMessage(0);
    };
    new MutationObserver(async () => {
      const now = offer();
      if (!now || now === probe.offer) return;
      probe.offer = now;
      await Promise.all([...document.querySelectorAll('.subject img')].map((picture) => picture.decode()));
      requestAnimationFrame(painted);
    }).observe(document.body, {subtree: true, childList: true, attributes: true, attributeFilter: ['data-offer']});
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (entry.name === 'keydown') probe.slow.push(entry.duration);
    }).observe({type: 'event', durationThreshold: 16});";

/// A page whose key changes its one heading: what any page needs.
const PLAIN_PROBE: &str = "
    const probe = window.probe = {key: 0, painted: 0, slow: []};
    addEventListener('keydown', (event) => {
      probe.key = event.timeStamp;
      document.querySelector('h1').textContent = String(event.timeStamp);
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => { probe.painted = performance.now(); };
        channel.port2.postMessage(0);
      });
    }, true);";

const NEXT: &str = "from the key that answers to the paint of the next item, its pictures decoded";

/// Measures all parts, or `only` these.
pub(crate) async fn run(paths: &Paths, data: &Path, only: &[Part]) -> Result<()> {
    let world = World::start(paths, data).await?;
    order_words(&world, 1).await?;
    let bench = Bench::begin(paths, world, &Demo::load(&paths.repo)?).await?;
    each_of(bench, only, async |bench, part| match part {
        Part::Open => {
            bench.open_page().await?;
            popup::measure(bench).await
        }
        Part::Items => items(bench).await,
        Part::Pictures => pictures(bench, paths).await,
        Part::Slow => slow(bench).await,
        Part::Types => types(bench, paths).await,
    })
    .await
}

/// So many choices about short texts.
async fn order_words(world: &World, count: usize) -> Result<()> {
    let contents: Vec<Value> = (0..count).map(|at| json!({"text": format!("word {at}")})).collect();
    order(
        world,
        &json!({"type": "choice", "question": "Which is it?", "options": ["This", "That"], "contents": contents}),
    )
    .await
}

async fn order(world: &World, project: &Value) -> Result<()> {
    let mut body = json!({
        "title": "Benchmark", "guideline": "Press the key.", "price": 4000, "rule": {"agree": 1, "people": 1},
    });
    if let (Some(body), Some(project)) = (body.as_object_mut(), project.as_object()) {
        body.extend(project.clone());
    }
    world.buyer.create("projects", &body).await?;
    Ok(())
}

/// The popup in its own size, watched.
async fn watched(bench: &Bench) -> Result<()> {
    bench.browser.open(HOME).await?;
    bench.browser.dress("light", POPUP).await?;
    bench.browser.find("question").await?;
    bench.browser.js(PROBE).await?;
    Ok(())
}

/// Presses these keys; from the last one to the paint that follows, milliseconds.
async fn press(bench: &Bench, keys: &[&str]) -> Result<f64> {
    tokio::time::sleep(LOOK).await;
    for key in keys {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key});
            if *key == "Enter" {
                // Without its code the browser presses no button by it.
                event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": 13, "text": "\r"});
            }
            bench.browser.cdp("Input.dispatchKeyEvent", event).await?;
        }
    }
    let pressed = Instant::now();
    loop {
        let times = bench.browser.js("return {key: probe.key, painted: probe.painted}").await?;
        let (key, painted) = (number(&times, "key")?, number(&times, "painted")?);
        if painted > key {
            return Ok(painted - key);
        }
        ensure!(pressed.elapsed() < NEXT_MAX, "no next item after {keys:?}");
    }
}

async fn sample(bench: &Bench, count: usize, keys: &[&str]) -> Result<Sample> {
    let mut sample = Sample::default();
    for _ in 0..count {
        sample.push(press(bench, keys).await?);
    }
    Ok(sample)
}

/// What any page takes to show that a key was pressed.
async fn plain(bench: &Bench) -> Result<Sample> {
    bench.browser.goto(&bench.browser.address("bench/plain.html")).await?;
    bench.browser.js(PLAIN_PROBE).await?;
    sample(bench, SLOW, &["1"]).await
}

/// JavaScript's heap, the modules' memory in it, and nodes of the document, once garbage is gone.
async fn memory(bench: &Bench) -> Result<(f64, f64)> {
    bench.browser.cdp("HeapProfiler.collectGarbage", json!({})).await?;
    let heap = bench.browser.cdp("Runtime.getHeapUsage", json!({})).await?;
    let nodes = bench.browser.cdp("Memory.getDOMCounters", json!({})).await?;
    let bytes = number(&heap, "usedSize")? + number(&heap, "backingStorageSize").unwrap_or(0.0);
    Ok((bytes / 1_000.0, number(&nodes, "nodes")?))
}

async fn items(bench: &Bench) -> Result<Vec<Row>> {
    let plain = plain(bench).await?;
    order_words(&bench.world, WARM_UP + ITEMS + SLOW).await?;
    watched(bench).await?;
    say(&format!("{} items of text", WARM_UP + ITEMS));
    sample(bench, WARM_UP, &["1"]).await?;
    let (before_kb, nodes_before) = memory(bench).await?;
    let next = sample(bench, ITEMS, &["1"]).await?;
    let (after_kb, nodes_after) = memory(bench).await?;
    let peer = Some(("a page whose key changes a word", &plain));
    let mut rows = Vec::from(next.rows("answer to the next item, text", peer, Some(NEXT_MS), NEXT));
    let note = format!("JavaScript's heap and the modules' memory, {ITEMS} items after the first {WARM_UP}");
    rows.push(Row::new("popup's memory, growth", after_kb - before_kb, "KB").at_most(GROWTH_KB).note(note));
    rows.push(Row::new("popup's memory after all", after_kb, "KB").note("the same"));
    let note =
        "nodes of the document, the same time; rows of *What you did* included, of which there are 50 at the most";
    rows.push(Row::new("popup's nodes, growth", nodes_after - nodes_before, "nodes").note(note));
    Ok(rows)
}

async fn pictures(bench: &Bench, paths: &Paths) -> Result<Vec<Row>> {
    let mut contents = Vec::new();
    for file in std::fs::read_dir(paths.repo.join("tests/demo/pictures"))? {
        let file = file?.path();
        let media_type = if file.extension().is_some_and(|e| e == "png") { "image/png" } else { "image/jpeg" };
        contents.push(
            json!({"hash": bench.world.buyer.blob(media_type, std::fs::read(&file)?).await?, "alt": "a picture"}),
        );
    }
    let count = contents.len();
    say(&format!("{count} items with a picture"));
    let project =
        json!({"type": "choice", "question": "Which is it?", "options": ["This", "That"], "contents": contents});
    finish(bench).await?;
    order(&bench.world, &project).await?;
    watched(bench).await?;
    let next = sample(bench, count - 1, &["1"]).await?;
    finish(bench).await?;
    Ok(next.rows("answer to the next item, picture", None, Some(NEXT_MS), NEXT).into())
}

async fn slow(bench: &Bench) -> Result<Vec<Row>> {
    finish(bench).await?;
    order_words(&bench.world, SLOW + 1).await?;
    watched(bench).await?;
    say(&format!("{SLOW} keys on a processor {SLOWER} times slower"));
    bench.browser.cdp("Emulation.setCPUThrottlingRate", json!({"rate": SLOWER})).await?;
    sample(bench, SLOW, &["1"]).await?;
    bench.browser.cdp("Emulation.setCPUThrottlingRate", json!({"rate": 1})).await?;
    let told = bench.browser.js("return probe.slow").await?;
    let told = told.as_array().context("the latencies of keys")?;
    let mut latency = Sample::default();
    told.iter().filter_map(Value::as_f64).for_each(|ms| latency.push(ms));
    // Those that took less are not told.
    (latency.count()..SLOW).for_each(|_| latency.push(TOLD_MS));
    finish(bench).await?;
    let note = format!(
        "Event Timing: from the key to the frame after it, in steps of 8 ms; what took less than {TOLD_MS} ms counts as \
         that; processor {SLOWER} times slower"
    );
    Ok(latency.rows("a key's latency (INP)", None, Some(INP_MS), &note).into())
}

/// Answers what is left, so that the next part begins with its own items.
async fn finish(bench: &Bench) -> Result<()> {
    bench.browser.open(HOME).await?;
    bench.browser.until_attribute("link-state", "data-state", "connected").await?;
    let started = Instant::now();
    while bench.browser.has("skip").await? {
        ensure!(started.elapsed() < 20 * NEXT_MAX, "there is no end of items");
        bench.browser.click("skip").await?;
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// The content as one of many: no two items of an order are equal.
fn numbered(content: &Value, number: usize) -> Value {
    let mut content = content.clone();
    for place in ["/text", "/code", "/claim", "/alt", "/left/text"] {
        if let Some(Value::String(text)) = content.pointer_mut(place) {
            text.push_str(&format!(" ({number})"));
        }
    }
    content
}

/// As fast as the popup takes keys.
async fn types(bench: &Bench, paths: &Paths) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for asked in &ASKED {
        finish(bench).await?;
        let file = paths.repo.join(format!("tests/demo/types/{}.json", asked.word));
        let mut project: Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
        let contents = project.get_mut("contents").and_then(Value::as_array_mut).context("contents")?;
        let one = contents.pop().context("a content")?;
        let one = match one.get("file").and_then(Value::as_str) {
            Some(name) => {
                let bytes = std::fs::read(paths.repo.join("tests/demo/types").join(name))?;
                json!({"hash": bench.world.buyer.blob("image/jpeg", bytes).await?, "alt": one.get("alt")})
            }
            None => one,
        };
        contents.extend((0..=OF_TYPE).map(|number| numbered(&one, number)));
        order(&bench.world, &project).await?;
        watched(bench).await?;
        say(&format!("{OF_TYPE} items of {}", asked.word));
        let keys: Vec<&str> = asked.key_names().collect();
        let started = Instant::now();
        sample(bench, OF_TYPE, &keys).await?;
        let per_minute = OF_TYPE as f64 * 60.0 / started.elapsed().as_secs_f64();
        let note = format!("a program presses {} keys, and waits {} ms before the first", keys.len(), LOOK.as_millis());
        rows.push(Row::new(format!("answers per minute, {}", asked.word), per_minute, "per minute").note(note));
    }
    Ok(rows)
}
