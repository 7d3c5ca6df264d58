//! `cargo xtask pictures`: a screenshot of each page in both themes, and a recording of the first minute.

mod backup;
mod wallet;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::process::Command;

use crate::browser::{Browser, ENTER, Kind};
use crate::content::sensitive;
use crate::flags::ESCAPE;
use crate::job::say;
use crate::languages::CALM;
use crate::market::Demo;
use crate::offers::YOU;
use crate::person::{BANDWIDTH, CONSENT, COVER, FACTS, HOME, LIMITS, Person, SETTINGS, WELCOME};
use crate::practice::{order, practise};
use crate::scenarios::begun;
use crate::types::{ASKED, on_screen, order_each};
use crate::world::{Paths, World};

/// The popup's size, CSS pixels.
pub(crate) const POPUP: (u32, u32) = (380, 600);
/// What a zoom of 200 % leaves of it.
pub(crate) const POPUP_ZOOMED: (u32, u32) = (380, 300);
/// A full page's size, CSS pixels.
const TAB: (u32, u32) = (760, 1000);
/// How long a lease lasts where it runs out.
const LEASE: Duration = Duration::from_secs(30);
/// Pages that have nothing to show at first, and their pictures' names.
const EMPTY: [(&str, &str); 4] = [
    (HOME, "quiet"),
    ("popup.html?tab=1#/activity", "log-empty"),
    (YOU, "you-empty"),
    ("popup.html?tab=1#/receipt/00", "receipt-none"),
];
/// What a buyer holds against an answer.
const EVIDENCE: &str = "A triangle on its tip is \u{201c}give way\u{201d}; see the first line of the guideline.";
/// Answers after which it is known how a person fares.
const ANSWERS: usize = 20;
/// Length of the recording, seconds.
const RECORDING_S: u64 = 20;

/// What is taken, each in a world of its own.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// Screenshots in the light theme.
    Light,
    /// Screenshots in the dark theme.
    Dark,
    /// A judgment of each type in the light theme.
    LightTypes,
    /// The same in the dark theme.
    DarkTypes,
    /// Time that runs out, in the light theme.
    LightTime,
    /// The same in the dark theme.
    DarkTime,
    /// A rejected answer, in the light theme.
    LightRejected,
    /// The same in the dark theme.
    DarkRejected,
    /// Pages without anything on them, in the light theme.
    LightEmpty,
    /// The same in the dark theme.
    DarkEmpty,
    /// The way to a paid wallet, in the light theme.
    LightWallet,
    /// The same in the dark theme.
    DarkWallet,
    /// Backup and erasing, in the light theme.
    LightBackup,
    /// The same in the dark theme.
    DarkBackup,
    /// The main pages as few see them: see [`Guise`].
    As(Guise),
    /// The recording.
    Recording,
}

/// A way in which pages must look right, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Guise {
    /// Words that are accented and 40 % longer.
    Long,
    /// From right to left.
    Rtl,
    /// More contrast, light and dark.
    Contrast,
    ContrastDark,
    /// The system's own colours.
    Forced,
    /// 320 CSS pixels wide.
    Narrow,
}

impl Guise {
    /// The folder of its pictures.
    fn name(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Rtl => "rtl",
            Self::Contrast => "contrast",
            Self::ContrastDark => "contrast-dark",
            Self::Forced => "forced",
            Self::Narrow => "narrow",
        }
    }

    /// The package, where it is another.
    fn locale(self) -> Option<&'static str> {
        match self {
            Self::Long => Some("pseudo"),
            Self::Rtl => Some("pseudo-rtl"),
            _ => None,
        }
    }

    /// Media features of CSS.
    fn features(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Contrast => &[("prefers-contrast", "more")],
            Self::ContrastDark => &[("prefers-contrast", "more"), ("prefers-color-scheme", "dark")],
            Self::Forced => &[("forced-colors", "active"), ("prefers-color-scheme", "dark")],
            _ => &[],
        }
    }

    fn size(self) -> (u32, u32) {
        let (width, height) = POPUP;
        if matches!(self, Self::Narrow) { (320, height) } else { (width, height) }
    }
}

