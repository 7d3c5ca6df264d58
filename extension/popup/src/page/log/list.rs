//! Search, filters and the list.

use std::cell::Cell;
use std::rc::Rc;

use gloo::timers::callback::Timeout;
use lull_view::{
    ActivityEntry, ActivityPage, ActivityState, ActivityTotals, ActivityWork, Command, Find, NeverWhat, Reply, View,
    WorkClass, state_code,
};
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlInputElement, HtmlSelectElement, InputEvent};
use yew::{Callback, Html, Properties, UseStateHandle, component, hook, html, use_effect_with, use_state_eq};

use super::chart::Chart;
use super::files::Files;
use super::never::{is_never, never_button};
use crate::format;
use crate::model::Lull;
use crate::page::activities::{describe, state_look};
use crate::parts::{Skeleton, calm, failed, title_bar};
use crate::route::Route;
use crate::text;
use crate::words;
use crate::words::log as log_words;

/// Entries that are shown first, and more at a time.
const PAGE: u16 = 30;
/// Typing has stopped, milliseconds.
const TYPED_MS: u32 = 150;

const STATES: [ActivityState; 9] = [
    ActivityState::Sending,
    ActivityState::Waiting,
    ActivityState::Accepted,
    ActivityState::Ambiguous,
    ActivityState::Rejected,
    ActivityState::Refused,
    ActivityState::Contested,
    ActivityState::Appealed,
    ActivityState::Reversed,
];

