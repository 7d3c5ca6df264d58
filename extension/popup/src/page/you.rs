//! How the person fares: per kind of question, and by day. No streaks, no pressure.

use js_sys::Date;
use lull_view::{Command, DayTotals, KindTotals, Reply, You};
use yew::{Callback, Html, Properties, component, html, use_effect_with, use_state_eq};

use crate::format;
use crate::model::Lull;
use crate::parts::{calm, title_bar};
use crate::text;
use crate::words::offer as words;

/// From a day's start to its middle.
const NOON_MS: u64 = 43_200_000;
const DAY_MS: f64 = 86_400_000.0;
/// How many days the list may show.
const SPANS: [u64; 2] = [7, 30];

#[derive(PartialEq, Properties)]
pub(crate) struct YouProps {
    pub(crate) lull: Lull,
}

/// The page.
#[component]
pub(crate) fn YouPage(props: &YouProps) -> Html {
    let lull = &props.lull;
    let you = use_state_eq(|| None::<You>);
    let earned = lull.model.view.as_ref().map(|view| view.account.earned);
    let (wire, setter) = (lull.wire.clone(), you.setter());
    use_effect_with(earned, move |_| {
        let done = Callback::from(move |reply| {
            if let Reply::You { you } = reply {
                setter.set(Some(you));
            }
        });
        wire.ask(Command::ShowYou, done);
    });
    let span = use_state_eq(|| SPANS[0]);
    let setter = span.setter();
    let choose = Callback::from(move |days| setter.set(days));
    let asset = lull.asset();
    html! {
        <div class="page" data-testid="you-page">
            { title_bar(text::you_page()) }
            if let Some(you) = &*you {
                if you.kinds.is_empty() && you.days.is_empty() {
                    { calm(text::you_none(), text::you_none_text(), html! {}) }
                } else {
                    <p class="quiet">{ text::you_text() }</p>
                    { for you.kinds.iter().map(|row| kind_card(row, asset)) }
                    if !you.kinds.is_empty() {
                        <p class="quiet">{ text::you_agrees_text() }</p>
                    }
                    if you.skips > 0 {
                        <p class="quiet" data-testid="you-skips" data-value={you.skips.to_string()}>{ text::you_skips(you.skips) }</p>
                    }
                    { by_day(&you.days, *span, &choose, asset) }
                }
            }
        </div>
    }
}

fn kind_card(row: &KindTotals, asset: &str) -> Html {
    let agreement = match row.agreement() {
        Some((percent, answers)) => words::agreement(percent, answers),
        None => text::you_not_known().to_owned(),
    };
    let rightness = row.checked.map(|_| match row.rightness() {
        Some((percent, answers)) => words::agreement(percent, answers),
        None => text::you_not_known().to_owned(),
    });
    let hourly = row.hourly().map_or_else(|| text::you_not_known().to_owned(), |hourly| format::rate_of(hourly, asset));
    html! {
        <section class="card" data-testid={format!("you-{}", row.kind.as_str())}>
            <h2>{ words::kind(row.kind) }</h2>
            <dl class="pairs counts">
                <div><dt>{ text::you_answers() }</dt><dd class="number">{ format::count(row.answers) }</dd></div>
                <div><dt>{ text::you_agrees() }</dt><dd class="number">{ agreement }</dd></div>
                if let Some(rightness) = rightness {
                    <div><dt>{ text::you_checked() }</dt><dd class="number">{ rightness }</dd></div>
                }
                <div><dt>{ text::you_hour() }</dt><dd class="number">{ hourly }</dd></div>
            </dl>
        </section>
    }
}

/// What each of the last days brought, the newest first, as words with a bar behind.
fn by_day(days: &[DayTotals], span: u64, choose: &Callback<u64>, asset: &str) -> Html {
    let from = Date::now() - span as f64 * DAY_MS;
    let shown: Vec<&DayTotals> = days.iter().rev().filter(|day| day.start as f64 >= from && day.earned > 0).collect();
    let most = shown.iter().map(|day| day.earned).max().unwrap_or(1);
    let row = |day: &&DayTotals| {
        let percent = day.earned.saturating_mul(100) / most;
        html! {
            <li>
                // Not by `style`, which the CSP forbids.
                <svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
                    <rect width={percent.to_string()} height="1" />
                </svg>
                // By its noon: its start may be a moment before midnight by this clock.
                <span dir="auto">{ format::day(day.start + NOON_MS) }</span>
                <span class="number">{ format::amount_of(day.earned, asset) }</span>
            </li>
        }
    };
    let button = |days: u64| {
        let choose = choose.clone();
        html! {
            <button class="button small" aria-pressed={(span == days).to_string()} data-testid={format!("days-{days}")}
                onclick={move |_| choose.emit(days)}>{ text::you_days(days) }</button>
        }
    };
    html! {
        <section class="card by-day">
            <div class="chart-head">
                <h2>{ text::you_by_day() }</h2>
                <div role="group" aria-label={text::you_by_day()}>{ for SPANS.into_iter().map(button) }</div>
            </div>
            if shown.is_empty() {
                <p class="quiet">{ text::you_days_none() }</p>
            }
            <ul data-testid="by-day">{ for shown.iter().map(row) }</ul>
        </section>
    }
}
