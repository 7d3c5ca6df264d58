//! Consent that means something: what it takes to switch bandwidth on, who else has a word, and the flavour in
//! which there is nothing to consent to.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use data_encoding::BASE64;
use lull_view::{Answer, Command, Reply, Request, Statement, cbor};
use serde_json::json;

use crate::browser::{Browser, extension_id};
use crate::network::Policy;
use crate::person::{BANDWIDTH, CONSENT, FACTS, HOME, SETTINGS};
use crate::scenarios::{begun, verified, with_judgments};
use crate::world::{Paths, World};

/// Sends a command from one of Lull's own pages, past all its buttons; gives the background's reply.
async fn commanded(browser: &Browser, command: Command) -> Result<Reply> {
    let request = BASE64.encode(&cbor::encode(&Request { id: 7, command }));
    // An answer to somebody is a map of two fields, of which the id is the first.
    let answer = browser
        .js_async(&format!(
            "const done = arguments[0], port = chrome.runtime.connect({{name: 'ui'}}); \
             port.onMessage.addListener(m => {{ if (m.startsWith(btoa('\\xa2\\x00\\x07'))) {{ port.disconnect(); done(m); }} }}); \
             port.postMessage('{request}')"
        ))
        .await?;
    let answer = BASE64.decode(answer.as_str().context("an answer is text")?.as_bytes())?;
    Ok(cbor::read::<Answer>(&answer)?.reply)
}

fn refused(reply: &Reply) -> bool {
    matches!(reply, Reply::Failed { error } if !error.is_empty())
}

const ON: Command = Command::SetBandwidth { on: true };

/// Presses Tab until an element has the focus; a keyboard must get everywhere.
async fn tab_to(browser: &Browser, name: &str) -> Result<()> {
    const TAB: char = '\u{e004}';
    for _ in 0..80 {
        let focused = "return document.activeElement?.dataset?.testid ?? ''";
        if browser.js(focused).await?.as_str() == Some(name) {
            return Ok(());
        }
        browser.press(TAB).await?;
    }
    anyhow::bail!("no Tab leads to `{name}`")
}

/// Without consent bandwidth is refused, in words, whatever a page sends. A wrong answer is explained and can be
/// put right; all of it goes by keyboard. One click takes it back.
pub(crate) async fn consent_means_something(paths: &Paths, data: &Path) -> Result<()> {
    const SPACE: char = ' ';
    const DOWN: char = '\u{e015}';
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    browser.allow_hosts().await?;
    browser.open(CONSENT).await?;
    browser.find("agree").await?;
    ensure!(refused(&commanded(&browser, ON).await?), "on without consent");
    let half = Command::Agree { statements: Statement::ALL[..4].to_vec() };
    ensure!(refused(&commanded(&browser, half).await?), "four statements of five are taken for consent");
    // By keyboard alone: ticks, a wrong answer, its explanation, the right one.
    for name in ["adult", "may-share"] {
        tab_to(&browser, name).await?;
        browser.press(SPACE).await?;
    }
    tab_to(&browser, "answer-0-0").await?;
    browser.press(SPACE).await?;
    browser.until_attribute("question-0", "data-done", "false").await?;
    ensure!(browser.text("question-0").await?.contains("Not quite"), "a wrong answer is not explained");
    ensure!(browser.attribute("consent-open", "data-open").await? == "3", "it counts as answered");
    browser.press(DOWN).await?;
    browser.until_attribute("question-0", "data-done", "true").await?;
    tab_to(&browser, "answer-1-0").await?;
    browser.press(SPACE).await?;
    browser.until_attribute("consent-open", "data-open", "1").await?;
    ensure!(browser.attribute("agree", "disabled").await.is_ok(), "it can be agreed to with a question open");
    browser.click("answer-2-2").await?;
    browser.until_attribute("consent-open", "data-open", "0").await?;
    browser.click("agree").await?;
    browser
        .until("bandwidth is on", async || {
            let known = ["idle", "waiting_for_away", "fetching"];
            let state = "return document.querySelector('[data-testid=bandwidth-state]')?.dataset.state ?? ''";
            Ok(browser.js(state).await?.as_str().is_some_and(|state| known.contains(&state)))
        })
        .await?;
    // One click takes it all back, the permission too.
    browser.click("take-back").await?;
    browser.until_attribute("bandwidth-state", "data-state", "off").await?;
    let origins = "const done = arguments[0]; chrome.permissions.getAll().then(p => done(p.origins.length))";
    browser.until("the permission is given back", async || Ok(browser.js_async(origins).await? == json!(0))).await?;
    ensure!(refused(&commanded(&browser, ON).await?), "on after it was taken back");
    // The page of facts judges any address.
    browser.open(FACTS).await?;
    let judged = "const field = document.querySelector('[data-testid=judge-url]'); \
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, arguments[0] ?? \
        'https://192.168.1.1/'); field.dispatchEvent(new InputEvent('input', {bubbles: true}))";
    browser.find("judge-url").await?;
    browser.js(judged).await?;
    browser.until_text("judged", &["Refuses", "device in your home"]).await?;
    browser.open(HOME).await?;
    person.answer().await?;
    verified(&world, &person, 1).await?;
    browser.close().await?;
    world.stop().await
}

