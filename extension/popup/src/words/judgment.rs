//! What a judgment's card says.

use lull_view::JudgmentTask;

use crate::{format, text};

type Key = (&'static str, fn() -> &'static str);

/// The keys of every type, and what each does.
pub(crate) const KEYS: [Key; 4] =
    [("S", text::key_skip), (SPACE, text::key_skip_space), ("Z", text::key_take_back), ("?", text::key_show)];
/// The one key that has a name.
const SPACE: &str = " ";

/// The keys that answer.
pub(crate) fn task_keys(task: &JudgmentTask) -> &'static [Key] {
    match task {
        JudgmentTask::Choice { .. } => &[("1–9", text::key_choose)],
        JudgmentTask::Multi { .. } => &[("1–9", text::key_choose_several), ("↵", text::key_done)],
        JudgmentTask::Compare { .. } => &[("1–4", text::key_choose)],
        JudgmentTask::Rating { .. } => &[("1–9, 0", text::key_step)],
        JudgmentTask::Verify { .. } => &[("↑ ↓", text::key_mark), ("1–3", text::key_finding)],
    }
}

/// A key as its cap says it.
pub(crate) fn cap(key: &'static str) -> &'static str {
    if key == SPACE { text::pops_space() } else { key }
}

/// The two that are compared.
pub(crate) fn sides() -> [&'static str; 2] {
    [text::side_a(), text::side_b()]
}

/// Which is better, in the order of the protocol's codes.
pub(crate) fn preferences() -> [&'static str; 4] {
    [text::prefer_a(), text::prefer_b(), text::prefer_both(), text::prefer_neither()]
}

/// What a source says of a claim, in the order of the protocol's codes.
pub(crate) fn findings() -> [&'static str; 3] {
    [text::finding_supported(), text::finding_contradicted(), text::finding_not_enough()]
}

/// How many are chosen, or how many can be.
pub(crate) fn how_many(least: u8, most: u8, options: usize, chosen: u8) -> String {
    let n = |n: u8| format::count(n.into());
    match chosen {
        0 if least == most => text::choose_exactly(&n(least)),
        0 if usize::from(most) == options && least == 0 => text::choose_all().to_owned(),
        0 if usize::from(most) == options => text::choose_least(&n(least)),
        0 if least == 0 => text::choose_most(&n(most)),
        0 => text::choose_between(&n(least), &n(most)),
        chosen if chosen < least => text::too_few_chosen(&n(chosen), &n(least - chosen)),
        chosen if chosen > most => text::too_many_chosen(&n(chosen), &n(chosen - most)),
        chosen => text::chosen(chosen.into()),
    }
}

/// How an answer is accepted; `demo`: by whom else it is answered.
pub(crate) fn rule(people: u8, agree: u8, demo: bool) -> String {
    let agree = format::count(agree.into());
    match people {
        2.. if demo => text::rule_demo(u64::from(people - 1), &agree),
        1 => text::rule_alone().to_owned(),
        _ => text::rule_people(&format::count(people.into()), &agree),
    }
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
