//! An answer is rejected with evidence, the person appeals in the popup, the operator decides.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::axe::{axe_script, no_violations, no_violations_in_popup};
use crate::browser::Browser;
use crate::market::Demo;
use crate::person::HOME;
use crate::scenarios::begun;
use crate::world::{Paths, World};

const PRICE: u64 = 6_000;
const EVIDENCE: &str = "The word is in no dictionary.";
const WORDS: &str = "It is in the one of 1911.";

/// Three answers: one is accepted, one is rejected and the appeal is upheld, one is rejected and it is denied.
pub(crate) async fn rejected_and_appealed(paths: &Paths, data: &Path) -> Result<()> {
    let axe = axe_script()?;
    let world = World::start(paths, data).await?;
    let project = json!({
        "title": "Words", "guideline": "Choose the first feeling.", "question": "How does this word feel?",
        "options": ["Bad", "Good"], "contents": [{"text": "tide"}, {"text": "ebb"}, {"text": "lull"}],
        "price": PRICE, "review": true, "rule": {"agree": 1, "people": 1},
    });
    let order = world.buyer.create("projects", &project).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    browser.until_text("record", &["reviewed none so far"]).await?;
    let mut offers = Vec::new();
    for _ in 0..3 {
        offers.push(person.press_keys(&['2']).await?);
    }
    let [accepted, upheld, denied] = &offers[..] else { unreachable!("three were answered") };
    browser.until("all three at the coordinator", async || Ok(waiting(&world, &order).await?.len() == 3)).await?;
    world.lull(&["review", &order, "--accept", accepted]).await?;
    person.settled(accepted, &["accepted"]).await?;
    for offer in [upheld, denied] {
        world.lull(&["review", &order, "--reject", offer, "--evidence", EVIDENCE]).await?;
        person.settled(offer, &["contested"]).await?;
    }
    browser.until_text("contested", &["2 pieces of your work are contested", "appeal until"]).await?;
    no_violations_in_popup(&browser, &axe, "home, contested answers").await?;
    // The first page leads to the one whose time ends first.
    browser.click("contested").await?;
    browser.until_text("evidence", &[EVIDENCE]).await?;
    for (offer, word, state, title) in [
        (upheld, "uphold", "accepted", "Your appeal was upheld"),
        (denied, "deny", "rejected", "Your appeal was denied"),
    ] {
        browser.open(&format!("{HOME}receipt/{offer}")).await?;
        browser.until_attribute("rejection", "data-state", "open").await?;
        no_violations(&browser, &axe, "a rejected answer").await?;
        // Fewer letters than the limit has bytes, and yet too long.
        browser.js(&typed_at_once("'é'.repeat(1025)")).await?;
        browser.until_text("appeal-long", &["2,050", "2,048"]).await?;
        browser.click("appeal").await?;
        browser.js(&typed_at_once("''")).await?;
        browser.until("the end of that", async || Ok(browser.text("appeal-long").await?.is_empty())).await?;
        browser.find("appeal-words").await?.send_keys(WORDS).await?;
        // What was typed is there again when the page is.
        browser.open(HOME).await?;
        browser.open(&format!("{HOME}receipt/{offer}")).await?;
        let typed = "return document.querySelector('#appeal-words')?.value ?? ''";
        browser.until("what was typed", async || Ok(browser.js(typed).await? == WORDS)).await?;
        browser.click("appeal").await?;
        browser.until_attribute("rejection", "data-state", "appealed").await?;
        browser.until_text("rejection", &["The coordinator has your appeal"]).await?;
        let focus = "return document.activeElement?.dataset.testid ?? ''";
        ensure!(browser.js(focus).await? == "rejection-title", "the button took the focus with it");
        no_violations_in_popup(&browser, &axe, "a rejected answer, appealed").await?;
        let rejection = appeal_at_the_operator(&world, &browser, offer).await?;
        world.operator(&[word, &rejection]).await?;
        browser.until_attribute("rejection", "data-state", "over").await?;
        browser.until_text("rejection", &[title, EVIDENCE, WORDS]).await?;
        ensure!(browser.attribute("receipt-valid", "data-valid").await? == "true", "the receipt does not hold");
        no_violations_in_popup(&browser, &axe, &format!("a rejected answer, {state} after the appeal")).await?;
        browser.open(HOME).await?;
        person.settled(offer, &[state]).await?;
    }
    ensure!(!browser.has("contested").await?, "nothing is left to appeal about");
    let results = world.buyer.results(&order).await?;
    let about = results.iter().filter(|result| result.get("rejection").is_some_and(Value::is_object)).count();
    ensure!(results.len() == 3 && about == 2, "{results:?}");
    person.quiet().await?;
    let receipts = person.export(&world.data.join("downloads")).await?;
    let verified = world.verify(&receipts).await?;
    ensure!(verified.verified == 3 && verified.earned == 2 * PRICE, "{verified:?}");
    browser.close().await?;
    world.stop().await
}

