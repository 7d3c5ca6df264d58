//! The tree against its own rules taken one by one, against another implementation with a list of its own, and
//! against the list's published test.

use std::collections::BTreeSet;

use super::*;

/// Every rule of the tree, as the list writes it.
fn rules() -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    let mut letters = Vec::new();
    walk(LIST, |letter, _, under| letters.push((letter, under)));
    for (letter, under) in letters {
        collect(under, &letter, "", &mut rules);
    }
    rules
}

fn collect(row: &'static [u8], start: &str, parent: &str, rules: &mut BTreeSet<String>) {
    walk(row, |label, kind, under| {
        let name = format!("{start}{label}{}{parent}", if parent.is_empty() { "" } else { "." });
        let is_new = [
            kind.is_rule().then(|| name.clone()),
            kind.is_wild().then(|| format!("*.{name}")),
            (kind == Kind::Exception).then(|| format!("!{name}")),
        ]
        .into_iter()
        .flatten()
        .all(|rule| rules.insert(rule));
        assert!(is_new, "{name} twice");
        collect(under, "", &name, rules);
    });
}

/// Each entry of a row: label, kind, what lies under it.
fn walk(mut row: &'static [u8], mut each: impl FnMut(String, Kind, &'static [u8])) {
    let mut last = String::new();
    while let Some((control, rest)) = row.split_first() {
        let kind = Kind::of(*control);
        let len = rest.iter().take_while(|byte| byte.is_ascii()).count();
        let (tail, rest) = rest.split_at(len);
        let shared = last.get(..usize::from(*control & 15)).expect("the label before is shorter");
        let label = format!("{shared}{}", std::str::from_utf8(tail).expect("ASCII"));
        assert!(last < label || last.is_empty(), "{last} before {label}");
        let under;
        (under, row) = if kind.has_row() {
            let (len, rest) = rest.split_first_chunk::<2>().expect("a length");
            rest.split_at(usize::from(u16::from_be_bytes(*len) & 0x7fff))
        } else {
            rest.split_at(0)
        };
        assert_eq!(under.is_empty(), !kind.has_row());
        each(label.clone(), kind, under);
        last = label;
    }
}

/// The list's algorithm, word for word: of all rules that match, an exception, else the longest.
fn by_rules<'a>(rules: &BTreeSet<String>, host: &'a str) -> Option<&'a str> {
    let starts = std::iter::once(0).chain(host.match_indices('.').map(|(dot, _)| dot + 1));
    let mut suffixes = starts.map(|start| &host[start..]);
    let parent = |name: &'a str| name.split_once('.').map(|(_, parent)| parent);
    let exception = suffixes.clone().find(|name| rules.contains(&format!("!{name}")));
    exception.and_then(parent).or_else(|| {
        suffixes.find(|name| {
            rules.contains(*name) || parent(name).is_some_and(|parent| rules.contains(&format!("*.{parent}")))
        })
    })
}

/// Hosts around every rule.
fn hosts(rules: &BTreeSet<String>) -> impl Iterator<Item = String> {
    rules.iter().flat_map(|rule| {
        let name = rule.trim_start_matches(['!', '*', '.']);
        let near = [format!("{name}x"), format!("x{name}"), name.get(1..).unwrap_or_default().to_owned()];
        let under = ["", "a.", "b.a.", "www.", "c.b.a."].map(|labels| format!("{labels}{name}"));
        near.into_iter().chain(under).filter(|host| !host.starts_with('.') && !host.is_empty())
    })
}

#[test]
fn the_tree_holds_every_rule_and_is_searched_as_the_list_says() {
    let rules = rules();
    assert_eq!(rules.len(), SUFFIX_RULES);
    assert!(SUFFIXES_VERSION.starts_with(SUFFIXES_DATE));
    for host in hosts(&rules) {
        assert_eq!(public_suffix(&host), by_rules(&rules, &host), "{host}");
    }
}

/// What the other implementation has otherwise: suffixes of its edition that are of two days earlier or later.
const OTHER_EDITION: [&str; 2] = ["helsinki", "pagelemon.dev"];
/// Under these it overlooks a wildcard where a longer rule has the same label.
const OVERLOOKED: [&str; 7] =
    ["int.apple", "futurecms.at", "run.app", "customer-oci.com", "replit.dev", "snowflake.app", "firenet.ch"];

#[test]
fn another_implementation_finds_the_same() {
    let mut overlooked = 0;
    for host in hosts(&rules()) {
        let is_under = |name: &&str| crate::name::is_under(&host, name);
        if OTHER_EDITION.iter().any(is_under) {
            continue;
        }
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        let theirs = psl::suffix(host.as_bytes()).filter(psl::Suffix::is_known).map(|s| text(s.as_bytes()));
        if theirs != public_suffix(&host) {
            assert!(OVERLOOKED.iter().any(is_under), "{host}: {theirs:?}, here {:?}", public_suffix(&host));
            overlooked += 1;
            continue;
        }
        let theirs = psl::domain(host.as_bytes()).filter(|d| d.suffix().is_known()).map(|d| text(d.as_bytes()));
        assert_eq!(domain(&host), theirs, "{host}");
        assert_eq!(registrable_domain(&host), theirs.unwrap_or(&host), "{host}");
    }
    assert!(overlooked < 150, "{overlooked}");
}

/// `checkPublicSuffix('host', 'domain')` or `null`, line by line; other than the list's own convention, an unlisted
/// top-level domain is no suffix here, and hosts come as a browser writes them.
#[test]
fn the_published_test_holds() {
    let mut count = 0;
    for line in include_str!("../../tests/test_psl.txt").lines() {
        let Some(arguments) = line.strip_prefix("checkPublicSuffix(") else { continue };
        let (host, expected) = arguments.trim_end_matches(");").split_once(", ").unwrap();
        let unquoted = |text: &'static str| text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
        let Some(host) = unquoted(host) else { continue };
        let is_written = host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
        if is_written && !host.starts_with('.') && !crate::name::is_under(host, "example") {
            assert_eq!(domain(host), unquoted(expected), "{host}");
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
}

#[test]
fn what_is_no_host_has_no_suffix() {
    for host in ["", ".", "..", "a", "a.", ".com", "a..com", "ä.com", "com.", "a.notlisted", "A.COM"] {
        assert_eq!(registrable_domain(host), domain(host).unwrap_or(host));
        assert!(domain(host).is_none() || host == "ä.com", "{host}: {:?}", domain(host));
    }
}
