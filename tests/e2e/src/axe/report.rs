//! The report of what axe-core was asked and has found: one file for all runs, and a table of one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// One look at one page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The scenario that stood there.
    pub(crate) scenario: String,
    pub(crate) browser: String,
    /// The page, or the state of one.
    pub(crate) page: String,
    pub(crate) theme: String,
    /// The window's, CSS pixels.
    pub(crate) width: u32,
    /// When, milliseconds since 1970.
    pub(crate) at_ms: u64,
    #[serde(flatten)]
    pub(crate) found: Judgment,
}

/// What axe-core says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Judgment {
    /// Its version.
    axe: String,
    /// How many rules passed.
    passed: u32,
    violations: Vec<Rule>,
    /// What it can't decide, so that a person has to.
    incomplete: Vec<Rule>,
}

/// A rule and where it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Rule {
    rule: String,
    nodes: Vec<Node>,
}

/// An element and what axe-core says about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Node {
    /// Its selector.
    target: String,
    why: String,
}

impl Entry {
    /// The violations in one line; nothing if there are none.
    pub(crate) fn violations_said(&self) -> String {
        let rule = |rule: &Rule| {
            let nodes: Vec<_> = rule.nodes.iter().map(|node| node.target.as_str()).collect();
            format!("{}: {}", rule.rule, nodes.join(", "))
        };
        self.found.violations.iter().map(rule).collect::<Vec<_>>().join("; ")
    }
}

/// The whole file.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Report {
    entries: Vec<Entry>,
}

impl Report {
    /// Puts what a scenario has found in a browser in place of what it had found there before. What no scenario of these
    /// names has found goes.
    fn put(&mut self, scenario: &str, browser: &str, found: Vec<Entry>, names: &[&str]) {
        self.entries.retain(|one| {
            let is_replaced = one.scenario == scenario && one.browser == browser;
            !is_replaced && names.contains(&one.scenario.as_str())
        });
        self.entries.extend(found);
        // Stable: a scenario's checks stay in their order.
        self.entries.sort_by(|a, b| (&a.scenario, &a.browser).cmp(&(&b.scenario, &b.browser)));
    }
}

/// Writes what a scenario has found in a browser into the file of all runs; several may do so at once. `names`: every
/// scenario there is.
pub(crate) fn keep(file: &Path, scenario: &str, browser: &str, found: Vec<Entry>, names: &[&str]) -> Result<()> {
    let folder = file.parent().context("the report's folder")?;
    fs::create_dir_all(folder)?;
    let lock = File::create(folder.join("lock"))?;
    // Until `lock` is dropped.
    lock.lock()?;
    let mut report = match fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            eprintln!("· {} can't be read ({error}); it begins anew", file.display());
            Report::default()
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Report::default(),
        Err(error) => return Err(error).with_context(|| file.display().to_string()),
    };
    report.put(scenario, browser, found, names);
    let new = folder.join("report.new");
    fs::write(&new, serde_json::to_vec_pretty(&report)?)?;
    Ok(fs::rename(new, file)?)
}

/// What was found in one state and theme, whatever the width and the browser.
#[derive(Default)]
struct Cell<'a> {
    violations: BTreeSet<(&'a str, &'a str)>,
    incomplete: BTreeSet<(&'a str, &'a str)>,
}

/// States by themes: how many elements violate a rule, and of how many axe-core can't tell.
pub(crate) fn table(entries: &[Entry]) -> String {
    let mut rows: BTreeMap<_, BTreeMap<&str, Cell<'_>>> = BTreeMap::new();
    for entry in entries {
        let row = rows.entry((entry.scenario.as_str(), entry.page.as_str())).or_default();
        let cell = row.entry(entry.theme.as_str()).or_default();
        cell.violations.extend(nodes(&entry.found.violations));
        cell.incomplete.extend(nodes(&entry.found.incomplete));
    }
    let wide = |names: &mut dyn Iterator<Item = &str>| names.map(|name| name.chars().count()).max().unwrap_or_default();
    let pages = wide(&mut rows.keys().map(|(_, page)| *page).chain(["page"]));
    let scenarios = wide(&mut rows.keys().map(|(scenario, _)| *scenario).chain(["scenario"]));
    let mut lines = "axe-core: elements that violate a rule / of which it can't tell\n".to_owned();
    let mut line = |scenario: &str, page: &str, light: &str, dark: &str| {
        writeln!(lines, "{scenario:scenarios$}  {page:pages$}  {light:>7}  {dark:>7}")
            .expect("a string takes what is written");
    };
    line("scenario", "page", "light", "dark");
    for ((scenario, page), themes) in &rows {
        let said = |theme| match themes.get(theme) {
            Some(Cell { violations, incomplete }) => format!("{} / {}", violations.len(), incomplete.len()),
            None => "–".to_owned(),
        };
        line(scenario, page, &said("light"), &said("dark"));
    }
    lines
}

