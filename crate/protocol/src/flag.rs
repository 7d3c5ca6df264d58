//! Flags: a person says what is wrong with a judgment instead of answering it.

use crate::limits::FLAG_NOTE_BYTES_MAX;
use crate::statement::Input;
use crate::{codes, fields};

/// What is wrong with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlagReason {
    /// It can't be answered: nothing to see, or none of the answers can be right.
    Broken,
    /// It harms whoever looks at it, or somebody else.
    Harmful,
    /// It asks for personal data, or shows somebody's.
    PersonalData,
    /// It is somebody else's CAPTCHA.
    Captcha,
    /// It is against the law.
    Illegal,
    /// The instructions are unclear.
    Unclear,
}
codes!(FlagReason { 0 Broken, 1 Harmful, 2 PersonalData, 3 Captcha, 4 Illegal, 5 Unclear });

impl FlagReason {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 6] =
        [Self::Broken, Self::Harmful, Self::PersonalData, Self::Captcha, Self::Illegal, Self::Unclear];

    /// Whether an item that is flagged so is to be asked of nobody. Unclear instructions are for the requester to mend.
    pub fn stops(self) -> bool {
        self != Self::Unclear
    }
    /// Whether the operator must look at it: the requester alone can't be the one to judge.
    pub fn is_for_the_operator(self) -> bool {
        !matches!(self, Self::Broken | Self::Unclear)
    }
    /// The word in exports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Harmful => "harmful",
            Self::PersonalData => "personal_data",
            Self::Captcha => "captcha",
            Self::Illegal => "illegal",
            Self::Unclear => "unclear",
        }
    }
}

/// A flag, and how it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagReport {
    /// What is wrong.
    pub reason: FlagReason,
    /// In the person's own words.
    pub note: Option<String>,
    /// How it was given.
    pub input: Input,
}
fields!(FlagReport { 0 reason, 1 note, 2 input });

impl FlagReport {
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.note.as_ref().is_none_or(|note| note_of(note).as_ref() == Some(note)) {
            Ok(())
        } else {
            Err("a note is empty, too long, not trimmed or has control characters")
        }
    }
}

/// The note that a person's text makes: control characters are spaces, none at its ends, at most
/// `FLAG_NOTE_BYTES_MAX`; `None` if nothing is left.
pub fn note_of(text: &str) -> Option<String> {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let plain = plain.trim();
    let end = (0..=FLAG_NOTE_BYTES_MAX.min(plain.len())).rev().find(|end| plain.is_char_boundary(*end))?;
    let note = plain.get(..end)?.trim_end();
    (!note.is_empty()).then(|| note.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_note_is_one_trimmed_line() {
        assert_eq!(note_of("  a\nb\t"), Some("a b".to_owned()));
        assert_eq!(note_of(" \n "), None);
        assert_eq!(note_of(&"é".repeat(800)).map(|note| note.len()), Some(FLAG_NOTE_BYTES_MAX));
        assert_eq!(
            note_of(&format!("{}  x", "a".repeat(FLAG_NOTE_BYTES_MAX - 1))).map(|n| n.len()),
            Some(FLAG_NOTE_BYTES_MAX - 1)
        );
    }

    proptest! {
        #[test]
        fn what_a_text_makes_is_a_note(text in any::<String>()) {
            let note = note_of(&text);
            let report = FlagReport { reason: FlagReason::Unclear, note: note.clone(), input: Input::Keyboard };
            prop_assert_eq!(report.check(), Ok(()));
            prop_assert_eq!(note.as_deref().and_then(note_of), note);
        }
    }
}
