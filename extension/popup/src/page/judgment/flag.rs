//! Flagging: what is wrong with the judgment, instead of an answer.

use std::cell::Cell;

use gloo::events::{EventListener, EventListenerOptions};
use gloo::timers::callback::Interval;
use lull_view::{AnswerInput, Command, FlagReason, SEEN_MS_MIN};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlInputElement, KeyboardEvent};
use yew::{
    Callback, Html, InputEvent, MouseEvent, NodeRef, Properties, TargetCast, component, hook, html, use_callback,
    use_effect_with, use_node_ref, use_ref, use_state_eq,
};

use super::half_done::{self, NOTE_CHARS_MAX};
use super::input_of;
use crate::link::Wire;
use crate::parts::focus;
use crate::single_keys::{self, shortcut};
use crate::text;
use crate::words::flag as words;

/// How often it is counted how long the judgment has been on screen, milliseconds.
const LOOK_TICK_MS: u32 = 500;

#[derive(PartialEq, Properties)]
pub(crate) struct FlagProps {
    pub(crate) wire: Wire,
    pub(crate) offer: String,
    pub(crate) shown_at: u64,
    /// Closes the sheet; whether the focus goes back to its button.
    pub(crate) close: Callback<bool>,
}

/// What a key means while the sheet is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Reason(FlagReason),
    Send,
    Close,
}

/// The sheet.
#[component]
pub(crate) fn FlagSheet(props: &FlagProps) -> Html {
    let (sheet, first) = (use_node_ref(), use_node_ref());
    // What was typed before the sheet, or the popup, closed.
    let note = use_state_eq(|| half_done::kept_note(&props.offer));
    let reason = use_state_eq(|| None::<FlagReason>);
    let send = use_send(props, *reason, &note);
    let typed = use_callback(props.offer.clone(), {
        let setter = note.setter();
        move |event: InputEvent, offer: &String| {
            if let Some(field) = event.target_dyn_into::<HtmlInputElement>() {
                half_done::keep_note(offer, &field.value());
                setter.set(field.value());
            }
        }
    });
    let setter = reason.setter();
    let close = props.close.clone();
    let pressed = use_callback((send.clone(), close.clone()), move |key, (send, close)| match key {
        Key::Reason(chosen) => {
            setter.set(Some(chosen));
            focus_on(chosen);
        }
        Key::Send => send.emit(AnswerInput::Keyboard),
        Key::Close => close.emit(true),
    });
    use_sheet_keys(pressed.clone());
    let (shown, focused) = (sheet.clone(), first.clone());
    use_effect_with((), move |()| {
        // Down to its buttons, where it fits.
        if let Some(sheet) = shown.cast::<Element>() {
            sheet.scroll_into_view_with_bool(false);
        }
        focus(&focused);
    });
    let click_send = send.reform(|click: MouseEvent| input_of(&click));
    let click_close = close.reform(|_: MouseEvent| true);
    let choose = pressed.reform(Key::Reason);
    let says = match *reason {
        Some(FlagReason::Unclear) => text::flag_text_unclear(),
        _ => text::flag_text(),
    };
    html! {
        <div class="flag-sheet" id="flag-sheet" ref={sheet} data-testid="flag-sheet">
            <fieldset class="choices">
                <legend>{ text::flag_title() }</legend>
                { for FlagReason::ALL.into_iter().zip(1u8..).map(|(one, number)| {
                    let node = if number == 1 { first.clone() } else { NodeRef::default() };
                    choice(one, number, *reason == Some(one), node, &choose)
                }) }
            </fieldset>
            <label for="flag-note">{ text::flag_note() }</label>
            <input type="text" id="flag-note" data-testid="flag-note" maxlength={NOTE_CHARS_MAX.to_string()}
                autocomplete="off" dir="auto" value={(*note).clone()} oninput={typed} />
            <p class="quiet" role="status">{ says }</p>
            <p class="acts">
                <button class="button primary" data-testid="flag-send" aria-keyshortcuts="Enter"
                    aria-disabled={reason.is_none().to_string()} onclick={click_send}>
                    { text::flag_send() }<kbd aria-hidden="true">{ "↵" }</kbd>
                </button>
                <button class="button" data-testid="flag-close" aria-keyshortcuts="Escape" onclick={click_close}>
                    { text::flag_close() }<kbd aria-hidden="true">{ "Esc" }</kbd>
                </button>
            </p>
        </div>
    }
}

