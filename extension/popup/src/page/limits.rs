//! Limits: what was used, caps, the metered switch, hours of the week.

use lull_view::{Caps, Command, Pause, View};
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlInputElement};
use yew::events::{Event, KeyboardEvent};
use yew::{Callback, Html, Properties, TargetCast, component, html, use_state_eq};

use crate::format;
use crate::icons::Icon;
use crate::link::Wire;
use crate::model::Lull;
use crate::parts::{switch, title_bar};
use crate::text;
use crate::words::limits as words;

const KB: u64 = 1_000;
const MB: u64 = 1_000_000;
const GB: u64 = 1_000_000_000;
const HOURS_ALL: u32 = 0x00ff_ffff;
/// From 22 to 8 o'clock.
const HOURS_NIGHT: u32 = 0x00c0_00ff;

/// The page.
pub(crate) fn limits(lull: &Lull, view: &View) -> Html {
    let caps = &view.limits.caps;
    let metered = Command::SetCaps { caps: Caps { metered: !caps.metered, ..caps.clone() } };
    html! {
        <div class="page limits">
            { title_bar(text::limits_page()) }
            <p class="lead">{ text::limits_lead() }</p>
            { used(view) }
            <section class="group">
                { switch(lull, "metered", text::limits_metered(), text::limits_metered_text(), caps.metered, metered) }
            </section>
            { numbers(lull, view) }
            <Week wire={lull.wire.clone()} caps={caps.clone()} />
            <p><button class="button" data-testid="caps-reset" onclick={lull.on_click(Command::ResetCaps)}>
                { text::limits_defaults() }
            </button></p>
        </div>
    }
}

/// What was used of the day and the month, as bars with words.
fn used(view: &View) -> Html {
    let (caps, used) = (&view.limits.caps, &view.limits.used);
    let bar = |id: &'static str, name: &'static str, bytes: u64, cap: u64, ends_at: u64| {
        let text = text::limits_used_of(&format::bytes(bytes), &format::bytes(cap), &format::soon(ends_at));
        html! {
            <div class="use">
                <p><strong>{ name }</strong></p>
                <progress aria-label={name} max={cap.to_string()} value={bytes.min(cap).to_string()} />
                <p class="quiet" data-testid={id} data-value={bytes.to_string()}>{ text }</p>
            </div>
        }
    };
    let uploaded =
        text::limits_uploaded(&format::bytes(used.day_upload_bytes), &format::bytes(used.month_upload_bytes));
    html! {
        <section class="card">
            <h2>{ text::limits_used() }</h2>
            { bar("used-day", text::limits_used_today(), used.day_bytes, caps.day_bytes, used.day_ends_at) }
            { bar("used-month", text::limits_used_month(), used.month_bytes, caps.month_bytes, used.month_ends_at) }
            <p class="quiet" data-testid="uploaded" data-value={used.day_upload_bytes.to_string()}>{ uploaded }</p>
            <p class="quiet">{ text::limits_counted() }</p>
            if let Some(limited) = words::limited(view) {
                <p class="limited" data-testid="limited" role="status">{ limited }</p>
            }
        </section>
    }
}

/// A number that may be changed.
struct Number {
    id: &'static str,
    label: &'static str,
    unit: &'static str,
    /// What one of the unit is.
    one: u64,
    range: (u64, u64),
    value: u64,
    set: fn(&mut Caps, u64),
}

fn numbers(lull: &Lull, view: &View) -> Html {
    let (caps, ranges) = (&view.limits.caps, &view.limits.ranges);
    let number = |id, label, (unit, one), range, value, set| Number { id, label, unit, one, range, value, set };
    let all = [
        number(
            "cap-second",
            text::limits_second(),
            (text::unit_kb(), KB),
            ranges.second_bytes,
            caps.second_bytes,
            |c, n| c.second_bytes = n,
        ),
        number("cap-day", text::limits_day(), (text::unit_mb(), MB), ranges.day_bytes, caps.day_bytes, |c, n| {
            c.day_bytes = n
        }),
        number(
            "cap-month",
            text::limits_month(),
            (text::unit_gb(), GB),
            ranges.month_bytes,
            caps.month_bytes,
            |c, n| c.month_bytes = n,
        ),
        number("cap-month-day", text::limits_month_day(), ("", 1), ranges.month_day, caps.month_day, |c, n| {
            c.month_day = n
        }),
        number(
            "cap-minute",
            text::limits_domain_minute(),
            ("", 1),
            ranges.domain_minute,
            caps.domain_minute,
            |c, n| {
                c.domain_minute = n;
            },
        ),
        number("cap-domain", text::limits_domain_day(), ("", 1), ranges.domain_day, caps.domain_day, |c, n| {
            c.domain_day = n
        }),
    ];
    html! {
        <section class="card">
            <h2>{ text::limits_caps() }</h2>
            { for all.iter().map(|number| field(lull, caps, number)) }
        </section>
    }
}

