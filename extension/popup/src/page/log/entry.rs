//! One piece of work with all that the browser still knows of it.

use lull_view::{ActivityDetail, ActivityWork, Command, NeverWhat, Reply, View, iso_8601};
use yew::{Callback, Html, Properties, component, hook, html, use_effect_with, use_state_eq};

use super::never::never_button;
use crate::format;
use crate::model::Lull;
use crate::page::activities::state_look;
use crate::parts::{Skeleton, calm, failed, foreign_pair, pair, title_bar};
use crate::route::Route;
use crate::text;
use crate::words;

#[derive(PartialEq, Properties)]
pub(crate) struct EntryProps {
    pub(crate) lull: Lull,
    pub(crate) number: u64,
}

/// What is known of it.
#[derive(Clone, PartialEq)]
pub(crate) enum Opened {
    Asking,
    None,
    Failed(String),
    Some(Box<ActivityDetail>),
}

/// Opens an entry, and again when the newest work changes its state.
#[hook]
pub(crate) fn use_entry(lull: &Lull, number: u64) -> Opened {
    let opened = use_state_eq(|| Opened::Asking);
    let newest = lull.model.view.as_ref().map(|view| {
        let states = view.activities.iter().map(|activity| (activity.offer.clone(), activity.state));
        states.collect::<Vec<_>>()
    });
    let (wire, setter) = (lull.wire.clone(), opened.setter());
    use_effect_with((number, newest), move |(number, _)| {
        let done = Callback::from(move |reply| match reply {
            Reply::Activity { detail: Some(detail) } => setter.set(Opened::Some(detail)),
            Reply::Activity { detail: None } => setter.set(Opened::None),
            Reply::Failed { error } => setter.set(Opened::Failed(error)),
            _ => {}
        });
        wire.ask(Command::OpenActivity { number: *number }, done);
    });
    (*opened).clone()
}

/// The page.
#[component]
pub(crate) fn Entry(props: &EntryProps) -> Html {
    let lull = &props.lull;
    let shows_url = use_state_eq(|| false);
    let opened = use_entry(lull, props.number);
    let Some(view) = lull.model.view.as_ref() else { return html! { <Skeleton /> } };
    let setter = shows_url.setter();
    let show = Callback::from(move |_| setter.set(true));
    html! {
        <div class="page">
            { title_bar(text::log_entry()) }
            { match &opened {
                Opened::Asking => html! { <Skeleton /> },
                Opened::None => calm(text::log_entry_none(), text::log_entry_none_text(), html! {}),
                Opened::Failed(error) => failed(text::log_read_failed(), error),
                Opened::Some(detail) => html! {
                    <>
                        { facts(lull, detail) }
                        { address(detail, *shows_url, show) }
                        { ways(detail) }
                        { nevers(lull, view, detail) }
                    </>
                },
            } }
        </div>
    }
}

fn facts(lull: &Lull, detail: &ActivityDetail) -> Html {
    let (entry, activity) = (&detail.entry, &detail.entry.activity);
    let time = iso_8601(activity.at);
    let mut rows = vec![foreign_pair(text::log_when(), format::instant(&time).unwrap_or(time), "")];
    match &activity.work {
        ActivityWork::Fetch { site, purpose, outcome, reason, .. } => {
            let policy = reason.as_deref().filter(|_| outcome == "policy");
            let policy = policy.map_or(text::log_policy_passed(), words::refusal);
            rows.extend([
                foreign_pair(text::log_site(), site.clone(), ""),
                foreign_pair(text::log_purpose(), purpose.clone(), ""),
                pair(text::log_policy(), policy.to_owned(), ""),
                pair(text::log_outcome(), words::outcome(outcome).to_owned(), ""),
                foreign_pair(text::log_received(), format::bytes(entry.received), ""),
                foreign_pair(text::log_sent(), format::bytes(entry.sent), ""),
            ]);
        }
        ActivityWork::Judgment { title, answer } => rows.extend([
            foreign_pair(text::log_title(), title.clone(), ""),
            foreign_pair(text::log_answer(), words::answer(answer), ""),
        ]),
    }
    let (_, _, state) = state_look(activity);
    rows.extend([
        foreign_pair(text::log_buyer(), activity.requester.clone(), ""),
        foreign_pair(text::log_order(), entry.order.clone(), ""),
        pair(text::log_verdict(), state.to_owned(), ""),
        pair(text::log_amount(), format::amount_of(activity.amount, lull.asset()), ""),
    ]);
    html! {
        <section class="card" data-testid="entry" data-offer={activity.offer.clone()}>
            <dl class="pairs">{ for rows }</dl>
        </section>
    }
}

fn address(detail: &ActivityDetail, shows_url: bool, show: Callback<yew::MouseEvent>) -> Html {
    let Some(url) = &detail.url else { return html! {} };
    html! {
        <section class="card">
            <h2>{ text::log_address() }</h2>
            if shows_url {
                <p class="code" dir="ltr" data-testid="entry-url" tabindex="-1">{ url }</p>
            } else {
                <p><button class="button small" data-testid="show-url" onclick={show}>{ text::log_address_show() }</button></p>
            }
        </section>
    }
}

fn ways(detail: &ActivityDetail) -> Html {
    let offer = detail.entry.activity.offer.clone();
    html! {
        <p class="acts">
            if detail.has_receipt {
                <a class="button" data-testid="open-receipt" href={Route::Receipt(offer).href()}>
                    { text::log_receipt_show() }
                </a>
            } else {
                <span class="quiet">{ text::log_receipt_gone() }</span>
            }
            if detail.alibi.is_some() {
                <a class="button" data-testid="open-alibi" href={Route::Alibi(detail.entry.number).href()}>
                    { text::log_alibi_show() }
                </a>
            }
        </p>
    }
}

fn nevers(lull: &Lull, view: &View, detail: &ActivityDetail) -> Html {
    let requester = NeverWhat::Requester(detail.entry.activity.requester.clone());
    html! {
        <section class="card">
            <h2>{ text::log_never() }</h2>
            <p class="quiet">{ text::log_never_text() }</p>
            <p class="acts">
                if let Some(domain) = &detail.domain {
                    { never_button(lull, view, NeverWhat::Domain(domain.clone()), None) }
                }
                { never_button(lull, view, requester, None) }
            </p>
        </section>
    }
}
