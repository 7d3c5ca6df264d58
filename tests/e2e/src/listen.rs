//! `cargo xtask listen`: someone who sees nothing answers ten items of each type that needs no eyes.
//!
//! For each step the browser's accessibility tree is written to `NNN.txt`, and what is in `NNN.keys` is pressed. That is
//! all that whoever answers is given. At the end the buyer's results are held against the truth.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::market::Demo;
use crate::person::HOME;
use crate::scenarios::begun;
use crate::world::{Paths, World};

/// The types, each with a file of ten items in [`ITEMS`].
const TYPES: [&str; 5] = ["choice", "multi", "compare", "rating", "verify"];
const ITEMS: &str = "tests/demo/listening";
/// How long keys are waited for.
const KEYS_WAIT: Duration = Duration::from_secs(540);
/// How often the file is looked for.
const LOOK: Duration = Duration::from_millis(200);
/// The page settles: the next judgment comes, focus moves, live regions speak.
const SETTLE: Duration = Duration::from_millis(700);
/// Steps in all; more than this means that nobody gets on.
const STEPS_MAX: u32 = 400;
/// A tree is printed no deeper than this.
const DEPTH_MAX: usize = 64;

/// Serves the trees from a folder until no judgment is left; prints how many answers were right.
pub(crate) async fn run(paths: &Paths, data: &Path, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    ensure!(std::fs::read_dir(folder)?.next().is_none(), "{} isn't empty", folder.display());
    let world = World::start(paths, data).await?;
    let mut orders = Vec::new();
    for name in TYPES {
        orders.push(world.order_by_file(&format!("{ITEMS}/{name}.json")).await?);
    }
    let browser = world.browser("profile").await?;
    let person = begun(paths, &browser, &Demo::load(&paths.repo)?).await?;
    browser.open(HOME).await?;
    println!(
        "The trees are in {}: write the keys for NNN.txt into NNN.keys, e.g. `2` or `ArrowDown Enter`.",
        folder.display()
    );
    let mut pressed = 0;
    let mut complaint = String::new();
    for step in 1..=STEPS_MAX {
        tokio::time::sleep(SETTLE).await;
        if !browser.has("judgment").await? {
            break;
        }
        let tree = tree(&browser).await?;
        std::fs::write(folder.join(format!("{step:03}.txt")), std::mem::take(&mut complaint) + &tree)?;
        let names = keys(&folder.join(format!("{step:03}.keys"))).await?;
        match names.split_whitespace().map(key).collect::<Result<Vec<_>>>() {
            Ok(keys) => {
                for key in keys {
                    browser.press(key).await?;
                    pressed += 1;
                }
            }
            Err(error) => complaint = format!("({error}; nothing was pressed)\n"),
        }
    }
    person.quiet().await?;
    let truth: Value = serde_json::from_slice(&std::fs::read(paths.repo.join(ITEMS).join("truth.json"))?)?;
    for (name, order) in TYPES.iter().zip(&orders) {
        let results = world.buyer.results(order).await?;
        let all = truth.get(name).and_then(Value::as_array).with_context(|| format!("no truth about {name}"))?;
        let is_right = |result: &&Value| {
            let at = result.get("item").and_then(Value::as_u64).and_then(|at| usize::try_from(at).ok());
            let expected = at.and_then(|at| all.get(at)).and_then(Value::as_object);
            expected.is_some_and(|fields| fields.iter().all(|(field, value)| result.get(field) == Some(value)))
        };
        let (right, wrong): (Vec<_>, Vec<_>) = results.iter().partition(is_right);
        println!("{name}: {} answered, {} right of {}", results.len(), right.len(), all.len());
        for result in wrong {
            println!("  another answer: {result}");
        }
    }
    println!("{pressed} keys in all");
    std::fs::write(folder.join("done"), "no judgment is left\n")?;
    browser.close().await?;
    world.stop().await
}

/// Waits for a file of keys and reads it.
async fn keys(file: &Path) -> Result<String> {
    let started = Instant::now();
    while !file.exists() {
        ensure!(started.elapsed() < KEYS_WAIT, "no keys in {}", file.display());
        tokio::time::sleep(LOOK).await;
    }
    // Whoever writes it has no reason to write it in pieces, but a moment to finish.
    tokio::time::sleep(LOOK).await;
    Ok(std::fs::read_to_string(file)?)
}

/// A key by its name in UI Events.
fn key(name: &str) -> Result<char> {
    Ok(match name {
        "Enter" => '\u{e007}',
        "Space" => ' ',
        "Tab" => '\u{e004}',
        "Escape" => '\u{e00c}',
        "ArrowUp" => '\u{e013}',
        "ArrowDown" => '\u{e015}',
        other => match other.chars().collect::<Vec<_>>()[..] {
            [one] => one,
            _ => bail!("no key is called {other}"),
        },
    })
}

/// The tree as a screen reader walks it: role, name, states; a line each.
async fn tree(browser: &Browser) -> Result<String> {
    browser.cdp("Accessibility.enable", json!({})).await?;
    let answer = browser.cdp("Accessibility.getFullAXTree", json!({})).await?;
    let nodes = answer.get("nodes").and_then(Value::as_array).context("a tree")?;
    let root = nodes.first().context("a root")?;
    let mut text = String::new();
    walk(nodes, root, "", 0, &mut text)?;
    Ok(text)
}

/// `within`: the name of what it is in.
fn walk(nodes: &[Value], node: &Value, within: &str, depth: usize, to: &mut String) -> Result<()> {
    let word = |name: &str| node.get(name).and_then(|value| value.get("value")).and_then(Value::as_str).unwrap_or("");
    let (role, name) = (word("role"), word("name"));
    // A text that only repeats its element's name isn't read out twice.
    let is_echo = role == "StaticText" && (name.trim().is_empty() || name == within);
    let is_ignored = node.get("ignored") == Some(&json!(true));
    let is_told = !is_ignored && !is_echo && !["none", "generic", "InlineTextBox"].contains(&role);
    if is_told {
        write!(to, "{:1$}{role}", "", 2 * depth)?;
        if !name.is_empty() {
            write!(to, " {name:?}")?;
        }
        for property in node.get("properties").and_then(Value::as_array).into_iter().flatten() {
            let name = property.get("name").and_then(Value::as_str).unwrap_or("");
            let value = property.pointer("/value/value").unwrap_or(&Value::Null);
            let is_told = match name {
                "checked" | "pressed" | "expanded" | "keyshortcuts" | "level" | "live" => true,
                "focused" | "disabled" => *value == json!(true),
                _ => false,
            };
            if is_told {
                write!(to, " [{name}: {}]", value.as_str().map_or_else(|| value.to_string(), str::to_owned))?;
            }
        }
        to.push('\n');
    }
    if depth >= DEPTH_MAX {
        return Ok(());
    }
    let within = if is_told { name } else { within };
    for child in node.get("childIds").and_then(Value::as_array).into_iter().flatten() {
        if let Some(child) = nodes.iter().find(|node| node.get("nodeId") == Some(child)) {
            walk(nodes, child, within, depth + usize::from(is_told), to)?;
        }
    }
    Ok(())
}
