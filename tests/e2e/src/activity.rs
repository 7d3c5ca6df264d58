//! The log in a real browser: found, filtered, saved and compared with the site's own log; whom never to serve; the
//! alibi, checked by `lull`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::axe::{axe_script, no_violations};
use crate::browser::Browser;
use crate::network::{LIBRARY, NEWS};
use crate::person::{HOME, SETTINGS};
use crate::scenarios::{begun, with_judgments};
use crate::world::{Paths, World};

/// The log, as a full tab.
pub(crate) const LOG: &str = "popup.html?tab=1#/activity";
/// Pages that are fetched first.
const PAGES: usize = 3;

/// What was done is found, saved in both forms and the same as the site's log says.
pub(crate) async fn activity_found_and_saved(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.answer().await?;
    person.lend().await?;
    fetched(&world, &browser, &pages(&world)).await?;
    fetched(&world, &browser, &[news(1)]).await?;
    browser.open(LOG).await?;
    rows(&browser, PAGES + 2).await?;
    browser.until_attribute("log-totals", "data-count", &(PAGES + 2).to_string()).await?;
    search(&browser, "LANTERN").await?;
    rows(&browser, 1).await?;
    ensure!(browser.text("log-row").await?.contains(NEWS.0), "another site was found");
    search(&browser, "no such thing").await?;
    rows(&browser, 0).await?;
    search(&browser, "").await?;
    choose(&browser, "log-class", "judgment").await?;
    rows(&browser, 1).await?;
    choose(&browser, "log-class", "fetch").await?;
    rows(&browser, PAGES + 1).await?;
    let bytes = browser.attribute("chart-bytes", "data-value").await?.parse::<u64>()?;
    same_as_the_site(&world, &browser, bytes).await?;
    let axe = axe_script()?;
    no_violations(&browser, &axe, "log").await?;
    browser.click("log-row").await?;
    browser.find("entry").await?;
    no_violations(&browser, &axe, "entry").await?;
    browser.click("show-url").await?;
    ensure!(browser.text("entry-url").await?.starts_with("https://"), "no address");
    browser.close().await?;
    world.stop().await
}

/// Both files against the access log.
async fn same_as_the_site(world: &World, browser: &Browser, charted: u64) -> Result<()> {
    let csv = saved(world, browser, "save-csv", ".csv").await?;
    let json: Value = serde_json::from_str(&saved(world, browser, "save-json", ".json").await?)?;
    let entries = json.get("entries").and_then(Value::as_array).context("no entries")?;
    let sites = world.sites.as_ref().context("the namespace has sites")?;
    let log = [LIBRARY.0, NEWS.0].map(|host| sites.log(host)).concat();
    ensure!(entries.len() == log.len(), "{} entries for {} requests", entries.len(), log.len());
    ensure!(csv.lines().count() == entries.len() + 1, "the files differ:\n{csv}");
    let mut received = 0;
    for (entry, line) in entries.iter().zip(csv.lines().skip(1)) {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| entry.get(name).and_then(Value::as_u64).unwrap_or_default();
        ensure!((text("policy"), text("outcome")) == ("passed", "ok"), "{entry}");
        let fields = [text("domain"), text("offer"), &number("bytes_received").to_string()];
        ensure!(fields.iter().all(|field| line.contains(field)), "{line} is not {entry}");
        received += number("bytes_received") + number("bytes_sent");
    }
    ensure!(received == charted, "the chart shows {charted} bytes, the files {received}");
    let bodies: u64 = log.iter().map(|line| line.body_bytes).sum();
    ensure!(received > 0 && (received >= bodies || bodies > 0), "{received} bytes for {bodies}");
    for host in [LIBRARY.0, NEWS.0] {
        let told = entries.iter().filter(|entry| entry.get("domain").and_then(Value::as_str) == Some(host)).count();
        ensure!(told == sites.log(host).len(), "{told} entries of {host}");
    }
    let addresses = csv.contains("https://") || json.to_string().contains("https://");
    ensure!(!addresses, "a full address is in a file");
    Ok(())
}

