//! The keyboard: what a key means while the card is on screen, and the list that shows it.

use gloo::events::{EventListener, EventListenerOptions};
use lull_view::{AnswerInput, Judgment, JudgmentTask, Touch};
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};
use yew::{Callback, Html, hook, html, use_effect_with};

use super::Act;
use crate::single_keys;
use crate::words::judgment as words;

/// What the keys depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    /// How many options there are.
    options: usize,
    /// Whether Enter says that the answer is whole.
    has_done: bool,
    /// Whether arrows go through sentences.
    has_sentences: bool,
    /// Whether Space skips.
    has_space: bool,
    /// Whether there is something to uncover.
    is_covered: bool,
}

impl Keys {
    const NONE: Self = Self { options: 0, has_done: false, has_sentences: false, has_space: false, is_covered: false };
    /// After an answer that is practice: Enter goes on.
    pub(super) const GO_ON: Self = Self { has_done: true, ..Self::NONE };

    /// The keys of a judgment.
    pub(super) fn of(judgment: &Judgment) -> Self {
        if judgment.is_covered {
            return Self { has_space: true, is_covered: true, ..Self::NONE };
        }
        Self { has_space: true, ..Self::of_task(&judgment.task) }
    }

    /// The keys of a task that is practice, which doesn't come again: it isn't skipped by the largest key.
    pub(super) fn of_task(task: &JudgmentTask) -> Self {
        let has_sentences = matches!(task, JudgmentTask::Verify { .. });
        let has_done = has_sentences || matches!(task, JudgmentTask::Multi { .. });
        Self { options: task.options(), has_done, has_sentences, ..Self::NONE }
    }
}

/// Listens to the keyboard while the card is on screen and nothing else on it does.
#[hook]
pub(super) fn use_keys(act: Option<Callback<Act>>, keys: Keys) {
    use_effect_with((act, keys), move |(act, keys)| {
        let (act, keys) = (act.clone(), *keys);
        let listener = act.zip(web_sys::window()).map(|(act, window)| {
            let options = EventListenerOptions::enable_prevent_default();
            EventListener::new_with_options(&window, "keydown", options, move |event| {
                let Some(event) = event.dyn_ref::<KeyboardEvent>() else {
                    return;
                };
                if let Some(meant) = meaning(event, keys) {
                    event.prevent_default();
                    act.emit(meant);
                }
            })
        });
        move || drop(listener)
    });
}

/// What a key means here, if anything. A key that is held down, or belongs to a shortcut or to a control
/// outside of the card, means nothing (WCAG 2.1.4).
fn meaning(event: &KeyboardEvent, keys: Keys) -> Option<Act> {
    if event.ctrl_key() || event.alt_key() || event.meta_key() || event.is_composing() {
        return None;
    }
    let focused = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let within = |selector: &str| focused.as_ref().is_some_and(|e| e.closest(selector).ok().flatten().is_some());
    let in_card = within(".judgment");
    let nowhere = focused.as_ref().is_none_or(|e| matches!(e.tag_name().as_str(), "BODY" | "MAIN" | "HTML"));
    if !in_card && !nowhere {
        return None;
    }
    let touch = |touch| Some(Act::Touch { touch, input: AnswerInput::Keyboard });
    let key = single_keys::key_of(event);
    match key.as_str() {
        // Reading on may be held down; nothing that answers may.
        "ArrowDown" if keys.has_sentences => return touch(Touch::Step { down: true }),
        "ArrowUp" if keys.has_sentences => return touch(Touch::Step { down: false }),
        // A box that is ticked by Space isn't ticked over and over by an Enter that is held down.
        "Enter" if event.repeat() && within(".several") => {
            event.prevent_default();
            return None;
        }
        _ if event.repeat() => return None,
        "Escape" if within("#guideline") => return Some(Act::Guideline(AnswerInput::Keyboard)),
        "Escape" if within("#keys") => return Some(Act::Keys(AnswerInput::Keyboard)),
        // On a control, Enter presses it; a box to tick is ticked by Space.
        "Enter" if keys.has_done && !within("button:not(.several), a, summary") => return touch(Touch::Done),
        _ if !single_keys::are_on() => return None,
        _ => {}
    }
    match key.as_str() {
        // Space scrolls the page, scrolls the text that has the focus, or presses its control.
        " " if nowhere || !keys.has_space || within("button, a, summary, [tabindex='0'], #guideline, #keys") => None,
        " " | "s" => Some(Act::Skip),
        "?" => Some(Act::Keys(AnswerInput::Keyboard)),
        "g" => Some(Act::Guideline(AnswerInput::Keyboard)),
        "f" => Some(Act::Flag),
        // Enter is far from the left hand, and presses what has the focus.
        "d" if keys.has_done => touch(Touch::Done),
        "b" if keys.is_covered => Some(Act::Uncover),
        key => {
            let digit = key.parse::<u8>().ok().filter(|_| key.len() == 1)?;
            let option = digit.checked_sub(1).unwrap_or(9);
            if usize::from(option) < keys.options { touch(Touch::Option(option)) } else { None }
        }
    }
}

/// The list of keys: those that answer, and these.
pub(super) fn keys_list(answering: Vec<words::Key>, more: &[words::Key], shown: bool) -> Html {
    let are_on = single_keys::are_on();
    let keys = answering.into_iter().chain(more.iter().copied()).filter(|key| are_on || !key.is_single);
    html! {
        <dl class="keys" id="keys" tabindex="-1" hidden={!shown}>
            { for keys.map(|key| html! { <div><dt><kbd>{ key.cap() }</kbd></dt><dd>{ (key.does)() }</dd></div> }) }
        </dl>
    }
}
