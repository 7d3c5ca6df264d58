//! Which crate may use which: the edges in use against the golden file, and libraries that have one home.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Finding;
use crate::shell::repo;

const GOLDEN: &str = "crate/xtask/edges.txt";
const GOLDEN_HEAD: &str = "\
# Which crate of this workspace uses which, apart from tests. `cargo xtask tidy` fails if this isn't what
# the Cargo.toml files say; `cargo xtask tidy --bless` writes it anew. A new edge needs a reason in review.
";

/// Libraries that only some packages may use outside tests, and why.
const HOMES: [(&str, &[&str], &str); 4] = [
    (
        "rusqlite",
        &["lull-disk", "lull-load", "lull-store"],
        "SQL lives in one crate; a disk for it in another, the benchmark of bare commits in a third",
    ),
    ("axum", &["lull-coordinator", "lull-e2e", "lull-fuzz", "lull-integration"], "the cores know no HTTP"),
    (
        "reqwest",
        &["lull-chain", "lull-cli", "lull-coordinator", "lull-e2e", "lull-integration", "lull-native"],
        "the cores know no HTTP",
    ),
    (
        "tokio",
        &[
            "lull-chain",
            "lull-cli",
            "lull-coordinator",
            "lull-e2e",
            "lull-fuzz",
            "lull-integration",
            "lull-load",
            "lull-native",
        ],
        "cores do no I/O and await nothing",
    ),
];

/// One package using another.
type Edge = (String, String);

/// Compares the edges in use with the golden file, or writes that file if `bless`; checks libraries' homes.
pub(super) fn check(metadata: &Value, bless: bool) -> Result<Vec<Finding>> {
    let used = edges_in_use(metadata);
    let path = repo().join(GOLDEN);
    if bless {
        fs::write(&path, show(&used)).with_context(|| GOLDEN.to_owned())?;
    }
    let text = fs::read_to_string(&path).with_context(|| GOLDEN.to_owned())?;
    let mut findings = compare(&used, &text);
    for finding in &mut findings {
        // A new edge is shown where it was written.
        if let Some((from, to)) = finding.what.split_once(" uses ") {
            let to = to.split(&[',', ':']).next().unwrap_or_default();
            if let Some((file, line)) = place(metadata, from, to) {
                (finding.file, finding.line) = (file, line);
            }
        }
    }
    findings.extend(strangers(metadata));
    Ok(findings)
}

fn edges_in_use(metadata: &Value) -> BTreeSet<Edge> {
    let names: BTreeSet<&str> = packages(metadata).filter_map(|package| package.get("name")?.as_str()).collect();
    normal_dependencies(metadata).into_iter().filter(|(_, to)| names.contains(to.as_str())).collect()
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata.get("packages").and_then(Value::as_array).into_iter().flatten()
}

/// Each package's dependencies, those of its tests left out.
fn normal_dependencies(metadata: &Value) -> Vec<Edge> {
    let mut found = Vec::new();
    for package in packages(metadata) {
        let name = package.get("name").and_then(Value::as_str).unwrap_or_default();
        for dependency in package.get("dependencies").and_then(Value::as_array).into_iter().flatten() {
            let of_tests = dependency.get("kind").and_then(Value::as_str) == Some("dev");
            if let (false, Some(to)) = (of_tests, dependency.get("name").and_then(Value::as_str)) {
                found.push((name.to_owned(), to.to_owned()));
            }
        }
    }
    found
}

/// The golden file's text for these edges.
fn show(edges: &BTreeSet<Edge>) -> String {
    let lines: String = edges.iter().map(|(from, to)| format!("{from} -> {to}\n")).collect();
    format!("{GOLDEN_HEAD}{lines}")
}

/// Edges that are used but not in the golden text, lines of it that no crate uses any more, and unreadable ones.
fn compare(used: &BTreeSet<Edge>, golden: &str) -> Vec<Finding> {
    let found = |line: usize, what: String| Finding { file: GOLDEN.to_owned(), line, what };
    let mut findings = Vec::new();
    let mut allowed = BTreeSet::new();
    for (index, line) in golden.lines().enumerate() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let Some((from, to)) = line.split_once(" -> ") else {
            findings.push(found(index + 1, format!("`{line}` is not `crate -> crate`")));
            continue;
        };
        let edge = (from.to_owned(), to.to_owned());
        if !used.contains(&edge) {
            findings.push(found(index + 1, format!("`{line}` is no longer in use: cargo xtask tidy --bless")));
        }
        allowed.insert(edge);
    }
    for (from, to) in used.difference(&allowed) {
        findings
            .push(found(1, format!("{from} uses {to}, which {GOLDEN} doesn't allow: dependencies point down only")));
    }
    findings
}

/// Packages that use a library which has its home elsewhere.
fn strangers(metadata: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (from, library) in normal_dependencies(metadata) {
        let Some((_, homes, why)) = HOMES.iter().find(|(name, _, _)| *name == library) else {
            continue;
        };
        if !homes.contains(&from.as_str()) {
            let (file, line) = place(metadata, &from, &library).unwrap_or_else(|| (from.clone(), 1));
            findings.push(Finding { file, line, what: format!("{library} belongs to {}: {why}", homes.join(", ")) });
        }
    }
    findings
}

/// The line of a package's manifest that names a dependency.
fn place(metadata: &Value, package: &str, dependency: &str) -> Option<(String, usize)> {
    let package = packages(metadata).find(|p| p.get("name").and_then(Value::as_str) == Some(package))?;
    let path = Path::new(package.get("manifest_path")?.as_str()?);
    let text = fs::read_to_string(path).ok()?;
    let names = |line: &str| line.trim_start().split(['.', ' ', '=']).next() == Some(dependency);
    let line = text.lines().position(names).map_or(1, |index| index + 1);
    let file = path.strip_prefix(repo()).unwrap_or(path);
    Some((file.to_string_lossy().into_owned(), line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata() -> Value {
        let on = |name: &str, kind: Value| json!({"name": name, "kind": kind});
        json!({"packages": [
            {"name": "lull-a", "dependencies": [on("lull-b", Value::Null), on("lull-c", json!("dev")), on("axum", Value::Null)]},
            {"name": "lull-b", "dependencies": [on("serde", Value::Null), on("lull-c", json!("build"))]},
            {"name": "lull-c", "dependencies": [on("rusqlite", json!("dev"))]},
        ]})
    }

    #[test]
    fn edges_are_those_between_our_crates_outside_tests() {
        let used = edges_in_use(&metadata());
        assert!(show(&used).ends_with("\nlull-a -> lull-b\nlull-b -> lull-c\n"));
        assert_eq!(compare(&used, &show(&used)), []);
    }

    #[test]
    fn new_gone_and_unreadable_edges_are_found() {
        let used = edges_in_use(&metadata());
        let golden = "# words\n\nlull-a -> lull-b\nlull-a -> lull-z\nnonsense\n";
        let found: Vec<String> = compare(&used, golden).iter().map(ToString::to_string).collect();
        assert!(found[0].contains(":4: `lull-a -> lull-z` is no longer in use"), "{found:?}");
        assert!(found[1].contains(":5: `nonsense`"), "{found:?}");
        assert!(found[2].contains("lull-b uses lull-c"), "{found:?}");
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn a_library_stays_at_home() {
        let found = strangers(&metadata());
        assert_eq!(found.len(), 1);
        assert!(found[0].what.starts_with("axum belongs to lull-coordinator"), "{found:?}");
    }
}