/// Takes one step, into `docs/pictures` of the repository.
pub(crate) async fn take(paths: &Paths, data: &Path, step: Step) -> Result<()> {
    let folder = paths.repo.join("docs/pictures");
    std::fs::create_dir_all(&folder)?;
    match step {
        Step::Light => stills(paths, &data.join("light"), "light", &folder).await,
        Step::Dark => stills(paths, &data.join("dark"), "dark", &folder).await,
        Step::LightTypes => types(paths, &data.join("light-types"), "light", &folder).await,
        Step::DarkTypes => types(paths, &data.join("dark-types"), "dark", &folder).await,
        Step::LightTime => more_time(paths, &data.join("light-time"), "light", &folder).await,
        Step::LightRejected => rejected(paths, &data.join("light-rejected"), "light", &folder).await,
        Step::DarkTime => more_time(paths, &data.join("dark-time"), "dark", &folder).await,
        Step::DarkRejected => rejected(paths, &data.join("dark-rejected"), "dark", &folder).await,
        Step::LightEmpty => empty(paths, &data.join("light-empty"), "light", &folder).await,
        Step::DarkEmpty => empty(paths, &data.join("dark-empty"), "dark", &folder).await,
        Step::LightWallet => wallet::way(paths, &data.join("light-wallet"), "light", &folder).await,
        Step::DarkWallet => wallet::way(paths, &data.join("dark-wallet"), "dark", &folder).await,
        Step::LightBackup => backup::way(paths, &data.join("light-backup"), "light", &folder).await,
        Step::DarkBackup => backup::way(paths, &data.join("dark-backup"), "dark", &folder).await,
        Step::As(guise) => {
            let folder = paths.pictures().join(guise.name());
            std::fs::create_dir_all(&folder)?;
            let paths = guise.locale().map_or_else(|| paths.clone(), |locale| paths.in_locale(locale));
            guised(&paths, &data.join(guise.name()), guise, &folder).await?;
            judged(&paths, &data.join(format!("{}-judged", guise.name())), guise, &folder).await
        }
        Step::Recording if !can_record() => Ok(()),
        Step::Recording => recording(paths, &data.join("recording"), &folder).await,
    }
}

/// Whether ffmpeg is there.
pub(crate) fn can_record() -> bool {
    std::process::Command::new("ffmpeg").arg("-version").output().is_ok_and(|out| out.status.success())
}

struct Camera<'a> {
    browser: &'a Browser,
    theme: &'a str,
    folder: &'a Path,
}

impl Camera<'_> {
    async fn set_up(&self, size: (u32, u32)) -> Result<()> {
        self.browser.dress(self.theme, size).await
    }

    async fn shoot(&self, name: &str) -> Result<()> {
        // What moves has come to rest.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let file = self.folder.join(format!("{name}-{}.png", self.theme));
        std::fs::write(&file, self.browser.picture().await?)?;
        say(&format!("{}", file.display()));
        Ok(())
    }

    /// The page as the window shows it, and the whole of it.
    async fn shoot_whole(&self, guise: Guise, name: &str) -> Result<()> {
        self.browser.dress_as(guise.features(), guise.size()).await?;
        self.shoot(name).await?;
        let height = self.browser.js("return document.documentElement.scrollHeight").await?.as_u64();
        let height = height.and_then(|height| u32::try_from(height).ok()).context("a page has a height")?;
        self.browser.dress_as(guise.features(), (guise.size().0, height)).await?;
        self.shoot(&format!("{name}-whole")).await
    }
}

