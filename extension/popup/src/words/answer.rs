//! What the log says was answered.

use lull_view::Said;

use super::judgment::preferences;
use super::{flag, practice};
use crate::{format, text};

/// An answer as the background words it, in the person's language. What the buyer worded stays as it is.
pub(crate) fn answer(words: &str) -> String {
    match Said::read(words) {
        None => words.to_owned(),
        Some(Said::None) => text::judgment_none_of_these().to_owned(),
        Some(Said::Preference(preference)) => {
            preferences().get(preference as usize).copied().unwrap_or_default().to_owned()
        }
        Some(Said::Rating(step, steps)) => {
            text::answer_rating(&format::count(step.into()), &format::count(steps.into()))
        }
        Some(Said::Finding(finding)) => practice::finding(finding),
        Some(Said::Flag(reason, None)) => text::answer_flag(flag::reason(reason)),
        Some(Said::Flag(reason, Some(note))) => text::answer_flag_note(flag::reason(reason), note),
        Some(Said::TakenBack) => text::answer_taken_back().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_buyers_is_a_message() {
        assert_eq!(answer("A broken item"), "A broken item");
        assert_eq!(answer("both are bad"), "Both bad");
        assert_eq!(answer("4 of 5"), "4 of 5");
        assert_eq!(answer("supported by sentence 3"), "Supported, by sentence 3");
        assert_eq!(answer("flagged: illegal (“here”)"), "Flagged: It's illegal (“here”)");
    }
}