/// A browser whose administrator's policy says no: bandwidth can't be switched on, and says why. Judgments go on.
pub(crate) async fn policy_forbids_bandwidth(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let id = extension_id(&world.extension().canonicalize()?)?;
    let policy = Policy::set(&json!({"3rdparty": {"extensions": {id: {"allow_bandwidth": false}}}}))?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    browser.allow_hosts().await?;
    browser.open(BANDWIDTH).await?;
    browser.until_attribute("bandwidth-state", "data-state", "forbidden").await?;
    ensure!(browser.text("barred").await?.contains("organisation"), "it doesn't say who decided");
    ensure!(!browser.has("grant").await?, "there is a button to switch it on");
    let all = Command::Agree { statements: Statement::ALL.to_vec() };
    ensure!(!refused(&commanded(&browser, all).await?), "consent itself is the person's");
    ensure!(refused(&commanded(&browser, ON).await?), "on against the policy");
    browser.open(HOME).await?;
    person.answer().await?;
    verified(&world, &person, 1).await?;
    browser.close().await?;
    drop(policy);
    world.stop().await
}

/// The flavour without bandwidth: it asks for nothing about sites, offers nothing, and judges as ever.
pub(crate) async fn judgments_flavour(paths: &Paths, data: &Path) -> Result<()> {
    let paths = paths.without_bandwidth();
    let (world, demo) = with_judgments(&paths, data).await?;
    let order = world.buyer.order("A library's link check", &[World::url("/sqlite/about.html")]).await?;
    let browser = world.browser("profile").await?;
    let person = begun(&paths, &browser, &demo).await?;
    let asked = "const done = arguments[0]; chrome.permissions.getAll().then(p => done([p.permissions, p.origins]))";
    ensure!(
        browser.js_async(asked).await? == json!([["alarms", "idle"], []]),
        "it asks for more than to be woken, and whether somebody is there"
    );
    for page in [BANDWIDTH, CONSENT, FACTS] {
        browser.open(page).await?;
        let told = async || {
            let text = browser.js("return document.body.innerText").await?;
            Ok(text.as_str().is_some_and(|text| text.contains("only judges")))
        };
        browser.until("it says that there is no bandwidth in it", told).await?;
        ensure!(!browser.has("grant").await? && !browser.has("agree").await?, "{page} offers bandwidth");
    }
    browser.open(SETTINGS).await?;
    browser.find("export").await?;
    ensure!(!browser.has("bandwidth-state").await?, "settings speak of bandwidth");
    ensure!(refused(&commanded(&browser, ON).await?), "it can be switched on");
    browser.open(HOME).await?;
    for _ in 0..3 {
        person.answer().await?;
    }
    ensure!(world.buyer.results(&order).await?.is_empty(), "a page was fetched");
    let log = world.sites.as_ref().context("the namespace has sites")?.log(crate::network::LIBRARY.0);
    ensure!(log.is_empty(), "{} requests of a Lull that can't fetch", log.len());
    verified(&world, &person, 3).await?;
    browser.close().await?;
    world.stop().await
}
