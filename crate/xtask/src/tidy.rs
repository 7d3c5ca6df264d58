//! The rules of ARCHITECTURE.md that a machine can check, each failure one line: file, line, what, why.

mod edges;
mod languages;
mod named;

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell::{capture, command, repo};

/// Longest source file.
const FILE_LINES_MAX: usize = 800;
/// What counts as a source file.
const SOURCE_EXTENSIONS: [&str; 4] = ["rs", "js", "css", "html"];
/// Crates with lints of their own, each with the reason in its manifest.
const OWN_LINTS: [&str; 2] = ["tests/fuzz/libfuzzer/Cargo.toml", "tests/sim/disk/Cargo.toml"];
/// Folders that hold nothing of ours.
const SKIPPED_DIRS: [&str; 3] = ["target", "node_modules", ".git"];
/// Folders whose files are only added, never changed: stored data and other people's code rely on them.
const APPEND_ONLY: [&str; 2] = ["tests/vectors", "crate/store/migrations"];
/// Files there that are programs or words about the data, not data.
const NOT_DATA: [&str; 2] = [":(exclude)*.py", ":(exclude)*.md"];

/// One broken rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Checks every rule and prints each finding. `bless` writes the crate edges in use to the golden file first.
pub(crate) fn tidy(bless: bool) -> Result<()> {
    let mut cargo = command("cargo");
    let text = capture(cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]))?;
    let metadata = serde_json::from_str(&text).context("cargo metadata")?;
    let mut findings = edges::check(&metadata, bless)?;
    let mut files = 0;
    let mut sources = Vec::new();
    walk(&repo(), "", &mut |name, text| {
        files += 1;
        findings.extend(check_file(name, text));
        if name.ends_with(".rs") {
            sources.push((name.to_owned(), text.to_owned()));
        }
    })?;
    let read = |file: &str| fs::read_to_string(repo().join(file)).with_context(|| file.to_owned());
    findings.extend(named::check(&sources, read)?);
    findings.extend(languages::check(&repo().join("static/_locales"), &sources, &read("manifest.json")?)?);
    findings.extend(changed_files()?);
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} broken rules", findings.len());
    }
    println!("tidy: {files} files, every crate edge, every message and every test that is named follow the rules");
    Ok(())
}

/// Calls `visit` with each source file and each crate's manifest: its path in the repository and its text.
fn walk(dir: &Path, prefix: &str, visit: &mut dyn FnMut(&str, &str)) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("can't read {}", dir.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if !SKIPPED_DIRS.contains(&name.as_str()) {
                walk(&path, &format!("{prefix}{name}/"), visit)?;
            }
            continue;
        }
        let source = path.extension().and_then(|e| e.to_str()).is_some_and(|e| SOURCE_EXTENSIONS.contains(&e));
        let manifest = name == "Cargo.toml" && !prefix.is_empty();
        if source || manifest {
            let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
            visit(&format!("{prefix}{name}"), &text);
        }
    }
    Ok(())
}

/// The rules one file can break by itself.
fn check_file(name: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |line: usize, what: String| findings.push(Finding { file: name.to_owned(), line, what });
    if name.ends_with("Cargo.toml") {
        if !inherits_lints(text) && !OWN_LINTS.contains(&name) {
            found(1, "no `[lints] workspace = true`: every crate keeps the same lints".to_owned());
        }
        return findings;
    }
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX && !name.starts_with("tests/demo/") {
        found(lines, format!("{lines} lines, at most {FILE_LINES_MAX}: split it by what its parts are about"));
    }
    if !name.ends_with(".rs") {
        return findings;
    }
    if !text.starts_with("//!") {
        found(1, "no `//!` first: a file says what it is for".to_owned());
    }
    let browser = ["extension/", "crate/web/", "crate/xtask/"].iter().any(|dir| name.starts_with(dir));
    for (index, line) in text.lines().enumerate().filter(|_| !browser) {
        if line.contains("JsValue") && !line.trim_start().starts_with("//") {
            found(index + 1, "`JsValue` outside extension/: cores also run where no JavaScript is".to_owned());
        }
    }
    findings
}

fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).filter(|line| !line.is_empty());
    let section = lines.any(|line| line == "[lints]") && lines.next() == Some("workspace = true");
    section || manifest.lines().any(|line| line.trim() == "lints.workspace = true")
}

/// Append-only files that were changed or deleted since this branch left the main one.
fn changed_files() -> Result<Vec<Finding>> {
    let git = |args: &[&str]| capture(command("git").args(args));
    let base = ["origin/HEAD", "origin/main"].iter().find_map(|main| git(&["merge-base", "HEAD", main]).ok());
    let Some(base) = base.or_else(|| git(&["rev-parse", "--verify", "HEAD"]).ok()) else {
        println!("tidy: no git history here, so append-only files can't be compared");
        return Ok(Vec::new());
    };
    let mut args = vec!["diff", "--no-renames", "--name-only", "--diff-filter=MDT", &base, "--"];
    args.extend(APPEND_ONLY);
    args.extend(NOT_DATA);
    let what = format!("changed or deleted since {}: add a new file instead", base.get(..12).unwrap_or(&base));
    let changed = git(&args)?;
    Ok(changed.lines().map(|file| Finding { file: file.to_owned(), line: 1, what: what.clone() }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(name: &str, text: &str) -> Vec<(usize, String)> {
        check_file(name, text).into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    #[test]
    fn a_good_file_has_no_findings() {
        assert_eq!(whats("crate/worker/src/lib.rs", "//! A worker.\n"), []);
        assert_eq!(whats("extension/popup/src/lib.rs", "//! It.\nuse JsValue;\n"), []);
        assert_eq!(whats("crate/a/Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n"), []);
        assert_eq!(whats("static/popup.html", "<p>\n"), []);
    }

    #[test]
    fn each_rule_names_its_line() {
        let check = |name: &str, text: &str, line: usize, words: &str| {
            let found = whats(name, text);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].0, line);
            assert!(found[0].1.contains(words), "{found:?}");
        };
        check("crate/a/src/lib.rs", "use x;\n", 1, "`//!`");
        check("crate/a/src/lib.rs", "//! A.\n// JsValue is far away.\nuse JsValue;\n", 3, "JsValue");
        check("crate/a/Cargo.toml", "[package]\n[lints]\n[lints.rust]\n", 1, "lints");
        check("static/a.css", &"a\n".repeat(FILE_LINES_MAX + 1), 801, "801 lines");
    }
}
