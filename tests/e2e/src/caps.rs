//! Caps in a real browser: counted as the site itself counts, a stream that stops where a cap ends, counts that
//! survive a kill, a pause that survives one.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::browser::Browser;
use crate::job::say;
use crate::network::LIBRARY;
use crate::person::{BANDWIDTH, HOME, LIMITS};
use crate::scenarios::{begun, with_judgments};
use crate::site::{BULK_BODY_BYTES, Sites};
use crate::world::{Paths, World};

/// Counted at most this much too much, of a hundred, where fetches end by themselves.
const OVER_PERCENT_MAX: u64 = 5;
/// What is counted too much at most for each stream that is stopped (`lull_policy::caps::BUFFERED_BYTES_MAX`), and
/// for each kill (`lull_worker::limits::RESERVE_BYTES`), bytes.
const STOPPED_BYTES_MAX: u64 = 1024 * 1024;
const KILLED_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Bodies that are stopped because they are larger than any item may be.
const FLOODS: u64 = 3;
/// How long the site may still send after a cap was lowered: as after a pause.
const STOP_MAX: Duration = Duration::from_millis(200);

/// What Lull says it has used today, once that stands still.
async fn used(browser: &Browser) -> Result<u64> {
    let read = async || -> Result<u64> { Ok(browser.attribute("used-day", "data-value").await?.parse()?) };
    browser.open(LIMITS).await?;
    let mut last = read().await?;
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = read().await?;
        if now == last {
            return Ok(now);
        }
        last = now;
    }
}

fn flood(number: u64) -> String {
    World::url(&format!("/flood/{number}"))
}

fn compare(what: &str, counted: u64, site: u64, over_bytes_max: u64) -> Result<()> {
    let over = 100.0 * (counted as f64 / site as f64 - 1.0);
    say(&format!("{what}: Lull counted {counted} bytes, the site {site}: {over:+.2} %"));
    ensure!(counted >= site, "{what}: {} bytes too few", site - counted);
    let most = site + site * OVER_PERCENT_MAX / 100 + over_bytes_max;
    ensure!(counted <= most, "{what}: {counted} counted of {site}");
    Ok(())
}

async fn until_results(world: &World, browser: &Browser, order: &str, wanted: u64) -> Result<()> {
    browser.until(&format!("{wanted} results"), async || Ok(world.buyer.results_count(order).await? >= wanted)).await
}

/// Every document of the site, redirects and what is refused: counted as the site's own sockets count.
pub(crate) async fn counted_as_the_site_counts(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let sites = world.sites.clone().context("the namespace has sites")?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    person.raise_caps().await?;
    let others = ["/moved", "/moved-twice", "/missing", "/gate", "/bulk/1", "/bulk/2"].map(World::url);
    let urls: Vec<String> = sites.documents.iter().map(|(path, _)| World::url(path)).chain(others).collect();
    let order = world.buyer.order("A library's link check", &urls).await?;
    until_results(&world, &browser, &order, urls.len() as u64).await?;
    let counted = used(&browser).await?;
    ensure!(sites.bytes(LIBRARY) > 2 * BULK_BODY_BYTES as u64, "the site counts {}", sites.bytes(LIBRARY));
    compare(&format!("{} pages", urls.len()), counted, sites.bytes(LIBRARY), 0)?;
    // Small answers: what a head counts as is told beside them.
    let (before, site_before) = (counted, sites.bytes(LIBRARY));
    let urls: Vec<String> = (0..20).map(|n| World::url(&format!("/missing/{n}"))).collect();
    let order = world.buyer.order("A library's link check", &urls).await?;
    until_results(&world, &browser, &order, urls.len() as u64).await?;
    let (counted, site) = (used(&browser).await? - before, sites.bytes(LIBRARY) - site_before);
    say(&format!("{} bodiless answers: Lull counted {counted} bytes, the site {site}", urls.len()));
    ensure!(counted >= site, "{} bytes too few", site - counted);
    // More than Lull takes, as fast as a good line brings it (`lull_policy::caps::LINE_BYTES`): stopped while it comes.
    for n in 0..FLOODS {
        let (before, site_before) = (used(&browser).await?, sites.bytes(LIBRARY));
        let order = world.buyer.order("A library's link check", &[flood(n)]).await?;
        until_results(&world, &browser, &order, 1).await?;
        browser.until("nobody reads", async || Ok(!sites.dripping())).await?;
        let counted = used(&browser).await? - before;
        compare("a flood", counted, sites.bytes(LIBRARY) - site_before, STOPPED_BYTES_MAX)?;
    }
    world_over(world, browser).await
}

async fn world_over(world: World, browser: Browser) -> Result<()> {
    browser.close().await?;
    world.stop().await
}

