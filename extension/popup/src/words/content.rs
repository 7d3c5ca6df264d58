//! What is said about the content of judgments.

use lull_view::{Warning, WarningSet};

use super::judgment::Key;
use crate::{format, text};

/// What B does, in the list of keys.
pub(crate) const UNCOVER_KEY: Key = Key::single("B", text::key_uncover);

/// A class: its switch's id, its name, what it may be, and what it is within a sentence.
pub(crate) fn class(warning: Warning) -> (&'static str, &'static str, &'static str, &'static str) {
    match warning {
        Warning::Violence => {
            ("warn-violence", text::warn_violence(), text::warn_violence_text(), text::warn_violence_within())
        }
        Warning::Sexual => ("warn-sexual", text::warn_sexual(), text::warn_sexual_text(), text::warn_sexual_within()),
        Warning::Hate => ("warn-hate", text::warn_hate(), text::warn_hate_text(), text::warn_hate_within()),
        Warning::SelfHarm => {
            ("warn-self-harm", text::warn_self_harm(), text::warn_self_harm_text(), text::warn_self_harm_within())
        }
        Warning::Medical => {
            ("warn-medical", text::warn_medical(), text::warn_medical_text(), text::warn_medical_within())
        }
        Warning::Disturbing => {
            ("warn-disturbing", text::warn_disturbing(), text::warn_disturbing_text(), text::warn_disturbing_within())
        }
    }
}

/// What a covered judgment may show.
pub(crate) fn may_show(warnings: WarningSet) -> String {
    let names: Vec<&str> = warnings.iter().map(|warning| class(warning).3).collect();
    text::may_show(&format::or(&names))
}

pub(crate) fn seen_today(seen: u16, most: u16) -> String {
    if seen >= most { text::sensitive_enough(seen.into()) } else { text::sensitive_seen(seen.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_may_show_is_said() {
        let two = WarningSet::NONE.with(Warning::SelfHarm).with(Warning::Hate);
        assert_eq!(may_show(two), "This may show hate or self-harm.");
        assert_eq!(
            (seen_today(1, 2), seen_today(2, 2)),
            ("1 seen today.".into(), "2 seen today. No more come before tomorrow.".into())
        );
    }
}
