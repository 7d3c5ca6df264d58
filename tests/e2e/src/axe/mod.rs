//! axe-core's judgment of a page: what the scenarios ask, and what they leave for the report.

mod report;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};

use self::report::Entry;
pub(crate) use self::report::{keep, table};
use crate::browser::Browser;

/// Colours that fade into the theme have arrived.
const FADED: Duration = Duration::from_millis(600);
/// How high the window is, CSS pixels.
const HEIGHT: u32 = 700;
/// The popup's width and a tab's, CSS pixels.
const POPUP_WIDTH: u32 = 380;
const TAB_WIDTH: u32 = 760;

/// What axe-core finds by WCAG 2.0 to 2.2, A and AA: its version, how many rules passed, the rules that are violated and
/// those that it can't decide, each with its nodes.
const RUN: &str = "const done = arguments[0]; \
    const told = rules => rules.map(rule => ({rule: rule.id, nodes: rule.nodes.map(node => ({ \
        target: node.target.flat().join(' '), \
        why: [...node.any, ...node.all, ...node.none].map(check => check.message).join(' ')}))})); \
    axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}).then( \
        r => done({axe: r.testEngine.version, passed: r.passes.length, \
            violations: told(r.violations), incomplete: told(r.incomplete)}), \
        e => done({error: String(e)}))";

/// What the checks of one scenario have found so far; its browsers share it.
#[derive(Clone, Default)]
pub(crate) struct Found {
    scenario: &'static str,
    browser: &'static str,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl Found {
    /// Of this scenario in this browser, nothing yet.
    pub(crate) fn new(scenario: &'static str, browser: &'static str) -> Self {
        Self { scenario, browser, entries: Arc::default() }
    }

    /// All of it, in the order of the checks.
    pub(crate) fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut *self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, entry: Entry) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }
}

/// A page or state of one, and how it is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) page: &'a str,
    pub(crate) theme: &'a str,
    /// CSS pixels.
    pub(crate) width: u32,
}

/// The script of axe-core.
pub(crate) fn axe_script() -> Result<String> {
    let axe =
        std::env::var_os("LULL_AXE_SCRIPT").context("LULL_AXE_SCRIPT is not set: start this through `cargo xtask`")?;
    Ok(std::fs::read_to_string(axe)?)
}

/// Asks axe-core about the page in both themes, in the popup's and in a tab's width.
pub(crate) async fn no_violations(browser: &Browser, axe: &str, page: &str) -> Result<()> {
    no_violations_at(browser, axe, page, &[POPUP_WIDTH, TAB_WIDTH]).await
}

/// The same in the popup's width alone: for a state that differs from one that was asked about by few elements, or that
/// doesn't last.
pub(crate) async fn no_violations_in_popup(browser: &Browser, axe: &str, page: &str) -> Result<()> {
    no_violations_at(browser, axe, page, &[POPUP_WIDTH]).await
}

async fn no_violations_at(browser: &Browser, axe: &str, page: &str, widths: &[u32]) -> Result<()> {
    for theme in ["light", "dark"] {
        for width in widths.iter().copied() {
            browser.dress(theme, (width, HEIGHT)).await?;
            tokio::time::sleep(FADED).await;
            no_violation(browser, axe, Look { page, theme, width }).await?;
        }
    }
    Ok(())
}

/// The same about the page as it is.
pub(crate) async fn no_violation(browser: &Browser, axe: &str, look: Look<'_>) -> Result<()> {
    let Look { page, theme, width } = look;
    browser.js(axe).await?;
    let answer = browser.js_async(RUN).await?;
    let found =
        serde_json::from_value(answer.clone()).with_context(|| format!("{page}, {theme}: axe-core says {answer}"))?;
    let at_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis().try_into()?;
    let kept = browser.found();
    let (scenario, in_browser) = (kept.scenario.to_owned(), kept.browser.to_owned());
    let (page, theme) = (page.to_owned(), theme.to_owned());
    let entry = Entry { scenario, browser: in_browser, page, theme, width, at_ms, found };
    let violations = entry.violations_said();
    kept.add(entry);
    ensure!(violations.is_empty(), "{}, {}, {width} px: {violations}", look.page, look.theme);
    Ok(())
}