pub(crate) async fn demonstration(paths: &Paths, data: &Path) -> Result<(World, Demo)> {
    let demo = Demo::load(&paths.repo)?;
    let mut world = World::start(paths, data).await?;
    world.buyer.judgments(&paths.repo, &demo).await?;
    let urls: Vec<String> = world.sites.iter().flat_map(|s| &s.documents).map(|(p, _)| World::url(p)).collect();
    world.buyer.order("A library's link check", &urls).await?;
    world.buyer.order("A library's link check", &["/to-login", "/to-router"].map(World::url)).await?;
    world.start_crowd()?;
    Ok((world, demo))
}

async fn stills(paths: &Paths, data: &Path, theme: &str, folder: &Path) -> Result<()> {
    let (mut world, demo) = demonstration(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = Person::new(&browser, &paths.repo, &demo)?;
    let camera = Camera { browser: &browser, theme, folder };
    browser.open(WELCOME).await?;
    camera.set_up(POPUP).await?;
    browser.find("start").await?;
    camera.shoot("welcome").await?;
    browser.click("start").await?;
    browser.find("accept-card").await?;
    camera.shoot("operator").await?;
    browser.click("accept-card").await?;
    browser.find("question").await?;
    camera.shoot("judgment-text").await?;
    let first = person.answer().await?;
    person.settled(&first, &["accepted", "ambiguous"]).await?;
    camera.shoot("credit").await?;
    for picture in ["digit", "photo"] {
        while browser.js("return !document.querySelector('.content img')").await? == json!(true) {
            person.answer().await?;
        }
        camera.shoot(&format!("judgment-{picture}")).await?;
        for _ in 0..4 {
            person.answer().await?;
        }
    }
    you(&browser, &person, &camera).await?;
    browser.open(&format!("popup.html?tab=1#/receipt/{first}")).await?;
    browser.until_attribute("receipt-valid", "data-valid", "true").await?;
    camera.shoot("receipt").await?;
    browser.click("change-byte").await?;
    browser.until_attribute("receipt-valid", "data-valid", "false").await?;
    camera.shoot("receipt-changed").await?;
    browser.open(BANDWIDTH).await?;
    browser.find("grant").await?;
    camera.shoot("bandwidth").await?;
    consent(&browser, &camera).await?;
    person.lend().await?;
    browser.open(HOME).await?;
    browser.until("fetches are listed", async || Ok(browser.text("earned-all").await?.len() > 3)).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    camera.set_up(TAB).await?;
    camera.shoot("home-tab").await?;
    lent(&browser, &camera).await?;
    browser.open(SETTINGS).await?;
    browser.click("pops-open").await?;
    browser.find("pops-minutes").await?;
    camera.shoot("settings").await?;
    camera.set_up(POPUP).await?;
    browser.open(COVER).await?;
    browser.find("cover").await?;
    camera.shoot("cover").await?;
    camera.set_up(TAB).await?;
    world.kill_coordinator().await?;
    browser.open(HOME).await?;
    browser.until_attribute("link-state", "data-state", "waiting").await?;
    camera.shoot("offline").await?;
    browser.close().await?;
    world.stop().await
}

/// How the person fares, once that is known.
async fn you(browser: &Browser, person: &Person<'_>, camera: &Camera<'_>) -> Result<()> {
    let mut last = person.skip().await?;
    for _ in 0..ANSWERS {
        last = person.answer().await?;
    }
    person.settled(&last, &["accepted", "ambiguous", "rejected"]).await?;
    browser.open(YOU).await?;
    browser.find("you-choice").await?;
    for (size, name) in [(TAB, "-tab"), (POPUP, "")] {
        camera.set_up(size).await?;
        camera.shoot(&format!("you{name}")).await?;
    }
    Ok(())
}

/// What there is to see before there is anything: loading, no work, no activity, and what isn't there.
async fn empty(paths: &Paths, data: &Path, theme: &str, folder: &Path) -> Result<()> {
    let world = World::start(paths, data).await?;
    let browser = world.browser("profile").await?;
    let camera = Camera { browser: &browser, theme, folder };
    camera.set_up(POPUP).await?;
    nothing_yet(&browser, async |name| camera.shoot(name).await).await?;
    if paths.browser == Kind::Chromium {
        browser.cdp("Network.enable", json!({})).await?;
        browser.cdp("Network.setBlockedURLs", json!({"urls": ["*.wasm"]})).await?;
        browser.open(HOME).await?;
        camera.shoot("loading").await?;
    }
    browser.close().await?;
    world.stop().await
}

/// First run, then each page that has an empty state, in it.
async fn nothing_yet(browser: &Browser, shoot: impl AsyncFn(&str) -> Result<()>) -> Result<()> {
    browser.open(WELCOME).await?;
    browser.click("start").await?;
    browser.click("accept-card").await?;
    for (page, name) in EMPTY {
        browser.open(page).await?;
        browser.until(name, async || Ok(browser.js(CALM).await? == json!(true))).await?;
        shoot(name).await?;
    }
    Ok(())
}

/// Home with a judgment, settings, limits, log and receipt, each whole.
async fn guised(paths: &Paths, data: &Path, guise: Guise, folder: &Path) -> Result<()> {
    let (world, demo) = demonstration(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &demo).await?;
    let camera = Camera { browser: &browser, theme: guise.name(), folder };
    let shoot = async |name: &str| camera.shoot_whole(guise, name).await;
    let offer = person.answer().await?;
    person.settled(&offer, &["accepted", "ambiguous"]).await?;
    shoot("home").await?;
    browser.open(&format!("popup.html?tab=1#/receipt/{offer}")).await?;
    browser.until_attribute("receipt-valid", "data-valid", "true").await?;
    shoot("receipt").await?;
    person.lend().await?;
    browser.open("popup.html?tab=1#/activity").await?;
    browser.find("log-row").await?;
    shoot("log").await?;
    for (page, element) in [(SETTINGS, "export"), (LIMITS, "week")] {
        browser.open(page).await?;
        browser.find(element).await?;
        shoot(page.rsplit('/').next().unwrap_or_default()).await?;
    }
    browser.close().await?;
    world.stop().await
}

/// Nothing yet, a judgment of each type, the flag sheet, a rejection with long evidence, how one fares: each whole.
async fn judged(paths: &Paths, data: &Path, guise: Guise, folder: &Path) -> Result<()> {
    let world = World::start(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = Person::new(&browser, &paths.repo, &Demo::load(&paths.repo)?)?;
    let camera = Camera { browser: &browser, theme: guise.name(), folder };
    let shoot = async |name: &str| camera.shoot_whole(guise, name).await;
    nothing_yet(&browser, shoot).await?;
    browser.open(HOME).await?;
    let order = order_reviewed(&world).await?;
    browser.find("judgment").await?;
    reject(&world, &browser, &person, &order, &[EVIDENCE; 8].join(" ")).await?;
    browser.click("contested").await?;
    browser.find("appeal-words").await?;
    shoot("rejection").await?;
    browser.open(HOME).await?;
    order_each(&world).await?;
    for asked in &ASKED {
        on_screen(&browser, asked).await?;
        let (first, rest) = asked.halves();
        person.touch_keys(first).await?;
        shoot(&format!("type-{}", asked.word)).await?;
        person.press_keys(rest).await?;
    }
    browser.open(YOU).await?;
    browser.find("you-choice").await?;
    shoot("you").await?;
    browser.close().await?;
    world.stop().await
}

/// A judgment of each type, half answered where it takes more than one touch.
async fn types(paths: &Paths, data: &Path, theme: &str, folder: &Path) -> Result<()> {
    let world = World::start(paths, data).await?;
    order_each(&world).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    let camera = Camera { browser: &browser, theme, folder };
    for asked in &ASKED {
        on_screen(&browser, asked).await?;
        if asked.word == "choice" {
            camera.set_up(POPUP).await?;
            flags(&browser, &camera).await?;
        }
        if browser.has("take-back").await? {
            camera.shoot("take-back").await?;
            browser.until("the answer is sent", async || Ok(!browser.has("take-back").await?)).await?;
        }
        let (first, rest) = asked.halves();
        person.touch_keys(first).await?;
        for (size, name) in [(TAB, "-tab"), (POPUP_ZOOMED, "-zoomed"), (POPUP, "")] {
            camera.set_up(size).await?;
            camera.shoot(&format!("type-{}{name}", asked.word)).await?;
        }
        person.press_keys(rest).await?;
    }
    practice(&world, &browser, &person, &camera).await?;
    contents(&world, &browser, &person, &camera).await?;
    browser.close().await?;
    world.stop().await
}

/// The sheet, with a reason chosen.
async fn flags(browser: &Browser, camera: &Camera<'_>) -> Result<()> {
    browser.press('f').await?;
    browser.find("flag-sheet").await?;
    browser.press('3').await?;
    camera.shoot("flag").await?;
    browser.press(ESCAPE).await
}

/// A lease that runs out: of a judgment, and of the one behind practice.
async fn more_time(paths: &Paths, data: &Path, theme: &str, folder: &Path) -> Result<()> {
    let world = World::start(&paths.with_leases_of(LEASE), data).await?;
    world.order_by_file("tests/demo/types/choice.json").await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    let camera = Camera { browser: &browser, theme, folder };
    camera.set_up(POPUP).await?;
    browser.find("more-time").await?;
    camera.shoot("more-time").await?;
    person.skip().await?;
    order(&world, "mail").await?;
    browser.find("practice").await?;
    browser.find("more-time").await?;
    camera.shoot("practice-more-time").await?;
    browser.close().await?;
    world.stop().await
}

/// A project whose buyer looks at each answer; gives the order.
async fn order_reviewed(world: &World) -> Result<String> {
    let project = json!({
        "title": "Street signs", "guideline": "Only what the sign itself says.", "question": "What does this sign say?",
        "options": ["Stop", "Give way", "Neither"], "contents": [{"text": "A triangle on its tip, with a red edge."}],
        "price": 6_000, "review": true, "rule": {"agree": 1, "people": 1},
    });
    world.buyer.create("projects", &project).await
}

/// Answers the judgment on screen, of this order, and has its buyer reject that.
async fn reject(world: &World, browser: &Browser, person: &Person<'_>, order: &str, evidence: &str) -> Result<()> {
    let offer = person.press_keys(&['1']).await?;
    person.settled(&offer, &["waiting"]).await?;
    let waits = async || Ok(!world.lull(&["answers", order]).await?.is_empty());
    browser.until("the answer at the buyer", waits).await?;
    world.lull(&["review", order, "--reject", &offer, "--evidence", evidence]).await?;
    browser.find("contested").await?;
    Ok(())
}

/// An answer that its buyer rejected, before and after the appeal.
async fn rejected(paths: &Paths, data: &Path, theme: &str, folder: &Path) -> Result<()> {
    let world = World::start(paths, data).await?;
    let order = order_reviewed(&world).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    let camera = Camera { browser: &browser, theme, folder };
    camera.set_up(POPUP).await?;
    camera.shoot("judgment-reviewed").await?;
    reject(&world, &browser, &person, &order, EVIDENCE).await?;
    camera.shoot("rejected").await?;
    browser.click("contested").await?;
    browser.find("appeal-words").await?.send_keys("There was no picture, and the text names no colour inside.").await?;
    camera.shoot("rejection").await?;
    browser.click("appeal").await?;
    browser.until_attribute("rejection", "data-state", "appealed").await?;
    camera.shoot("appealed").await?;
    browser.close().await?;
    world.stop().await
}

/// Practice: asked, wrong, right, over.
async fn practice(world: &World, browser: &Browser, person: &Person<'_>, camera: &Camera<'_>) -> Result<()> {
    order(world, "mail").await?;
    browser.open(HOME).await?;
    browser.find("practice").await?;
    camera.shoot("practice").await?;
    practise(browser, person, &['1'], false).await?;
    for (size, name) in [(TAB, "-tab"), (POPUP, "")] {
        camera.set_up(size).await?;
        camera.shoot(&format!("practice-other{name}")).await?;
    }
    person.touch_keys(&[ENTER]).await?;
    browser.until_text("practice-place", &["2 of 2"]).await?;
    practise(browser, person, &['2'], true).await?;
    camera.shoot("practice-right").await?;
    person.touch_keys(&[ENTER]).await?;
    browser.find("practice-over").await?;
    camera.shoot("practice-over").await?;
    // What was not read yet isn't started.
    tokio::time::sleep(Duration::from_secs(1)).await;
    browser.click("start-paid").await?;
    person.skip().await.map(drop)
}

/// A judgment of Markdown, one that is covered, and the choice of what is to be covered.
async fn contents(world: &World, browser: &Browser, person: &Person<'_>, camera: &Camera<'_>) -> Result<()> {
    let text = std::fs::read_to_string(world.paths.repo.join("tests/demo/types/markdown.txt"))?;
    let markdown = json!({"type": "rating", "title": "Answers", "steps": 5, "lowest": "no help", "highest": "just right",
        "guideline": "Rate **what it says**, not how it looks.", "question": "How well does this answer help?",
        "contents": [{"markdown": text}], "price": 6_000, "rule": {"agree": 1, "people": 1}});
    world.buyer.create("projects", &markdown).await?;
    browser.until_text("judgment", &["bowline"]).await?;
    for (size, name) in [(TAB, "-tab"), (POPUP, "")] {
        camera.set_up(size).await?;
        camera.shoot(&format!("markdown{name}")).await?;
    }
    person.skip().await?;
    let photo = std::fs::read(world.paths.repo.join("tests/demo/pictures/photo-002.jpg"))?;
    let hash = world.buyer.blob("image/jpeg", photo).await?;
    world.buyer.create("projects", &sensitive(json!([{"hash": hash, "alt": "a hand"}]))).await?;
    browser.open(SETTINGS).await?;
    browser.click("warn-medical").await?;
    browser.find("warnings-day").await?;
    browser.js("document.querySelector('[data-testid=warnings]').scrollIntoView()").await?;
    camera.shoot("sensitive-settings").await?;
    browser.open(HOME).await?;
    browser.find("covered").await?;
    camera.shoot("covered").await
}

/// What was lent and to whom: the log, one entry of it, its alibi; the limits.
async fn lent(browser: &Browser, camera: &Camera<'_>) -> Result<()> {
    browser.open("popup.html?tab=1#/activity").await?;
    browser.find("log-row").await?;
    camera.shoot("log-tab").await?;
    camera.set_up(POPUP).await?;
    camera.shoot("log").await?;
    browser.click("log-row").await?;
    browser.find("entry").await?;
    camera.shoot("entry").await?;
    if browser.has("open-alibi").await? {
        browser.click("open-alibi").await?;
        browser.find("alibi").await?;
        camera.set_up(TAB).await?;
        camera.shoot("alibi-tab").await?;
        camera.set_up(POPUP).await?;
    }
    browser.open("popup.html?tab=1#/limits").await?;
    browser.find("week").await?;
    camera.shoot("limits").await?;
    camera.set_up(TAB).await?;
    camera.shoot("limits-tab").await?;
    camera.set_up(POPUP).await
}

/// Consent half said, with one answer that is not quite right; then what Lull can and can't do.
async fn consent(browser: &Browser, camera: &Camera<'_>) -> Result<()> {
    browser.open(CONSENT).await?;
    for name in ["adult", "may-share", "answer-0-0", "answer-1-0"] {
        browser.click(name).await?;
    }
    browser.js("scrollTo(0, 0)").await?;
    camera.shoot("consent").await?;
    camera.set_up(TAB).await?;
    camera.shoot("consent-tab").await?;
    browser.open(FACTS).await?;
    browser.find("facts").await?;
    camera.shoot("facts-tab").await?;
    camera.set_up(POPUP).await?;
    camera.shoot("facts").await
}

async fn recording(paths: &Paths, data: &Path, folder: &Path) -> Result<()> {
    let (world, demo) = demonstration(paths, data).await?;
    let browser = world.browser("profile").await?;
    let person = Person::new(&browser, &paths.repo, &demo)?;
    let camera = Camera { browser: &browser, theme: "light", folder };
    browser.open(WELCOME).await?;
    camera.set_up(POPUP).await?;
    browser.find("start").await?;
    let mut film = Film { browser: &browser, data, started: Instant::now(), frames: Vec::new() };
    first_minute(&person, &mut film).await?;
    assemble(&film.frames, data, &folder.join("first-minute.webp")).await?;
    browser.close().await?;
    world.stop().await
}

/// The first minute at three times a person's pace.
async fn first_minute(person: &Person<'_>, film: &mut Film<'_>) -> Result<()> {
    let browser = film.browser;
    film.roll(1500).await?;
    browser.click("start").await?;
    browser.find("accept-card").await?;
    film.roll(2000).await?;
    browser.click("accept-card").await?;
    browser.find("question").await?;
    let mut offer = String::new();
    for _ in 0..6 {
        film.roll(700).await?;
        offer = person.answer().await?;
    }
    person.settled(&offer, &["accepted", "ambiguous"]).await?;
    film.roll(700).await?;
    browser.js(&format!("location.hash = '#/receipt/{offer}'")).await?;
    browser.until_attribute("receipt-valid", "data-valid", "true").await?;
    film.roll(1800).await?;
    browser.click("change-byte").await?;
    browser.until_attribute("receipt-valid", "data-valid", "false").await?;
    film.roll(2200).await?;
    browser.click("undo").await?;
    film.roll(800).await?;
    browser.js("location.hash = '#/bandwidth'").await?;
    browser.find("grant").await?;
    let rest = Duration::from_secs(RECORDING_S).saturating_sub(film.started.elapsed());
    film.roll(u64::try_from(rest.as_millis())?).await
}

/// Frames with the time each was taken.
struct Film<'a> {
    browser: &'a Browser,
    data: &'a Path,
    started: Instant,
    frames: Vec<(PathBuf, Duration)>,
}

impl Film<'_> {
    /// Films for so long: the driver takes one command at a time, so nothing else happens meanwhile.
    async fn roll(&mut self, ms: u64) -> Result<()> {
        let until = self.started.elapsed() + Duration::from_millis(ms);
        while self.started.elapsed() < until {
            let file = self.data.join(format!("frame-{:04}.png", self.frames.len()));
            std::fs::write(&file, self.browser.picture().await?)?;
            self.frames.push((file, self.started.elapsed()));
        }
        Ok(())
    }
}

/// An animated WebP, by ffmpeg.
async fn assemble(frames: &[(PathBuf, Duration)], data: &Path, target: &Path) -> Result<()> {
    let mut list = String::from("ffconcat version 1.0\n");
    for pair in frames.windows(2) {
        if let [(file, from), (_, to)] = pair {
            list.push_str(&format!("file '{}'\nduration {:.3}\n", file.display(), (*to - *from).as_secs_f64()));
        }
    }
    let script = data.join("frames.txt");
    std::fs::write(&script, list)?;
    let status = Command::new("ffmpeg")
        .args(["-y", "-loglevel", "error", "-f", "concat", "-safe", "0", "-i"])
        .arg(&script)
        .args(["-vf", "fps=10,scale=380:-1:flags=lanczos", "-loop", "0", "-quality", "60"])
        .arg(target)
        .status()
        .await
        .context("ffmpeg")?;
    ensure!(status.success(), "ffmpeg: {status}");
    say(&format!("{}", target.display()));
    Ok(())
}
