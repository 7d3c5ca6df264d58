//! Work that is half done: what was chosen of an answer, and the note of a flag, kept in the browser until the judgment
//! is answered, skipped or gone. Without storage it ends with the popup.

use lull_view::{Draft, Found, JudgmentTask, OptionSet};
use yew::{hook, use_effect_with, use_memo};

use crate::single_keys::storage;

/// Where it is kept, of one judgment at a time: its offer, what was chosen, the marked sentence, what was found, the note.
const KEY: &str = "half-done";
/// A note that is longer is cut, characters: no more can be typed.
pub(super) const NOTE_CHARS_MAX: usize = 500;
/// Nothing chosen, in what is kept.
const NONE: &str = "-";
const SUPPORTED: &str = "supported";
const CONTRADICTED: &str = "contradicted";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct HalfDone {
    draft: Draft,
    note: String,
}

impl HalfDone {
    /// As it is kept.
    fn written(&self, offer: &str) -> String {
        let Draft { chosen, sentence, found } = self.draft;
        let sentence = sentence.map_or_else(|| NONE.to_owned(), |at| at.to_string());
        let found = match found {
            None => NONE,
            Some(Found::Supported) => SUPPORTED,
            Some(Found::Contradicted) => CONTRADICTED,
        };
        let note: String = self.note.chars().take(NOTE_CHARS_MAX).collect();
        format!("{offer} {} {sentence} {found} {note}", chosen.bits())
    }

    /// What is kept of this offer, if it is whole.
    fn read(kept: &str, offer: &str) -> Option<Self> {
        let mut parts = kept.splitn(5, ' ');
        let chosen = (parts.next()? == offer).then(|| parts.next())??;
        let chosen = OptionSet::from_bits(chosen.parse().ok()?)?;
        let sentence = match parts.next()? {
            NONE => None,
            at => Some(at.parse().ok()?),
        };
        let found = match parts.next()? {
            NONE => None,
            SUPPORTED => Some(Found::Supported),
            CONTRADICTED => Some(Found::Contradicted),
            _ => return None,
        };
        let note = parts.next()?.chars().take(NOTE_CHARS_MAX).collect();
        Some(Self { draft: Draft { chosen, sentence, found }, note })
    }
}

/// What was chosen of the answer to this judgment before the popup closed.
#[hook]
pub(super) fn use_kept_draft(offer: &str, task: &JudgmentTask) -> Draft {
    *use_memo(offer.to_owned(), |offer| kept(offer).draft.of(task))
}

/// The judgment on screen and the one behind it: what was begun of any other is gone with it.
#[hook]
pub(super) fn use_only(offer: &str, next: Option<&str>) {
    use_effect_with((offer.to_owned(), next.map(str::to_owned)), |(offer, next)| {
        let kept = all();
        let is_theirs = |one: &String| kept.split(' ').next() == Some(one);
        if !kept.is_empty() && !is_theirs(offer) && !next.as_ref().is_some_and(is_theirs) {
            drop_all();
        }
    });
}

/// Keeps what was chosen.
pub(super) fn keep_draft(offer: &str, draft: Draft) {
    keep(offer, HalfDone { draft, ..kept(offer) });
}

/// The note.
pub(super) fn kept_note(offer: &str) -> String {
    kept(offer).note
}

/// Keeps it.
pub(super) fn keep_note(offer: &str, note: &str) {
    keep(offer, HalfDone { note: note.to_owned(), ..kept(offer) });
}

/// The judgment was answered, flagged or skipped.
pub(super) fn forget(offer: &str) {
    if all().split(' ').next() == Some(offer) {
        drop_all();
    }
}

fn kept(offer: &str) -> HalfDone {
    HalfDone::read(&all(), offer).unwrap_or_default()
}

fn keep(offer: &str, half_done: HalfDone) {
    if half_done == HalfDone::default() {
        return forget(offer);
    }
    // Storage that fails keeps nothing; see above.
    let _ = storage().map(|storage| storage.set_item(KEY, &half_done.written(offer)));
}

fn all() -> String {
    storage().and_then(|storage| storage.get_item(KEY).ok().flatten()).unwrap_or_default()
}

fn drop_all() {
    // Storage that fails keeps it for too long; nothing reads it.
    let _ = storage().map(|storage| storage.remove_item(KEY));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_half_done_is_read_as_it_was_kept_and_only_of_its_own_offer() {
        let chosen = OptionSet::default().with(0).and_then(|set| set.with(4)).expect("options");
        let several = HalfDone { draft: Draft { chosen, ..Draft::default() }, note: "two  words ".to_owned() };
        let found = Some(Found::Contradicted);
        let marked = HalfDone { draft: Draft { sentence: Some(2), found, ..Draft::default() }, note: String::new() };
        for half_done in [several, marked, HalfDone::default()] {
            let kept = half_done.written("ab12");
            assert_eq!(HalfDone::read(&kept, "ab12"), Some(half_done), "{kept}");
            assert_eq!(HalfDone::read(&kept, "ab"), None, "{kept}");
        }
    }

    #[test]
    fn what_can_t_be_read_is_nothing() {
        for kept in ["", "ab", "ab 1", "ab 1 - -", "ab x - - ", "ab 65535 - - ", "ab 1 300 - ", "ab 1 - maybe "] {
            assert_eq!(HalfDone::read(kept, "ab"), None, "{kept}");
        }
    }

    #[test]
    fn a_note_is_kept_up_to_its_limit() {
        let long = HalfDone { note: "é".repeat(NOTE_CHARS_MAX + 1), ..HalfDone::default() };
        let read = HalfDone::read(&long.written("ab"), "ab").expect("it is whole");
        assert_eq!(read.note.chars().count(), NOTE_CHARS_MAX);
    }
}
