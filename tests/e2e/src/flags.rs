//! People flag a judgment: it stops, they are paid for their look, the buyer reads why.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::axe::{axe_script, no_violations, no_violations_in_popup};
use crate::browser::{Browser, ENTER};
use crate::market::Demo;
use crate::person::HOME;
use crate::scenarios::begun;
use crate::world::{Paths, World};

/// The key.
pub(crate) const ESCAPE: char = '\u{e00c}';
/// A look that is paid, and some more.
const LOOK: Duration = Duration::from_millis(6_000);
const PRICE: u64 = 6_000;

fn project() -> Value {
    json!({
        "title": "Signs",
        "guideline": "Type what you see.",
        "question": "What does the picture say?",
        "options": ["xK7q", "xk7Q"],
        "contents": [{"text": "Prove that you are human: which letters are these?"}],
        "price": PRICE,
        "rule": {"agree": 2, "people": 3}
    })
}

/// Two flag by keyboard, a third one looks on; then the buyer's own program reads the flags.
pub(crate) async fn flagged_by_keyboard(paths: &Paths, data: &Path) -> Result<()> {
    let world = World::start(paths, data).await?;
    let file = data.join("project.json");
    std::fs::write(&file, project().to_string())?;
    let order = world.order_by_file(file.to_str().context("a path in UTF-8")?).await?;
    let demo = Demo::load(&paths.repo)?;
    let browsers = [world.browser("first").await?, world.browser("second").await?, world.browser("third").await?];
    let [first, second, third] = &browsers;
    let people =
        [begun(paths, first, &demo).await?, begun(paths, second, &demo).await?, begun(paths, third, &demo).await?];
    let [flagger, second_flagger, onlooker] = &people;
    let looked_on = onlooker.offer().await?;
    tokio::time::sleep(LOOK).await;

    let flagged = flagger.offer().await?;
    uses_the_sheet(first).await?;
    // What was typed before the sheet was closed is still there.
    flagger.press_keys(&['f', '4', ENTER]).await?;
    let (role, label) = first.announced("take-back").await?;
    ensure!(
        role == "button" && label == "Take back: Flagged: It's someone else's CAPTCHA (“1s?f”)",
        "announced as {role} {label:?}"
    );
    first.press('z').await?;
    ensure!(flagger.offer().await? == flagged, "another judgment came back");
    flagger.touch_keys(&['f', '4']).await?;
    first.click("flag-note").await?;
    flagger.press_keys(&['z', '1', 's', ENTER]).await?;
    flagger.settled(&flagged, &["waiting"]).await?;

    let agreed = second_flagger.press_keys(&['f', '2', ENTER]).await?;
    flagger.settled(&flagged, &["accepted"]).await?;
    second_flagger.settled(&agreed, &["accepted"]).await?;
    third.until_text("notice", &["taken back", "You're paid for the look"]).await?;
    no_violations_in_popup(third, &axe_script()?, "a judgment that was taken back").await?;
    onlooker.settled(&looked_on, &["accepted"]).await?;

    reads_the_flags(&world, &order).await?;
    for (person, browser) in people.iter().zip(&browsers) {
        browser.open(HOME).await?;
        person.quiet().await?;
        let receipts = person.export(&world.data.join("downloads")).await?;
        let mine = world.verify_books(&receipts).await?;
        ensure!(mine.verified == 1 && mine.earned == PRICE, "{mine:?}");
    }
    for browser in browsers {
        browser.close().await?;
    }
    world.stop().await
}

/// Opens the sheet by its key: the focus goes in, single keys are dead in the note, and Escape brings it back.
async fn uses_the_sheet(browser: &Browser) -> Result<()> {
    let focus = "return document.activeElement?.dataset.testid ?? ''";
    let has_focus = async |name: &str| {
        browser
            .until(&format!("{name} has the focus"), async || Ok(browser.js(focus).await?.as_str() == Some(name)))
            .await
    };
    browser.press('f').await?;
    has_focus("flag-1").await?;
    no_violations(browser, &axe_script()?, "flags").await?;
    browser.press('6').await?;
    browser.click("flag-note").await?;
    for key in ['1', 's', '?', 'f'] {
        browser.press(key).await?;
    }
    let typed = browser.js("return document.querySelector('[data-testid=flag-note]').value").await?;
    let chosen = browser.js("return document.querySelector('[name=flag]:checked')?.dataset.testid ?? ''").await?;
    ensure!((&typed, &chosen) == (&json!("1s?f"), &json!("flag-6")), "typed {typed}, chosen {chosen}");
    browser.press(ESCAPE).await?;
    has_focus("flag").await?;
    ensure!(!browser.has("flag-sheet").await?, "the sheet is still there");
    Ok(())
}

async fn reads_the_flags(world: &World, order: &str) -> Result<()> {
    let flags = world.flags(order).await?;
    let told: Vec<_> =
        flags.iter().map(|flag| ["/flag", "/note", "/amount"].map(|field| flag.pointer(field))).collect();
    let [captcha, harmful, note, paid] = [json!("captcha"), json!("harmful"), json!("z1s"), json!(PRICE)];
    let expected = [[&captcha, &note, &paid], [&harmful, &Value::Null, &paid]].map(|flag| flag.map(Some));
    ensure!(told == expected, "the buyer reads {told:?}");
    let status = world.buyer.progress(order).await?;
    for (field, count) in [("/items/failed", 1), ("/held", 0), ("/flags/captcha", 1), ("/flags/unclear", 0)] {
        ensure!(status.pointer(field) == Some(&json!(count)), "{field} of {status}");
    }
    let for_the_operator = world.flags_for_the_operator().await?;
    ensure!(for_the_operator.lines().count() == 2 && for_the_operator.contains(order), "{for_the_operator}");
    Ok(())
}
