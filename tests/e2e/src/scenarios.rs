//! What must hold in a real browser, one scenario each, each in a fresh world.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::activity::{LOG, activity_found_and_saved, alibi_holds, never_again};
use crate::appeals::{contested_and_appealed, rejected_and_appealed};
use crate::axe::{self, axe_script, no_violations, no_violations_in_popup};
use crate::backup::{BACKUP, ERASE, backup_and_restore, killed_while_the_key_changes};
use crate::browser::{Browser, Kind};
use crate::browsers::{install_warns_of_nothing, lives_while_connected_and_wakes, rebound_after_the_look_up};
use crate::calls::{called_by_a_judgment, calls_at_good_moments_only};
use crate::caps::{a_cap_stops_a_stream, a_kill_loses_no_byte, a_pause_survives, counted_as_the_site_counts};
use crate::connect::{
    connect_page_for_everyone, connect_page_links, connect_page_misbehaving_wallets, connect_page_opens,
    connect_page_signs_in,
};
use crate::consent::{consent_means_something, judgments_flavour, policy_forbids_bandwidth};
use crate::content::{hostile_content, sensitive_content};
use crate::faults::{
    bomb_refused, broken_picture, browser_killed, extension_updated, killed_at_random, permission_revoked,
    profile_copied, storage_damaged,
};
use crate::flags::flagged_by_keyboard;
use crate::job;
use crate::languages::{CALM, pages_in_long_words, pages_right_to_left, types_in_long_words, types_right_to_left};
use crate::market::{Demo, JUDGMENT_PRICE};
use crate::network::{LIBRARY, NEWS, PRINTER, TIDE};
use crate::offers::{YOU, an_honest_offer};
use crate::paid::{a_wallet_changes_hands, paid_to_a_wallet};
use crate::person::{BANDWIDTH, CONSENT, COVER, FACTS, HOME, LIMITS, Person, SETTINGS, WALLET, WELCOME};
use crate::practice::practice_comes_first;
use crate::proxy::behind_a_proxy;
use crate::small::each_type_in_a_small_popup;
use crate::types::{each_type_by_keyboard, each_type_by_pointer};
use crate::world::{Paths, World};

/// How long after the driver's click on pause has returned the site may still see its reader: 100 ms, and as
/// much again for the way of the news through kernel and runtime on a busy machine.
const PAUSE_MAX: Duration = Duration::from_millis(200);
/// A receipt that isn't there.
const NO_RECEIPT: &str = "popup.html?tab=1#/receipt/00";
/// Pages of the person's own browsing.
const PAGES: usize = 100;

/// Scenarios that only one browser can play, and why.
const ONE_BROWSER: [(&str, Kind, &str); 7] = [
    (
        "connect_page_for_everyone",
        Kind::Chromium,
        "only Chromium's DevTools make a page of any width and without motion",
    ),
    (
        "each_type_in_a_small_popup",
        Kind::Chromium,
        "only Chromium's DevTools make a page of a popup's size and without motion",
    ),
    ("calls_at_good_moments_only", Kind::Chromium, "Firefox opens a popup for a click only"),
    ("policy_forbids_bandwidth", Kind::Chromium, "the policy is laid over Debian's Chromium alone"),
    ("judgments_flavour", Kind::Chromium, "the flavour is packaged in Chrome's form"),
    ("storage_full", Kind::Chromium, "only Chromium's DevTools can make an origin's storage full"),
    ("rebound_after_the_look_up", Kind::Firefox, "Chromium looks nothing up: it refuses where it connects"),
];

