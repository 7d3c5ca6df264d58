//! What the person wants to be offered: the card in the settings, and the way back from *never again*.

use lull_view::{Command, NeverWhat, TaskKind, TaskSet, View, Wishes};
use web_sys::HtmlInputElement;
use yew::events::Event;
use yew::{Callback, Html, Properties, TargetCast, component, html, use_mut_ref};

use crate::format;
use crate::model::Lull;
use crate::parts::switch;
use crate::route::Route;
use crate::text;
use crate::words::offer as words;

/// Base units in one of what people count.
const UNITS_PER_ONE: f64 = 1e6;

/// The card.
pub(crate) fn wishes_card(lull: &Lull, view: &View) -> Html {
    let wishes = &view.wishes;
    let text_only = Command::SetWishes { wishes: Wishes { text_only: !wishes.text_only, ..wishes.clone() } };
    html! {
        <section class="card" data-testid="wishes">
            <h2>{ text::wishes() }</h2>
            <p class="quiet">{ text::wishes_text() }</p>
            { hourly_min(lull, wishes) }
            { switch(lull, "text-only", text::wishes_text_only(), text::wishes_text_only_text(), wishes.text_only, text_only) }
            { kinds(lull, wishes) }
            <p><a href={Route::You.href()} data-testid="you">{ text::you_see() }</a></p>
        </section>
    }
}

fn hourly_min(lull: &Lull, wishes: &Wishes) -> Html {
    let (wire, wishes) = (lull.wire.clone(), wishes.clone());
    let shown = format::plain(wishes.hourly_min as f64 / UNITS_PER_ONE);
    let value = shown.clone();
    let change = Callback::from(move |event: Event| {
        let Some(field) = event.target_dyn_into::<HtmlInputElement>() else { return };
        let typed = field.value_as_number();
        if typed.is_finite() && typed >= 0.0 {
            // `as` saturates; the background holds it to what there is.
            let hourly_min = (typed * UNITS_PER_ONE).round() as u64;
            wire.send(Command::SetWishes { wishes: Wishes { hourly_min, ..wishes.clone() } });
        } else {
            field.set_value(&shown);
        }
    });
    html! {
        <div class="cap">
            <label for="hourly-min">{ text::wishes_hourly() }</label>
            <span class="cap-field">
                <input id="hourly-min" data-testid="hourly-min" type="number" inputmode="decimal" step="any" min="0"
                    {value} aria-describedby="hourly-min-hint" onchange={change} />
            </span>
            <span class="quiet cap-hint" id="hourly-min-hint">{ text::wishes_hourly_text(lull.asset()) }</span>
        </div>
    }
}

fn kinds(lull: &Lull, wishes: &Wishes) -> Html {
    let choice = |kind: TaskKind| {
        let others = wishes.tasks.iter().filter(|other| *other != kind);
        let mut chosen: Vec<TaskKind> = others.collect();
        let on = wishes.tasks.contains(kind);
        if !on {
            chosen.push(kind);
        }
        let command = Command::SetWishes { wishes: Wishes { tasks: TaskSet::of(&chosen), ..wishes.clone() } };
        let wire = lull.wire.clone();
        let change = Callback::from(move |_: Event| wire.send(command.clone()));
        html! {
            <label class="choice">
                <input type="checkbox" checked={on} data-testid={format!("kind-{}", kind.as_str())} onchange={change} />
                { words::kind(kind) }
            </label>
        }
    };
    html! {
        <fieldset class="choices">
            <legend>{ text::wishes_kinds() }</legend>
            { for TaskKind::ALL.into_iter().map(choice) }
            if wishes.tasks == TaskSet::of(&[]) {
                <p class="quiet" role="status">{ text::wishes_kinds_none() }</p>
            }
        </fieldset>
    }
}

#[derive(PartialEq, Properties)]
pub(crate) struct NeverSaidProps {
    pub(crate) lull: Lull,
}

/// Says whom nothing is done for any more since this page was opened, with the way back.
#[component]
pub(crate) fn NeverSaid(props: &NeverSaidProps) -> Html {
    let view = props.lull.model.view.as_ref();
    let now: Vec<String> = view.map(|view| view.never.requesters.clone()).unwrap_or_default();
    let known = use_mut_ref(|| now.clone());
    let newest = now.iter().rev().find(|name| !known.borrow().contains(name)).cloned();
    html! {
        <div class="never-said" role="status">
            if let Some(name) = newest {
                <span>{ text::never_buyer_done(&name) }</span>
                <button class="button small" data-testid="never-undo"
                    onclick={props.lull.on_click(Command::RemoveNever(NeverWhat::Requester(name)))}>{ text::undo() }</button>
            }
        </div>
    }
}
