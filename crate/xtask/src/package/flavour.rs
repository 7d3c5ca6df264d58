//! The flavours of the package. `judgments` is Lull without bandwidth: built without any code that fetches a
//! page, and with a manifest that asks for nothing a browser warns about, nor ever for a site.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde_json::{Value, json};

use super::{Files, PackageArgs, gather, write};
use crate::messages;
use crate::setup::Tools;
use crate::shell::target;
use crate::wasm::{MODULES, modules_without_bandwidth, sizes, without_bandwidth};

/// What a package can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Flavour {
    /// Judgments, and bandwidth for who switches it on
    #[default]
    Full,
    /// Judgments only: no fetch code, no host permission
    Judgments,
}

/// What only fetching needs: none of it may be in any file of the package.
const OF_FETCHES: [&str; 5] = ["webRequest", "targetAddressSpace", "host_permissions", "chrome.dns", "#lull-"];
/// All that this flavour asks for: waking up to connect again, and to know whether there is somebody to call.
const PERMISSIONS: [&str; 2] = ["alarms", "idle"];
/// How the keys of messages begin that only the pages about lending bandwidth show.
const WORDS_OF_BANDWIDTH: [&str; 3] = ["consent_", "facts_", "lend_"];
/// What pages and background may connect to: the coordinator, and the package's own files.
const CONNECT: &str = "connect-src 'self' wss: ws://127.0.0.1:* ws://localhost:*";

/// Builds, checks and writes the judgments-only package; returns its folder. For one who is alone.
pub(super) fn judgments(tools: &Tools, args: &PackageArgs) -> Result<PathBuf> {
    modules_without_bandwidth(tools)?;
    let mut files = gather(args, &without_bandwidth)?;
    let text = files.get("manifest.json").context("no manifest.json")?;
    let manifest = manifest(&serde_json::from_slice(text).context("manifest.json")?)?;
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    text.push(b'\n');
    files.insert("manifest.json".to_owned(), text);
    files.remove("managed.json");
    without_words_of_bandwidth(&mut files)?;
    check(&files)?;
    for module in MODULES {
        let (with, without) = (sizes(module).ok(), sizes(&without_bandwidth(module))?);
        let with = with.map_or_else(|| "not built here".to_owned(), |(_, gzip)| format!("{} B", gzip));
        println!("{module}: gzip {} B without bandwidth; with it: {with}", without.1);
    }
    let dir = match &args.out {
        Some(dir) => std::path::absolute(dir)?,
        None => target()?.join("extension/judgments"),
    };
    write(&dir, &files)?;
    Ok(dir)
}

/// The manifest without everything that only bandwidth needs.
fn manifest(full: &Value) -> Result<Value> {
    let mut manifest = full.clone();
    let fields = manifest.as_object_mut().context("manifest.json is no object")?;
    for only_bandwidth in ["optional_host_permissions", "host_permissions", "storage"] {
        fields.remove(only_bandwidth);
    }
    let asked = full.get("permissions").and_then(Value::as_array).cloned().unwrap_or_default();
    ensure!(PERMISSIONS.iter().all(|name| asked.contains(&json!(name))), "the full manifest asks for less");
    fields.insert("permissions".to_owned(), json!(PERMISSIONS));
    let policy = manifest.pointer_mut("/content_security_policy/extension_pages").context("no CSP")?;
    let rules: Vec<&str> = policy.as_str().unwrap_or_default().split("; ").collect();
    ensure!(rules.iter().any(|rule| rule.starts_with("connect-src ")), "the CSP has no connect-src");
    let narrowed = rules.into_iter().map(|rule| if rule.starts_with("connect-src ") { CONNECT } else { rule });
    *policy = json!(narrowed.collect::<Vec<_>>().join("; "));
    Ok(manifest)
}

/// Takes out what only the pages about lending bandwidth say, in every language.
fn without_words_of_bandwidth(files: &mut Files) -> Result<()> {
    for (name, bytes) in files.iter_mut().filter(|(name, _)| name.ends_with("/messages.json")) {
        let mut messages = messages::read(bytes).with_context(|| name.clone())?;
        messages.retain(|key, _| !WORDS_OF_BANDWIDTH.iter().any(|prefix| key.starts_with(prefix)));
        *bytes = serde_json::to_vec(&messages)?;
    }
    Ok(())
}

/// No file has anything in it that only fetches need.
fn check(files: &Files) -> Result<()> {
    let mut found = Vec::new();
    for (name, bytes) in files {
        let holds = |text: &&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        found.extend(OF_FETCHES.iter().filter(|text| holds(text)).map(|text| format!("{text} in {name}")));
    }
    ensure!(found.is_empty(), "the judgments-only package has fetch code: {}", found.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::repo;

    #[test]
    fn it_asks_for_nothing() {
        let full: Value = serde_json::from_slice(&std::fs::read(repo().join("manifest.json")).unwrap()).unwrap();
        let manifest = manifest(&full).unwrap();
        assert_eq!(manifest["permissions"], json!(["alarms", "idle"]));
        assert_eq!(manifest["optional_permissions"], json!(["notifications"]));
        let policy = manifest["content_security_policy"]["extension_pages"].as_str().unwrap();
        assert!(!policy.contains("https:") && policy.contains("wss:"), "{policy}");
        let files = Files::from([("manifest.json".to_owned(), manifest.to_string().into_bytes())]);
        check(&files).unwrap();
        let full = Files::from([("manifest.json".to_owned(), full.to_string().into_bytes())]);
        assert!(check(&full).is_err(), "the full one has a host permission");
    }

    #[test]
    fn fetch_code_is_found_wherever_it_is() {
        for text in OF_FETCHES {
            let bytes = [b"\0asm", text.as_bytes(), b"\xff"].concat();
            let error = check(&Files::from([("pkg/background/x.wasm".to_owned(), bytes)])).unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("x.wasm"), "{error}");
        }
    }
}
