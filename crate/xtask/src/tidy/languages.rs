//! Languages: each has English's messages with English's placeholders, and each message is used.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Finding;
use super::named::Source;
use crate::messages::{self, ENGLISH, Messages};

/// What a language can say of its direction.
const DIRECTIONS: [&str; 2] = ["ltr", "rtl"];
/// The messages in `sources` are read by functions of this module.
const MODULE: &str = "text::";

/// Checks every folder of `locales`. `manifest` names messages, too.
pub(super) fn check(locales: &Path, sources: &[Source], manifest: &str) -> Result<Vec<Finding>> {
    let read = |language: &str| {
        let path = locales.join(language).join("messages.json");
        let text = fs::read(&path).with_context(|| path.display().to_string())?;
        messages::read(&text).with_context(|| path.display().to_string())
    };
    let english = read(ENGLISH)?;
    let mut findings = findings(ENGLISH, unused(&english, sources, manifest));
    for entry in fs::read_dir(locales).with_context(|| locales.display().to_string())? {
        let language = entry?.file_name().to_string_lossy().into_owned();
        findings.extend(self::findings(&language, differing(&language, &read(&language)?, &english)));
    }
    Ok(findings)
}

fn findings(language: &str, whats: Vec<String>) -> Vec<Finding> {
    let file = format!("static/_locales/{language}/messages.json");
    whats.into_iter().map(|what| Finding { file: file.clone(), line: 1, what }).collect()
}

/// Messages that nothing asks for.
fn unused(english: &Messages, sources: &[Source], manifest: &str) -> Vec<String> {
    let extension = || sources.iter().filter(|(name, _)| name.starts_with("extension/"));
    let mut called = BTreeSet::new();
    for (_, text) in extension() {
        let names = text.split(MODULE).skip(1);
        called.extend(
            names.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()),
        );
    }
    let is_used = |key: &String| {
        let function = messages::stem(english, key).unwrap_or(key);
        called.contains(function)
            || manifest.contains(&format!("__MSG_{key}__"))
            || extension().any(|(_, text)| text.contains(&format!("message(\"{key}\"")))
    };
    english.keys().filter(|key| !is_used(key)).map(|key| format!("`{key}` is used nowhere: take it out")).collect()
}

/// What of a language isn't as in English. Of a message for counts it has the forms that it needs, `other` at least.
fn differing(language: &str, messages: &Messages, english: &Messages) -> Vec<String> {
    let mut whats = Vec::new();
    for (key, message) in messages {
        let stem = messages::stem(english, key);
        let other = stem.map(|stem| format!("{stem}_other"));
        let Some(same) = english.get(key).or_else(|| english.get(other.as_ref()?)) else {
            whats.push(format!("`{key}` isn't in English"));
            continue;
        };
        let (declared, wanted) = (messages::placeholders(message), messages::placeholders(same));
        if declared != wanted {
            whats.push(format!("`{key}` declares {declared:?}, English {wanted:?}"));
        }
        let (text, wanted) = (messages::text(message), messages::text(same));
        let (has, wanted) = (messages::named(text), messages::named(wanted));
        let without_count = |names: &BTreeSet<&str>| names.iter().filter(|name| **name != "count").count();
        let is_same = if stem.is_some() { without_count(&has) == without_count(&wanted) } else { has == wanted };
        if !is_same || !has.iter().all(|name| declared.contains_key(name)) || text.is_empty() {
            whats.push(format!("`{key}` says {has:?}, English {wanted:?}"));
        }
    }
    let needed = english.keys().filter(|key| messages::stem(english, key).is_none() || key.ends_with("_other"));
    whats.extend(needed.filter(|key| !messages.contains_key(*key)).map(|key| format!("`{key}` is missing")));
    let says = |key: &str| messages.get(key).map(messages::text).unwrap_or_default();
    if says("language").replace('-', "_") != language {
        whats.push(format!("`language` says {:?}", says("language")));
    }
    if !DIRECTIONS.contains(&says("direction")) {
        whats.push(format!("`direction` says {:?}", says("direction")));
    }
    whats
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn language(tag: &str, more: serde_json::Value) -> Messages {
        let mut all =
            json!({"language": {"message": tag}, "direction": {"message": "ltr"}}).as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        all
    }

    fn english() -> Messages {
        let name = json!({"name": {"content": "$1"}});
        let count = json!({"count": {"content": "$1"}});
        language(
            "en",
            json!({
                "card": {"message": "For $name$", "placeholders": name},
                "n_one": {"message": "$count$ item", "placeholders": count},
                "n_other": {"message": "$count$ items", "placeholders": count},
            }),
        )
    }

    #[test]
    fn a_language_has_englishs_messages_and_its_own_plurals() {
        let count = json!({"count": {"content": "$1"}});
        let good = json!({
            "card": {"message": "Dla $name$", "placeholders": {"name": {"content": "$1"}}},
            "n_one": {"message": "jeden", "placeholders": count},
            "n_few": {"message": "$count$ a", "placeholders": count},
            "n_other": {"message": "$count$ b", "placeholders": count},
        });
        assert_eq!(differing("pl", &language("pl", good.clone()), &english()), Vec::<String>::new());
        let check = |change: &dyn Fn(&mut serde_json::Value), says: &str| {
            let mut bad = good.clone();
            change(&mut bad);
            let found = differing("pl", &language("pl", bad), &english());
            assert!(found.len() == 1 && found[0].contains(says), "{found:?}");
        };
        check(&|all| all["more"] = json!({"message": "x"}), "`more` isn't in English");
        check(&|all| all["card"]["message"] = json!("Dla"), "`card` says");
        check(&|all| all["card"]["placeholders"]["name"]["content"] = json!("$2"), "`card` declares");
        check(&|all| drop(all.as_object_mut().unwrap().remove("n_other")), "`n_other`");
        assert_eq!(differing("de", &language("pl", good), &english()).len(), 1, "another language's folder");
    }

    #[test]
    fn a_message_that_nothing_asks_for_is_found() {
        let english = english();
        let source = |text: &str| vec![("extension/popup/src/a.rs".to_owned(), text.to_owned())];
        let used = "text::card(name) text::n(2) text::language() text::direction()";
        assert_eq!(unused(&english, &source(used), ""), Vec::<String>::new());
        let found =
            unused(&english, &source("text::cards(name) text::n(2) message(\"language\", &[])"), "__MSG_direction__");
        assert_eq!(found, ["`card` is used nowhere: take it out"]);
    }
}
