//! The Firefox form of the one manifest: derived, so that the two can't come apart. A key that nobody has
//! thought about for Firefox is an error, not a guess.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

/// The add-on's id: what Firefox keeps its storage and its permissions under. It never changes.
const ID: &str = "{7b1e6d52-4a0c-4f0e-9d1b-5c7f5a9e2c64}";
/// The version that the end-to-end suite runs in, as `minimum_chrome_version` is: private addresses and a
/// background that lives while it is connected were proven there.
pub(super) const STRICT_MIN_VERSION: &str = "153.0";
/// Asking the browser's resolver before each hop, since its `fetch` can't refuse private addresses. It warns of
/// nothing at install.
const LOOK_UP: &str = "dns";

/// Keys that mean the same in both browsers.
const SHARED: [&str; 13] = [
    "manifest_version",
    "name",
    "short_name",
    "description",
    "version",
    "default_locale",
    "icons",
    "action",
    "permissions",
    "optional_permissions",
    "optional_host_permissions",
    "incognito",
    "content_security_policy",
];
/// Keys that only Chrome knows, or that have another form in Firefox.
const REPLACED: [&str; 3] = ["minimum_chrome_version", "background", "storage"];

/// What the add-on sends, in Mozilla's categories, as its own consent screen tells it.
///
/// Nothing is sent when it is installed, nor before the person has agreed to the operator's card; what is sent
/// then for judgments are the answers, flags and wishes that the person gives for that purpose, which are in no category. Lending
/// bandwidth sends what websites answered (never ones that the person visited), so `websiteContent` is asked for
/// and given back together with the permission for all sites.
fn data_collection() -> Value {
    json!({ "required": ["none"], "optional": ["websiteContent"] })
}

/// Derives it.
pub(super) fn manifest(chrome: &Value) -> Result<Value> {
    let chrome = chrome.as_object().context("manifest.json is no object")?;
    if let Some(key) = chrome.keys().find(|key| !SHARED.contains(&key.as_str()) && !REPLACED.contains(&key.as_str())) {
        bail!("nobody has said what manifest.json's {key:?} is in Firefox: see package/firefox.rs");
    }
    let mut firefox: Map<String, Value> = Map::new();
    for (key, value) in chrome.iter().filter(|(key, _)| !REPLACED.contains(&key.as_str())) {
        firefox.insert(key.clone(), value.clone());
    }
    firefox.insert("background".to_owned(), event_page(chrome.get("background"))?);
    let permissions = firefox.get_mut("permissions").and_then(Value::as_array_mut).context("no permissions")?;
    ensure!(!permissions.contains(&json!(LOOK_UP)), "manifest.json, Chrome's form, can't have {LOOK_UP:?}");
    permissions.push(json!(LOOK_UP));
    let gecko = json!({
        "id": ID,
        "strict_min_version": STRICT_MIN_VERSION,
        "data_collection_permissions": data_collection(),
    });
    firefox.insert("browser_specific_settings".to_owned(), json!({ "gecko": gecko }));
    Ok(Value::Object(firefox))
}

/// A module service worker becomes an event page of the same module.
fn event_page(background: Option<&Value>) -> Result<Value> {
    let worker = background.and_then(|b| b.get("service_worker")).and_then(Value::as_str);
    let worker = worker.context("manifest.json has no background.service_worker")?;
    let expected = json!({ "service_worker": worker, "type": "module" });
    ensure!(background == Some(&expected), "manifest.json's background has more in it than is known of here");
    Ok(json!({ "scripts": [worker], "type": "module" }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::repo;

    fn chrome() -> Value {
        serde_json::from_str(&std::fs::read_to_string(repo().join("manifest.json")).unwrap()).unwrap()
    }

    #[test]
    fn what_is_shared_is_the_same_and_what_is_firefoxs_is_there() {
        let (chrome, firefox) = (chrome(), manifest(&chrome()).unwrap());
        for key in SHARED.into_iter().filter(|key| *key != "permissions") {
            assert_eq!(firefox.get(key), chrome.get(key), "{key}");
        }
        assert_eq!(firefox["background"], json!({"scripts": ["background.js"], "type": "module"}));
        assert_eq!(firefox["permissions"], json!(["alarms", "idle", "storage", "webRequest", "dns"]));
        assert_eq!(firefox["incognito"], "not_allowed", "never in a private window");
        assert_eq!(firefox.get("host_permissions"), None, "no site may be read at install");
        assert_eq!(firefox.get("minimum_chrome_version"), None);
        let gecko = &firefox["browser_specific_settings"]["gecko"];
        assert_eq!(gecko["data_collection_permissions"]["required"], json!(["none"]));
        assert_eq!(gecko["data_collection_permissions"]["optional"], json!(["websiteContent"]));
        let major = gecko["strict_min_version"].as_str().and_then(|v| v.split('.').next()).unwrap();
        assert!(major.parse::<u32>().unwrap() >= 140, "older ones don't know data_collection_permissions");
    }

    #[test]
    fn what_nobody_has_thought_about_is_an_error() {
        let check = |change: &dyn Fn(&mut Value), words: &str| {
            let mut changed = chrome();
            change(&mut changed);
            let error = manifest(&changed).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        check(&|m| m["side_panel"] = json!({}), "side_panel");
        check(&|m| m["host_permissions"] = json!(["*://*/*"]), "host_permissions");
        check(&|m| m["background"]["persistent"] = json!(true), "background");
        check(&|m| m["background"] = json!({}), "service_worker");
        check(&|m| m["permissions"] = json!(["dns"]), "dns");
        check(&|m| drop(m.as_object_mut().unwrap().remove("permissions")), "permissions");
    }
}