/// One click, and nothing is sent there any more; another, and it is.
pub(crate) async fn never_again(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let sites = world.sites.clone().context("the namespace has sites")?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    fetched(&world, &browser, &[news(1)]).await?;
    browser.open(LOG).await?;
    search(&browser, NEWS.0).await?;
    rows(&browser, 1).await?;
    browser.click("never").await?;
    browser.until_attribute("never", "data-on", "true").await?;
    let before = sites.log(NEWS.0).len();
    let order = world.buyer.order("A library's link check", &[news(2), news(3)]).await?;
    // What was ordered later is done: the order in between came and went back.
    fetched(&world, &browser, &pages(&world)).await?;
    browser.leave_and_kill_background().await?;
    browser.open(HOME).await?;
    fetched(&world, &browser, &pages(&world)).await?;
    ensure!(sites.log(NEWS.0).len() == before, "a request was sent to a site on the list");
    ensure!(world.buyer.results(&order).await?.is_empty(), "a result of a site on the list");
    browser.open(SETTINGS).await?;
    no_violations(&browser, &axe_script()?, "settings with a list").await?;
    browser.click("never-remove").await?;
    browser.until("the list is empty", async || Ok(!browser.has("never-remove").await?)).await?;
    fetched(&world, &browser, &[news(4)]).await?;
    ensure!(sites.log(NEWS.0).len() == before + 1, "the site is not served again");
    // The requester, and the way back in the same place.
    browser.open(LOG).await?;
    browser.click("log-row").await?;
    let click = "document.querySelector('[data-testid=never][data-kind=requester]').click()";
    let state = "return document.querySelector('[data-testid=never][data-kind=requester]')?.dataset.on ?? ''";
    browser.find("entry").await?;
    browser.js(click).await?;
    browser.until("the requester is on the list", async || Ok(browser.js(state).await? == "true")).await?;
    let order = world.buyer.order("A library's link check", &[news(5)]).await?;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    ensure!(sites.log(NEWS.0).len() == before + 1, "a request was sent for a requester on the list");
    ensure!(world.buyer.results(&order).await?.is_empty(), "a result for a requester on the list");
    browser.js(click).await?;
    browser.until("the requester is off the list", async || Ok(browser.js(state).await? == "false")).await?;
    fetched(&world, &browser, &[news(6)]).await?;
    browser.close().await?;
    world.stop().await
}

/// The alibi is a page and a file; the file holds by `lull`, and not once anything in it is changed.
pub(crate) async fn alibi_holds(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    fetched(&world, &browser, &[news(1)]).await?;
    browser.open(LOG).await?;
    choose(&browser, "log-class", "fetch").await?;
    rows(&browser, 1).await?;
    browser.click("log-row").await?;
    browser.click("open-alibi").await?;
    browser.until_text("alibi", &[&news(1), "A library's link check", "What this does not prove"]).await?;
    no_violations(&browser, &axe_script()?, "alibi").await?;
    browser.click("alibi-save").await?;
    let text = downloaded(&world, &browser, ".json").await?;
    let file = world.data.join("alibi.json");
    let holds = async |text: &str| -> Result<bool> {
        std::fs::write(&file, text)?;
        world.verify_alibi(&file).await
    };
    ensure!(holds(&text).await?, "the alibi does not hold");
    for (from, to) in [("link check", "link chock"), ("\"offer\": \"0oR", "\"offer\": \"0oS"), ("UTC", "CET")] {
        ensure!(text.contains(from), "{from} is not in the file");
        ensure!(!holds(&text.replacen(from, to, 1)).await?, "a changed file holds: {to}");
    }
    browser.close().await?;
    world.stop().await
}

fn news(page: usize) -> String {
    format!("https://{}/page/{page}", NEWS.0)
}

fn pages(world: &World) -> Vec<String> {
    world.sites.iter().flat_map(|s| &s.documents).take(PAGES).map(|(path, _)| World::url(path)).collect()
}

/// Orders these, and waits for every result.
async fn fetched(world: &World, browser: &Browser, urls: &[String]) -> Result<()> {
    let order = world.buyer.order("A library's link check", urls).await?;
    let done = async || Ok(world.buyer.results(&order).await?.len() == urls.len());
    browser.until("every page is fetched", done).await
}

/// Waits until the list has so many rows.
pub(crate) async fn rows(browser: &Browser, count: usize) -> Result<()> {
    let script = "return document.querySelectorAll('[data-testid=log-row]').length";
    let holds = async || Ok(browser.js(script).await?.as_u64() == u64::try_from(count).ok());
    browser.until(&format!("{count} rows"), holds).await
}

async fn search(browser: &Browser, text: &str) -> Result<()> {
    browser.find("log-search").await?;
    let script = format!(
        "const input = document.querySelector('[data-testid=log-search]'); input.value = '{text}'; \
         input.dispatchEvent(new InputEvent('input', {{bubbles: true}}))"
    );
    browser.js(&script).await.map(drop)
}

async fn choose(browser: &Browser, list: &str, value: &str) -> Result<()> {
    browser.find(list).await?;
    let script = format!(
        "const list = document.querySelector('[data-testid={list}]'); list.value = '{value}'; \
         list.dispatchEvent(new Event('change', {{bubbles: true}}))"
    );
    browser.js(&script).await.map(drop)
}

/// Saves a file by a button, and reads it.
pub(crate) async fn saved(world: &World, browser: &Browser, button: &str, end: &str) -> Result<String> {
    browser.click(button).await?;
    downloaded(world, browser, end).await
}

/// The text of a file that was just saved; it is taken away, so that the next one is another.
async fn downloaded(world: &World, browser: &Browser, end: &str) -> Result<String> {
    let find = || -> Result<Option<PathBuf>> {
        for entry in std::fs::read_dir(world.data.join("downloads"))? {
            let path = entry?.path();
            // Firefox takes the name with an empty file first, and puts the whole one in its place.
            if path.to_string_lossy().ends_with(end) && std::fs::metadata(&path)?.len() > 0 {
                return Ok(Some(path));
            }
        }
        Ok(None)
    };
    browser.until("the file is saved", async || Ok(find()?.is_some())).await?;
    let path = find()?.context("the file was there a moment ago")?;
    let text = std::fs::read_to_string(&path)?;
    std::fs::remove_file(path)?;
    Ok(text)
}
