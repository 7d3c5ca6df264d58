//! `store/`: what the stores are told. A reason for each permission and the steps to rebuild are made here, from
//! the manifest and the pinned versions, so that they can't be out of date.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::setup::{WASM_BINDGEN, WASM_OPT_VERSION, WASM_PACK};
use crate::shell::repo;

/// Why the extension asks for what it asks for. Each permission of the manifest is here, and nothing else.
const REASONS: [(&str, &str); 7] = [
    (
        "dns",
        "Firefox only: asks the browser's resolver where a name leads before a request is sent, so that a name that \
         leads to a private network is refused before anything goes there. Chrome refuses that by itself.",
    ),
    (
        "alarms",
        "Wakes the background to connect again after the browser stopped it, or after the connection was lost. No alarm is \
         set while everything is switched off.",
    ),
    (
        "idle",
        "Bandwidth is used, by default, only while nobody is at the keyboard, and a judgment calls, if that was chosen, only \
         while somebody is. Read for nothing else, and never sent.",
    ),
    (
        "storage",
        "Reads one managed setting, allow_bandwidth, by which an organisation decides about its browsers. Nothing is \
         written with it; Lull's own records are in IndexedDB.",
    ),
    (
        "webRequest",
        "Tells which address answered Lull's own request, so that an answer from a private network is refused before a byte \
         of it is read, and where a redirect leads, so that it is judged before it is sent. A listener exists only while \
         such a request is under way, filtered to its one address; nothing of the person's browsing is seen. Not blocking.",
    ),
    (
        "notifications",
        "Optional, never asked for at installation. Asked for by the click that chooses to be told of judgments by a \
         notification; nothing else is ever shown by one.",
    ),
    (
        "*://*/*",
        "Optional, never asked for at installation. Asked for from a full page, by a click, when a person who has agreed \
         switches bandwidth on: buyers' public pages may be anywhere. Given back the moment it is switched off.",
    ),
];

/// Writes the generated files.
pub(crate) fn write() -> Result<()> {
    let path = file();
    fs::create_dir_all(path.parent().unwrap_or(&path))?;
    fs::write(&path, permissions_page(&manifest()?)?)?;
    println!("wrote {}", path.display());
    Ok(())
}

fn file() -> PathBuf {
    repo().join("store/permissions.md")
}

fn manifest() -> Result<Value> {
    serde_json::from_slice(&fs::read(repo().join("manifest.json"))?).context("manifest.json")
}

