//! What is said about the content of judgments.

use lull_view::{Warning, WarningSet};

/// Before the address of a picture in Markdown.
pub(crate) const NOT_LOADED: &str = "picture, not loaded: ";

pub(crate) const SENSITIVE: &str = "Sensitive content";
pub(crate) const SENSITIVE_TEXT: &str = "Some judgments are about things that not everyone wants to see. None of them comes unless you switch its kind on, and each stays covered until you ask to see it.";
pub(crate) const A_DAY: &str = "At most, a day";
pub(crate) const UNCOVER: &str = "Show it";
/// What B does, in the list of keys.
pub(crate) const UNCOVER_KEY: (&str, &str) = ("B", "show what is covered");

/// A class: its switch's id, its name, and what it may be.
pub(crate) fn class(warning: Warning) -> (&'static str, &'static str, &'static str) {
    match warning {
        Warning::Violence => ("warn-violence", "Violence", "Fights, weapons, injuries."),
        Warning::Sexual => ("warn-sexual", "Sexual", "Nudity and sexual acts."),
        Warning::Hate => ("warn-hate", "Hate", "Slurs, hatred, harassment."),
        Warning::SelfHarm => ("warn-self-harm", "Self-harm", "Suicide, self-injury, eating disorders."),
        Warning::Medical => ("warn-medical", "Medical", "Wounds, operations, illness."),
        Warning::Disturbing => ("warn-disturbing", "Disturbing", "Anything else that may stay with you."),
    }
}

/// What a covered judgment may show.
pub(crate) fn may_show(warnings: WarningSet) -> String {
    let names: Vec<String> = warnings.iter().map(|warning| class(warning).1.to_ascii_lowercase()).collect();
    format!("This may show: {}.", names.join(", "))
}

pub(crate) fn seen_today(seen: u16, most: u16) -> String {
    if seen >= most {
        format!("{seen} seen today. No more come before tomorrow.")
    } else {
        format!("{seen} seen today.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_may_show_is_said() {
        let two = WarningSet::NONE.with(Warning::SelfHarm).with(Warning::Hate);
        assert_eq!(may_show(two), "This may show: hate, self-harm.");
        assert_eq!(
            (seen_today(1, 2), seen_today(2, 2)),
            ("1 seen today.".into(), "2 seen today. No more come before tomorrow.".into())
        );
    }
}
