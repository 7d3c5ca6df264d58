//! `cargo xtask psl`: writes the Public Suffix List into `crate/policy`, in the form that its module `suffix`
//! describes. The same list gives the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use url::Host;

use crate::package::deflated_len;
use crate::shell::repo;
use crate::wasm::GZIP_FRAME_BYTES;

/// Where the list lies in the policy crate.
const FOLDER: &str = "crate/policy/src/suffix";
/// Bytes of a label that the form can share with the one before.
const SHARED_MAX: usize = 15;
/// Bytes of a row that the form can tell.
const ROW_BYTES_MAX: usize = (1 << 15) - 1;

#[derive(Args)]
pub(crate) struct PslArgs {
    /// The list as published: public_suffix_list.dat
    list: PathBuf,
}

/// Writes `list.bin` and `version.rs`.
pub(crate) fn psl(args: &PslArgs) -> Result<()> {
    let text = fs::read_to_string(&args.list).with_context(|| args.list.display().to_string())?;
    let list = List::read(&text)?;
    let bytes = list.tree.encoded()?;
    let folder = repo().join(FOLDER);
    fs::write(folder.join("list.bin"), &bytes)?;
    fs::write(folder.join("version.rs"), list.version_file()?)?;
    println!("version  {}", list.version);
    println!("rules    {}", list.rules);
    println!("bytes    {}, gzip {}", bytes.len(), deflated_len(&bytes)? + GZIP_FRAME_BYTES);
    Ok(())
}

/// The list in its compact form, raw and after gzip, bytes.
pub(crate) fn sizes() -> Result<(u64, u64)> {
    let bytes = fs::read(repo().join(FOLDER).join("list.bin"))?;
    Ok((u64::try_from(bytes.len())?, deflated_len(&bytes)? + GZIP_FRAME_BYTES))
}

/// A published list.
struct List {
    version: String,
    commit: String,
    rules: usize,
    tree: Node,
}

impl List {
    /// Reads rules as the list's own page says: one a line, up to the first white space; `//` begins a comment.
    fn read(text: &str) -> Result<Self> {
        let noted = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("// {name}: ")));
            line.map(|value| value.trim().to_owned()).with_context(|| format!("the list doesn't say its {name}"))
        };
        let mut list = Self { version: noted("VERSION")?, commit: noted("COMMIT")?, rules: 0, tree: Node::default() };
        for line in text.lines() {
            let Some(rule) = line.split_whitespace().next().filter(|rule| !rule.starts_with("//")) else { continue };
            list.tree.add(rule).with_context(|| rule.to_owned())?;
            list.rules += 1;
        }
        Ok(list)
    }

    fn version_file(&self) -> Result<String> {
        let date = self.version.get(..10).context("a version without a date")?;
        ensure!(self.rules > 1_000, "a list of {} rules is not whole", self.rules);
        let (thousands, rest) = (self.rules / 1_000, self.rules % 1_000);
        Ok(format!(
            "//! Which edition of the Public Suffix List `list.bin` is; `cargo xtask psl` writes this file too.
//!
//! The list is Mozilla's and its contributors', under the Mozilla Public License 2.0
//! (<https://mozilla.org/MPL/2.0/>). Its source form is at <https://publicsuffix.org/list/>, commit
//! {}.

/// The list's own version.
pub const SUFFIXES_VERSION: &str = \"{}\";
/// The day of that version, year-month-day.
pub const SUFFIXES_DATE: &str = \"{date}\";
/// Rules in it, of both sections, wildcards and exceptions among them.
pub const SUFFIX_RULES: usize = {thousands}_{rest:03};
",
            self.commit, self.version
        ))
    }
}

/// A label, its kind, and the row under it.
type Entry<'a> = (&'a str, u8, Vec<u8>);

/// A name of the list: what it is itself, and what lies under it.
#[derive(Default)]
struct Node {
    is_rule: bool,
    is_wild: bool,
    is_exception: bool,
    under: BTreeMap<String, Self>,
}

