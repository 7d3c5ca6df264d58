//! The main job: a person installs Lull, answers, lends bandwidth; a separate process verifies it all.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::market::{Demo, JUDGMENT_PRICE};
use crate::network::{LIBRARY, PRINTER};
use crate::person::{HOME, Person, SETTINGS, WELCOME};
use crate::world::{Paths, Verified, World};

/// Judgments the person answers.
const JUDGMENTS: u64 = 15;
/// Install to first credit, seconds (the issue's own promise to a newcomer).
const FIRST_CREDIT_S_MAX: f64 = 30.0;

/// Runs it in the namespace; every number is compared, and a disagreement is an error.
/// With `fetch` the real network is used and these pages are fetched; then there is no site's log.
pub(crate) async fn headless(paths: &Paths, data: &Path, fetch: &[String]) -> Result<()> {
    let demo = Demo::load(&paths.repo)?;
    let empty = std::fs::read_dir(data)?.next().is_none();
    ensure!(empty, "{} is not empty: name a new folder, or none", data.display());
    let mut world =
        if fetch.is_empty() { World::start(paths, data).await? } else { World::start_online(paths, data).await? };
    world.buyer.judgments(&paths.repo, &demo).await?;
    let urls = if fetch.is_empty() { orders(&world) } else { fetch.to_vec() };
    let order = world.buyer.order("A library's link check", &urls).await?;
    world.start_crowd()?;
    say(&format!("coordinator {} with {} pages to fetch, demo crowd at work", world.ready.listening, urls.len()));

    let installed = Instant::now();
    let browser = world.browser("profile").await?;
    let person = Person::new(&browser, &paths.repo, &demo)?;
    browser.open(WELCOME).await?;
    person.begin().await?;
    let answering = Instant::now();
    let first = person.answer().await?;
    person.settled(&first, &["accepted", "ambiguous"]).await?;
    let verdict_ms = answering.elapsed().as_millis();
    browser.until_text("credit", &["+0.004", "demo credits"]).await?;
    let seconds = installed.elapsed().as_secs_f64();
    say(&format!("install to first credit: {seconds:.1} s, of which {verdict_ms} ms from key to verdict"));
    browser.click("credit").await?;
    browser.until_attribute("receipt-valid", "data-valid", "true").await?;
    browser.open(HOME).await?;
    ensure!(seconds <= FIRST_CREDIT_S_MAX, "the first credit took {seconds:.1} s");

    person.skip().await?;
    let mut last = first.clone();
    for _ in 1..JUDGMENTS {
        last = person.answer().await?;
    }
    person.settled(&last, &["accepted", "ambiguous"]).await?;
    say(&format!("{JUDGMENTS} judgments answered by key, one skipped"));
    ensure!(browser.has("lend").await?, "home does not offer to lend bandwidth");
    let fields = person.doubt(&first, 4).await?;
    say(&format!("receipt verified in the browser; one byte changed in {}", fields.join(", ")));

    person.lend().await?;
    browser.open(HOME).await?;
    let wanted = urls.len();
    until_fetched(&world, &order, wanted).await?;
    person.quiet().await?;
    let foreign = browser.attribute("events-foreign", "data-value").await?;
    ensure!(foreign == "0", "Lull saw {foreign} request events of the person's own browsing");
    let receipts = person.export(&data.join("downloads")).await?;
    browser.open(SETTINGS).await?;
    let verified = world.verify(&receipts).await?;
    compare(&world, &order, &verified, wanted as u64).await?;
    browser.close().await?;
    print(&verified, world.sites.is_some());
    world.stop().await
}

/// Every document, redirects, what is missing, what the site refuses, and what Lull must refuse.
fn orders(world: &World) -> Vec<String> {
    let documents = world.sites.iter().flat_map(|s| &s.documents).map(|(path, _)| World::url(path));
    let others = ["/moved", "/moved-twice", "/missing", "/gate", "/round", "/to-printer", "/to-router", "/to-login"];
    documents.chain(others.map(World::url)).collect()
}

async fn until_fetched(world: &World, order: &str, wanted: usize) -> Result<()> {
    let started = Instant::now();
    let mut shown = 0;
    while shown < wanted {
        let now = world.buyer.results(order).await?.len();
        if now / 10 > shown / 10 {
            say(&format!("{now} of {wanted} pages fetched"));
        }
        shown = now;
        ensure!(started.elapsed().as_secs() < 180, "only {now} of {wanted} pages after 3 minutes");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn compare(world: &World, order: &str, verified: &Verified, wanted: u64) -> Result<()> {
    ensure!(verified.judgments == JUDGMENTS, "{} judgments instead of {JUDGMENTS}", verified.judgments);
    ensure!(verified.fetches == wanted, "{} fetches instead of {wanted}", verified.fetches);
    ensure!(verified.verified == JUDGMENTS + wanted, "{} receipts hold", verified.verified);
    let isolated = world.sites.is_some();
    ensure!(!isolated || verified.earned > JUDGMENTS * JUDGMENT_PRICE, "fetches earned nothing");
    let results = world.buyer.results(order).await?;
    ensure!(results.len() as u64 == wanted, "the buyer reads {} results", results.len());
    if let Some(sites) = &world.sites {
        ensure!(sites.requests(PRINTER) == 0, "something reached the private address");
        let log = sites.log(LIBRARY.0);
        ensure!(log.iter().all(|l| !l.had_cookie && !l.had_origin && !l.had_referer), "a request carried an identity");
        let is_listed = |name: &str| HEADERS.contains(&name) || HEADERS_SOMETIMES.contains(&name);
        let strange = log.iter().flat_map(|l| &l.header_names).find(|name| !is_listed(name));
        ensure!(strange.is_none(), "a request carried {strange:?}");
        let mut lacks =
            log.iter().flat_map(|l| HEADERS.iter().filter(|name| !l.header_names.iter().any(|n| n == *name)));
        let lacking = lacks.next();
        ensure!(lacking.is_none(), "the person is told of {lacking:?}, and a request came without");
        ensure!(log.iter().all(|l| l.language == "en"), "a request told the person's languages");
    }
    Ok(())
}

/// What each fetch's request carries, as a server reads it, and what it may carry besides: what policy lists.
const HEADERS: [&str; 11] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "host",
    "pragma",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "user-agent",
];
const HEADERS_SOMETIMES: [&str; 3] = ["priority", "sec-gpc", "te"];

fn print(verified: &Verified, isolated: bool) {
    println!("\njudgments  {}", verified.judgments);
    println!("fetches    {}", verified.fetches);
    println!("bytes      {}", verified.bytes);
    println!("earned     {}.{:06} demo credits", verified.earned / 1_000_000, verified.earned % 1_000_000);
    let against = if isolated { "the site's access log and the ledger" } else { "the ledger" };
    println!("verified   {} receipts, against {against}", verified.verified);
}

/// One line of progress.
pub(crate) fn say(line: &str) {
    println!("· {line}");
}
