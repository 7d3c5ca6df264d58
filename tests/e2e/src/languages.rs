//! Every page in the pseudo-locales: no word of ours that isn't a message, nothing that doesn't fit, in both directions.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::axe::{Look, axe_script, no_violation};
use crate::backup::{BACKUP, ERASE, typed};
use crate::browser::{Browser, ENTER};
use crate::content::sensitive;
use crate::flags::ESCAPE;
use crate::market::Demo;
use crate::offers::YOU;
use crate::person::{BANDWIDTH, CONSENT, COVER, FACTS, HOME, LIMITS, Person, SETTINGS, WALLET, WELCOME};
use crate::pictures::demonstration;
use crate::practice::{order, practise};
use crate::scenarios::begun;
use crate::types::{ASKED, on_screen, order_each};
use crate::world::{Paths, World};

/// Widths in which nothing may overflow, CSS pixels: the narrowest that is promised, which is also 640 at 200 % zoom
/// (WCAG 1.4.10); the popup's own; the widest.
const WIDTHS: [u32; 3] = [320, 380, 1_200];
const HEIGHT: u32 = 700;
/// What moves or fades has come to rest.
const REST: Duration = Duration::from_millis(600);

/// Words that stand in no message. Messages are in brackets, nested where one is part of another, and a sentence may
/// go through several elements, so depth is counted along the document. What isn't ours (names, numbers, an address) has
/// a direction of its own: an element with `dir`, or a `bdi`. A `kbd` shows what is printed on a key. The product has
/// one name in every language.
const UNTRANSLATED: &str = r#"
    const found = [], isOurs = element => !element.closest('[dir]:not(html), bdi, kbd, script, .wordmark');
    const outside = (text, depth) => {
        let rest = '';
        for (const c of text) {
            if (c === '⟦') depth += 1; else if (c === '⟧') depth -= 1; else if (depth === 0) rest += c;
        }
        return [rest, depth];
    };
    let depth = 0;
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; node = texts.nextNode();) {
        const [rest, after] = outside(node.data, depth);
        depth = after;
        if (/\p{L}/u.test(rest) && isOurs(node.parentElement)) found.push(`text: ${node.data}`);
    }
    if (depth !== 0) found.push(`brackets are open: ${depth}`);
    for (const element of document.querySelectorAll('body *')) {
        for (const name of ['aria-label', 'title', 'placeholder', 'alt', 'aria-description', 'aria-valuetext', 'aria-roledescription']) {
            const [rest] = outside(element.getAttribute(name) ?? '', 0);
            if (/\p{L}/u.test(rest) && isOurs(element) && !element.matches('.content img')) found.push(`${name}: ${rest}`);
        }
    }
    const [title] = outside(document.title, 0);
    if (/\p{L}/u.test(title.replace('Lull', ''))) found.push(`document.title: ${document.title}`);
    if (document.documentElement.lang !== LANGUAGE) found.push(`lang: ${document.documentElement.lang}`);
    if (document.documentElement.dir !== DIRECTION) found.push(`dir: ${document.documentElement.dir}`);
    return found"#;

