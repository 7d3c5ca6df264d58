//! The last answer or skip, while it can be taken back.

use gloo::events::EventListener;
use lull_view::{ActivityWork, Command, TakeBack as Held, View};
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};
use yew::{Callback, Html, Properties, component, hook, html, use_callback, use_effect_with};

use crate::icons::Icon;
use crate::model::Lull;
use crate::single_keys;
use crate::text;
use crate::words;

#[derive(PartialEq, Properties)]
pub(crate) struct TakeBackProps {
    pub(crate) lull: Lull,
}

/// What was answered, or that it was skipped, and the way back.
#[component]
pub(crate) fn TakeBack(props: &TakeBackProps) -> Html {
    let view = props.lull.model.view.as_ref();
    let held = view.and_then(|view| view.take_back.as_ref());
    let offer = held.map(|held| held.offer.clone());
    let take_back = use_callback((offer, props.lull.wire.clone()), |(), (offer, wire)| {
        if let Some(offer) = offer.clone() {
            wire.send(Command::TakeBack { offer });
        }
    });
    use_key(take_back.clone());
    let click = take_back.reform(|_| ());
    // The next judgment says it itself, in one breath with its question.
    let is_told = view.is_none_or(|view| view.judgment.is_none());
    html! {
        <div class="take-back-place" role={is_told.then_some("status")}>
            if let (Some(view), Some(held)) = (view, held) {
                <button class="take-back" key={held.offer.clone()} data-testid="take-back" aria-keyshortcuts={single_keys::shortcut("z")} onclick={click}
                    aria-label={text::action_on(text::judgment_take_back(), &given(view, held))} title={text::action_on(text::judgment_take_back(), &given(view, held))}>
                    { Icon::Back.draw() }{ text::judgment_take_back() }<kbd data-key="Z" aria-hidden="true" />
                </button>
            }
        </div>
    }
}

/// What can be taken back, in words.
pub(super) fn given(view: &View, held: &Held) -> String {
    if held.is_skip {
        return text::judgment_skipped().to_owned();
    }
    let activity = view.activities.iter().find(|activity| activity.offer == held.offer);
    match activity.map(|activity| &activity.work) {
        Some(ActivityWork::Judgment { answer, .. }) => words::answer(answer),
        _ => String::new(),
    }
}

/// Z takes back, wherever the focus is but in a field.
#[hook]
fn use_key(take_back: Callback<()>) {
    use_effect_with(take_back, |take_back| {
        let take_back = take_back.clone();
        let listener = web_sys::window().map(|window| {
            EventListener::new(&window, "keydown", move |event| {
                let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
                let is_shortcut = event.ctrl_key() || event.alt_key() || event.meta_key();
                let is_on = single_keys::are_on();
                let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
                let field = target.and_then(|target| {
                    target.closest("input[type='text'], input[type='number'], select").ok().flatten()
                });
                if single_keys::key_of(event) == "z" && is_on && !is_shortcut && field.is_none() && !event.repeat() {
                    take_back.emit(());
                }
            })
        });
        move || drop(listener)
    });
}
