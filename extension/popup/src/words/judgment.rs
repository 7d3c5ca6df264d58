//! What a judgment's card says.

use std::borrow::Cow;

use lull_view::{Judgment, JudgmentTask};

use super::offer::MORE_TIME_KEY;
use crate::{format, text};

/// A key and what it does.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    name: &'static str,
    /// How many of its kind there are, from 1; 0: it is one.
    count: usize,
    pub(crate) does: fn() -> &'static str,
    /// Whether it goes with the others when single keys are off.
    pub(crate) is_single: bool,
}

impl Key {
    pub(crate) const fn single(name: &'static str, does: fn() -> &'static str) -> Self {
        Self { name, count: 0, does, is_single: true }
    }
    pub(crate) const fn always(name: &'static str, does: fn() -> &'static str) -> Self {
        Self { name, count: 0, does, is_single: false }
    }
    const fn digits(count: usize, does: fn() -> &'static str) -> Self {
        Self { name: "", count, does, is_single: true }
    }
    /// As its cap says it.
    pub(crate) fn cap(self) -> Cow<'static, str> {
        match (self.name, self.count) {
            (_, 10) => text::key_digits_ten().into(),
            (_, count @ 1..) => text::key_digits(&format::count(count as u64)).into(),
            (SPACE, _) => text::pops_space().into(),
            (ENTER, _) => text::key_enter().into(),
            (name, _) => name.into(),
        }
    }
}

/// The keys that have a name.
const SPACE: &str = " ";
pub(crate) const ENTER: &str = "\n";

/// The keys that say that the answer is whole, where one touch isn't enough.
const DONE_KEYS: [Key; 2] = [Key::always(ENTER, text::key_done), Key::single("D", text::key_done)];

/// The keys of every type, and what each does.
pub(crate) const KEYS: [Key; 7] = [
    Key::single("G", text::key_guideline),
    Key::single("F", text::key_flag),
    Key::single("S", text::key_skip),
    Key::single(SPACE, text::key_skip_space),
    Key::single("Z", text::key_take_back),
    MORE_TIME_KEY,
    Key::single("?", text::key_show),
];

/// The keys that answer.
pub(crate) fn task_keys(task: &JudgmentTask) -> Vec<Key> {
    let options = task.options();
    match task {
        JudgmentTask::Choice { .. } | JudgmentTask::Compare { .. } => vec![Key::digits(options, text::key_choose)],
        JudgmentTask::Multi { .. } => {
            let [enter, d] = DONE_KEYS;
            vec![Key::digits(options, text::key_choose_several), enter, d]
        }
        JudgmentTask::Rating { .. } if options < 10 => vec![Key::digits(options, text::key_choose_step)],
        JudgmentTask::Rating { .. } => vec![Key::digits(options, text::key_step)],
        JudgmentTask::Verify { .. } => {
            let [enter, d] = DONE_KEYS;
            vec![Key::always("↑ ↓", text::key_mark), Key::digits(options, text::key_finding), enter, d]
        }
    }
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

/// How an answer is accepted, and when it is paid at the latest; `demo`: by whom else it is answered.
pub(crate) fn rule(judgment: &Judgment, demo: bool) -> String {
    let Judgment { people, agree, .. } = *judgment;
    let agree = format::count(agree.into());
    let when = || format::moment(judgment.approved_at);
    match people {
        2.. if demo => text::rule_demo(u64::from(people - 1), &agree, &when()),
        // Nobody else is waited for.
        1 => text::rule_alone().to_owned(),
        _ => text::rule_people(&format::count(people.into()), &agree, &when()),
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