/// The id of a reason's radio button.
fn radio_id(reason: FlagReason) -> String {
    format!("flag-{}", reason.as_str())
}

/// What a key has chosen takes the focus, as it does among radio buttons.
fn focus_on(reason: FlagReason) {
    let document = web_sys::window().and_then(|window| window.document());
    let radio = document.and_then(|document| document.get_element_by_id(&radio_id(reason)));
    if let Some(radio) = radio.and_then(|radio| radio.dyn_into::<HtmlElement>().ok()) {
        // An element that can't take the focus leaves it where it is.
        let _ = radio.focus();
    }
}

fn choice(one: FlagReason, number: u8, is_chosen: bool, node: NodeRef, choose: &Callback<FlagReason>) -> Html {
    let choose = choose.reform(move |_| one);
    html! {
        <label class="choice">
            <input type="radio" name="flag" id={radio_id(one)} ref={node} data-testid={format!("flag-{number}")} checked={is_chosen}
                aria-keyshortcuts={shortcut(&number.to_string())} onchange={choose} />
            <span>{ words::reason(one) }</span>
            <kbd aria-hidden="true">{ number }</kbd>
        </label>
    }
}

/// Sends the flag, once a reason is chosen, and only once.
#[hook]
fn use_send(props: &FlagProps, reason: Option<FlagReason>, note: &str) -> Callback<AnswerInput> {
    let is_sent = use_ref(|| Cell::new(false));
    let said = (reason, note.to_owned());
    let with = (props.wire.clone(), props.offer.clone(), props.shown_at, props.close.clone(), said);
    use_callback(with, move |input, (wire, offer, shown_at, close, (reason, note))| {
        let Some(reason) = *reason else { return };
        if is_sent.replace(true) {
            return;
        }
        let note = note.clone();
        wire.send(Command::Flag { offer: offer.clone(), reason, note, input, shown_at: *shown_at });
        half_done::forget(offer);
        // The next judgment takes the focus.
        close.emit(false);
    })
}

/// Listens to the keyboard while the sheet is open.
#[hook]
fn use_sheet_keys(pressed: Callback<Key>) {
    use_effect_with(pressed, |pressed| {
        let pressed = pressed.clone();
        let listener = web_sys::window().map(|window| {
            let options = EventListenerOptions::enable_prevent_default();
            EventListener::new_with_options(&window, "keydown", options, move |event| {
                let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
                if let Some(key) = meaning(event) {
                    event.prevent_default();
                    pressed.emit(key);
                }
            })
        });
        move || drop(listener)
    });
}

/// What a key means here, if anything: in the note's field no single key does.
fn meaning(event: &KeyboardEvent) -> Option<Key> {
    if event.alt_key() || event.meta_key() || event.is_composing() || event.repeat() {
        return None;
    }
    let focused = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let within = |selector: &str| focused.as_ref().is_some_and(|e| e.closest(selector).ok().flatten().is_some());
    match single_keys::key_of(event).as_str() {
        "Escape" if !event.ctrl_key() => Some(Key::Close),
        // On a control outside of the sheet, Enter presses it; so it does on the sheet's own.
        "Enter" if event.ctrl_key() || !within("button, a, summary, select") => Some(Key::Send),
        _ if event.ctrl_key() || !single_keys::are_on() || within("input[type='text'], select") => None,
        key => {
            let number = key.parse::<usize>().ok().filter(|_| key.len() == 1)?;
            FlagReason::ALL.get(number.checked_sub(1)?).copied().map(Key::Reason)
        }
    }
}

/// Tells the background once the judgment has been on screen for long enough to be paid, should it be taken back.
#[hook]
pub(super) fn use_seen(wire: &Wire, offer: &str, is_shown: bool) {
    let wire = wire.clone();
    use_effect_with((offer.to_owned(), is_shown), move |(offer, is_shown)| {
        let (offer, seen_ms) = (offer.clone(), Cell::new(0_u64));
        let ticks = is_shown.then(|| {
            Interval::new(LOOK_TICK_MS, move || {
                let document = web_sys::window().and_then(|window| window.document());
                if seen_ms.get() >= SEEN_MS_MIN || document.is_none_or(|document| document.hidden()) {
                    return;
                }
                // By the page's timer: no clock that jumps makes a look longer.
                seen_ms.set(seen_ms.get() + u64::from(LOOK_TICK_MS));
                if seen_ms.get() >= SEEN_MS_MIN {
                    wire.send(Command::Seen { offer: offer.clone() });
                }
            })
        });
        move || drop(ticks)
    });
}
