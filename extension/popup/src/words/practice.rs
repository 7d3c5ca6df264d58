//! What practice says.

use lull_view::{Finding, Preference};

use super::judgment::{ENTER, Key};
use super::offer::MORE_TIME_KEY;
use crate::{format, text};

/// The keys of practice, besides those that answer.
pub(crate) const KEYS: [Key; 5] = [
    Key::always(ENTER, text::key_practice_go_on),
    Key::single("G", text::key_guideline),
    Key::single("S", text::key_practice_skip),
    MORE_TIME_KEY,
    Key::single("?", text::key_show),
];

/// Which one it is of how many, and that nothing comes of it.
pub(crate) fn place(at: usize, of: usize) -> String {
    text::practice_place(&format::count(at as u64), &format::count(of as u64))
}

/// What is left for the paid judgment behind it.
pub(crate) fn time_left(seconds: u64) -> String {
    if seconds == 0 { text::time_up().to_owned() } else { text::practice_time(&format::duration(seconds)) }
}

/// Which of two is better, behind `practice_better`.
pub(crate) fn preference(preference: Preference) -> &'static str {
    match preference {
        Preference::Left => text::side_a(),
        Preference::Right => text::side_b(),
        Preference::Tie => text::practice_both(),
        Preference::BothBad => text::practice_neither(),
    }
}

/// What a source says of a claim, and the number of the sentence that shows it.
pub(crate) fn finding(finding: Finding) -> String {
    let number = |sentence: u8| format::count(u64::from(sentence) + 1);
    match finding {
        Finding::Supported { sentence } => text::practice_supported(&number(sentence)),
        Finding::Contradicted { sentence } => text::practice_contradicted(&number(sentence)),
        Finding::NotEnough => text::finding_not_enough().to_owned(),
    }
}