/// Runs every scenario whose name contains `only`, in both browsers or in the one given.
pub(crate) fn run(paths: &Paths, browser: Option<Kind>, only: Option<&str>) -> Result<()> {
    let (mut passed, mut failed) = (0, Vec::new());
    let kinds = [Kind::Chromium, Kind::Firefox].into_iter().filter(|kind| browser.is_none_or(|one| one == *kind));
    let names: Vec<_> = all().into_iter().map(|(name, _)| name).collect();
    let report = paths.axe_report();
    let mut looks = Vec::new();
    for (kind, (scenario_name, scenario)) in kinds.flat_map(|kind| all().into_iter().map(move |one| (kind, one))) {
        if only.is_some_and(|only| !scenario_name.contains(only)) {
            continue;
        }
        let name = format!("{} {scenario_name}", kind.name());
        println!("── {name} …");
        if let Some((_, _, why)) = ONE_BROWSER.iter().find(|(one, only, _)| *one == scenario_name && *only != kind) {
            println!("   not here {name}: {why}");
            continue;
        }
        let found = axe::Found::new(scenario_name, kind.name());
        let paths = &paths.within(kind).with_found(found.clone());
        let started = Instant::now();
        let outcome = in_fresh_world(paths, scenario);
        let found = found.take();
        looks.extend_from_slice(&found);
        // At once, so that a run that is killed leaves what it has seen.
        axe::keep(&report, scenario_name, kind.name(), found, &names)
            .with_context(|| format!("can't keep what axe-core found in {}", report.display()))?;
        let seconds = started.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                passed += 1;
                println!("   ok {name}, {seconds:.1} s");
            }
            Err(error) => {
                println!("   FAILED {name} after {seconds:.1} s: {error:?}");
                failed.push(name);
            }
        }
    }
    if !looks.is_empty() {
        print!("{}", axe::table(&looks));
        println!("all of it: {}", report.display());
    }
    println!("{passed} passed, {} failed", failed.len());
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    ensure!(passed > 0, "no scenario has that name");
    Ok(())
}

type Scenario = fn(&Paths, &Path) -> Result<()>;

macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        fn all() -> Vec<(&'static str, Scenario)> {
            vec![
                ("main_job", |paths, data| on_runtime(job::headless(paths, data, &[]))),
                $((stringify!($name), |paths, data| on_runtime($name(paths, data)))),*
            ]
        }
    };
}

scenarios! {
    nothing_before_consent,
    opens_from_the_toolbar,
    modules_take_turns,
    called_by_a_judgment,
    calls_at_good_moments_only,
    axe_finds_nothing,
    killed_at_any_moment,
    killed_at_random,
    coordinator_killed,
    browser_restarted,
    browser_killed,
    extension_updated,
    profile_copied,
    own_browsing_unseen,
    private_addresses_unreached,
    permission_given_back,
    permission_revoked,
    bomb_refused,
    broken_picture,
    pause_stops_reading,
    counted_as_the_site_counts,
    a_cap_stops_a_stream,
    a_kill_loses_no_byte,
    a_pause_survives,
    other_key_refused,
    storage_full,
    storage_damaged,
    consent_means_something,
    policy_forbids_bandwidth,
    judgments_flavour,
    install_warns_of_nothing,
    lives_while_connected_and_wakes,
    rebound_after_the_look_up,
    activity_found_and_saved,
    never_again,
    alibi_holds,
    behind_a_proxy,
    each_type_by_keyboard,
    each_type_by_pointer,
    each_type_in_a_small_popup,
    flagged_by_keyboard,
    practice_comes_first,
    hostile_content,
    sensitive_content,
    pages_in_long_words,
    pages_right_to_left,
    types_in_long_words,
    types_right_to_left,
    an_honest_offer,
    rejected_and_appealed,
    contested_and_appealed,
    connect_page_opens,
    connect_page_signs_in,
    connect_page_misbehaving_wallets,
    connect_page_links,
    connect_page_for_everyone,
    paid_to_a_wallet,
    a_wallet_changes_hands,
    backup_and_restore,
    killed_while_the_key_changes,
}

fn in_fresh_world(paths: &Paths, scenario: Scenario) -> Result<()> {
    let data = tempfile::tempdir()?;
    scenario(paths, data.path())
}