/// A reason for each permission, and how much of it there is at installation.
fn permissions_page(manifest: &Value) -> Result<String> {
    let listed = |key: &str| -> Vec<String> {
        let list = manifest.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    if !listed("host_permissions").is_empty() || manifest.get("content_scripts").is_some() {
        bail!("nothing about sites may be asked for at installation");
    }
    let (fixed, called, optional) =
        (listed("permissions"), listed("optional_permissions"), listed("optional_host_permissions"));
    let mut text = String::from(
        "# Permissions\n\nMade from `manifest.json` by `cargo xtask store`. Installing shows no warning: nothing here brings one \
         up, and no site is accessible until a person has agreed and the browser itself has asked.\n",
    );
    let firefox = crate::package::firefox_form(manifest)?;
    let of_firefox =
        firefox.get("permissions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let only_firefox: Vec<String> =
        of_firefox.filter(|name| !fixed.iter().any(|n| n == name)).map(str::to_owned).collect();
    let sections = [
        ("At installation", &fixed),
        ("At installation in Firefox, besides", &only_firefox),
        ("Only when a person wants notifications", &called),
        ("Only when a person switches bandwidth on", &optional),
    ];
    for (heading, names) in sections {
        text.push_str(&format!("\n## {heading}\n\n"));
        for name in names {
            let reason = REASONS.iter().find(|(known, _)| known == name).map(|(_, reason)| *reason);
            let reason = reason.with_context(|| format!("{name} has no reason in crate/xtask/src/store.rs"))?;
            text.push_str(&format!("- `{name}`: {reason}\n"));
        }
    }
    for (name, _) in REASONS {
        if ![&fixed, &only_firefox, &called, &optional].iter().any(|names| names.iter().any(|asked| asked == name)) {
            bail!("{name} has a reason and is not asked for");
        }
    }
    Ok(text)
}

/// `BUILD.md` of the source archive; `rustc`: what the compiler says of itself.
pub(crate) fn build_page(rustc: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "# Rebuilding Lull {version}\n\n\
         The package is Rust, compiled to WebAssembly, and a few lines of JavaScript that are readable as they are \
         (`extension/entry`, and the glue that wasm-bindgen writes). Nothing is minified or obfuscated.\n\n\
         ## With\n\n\
         - Linux on x86-64 (Debian 12 was used), Node 18 or newer, git is not needed\n\
         - {rustc}, with the target wasm32-unknown-unknown (`rustup target add wasm32-unknown-unknown`)\n\
         - wasm-pack {WASM_PACK}, wasm-bindgen {WASM_BINDGEN}, binaryen (wasm-opt) {WASM_OPT_VERSION}: installed by the build \
         itself into `~/.cache/lull` where they are missing\n\
         - Crates as `Cargo.lock` pins them\n\n\
         ## Steps\n\n\
         ```sh\n\
         cargo xtask setup --for build\n\
         cargo xtask package\n\
         sha256sum target/extension/*.zip\n\
         ```\n\n\
         `target/extension/chromium.zip` is the package, and the folder beside it holds the same files. The uploaded one \
         holds one more file, `trust.json`, with the coordinator's address and key: the same as from\n\
         `cargo xtask package --coordinator wss://HOST/v1/worker --fingerprint HEX`.\n\n\
         The build gives the same bytes in any folder; `cargo xtask package --source --verify` builds it twice and compares. \
         Another compiler gives other bytes.\n"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_generated_page_is_of_today() {
        let page = permissions_page(&manifest().unwrap()).unwrap();
        assert_eq!(fs::read_to_string(file()).unwrap_or_default(), page, "run `cargo xtask store` and read the diff");
    }

    #[test]
    fn a_permission_without_a_reason_and_a_reason_without_a_permission_fail() {
        let check = |change: &dyn Fn(&mut Value), words: &str| {
            let mut changed = manifest().unwrap();
            change(&mut changed);
            let error = permissions_page(&changed).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        check(&|m| m["permissions"].as_array_mut().unwrap().push(json!("tabs")), "tabs has no reason");
        check(&|m| m["permissions"].as_array_mut().unwrap().retain(|p| p != "idle"), "idle has a reason and");
        check(&|m| m["host_permissions"] = json!(["*://*/*"]), "at installation");
        check(&|m| m["content_scripts"] = json!([]), "at installation");
    }

    #[test]
    fn no_page_opens_when_lull_is_removed() {
        fn holds(dir: &std::path::Path, text: &str) -> bool {
            fs::read_dir(dir).unwrap().flatten().any(|entry| {
                let path = entry.path();
                let bytes = if path.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
                bytes.windows(text.len()).any(|w| w == text.as_bytes()) || (path.is_dir() && holds(&path, text))
            })
        }
        for place in ["extension", "static"] {
            assert!(!holds(&repo().join(place), "setUninstallURL"), "{place}");
        }
        assert!(holds(&repo().join("extension"), "onInstalled"), "what is there is found");
    }

    #[test]
    fn what_is_told_is_what_stands_in_the_package() {
        let listing = fs::read_to_string(repo().join("store/listing.md")).unwrap();
        let messages: Value =
            serde_json::from_slice(&fs::read(repo().join("static/_locales/en/messages.json")).unwrap()).unwrap();
        let summary = messages["description"]["message"].as_str().unwrap();
        assert!(summary.len() <= 132, "Chrome's store cuts it");
        assert!(listing.contains(summary), "store/listing.md has another summary than the package");
    }
}