impl Node {
    fn add(&mut self, rule: &str) -> Result<()> {
        let (name, is_exception) = rule.strip_prefix('!').map_or((rule, false), |name| (name, true));
        let (name, is_wild) = name.strip_prefix("*.").map_or((name, false), |name| (name, true));
        let Host::Domain(name) = Host::parse(name)? else { bail!("not a name") };
        let mut node = self;
        for label in name.rsplit('.') {
            ensure!(!label.is_empty() && !label.contains('*'), "a label that the form doesn't know");
            node = node.under.entry(label.to_owned()).or_default();
        }
        let place = match (is_exception, is_wild) {
            (true, _) => &mut node.is_exception,
            (_, true) => &mut node.is_wild,
            _ => &mut node.is_rule,
        };
        ensure!(!*place, "twice");
        *place = true;
        Ok(())
    }

    /// The first row holds the first letters.
    fn encoded(&self) -> Result<Vec<u8>> {
        let mut letters: BTreeMap<&str, Vec<Entry<'_>>> = BTreeMap::new();
        for (label, kind, under) in self.entries()? {
            let (letter, rest) = label.split_at_checked(1).context("no ASCII")?;
            letters.entry(letter).or_default().push((rest, kind, under));
        }
        let above = Self::kind(&Self { under: BTreeMap::from([(String::new(), Self::default())]), ..Self::default() })?;
        let letters = letters.into_iter().map(|(letter, entries)| Ok((letter, above, row(entries)?)));
        row(letters.collect::<Result<_>>()?)
    }

    fn entries(&self) -> Result<Vec<Entry<'_>>> {
        self.under.iter().map(|(label, node)| Ok((label.as_str(), node.kind()?, row(node.entries()?)?))).collect()
    }

    fn kind(&self) -> Result<u8> {
        Ok(match (self.is_rule, self.is_wild, self.is_exception, !self.under.is_empty()) {
            (true, false, false, false) => 0,
            (true, false, false, true) => 1,
            (false, false, false, true) => 2,
            (false, true, false, false) => 3,
            (false, true, false, true) => 4,
            (false, false, true, false) => 5,
            (true, true, false, false) => 6,
            (true, true, false, true) => 7,
            _ => bail!("an exception that is something else as well"),
        })
    }
}

/// Writes entries, which are sorted.
fn row(entries: Vec<Entry<'_>>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut last = "";
    for (label, kind, under) in entries {
        let shared = label.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count().min(SHARED_MAX);
        out.push(0x80 | kind << 4 | u8::try_from(shared)?);
        out.extend(label.bytes().skip(shared));
        if !under.is_empty() {
            ensure!(under.len() <= ROW_BYTES_MAX, "too much under {label}");
            let [high, low] = u16::try_from(under.len())?.to_be_bytes();
            out.extend([0x80 | high, low]);
            out.extend(under);
        }
        last = label;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_as_its_form_says() {
        let text = "// VERSION: 2026-10-22_08-36-41_UTC\n// COMMIT: abc\n\n// of Uganda\nug\nco.ug and more\ncom.ug\n*.uk\n!b.uk\n";
        let list = List::read(text).unwrap();
        assert_eq!((list.rules, list.version.as_str()), (5, "2026-10-22_08-36-41_UTC"));
        // u: g (rule, above: co, +m), k (wild, above: the exception b).
        let under_u = b"\x90g\x80\x05\x80co\x82m\xc0k\x80\x02\xd0b";
        let expected = [b"\xa0u\x80\x0f".as_slice(), under_u].concat();
        assert_eq!(list.tree.encoded().unwrap(), expected);
        assert!(list.version_file().is_err(), "too short to be whole");
        assert!(List::read("// VERSION: 1\n// COMMIT: a\nug\nug\n").is_err());
        assert!(List::read("ug\n").is_err());
        let name = "// VERSION: 1\n// COMMIT: a\n\u{9999}\u{6e2f}.hk\n";
        assert!(List::read(name).unwrap().tree.under["hk"].under.contains_key("xn--j6w193g"));
    }
}
