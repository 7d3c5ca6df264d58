//! The extension's packages, one a browser family: a folder that it can load and the same files as a .zip, which is
//! the same byte for byte whenever its files are. They differ in the manifest alone.

mod firefox;
mod flavour;
mod pseudo;
mod source;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

pub(crate) use flavour::Flavour;
pub(crate) use pseudo::Locale;

use crate::setup::Tools;
use crate::shell::{remove_dir, repo, target};
use crate::wasm::{MODULES, alone, module_dir, modules};

/// Hex digits of a key's fingerprint (SHA-256).
const FINGERPRINT_HEX_CHARS: usize = 64;

/// What a package is made with.
#[derive(Args, Default)]
pub(crate) struct PackageArgs {
    /// The coordinator to trust: wss://HOST/v1/worker, or ws:// to loopback
    #[arg(long, value_name = "URL", requires = "fingerprint")]
    coordinator: Option<String>,

    /// SHA-256 of the coordinator's public key, 64 hex digits
    #[arg(long, value_name = "HEX", requires = "coordinator")]
    fingerprint: Option<String>,

    /// The folder to write chromium/, firefox/ and their .zip archives into [default: target/extension]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// What the package can do
    #[arg(long, value_enum, default_value = "full")]
    flavour: Flavour,

    /// In a pseudo-locale in place of English, to see what a translation would break
    #[arg(long, value_enum, conflicts_with_all = ["flavour", "source"])]
    locale: Option<Locale>,

    /// Instead of the extension, the archive from which a store's reviewer rebuilds it
    #[arg(long)]
    source: bool,

    /// Unpack that archive in two folders, build both, and compare the packages
    #[arg(long, requires = "source")]
    verify: bool,
}

impl PackageArgs {
    /// A package of this flavour, all else as usual.
    pub(crate) fn of(flavour: Flavour) -> Self {
        Self { flavour, ..Self::default() }
    }

    /// A package in this pseudo-locale, all else as usual.
    pub(crate) fn in_locale(locale: Locale) -> Self {
        Self { locale: Some(locale), ..Self::default() }
    }
}

/// A package's files by their path in it.
type Files = BTreeMap<String, Vec<u8>>;

/// Builds the wasm modules, assembles the folders and archives from them; returns the folder of Chromium's.
pub(crate) fn package(tools: &Tools, args: &PackageArgs) -> Result<PathBuf> {
    if args.source {
        return source::package(tools, args.verify);
    }
    let _alone = alone()?;
    if args.flavour == Flavour::Judgments {
        return flavour::judgments(tools, args);
    }
    modules(tools)?;
    let out = match &args.out {
        Some(dir) => std::path::absolute(dir)?,
        None => target()?.join("extension").join(args.locale.map_or("", Locale::name)),
    };
    let mut chromium = gather(args, &|module| module.to_owned())?;
    if let Some(locale) = args.locale {
        pseudo::translate(&mut chromium, locale)?;
    }
    let firefox = for_firefox(&chromium)?;
    let dir = out.join("chromium");
    write(&dir, &chromium)?;
    write(&out.join("firefox"), &firefox)?;
    Ok(dir)
}

/// One package: folder and archive.
fn write(dir: &Path, files: &Files) -> Result<()> {
    check_manifest(files, env!("CARGO_PKG_VERSION"))?;
    write_dir(dir, files)?;
    let zip = zip_of(files)?;
    let zip_path = beside(dir, ".zip");
    fs::write(&zip_path, &zip).with_context(|| format!("can't write {}", zip_path.display()))?;
    println!("packaged {} files: {} and its .zip, {} KB", files.len(), dir.display(), zip.len().div_ceil(1000));
    Ok(())
}

/// Firefox's form of the manifest.
pub(crate) fn firefox_form(chrome: &Value) -> Result<Value> {
    firefox::manifest(chrome)
}

