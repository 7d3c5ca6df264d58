//! How judgments may call the person, and the cover over a popup that opened by itself.

use std::cell::Cell;

use gloo::events::{EventListener, EventListenerOptions, EventListenerPhase};
use gloo::timers::callback::Timeout;
use lull_browser::{can_pop, may_notify, popup_is_plain, release_notifications, request_notifications};
use lull_view::{Command, POP_MINUTES, Pops};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{HtmlSelectElement, KeyboardEvent};
use yew::{
    Callback, Event, Html, MouseEvent, NodeRef, Properties, TargetCast, UseStateHandle, component, hook, html,
    use_effect_with, use_node_ref, use_ref, use_state_eq,
};

use crate::format;
use crate::link::Wire;
use crate::model::Lull;
use crate::parts::{calm, focus, switch, switch_that};
use crate::text;
use crate::words::pops as words;

/// A space or a click that follows another, or the popup itself, sooner than this was meant for something else; so was a
/// space that another key follows as soon. Milliseconds.
const TYPING_MS: u32 = 700;

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
            <h2>{ text::pops_page() }</h2>
            if can_pop() {
                { switch(lull, "pops-open", text::pops_open(), text::pops_open_text(), pops.open, set(Pops { open: !pops.open, ..pops.clone() })) }
            } else {
                <p class="quiet" data-testid="pops-click">{ text::pops_open_by_click() }</p>
            }
            <Notify wire={lull.wire.clone()} pops={pops.clone()} is_denied={is_denied.clone()} />
            if *is_denied {
                <p class="quiet" role="status" data-testid="pops-denied">{ text::pops_notify_denied() }</p>
            }
            if pops.open || pops.notify {
                { select("pops-minutes", text::pops_at_most(), &often, pops.minutes, minutes) }
                { select("pops-from", text::pops_quiet_from(), &hours, pops.quiet_from, from) }
                { select("pops-to", text::pops_quiet_to(), &hours, pops.quiet_to, to) }
                if pops.quiet_from == pops.quiet_to {
                    <p class="quiet" role="status">{ text::pops_never_quiet() }</p>
                }
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
                let is_denied = asked.await != Ok(true);
                denied.set(is_denied);
                if is_denied {
                    wire.send(Command::SetPops { pops: Pops { notify: false, ..chosen } });
                }
            });
        } else {
            // A browser that keeps the permission shows nothing by it.
            spawn_local(async { drop(release_notifications().await) });
        }
    };
    switch_that("pops-notify", text::pops_notify(), text::pops_notify_text(), on, Callback::from(toggle))
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
            <select {id} data-testid={id} data-value={chosen.to_string()} onchange={change}>
                { for of.iter().map(|(value, text)| html! {
                    <option dir="auto" value={value.to_string()} selected={*value == chosen}>{ text }</option>
                }) }
            </select>
        </div>
    }
}

#[derive(PartialEq, Properties)]
pub(crate) struct CoverProps {
    pub(crate) lull: Lull,
    pub(crate) wake: Callback<()>,
}

/// What a popup that opened by itself shows instead of its page: nothing on it can be answered, nor by a key that was
/// meant for something else, until one deliberate space or click.
#[component]
pub(crate) fn Cover(props: &CoverProps) -> Html {
    let CoverProps { lull, wake } = props;
    let button = use_node_ref();
    let touched = use_cover(&button, wake);
    let said = lull.model.view.as_ref().and_then(|view| match &view.practice {
        Some(practice) => Some((&practice.title, &practice.requester, practice.price)),
        None => view.judgment.as_ref().map(|judgment| (&judgment.title, &judgment.requester, judgment.price)),
    });
    let about = said
        .map(|(title, requester, price)| text::pops_about(title, requester, &format::amount_of(price, lull.asset())));
    let look = html! {
        <button ref={button} class="button primary" data-testid="cover" aria-keyshortcuts="Space"
            aria-describedby="cover-text" onclick={touched}>
            { text::pops_look() }<kbd>{ text::pops_space() }</kbd>
        </button>
    };
    html! {
        <div class="cover">
            { calm(text::pops_cover(), about.as_deref().unwrap_or_default(), look) }
            <p class="quiet" id="cover-text">{ text::pops_cover_text() }</p>
        </div>
    }
}

/// Takes the focus and every key, and wakes by a space that isn't part of somebody's typing: no key comes just before
/// it, and none just after. Gives what a click calls: one is no more deliberate than a key.
#[hook]
fn use_cover(button: &NodeRef, wake: &Callback<()>) -> Callback<MouseEvent> {
    let last = use_ref(|| Cell::new(format::now_ms()));
    let is_deliberate = move || {
        let now = format::now_ms();
        now >= last.replace(now).saturating_add(TYPING_MS.into())
    };
    let (button, wakes, is_deliberate_key) = (button.clone(), wake.clone(), is_deliberate.clone());
    use_effect_with((), move |()| {
        focus(&button);
        // The background does so, too, unless it was killed meanwhile: then one more click finds a sleeping popup.
        spawn_local(async { drop(popup_is_plain().await) });
        let options = EventListenerOptions { phase: EventListenerPhase::Capture, passive: false };
        let waking = Cell::new(None::<Timeout>);
        let listener = web_sys::window().map(|window| {
            EventListener::new_with_options(&window, "keydown", options, move |event| {
                let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
                drop(waking.take());
                let is_shortcut = event.ctrl_key() || event.alt_key() || event.meta_key();
                let is_deliberate = is_deliberate_key() && !event.repeat() && !is_shortcut;
                if event.key() == "Tab" || event.key() == "Escape" {
                    return;
                }
                // Neither space nor Enter may press the button in the midst of typing.
                event.prevent_default();
                event.stop_immediate_propagation();
                if event.key() == " " && is_deliberate {
                    let wakes = wakes.clone();
                    waking.set(Some(Timeout::new(TYPING_MS, move || wakes.emit(()))));
                }
            })
        });
        move || drop(listener)
    });
    let wakes = wake.clone();
    Callback::from(move |_| {
        if is_deliberate() {
            wakes.emit(());
        }
    })
}
