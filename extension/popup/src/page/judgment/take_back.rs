//! The last answer, while it can be taken back.

use gloo::events::EventListener;
use lull_view::{ActivityWork, Command, View};
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

/// What was answered, and the way back.
#[component]
pub(crate) fn TakeBack(props: &TakeBackProps) -> Html {
    let view = props.lull.model.view.as_ref();
    let held = view.and_then(|view| view.take_back.as_ref()).map(|held| held.offer.clone());
    let take_back = use_callback((held.clone(), props.lull.wire.clone()), |(), (held, wire)| {
        if let Some(offer) = held.clone() {
            wire.send(Command::TakeBack { offer });
        }
    });
    use_key(take_back.clone());
    let click = take_back.reform(|_| ());
    // The next judgment says it itself, in one breath with its question.
    let is_told = view.is_none_or(|view| view.judgment.is_none());
    html! {
        <div class="take-back-place" role={is_told.then_some("status")}>
            if let (Some(view), Some(offer)) = (view, held) {
                <button class="take-back" key={offer.clone()} data-testid="take-back" aria-keyshortcuts={single_keys::shortcut("z")} onclick={click}
                    aria-label={text::action_on(text::judgment_take_back(), &answer_of(view, &offer))} title={text::action_on(text::judgment_take_back(), &answer_of(view, &offer))}>
                    { Icon::Back.draw() }{ text::judgment_take_back() }<kbd data-key="Z" aria-hidden="true" />
                </button>
            }
        </div>
    }
}

pub(super) fn answer_of(view: &View, offer: &str) -> String {
    let activity = view.activities.iter().find(|activity| activity.offer == offer);
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
