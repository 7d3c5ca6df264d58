//! Each type of judgment: a requester's file becomes a question, the keyboard answers it, the buyer reads the answer.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::axe::{axe_script, no_violations};
use crate::browser::{Browser, DOWN, ENTER};
use crate::market::Demo;
use crate::person::{HOME, SETTINGS};
use crate::scenarios::begun;
use crate::world::{Paths, World};

/// What a project of this pays for its one item, base units.
const PRICE: u64 = 6_000;

/// One judgment of a type.
pub(crate) struct Asked {
    /// Its file's name in `tests/demo/types`, which is the type's.
    pub(crate) word: &'static str,
    /// What answers it.
    keys: &'static [char],
    /// What answers it once it was taken back: what was chosen is still there.
    again: &'static [char],
    /// What the buyer reads then.
    answer: fn() -> Value,
    /// What the person's log says.
    said: &'static str,
    /// What a screen reader is told of some of its controls: `data-testid`, role, the name's beginning.
    announced: &'static [(&'static str, &'static str, &'static str)],
}

/// One of each type.
pub(crate) const ASKED: [Asked; 5] = [
    Asked {
        word: "choice",
        keys: &['3'],
        again: &['3'],
        answer: || json!({"answer": "A broken item", "option": 2}),
        said: "A broken item",
        announced: &[("option-1", "button", "A refund"), ("skip", "button", "Skip")],
    },
    Asked {
        word: "multi",
        keys: &['1', '2', '2', '5', ENTER],
        again: &['d'],
        answer: || json!({"answer": ["A person", "The sky"], "options": [0, 4]}),
        said: "A person · The sky",
        announced: &[("option-2", "checkbox", "An animal"), ("done", "button", "None of these")],
    },
    Asked {
        word: "compare",
        keys: &['1'],
        again: &['1'],
        answer: || json!({"answer": "left"}),
        said: "A is better",
        announced: &[("option-1", "button", "A is better"), ("option-4", "button", "Both bad")],
    },
    Asked {
        word: "rating",
        keys: &['4'],
        again: &['4'],
        answer: || json!({"answer": 4}),
        said: "4 of 5",
        announced: &[("option-1", "button", "1: I’m lost"), ("option-5", "button", "5: at a glance")],
    },
    Asked {
        word: "verify",
        keys: &['1', DOWN, DOWN, DOWN, ENTER],
        again: &['1'],
        answer: || json!({"answer": "supported", "sentence": 2}),
        said: "Supported, by sentence 3",
        announced: &[("sentence-2", "radio", "Its first lamp"), ("option-3", "button", "Not enough information")],
    },
];

impl Asked {
    /// Its keys by the names of UI Events.
    pub(crate) fn key_names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| match *key {
            ENTER => "Enter",
            DOWN => "ArrowDown",
            '1' => "1",
            '2' => "2",
            '3' => "3",
            '4' => "4",
            _ => "5",
        })
    }

    /// Its keys: those that only prepare the answer, and the rest.
    pub(crate) fn halves(&self) -> (&'static [char], &'static [char]) {
        self.keys.split_at(self.keys.len() - 1)
    }
}

/// Orders one of each, by the buyer's own program. Gives the orders.
pub(crate) async fn order_each(world: &World) -> Result<Vec<String>> {
    let mut orders = Vec::new();
    for asked in &ASKED {
        orders.push(world.order_by_file(&format!("tests/demo/types/{}.json", asked.word)).await?);
    }
    Ok(orders)
}

/// Waits for the judgment of this type.
pub(crate) async fn on_screen(browser: &Browser, asked: &Asked) -> Result<()> {
    let script = "return document.querySelector('.options')?.dataset.type ?? ''";
    let holds = async || Ok(browser.js(script).await?.as_str() == Some(asked.word));
    browser.until(&format!("the {} on screen", asked.word), holds).await
}