/// What doesn't fit: a page wider than its window, text that leaves the box it stands in or the window, or is cut off.
/// What scrolls by itself may be wider than it seems.
const UNFITTING: &str = r#"
    const found = [], root = document.documentElement, name = element =>
        `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className} “${element.textContent.trim().slice(0, 60)}”`;
    if (root.scrollWidth > root.clientWidth) found.push(`the page is ${root.scrollWidth} px wide`);
    const scrolls = element => /auto|scroll/.test(getComputedStyle(element).overflowX);
    const within = element => { for (let e = element; e; e = e.parentElement) if (scrolls(e)) return e; return null; };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; node = texts.nextNode();) {
        const element = node.parentElement;
        if (!node.data.trim() || element.closest('.unseen, script, option, svg') || !element.checkVisibility()) continue;
        let box = element;
        while (getComputedStyle(box).display === 'inline') box = box.parentElement;
        const outer = within(element) ? null : box.getBoundingClientRect();
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const rect of range.getClientRects()) {
            if (rect.width < 1 || !outer) continue;
            // A preserved space hangs at the end of its line; a letter may lean a pixel over its edge, and boxes are
            // rounded.
            const style = getComputedStyle(element);
            const slack = style.whiteSpace.startsWith('pre') ? 8 : 2;
            // A face may be taller than its line (some systems' are, by half), which then overlaps its neighbours' empty
            // edges: no letter leaves the box by that.
            const taller = Math.max(0, rect.height - parseFloat(style.lineHeight)) || 0;
            const isOut = rect.right > outer.right + slack || rect.left < outer.left - slack || rect.bottom > outer.bottom + taller + 3 || rect.top < outer.top - taller - 3;
            if (isOut || rect.right > root.clientWidth + 1 || rect.left < -1) { found.push(`out of its box: ${name(box)} ${[rect.left - outer.left, outer.right - rect.right, rect.top - outer.top, outer.bottom - rect.bottom].map(Math.round)}`); break; }
        }
    }
    for (const element of document.querySelectorAll('body *')) {
        const style = getComputedStyle(element);
        if (!element.checkVisibility() || element.closest('.unseen, svg') || !element.textContent.trim()) continue;
        const cuts = how => how === 'hidden' || how === 'clip';
        if (cuts(style.overflowX) && element.scrollWidth > element.clientWidth + 1 || cuts(style.overflowY) && element.scrollHeight > element.clientHeight + 1) {
            found.push(`cut off: ${name(element)}`);
        }
    }
    return found"#;

/// Accented letters, 40 % longer.
const LONG: Walk = Walk { locale: "pseudo", language: "en-XA", direction: "ltr" };
/// Arabic letters.
const RTL: Walk = Walk { locale: "pseudo-rtl", language: "ar-XB", direction: "rtl" };

pub(crate) async fn pages_in_long_words(paths: &Paths, data: &Path) -> Result<()> {
    LONG.pages(paths, data).await
}

pub(crate) async fn types_in_long_words(paths: &Paths, data: &Path) -> Result<()> {
    LONG.types(paths, data).await
}

pub(crate) async fn pages_right_to_left(paths: &Paths, data: &Path) -> Result<()> {
    RTL.pages(paths, data).await
}

pub(crate) async fn types_right_to_left(paths: &Paths, data: &Path) -> Result<()> {
    RTL.types(paths, data).await
}

/// A walk over all pages.
struct Walk {
    /// The package's folder.
    locale: &'static str,
    /// What the pages say of their language.
    language: &'static str,
    direction: &'static str,
}

impl Walk {
    /// A judgment of each type, half answered where it takes more than one touch.
    async fn types(&self, paths: &Paths, data: &Path) -> Result<()> {
        let (paths, found) = (&paths.in_locale(self.locale), &mut Vec::new());
        let world = World::start(paths, data).await?;
        order_each(&world).await?;
        let browser = world.browser("profile").await?;
        let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
        for asked in &ASKED {
            on_screen(&browser, asked).await?;
            if asked.word == "choice" {
                self.flags(&browser, found).await?;
            }
            browser.press('?').await?;
            let (first, rest) = asked.halves();
            person.touch_keys(first).await?;
            self.look(&browser, asked.word, found).await?;
            person.press_keys(rest).await?;
            browser.find("take-back").await?;
            self.look(&browser, &format!("{} answered", asked.word), found).await?;
        }
        self.practice(&world, &browser, &person, found).await?;
        self.covered(&world, &browser, found).await?;
        person.skip().await?;
        browser.open(YOU).await?;
        browser.find("you-skips").await?;
        self.look(&browser, "how you fare", found).await?;
        browser.close().await?;
        world.stop().await?;
        ensure!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
        Ok(())
    }

    /// The sheet, with a reason chosen.
    async fn flags(&self, browser: &Browser, found: &mut Vec<String>) -> Result<()> {
        browser.press('f').await?;
        browser.find("flag-sheet").await?;
        browser.press('6').await?;
        self.look(browser, "flags", found).await?;
        browser.press(ESCAPE).await
    }

    /// Practice: asked, wrong, right, over.
    async fn practice(
        &self,
        world: &World,
        browser: &Browser,
        person: &Person<'_>,
        found: &mut Vec<String>,
    ) -> Result<()> {
        order(world, "mail").await?;
        browser.find("practice").await?;
        self.look(browser, "practice", found).await?;
        practise(browser, person, &['1'], false).await?;
        self.look(browser, "practice, another answer", found).await?;
        person.touch_keys(&[ENTER]).await?;
        practise(browser, person, &['2'], true).await?;
        self.look(browser, "practice, right", found).await?;
        person.touch_keys(&[ENTER]).await?;
        browser.find("practice-over").await?;
        self.look(browser, "practice over", found).await?;
        browser.click("start-paid").await?;
        person.skip().await.map(drop)
    }

