//! Practice before a project's paid judgments: by keyboard, told to nobody, asked once.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::axe::{axe_script, no_violations};
use crate::browser::{Browser, ENTER};
use crate::market::Demo;
use crate::person::{HOME, Person};
use crate::scenarios::begun;
use crate::types::CLOCK_BACK;
use crate::world::{Paths, World};

/// What each project pays for its one item, base units.
const PRICE: u64 = 6_000;
/// How long a person reads that practice is over: a faster Enter is one that is still held down.
const READING: Duration = Duration::from_secs(1);

/// Orders the project of this file in `tests/demo/practice`.
pub(crate) async fn order(world: &World, name: &str) -> Result<String> {
    world.order_by_file(&format!("tests/demo/practice/{name}.json")).await
}

/// Answers the practice item on screen by these keys and hears whether it was right.
pub(crate) async fn practise(browser: &Browser, person: &Person<'_>, keys: &[char], is_right: bool) -> Result<()> {
    person.touch_keys(keys).await?;
    browser.until_attribute("practice-verdict", "data-right", if is_right { "true" } else { "false" }).await
}

/// A wrong answer and why, a right one, the paid one; then a project with the same practice, and one whose practice is
/// skipped.
pub(crate) async fn practice_comes_first(paths: &Paths, data: &Path) -> Result<()> {
    let axe = axe_script()?;
    let world = World::start(paths, data).await?;
    let mail = order(&world, "mail").await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    browser.until_text("practice-place", &["1 of 2", "not paid"]).await?;
    ensure!(!browser.has("judgment").await?, "a paid judgment beside its practice");
    let (role, name) = browser.announced("option-3").await?;
    ensure!(role == "button" && name.starts_with("A broken item"), "announced as {role} {name:?}");
    no_violations(&browser, &axe, "practice").await?;
    ensure!(browser.js(CLOCK_BACK).await? == json!(true), "the clock can't be set");
    practise(&browser, &person, &['1'], false).await?;
    browser.until_text("practice-verdict", &["Better: A broken item", "what came in it is broken"]).await?;
    let focused = browser.js("return document.activeElement.dataset.testid ?? ''").await?;
    ensure!(focused == json!("practice-verdict"), "the focus is on {focused}");
    let (role, name) = browser.announced("go-on").await?;
    ensure!(role == "button" && name.starts_with("Go on"), "announced as {role} {name:?}");
    no_violations(&browser, &axe, "practice that was wrong").await?;
    // What was answered stays: neither another option nor taking back means anything now.
    person.touch_keys(&['3', 'z']).await?;
    ensure!(browser.attribute("practice-verdict", "data-right").await? == "false", "practice was answered twice");
    person.touch_keys(&[ENTER]).await?;
    browser.until_text("practice-place", &["2 of 2"]).await?;
    // Closed and opened again it goes on where it was.
    browser.open("popup.html?tab=1#/settings").await?;
    browser.open(HOME).await?;
    browser.until_text("practice-place", &["2 of 2"]).await?;
    practise(&browser, &person, &['2'], true).await?;
    browser.until_text("practice-verdict", &["Right.", "only a threat"]).await?;
    no_violations(&browser, &axe, "practice that was right").await?;
    person.touch_keys(&[ENTER]).await?;
    browser.find("practice-over").await?;
    no_violations(&browser, &axe, "practice that is over").await?;
    tokio::time::sleep(READING).await;
    browser.press(ENTER).await?;
    paid(&world, &person, &mail, '3', "A broken item").await?;
    // The same practice isn't asked again, in another project and after the background was ended.
    browser.leave_and_kill_background().await?;
    let more = order(&world, "more-mail").await?;
    browser.open(HOME).await?;
    browser.find("judgment").await?;
    ensure!(!browser.has("practice").await?, "the same practice is asked again");
    paid(&world, &person, &more, '2', "A late parcel").await?;
    let answers = order(&world, "answers").await?;
    browser.until_text("practice-place", &["1 of 1"]).await?;
    person.touch_keys(&['s']).await?;
    paid(&world, &person, &answers, '1', "left").await?;
    person.quiet().await?;
    let receipts = person.export(&world.data.join("downloads")).await?;
    let verified = world.verify(&receipts).await?;
    ensure!(verified.verified == 3 && verified.earned == 3 * PRICE, "practice is no receipt: {verified:?}");
    browser.close().await?;
    world.stop().await
}

/// Answers the paid judgment by this key; the buyer reads that, and nothing of the practice.
async fn paid(world: &World, person: &Person<'_>, order: &str, key: char, answer: &str) -> Result<()> {
    let offer = person.press_keys(&[key]).await?;
    person.settled(&offer, &["accepted"]).await?;
    let results = world.buyer.results(order).await?;
    ensure!(results.len() == 1, "{} results of one item", results.len());
    let result = results.first().context("the buyer reads no result")?;
    ensure!(result.get("answer") == Some(&json!(answer)), "{result}");
    ensure!(result.get("amount") == Some(&json!(PRICE)), "{result}");
    Ok(())
}
