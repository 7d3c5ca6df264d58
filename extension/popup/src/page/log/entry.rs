//! One piece of work with all that the browser still knows of it.

use lull_view::{ActivityDetail, ActivityWork, Command, NeverWhat, Reply, View, iso_8601};
use yew::{Callback, Html, Properties, component, hook, html, use_effect_with, use_state_eq};

use super::never::never_button;
use crate::format;
use crate::model::Lull;
use crate::page::activities::state_look;
use crate::parts::{Skeleton, calm, pair, title_bar};
use crate::route::Route;
use crate::words;
use crate::words::log as log_words;

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
            { title_bar(log_words::ENTRY) }
            { match &opened {
                Opened::Asking => html! { <Skeleton /> },
                Opened::None => calm(log_words::ENTRY_NONE, log_words::ENTRY_NONE_TEXT, html! {}),
                Opened::Failed(error) => calm(log_words::READ_FAILED, error, html! {}),
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
    let mut rows = vec![(log_words::WHEN, format::instant(&time).unwrap_or(time))];
    match &activity.work {
        ActivityWork::Fetch { site, purpose, outcome, reason, .. } => {
            let policy = reason.as_deref().filter(|_| outcome == "policy");
            let policy = policy.map_or(log_words::POLICY_PASSED, words::refusal);
            rows.extend([
                (log_words::SITE, site.clone()),
                (log_words::PURPOSE, purpose.clone()),
                (log_words::POLICY, policy.to_owned()),
                (log_words::OUTCOME, words::outcome(outcome).to_owned()),
                (log_words::RECEIVED, format::bytes(entry.received)),
                (log_words::SENT, format::bytes(entry.sent)),
            ]);
        }
        ActivityWork::Judgment { title, answer } => {
            rows.extend([(log_words::TITLE, title.clone()), (log_words::ANSWER, answer.clone())]);
        }
    }
    let (_, _, state) = state_look(activity);
    rows.extend([
        (log_words::BUYER, activity.requester.clone()),
        (log_words::ORDER, entry.order.clone()),
        (log_words::VERDICT, state.to_owned()),
        (log_words::AMOUNT, format::amount_of(activity.amount, lull.asset())),
    ]);
    html! {
        <section class="card" data-testid="entry" data-offer={activity.offer.clone()}>
            <dl class="pairs">{ for rows.into_iter().map(|(name, value)| pair(name, value, "")) }</dl>
        </section>
    }
}

fn address(detail: &ActivityDetail, shows_url: bool, show: Callback<yew::MouseEvent>) -> Html {
    let Some(url) = &detail.url else { return html! {} };
    html! {
        <section class="card">
            <h2>{ log_words::ADDRESS }</h2>
            if shows_url {
                <p class="code" data-testid="entry-url" tabindex="-1">{ url }</p>
            } else {
                <p><button class="button small" data-testid="show-url" onclick={show}>{ log_words::ADDRESS_SHOW }</button></p>
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
                    { log_words::RECEIPT_SHOW }
                </a>
            } else {
                <span class="quiet">{ log_words::RECEIPT_GONE }</span>
            }
            if detail.alibi.is_some() {
                <a class="button" data-testid="open-alibi" href={Route::Alibi(detail.entry.number).href()}>
                    { log_words::ALIBI_SHOW }
                </a>
            }
        </p>
    }
}

fn nevers(lull: &Lull, view: &View, detail: &ActivityDetail) -> Html {
    let requester = NeverWhat::Requester(detail.entry.activity.requester.clone());
    html! {
        <section class="card">
            <h2>{ log_words::NEVER }</h2>
            <p class="quiet">{ log_words::NEVER_TEXT }</p>
            <p class="acts">
                if let Some(domain) = &detail.domain {
                    { never_button(lull, view, NeverWhat::Domain(domain.clone()), None) }
                }
                { never_button(lull, view, requester, None) }
            </p>
        </section>
    }
}