/// How long what a verdict paid can be contested here.
const DISPUTE: &str = "3600000";

/// What was paid is contested: the popup says so, the person appeals, the operator decides: once for them, once not.
pub(crate) async fn contested_and_appealed(paths: &Paths, data: &Path) -> Result<()> {
    let axe = axe_script()?;
    let world = World::start(&paths.that_pay(vec!["--dispute-ms".into(), DISPUTE.into()]), data).await?;
    let project = json!({
        "title": "Words", "guideline": "Choose the first feeling.", "question": "How does this word feel?",
        "options": ["Bad", "Good"], "contents": [{"text": "tide"}, {"text": "ebb"}],
        "price": PRICE, "rule": {"agree": 1, "people": 1},
    });
    world.buyer.create("projects", &project).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    let cases = [("uphold", "The money is yours"), ("deny", "the money went back to the buyer")];
    let mut offers = Vec::new();
    for _ in cases {
        offers.push(person.press_keys(&['2']).await?);
    }
    for ((word, told), offer) in cases.into_iter().zip(&offers) {
        browser.open(HOME).await?;
        person.settled(offer, &["accepted"]).await?;
        world.operator(&["reverse", offer, "--evidence", EVIDENCE]).await?;
        browser.until_text("contested", &["Something is held against your work", "appeal until"]).await?;
        browser.click("contested").await?;
        browser.until_text("rejection", &["What you were paid for this is contested", EVIDENCE]).await?;
        no_violations(&browser, &axe, "contested money").await?;
        browser.find("appeal-words").await?.send_keys(WORDS).await?;
        browser.click("appeal").await?;
        browser.until_text("rejection", &["The coordinator has your appeal"]).await?;
        no_violations(&browser, &axe, "contested money, appealed").await?;
        let reversal = reversal_at_the_operator(&world, &browser, offer).await?;
        world.operator(&[word, &reversal]).await?;
        browser.until_attribute("rejection", "data-state", "over").await?;
        browser.until_text("rejection", &[told, EVIDENCE, WORDS]).await?;
        browser.until_attribute("receipt-valid", "data-valid", "true").await?;
        no_violations(&browser, &axe, "contested money, decided").await?;
    }
    browser.open(HOME).await?;
    person.quiet().await?;
    let receipts = person.export(&world.data.join("downloads")).await?;
    let verified = world.verify(&receipts).await?;
    ensure!(verified.verified == 2, "{verified:?}");
    world.operator(&["check"]).await?;
    browser.close().await?;
    world.stop().await
}

/// The reversal as the operator sees it once its worker has appealed; the hash by which it is decided.
async fn reversal_at_the_operator(world: &World, browser: &Browser, offer: &str) -> Result<String> {
    let found = async || -> Result<Option<String>> {
        let printed = world.operator(&["reversals"]).await?;
        let line = printed.lines().find(|line| line.contains(offer) && line.contains(WORDS));
        let line = line.map(serde_json::from_str::<Value>).transpose()?;
        let hash = line.as_ref().and_then(|line| line.pointer("/reversal/reversal").or(line.get("reversal")));
        Ok(hash.and_then(Value::as_str).map(str::to_owned))
    };
    browser.until("the appeal at the operator", async || Ok(found().await?.is_some())).await?;
    found().await?.context("the appeal is there")
}

/// Puts a text into the appeal's form as a paste does.
fn typed_at_once(text: &str) -> String {
    let input = "field.dispatchEvent(new InputEvent('input', { bubbles: true }))";
    format!("const field = document.querySelector('#appeal-words'); field.value = {text}; {input};")
}

/// What waits for the buyer's review, by its own program.
async fn waiting(world: &World, order: &str) -> Result<Vec<Value>> {
    let printed = world.lull(&["answers", order]).await?;
    printed.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// The appeal as the operator sees it; the hash by which it is decided.
async fn appeal_at_the_operator(world: &World, browser: &Browser, offer: &str) -> Result<String> {
    let found = async || -> Result<Option<Value>> {
        let printed = world.operator(&["appeals"]).await?;
        let lines = printed.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        Ok(lines.into_iter().find(|line| line.get("offer").and_then(Value::as_str) == Some(offer)))
    };
    browser.until("the appeal at the operator", async || Ok(found().await?.is_some())).await?;
    let line = found().await?.context("the appeal is there")?;
    let rejection = line.get("rejection").context("what is held against it")?;
    let words = rejection.pointer("/appeal/words").and_then(Value::as_str);
    ensure!(words == Some(WORDS) && rejection.get("evidence") == Some(&json!(EVIDENCE)), "{line}");
    ensure!(line.get("answer") == Some(&json!("Good")), "{line}");
    Ok(rejection.get("rejection").and_then(Value::as_str).context("its hash")?.to_owned())
}
