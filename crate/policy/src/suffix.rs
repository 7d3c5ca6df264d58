//! Public suffixes: the whole Public Suffix List (<https://publicsuffix.org/list/>), both of its sections, in a
//! form made to be small in the package and quick to search. `cargo xtask psl` writes `suffix/list.bin` and
//! `suffix/version.rs` from the list; this module reads them.
//!
//! The form: a tree from the right-most label on. What lies under a node is one row of entries, sorted by their
//! bytes; an entry is
//! - a control byte: `0x80`, what the name is (three bits, [`Kind`]), how many bytes its label shares with the one
//!   before it (four bits);
//! - the rest of the label, ASCII;
//! - where something lies under it: two bytes, `0x80` and the length of that row, big-endian; then the row.
//!
//! The first row holds the first letters of the top-level domains, under each letter the rest of them, so no search
//! reads far.

mod version;

pub use version::{SUFFIX_RULES, SUFFIXES_DATE, SUFFIXES_VERSION};

/// The list.
const LIST: &[u8] = include_bytes!("suffix/list.bin");

/// Bytes of the list in this form.
pub const SUFFIXES_BYTES: usize = LIST.len();

/// The part of a host that whoever holds its domain registered: its public suffix and one label. A name without one
/// (an unlisted top-level domain, a suffix alone) stands for itself.
pub fn registrable_domain(host: &str) -> &str {
    domain(host).unwrap_or(host)
}

/// The registrable domain of a host that has one.
pub(crate) fn domain(host: &str) -> Option<&str> {
    let suffix = public_suffix(host)?;
    let before = host.strip_suffix(suffix)?.strip_suffix('.')?;
    let start = before.rfind('.').map_or(0, |dot| dot + 1);
    host.get(start..).filter(|_| start < before.len())
}

/// The longest suffix of a lower-case ASCII host that a rule of the list names; none where its top-level domain isn't
/// listed. It may be the whole host.
pub fn public_suffix(host: &str) -> Option<&str> {
    let mut found = None;
    let mut row = Some(Row::Top);
    let mut end = host.len();
    loop {
        let start = host.get(..end)?.rfind('.').map_or(0, |dot| dot + 1);
        let label = host.get(start..end)?;
        let (entry, is_wild) = match row {
            Some(Row::Top) => (top_level(label), false),
            Some(Row::Under(entry)) => (find(entry.under, label.as_bytes()), entry.kind.is_wild()),
            None => break,
        };
        // A rule `*.ck` makes any label under `ck` a suffix, save the exceptions that the list names.
        match entry.map(|entry| entry.kind) {
            Some(Kind::Exception) => return host.get(end + 1..),
            kind if is_wild || kind.is_some_and(Kind::is_rule) => found = host.get(start..),
            _ => {}
        }
        row = entry.map(Row::Under);
        end = match start.checked_sub(1) {
            Some(dot) => dot,
            None => break,
        };
    }
    found
}

/// What a name in the tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A rule, nothing under it.
    Rule,
    /// A rule with others under it.
    RuleAbove,
    /// No rule; there are some under it.
    Above,
    /// No rule, but any label under it is one.
    Wild,
    /// The same, with others or exceptions under it.
    WildAbove,
    /// An exception from the wildcard it lies under.
    Exception,
    /// A rule, and any label under it is one too.
    RuleWild,
    /// The same, with others under it.
    RuleWildAbove,
}

impl Kind {
    fn of(control: u8) -> Self {
        match control >> 4 & 7 {
            0 => Self::Rule,
            1 => Self::RuleAbove,
            2 => Self::Above,
            3 => Self::Wild,
            4 => Self::WildAbove,
            5 => Self::Exception,
            6 => Self::RuleWild,
            _ => Self::RuleWildAbove,
        }
    }
    fn is_rule(self) -> bool {
        matches!(self, Self::Rule | Self::RuleAbove | Self::RuleWild | Self::RuleWildAbove)
    }
    fn is_wild(self) -> bool {
        matches!(self, Self::Wild | Self::WildAbove | Self::RuleWild | Self::RuleWildAbove)
    }
    fn has_row(self) -> bool {
        matches!(self, Self::RuleAbove | Self::Above | Self::WildAbove | Self::RuleWildAbove)
    }
}

#[derive(Clone, Copy)]
struct Entry {
    kind: Kind,
    /// The row under it.
    under: &'static [u8],
}

#[derive(Clone, Copy)]
enum Row {
    Top,
    Under(Entry),
}

fn top_level(label: &str) -> Option<Entry> {
    let (first, rest) = label.as_bytes().split_at_checked(1)?;
    find(find(LIST, first)?.under, rest)
}

/// The entry of this label in a row.
fn find(mut row: &'static [u8], label: &[u8]) -> Option<Entry> {
    // How many bytes the label shares with the entry before: one that shares more with that entry differs from the
    // label where that entry did.
    let mut same = 0;
    while let Some((&control, rest)) = row.split_first() {
        let kind = Kind::of(control);
        let shared = usize::from(control & 15);
        let (tail, rest) = rest.split_at_checked(rest.iter().take_while(|byte| byte.is_ascii()).count())?;
        let (under, next) = if kind.has_row() {
            let (&[high, low], rest) = rest.split_first_chunk()?;
            rest.split_at_checked(usize::from(u16::from_be_bytes([high & 0x7f, low])))?
        } else {
            (&[][..], rest)
        };
        if shared <= same {
            let wanted = label.get(shared..)?;
            let more = tail.iter().zip(wanted).take_while(|(a, b)| a == b).count();
            if more == tail.len() && more == wanted.len() {
                return Some(Entry { kind, under });
            }
            if tail.get(more) > wanted.get(more) {
                return None;
            }
            same = shared + more;
        }
        row = next;
    }
    None
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
