//! How judgments may call the person, and the cover over a popup that opened by itself.

use std::cell::Cell;
use std::rc::Rc;

use gloo::events::{EventListener, EventListenerOptions};
use lull_browser::{can_pop, may_notify, request_notifications};
use lull_view::{Command, POP_MINUTES, Pops};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{HtmlSelectElement, KeyboardEvent};
use yew::{
    Callback, Event, Html, Properties, TargetCast, UseStateHandle, component, hook, html, use_effect_with, use_state_eq,
};

use crate::format;
use crate::link::Wire;
use crate::model::Lull;
use crate::parts::switch;
use crate::route::is_popped;
use crate::words::pops as words;

/// A space that follows another key sooner than this was typed for something else, milliseconds.
const TYPING_MS: u64 = 700;

#[derive(PartialEq, Properties)]
pub(crate) struct PopsProps {
    pub(crate) lull: Lull,
    pub(crate) pops: Pops,
}

/// The choices.
#[component]
pub(crate) fn PopsCard(props: &PopsProps) -> Html {
    let (lull, pops) = (&props.lull, &props.pops);
    let is_denied = use_denied(pops.notify);
    let set = |pops: Pops| Command::SetPops { pops };
    let minutes = number(lull, pops, |minutes, pops| Pops { minutes, ..pops });
    let from = number(lull, pops, |quiet_from, pops| Pops { quiet_from, ..pops });
    let to = number(lull, pops, |quiet_to, pops| Pops { quiet_to, ..pops });
    let hours = (0..24).map(|hour| (hour, format::hour(hour))).collect::<Vec<_>>();
    let often = POP_MINUTES.map(|minutes| (minutes, words::minutes(minutes)));
    html! {
        <section class="card" data-testid="pops">
            <h2>{ words::POPS }</h2>
            if can_pop() {
                { switch(lull, "pops-open", words::OPEN, words::OPEN_TEXT, pops.open, set(Pops { open: !pops.open, ..pops.clone() })) }
            }
            <Notify wire={lull.wire.clone()} pops={pops.clone()} is_denied={is_denied.clone()} />
            if *is_denied {
                <p class="quiet" role="status">{ words::NOTIFY_DENIED }</p>
            }
            if pops.open || pops.notify {
                { select("pops-minutes", words::AT_MOST, &often, pops.minutes, minutes) }
                { select("pops-from", words::QUIET_FROM, &hours, pops.quiet_from, from) }
                { select("pops-to", words::QUIET_TO, &hours, pops.quiet_to, to) }
            }
        </section>
    }
}

#[derive(PartialEq, Properties)]
struct NotifyProps {
    wire: Wire,
    pops: Pops,
    is_denied: UseStateHandle<bool>,
}

/// The switch that asks the browser first. The choice is made before the browser asks: its question may close the
/// popup, and without the permission nothing is shown.
#[component]
fn Notify(props: &NotifyProps) -> Html {
    let NotifyProps { wire, pops, is_denied } = props;
    let (wire, pops, denied) = (wire.clone(), pops.clone(), is_denied.setter());
    let on = pops.notify;
    let toggle = move |_| {
        let chosen = Pops { notify: !pops.notify, ..pops.clone() };
        wire.send(Command::SetPops { pops: chosen.clone() });
        denied.set(false);
        if chosen.notify {
            let (wire, denied, asked) = (wire.clone(), denied.clone(), request_notifications());
            spawn_local(async move {
                if asked.await != Ok(true) {
                    denied.set(true);
                    wire.send(Command::SetPops { pops: Pops { notify: false, ..chosen } });
                }
            });
        }
    };
    html! {
        <div class="switch-row">
            <div class="switch-words">
                <span class="switch-label" id="pops-notify-label">{ words::NOTIFY }</span>
                <span class="quiet" id="pops-notify-text">{ words::NOTIFY_TEXT }</span>
            </div>
            <button class="switch" role="switch" aria-checked={on.to_string()} data-testid="pops-notify"
                aria-labelledby="pops-notify-label" aria-describedby="pops-notify-text" onclick={toggle}>
                <span class="switch-knob"></span>
            </button>
        </div>
    }
}

/// Whether notifications are chosen and the browser doesn't allow them.
#[hook]
fn use_denied(notifies: bool) -> UseStateHandle<bool> {
    let denied = use_state_eq(|| false);
    let setter = denied.setter();
    use_effect_with(notifies, move |&notifies| {
        if notifies {
            spawn_local(async move { setter.set(may_notify().await == Ok(false)) });
        }
    });
    denied
}

/// Sends what a number was set to.
fn number(lull: &Lull, pops: &Pops, with: fn(u64, Pops) -> Pops) -> Callback<Event> {
    let (wire, pops) = (lull.wire.clone(), pops.clone());
    Callback::from(move |event: Event| {
        let chosen = event.target_dyn_into::<HtmlSelectElement>().and_then(|select| select.value().parse().ok());
        if let Some(chosen) = chosen {
            wire.send(Command::SetPops { pops: with(chosen, pops.clone()) });
        }
    })
}

fn select(id: &'static str, label: &'static str, of: &[(u64, String)], chosen: u64, change: Callback<Event>) -> Html {
    html! {
        <div class="select-row">
            <label for={id}>{ label }</label>
            <select {id} data-testid={id} onchange={change}>
                { for of.iter().map(|(value, text)| html! {
                    <option value={value.to_string()} selected={*value == chosen}>{ text }</option>
                }) }
            </select>
        </div>
    }
}

#[derive(PartialEq, Properties)]
pub(crate) struct CoverProps {
    pub(crate) children: Html,
}

/// In a popup that opened by itself nothing can be pressed until one deliberate space or click: what was being typed
/// elsewhere is no answer.
#[component]
pub(crate) fn Cover(props: &CoverProps) -> Html {
    let is_asleep = use_state_eq(is_popped);
    let wake = {
        let setter = is_asleep.setter();
        Callback::from(move |()| setter.set(false))
    };
    use_space(*is_asleep, wake.clone());
    let click = wake.reform(|_| ());
    html! {
        <>
            if *is_asleep {
                <button class="cover" data-testid="cover" onclick={click}>{ words::COVER }<kbd>{ words::SPACE }</kbd></button>
            }
            <div inert={*is_asleep}>{ props.children.clone() }</div>
        </>
    }
}

/// Waits for a space that isn't part of somebody's typing.
#[hook]
fn use_space(is_asleep: bool, wake: Callback<()>) {
    use_effect_with(is_asleep, move |&is_asleep| {
        let last = Rc::new(Cell::new(format::now_ms()));
        let listener = web_sys::window().filter(|_| is_asleep).map(|window| {
            EventListener::new_with_options(
                &window,
                "keydown",
                EventListenerOptions::enable_prevent_default(),
                move |event| {
                    let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
                    let before = last.replace(format::now_ms());
                    if event.key() == "Tab" || event.key() == "Escape" {
                        return;
                    }
                    // The cover has the focus: neither space nor Enter may press it in the midst of typing.
                    event.prevent_default();
                    let is_alone = format::now_ms() >= before.saturating_add(TYPING_MS) && !event.repeat();
                    if event.key() == " " && is_alone {
                        wake.emit(());
                    }
                },
            )
        });
        move || drop(listener)
    });
}
