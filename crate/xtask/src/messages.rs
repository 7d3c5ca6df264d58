//! `_locales/<language>/messages.json`: what the package and `tidy` need to know of it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// The language that every message is written in first.
pub(crate) const ENGLISH: &str = "en";
/// The plural categories of CLDR, as keys end.
const CATEGORIES: [&str; 6] = ["zero", "one", "two", "few", "many", "other"];

/// The messages of a language by their keys.
pub(crate) type Messages = Map<String, Value>;

/// Reads a language's file.
pub(crate) fn read(text: &[u8]) -> Result<Messages> {
    serde_json::from_slice(text).context("messages.json is no object of messages")
}

/// A message's text.
pub(crate) fn text(message: &Value) -> &str {
    message.get("message").and_then(Value::as_str).unwrap_or_default()
}

/// Its placeholders, each with what stands for it: `$1`.
pub(crate) fn placeholders(message: &Value) -> BTreeMap<&str, &str> {
    let all = message.get("placeholders").and_then(Value::as_object);
    let content = |value| Value::get(value, "content").and_then(Value::as_str).unwrap_or_default();
    all.into_iter().flatten().map(|(name, value)| (name.as_str(), content(value))).collect()
}

/// The names between dollar signs in a message's text.
pub(crate) fn named(text: &str) -> BTreeSet<&str> {
    text.split('$').skip(1).step_by(2).collect()
}

/// The stem of a message that is one of several by a count: `outbox` of `outbox_one`.
pub(crate) fn stem<'a>(messages: &Messages, key: &'a str) -> Option<&'a str> {
    let (stem, category) = key.rsplit_once('_')?;
    let other = messages.get(&format!("{stem}_other"))?;
    (CATEGORIES.contains(&category) && placeholders(other).contains_key("count")).then_some(stem)
}