/// Each rule with each of its elements.
fn nodes(rules: &[Rule]) -> impl Iterator<Item = (&str, &str)> {
    rules.iter().flat_map(|rule| rule.nodes.iter().map(|node| (rule.rule.as_str(), node.target.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(rule: &str, targets: &[&str]) -> Rule {
        let node = |target: &&str| Node { target: (*target).to_owned(), why: "because".to_owned() };
        Rule { rule: rule.to_owned(), nodes: targets.iter().map(node).collect() }
    }

    fn entry(scenario: &str, browser: &str, page: &str, theme: &str) -> Entry {
        let found = Judgment { axe: "4".to_owned(), passed: 20, violations: vec![], incomplete: vec![] };
        let (scenario, browser) = (scenario.to_owned(), browser.to_owned());
        Entry { scenario, browser, page: page.to_owned(), theme: theme.to_owned(), width: 380, at_ms: 1, found }
    }

    fn read(file: &Path) -> Report {
        serde_json::from_slice(&fs::read(file).expect("it was written")).expect("a report")
    }

    #[test]
    fn a_run_replaces_what_it_ran_and_keeps_the_rest() {
        let mut report = Report::default();
        let names = ["home", "wallet"];
        report.put("wallet", "firefox", vec![entry("wallet", "firefox", "b", "light")], &names);
        report.put("home", "firefox", vec![entry("home", "firefox", "old", "light")], &names);
        report.put("gone", "firefox", vec![entry("gone", "firefox", "old", "light")], &["gone", "home", "wallet"]);
        let again = ["z", "a"].map(|page| entry("home", "firefox", page, "dark"));
        report.put("home", "firefox", again.to_vec(), &names);
        report.put("home", "chromium", vec![], &names);
        let pages: Vec<_> = report.entries.iter().map(|one| one.page.as_str()).collect();
        assert_eq!(pages, ["z", "a", "b"]);
    }

    #[test]
    fn several_at_once_lose_nothing_of_each_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("axe/report.json");
        let names = ["0", "1", "2", "3", "4", "5", "6", "7"];
        std::thread::scope(|scope| {
            for name in names {
                let file = &file;
                scope.spawn(move || keep(file, name, "firefox", vec![entry(name, "firefox", "p", "light")], &names));
            }
        });
        let scenarios: Vec<_> = read(&file).entries.into_iter().map(|one| one.scenario).collect();
        assert_eq!(scenarios, names);
    }

    #[test]
    fn a_damaged_report_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("report.json");
        fs::write(&file, "{\"entries\": [{").expect("it is written");
        keep(&file, "home", "firefox", vec![entry("home", "firefox", "p", "light")], &["home"]).expect("it is kept");
        assert_eq!(read(&file).entries, [entry("home", "firefox", "p", "light")]);
    }

    #[test]
    fn a_violation_names_rules_and_elements() {
        let mut one = entry("home", "firefox", "p", "light");
        assert_eq!(one.violations_said(), "");
        one.found.violations = vec![rule("color-contrast", &["p", ".a > b"]), rule("label", &["input"])];
        assert_eq!(one.violations_said(), "color-contrast: p, .a > b; label: input");
    }

    #[test]
    fn the_table_counts_an_element_once_and_shows_what_was_not_looked_at() {
        let mut light = entry("home", "firefox", "offline", "light");
        light.found.incomplete = vec![rule("color-contrast", &["h1", "p"])];
        let mut wide = Entry { width: 760, browser: "chromium".to_owned(), ..light.clone() };
        wide.found.violations = vec![rule("label", &["input"])];
        let dark = entry("home", "firefox", "offline", "dark");
        let other = entry("small", "chromium", "choice", "light");
        let printed = table(&[light, wide, dark, other]);
        let expected = "scenario  page       light     dark\n\
                        home      offline    1 / 2    0 / 0\n\
                        small     choice     0 / 0        –\n";
        assert_eq!(printed.split_once('\n').map(|(_, rows)| rows), Some(expected));
    }
}
