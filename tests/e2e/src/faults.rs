//! What happens to real browsers: killed at random, copied, updated, a permission revoked, a bomb for a page.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::axe::{axe_script, no_violations_in_popup};
use crate::job::say;
use crate::market::Demo;
use crate::network::LIBRARY;
use crate::person::{BANDWIDTH, HOME, Person, SETTINGS};
use crate::scenarios::{begun, diagnostic, verified, with_judgments};
use crate::world::{Paths, World};

/// The longest life of the background between two kills, milliseconds.
const LIFE_MS_MAX: u64 = 1_200;
/// Pages of an order that keeps the background busy.
const PAGES_BUSY: usize = 12;

/// The service worker is killed at random moments over judgments and fetches at once.
pub(crate) async fn killed_at_random(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    // Each kill may count a few megabytes too many.
    person.raise_caps().await?;
    let seed = fastrand::u64(0..1 << 32);
    let mut rng = fastrand::Rng::with_seed(seed);
    say(&format!("{} kills, seed {seed}", paths.kills));
    let documents: Vec<String> =
        world.sites.iter().flat_map(|sites| &sites.documents).map(|(path, _)| World::url(path)).collect();
    let mut orders = Vec::new();
    let mut answered = 0_u64;
    for kill in 0..paths.kills {
        if is_done(&world, orders.last()).await? {
            let pages: Vec<String> = (0..PAGES_BUSY).filter_map(|_| rng.choice(&documents).cloned()).collect();
            orders.push(world.buyer.order("A library's link check", &pages).await?);
        }
        browser.open(HOME).await?;
        if rng.u8(0..4) > 0 && kill < 100 {
            // Whether this answer got through is for the books to say.
            person.press_first().await?;
            answered += 1;
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(0..=LIFE_MS_MAX))).await;
        browser.kill_background().await?;
        if (kill + 1) % 20 == 0 {
            say(&format!("killed {} times", kill + 1));
        }
    }
    browser.open(HOME).await?;
    for order in &orders {
        let done = async || is_done(&world, Some(order)).await;
        browser.until("every ordered page is there", done).await?;
        let results = world.buyer.results(order).await?;
        ensure!(results.len() == PAGES_BUSY, "{} results for {PAGES_BUSY} pages", results.len());
    }
    ensure!(diagnostic(&browser, "events-foreign").await? == 0, "Lull saw the person's own browsing");
    // A start that is killed before its first write has not been counted.
    let starts = diagnostic(&browser, "wakes").await?;
    ensure!(starts > paths.kills * 3 / 4, "{starts} starts of the background after {} kills", paths.kills);
    let books = books_agree(&world, &person).await?;
    ensure!(books.fetches == (orders.len() * PAGES_BUSY) as u64, "{} fetches in the books", books.fetches);
    // A kill may come before the answer it follows is stored, but hardly ever does.
    let is_fair = books.judgments <= answered && 2 * books.judgments >= answered;
    ensure!(is_fair, "{} judgments in the books, {answered} answered", books.judgments);
    let (judgments, fetches) = (books.judgments, books.fetches);
    say(&format!("{judgments} of {answered} answers and {fetches} pages in the books, each once"));
    browser.close().await?;
    world.stop().await
}

/// Whether every page of an order has its result; there is no order: yes.
async fn is_done(world: &World, order: Option<&String>) -> Result<bool> {
    match order {
        Some(order) => Ok(world.buyer.results(order).await?.len() >= PAGES_BUSY),
        None => Ok(true),
    }
}

/// The browser's receipts and the ledger agree, to the unit. (A page that was being fetched when its fetcher was
/// killed is fetched again, so the site's log may know of more.)
async fn books_agree(world: &World, person: &Person<'_>) -> Result<crate::world::Verified> {
    person.quiet().await?;
    let receipts = person.export(&world.data.join("downloads")).await?;
    let books = world.verify_books(&receipts).await?;
    ensure!(books.verified == books.judgments + books.fetches, "not every receipt holds: {books:?}");
    Ok(books)
}

/// The whole browser is killed, the answer just pressed.
pub(crate) async fn browser_killed(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.answer().await?;
    person.quiet().await?;
    let mut browser = browser;
    for after_ms in [0, 30] {
        browser.open(HOME).await?;
        Person::new(&browser, &paths.repo, &demo)?.press_first().await?;
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        browser.kill().await?;
        browser = world.browser("profile").await?;
    }
    browser.open(HOME).await?;
    let person = Person::new(&browser, &paths.repo, &demo)?;
    person.answer().await?;
    let books = books_agree(&world, &person).await?;
    ensure!((2..=4).contains(&books.judgments), "{} judgments in the books", books.judgments);
    browser.close().await?;
    world.stop().await
}

