//! The keyboard: what a key means while the card is on screen, and the list that shows it.

use gloo::events::{EventListener, EventListenerOptions};
use lull_view::{AnswerInput, Judgment, JudgmentTask, Touch};
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};
use yew::{Callback, Html, hook, html, use_effect_with};

use super::Act;
use crate::single_keys;
use crate::words::content::UNCOVER_KEY;
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
    /// Whether there is something to uncover.
    is_covered: bool,
}

impl Keys {
    /// The keys of a judgment.
    pub(super) fn of(judgment: &Judgment) -> Self {
        if judgment.is_covered {
            return Self { is_covered: true, ..Self::default() };
        }
        let task = &judgment.task;
        let has_sentences = matches!(task, JudgmentTask::Verify { .. });
        let has_done = has_sentences || matches!(task, JudgmentTask::Multi { .. });
        Self { options: task.options(), has_done, has_sentences, is_covered: false }
    }
}

/// Listens to the keyboard while the card is on screen.
#[hook]
pub(super) fn use_keys(act: Callback<Act>, keys: Keys) {
    use_effect_with((act, keys), move |(act, keys)| {
        let (act, keys) = (act.clone(), *keys);
        let listener = web_sys::window().map(|window| {
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
    match event.key().as_str() {
        // Reading on may be held down; nothing that answers may.
        "ArrowDown" if keys.has_sentences => return touch(Touch::Step { down: true }),
        "ArrowUp" if keys.has_sentences => return touch(Touch::Step { down: false }),
        // A box that is ticked by Space isn't ticked over and over by an Enter that is held down.
        "Enter" if event.repeat() && within(".several") => {
            event.prevent_default();
            return None;
        }
        _ if event.repeat() => return None,
        // On a control, Enter presses it; a box to tick is ticked by Space.
        "Enter" if keys.has_done && !within("button:not(.several), a") => return touch(Touch::Done),
        _ if !single_keys::are_on() => return None,
        _ => {}
    }
    match event.key().as_str() {
        // Space scrolls the page, scrolls the text that has the focus, or presses its control.
        " " if nowhere || within("button, a, [tabindex='0']") => None,
        " " | "s" | "S" => Some(Act::Skip),
        "?" => Some(Act::Keys),
        "b" | "B" if keys.is_covered => Some(Act::Uncover),
        key => {
            let digit = key.parse::<u8>().ok().filter(|_| key.len() == 1)?;
            let option = digit.checked_sub(1).unwrap_or(9);
            if usize::from(option) < keys.options { touch(Touch::Option(option)) } else { None }
        }
    }
}

/// The list of keys.
pub(super) fn keys_list(judgment: &Judgment, shown: bool) -> Html {
    let answering = if judgment.is_covered { &[UNCOVER_KEY] } else { words::task_keys(&judgment.task) };
    let is_single = |key: &str| !key.starts_with(['↵', '↑']);
    let are_on = single_keys::are_on();
    let keys = answering.iter().chain(&words::KEYS_LIST).filter(|(key, _)| are_on || !is_single(key));
    html! {
        <dl class="keys" id="keys" hidden={!shown}>
            { for keys.map(|(key, does)| html! { <div><dt><kbd>{ *key }</kbd></dt><dd>{ *does }</dd></div> }) }
        </dl>
    }
}