#[derive(PartialEq, Properties)]
pub(crate) struct LogProps {
    pub(crate) lull: Lull,
    /// Only what was done between these times.
    #[prop_or_default]
    pub(crate) between: Option<(u64, u64)>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
struct Found {
    /// The first answer came.
    is_there: bool,
    failure: Option<String>,
    page: ActivityPage,
    totals: Option<ActivityTotals>,
}

/// The page.
#[component]
pub(crate) fn Log(props: &LogProps) -> Html {
    let lull = &props.lull;
    let find = {
        let (since, until) = props.between.unzip();
        use_state_eq(|| Find { limit: PAGE, since, until, ..Find::default() })
    };
    let said = use_state_eq(|| None::<NeverWhat>);
    let found = use_found(lull, &find);
    let Some(view) = lull.model.view.as_ref() else { return html! { <Skeleton /> } };
    html! {
        <div class="page log">
            { title_bar(text::log_page()) }
            <p class="quiet">{ text::log_text() }</p>
            { between_line(props.between) }
            <Chart lull={lull.clone()} />
            { filters(&find) }
            { said_line(lull, view, &said) }
            { body(lull, view, &find, &found, &said) }
            <Files wire={lull.wire.clone()} find={(*find).clone()} asset={lull.asset().to_owned()} />
        </div>
    }
}

/// Which times it is about, with the way to all.
fn between_line(between: Option<(u64, u64)>) -> Html {
    let Some((since, until)) = between else { return html! {} };
    html! {
        <p data-testid="log-between">
            { text::log_between(&format::day_time(since), &format::day_time(until)) }{ " " }
            <a href={Route::Log.href()}>{ text::log_between_all() }</a>
        </p>
    }
}

/// Finds what fits, and again when work is done or its state changes.
#[hook]
fn use_found(lull: &Lull, find: &Find) -> Found {
    let found = use_state_eq(Found::default);
    let newest = lull.model.view.as_ref().map(|view| {
        let states = view.activities.iter().map(|activity| (activity.offer.clone(), activity.state));
        states.collect::<Vec<_>>()
    });
    let (wire, held) = (lull.wire.clone(), found.clone());
    use_effect_with((find.clone(), newest), move |(find, _)| {
        let is_over = Rc::new(Cell::new(false));
        let (find, over) = (find.clone(), Rc::clone(&is_over));
        let typed = Timeout::new(TYPED_MS, move || {
            let setter = held.setter();
            let sum = Find { sum: true, limit: 0, ..find.clone() };
            let again = wire.clone();
            let done = Callback::from(move |reply| {
                if over.get() {
                    return;
                }
                match reply {
                    Reply::Activities { page } => {
                        let first = Found { is_there: true, failure: None, page, totals: held.totals };
                        setter.set(first.clone());
                        let (over, setter) = (Rc::clone(&over), setter.clone());
                        let summed = Callback::from(move |reply| {
                            if let (Reply::Activities { page }, false) = (reply, over.get()) {
                                setter.set(Found { totals: Some(page.totals.unwrap_or_default()), ..first.clone() });
                            }
                        });
                        again.ask(Command::FindActivities(sum.clone()), summed);
                    }
                    Reply::Failed { error } => {
                        setter.set(Found { is_there: true, failure: Some(error), ..Found::default() });
                    }
                    _ => {}
                }
            });
            wire.ask(Command::FindActivities(find), done);
        });
        move || {
            is_over.set(true);
            drop(typed);
        }
    });
    (*found).clone()
}

fn filters(find: &UseStateHandle<Find>) -> Html {
    // A new search begins with one page.
    let change = |change: fn(&mut Find, String)| {
        let find = find.clone();
        move |value: String| {
            let mut next = Find { limit: PAGE, ..(*find).clone() };
            change(&mut next, value);
            find.set(next);
        }
    };
    let (text, class, state) = (
        change(|find, value| find.text = value),
        change(|find, value| find.class = class_of(&value)),
        change(|find, value| find.state = state_of(&value)),
    );
    let typed = Callback::from(move |event: InputEvent| {
        if let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) {
            text(input.value());
        }
    });
    let classes =
        [("", text::log_kind_all()), ("fetch", text::log_kind_fetch()), ("judgment", text::log_kind_judgment())];
    let states = STATES.map(|state| (state_code(state), words::activity_state(state)));
    let states: Vec<_> = std::iter::once(("", text::log_state_all())).chain(states).collect();
    html! {
        <form class="filters" role="search" onsubmit={|event: yew::SubmitEvent| event.prevent_default()}>
            <label class="search">
                <span class="unseen">{ text::log_search() }</span>
                <input type="search" data-testid="log-search" placeholder={text::log_search_hint()}
                    value={find.text.clone()} oninput={typed} />
            </label>
            { choice("log-class", text::log_kind(), &classes, find.class.map_or("", class_code), class) }
            { choice("log-state", text::log_state(), &states, find.state.map_or("", state_code), state) }
        </form>
    }
}

/// A labelled list to choose from.
fn choice(
    id: &'static str,
    label: &'static str,
    options: &[(&'static str, &'static str)],
    chosen: &str,
    change: impl Fn(String) + 'static,
) -> Html {
    let changed = Callback::from(move |event: Event| {
        if let Some(select) = event.target().and_then(|target| target.dyn_into::<HtmlSelectElement>().ok()) {
            change(select.value());
        }
    });
    html! {
        <label>
            <span class="unseen">{ label }</span>
            <select data-testid={id} onchange={changed}>
                { for options.iter().map(|(value, name)| html! {
                    <option value={*value} selected={*value == chosen}>{ *name }</option>
                }) }
            </select>
        </label>
    }
}

fn class_code(class: WorkClass) -> &'static str {
    match class {
        WorkClass::Fetch => "fetch",
        WorkClass::Judgment => "judgment",
    }
}

fn class_of(code: &str) -> Option<WorkClass> {
    [WorkClass::Fetch, WorkClass::Judgment].into_iter().find(|class| class_code(*class) == code)
}

fn state_of(code: &str) -> Option<ActivityState> {
    STATES.into_iter().find(|state| state_code(*state) == code)
}

