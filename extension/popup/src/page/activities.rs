//! What this browser did, the newest first; each opens its receipt.

use lull_view::{Activity, ActivityState, ActivityWork, Link, View};
use yew::{AttrValue, Html, Properties, component, html};

use crate::format;
use crate::icons::Icon;
use crate::model::Lull;
use crate::route::Route;
use crate::text;
use crate::words;

/// Rows that can be seen at once; the others are drawn when these are painted.
const ROWS_FIRST: usize = 8;

/// The list.
pub(crate) fn activities(lull: &Lull, view: &View) -> Html {
    let rows = if lull.model.is_painted { view.activities.len() } else { ROWS_FIRST };
    let today = AttrValue::from(format::today());
    let asset = AttrValue::from(lull.asset().to_owned());
    html! {
        <section class="activities" aria-labelledby="activities-title">
            <div class="activities-head">
                <h2 id="activities-title">{ text::activities() }</h2>
                if !view.activities.is_empty() {
                    <a data-testid="open-log" href={Route::Log.href()}>{ text::log_all() }</a>
                }
            </div>
            if view.outbox > 0 && view.link != Link::Connected {
                <p class="quiet" data-testid="outbox-line">{ text::outbox(view.outbox.into()) }</p>
            }
            if view.activities.is_empty() {
                <p class="quiet">{ text::activities_none() }</p>
            } else {
                <ul>
                    { for view.activities.iter().take(rows).map(|activity| html! {
                        <Row key={activity.offer.clone()} activity={activity.clone()} asset={asset.clone()}
                            today={today.clone()} />
                    }) }
                </ul>
            }
        </section>
    }
}

#[derive(PartialEq, Properties)]
struct RowProps {
    activity: Activity,
    asset: AttrValue,
    /// The day that times are told on.
    today: AttrValue,
}

/// A component of its own, so that rows that stay as they are cost nothing when a judgment is answered.
#[component]
fn Row(RowProps { activity, asset, .. }: &RowProps) -> Html {
    let (class, icon, state) = state_look(activity);
    let (kind, title, detail) = describe(&activity.work);
    html! {
        <li>
            <a class="activity" data-testid="activity-row" data-state={class} data-offer={activity.offer.clone()}
                href={Route::Receipt(activity.offer.clone()).href()}>
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
                        <span class="activity-amount" title={format::amount_of(activity.amount, asset)}>
                            { format::credit(activity.amount) }
                        </span>
                    }
                    <span class="activity-state">{ icon.draw() }<span>{ state }</span></span>
                </span>
            </a>
        </li>
    }
}

/// A state's class, icon and word.
pub(crate) fn state_look(activity: &Activity) -> (&'static str, Icon, &'static str) {
    let (class, icon) = look(activity.state);
    if is_unpaid(activity) {
        (class, Icon::Barred, text::unpaid())
    } else {
        (class, icon, words::activity_state(activity.state))
    }
}

/// Honest work of a kind that a buyer doesn't pay for, such as a refusal by policy or a flag that others don't share.
fn is_unpaid(activity: &Activity) -> bool {
    let fetched =
        matches!(&activity.work, ActivityWork::Fetch { outcome, .. } if outcome == "ok" || outcome == "not_found");
    activity.state == ActivityState::Accepted && activity.amount == 0 && !fetched
}

/// Icon, title and detail of a piece of work.
pub(crate) fn describe(work: &ActivityWork) -> (Icon, String, Html) {
    match work {
        ActivityWork::Judgment { title, answer } => {
            (Icon::Question, words::answer(answer), html! { <bdi>{ title }</bdi> })
        }
        ActivityWork::Fetch { site, purpose, outcome, reason, bytes } => {
            let outcome = match reason {
                Some(code) => words::refusal(code).to_owned(),
                None => text::outcome_bytes(words::outcome(outcome), &format::bytes(*bytes)),
            };
            (Icon::Globe, site.clone(), html! { <>{ outcome }{ " · " }<bdi>{ purpose }</bdi></> })
        }
    }
}

/// Class for the colour, and the icon, so that no state is told by colour alone.
fn look(state: ActivityState) -> (&'static str, Icon) {
    match state {
        ActivityState::Sending => ("sending", Icon::Sending),
        ActivityState::Waiting => ("waiting", Icon::Clock),
        ActivityState::Accepted => ("accepted", Icon::Check),
        ActivityState::Ambiguous => ("ambiguous", Icon::Differ),
        ActivityState::Rejected => ("rejected", Icon::Cross),
        ActivityState::Refused => ("refused", Icon::Barred),
        ActivityState::Contested => ("contested", Icon::Warning),
        ActivityState::Appealed => ("appealed", Icon::Clock),
        ActivityState::Reversed => ("rejected", Icon::Cross),
    }
}
