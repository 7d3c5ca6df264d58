//! Makes a function of each message in `static/_locales/en/messages.json`, so that a word that is missing, or is given
//! other placeholders than it has, doesn't compile. Messages `x_one`, `x_other` … become one function `x`, which takes
//! the count first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use serde_json::Value;

/// The plural categories of CLDR, as keys end.
const CATEGORIES: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];
const COUNT: &str = "count";
/// The manifest's messages and the background's: no function here, so that each that is left is used or a warning.
const NOT_OF_THE_POPUP: [&str; 4] = ["action_title", "description", "notification_text", "notification_title"];
/// What only the flavour without bandwidth says.
const WITHOUT_BANDWIDTH: [&str; 1] = ["absent"];
/// Stands for the first placeholder in a template, and the next one for the next: `text.rs` reads it the same.
const FIRST_PLACE: u32 = 0xe000;

struct Message {
    template: String,
    placeholders: Vec<String>,
    description: String,
}

fn main() {
    let file = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"))
        .join("../../static/_locales/en/messages.json");
    println!("cargo::rerun-if-changed={}", file.display());
    println!("cargo::rerun-if-changed=build.rs");
    let text = fs::read_to_string(&file).expect("static/_locales/en/messages.json can be read");
    let messages = read(&text);
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).to_owned();
    fs::write(out.join("messages.rs"), functions(&messages)).expect("OUT_DIR can be written");
    fs::write(out.join("english.rs"), english(&messages)).expect("OUT_DIR can be written");
}

fn read(text: &str) -> BTreeMap<String, Message> {
    let json: BTreeMap<String, Value> = serde_json::from_str(text).expect("messages.json is an object");
    json.into_iter().map(|(key, value)| (key.clone(), message(&key, &value))).collect()
}

fn message(key: &str, json: &Value) -> Message {
    let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut placeholders = Vec::new();
    for (name, value) in json.get("placeholders").and_then(Value::as_object).into_iter().flatten() {
        let content = value.get("content").and_then(Value::as_str).unwrap_or_default();
        let place: usize = content.strip_prefix('$').and_then(|n| n.parse().ok()).unwrap_or_default();
        placeholders.push((place, name.clone()));
    }
    placeholders.sort();
    let in_order = placeholders.iter().zip(1..).all(|((place, _), expected)| *place == expected);
    assert!(in_order, "{key}: the contents of placeholders are $1, $2 and so on");
    let placeholders: Vec<String> = placeholders.into_iter().map(|(_, name)| name).collect();
    let mut template = text("message");
    assert!(!template.is_empty(), "{key}: no message");
    for (name, place) in placeholders.iter().zip(FIRST_PLACE..) {
        let place = char::from_u32(place).expect("a private use character").to_string();
        template = template.replace(&format!("${name}$"), &place);
    }
    assert!(!template.contains('$'), "{key}: a placeholder that isn't declared");
    Message { template, placeholders, description: text("description") }
}

/// The stem of a key that ends in a plural category, if its group has the one that every language has.
fn stem<'a>(messages: &BTreeMap<String, Message>, key: &'a str) -> Option<&'a str> {
    let (stem, category) = key.rsplit_once('_')?;
    let is_plural = CATEGORIES.contains(&category)
        && messages.get(&format!("{stem}_other")).is_some_and(|m| m.placeholders.iter().any(|name| name == COUNT));
    is_plural.then_some(stem)
}

fn functions(messages: &BTreeMap<String, Message>) -> String {
    let mut out = format!("/// How many messages there are.\nconst COUNT: usize = {};\n", messages.len());
    let mut stems = BTreeSet::new();
    for (number, (key, message)) in messages.iter().enumerate() {
        if let Some(stem) = stem(messages, key) {
            stems.insert(stem);
            continue;
        }
        if NOT_OF_THE_POPUP.contains(&key.as_str()) {
            continue;
        }
        if WITHOUT_BANDWIDTH.contains(&key.as_str()) {
            out.push_str("#[cfg(not(feature = \"bandwidth\"))]\n");
        }
        let Message { template, placeholders, description } = message;
        writeln!(out, "/// `{}` {description}", template.escape_debug()).expect("text");
        if placeholders.is_empty() {
            writeln!(out, "pub(crate) fn {key}() -> &'static str {{ plain({number}, {key:?}) }}").expect("text");
        } else {
            let names = placeholders.join(", ");
            let typed = of(placeholders);
            writeln!(out, "pub(crate) fn {key}({typed}) -> String {{ filled({number}, {key:?}, &[{names}]) }}")
                .expect("text");
        }
    }
    for stem in stems {
        let message = messages.get(&format!("{stem}_other")).expect("a stem has it");
        let (count, rest) = message.placeholders.split_first().expect("a plural has a count");
        assert!(count == COUNT, "{stem}_other: `count` is the first placeholder");
        let names: String = rest.iter().map(|name| format!(", {name}")).collect();
        let rest = if rest.is_empty() { String::new() } else { format!(", {}", of(rest)) };
        writeln!(out, "/// `{}` {}", message.template.escape_debug(), message.description).expect("text");
        writeln!(
            out,
            "pub(crate) fn {stem}(count: u64{rest}) -> String {{ counted({stem:?}, count, &[&crate::format::count(count){names}]) }}"
        )
        .expect("text");
    }
    out
}

fn of(placeholders: &[String]) -> String {
    placeholders.iter().map(|name| format!("{name}: &str")).collect::<Vec<_>>().join(", ")
}

/// The same messages as a table, for tests: outside a browser nobody else holds them.
fn english(messages: &BTreeMap<String, Message>) -> String {
    let rows = messages.iter().map(|(key, message)| format!("({key:?}, {:?}),\n", message.template));
    format!("&[\n{}]", rows.collect::<String>())
}