fn field(lull: &Lull, caps: &Caps, number: &Number) -> Html {
    let (one, set, (least, most)) = (number.one, number.set, number.range);
    let (wire, caps) = (lull.wire.clone(), caps.clone());
    let shown = number.value as f64 / one as f64;
    let change = Callback::from(move |event: Event| {
        let Some(field) = event.target_dyn_into::<HtmlInputElement>() else { return };
        let typed = field.value_as_number();
        if typed.is_finite() && typed >= 0.0 {
            let mut caps = caps.clone();
            // `as` saturates.
            set(&mut caps, ((typed * one as f64) as u64).clamp(least, most));
            wire.send(Command::SetCaps { caps });
        } else {
            field.set_value(&format::plain(shown));
        }
    });
    let show = |n: u64| if one == 1 { format::count(n) } else { format::bytes(n) };
    let hint = format!("{}-hint", number.id);
    html! {
        <div class="cap">
            <label for={number.id}>{ number.label }</label>
            <span class="cap-field">
                <input id={number.id} data-testid={number.id} type="number" inputmode="decimal" step="any"
                    min={format::plain(least as f64 / one as f64)} max={format::plain(most as f64 / one as f64)}
                    value={format::plain(shown)} aria-describedby={hint.clone()} onchange={change} />
                <span class="cap-unit quiet">{ number.unit }</span>
            </span>
            <span class="quiet cap-hint" id={hint}>{ text::limits_between(&show(least), &show(most)) }</span>
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct WeekProps {
    wire: Wire,
    caps: Caps,
}

/// The hours of the week as a grid: one stop for the tab key, arrows move in it.
#[component]
fn Week(props: &WeekProps) -> Html {
    let place = use_state_eq(|| (0_usize, 0_u32));
    let (caps, wire) = (props.caps.clone(), props.wire.clone());
    let set = Callback::from(move |hours: [u32; 7]| {
        wire.send(Command::SetCaps { caps: Caps { hours, ..caps.clone() } });
    });
    let hours = props.caps.hours;
    let days: Vec<(String, String)> = (0..7).map(format::weekday).collect();
    let all = |mask: u32| {
        let set = set.clone();
        move |_| set.emit([mask; 7])
    };
    let cell = |day: usize, name: &str, hour: u32| {
        let is_on = hours.get(day).is_some_and(|bits| bits >> hour & 1 == 1);
        let (set, setter) = (set.clone(), place.setter());
        let toggle = move |_| {
            let mut next = hours;
            if let Some(bits) = next.get_mut(day) {
                *bits ^= 1 << hour;
            }
            setter.set((day, hour));
            set.emit(next);
        };
        let setter = place.setter();
        let walk = move |event: KeyboardEvent| {
            let to = match event.key().as_str() {
                "ArrowUp" => (day, (hour + 23) % 24),
                "ArrowDown" => (day, (hour + 1) % 24),
                "ArrowLeft" => ((day + 6) % 7, hour),
                "ArrowRight" => ((day + 1) % 7, hour),
                "Home" => (0, hour),
                "End" => (6, hour),
                _ => return,
            };
            event.prevent_default();
            setter.set(to);
            focus_cell(to);
        };
        let stop = if *place == (day, hour) { "0" } else { "-1" };
        html! {
            <td role="gridcell">
                <button class="hour" id={cell_id(day, hour)} tabindex={stop} aria-pressed={is_on.to_string()}
                    aria-label={words::hour(name, hour)} onclick={toggle} onkeydown={walk} />
            </td>
        }
    };
    let row = |hour: u32| {
        html! {
            <tr role="row" key={hour}>
                <th role="rowheader" scope="row" dir="auto">{ format::hour(hour.into()) }</th>
                { for days.iter().enumerate().map(|(day, (name, _))| cell(day, name, hour)) }
            </tr>
        }
    };
    let head = |(name, short): &(String, String)| {
        html! { <th role="columnheader" scope="col" dir="auto"><abbr title={name.clone()}>{ short }</abbr></th> }
    };
    html! {
        <section class="card">
            <h2 id="week">{ text::limits_hours() }</h2>
            <p class="quiet">{ text::limits_hours_text() }</p>
            <p class="week-buttons">
                <button class="button small" data-testid="hours-all" onclick={all(HOURS_ALL)}>{ text::limits_hours_all() }</button>
                <button class="button small" data-testid="hours-night" onclick={all(HOURS_NIGHT)}>{ text::limits_hours_night() }</button>
            </p>
            <table class="week" role="grid" aria-labelledby="week" data-testid="week">
                <thead role="rowgroup"><tr role="row">
                    <td role="gridcell"></td>
                    { for days.iter().map(head) }
                </tr></thead>
                <tbody role="rowgroup">{ for (0..24).map(row) }</tbody>
            </table>
        </section>
    }
}

fn cell_id(day: usize, hour: u32) -> String {
    format!("hour-{day}-{hour}")
}

fn focus_cell((day, hour): (usize, u32)) {
    let document = web_sys::window().and_then(|window| window.document());
    let cell = document.and_then(|document| document.get_element_by_id(&cell_id(day, hour)));
    if let Some(cell) = cell.and_then(|cell| cell.dyn_into::<HtmlElement>().ok()) {
        // An element that can't take the focus leaves it where it is.
        let _ = cell.focus();
    }
}

/// Ways to pause for a while, beside the one-click pause.
pub(crate) fn pause_menu(lull: &Lull) -> Html {
    let choice = |pause: Pause, id: &'static str, label: &'static str| {
        html! {
            <button class="button small" data-testid={id} onclick={lull.on_click(Command::PauseFor { pause })}>{ label }</button>
        }
    };
    html! {
        <details class="pause-menu">
            <summary class="icon-button on-sea" data-testid="pause-menu" aria-label={text::limits_pause_menu()}>
                { Icon::Clock.draw() }
            </summary>
            <div class="pause-choices">
                { choice(Pause::Hour, "pause-hour", text::limits_pause_hour()) }
                { choice(Pause::Tomorrow, "pause-tomorrow", text::limits_pause_tomorrow()) }
                { choice(Pause::Open, "pause-open", text::limits_pause_open()) }
            </div>
        </details>
    }
}