    /// Content that is covered, then uncovered.
    async fn covered(&self, world: &World, browser: &Browser, found: &mut Vec<String>) -> Result<()> {
        world.buyer.create("projects", &sensitive(json!([{"text": "a hurt hand"}]))).await?;
        browser.open(SETTINGS).await?;
        browser.click("warn-medical").await?;
        browser.open(HOME).await?;
        browser.find("covered").await?;
        self.look(browser, "covered", found).await?;
        browser.click("uncover").await?;
        browser.find("option-1").await?;
        self.look(browser, "uncovered", found).await
    }

    async fn pages(&self, paths: &Paths, data: &Path) -> Result<()> {
        let (paths, found) = (&paths.in_locale(self.locale), &mut Vec::new());
        let (mut world, demo) = demonstration(paths, data).await?;
        let browser = world.browser("profile").await?;
        let person = Person::new(&browser, &paths.repo, &demo)?;
        browser.open(WELCOME).await?;
        browser.find("start").await?;
        self.look(&browser, "welcome", found).await?;
        browser.click("start").await?;
        browser.find("accept-card").await?;
        self.look(&browser, "operator", found).await?;
        browser.click("accept-card").await?;
        browser.find("question").await?;
        let offer = person.answer().await?;
        person.settled(&offer, &["accepted", "ambiguous"]).await?;
        self.look(&browser, "home with a credit", found).await?;
        self.receipt(&browser, &offer, found).await?;
        self.lent(&browser, &person, found).await?;
        self.settings(&browser, found).await?;
        for (page, element) in [(LIMITS, "week"), (WALLET, "wallet-page"), (COVER, "cover")] {
            browser.open(page).await?;
            browser.find(element).await?;
            self.look(&browser, page, found).await?;
        }
        self.key(&browser, found).await?;
        browser.open(HOME).await?;
        browser.click("pause").await?;
        browser.until_attribute("link-state", "data-state", "paused").await?;
        self.look(&browser, "paused", found).await?;
        browser.click("pause").await?;
        world.kill_coordinator().await?;
        browser.until_attribute("link-state", "data-state", "waiting").await?;
        self.look(&browser, "offline", found).await?;
        browser.close().await?;
        world.stop().await?;
        ensure!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
        Ok(())
    }

    async fn receipt(&self, browser: &Browser, offer: &str, found: &mut Vec<String>) -> Result<()> {
        browser.open(&format!("popup.html?tab=1#/receipt/{offer}")).await?;
        browser.until_attribute("receipt-valid", "data-valid", "true").await?;
        self.look(browser, "receipt", found).await?;
        browser.click("change-byte").await?;
        browser.until_attribute("receipt-valid", "data-valid", "false").await?;
        self.look(browser, "changed receipt", found).await?;
        browser.open("popup.html?tab=1#/receipt/00").await?;
        browser.until("no such receipt", async || Ok(browser.js(CALM).await? == json!(true))).await?;
        self.look(browser, "no receipt", found).await
    }

    /// What lending shows before and after: its pages, the log, one entry, its alibi.
    async fn lent(&self, browser: &Browser, person: &Person<'_>, found: &mut Vec<String>) -> Result<()> {
        for (page, element) in
            [(BANDWIDTH, "grant"), (FACTS, "facts"), ("popup.html?tab=1#/activity/9999", "entry-none")]
        {
            browser.open(page).await?;
            if element == "entry-none" {
                browser.until("no such entry", async || Ok(browser.js(CALM).await? == json!(true))).await?;
            } else {
                browser.find(element).await?;
            }
            self.look(browser, page, found).await?;
        }
        browser.open(CONSENT).await?;
        for name in ["adult", "answer-0-0", "answer-1-0"] {
            browser.click(name).await?;
        }
        self.look(browser, "consent", found).await?;
        person.lend().await?;
        browser.open("popup.html?tab=1#/activity").await?;
        let fetched = "return [...document.querySelectorAll('[data-testid=log-row]')].length > 3";
        browser.until("fetches are listed", async || Ok(browser.js(fetched).await? == json!(true))).await?;
        self.look(browser, "log", found).await?;
        browser.click("log-row").await?;
        browser.find("entry").await?;
        self.look(browser, "entry", found).await?;
        browser.click("open-alibi").await?;
        browser.find("alibi").await?;
        self.look(browser, "alibi", found).await?;
        browser.open(BANDWIDTH).await?;
        browser.find("lend-off").await?;
        self.look(browser, "lending", found).await
    }