/// A runtime of its own: what a scenario left running ends with it.
pub(crate) fn on_runtime(scenario: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(scenario);
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// A world with the demonstration's judgments, and the demonstration itself.
pub(crate) async fn with_judgments(paths: &Paths, data: &Path) -> Result<(World, Demo)> {
    let demo = Demo::load(&paths.repo)?;
    let mut world = World::start(paths, data).await?;
    world.buyer.judgments(&paths.repo, &demo).await?;
    world.start_crowd()?;
    Ok((world, demo))
}

/// A person who has been through the first run.
pub(crate) async fn begun<'a>(paths: &Paths, browser: &'a Browser, demo: &Demo) -> Result<Person<'a>> {
    let person = Person::new(browser, &paths.repo, demo)?;
    browser.open(WELCOME).await?;
    person.begin().await?;
    Ok(person)
}

pub(crate) async fn diagnostic(browser: &Browser, name: &str) -> Result<u64> {
    browser.open(SETTINGS).await?;
    Ok(browser.attribute(name, "data-value").await?.parse()?)
}

/// The receipts in the browser agree with the ledger, and there are this many judgments.
pub(crate) async fn verified(world: &World, person: &Person<'_>, judgments: u64) -> Result<()> {
    person.quiet().await?;
    let receipts = person.export(&world.data.join("downloads")).await?;
    let verified = world.verify(&receipts).await?;
    ensure!(verified.judgments == judgments, "{} judgments instead of {judgments}", verified.judgments);
    ensure!(verified.verified == verified.judgments + verified.fetches, "not every receipt holds");
    let earned = verified.judgments * JUDGMENT_PRICE;
    ensure!(verified.fetches > 0 || verified.earned == earned, "earned {} instead of {earned}", verified.earned);
    Ok(())
}

async fn nothing_before_consent(paths: &Paths, data: &Path) -> Result<()> {
    let (world, _) = with_judgments(paths, data).await?;
    let order = world.buyer.order("A library's link check", &[World::url("/sqlite/about.html")]).await?;
    let browser = world.browser("profile").await?;
    browser.open(WELCOME).await?;
    browser.find("start").await?;
    let permissions = "const done = arguments[0]; chrome.permissions.getAll().then(p => done(p.origins.length))";
    ensure!(browser.js_async(permissions).await? == json!(0), "a host permission at install");
    // Longer than an alarm's shortest period.
    browser.leave_and_kill_background().await?;
    tokio::time::sleep(Duration::from_secs(35)).await;
    ensure!(!browser.background_runs().await?, "something woke the background before any consent");
    let log = std::fs::read_to_string(world.data.join("coordinator/coordinator.log"))?;
    let workers = log.matches("worker connected").count();
    ensure!(workers == 2, "{workers} workers connected: only the crowd's two may have");
    ensure!(world.buyer.results(&order).await?.is_empty(), "a page was fetched");
    browser.close().await?;
    world.stop().await
}

async fn opens_from_the_toolbar(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    begun(paths, &browser, &demo).await?;
    // Its promise may not settle in a headless browser; the popup opens all the same.
    browser.js("chrome.action.openPopup().catch(() => {})").await?;
    browser.until("the toolbar's popup is open", async || browser.popup_is_open().await).await?;
    browser.close().await?;
    world.stop().await
}

/// Home is of one wasm module, the pages that are opened seldom of another: one page at a time, the new one has the focus,
/// and what was chosen is still there.
async fn modules_take_turns(paths: &Paths, data: &Path) -> Result<()> {
    let world = World::start(paths, data).await?;
    world.order_by_file("tests/demo/types/multi.json").await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    person.touch_keys(&['2']).await?;
    browser.until_attribute("option-2", "aria-checked", "true").await?;
    let is_new = "return document.querySelectorAll('main').length === 1 && document.activeElement.tagName === 'MAIN'";
    for _ in 0..2 {
        browser.click("settings").await?;
        browser.find("export").await?;
        ensure!(browser.js(is_new).await? == json!(true), "settings don't have the focus");
        browser.js("history.back()").await?;
        browser.until_attribute("option-2", "aria-checked", "true").await?;
        ensure!(browser.js(is_new).await? == json!(true), "home doesn't have the focus");
    }
    // Faster than a module loads.
    browser.js("location.hash = '#/settings'; location.hash = '#/'; location.hash = '#/you'").await?;
    browser.until_text("you-page", &["Nothing to see yet"]).await?;
    ensure!(!browser.has("judgment").await?, "two pages at once");
    browser.close().await?;
    world.stop().await
}