/// The same files with Firefox's manifest.
fn for_firefox(chromium: &Files) -> Result<Files> {
    let mut files = chromium.clone();
    let text = files.get("manifest.json").context("no manifest.json")?;
    let manifest = firefox::manifest(&serde_json::from_slice(text).context("manifest.json")?)?;
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    text.push(b'\n');
    files.insert("manifest.json".to_owned(), text);
    Ok(files)
}

/// The oldest Firefox that the package runs in.
pub(crate) fn firefox_major_min() -> Result<u32> {
    crate::version::major(firefox::STRICT_MIN_VERSION).context("strict_min_version has no number")
}

/// The length of these bytes deflated at the packages' level.
pub(crate) fn deflated_len(bytes: &[u8]) -> Result<u64> {
    let archive = zip_of(&Files::from([("f".to_owned(), bytes.to_vec())]))?;
    Ok(ZipArchive::new(Cursor::new(archive))?.by_index(0)?.compressed_size())
}

/// All files but the modules of the full flavour are the same in each.
fn gather(args: &PackageArgs, module_name: &dyn Fn(&str) -> String) -> Result<Files> {
    let mut files = Files::new();
    let repo = repo();
    add(&mut files, "manifest.json".to_owned(), &repo.join("manifest.json"))?;
    add_dir(&mut files, "", &repo.join("static"), &|_| true)?;
    add_dir(&mut files, "", &repo.join("extension/entry"), &|path| has_extension(path, &["js"]))?;
    for module in MODULES {
        let dir = module_dir(&module_name(module))?;
        add_dir(&mut files, &format!("pkg/{module}/"), &dir, &|path| has_extension(path, &["js", "wasm"]))?;
    }
    if let (Some(coordinator), Some(fingerprint)) = (&args.coordinator, &args.fingerprint) {
        let trust = trust(coordinator, fingerprint)?;
        files.insert("trust.json".to_owned(), trust.to_string().into_bytes());
    }
    Ok(files)
}

/// The trust root as the extension reads it.
fn trust(coordinator: &str, fingerprint: &str) -> Result<Value> {
    let loopback = ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| {
        let rest = coordinator.strip_prefix("ws://").and_then(|rest| rest.strip_prefix(host));
        rest.is_some_and(|rest| rest.starts_with([':', '/']))
    });
    ensure!(coordinator.starts_with("wss://") || loopback, "--coordinator must be wss://, or ws:// to loopback");
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let is_fingerprint = fingerprint.len() == FINGERPRINT_HEX_CHARS && fingerprint.chars().all(hex);
    ensure!(is_fingerprint, "--fingerprint must be {FINGERPRINT_HEX_CHARS} lower-case hex digits");
    Ok(json!({ "coordinator": coordinator, "fingerprint": fingerprint }))
}

/// The manifest has the workspace's version, and whatever it names is in the package.
fn check_manifest(files: &Files, version: &str) -> Result<()> {
    let text = files.get("manifest.json").context("no manifest.json")?;
    let manifest: Value = serde_json::from_slice(text).context("manifest.json")?;
    let stated = manifest.get("version").and_then(Value::as_str).unwrap_or_default();
    ensure!(stated == version, "manifest.json says version {stated:?}, the workspace {version:?}");
    let locale = manifest.get("default_locale").and_then(Value::as_str).unwrap_or("en");
    let messages_path = format!("_locales/{locale}/messages.json");
    let messages: Value = match files.get(&messages_path) {
        Some(text) => serde_json::from_slice(text).context(messages_path.clone())?,
        None => bail!("the manifest's default_locale needs static/{messages_path}"),
    };
    let mut missing = Vec::new();
    for text in strings(&manifest) {
        let message = text.strip_prefix("__MSG_").and_then(|rest| rest.strip_suffix("__"));
        if message.is_some_and(|name| messages.get(name).is_none()) {
            missing.push(format!("{text} is not in {messages_path}"));
        }
        let file = has_extension(Path::new(text), &["js", "html", "png"]);
        if file && !files.contains_key(text) {
            missing.push(format!("no {text}"));
        }
    }
    ensure!(missing.is_empty(), "manifest.json names what is not in the package: {}", missing.join(", "));
    Ok(())
}

