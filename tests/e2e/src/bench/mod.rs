//! Benchmarks of the packaged extension in a real Chromium. Rows go to stdout, a JSON object a line; progress
//! goes to stderr.

pub(crate) mod fetch;
pub(crate) mod judging;
mod popup;
mod relay;
mod sign;
mod start;

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use lull_figures::Row;
use serde_json::Value;

use self::relay::Pages;
use crate::browser::Browser;
use crate::devtools::Devtools;
use crate::market::Demo;
use crate::person::Person;
use crate::scenarios::begun;
use crate::world::{Paths, World};

/// Pages of everyday size, from a site that answers at once and from one that doesn't.
const PAGES: [Pages; 2] = [page(0), page(50)];
/// Receipts that all of it leaves behind.
const RECEIPTS: usize = 2 * page(0).receipts();

const fn page(thinks_ms: u64) -> Pages {
    Pages { bytes: 100_000, thinks_ms, count: 40, rounds: 8 }
}

/// The benchmark's own page, laid beside the package; it opens no line to the background by itself.
const PAGE: &str = "bench/bench.html";

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Signing a result
    Sign,
    /// The start of the service worker
    Start,
    /// Opening the popup
    Popup,
    /// Fetching a page for a buyer; then start and popup with the receipts of it all
    Relay,
}

/// What every part works with.
struct Bench {
    world: World,
    browser: Browser,
    devtools: Devtools,
}

/// Measures all parts, or `only` these.
pub(crate) async fn run(paths: &Paths, data: &Path, only: &[Part]) -> Result<()> {
    each(paths, data, only, async |bench, part| match part {
        Part::Sign => sign::measure(bench).await,
        Part::Start => start::measure(bench).await,
        Part::Popup => popup::measure(bench).await,
        Part::Relay => relayed(bench).await,
    })
    .await
}

/// Measures each part of a benchmark, or `only` these, and prints what it gives.
async fn each<P>(
    paths: &Paths,
    data: &Path,
    only: &[P],
    measure: impl AsyncFn(&Bench, &P) -> Result<Vec<Row>>,
) -> Result<()>
where
    P: ValueEnum + Debug + PartialEq + 'static,
{
    each_of(Bench::start(paths, data).await?, only, measure).await
}

/// The same in a world that was made for it.
async fn each_of<P>(bench: Bench, only: &[P], measure: impl AsyncFn(&Bench, &P) -> Result<Vec<Row>>) -> Result<()>
where
    P: ValueEnum + Debug + PartialEq + 'static,
{
    for part in P::value_variants().iter().filter(|part| only.is_empty() || only.contains(part)) {
        for row in measure(&bench, part).await.with_context(|| format!("{part:?}"))? {
            row.print()?;
        }
    }
    bench.browser.close().await?;
    bench.world.stop().await
}

async fn relayed(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for pages in PAGES {
        rows.extend(relay::measure(bench, pages).await?);
    }
    // What a person has who has lent bandwidth for a while.
    rows.extend(start::with_receipts(bench, RECEIPTS).await?);
    rows.extend(popup::with_receipts(bench, RECEIPTS).await?);
    Ok(rows)
}

impl Bench {
    /// A person who judges and lends bandwidth at any time of day, and the benchmark's page.
    async fn start(paths: &Paths, data: &Path) -> Result<Self> {
        let demo = Demo::load(&paths.repo)?;
        let mut world = World::start(paths, data).await?;
        world.buyer.judgments(&paths.repo, &demo).await?;
        world.start_crowd()?;
        let bench = Self::begin(paths, world, &demo).await?;
        let person = Person::new(&bench.browser, &paths.repo, &demo)?;
        let first = person.answer().await?;
        person.settled(&first, &["accepted", "ambiguous"]).await?;
        person.lend().await?;
        person.raise_caps().await?;
        bench.open_page().await?;
        Ok(bench)
    }

    /// A person who has been through the first run, and the benchmark's page in the package.
    async fn begin(paths: &Paths, world: World, demo: &Demo) -> Result<Self> {
        let page = std::env::var_os("LULL_BENCH_PAGE").map(PathBuf::from);
        let page = page.context("LULL_BENCH_PAGE is not set: start this through `cargo xtask bench`")?;
        crate::world::copy_folder(&page, &world.extension().join("bench"))?;
        say("a browser with the extension and a person who has begun");
        let browser = world.browser("profile").await?;
        begun(paths, &browser, demo).await?;
        let devtools = Devtools::connect(&browser.debugger()?).await?;
        Ok(Self { world, browser, devtools })
    }

    async fn open_page(&self) -> Result<()> {
        self.browser.goto(&self.browser.address(PAGE)).await?;
        let ready = async || Ok(self.browser.js("return document.title").await?.as_str() == Some("ready"));
        self.browser.until("the benchmark's page is ready", ready).await
    }

    /// Calls a function of the page and waits for what it promises.
    async fn page(&self, call: &str) -> Result<Value> {
        let script = format!("const done = arguments[0]; bench.{call}.then(done, (e) => done({{error: String(e)}}))");
        let answer = self.browser.js_async(&script).await?;
        match answer.get("error") {
            Some(error) => anyhow::bail!("{call}: {error}"),
            None => Ok(answer),
        }
    }
}

/// A number that the page gave.
fn number(answer: &Value, name: &str) -> Result<f64> {
    answer.get(name).and_then(Value::as_f64).with_context(|| format!("no number `{name}` in {answer}"))
}

/// One line of progress.
fn say(line: &str) {
    eprintln!("· {line}");
}
