//! Tables that name tests: each test named in the last column is there, so that the tables can't rot.
//!
//! A name is `path/file.rs: test`, `path/file.rs` for a whole file (the path may leave out its beginning), or
//! `test` alone: then it is in the file named before it, or a scenario if the word e2e stands before it.

use super::Finding;

/// The tables: the file, the heading they begin after, and whether each row must name something.
const TABLES: [(&str, &str, bool); 2] =
    [("docs/faults.md", "# Faults", true), ("ARCHITECTURE.md", "## Invariants", false)];
/// Where scenarios are.
const SCENARIOS: &str = "tests/e2e/";
/// What a row says that names no test, with its reason.
const NOT_SHOWN: &str = "not shown:";

/// A source file: its path in the repository and its text.
pub(super) type Source = (String, String);

/// Names in the tables that no source has. `read` gives a table's text.
pub(super) fn check(sources: &[Source], read: impl Fn(&str) -> anyhow::Result<String>) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (file, heading, strict) in TABLES {
        let found = |(line, what)| Finding { file: file.to_owned(), line, what };
        findings.extend(check_table(&read(file)?, heading, strict, sources).into_iter().map(found));
    }
    Ok(findings)
}

fn check_table(text: &str, heading: &str, strict: bool, sources: &[Source]) -> Vec<(usize, String)> {
    let level = heading.split(' ').next().unwrap_or_default();
    let (mut inside, mut findings) = (false, Vec::new());
    for (index, line) in text.lines().enumerate() {
        if line.starts_with(&format!("{level} ")) {
            inside = line.starts_with(heading);
        }
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').collect();
        let is_row = line.starts_with('|') && !line.starts_with("|---");
        let (true, true, Some(cell)) = (inside, is_row, cells.last()) else { continue };
        // The row above the line of dashes is the table's head.
        if text.lines().nth(index + 1).is_some_and(|next| next.starts_with("|---")) {
            continue;
        }
        let (names, mut missing) = names(cell, sources);
        if names == 0 && strict && !cell.contains(NOT_SHOWN) {
            missing.push(format!("names no test; if there can't be one, say `{NOT_SHOWN}` and why"));
        }
        findings.extend(missing.into_iter().map(|what| (index + 1, what)));
    }
    findings
}

/// How many names a cell has, and what is wrong with them.
fn names(cell: &str, sources: &[Source]) -> (usize, Vec<String>) {
    let (mut count, mut missing) = (0, Vec::new());
    let mut place = "";
    // Between two backticks stand names at odd places, words at even ones.
    for (index, part) in cell.split('`').enumerate() {
        if index % 2 == 0 {
            if part.contains("e2e") {
                place = SCENARIOS;
            }
            continue;
        }
        let (file, test) = match part.split_once(": ") {
            Some((file, test)) if file.ends_with(".rs") => (file, Some(test)),
            None if part.ends_with(".rs") => (part, None),
            None if part.contains('_') && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
                (place, Some(part))
            }
            // Words about the test, a command, another language's file.
            _ => continue,
        };
        place = file;
        count += 1;
        let mut files = sources.iter().filter(|(path, _)| is_at(path, file)).peekable();
        if files.peek().is_none() {
            missing.push(format!("there is no `{file}`"));
        } else if let Some(test) = test
            && !files.any(|(_, text)| has_test(text, test))
        {
            missing.push(format!("there is no `{test}` in `{file}`"));
        }
    }
    (count, missing)
}

/// Whether a path is this one, ends with it, or lies in this folder.
fn is_at(path: &str, place: &str) -> bool {
    if place.ends_with('/') {
        return path.starts_with(place);
    }
    path.strip_suffix(place).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

fn has_test(text: &str, test: &str) -> bool {
    text.contains(&format!("fn {test}(")) || text.contains(&format!("(\"{test}\","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Vec<Source> {
        [
            ("crate/a/tests/one.rs", "fn holds() {}\nasync fn holds_too() {}"),
            ("crate/b/tests/one.rs", "fn elsewhere_it_holds() {}"),
            ("tests/e2e/src/scenarios.rs", "async fn a_person_comes(paths: &Paths) {}\n(\"main_job\", run)"),
        ]
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .into()
    }

    fn of_row(cell: &str) -> Vec<(usize, String)> {
        let text =
            format!("## Invariants\n\n| what | shown by |\n|---|---|\n| it | {cell} |\n\n## Else\n| x | `no.rs` |\n");
        check_table(&text, "## Invariants", true, &sources())
    }

    #[test]
    fn what_is_there_is_found_wherever_it_is() {
        for cell in [
            "`one.rs: holds`, `holds_too`; e2e `a_person_comes`, `main_job`",
            "`a/tests/one.rs: holds`",
            "`one.rs: elsewhere_it_holds` (in Node)",
            "`one.rs`",
            "not shown: it would take a year",
        ] {
            assert_eq!(of_row(cell), [], "{cell}");
        }
    }

    #[test]
    fn what_is_not_there_is_named_with_its_line() {
        let check = |cell: &str, words: &str| {
            let found = of_row(cell);
            assert!(found.len() == 1 && found[0].0 == 5 && found[0].1.contains(words), "{cell}: {found:?}");
        };
        check("`one.rs: hold`", "no `hold` in `one.rs`");
        check("`b/tests/one.rs: holds`", "no `holds`");
        check("`one.rs: holds`, `a_person_comes`", "no `a_person_comes` in `one.rs`");
        check("e2e `nobody_comes`", "no `nobody_comes`");
        check("`two.rs`", "no `two.rs`");
        check("`ne.rs`", "no `ne.rs`");
        check("by looking", "names no test");
        check("`cargo xtask tidy`", "names no test");
    }
}