/// The person takes the permission back in the browser's own settings.
pub(crate) async fn permission_revoked(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    let revoke = "const done = arguments[0]; chrome.permissions.remove({origins: ['*://*/*']}).then(done)";
    ensure!(browser.js_async(revoke).await? == json!(true), "the permission can't be revoked");
    browser.until_attribute("bandwidth-state", "data-state", "no_permission").await?;
    let order = world.buyer.order("A library's link check", &[World::url("/sqlite/about.html")]).await?;
    browser.open(HOME).await?;
    person.answer().await?;
    person.quiet().await?;
    ensure!(world.buyer.results(&order).await?.is_empty(), "a page was fetched without the permission");
    let log = world.sites.as_ref().context("the namespace has sites")?.log(LIBRARY.0);
    ensure!(log.is_empty(), "{} requests without the permission", log.len());
    // It is asked for again where it is missing, and the work goes on.
    browser.allow_hosts().await?;
    browser.open(BANDWIDTH).await?;
    browser.click("grant").await?;
    browser.until("the page is fetched", async || Ok(world.buyer.results(&order).await?.len() == 1)).await?;
    verified(&world, &person, 1).await?;
    browser.close().await?;
    world.stop().await
}

/// A new version takes over in the middle of the work.
pub(crate) async fn extension_updated(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.answer().await?;
    browser.open(SETTINGS).await?;
    let key = browser.text("worker-key").await?;
    browser.open(HOME).await?;
    person.press_first().await?;
    let manifest = world.extension().join("manifest.json");
    let text = std::fs::read_to_string(&manifest)?;
    let newer = text.replacen("\"version\": \"0.1.0\"", "\"version\": \"0.1.1\"", 1);
    ensure!(newer != text, "the manifest names another version");
    std::fs::write(&manifest, newer)?;
    browser.update().await?;
    browser.open(SETTINGS).await?;
    ensure!(browser.text("worker-key").await? == key, "another key after an update");
    browser.open(HOME).await?;
    person.answer().await?;
    let books = books_agree(&world, &person).await?;
    ensure!((2..=3).contains(&books.judgments), "{} judgments in the books", books.judgments);
    browser.close().await?;
    world.stop().await
}

/// Two browsers with one key: the newer one works, the older one stands still and says so.
pub(crate) async fn profile_copied(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.answer().await?;
    person.quiet().await?;
    browser.close().await?;
    let copied = tokio::process::Command::new("cp")
        .arg("-r")
        .args([world.data.join("profile"), world.data.join("twin")])
        .status()
        .await?;
    ensure!(copied.success(), "the profile can't be copied");
    let browser = world.browser("profile").await?;
    browser.open(HOME).await?;
    browser.until_attribute("link-state", "data-state", "connected").await?;
    let twin = world.browser("twin").await?;
    twin.open(HOME).await?;
    twin.until_attribute("link-state", "data-state", "connected").await?;
    browser.until_attribute("link-state", "data-state", "stopped").await?;
    ensure!(browser.has("trouble").await?, "the older browser does not say why it stands still");
    let person = Person::new(&twin, &paths.repo, &demo)?;
    person.answer().await?;
    verified(&world, &person, 2).await?;
    // It does not take its place back by itself.
    browser.until_attribute("link-state", "data-state", "stopped").await?;
    browser.close().await?;
    twin.close().await?;
    world.stop().await
}

/// A few kilobytes that unpack to 64 MiB: reading stops at the ceiling of the decoded body.
pub(crate) async fn bomb_refused(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    let order = world.buyer.order("A library's link check", &[World::url("/bomb")]).await?;
    let results = async || world.buyer.results(&order).await;
    browser.until("the bomb has its result", async || Ok(results().await?.len() == 1)).await?;
    let result = results().await?.pop().unwrap_or_default();
    let word = |pointer: &str| result.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    ensure!(word("/fetch/outcome") == "policy", "the bomb's outcome: {result}");
    ensure!(word("/fetch/reason") == "too_large", "the bomb's reason: {result}");
    ensure!(result.get("amount") == Some(&json!(0)), "the buyer pays for a bomb: {result}");
    browser.open(HOME).await?;
    person.answer().await?;
    let books = books_agree(&world, &person).await?;
    ensure!((books.judgments, books.fetches) == (1, 1), "{books:?}");
    browser.close().await?;
    world.stop().await
}