/// Each type from the requester's file to the result that the buyer reads, by keyboard alone.
pub(crate) async fn each_type_by_keyboard(paths: &Paths, data: &std::path::Path) -> Result<()> {
    let axe = axe_script()?;
    let world = World::start(paths, data).await?;
    let orders = order_each(&world).await?;
    let browser = world.browser("profile").await?;
    let demo = Demo::load(&paths.repo)?;
    let person = begun(paths, &browser, &demo).await?;
    for (asked, order) in ASKED.iter().zip(&orders) {
        on_screen(&browser, asked).await?;
        for (name, role, label) in asked.announced {
            let (found_role, found_label) = browser.announced(name).await?;
            ensure!(
                found_role == *role && found_label.starts_with(label),
                "{}: {name} is announced as {found_role} {found_label:?}",
                asked.word
            );
        }
        no_violations(&browser, &axe, asked.word).await?;
        // A skip by mistake is taken back, and its judgment is there again.
        let skipped = person.press_keys(&['s']).await?;
        let (role, label) = browser.announced("take-back").await?;
        ensure!(role == "button" && label == "Take back: Skipped", "announced as {role} {label:?}");
        browser.press('z').await?;
        on_screen(&browser, asked).await?;
        ensure!(person.offer().await? == skipped, "another judgment came back");
        // What needs more than one key is there when the page is closed and opened again.
        let (begins, ends) = asked.halves();
        if !begins.is_empty() {
            person.touch_keys(begins).await?;
            browser.open(HOME).await?;
            on_screen(&browser, asked).await?;
        }
        // A slip: it is taken back, what was chosen is still there, and one key answers again.
        let slip = person.press_keys(ends).await?;
        browser.find("take-back").await?;
        let (role, label) = browser.announced("take-back").await?;
        ensure!(role == "button" && label == format!("Take back: {}", asked.said), "announced as {role} {label:?}");
        if ASKED.last().is_some_and(|last| last.word != asked.word) {
            // What was answered is said with the question that comes, which may come first.
            let said = format!("{}. Z takes it back. ", asked.said);
            let script = "return document.querySelector('[data-testid=next-question]')?.textContent ?? ''";
            let holds = async || Ok(browser.js(script).await?.as_str().is_some_and(|spoken| spoken.starts_with(&said)));
            browser.until(&format!("“{said}” is heard"), holds).await?;
        }
        browser.press('z').await?;
        on_screen(&browser, asked).await?;
        let offer = person.press_keys(asked.again).await?;
        ensure!(offer == slip, "another judgment came back");
        person.settled(&offer, &["accepted"]).await?;
        let said = browser
            .js(&format!(
                "return document.querySelector('[data-testid=activity-row][data-offer=\"{offer}\"]').innerText"
            ))
            .await?;
        ensure!(said.as_str().is_some_and(|said| said.contains(asked.said)), "the log says {said}");
        let results = world.buyer.results(order).await?;
        let result = results.first().context("the buyer reads no result")?;
        let expected = (asked.answer)();
        for (field, value) in expected.as_object().context("an object")? {
            ensure!(result.get(field) == Some(value), "{}: {field} is {result}", asked.word);
        }
        ensure!(result.get("amount") == Some(&json!(PRICE)), "{result}");
        ensure!(result.get("input") == Some(&json!("keyboard")), "{result}");
    }
    browser.open(HOME).await?;
    person.quiet().await?;
    let receipts = person.export(&world.data.join("downloads")).await?;
    let verified = world.verify(&receipts).await?;
    let count = ASKED.len() as u64;
    ensure!(verified.verified == count && verified.earned == count * PRICE, "{verified:?}");
    browser.close().await?;
    world.stop().await
}

/// Sets the page's clock back an hour, as a person or a time server may while a question is on screen.
pub(crate) const CLOCK_BACK: &str = "const clock = window.Date, now = clock.now.bind(clock); clock.now = () => now() - 3600000; return clock.now() < now()";

/// Several options, sentences and steps by mouse: clicks that toggle, mark and answer, whatever the clock does.
pub(crate) async fn each_type_by_pointer(paths: &Paths, data: &std::path::Path) -> Result<()> {
    const CLICKS: [&[&str]; 5] =
        [&["option-3"], &["option-1", "option-5", "done"], &["option-1"], &["option-4"], &["sentence-3", "option-1"]];
    let world = World::start(paths, data).await?;
    let orders = order_each(&world).await?;
    let browser = world.browser("profile").await?;
    let demo = Demo::load(&paths.repo)?;
    let person = begun(paths, &browser, &demo).await?;
    browser.open(SETTINGS).await?;
    browser.click("single-keys").await?;
    browser.open(HOME).await?;
    // With single keys off neither answers.
    let offer = person.offer().await?;
    person.touch_keys(&['1', 's', ' ']).await?;
    person.touch_keys(&['z']).await?;
    ensure!(person.offer().await? == offer && !browser.has("take-back").await?, "a key that is off did something");
    ensure!(browser.js(CLOCK_BACK).await? == json!(true), "the clock can't be set");
    for ((asked, order), clicks) in ASKED.iter().zip(&orders).zip(CLICKS) {
        on_screen(&browser, asked).await?;
        let offer = person.click_each(clicks).await?;
        person.settled(&offer, &["accepted"]).await?;
        let results = world.buyer.results(order).await?;
        let result = results.first().context("the buyer reads no result")?;
        for (field, value) in (asked.answer)().as_object().context("an object")? {
            ensure!(result.get(field) == Some(value), "{}: {field} is {result}", asked.word);
        }
        ensure!(result.get("input") == Some(&json!("pointer")), "{result}");
    }
    browser.close().await?;
    world.stop().await
}
