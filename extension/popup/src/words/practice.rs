//! What practice says.

use lull_view::{Finding, Preference};

pub(crate) const PRACTICE: &str = "Practice";
pub(crate) const RIGHT: &str = "Right.";
pub(crate) const GO_ON: &str = "Go on";
pub(crate) const SKIP: &str = "Skip practice";
/// The keys of practice, besides those that answer.
pub(crate) const KEYS_LIST: [(&str, &str); 3] =
    [("↵", "go on, once it is answered"), ("S", "skip practice"), ("?", "show or hide these keys")];
pub(crate) const OVER: &str = "That's it.";
pub(crate) const START: &str = "Start";

/// Which one it is of how many, and that nothing comes of it.
pub(crate) fn place(at: usize, of: usize) -> String {
    format!("Practice {at} of {of} · not paid, nobody sees it")
}

/// What would have been right.
pub(crate) fn better(answer: &str) -> String {
    format!("Better: {answer}")
}

/// What comes next, and what it pays.
pub(crate) fn over(price: &str) -> String {
    format!("The paid ones come now, {price} each.")
}

/// Which of two is better, behind [`better`].
pub(crate) fn preference(preference: Preference) -> &'static str {
    match preference {
        Preference::Left => "A",
        Preference::Right => "B",
        Preference::Tie => "both as good",
        Preference::BothBad => "both bad",
    }
}

/// What a source says of a claim, and the number of the sentence that shows it.
pub(crate) fn finding(finding: Finding) -> String {
    let by = |sentence: u8| format!("by sentence {}", u16::from(sentence) + 1);
    match finding {
        Finding::Supported { sentence } => format!("Supported, {}", by(sentence)),
        Finding::Contradicted { sentence } => format!("Contradicted, {}", by(sentence)),
        Finding::NotEnough => "Not enough information".to_owned(),
    }
}