    /// Making a backup and opening it, everything as a file, and the question before erasing.
    async fn key(&self, browser: &Browser, found: &mut Vec<String>) -> Result<()> {
        browser.open(SETTINGS).await?;
        browser.click("everything").await?;
        let saved =
            "return /lull-everything-.*json/.test(document.querySelector('[data-testid=everything-said]').textContent)";
        browser.until("everything is saved", async || Ok(browser.js(saved).await? == json!(true))).await?;
        self.look(browser, "everything", found).await?;
        browser.open(BACKUP).await?;
        browser.find("backup-worker").await?;
        typed(browser, "backup-first", "too short").await?;
        self.look(browser, "backup", found).await?;
        browser.click("backup-suggest").await?;
        let is_shown = "return document.querySelector('[data-testid=backup-again]').type === 'text'";
        browser.until("a passphrase", async || Ok(browser.js(is_shown).await? == json!(true))).await?;
        browser.click("backup-open").await?;
        let why = "return document.querySelector('[data-testid=backup-open-said]').textContent.length > 10";
        browser.until("no file is chosen", async || Ok(browser.js(why).await? == json!(true))).await?;
        self.look(browser, "backup, no file", found).await?;
        browser.open(ERASE).await?;
        browser.click("erase").await?;
        browser.find("erase-yes").await?;
        self.look(browser, "erase", found).await
    }

    async fn settings(&self, browser: &Browser, found: &mut Vec<String>) -> Result<()> {
        browser.open("popup.html?tab=1#/activity").await?;
        browser.click("never").await?;
        browser.find("never-said").await?;
        self.look(browser, "never again", found).await?;
        browser.open(SETTINGS).await?;
        browser.click("pops-notify").await?;
        browser.find("pops-minutes").await?;
        self.look(browser, "settings", found).await
    }

    /// Looks at the page in every width, and asks axe once.
    async fn look(&self, browser: &Browser, page: &str, found: &mut Vec<String>) -> Result<()> {
        let script = UNTRANSLATED
            .replace("LANGUAGE", &json!(self.language).to_string())
            .replace("DIRECTION", &json!(self.direction).to_string());
        note(found, page, &browser.js(&script).await?)?;
        for width in WIDTHS {
            browser.dress("light", (width, HEIGHT)).await?;
            tokio::time::sleep(REST).await;
            browser.js(OPEN_ALL).await?;
            note(found, &format!("{page}, {width} px"), &browser.js(UNFITTING).await?)?;
            browser.js(CLOSE_AGAIN).await?;
        }
        // As it is now: in the last of the widths.
        let [.., width] = WIDTHS;
        let look = Look { page: &format!("{page}, {}", self.language), theme: "light", width };
        if let Err(violation) = no_violation(browser, &axe_script()?, look).await {
            println!("   {violation}");
            found.push(violation.to_string());
        }
        Ok(())
    }
}

/// Opens all that folds, and closes what was closed.
const OPEN_ALL: &str =
    "document.querySelectorAll('details:not([open])').forEach(all => { all.open = true; all.dataset.shut = 1; })";
const CLOSE_AGAIN: &str =
    "document.querySelectorAll('details[data-shut]').forEach(all => { all.open = false; delete all.dataset.shut; })";
/// Whether the page says that there is nothing.
pub(crate) const CALM: &str = "return document.querySelector('.calm') !== null";

/// Keeps what was found.
fn note(found: &mut Vec<String>, page: &str, answer: &Value) -> Result<()> {
    for one in answer.as_array().context("a list")? {
        let line = format!("{page}: {}", one.as_str().unwrap_or_default());
        println!("   {line}");
        found.push(line);
    }
    Ok(())
}