/// Clicks or types, and waits until the site sees its reader go. How long that took.
async fn stops(sites: &Sites) -> Result<Duration> {
    let began = Instant::now();
    while sites.dripping() {
        ensure!(began.elapsed() < STOP_MAX, "the site still sends {STOP_MAX:?} later");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(began.elapsed())
}

/// The person lowers the day's cap under a running stream: it stops, the page says why and until when.
pub(crate) async fn a_cap_stops_a_stream(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let sites = world.sites.clone().context("the namespace has sites")?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    person.raise_caps().await?;
    let bulk = [1, 2, 3].map(|n| World::url(&format!("/bulk/{n}")));
    let order = world.buyer.order("A library's link check", &bulk).await?;
    until_results(&world, &browser, &order, 3).await?;
    browser.open(LIMITS).await?;
    let (counted_before, site_before) = (used(&browser).await?, sites.bytes(LIBRARY));
    world.buyer.order("A library's link check", &[World::url("/drip")]).await?;
    browser.until("the stream is being read", async || Ok(sites.dripping())).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(sites.dripping(), "the stream ended by itself");
    person.set_cap("cap-day", 20).await?;
    let took = stops(&sites).await?;
    say(&format!("the site saw the end {} ms after the cap was typed", took.as_millis()));
    browser.until_text("limited", &["20 MB", "used today", "goes on"]).await?;
    let counted = used(&browser).await? - counted_before;
    compare("a stopped stream", counted, sites.bytes(LIBRARY) - site_before, STOPPED_BYTES_MAX)?;
    browser.open(BANDWIDTH).await?;
    browser.until_attribute("bandwidth-state", "data-state", "limited_day").await?;
    let asked = sites.log(LIBRARY.0).len();
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(sites.log(LIBRARY.0).len() == asked && !sites.dripping(), "it went on");
    world_over(world, browser).await
}

/// The background is killed in the middle of a stream: what it counts afterwards is not less than the site counts.
pub(crate) async fn a_kill_loses_no_byte(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let sites = world.sites.clone().context("the namespace has sites")?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    world.buyer.order("A library's link check", &[World::url("/stream")]).await?;
    browser.until("the stream is being read", async || Ok(sites.dripping())).await?;
    const KILLS: u64 = 3;
    for _ in 0..KILLS {
        let from = sites.bytes(LIBRARY);
        browser.open(HOME).await?;
        browser.until("a megabyte more", async || Ok(sites.bytes(LIBRARY) > from + 1_000_000)).await?;
        browser.kill_background().await?;
    }
    browser.open(HOME).await?;
    browser.click("pause").await?;
    browser.until("nobody reads", async || Ok(!sites.dripping())).await?;
    let counted = used(&browser).await?;
    let site = sites.bytes(LIBRARY);
    compare("three kills", counted, site, KILLS * KILLED_BYTES_MAX + STOPPED_BYTES_MAX)?;
    // The same while a good line is full.
    person.raise_caps().await?;
    let floods: Vec<String> = (0..20).map(flood).collect();
    world.buyer.order("A library's link check", &floods).await?;
    browser.open(HOME).await?;
    browser.click("pause").await?;
    for _ in 0..KILLS {
        let from = sites.bytes(LIBRARY);
        browser.open(HOME).await?;
        browser.until("some megabytes more", async || Ok(sites.bytes(LIBRARY) > from + 5_000_000)).await?;
        browser.kill_background().await?;
    }
    browser.open(HOME).await?;
    browser.click("pause").await?;
    browser.until("nobody reads", async || Ok(!sites.dripping())).await?;
    let (counted, site) = (used(&browser).await? - counted, sites.bytes(LIBRARY) - site);
    let most = KILLS * KILLED_BYTES_MAX + STOPPED_BYTES_MAX * (floods.len() as u64 + 1);
    compare("three kills on a full line", counted, site, most)?;
    world_over(world, browser).await
}

/// A pause for an hour stops at once, says until when, and is still there after a restart of the background.
pub(crate) async fn a_pause_survives(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let sites = world.sites.clone().context("the namespace has sites")?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    world.buyer.order("A library's link check", &[World::url("/drip")]).await?;
    browser.open(HOME).await?;
    browser.until("the slow page is being read", async || Ok(sites.dripping())).await?;
    browser.click("pause-menu").await?;
    browser.click("pause-hour").await?;
    stops(&sites).await?;
    let says = "return document.body.innerText.includes('goes on by itself at')";
    let is_said = async || Ok(browser.js(says).await?.as_bool() == Some(true));
    browser.until("the page says until when", is_said).await?;
    browser.leave_and_kill_background().await?;
    browser.open(HOME).await?;
    browser.until("the page says so after a restart", is_said).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    ensure!(!sites.dripping(), "it reads on in the pause");
    browser.click("pause").await?;
    browser.until("it goes on", async || Ok(sites.dripping())).await?;
    world_over(world, browser).await
}