/// Every string value in a JSON document.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e))
}

fn add(files: &mut Files, name: String, path: &Path) -> Result<()> {
    let bytes = fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
    if files.insert(name.clone(), bytes).is_some() {
        bail!("two files want to be {name} in the package");
    }
    Ok(())
}

fn add_dir(files: &mut Files, prefix: &str, dir: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<()> {
    let entries = fs::read_dir(dir).with_context(|| format!("can't read {}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            add_dir(files, &format!("{prefix}{name}/"), &path, wanted)?;
        } else if wanted(&path) {
            add(files, format!("{prefix}{name}"), &path)?;
        }
    }
    Ok(())
}

/// Writes the folder whole or not at all; what was there is replaced only if it was such a package.
fn write_dir(dir: &Path, files: &Files) -> Result<()> {
    if dir.exists() && !dir.join("manifest.json").is_file() {
        bail!("{} is not a package of the extension; it is left alone", dir.display());
    }
    let partial = beside(dir, ".partial");
    remove_dir(&partial)?;
    for (name, bytes) in files {
        let path = partial.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&partial))?;
        fs::write(&path, bytes).with_context(|| format!("can't write {}", path.display()))?;
    }
    remove_dir(dir)?;
    fs::rename(&partial, dir).with_context(|| format!("can't make {}", dir.display()))
}

fn beside(dir: &Path, suffix: &str) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Sorted names, one date, one mode: equal files make an equal archive.
fn zip_of(files: &Files) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for (name, bytes) in files {
        zip.start_file(name.as_str(), options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(manifest: Value) -> Files {
        Files::from([
            ("manifest.json".to_owned(), manifest.to_string().into_bytes()),
            ("_locales/en/messages.json".to_owned(), br#"{"name":{"message":"Lull"}}"#.to_vec()),
            ("background.js".to_owned(), b"//".to_vec()),
        ])
    }

    #[test]
    fn a_manifest_may_name_only_what_is_there() {
        let good =
            json!({"version": "0.1.0", "name": "__MSG_name__", "background": {"service_worker": "background.js"}});
        check_manifest(&files(good.clone()), "0.1.0").unwrap();
        let check = |field: &str, value: Value, words: &str| {
            let mut bad = good.clone();
            bad[field] = value;
            let error = check_manifest(&files(bad), "0.1.0").unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        check("version", json!("0.1.1"), "0.1.1");
        check("name", json!("__MSG_title__"), "__MSG_title__ is not in");
        check("action", json!({"default_popup": "popup.html"}), "no popup.html");
        check("default_locale", json!("de"), "_locales/de");
    }

    #[test]
    fn trust_is_wss_or_loopback_with_a_whole_fingerprint() {
        let print = "0123456789abcdef".repeat(4);
        for good in ["wss://lull.example/v1/worker", "ws://127.0.0.1:7400/v1/worker", "ws://[::1]:7400/v1/worker"] {
            trust(good, &print).unwrap();
        }
        for bad in ["ws://lull.example/v1/worker", "ws://localhost.example/", "https://lull.example/", ""] {
            assert!(trust(bad, &print).is_err(), "{bad}");
        }
        for bad in ["", "0123", &print.to_uppercase(), &print.replace('0', "g")] {
            assert!(trust("wss://lull.example/", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn equal_files_make_an_equal_zip() {
        let one = zip_of(&files(json!({"version": "1"}))).unwrap();
        assert_eq!(one, zip_of(&files(json!({"version": "1"}))).unwrap());
        let mut archive = ZipArchive::new(Cursor::new(one)).unwrap();
        let names: Vec<String> =
            (0..archive.len()).map(|i| archive.by_index(i).unwrap().name().unwrap().into_owned()).collect();
        assert_eq!(names, ["_locales/en/messages.json", "background.js", "manifest.json"]);
        assert!(deflated_len(&[7; 10_000]).unwrap() < 100);
    }
}