/// Somebody, or a disk, has changed what the browser stored: a record, then the key itself.
pub(crate) async fn storage_damaged(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.answer().await?;
    person.quiet().await?;
    // Every record of a lease and the account: what is set aside is said, the rest goes on.
    let damage = |store: &str, keys: &str, value: &str| {
        format!(
            "const done = arguments[0]; indexedDB.open('lull').onsuccess = e => {{ \
             const t = e.target.result.transaction('{store}', 'readwrite'), s = t.objectStore('{store}'); \
             s.getAllKeys().onsuccess = k => {{ for (const key of k.target.result) \
             if (/{keys}/.test(key)) s.put({value}, key); }}; \
             t.oncomplete = () => {{ e.target.result.close(); done(true); }} }}"
        )
    };
    browser.open(SETTINGS).await?;
    browser.js_async(&damage("records", "^(account|lease.*)$", "new Uint8Array([1, 2, 3])")).await?;
    browser.kill_background().await?;
    browser.open(HOME).await?;
    ensure!(browser.text("notice").await?.contains("set aside"), "what was set aside is not said");
    person.answer().await?;
    verified(&world, &person, 2).await?;
    // What is left of a limit is nobody's to guess: it waits for the person.
    person.lend().await?;
    browser.open(SETTINGS).await?;
    browser.js_async(&damage("records", "^usage$", "new Uint8Array([1, 2, 3])")).await?;
    browser.kill_background().await?;
    browser.open(HOME).await?;
    ensure!(browser.text("notice").await?.contains("counts from nothing"), "a lost count is not said");
    let state = async || browser.attribute("bandwidth-state", "data-state").await;
    ensure!(state().await? == "paused", "it goes on by a count that is lost");
    browser.click("pause").await?;
    browser.until("it goes on when the person says so", async || Ok(state().await? == "idle")).await?;
    browser.open(SETTINGS).await?;
    browser.js_async(&damage("keys", "^worker$", "'no key'")).await?;
    browser.kill_background().await?;
    browser.open(HOME).await?;
    let told = async || {
        let text = browser.js("return document.body.innerText").await?;
        Ok(text.as_str().is_some_and(|text| text.contains("key couldn't be read")))
    };
    browser.until("the person is told of the key", told).await?;
    ensure!(!browser.has("judgment").await?, "work without the key");
    let kept = "const done = arguments[0]; indexedDB.open('lull').onsuccess = e => { \
        const r = e.target.result.transaction('keys').objectStore('keys').get('worker'); \
        r.onsuccess = () => done(r.result) }";
    ensure!(browser.js_async(kept).await? == json!("no key"), "a key was made over one that can't be read");
    browser.close().await?;
    world.stop().await
}

/// A picture with the right hash that no browser can show: its question goes back unanswered, and that is said.
pub(crate) async fn broken_picture(paths: &Paths, data: &Path) -> Result<()> {
    let demo = Demo::load(&paths.repo)?;
    let world = World::start(paths, data).await?;
    let mut damaged = std::fs::read(paths.repo.join("tests/demo/pictures/digit-001.png"))?;
    // The checksum of its head, which decoders look at.
    *damaged.get_mut(29).context("the picture is longer")? ^= 1;
    let hash = world.buyer.blob("image/png", damaged).await?;
    let project = |content| {
        json!({"title": "Digits", "guideline": "Look.", "question": "Which digit?", "options": ["0", "1"],
            "contents": [content], "price": 4_000, "rule": {"agree": 1, "people": 1}})
    };
    world.buyer.create("projects", &project(json!({"text": "sunshine"}))).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.press_first().await?;
    let is_over = async || Ok(!browser.has("judgment").await?);
    browser.until("nothing is left to answer", is_over).await?;
    let broken = json!({"hash": hash, "alt": "a digit whose head is damaged"});
    world.buyer.create("projects", &project(broken)).await?;
    browser.until_text("notice", &["couldn't be shown"]).await?;
    no_violations_in_popup(&browser, &axe_script()?, "a picture that couldn't be shown").await?;
    browser.until("it went back", is_over).await?;
    world.buyer.create("projects", &project(json!({"text": "moonlight"}))).await?;
    browser.find("judgment").await?;
    person.press_first().await?;
    browser.until("nothing is left to answer", is_over).await?;
    browser.until_attribute("activity-row", "data-state", "accepted").await?;
    verified(&world, &person, 2).await?;
    browser.close().await?;
    world.stop().await
}
