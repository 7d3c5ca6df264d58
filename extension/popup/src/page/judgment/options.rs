//! What can be answered: a button for each option, and for some types one that says that the answer is whole.

use std::borrow::Cow;

use lull_view::{Draft, Finding, Found, JudgmentTask, TaskAnswer, Touch};
use yew::{Callback, Html, MouseEvent, classes, html};

use super::{Act, input_of};
use crate::format;
use crate::single_keys::shortcut;
use crate::text;
use crate::words::judgment as words;

/// Options of this many characters at most stand in a grid of keys, three in a row.
const TINY_CHARS_MAX: usize = 3;
/// Options of this many characters at most stand two in a row, if there are more than four.
const SHORT_CHARS_MAX: usize = 16;

/// The options' texts, in the order of their keys.
pub(super) fn texts(task: &JudgmentTask) -> Vec<Cow<'_, str>> {
    match task {
        JudgmentTask::Choice { options, .. } | JudgmentTask::Multi { options, .. } => {
            options.iter().map(|text| text.as_str().into()).collect()
        }
        JudgmentTask::Compare { .. } => words::preferences().map(Cow::from).to_vec(),
        JudgmentTask::Rating { steps, .. } => (1..=*steps).map(|step| format::count(step.into()).into()).collect(),
        JudgmentTask::Verify { .. } => words::findings().map(Cow::from).to_vec(),
    }
}

/// All of them, and what else the answer needs.
pub(super) fn options(task: &JudgmentTask, draft: &Draft, answered: Option<TaskAnswer>, act: &Callback<Act>) -> Html {
    let texts = texts(task);
    let taken = |option: u8| match (task, answered) {
        (JudgmentTask::Multi { .. }, _) => draft.chosen.contains(option),
        (JudgmentTask::Verify { .. }, None) => draft.found.is_some_and(|found| found as u8 == option),
        (_, answered) => answered.is_some_and(|answer| number(answer) == Some(option)),
    };
    html! {
        <>
            <div class={classes!("options", layout(task, &texts))} role="group" aria-labelledby="question"
                data-type={type_word(task)}>
                { for texts.iter().zip(0u8..).map(|(text, at)| option(task, at, text, taken(at), act)) }
            </div>
            { ends(task) }
            { done(task, draft, act) }
        </>
    }
}

/// The type's word (design: Judgment work).
fn type_word(task: &JudgmentTask) -> &'static str {
    match task {
        JudgmentTask::Choice { .. } => "choice",
        JudgmentTask::Multi { .. } => "multi",
        JudgmentTask::Compare { .. } => "compare",
        JudgmentTask::Rating { .. } => "rating",
        JudgmentTask::Verify { .. } => "verify",
    }
}

/// The option that an answer took, if it took one.
fn number(answer: TaskAnswer) -> Option<u8> {
    match answer {
        TaskAnswer::Choice(option) => Some(option),
        TaskAnswer::Multi(_) => None,
        TaskAnswer::Compare(preference) => Some(preference as u8),
        TaskAnswer::Rating(step) => step.checked_sub(1),
        TaskAnswer::Verify(Finding::Supported { .. }) => Some(0),
        TaskAnswer::Verify(Finding::Contradicted { .. }) => Some(1),
        TaskAnswer::Verify(Finding::NotEnough) => Some(2),
    }
}

