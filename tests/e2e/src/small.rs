//! The judgment in a popup's size, and in what a zoom of 200 % leaves of it.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::axe::{Look, axe_script, no_violation};
use crate::browser::Browser;
use crate::market::Demo;
use crate::pictures::{POPUP, POPUP_ZOOMED};
use crate::scenarios::begun;
use crate::types::{ASKED, on_screen, order_each};
use crate::world::{Paths, World};

/// What is out of place: nothing, if the question, what is judged and the answers are to be had in a window of this
/// height. `WHOLE`: all of it is on screen at once.
const MISPLACED: &str = "scrollTo(0, 0); const wrong = [], box = s => document.querySelector(s).getBoundingClientRect(); \
    const header = box('.header'), question = box('.question'), height = innerHeight; \
    if (header.height > 60) wrong.push(`the header is ${header.height} px high`); \
    if (question.bottom > height) wrong.push(`the question ends at ${question.bottom}`); \
    const options = [...document.querySelectorAll('.option')], last = options.at(-1).getBoundingClientRect(); \
    if (WHOLE && last.bottom > height) wrong.push(`the last option ends at ${last.bottom}`); \
    const stays = [...document.querySelectorAll('*')].filter(e => ['sticky', 'fixed'].includes(getComputedStyle(e).position)); \
    const covered = stays.reduce((sum, e) => sum + e.getBoundingClientRect().height, 0); \
    if (covered > height / 3) wrong.push(`${covered} px are covered`); \
    for (const one of [document.querySelector('.subject'), ...options]) { \
        one.scrollIntoView({block: 'nearest'}); \
        const at = one.getBoundingClientRect(), there = document.elementFromPoint(at.x + at.width / 2, Math.max(at.y, 0) + 12); \
        if (!one.contains(there)) wrong.push(`${one.className} lies beneath ${there?.className}`); } \
    scrollTo(0, 0); return wrong;";

/// Where the way back hangs: in reach, and over nothing that is read.
const TAKE_BACK: &str = "scrollTo(0, 0); const pill = document.querySelector('.take-back'), at = pill.getBoundingClientRect(); \
    const there = document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2); \
    const head = document.querySelector('.judgment-head')?.getBoundingClientRect().top ?? innerHeight; \
    return pill.contains(there) && at.height >= 24 && at.bottom <= head && document.getAnimations().length === 0;";

/// Nothing moves.
const STILL: (&str, &str) = ("prefers-reduced-motion", "reduce");

/// Each type in both sizes, without motion.
pub(crate) async fn each_type_in_a_small_popup(paths: &Paths, data: &Path) -> Result<()> {
    let axe = axe_script()?;
    let world = World::start(paths, data).await?;
    order_each(&world).await?;
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    for asked in &ASKED {
        on_screen(&browser, asked).await?;
        fits(&browser, POPUP, true, asked.word).await?;
        fits(&browser, POPUP_ZOOMED, false, asked.word).await?;
        small_for_axe(&browser, &axe, asked.word).await?;
        let (first, rest) = asked.halves();
        person.touch_keys(first).await?;
        person.press_keys(rest).await?;
        browser.find("take-back").await?;
        ensure!(browser.js(TAKE_BACK).await? == json!(true), "{}: the way back is out of place", asked.word);
        small_for_axe(&browser, &axe, &format!("{}, answered", asked.word)).await?;
    }
    browser.close().await?;
    world.stop().await
}

async fn fits(browser: &Browser, size: (u32, u32), is_whole: bool, word: &str) -> Result<()> {
    browser.dress_as(&[STILL], size).await?;
    let wrong = browser.js(&format!("const WHOLE = {is_whole}; {MISPLACED}")).await?;
    ensure!(wrong == json!([]), "{word} at {} × {}: {wrong}", size.0, size.1);
    Ok(())
}

/// Nothing for axe in what the zoom leaves.
async fn small_for_axe(browser: &Browser, axe: &str, page: &str) -> Result<()> {
    for theme in ["light", "dark"] {
        browser.dress_as(&[STILL, ("prefers-color-scheme", theme)], POPUP_ZOOMED).await?;
        no_violation(browser, axe, Look { page: &format!("small, {page}"), theme, width: POPUP_ZOOMED.0 }).await?;
    }
    Ok(())
}
