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
            { title_bar(words::LIMITS) }
            <p class="lead">{ words::LIMITS_LEAD }</p>
            { used(view) }
            <section class="group">
                { switch(lull, "metered", words::METERED, words::METERED_TEXT, caps.metered, metered) }
            </section>
            { numbers(lull, view) }
            <Week wire={lull.wire.clone()} caps={caps.clone()} />
            <p><button class="button" data-testid="caps-reset" onclick={lull.on_click(Command::ResetCaps)}>
                { words::DEFAULTS }
            </button></p>
        </div>
    }
}

/// What was used of the day and the month, as bars with words.
fn used(view: &View) -> Html {
    let (caps, used) = (&view.limits.caps, &view.limits.used);
    let bar = |id: &'static str, name: &'static str, bytes: u64, cap: u64, ends_at: u64| {
        let text = words::used(&format::bytes(bytes), &format::bytes(cap), &format::soon(ends_at));
        html! {
            <div class="use">
                <p><strong>{ name }</strong></p>
                <progress aria-label={name} max={cap.to_string()} value={bytes.min(cap).to_string()} />
                <p class="quiet" data-testid={id} data-value={bytes.to_string()}>{ text }</p>
            </div>
        }
    };
    let uploaded = words::uploaded(&format::bytes(used.day_upload_bytes), &format::bytes(used.month_upload_bytes));
    html! {
        <section class="card">
            <h2>{ words::USED }</h2>
            { bar("used-day", words::USED_TODAY, used.day_bytes, caps.day_bytes, used.day_ends_at) }
            { bar("used-month", words::USED_MONTH, used.month_bytes, caps.month_bytes, used.month_ends_at) }
            <p class="quiet" data-testid="uploaded" data-value={used.day_upload_bytes.to_string()}>{ uploaded }</p>
            <p class="quiet">{ words::COUNTED }</p>
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
        number("cap-second", words::SECOND, ("kB", KB), ranges.second_bytes, caps.second_bytes, |c, n| {
            c.second_bytes = n
        }),
        number("cap-day", words::DAY, ("MB", MB), ranges.day_bytes, caps.day_bytes, |c, n| c.day_bytes = n),
        number("cap-month", words::MONTH, ("GB", GB), ranges.month_bytes, caps.month_bytes, |c, n| c.month_bytes = n),
        number("cap-month-day", words::MONTH_DAY, ("", 1), ranges.month_day, caps.month_day, |c, n| c.month_day = n),
        number("cap-minute", words::DOMAIN_MINUTE, ("", 1), ranges.domain_minute, caps.domain_minute, |c, n| {
            c.domain_minute = n;
        }),
        number("cap-domain", words::DOMAIN_DAY, ("", 1), ranges.domain_day, caps.domain_day, |c, n| c.domain_day = n),
    ];
    html! {
        <section class="card">
            <h2>{ words::CAPS }</h2>
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
            <span class="quiet cap-hint" id={hint}>{ words::between(&show(least), &show(most)) }</span>
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
    let all = |mask: u32| {
        let set = set.clone();
        move |_| set.emit([mask; 7])
    };
    let cell = |day: usize, hour: u32| {
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
                    aria-label={words::hour(day, hour)} onclick={toggle} onkeydown={walk} />
            </td>
        }
    };
    let row = |hour: u32| {
        html! {
            <tr role="row" key={hour}>
                <th role="rowheader" scope="row">{ format!("{hour}:00") }</th>
                { for (0..7).map(|day| cell(day, hour)) }
            </tr>
        }
    };
    let head = |(name, short): (&'static str, &'static str)| {
        html! { <th role="columnheader" scope="col"><abbr title={name}>{ short }</abbr></th> }
    };
    html! {
        <section class="card">
            <h2 id="week">{ words::HOURS }</h2>
            <p class="quiet">{ words::HOURS_TEXT }</p>
            <p class="week-buttons">
                <button class="button small" data-testid="hours-all" onclick={all(HOURS_ALL)}>{ words::HOURS_ALL }</button>
                <button class="button small" data-testid="hours-night" onclick={all(HOURS_NIGHT)}>{ words::HOURS_NIGHT }</button>
            </p>
            <table class="week" role="grid" aria-labelledby="week" data-testid="week">
                <thead role="rowgroup"><tr role="row">
                    <td role="gridcell"></td>
                    { for words::DAYS.into_iter().zip(words::DAYS_SHORT).map(head) }
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
            <summary class="icon-button on-sea" data-testid="pause-menu" aria-label={words::PAUSE_MENU}>
                { Icon::Clock.draw() }
            </summary>
            <div class="pause-choices">
                { choice(Pause::Hour, "pause-hour", words::PAUSE_HOUR) }
                { choice(Pause::Tomorrow, "pause-tomorrow", words::PAUSE_TOMORROW) }
                { choice(Pause::Open, "pause-open", words::PAUSE_OPEN) }
            </div>
        </details>
    }
}