fn layout(task: &JudgmentTask, options: &[Cow<'_, str>]) -> &'static str {
    let longest = options.iter().map(|text| text.chars().count()).max().unwrap_or_default();
    match (task, options.len()) {
        (JudgmentTask::Rating { .. }, _) => "in-scale",
        (JudgmentTask::Compare { .. }, _) => "in-twos",
        (_, n) if n > 3 && longest <= TINY_CHARS_MAX => "in-threes",
        (_, n) if n > 4 && longest <= SHORT_CHARS_MAX => "in-twos",
        _ => "in-rows",
    }
}

fn option(task: &JudgmentTask, option: u8, text: &str, is_taken: bool, act: &Callback<Act>) -> Html {
    let number = option + 1;
    let (act, touch) = (act.clone(), Touch::Option(option));
    let click = move |event: MouseEvent| act.emit(Act::Touch { touch, input: input_of(&event) });
    let several = matches!(task, JudgmentTask::Multi { .. });
    let pressed = is_taken.to_string();
    // The tenth step of a scale has the key 0.
    let key = (number % 10).to_string();
    html! {
        <button class={classes!("option", several.then_some("several"), is_taken.then_some("chosen"))}
            data-testid={format!("option-{number}")} aria-keyshortcuts={shortcut(&key)} dir="auto"
            role={several.then_some("checkbox")} aria-checked={several.then_some(pressed)}
            aria-label={step_in_words(task, number)} onclick={click}>
            <kbd aria-hidden="true">{ key }</kbd>
            <span>{ text }</span>
        </button>
    }
}

/// What a step at the end of a scale means.
pub(super) fn step_in_words(task: &JudgmentTask, step: u8) -> Option<String> {
    match task {
        JudgmentTask::Rating { lowest, .. } if step == 1 => {
            Some(text::spoken_step(&format::count(step.into()), lowest))
        }
        JudgmentTask::Rating { steps, highest, .. } if step == *steps => {
            Some(text::spoken_step(&format::count(step.into()), highest))
        }
        _ => None,
    }
}

/// What the ends of a scale mean.
fn ends(task: &JudgmentTask) -> Html {
    match task {
        JudgmentTask::Rating { lowest, highest, .. } => html! {
            <p class="scale-ends" aria-hidden="true"><span dir="auto">{ lowest }</span><span dir="auto">{ highest }</span></p>
        },
        _ => html! {},
    }
}

/// How the answer becomes whole, where one touch isn't enough.
fn done(task: &JudgmentTask, draft: &Draft, act: &Callback<Act>) -> Html {
    let act = act.clone();
    let click = move |event: MouseEvent| act.emit(Act::Touch { touch: Touch::Done, input: input_of(&event) });
    match task {
        JudgmentTask::Multi { least, most, options, .. } => {
            let count = draft.chosen.count();
            let is_whole = (*least..=*most).contains(&count);
            let label = if count == 0 && is_whole { text::judgment_none_of_these() } else { text::judgment_done() };
            html! {
                <div class="done">
                    <p class="quiet" role="status" data-testid="how-many">
                        { words::how_many(*least, *most, options.len(), count) }
                        <span class="unseen" dir="auto">{ " " }{ chosen_in_words(options, draft) }</span>
                    </p>
                    <button class="button primary" data-testid="done" aria-keyshortcuts={done_keys()}
                        aria-disabled={(!is_whole).to_string()} onclick={click}>{ label }<kbd aria-hidden="true">{ "↵" }</kbd></button>
                </div>
            }
        }
        JudgmentTask::Verify { .. } => {
            let hint = match draft.found {
                None if draft.sentence.is_some() => text::judgment_marked(),
                None => text::judgment_mark(),
                Some(Found::Supported) => text::judgment_mark_supporting(),
                Some(Found::Contradicted) => text::judgment_mark_contradicting(),
            };
            html! { <p class="quiet" role="status" data-testid="how-to-mark">{ hint }</p> }
        }
        JudgmentTask::Choice { .. } | JudgmentTask::Compare { .. } | JudgmentTask::Rating { .. } => html! {},
    }
}

/// The keys of *done*, as assistive technology is told of them.
fn done_keys() -> String {
    ["Enter".to_owned()].into_iter().chain(shortcut("d")).collect::<Vec<_>>().join(" ")
}

/// Which are chosen: a key ticks a box that hasn't the focus, and a screen reader says nothing of that by itself.
fn chosen_in_words(options: &[String], draft: &Draft) -> String {
    let chosen: Vec<&String> = draft.chosen.iter().filter_map(|at| options.get(usize::from(at))).collect();
    format::and(&chosen)
}

#[cfg(test)]
mod tests {
    use lull_view::JudgmentContent;

    use super::*;

    fn check(options: &[&str], expected: &str) {
        let options: Vec<String> = options.iter().map(|text| (*text).to_owned()).collect();
        let task = JudgmentTask::Choice { content: JudgmentContent::Text { text: "a".to_owned() }, options };
        assert_eq!(layout(&task, &texts(&task)), expected);
    }

    #[test]
    fn options_stand_as_their_length_allows() {
        check(&["1", "2", "3", "4", "5", "6", "7", "8", "9"], "in-threes");
        check(&["Yes", "No"], "in-rows");
        check(&["one bird", "two birds", "three birds", "many birds", "none"], "in-twos");
        check(&["A person or an animal", "Something to drink", "Ground", "Stars", "None"], "in-rows");
    }
}
