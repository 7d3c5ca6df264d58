//! What a judgment's card says.

use lull_view::JudgmentTask;

pub(crate) const JUDGMENT: &str = "Judgment";
pub(crate) const GUIDELINE: &str = "How to decide";
pub(crate) const SKIP: &str = "Skip";
pub(crate) const KEYS: &str = "Keys";
/// The keys of every type.
pub(crate) const KEYS_LIST: [(&str, &str); 5] = [
    ("S", "skip"),
    ("Space", "skip, in the question"),
    ("Z", "take the last answer back, for 5 s"),
    super::offer::MORE_TIME_KEY,
    ("?", "show or hide these keys"),
];

/// The keys that answer.
pub(crate) fn task_keys(task: &JudgmentTask) -> &'static [(&'static str, &'static str)] {
    match task {
        JudgmentTask::Choice { .. } => &[("1–9", "choose that answer")],
        JudgmentTask::Multi { .. } => &[("1–9", "choose, or take back"), ("↵", "done")],
        JudgmentTask::Compare { .. } => &[("1–4", "choose that answer")],
        JudgmentTask::Rating { .. } => &[("1–9, 0", "choose that step; 0 is 10")],
        JudgmentTask::Verify { .. } => &[("↑ ↓", "mark a sentence"), ("1–3", "say what it shows")],
    }
}

/// The two that are compared.
pub(crate) const SIDES: [&str; 2] = ["A", "B"];
/// Which is better, in the order of the protocol's codes.
pub(crate) const PREFERENCES: [&str; 4] = ["A is better", "B is better", "Both as good", "Both bad"];
pub(crate) const CLAIM: &str = "Claim";
pub(crate) const SOURCE: &str = "Source";
/// What a source says of a claim, in the order of the protocol's codes.
pub(crate) const FINDINGS: [&str; 3] = ["Supported", "Contradicted", "Not enough information"];
pub(crate) const MARK: &str = "Mark the sentence that decides it, if one does.";
pub(crate) const MARKED: &str = "Now say what that sentence shows.";
pub(crate) const MARK_SUPPORTING: &str = "Now click the sentence that supports it, or go there by ↑ ↓ and press Enter.";
pub(crate) const MARK_CONTRADICTING: &str =
    "Now click the sentence that contradicts it, or go there by ↑ ↓ and press Enter.";
pub(crate) const TAKE_BACK: &str = "Take back";

/// The way back from this answer.
pub(crate) fn take_back(answer: &str) -> String {
    format!("{TAKE_BACK}: {answer}")
}

pub(crate) const DONE: &str = "Done";
pub(crate) const NONE_OF_THESE: &str = "None of these";

/// How many are chosen, or how many can be.
pub(crate) fn how_many(least: u8, most: u8, options: usize, chosen: u8) -> String {
    match chosen {
        0 if least == most => format!("Choose {least}."),
        0 if usize::from(most) == options && least == 0 => "Choose all that fit.".to_owned(),
        0 if usize::from(most) == options => format!("Choose {least} or more."),
        0 if least == 0 => format!("Choose up to {most}."),
        0 => format!("Choose {least} to {most}."),
        n if n < least => format!("{n} chosen, {} to go.", least - n),
        n if n > most => format!("{n} chosen, {} too many.", n - most),
        n => format!("{n} chosen."),
    }
}

pub(crate) fn buyer(name: &str) -> String {
    format!("for {name}")
}

/// How an answer is accepted; `demo`: by whom else it is answered.
pub(crate) fn rule(people: u8, agree: u8, demo: bool) -> String {
    match people {
        2.. if demo => format!(
            "Asked of you and {} of the demo crowd; {agree} must agree. You're paid in full even if others differ.",
            people - 1
        ),
        1 => "Asked of you alone. You're paid in full when it is accepted.".to_owned(),
        _ => format!("Asked of {people} people; {agree} must agree. You're paid in full even if others differ."),
    }
}

pub(crate) fn approved(when: &str) -> String {
    format!("If nobody decides, you're paid by {when}.")
}

pub(crate) fn waiting_behind(n: u32) -> String {
    if n == 1 { "1 more waits".to_owned() } else { format!("{n} more wait") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_many_to_choose_is_said_in_the_fewest_words() {
        let said = [(2, 2, 4, 0), (0, 4, 4, 0), (1, 4, 4, 0), (0, 2, 4, 0), (1, 3, 4, 0), (2, 3, 4, 1), (1, 2, 4, 3)]
            .map(|(least, most, options, chosen)| how_many(least, most, options, chosen));
        let expected = [
            "Choose 2.",
            "Choose all that fit.",
            "Choose 1 or more.",
            "Choose up to 2.",
            "Choose 1 to 3.",
            "1 chosen, 1 to go.",
            "3 chosen, 1 too many.",
        ];
        assert_eq!(said, expected);
    }
}