/// What a click on *never again* did, and the way back.
fn said_line(lull: &Lull, view: &View, said: &UseStateHandle<Option<NeverWhat>>) -> Html {
    let done = said.as_ref().filter(|what| is_never(&view.never, what));
    html! {
        <div class="said" role="status">
            if let Some(what) = done {
                <p data-testid="never-said">{ log_words::never_done(what) }</p>
                <button class="button small" data-testid="never-undo"
                    onclick={lull.on_click(Command::RemoveNever(what.clone()))}>{ text::log_undo() }</button>
            }
        </div>
    }
}

fn body(
    lull: &Lull,
    view: &View,
    find: &UseStateHandle<Find>,
    found: &Found,
    said: &UseStateHandle<Option<NeverWhat>>,
) -> Html {
    if let Some(error) = &found.failure {
        return failed(text::log_read_failed(), error);
    }
    if !found.is_there {
        return html! { <p class="quiet" role="status">{ text::loading() }</p> };
    }
    let is_filtered = !find.text.trim().is_empty() || find.class.is_some() || find.state.is_some();
    let more = {
        let find = find.clone();
        Callback::from(move |_| find.set(Find { limit: find.limit.saturating_add(PAGE), ..(*find).clone() }))
    };
    html! {
        <>
            { totals(found, lull.asset()) }
            if found.page.entries.is_empty() {
                if is_filtered {
                    { calm(text::log_none_found(), text::log_none_found_text(), html! {}) }
                } else {
                    { calm(text::log_none_yet(), text::log_none_yet_text(), html! {}) }
                }
            } else {
                <section class="activities" aria-label={text::log_page()} data-testid="log-list">
                    <ul>{ for found.page.entries.iter().map(|entry| row(lull, view, entry, said)) }</ul>
                </section>
            }
            if found.page.next.is_some() {
                <button class="button wide" data-testid="log-more" onclick={more}>{ text::log_more() }</button>
            }
        </>
    }
}

fn totals(found: &Found, asset: &str) -> Html {
    let line = found.totals.map(|totals| {
        let (received, sent) = (format::bytes(totals.received), format::bytes(totals.sent));
        text::log_totals(totals.count, &received, &sent, &format::amount_of(totals.amount, asset))
    });
    let count = found.totals.map(|totals| totals.count.to_string());
    html! {
        <div role="status">
            <p class="quiet" data-testid="log-totals" data-count={count}>{ line }</p>
            if found.page.unreadable > 0 {
                <p class="quiet" data-testid="log-unreadable">{ text::log_unreadable(found.page.unreadable) }</p>
            }
        </div>
    }
}

fn row(lull: &Lull, view: &View, entry: &ActivityEntry, said: &UseStateHandle<Option<NeverWhat>>) -> Html {
    let activity = &entry.activity;
    let (class, icon, state) = state_look(activity);
    let (kind, title, detail) = describe(&activity.work);
    let what = match &activity.work {
        ActivityWork::Fetch { site, .. } => NeverWhat::Domain(site.clone()),
        ActivityWork::Judgment { .. } => NeverWhat::Requester(activity.requester.clone()),
    };
    html! {
        <li key={entry.number.to_string()} class="log-row">
            <a class="activity" data-testid="log-row" data-state={class} data-offer={activity.offer.clone()}
                href={Route::Entry(entry.number).href()}>
                <span class="activity-kind">{ kind.draw() }</span>
                <span class="activity-words">
                    <span class="activity-title" dir="auto">{ title }</span>
                    <span class="quiet">
                        <time dir="auto" datetime={format::machine_time(activity.at)}>{ format::moment(activity.at) }</time>
                        { " · " }{ detail }{ " · " }<bdi>{ &activity.requester }</bdi>
                    </span>
                </span>
                <span class="activity-end">
                    if activity.amount > 0 {
                        <span class="activity-amount" title={format::amount_of(activity.amount, lull.asset())}>
                            { format::credit(activity.amount) }
                        </span>
                    }
                    <span class="activity-state">{ icon.draw() }<span>{ state }</span></span>
                </span>
            </a>
            { never_button(lull, view, what, Some(said)) }
        </li>
    }
}
