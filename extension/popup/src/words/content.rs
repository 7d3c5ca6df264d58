//! What is said about the content of judgments.

use lull_view::{Warning, WarningSet};

use super::judgment::Key;
use crate::{format, text};

/// What B does, in the list of keys.
pub(crate) const UNCOVER_KEY: Key = Key::single("B", text::key_uncover);

/// A class: its switch's id, its name, what it may be, and what it is within a sentence.
pub(crate) fn class(warning: Warning) -> (&'static str, &'static str, &'static str, &'static str) {
    use crate::text::*;
    match warning {
        Warning::Violence => ("warn-violence", warn_violence(), warn_violence_text(), warn_violence_within()),
        Warning::Sexual => ("warn-sexual", warn_sexual(), warn_sexual_text(), warn_sexual_within()),
        Warning::Hate => ("warn-hate", warn_hate(), warn_hate_text(), warn_hate_within()),
        Warning::SelfHarm => ("warn-self-harm", warn_self_harm(), warn_self_harm_text(), warn_self_harm_within()),
        Warning::Medical => ("warn-medical", warn_medical(), warn_medical_text(), warn_medical_within()),
        Warning::Disturbing => ("warn-disturbing", warn_disturbing(), warn_disturbing_text(), warn_disturbing_within()),
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
