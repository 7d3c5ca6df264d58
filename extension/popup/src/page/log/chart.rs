//! Bytes and earnings over time, as bars and as a table.

use js_sys::Date;
use lull_view::{Command, DayTotals, Reply};
use yew::{AttrValue, Callback, Html, Properties, component, html, use_effect_with, use_state_eq};

use crate::format;
use crate::model::Lull;
use crate::text;

/// Bars of each kind of chart: about 90 days of each, but for days, which would be too thin.
const BARS: [(By, i32); 3] = [(By::Day, 30), (By::Week, 14), (By::Month, 4)];
/// A day belongs where its morning is: its midnight may be off by a time zone or a clock, milliseconds.
const MORNING_MS: u64 = 6 * 3_600_000;
/// The drawing's own units.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 64.0;
/// The same as SVG says them.
const VIEW_BOX: &str = "0 0 320 64";

#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Day,
    Week,
    Month,
}

/// A bar.
#[derive(Clone, Debug, PartialEq)]
struct Sum {
    from_ms: u64,
    bytes: u64,
    earned: u64,
}

#[derive(PartialEq, Properties)]
pub(crate) struct ChartProps {
    pub(crate) lull: Lull,
}

/// The charts; nothing until something was done.
#[component]
pub(crate) fn Chart(props: &ChartProps) -> Html {
    let by = use_state_eq(|| By::Day);
    let days = use_state_eq(Vec::<DayTotals>::new);
    let lull = &props.lull;
    let when = lull.model.view.as_ref().map(|view| (view.account.earned, view.bandwidth.bytes, view.outbox));
    let (wire, setter) = (lull.wire.clone(), days.setter());
    use_effect_with(when, move |_| {
        let done = Callback::from(move |reply| {
            if let Reply::Days { days } = reply {
                setter.set(days);
            }
        });
        wire.ask(Command::ListDays, done);
    });
    if days.is_empty() {
        return html! {};
    }
    let sums = sums(&days, *by);
    let asset = lull.asset();
    let choose = |choice: By, id: &'static str, name: &'static str| {
        let setter = by.setter();
        html! {
            <button class="button small" aria-pressed={(*by == choice).to_string()} data-testid={format!("by-{id}")}
                onclick={move |_| setter.set(choice)}>{ name }</button>
        }
    };
    html! {
        <section class="card chart" aria-labelledby="chart-title">
            <div class="chart-head">
                <h2 id="chart-title">{ text::log_chart() }</h2>
                <div role="group" aria-label={text::log_by_label()}>
                    { choose(By::Day, "day", text::log_by_day()) }
                    { choose(By::Week, "week", text::log_by_week()) }
                    { choose(By::Month, "month", text::log_by_month()) }
                </div>
            </div>
            { bars(text::log_chart_bytes(), "bytes", &sums, |sum| sum.bytes, format::bytes) }
            { bars(text::log_chart_earned(), "earned", &sums, |sum| sum.earned, |n| format::amount_of(n, asset)) }
            { table(&sums, asset) }
        </section>
    }
}

/// Adds days up, the oldest first, to this very day.
fn sums(days: &[DayTotals], by: By) -> Vec<Sum> {
    let count = BARS.iter().find(|(other, _)| *other == by).map_or(0, |(_, count)| *count);
    let today = Date::new_0();
    let starts: Vec<u64> = (0..count).rev().map(|back| start(&today, by, back)).collect();
    let ends = starts.iter().skip(1).copied().chain([u64::MAX]);
    let sum = |(from_ms, end): (&u64, u64)| {
        let within = days.iter().filter(|day| {
            let morning = day.start.saturating_add(MORNING_MS);
            morning >= *from_ms && morning < end
        });
        let all = within.fold((0_u64, 0_u64), |(bytes, earned), day| {
            let of_day = day.received.saturating_add(day.sent);
            (bytes.saturating_add(of_day), earned.saturating_add(day.earned))
        });
        Sum { from_ms: *from_ms, bytes: all.0, earned: all.1 }
    };
    starts.iter().zip(ends).map(sum).collect()
}

/// When the day, week or month began that lies so many back.
fn start(today: &Date, by: By, back: i32) -> u64 {
    let (year, month, day) = (today.get_full_year(), today.get_month() as i32, today.get_date() as i32);
    // Weeks begin on Monday (ISO 8601).
    let weekday = (today.get_day() as i32 + 6) % 7;
    let date = match by {
        By::Day => Date::new_with_year_month_day(year, month, day - back),
        By::Week => Date::new_with_year_month_day(year, month, day - weekday - 7 * back),
        By::Month => Date::new_with_year_month_day(year, month - back, 1),
    };
    // `as` saturates; no date here lies before 1970.
    date.get_time() as u64
}

fn bars(
    name: &'static str,
    id: &'static str,
    sums: &[Sum],
    value: fn(&Sum) -> u64,
    show: impl Fn(u64) -> String,
) -> Html {
    let most = sums.iter().map(value).max().unwrap_or(0);
    let all = sums.iter().map(value).fold(0, u64::saturating_add);
    let step = WIDTH / sums.len().max(1) as f64;
    let bar = |(index, sum): (usize, &Sum)| {
        let height = if most == 0 { 0.0 } else { (HEIGHT - 2.0) * value(sum) as f64 / most as f64 };
        // What is there can be seen.
        let height = if value(sum) > 0 { height.max(1.5) } else { 0.0 };
        let (x, y) = (index as f64 * step + step * 0.12, HEIGHT - height);
        let number = |n: f64| AttrValue::from(format::plain((n * 10.0).round() / 10.0));
        html! { <rect x={number(x)} y={number(y)} width={number(step * 0.76)} height={number(height)} rx="1.5" /> }
    };
    html! {
        <figure class={id}>
            <figcaption>{ name }<span class="quiet number" dir="auto" data-testid={format!("chart-{id}")} data-value={all.to_string()}>
                { show(all) }
            </span></figcaption>
            <svg viewBox={VIEW_BOX} role="img" preserveAspectRatio="none"
                aria-label={text::log_chart_label(name, &show(all), &show(most))}>
                { for sums.iter().enumerate().map(bar) }
            </svg>
        </figure>
    }
}

fn table(sums: &[Sum], asset: &str) -> Html {
    let row = |sum: &Sum| {
        html! {
            <tr>
                <th scope="row" dir="auto">{ format::day(sum.from_ms) }</th>
                <td class="number" dir="auto">{ format::bytes(sum.bytes) }</td>
                <td class="number">{ format::amount_of(sum.earned, asset) }</td>
            </tr>
        }
    };
    html! {
        <details>
            <summary>{ text::log_chart_table() }</summary>
            <table>
                <thead><tr>
                    <th scope="col">{ text::log_from() }</th>
                    <th scope="col" class="number">{ text::log_chart_bytes() }</th>
                    <th scope="col" class="number">{ text::log_chart_earned() }</th>
                </tr></thead>
                <tbody>{ for sums.iter().rev().map(row) }</tbody>
            </table>
        </details>
    }
}