async fn axe_finds_nothing(paths: &Paths, data: &Path) -> Result<()> {
    let axe = axe_script()?;
    let (mut world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = Person::new(&browser, &paths.repo, &demo)?;
    browser.open(WELCOME).await?;
    browser.find("start").await?;
    no_violations(&browser, &axe, "welcome").await?;
    browser.click("start").await?;
    browser.find("accept-card").await?;
    no_violations(&browser, &axe, "operator").await?;
    browser.click("accept-card").await?;
    browser.find("question").await?;
    for (page, name) in [(LOG, "log, empty"), (YOU, "how you fare, nothing yet"), (NO_RECEIPT, "no receipt")] {
        browser.open(page).await?;
        browser.until("there is nothing", async || Ok(browser.js(CALM).await? == json!(true))).await?;
        no_violations_in_popup(&browser, &axe, name).await?;
    }
    browser.open(HOME).await?;
    browser.find("question").await?;
    let offer = person.answer().await?;
    person.settled(&offer, &["accepted", "ambiguous"]).await?;
    no_violations(&browser, &axe, "home").await?;
    person.touch_keys(&['g', '?']).await?;
    let are_shown = "return document.activeElement.id === 'keys' && document.activeElement.checkVisibility()";
    browser.until("the keys are shown", async || Ok(browser.js(are_shown).await? == json!(true))).await?;
    no_violations_in_popup(&browser, &axe, "guideline and keys").await?;
    browser.open(&format!("popup.html?tab=1#/receipt/{offer}")).await?;
    browser.until_attribute("receipt-valid", "data-valid", "true").await?;
    no_violations(&browser, &axe, "receipt").await?;
    browser.click("change-byte").await?;
    browser.until_attribute("receipt-valid", "data-valid", "false").await?;
    no_violations(&browser, &axe, "changed receipt").await?;
    browser.open(SETTINGS).await?;
    browser.click("pops-notify").await?;
    browser.find("pops-minutes").await?;
    no_violations(&browser, &axe, "calls").await?;
    let pages = [
        (BANDWIDTH, "grant", "bandwidth"),
        (CONSENT, "agree", "consent"),
        (FACTS, "facts", "facts"),
        (LIMITS, "week", "limits"),
        (WALLET, "wallet-page", "wallet"),
        (SETTINGS, "export", "settings"),
        (COVER, "cover", "cover"),
        (BACKUP, "backup-worker", "backup"),
        (ERASE, "erase", "erase"),
    ];
    for (page, element, name) in pages {
        browser.open(page).await?;
        browser.find(element).await?;
        no_violations(&browser, &axe, name).await?;
    }
    browser.open(HOME).await?;
    browser.click("pause").await?;
    browser.until_attribute("link-state", "data-state", "paused").await?;
    no_violations_in_popup(&browser, &axe, "paused").await?;
    browser.click("pause").await?;
    browser.until_attribute("link-state", "data-state", "connected").await?;
    world.kill_coordinator().await?;
    browser.until_attribute("link-state", "data-state", "waiting").await?;
    no_violations_in_popup(&browser, &axe, "offline").await?;
    browser.close().await?;
    world.stop().await
}

async fn killed_at_any_moment(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    let mut answered = 0;
    for pause_ms in [0, 1, 3, 10, 30, 100] {
        browser.find("judgment").await?;
        person.answer().await?;
        answered += 1;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        browser.kill_background().await?;
        browser.open(HOME).await?;
    }
    person.answer().await?;
    verified(&world, &person, answered + 1).await?;
    browser.close().await?;
    world.stop().await
}

async fn coordinator_killed(paths: &Paths, data: &Path) -> Result<()> {
    let (mut world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    for _ in 0..3 {
        person.answer().await?;
    }
    world.kill_coordinator().await?;
    browser.until_attribute("link-state", "data-state", "waiting").await?;
    // What was leased can still be answered; it waits, signed, in the outbox.
    person.answer().await?;
    world.restart_coordinator().await?;
    browser.until_attribute("link-state", "data-state", "connected").await?;
    verified(&world, &person, 4).await?;
    browser.close().await?;
    world.stop().await
}

async fn browser_restarted(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.answer().await?;
    browser.open(SETTINGS).await?;
    let key = browser.text("worker-key").await?;
    browser.close().await?;
    let browser = world.browser("profile").await?;
    let person = Person::new(&browser, &paths.repo, &demo)?;
    browser.open(SETTINGS).await?;
    ensure!(browser.text("worker-key").await? == key, "another key after a restart");
    browser.open(HOME).await?;
    person.answer().await?;
    verified(&world, &person, 2).await?;
    browser.close().await?;
    world.stop().await
}

async fn own_browsing_unseen(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    // Idle: the worker is stopped, and none of the pages wakes it.
    browser.open(HOME).await?;
    browser.click("pause").await?;
    let wakes = diagnostic(&browser, "wakes").await?;
    browser.leave_and_kill_background().await?;
    browse(&browser).await?;
    ensure!(!browser.background_runs().await?, "browsing woke the background");
    ensure!(diagnostic(&browser, "events-foreign").await? == 0, "Lull saw the person's own browsing");
    let woken = diagnostic(&browser, "wakes").await?;
    ensure!(woken == wakes + 1, "{} wake-ups instead of the settings page's one", woken - wakes);
    // Busy: fetches run while the person browses the same site and another one.
    let urls: Vec<String> = world.sites.iter().flat_map(|s| &s.documents).map(|(path, _)| World::url(path)).collect();
    let order = world.buyer.order("A library's link check", &urls).await?;
    browser.open(HOME).await?;
    browser.click("pause").await?;
    browse(&browser).await?;
    browser.until("all pages are fetched", async || Ok(world.buyer.results(&order).await?.len() == urls.len())).await?;
    ensure!(diagnostic(&browser, "events-foreign").await? == 0, "Lull saw the person's own browsing while busy");
    ensure!(diagnostic(&browser, "events-own").await? > 0, "not even its own requests were counted");
    browser.close().await?;
    world.stop().await
}

async fn browse(browser: &Browser) -> Result<()> {
    for page in 0..PAGES {
        let host = if page % 10 == 9 { LIBRARY.0 } else { NEWS.0 };
        browser.goto(&format!("https://{host}/page/{page}")).await?;
    }
    Ok(())
}

async fn private_addresses_unreached(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let names = world.names.clone().context("the namespace has a name server")?;
    let sites = world.sites.clone().context("the namespace has sites")?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    let tide = format!("https://{}/", TIDE.0);
    let outcome = async |urls: &[String]| -> Result<Vec<Value>> {
        let order = world.buyer.order("A library's link check", urls).await?;
        let done = async || Ok(world.buyer.results(&order).await?.len() == urls.len());
        browser.until("the order is done", done).await?;
        world.buyer.results(&order).await
    };
    let public = outcome(std::slice::from_ref(&tide)).await?;
    ensure!(public.iter().all(|r| outcome_of(r) == "ok"), "the public address failed: {public:?}");
    // The name moves to a private address; the browser must have asked again before the verdict counts.
    let asked = names.questions(TIDE.0);
    names.point(TIDE.0, PRINTER.1);
    let printer = format!("https://{}/status", PRINTER.0);
    let hosts = [tide, printer, World::url("/to-printer"), World::url("/to-router"), World::url("/round")];
    tokio::time::sleep(Duration::from_secs(61)).await;
    let refused = outcome(&hosts).await?;
    ensure!(names.questions(TIDE.0) > asked, "the browser did not resolve the moved name again");
    for result in &refused {
        let word = outcome_of(result);
        ensure!(["policy", "network"].contains(&word.as_str()), "not refused: {result}");
    }
    ensure!(sites.requests(PRINTER) == 0, "{} requests reached the private address", sites.requests(PRINTER));
    browser.close().await?;
    world.stop().await
}

fn outcome_of(result: &Value) -> String {
    result.pointer("/fetch/outcome").and_then(Value::as_str).unwrap_or_default().to_owned()
}

async fn permission_given_back(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    let granted = "const done = arguments[0]; chrome.permissions.getAll().then(p => done(p.origins.length > 0))";
    ensure!(browser.js_async(granted).await? == json!(false), "a permission before it was asked for");
    person.lend().await?;
    ensure!(browser.js_async(granted).await? == json!(true), "no permission although bandwidth is on");
    browser.open(BANDWIDTH).await?;
    browser.click("lend-off").await?;
    browser
        .until("the permission is given back", async || Ok(browser.js_async(granted).await? == json!(false)))
        .await?;
    browser.close().await?;
    world.stop().await
}

async fn pause_stops_reading(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let sites = world.sites.clone().context("the namespace has sites")?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    world.buyer.order("A library's link check", &[World::url("/drip")]).await?;
    browser.open(HOME).await?;
    browser.until("the slow page is being read", async || Ok(sites.dripping())).await?;
    browser.click("pause").await?;
    let clicked = Instant::now();
    while sites.dripping() {
        ensure!(clicked.elapsed() < PAUSE_MAX, "the site still sends {PAUSE_MAX:?} after the pause");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    job::say(&format!("the site saw the end {} ms after the driver's click returned", clicked.elapsed().as_millis()));
    browser.close().await?;
    world.stop().await
}

async fn other_key_refused(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    world.trust(&"5a".repeat(32))?;
    let browser = world.browser("profile").await?;
    Person::new(&browser, &paths.repo, &demo)?;
    browser.open(WELCOME).await?;
    browser.click("start").await?;
    browser
        .until("the person is told", async || {
            let text = browser.js("return document.body.innerText").await?;
            Ok(text.as_str().is_some_and(|t| t.contains("key")) && browser.has("trouble").await?)
        })
        .await?;
    no_violations_in_popup(&browser, &axe_script()?, "another key").await?;
    ensure!(!browser.has("judgment").await?, "work from a coordinator with another key");
    ensure!(!browser.has("accept-card").await?, "the card of a coordinator with another key");
    browser.close().await?;
    world.stop().await
}

async fn storage_full(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    person.answer().await?;
    person.quiet().await?;
    browser.open(HOME).await?;
    let origin = browser.address("");
    let origin = origin.trim_end_matches('/');
    browser.cdp("Storage.overrideQuotaForOrigin", json!({"origin": origin, "quotaSize": 1})).await?;
    // Chromium's IndexedDB keeps what it knew of the room left for 30 s.
    tokio::time::sleep(Duration::from_secs(35)).await;
    let offer = person.press_first().await?;
    browser.until("the person is told", async || browser.has("notice").await).await?;
    browser.cdp("Storage.overrideQuotaForOrigin", json!({"origin": origin})).await?;
    // The judgment has come back, somewhere among those that wait, and nothing was signed twice.
    let mut answered = 1;
    loop {
        answered += 1;
        if person.answer().await? == offer {
            break;
        }
        ensure!(answered < 6, "the judgment that could not be stored did not come back");
    }
    verified(&world, &person, answered).await?;
    if browser.has("trouble").await? {
        bail!("still in trouble after there was room again");
    }
    browser.close().await?;
    world.stop().await
}
