//! What goes with an offer: more time, how its project goes, whom never to work for, and how the person fares.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::axe::{axe_script, no_violations, no_violations_in_popup};
use crate::browser::Browser;
use crate::market::Demo;
use crate::person::{HOME, SETTINGS};
use crate::practice;
use crate::scenarios::begun;
use crate::world::{Paths, World};

/// How long a judgment's lease lasts here.
const LEASE: Duration = Duration::from_secs(30);
/// Questions of the second project: enough for a pace, with those that were handed out before it was known.
const QUESTIONS: usize = 30;
/// Outcomes from which on a pace is known.
const KNOWN_FROM: u64 = 20;
/// How the person fares.
pub(crate) const YOU: &str = "popup.html?tab=1#/you";

fn project(title: &str, questions: usize) -> Value {
    let contents: Vec<Value> = (0..questions).map(|n| json!({"text": format!("{title} {n}")})).collect();
    json!({
        "title": title, "guideline": "Choose what fits.", "question": "Which is it?", "options": ["This", "That"],
        "contents": contents, "price": 4_000, "rule": {"agree": 1, "people": 1},
    })
}

async fn outcomes(browser: &Browser) -> Result<u64> {
    Ok(browser.attribute("pace", "data-outcomes").await?.parse()?)
}

/// A lease warns, is extended by a key, and what is answered after its first deadline is paid; so during practice. A pace is known once
/// there are outcomes enough. Who is never worked for again is gone, and comes back.
pub(crate) async fn an_honest_offer(paths: &Paths, data: &Path) -> Result<()> {
    let axe = axe_script()?;
    let world = World::start(&paths.with_leases_of(LEASE), data).await?;
    let browser = world.browser("profile").await?;
    let demo = Demo::load(&paths.repo)?;
    world.buyer.create("projects", &project("Slow", 1)).await?;
    let person = begun(paths, &browser, &demo).await?;
    let leased = Instant::now();
    let offer = person.offer().await?;
    ensure!(outcomes(&browser).await? == 0, "a pace of nothing");
    ensure!(browser.text("pace").await?.contains("not known yet"), "the pace of a new project");
    browser.find("more-time").await?;
    let said = browser.js("return document.querySelector('[data-testid=time-said]').textContent").await?;
    ensure!(said.as_str().is_some_and(|said| said.contains("Press E")), "a screen reader is told {said}");
    no_violations(&browser, &axe, "a lease that runs out").await?;
    browser.press('e').await?;
    browser.until("there is more time", async || Ok(!browser.has("time-runs-out").await?)).await?;
    tokio::time::sleep((LEASE + Duration::from_secs(2)).saturating_sub(leased.elapsed())).await;
    ensure!(person.offer().await? == offer, "it is gone");
    person.press_keys(&['1']).await?;
    person.settled(&offer, &["accepted"]).await?;

    practice::order(&world, "mail").await?;
    browser.find("practice").await?;
    browser.find("more-time").await?;
    no_violations(&browser, &axe, "a lease that runs out during practice").await?;
    browser.press('e').await?;
    browser.until("there is more time to practise", async || Ok(!browser.has("time-runs-out").await?)).await?;
    browser.click("skip-practice").await?;
    person.press_keys(&['3']).await?;

    world.buyer.create("projects", &project("Quick", QUESTIONS)).await?;
    browser.find("question").await?;
    let mut answered = 0;
    while outcomes(&browser).await? == 0 {
        ensure!(answered < QUESTIONS - 1, "no pace after {answered} answers");
        person.press_keys(&['1']).await?;
        answered += 1;
    }
    ensure!(outcomes(&browser).await? >= KNOWN_FROM, "a pace of too few");
    let pace = browser.text("pace").await?;
    ensure!(pace.contains("n = 2") && pace.contains("an hour"), "the pace is {pace:?}");

    browser.click("judgment-more").await?;
    browser.click("never-buyer").await?;
    browser.find("never-undo").await?;
    browser.until("nothing of that buyer", async || Ok(!browser.has("judgment").await?)).await?;
    no_violations(&browser, &axe, "whom never to work for").await?;
    browser.click("never-undo").await?;
    browser.find("judgment").await?;

    browser.open(SETTINGS).await?;
    browser.click("text-only").await?;
    browser.until_attribute("text-only", "aria-checked", "true").await?;
    browser.click("kind-choice").await?;
    no_violations(&browser, &axe, "what is offered").await?;
    browser.open(HOME).await?;
    browser.until("no question of that kind", async || Ok(!browser.has("judgment").await?)).await?;
    no_violations_in_popup(&browser, &axe, "home, nothing to answer").await?;
    browser.open(SETTINGS).await?;
    browser.click("kind-choice").await?;
    browser.open(HOME).await?;
    browser.find("judgment").await?;

    browser.open(YOU).await?;
    browser.until_text("you-choice", &["Answers", "An hour of judging", "100% of"]).await?;
    no_violations(&browser, &axe, "how you fare").await?;
    browser.close().await?;
    world.stop().await
}
