//! What the two browsers do each in its own way: install warnings, the background's life, the look-up of names.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::job::say;
use crate::network::{PRINTER, TIDE};
use crate::person::{HOME, SETTINGS, WELCOME};
use crate::scenarios::{begun, verified, with_judgments};
use crate::world::Paths;

/// Longer than either browser keeps a background that does nothing: 30 s, and in Firefox as much again.
const IDLE: Duration = Duration::from_secs(80);
/// Until an alarm must have woken it: its shortest period, and some more.
const WOKEN_MAX: Duration = Duration::from_secs(75);

/// How often a name is moved until one move falls between look-up and connection.
const REBOUNDS_MAX: usize = 40;

/// The browser's own words for what the package asks at install: none. That it has words for more is asked, too.
pub(crate) async fn install_warns_of_nothing(paths: &Paths, data: &Path) -> Result<()> {
    let (world, _) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    browser.open(WELCOME).await?;
    browser.find("start").await?;
    let (none, one) = match browser.gecko() {
        Some(gecko) => (gecko.install_warnings("").await?, gecko.install_warnings("notifications").await?),
        None => (chrome_warnings(&browser, "[]").await?, chrome_warnings(&browser, "['notifications']").await?),
    };
    ensure!(none == json!([]), "installing warns of {none}");
    ensure!(one.as_array().is_some_and(|list| list.len() == 1), "a package that asks for more warns of {one}");
    browser.close().await?;
    world.stop().await
}

/// Of the packaged manifest, with these permissions more.
async fn chrome_warnings(browser: &Browser, more: &str) -> Result<Value> {
    let script = format!(
        "const done = arguments[0]; const manifest = chrome.runtime.getManifest(); \
         manifest.permissions.push(...{more}); \
         chrome.management.getPermissionWarningsByManifest(JSON.stringify(manifest)).then(done, e => done(String(e)))"
    );
    browser.js_async(&script).await
}

/// With no page open the background stays connected; when the browser ends it all the same, an alarm wakes it.
pub(crate) async fn lives_while_connected_and_wakes(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.answer().await?;
    person.quiet().await?;
    let wakes = |text: String| text.parse::<u64>().context("a count of wake-ups");
    let before = wakes(browser.attribute("wakes", "data-value").await?)?;
    let connections = || -> Result<usize> {
        let log = std::fs::read_to_string(world.data.join("coordinator/coordinator.log"))?;
        Ok(log.matches("worker connected").count())
    };
    let connected = connections()?;
    browser.goto("about:blank").await?;
    tokio::time::sleep(IDLE).await;
    ensure!(browser.background_runs().await?, "an idle background was ended although it is connected");
    ensure!(connections()? == connected, "it connected again meanwhile");
    browser.leave_and_kill_background().await?;
    let killed = Instant::now();
    while connections()? == connected {
        ensure!(killed.elapsed() < WOKEN_MAX, "no alarm has woken the background");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    say(&format!("connected again {} s after its background was killed", killed.elapsed().as_secs()));
    browser.open(SETTINGS).await?;
    ensure!(wakes(browser.attribute("wakes", "data-value").await?)? == before + 1, "it was started more than once");
    browser.open(HOME).await?;
    person.answer().await?;
    verified(&world, &person, 2).await?;
    browser.close().await?;
    world.stop().await
}

/// A name that is public when it is looked up and private when the browser connects a moment later. Then one GET
/// without a body can reach the private address: the page that tells what Lull can and can't do says so. Nothing of
/// its answer is read.
pub(crate) async fn rebound_after_the_look_up(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let names = world.names.clone().context("the namespace has a name server")?;
    let sites = world.sites.clone().context("the namespace has sites")?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    // Mostly the connection takes the address that the look-up has left in the browser's memory; then nothing moved.
    let mut moved = None;
    for number in 0..REBOUNDS_MAX {
        names.point(TIDE.0, TIDE.1);
        names.point_after_next_answer(TIDE.0, PRINTER.1);
        let order =
            world.buyer.order("A library's link check", &[format!("https://{}/status/{number}", TIDE.0)]).await?;
        let results = async || world.buyer.results(&order).await;
        browser.until("the order is done", async || Ok(results().await?.len() == 1)).await?;
        let result = results().await?.pop().unwrap_or_default();
        let outcome = result.pointer("/fetch/outcome").and_then(Value::as_str).unwrap_or_default();
        // Where it answered from isn't told when that was inside: a hop and the reason show that the name moved. Without
        // a hop the look-up itself has met the private address, and nothing was sent.
        let address = result.pointer("/fetch/hops/0/address").and_then(Value::as_str);
        if outcome == "policy" && address.is_some() {
            moved = Some((number, result));
            break;
        }
        let address = address.unwrap_or_default();
        ensure!(outcome != "ok" || address == TIDE.1.to_string(), "a body came from {address}: {result}");
        ensure!(sites.requests(PRINTER) == 0, "a request reached the private address, and the result is {result}");
    }
    let (number, result) = moved.context("Firefox never resolved the name again where it connects")?;
    ensure!(result.pointer("/fetch/hops/0/address") == Some(&json!("")), "told where it answered from: {result}");
    ensure!(result.pointer("/fetch/reason") == Some(&json!("private_address")), "another reason: {result}");
    ensure!(result.pointer("/fetch/body_bytes") == Some(&json!(0)), "a body came from there: {result}");
    let (reached, log) = (sites.requests(PRINTER), sites.log(TIDE.0));
    say(&format!("moved under the connection at try {}; {reached} requests reached the private address", number + 1));
    ensure!(reached <= 1, "{reached} requests reached the private address");
    ensure!(log.iter().all(|l| !l.had_cookie && !l.had_origin && !l.had_referer), "a request carried an identity");
    browser.close().await?;
    world.stop().await
}
