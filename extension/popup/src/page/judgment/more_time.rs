//! A lease that runs out says so in time, and more time is one key away (WCAG 2.2.1).

use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use lull_view::{Command, Judgment, Practice};
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};
use yew::{Callback, Html, Properties, component, hook, html, use_callback, use_effect_with, use_state_eq};

use crate::format;
use crate::link::Wire;
use crate::single_keys;
use crate::text;
use crate::words::offer as words;

/// So long before its end a lease says so, milliseconds: as much time as WCAG asks for, and a second to notice.
const WARNING_MS: u64 = 21_000;

#[derive(PartialEq, Properties)]
pub(crate) struct MoreTimeProps {
    pub(crate) wire: Wire,
    pub(crate) lease: Lease,
}

/// The judgment whose time runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lease {
    offer: String,
    deadline: u64,
    can_extend: bool,
}

impl Lease {
    pub(crate) fn of(judgment: &Judgment) -> Self {
        let Judgment { offer, deadline, extensions_left, .. } = judgment;
        Self { offer: offer.clone(), deadline: *deadline, can_extend: *extensions_left > 0 }
    }

    /// It runs while the practice before it is done, too.
    pub(crate) fn behind(practice: &Practice) -> Self {
        let Practice { offer, deadline, extensions_left, .. } = practice;
        Self { offer: offer.clone(), deadline: *deadline, can_extend: *extensions_left > 0 }
    }
}

/// What is said about a lease, once.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    Nothing,
    /// It ends soon; how many seconds were left when it was said.
    RunsOut(u64),
    /// It ends later: how many minutes were left.
    Given(u64),
    /// Its time is up; what that means stands beside the price.
    Over,
}

/// The warning and its button; in any case the place where it is said.
#[component]
pub(crate) fn MoreTime(props: &MoreTimeProps) -> Html {
    let MoreTimeProps { wire, lease } = props;
    let said = use_said(lease);
    let runs_out = matches!(said, Said::RunsOut(_));
    let can_extend = lease.can_extend;
    let extend = use_callback((lease.offer.clone(), wire.clone()), |(), (offer, wire)| {
        wire.send(Command::Extend { offer: offer.clone() });
    });
    use_key(extend.clone(), runs_out && can_extend);
    let click = extend.reform(|_| ());
    let now = match said {
        Said::Nothing => String::new(),
        Said::RunsOut(_) if !can_extend => text::time_runs_out_last().to_owned(),
        Said::RunsOut(seconds) => words::time_runs_out(seconds, single_keys::are_on()),
        Said::Given(minutes) => text::time_given(minutes),
        Said::Over => text::time_up().to_owned(),
    };
    html! {
        <>
            <p class="unseen" role="status" data-testid="time-said">{ now }</p>
            if runs_out {
                <div class="more-time" data-testid="time-runs-out">
                    <span>{ if can_extend { text::time_runs_out() } else { text::time_runs_out_last() } }</span>
                    if can_extend {
                        <button class="button small" data-testid="more-time" aria-keyshortcuts={single_keys::shortcut("e")}
                            onclick={click}>{ text::more_time() }<kbd aria-hidden="true">{ "E" }</kbd></button>
                    }
                </div>
            }
        </>
    }
}

/// What is to be said now. A warning is followed by a word when there is more time, or when it is up.
#[hook]
fn use_said(lease: &Lease) -> Said {
    let said = use_state_eq(|| (String::new(), Said::Nothing));
    let of = (lease.offer.clone(), lease.deadline);
    let (before, setter) = ((*said).clone(), said.setter());
    use_effect_with(of, move |(offer, deadline)| {
        let (offer, deadline) = (offer.clone(), *deadline);
        let left_ms = deadline.saturating_sub(format::now_ms());
        let was_warned = before.0 == offer && matches!(before.1, Said::RunsOut(_));
        if left_ms > WARNING_MS {
            let given = if was_warned { Said::Given(left_ms.div_ceil(60_000)) } else { Said::Nothing };
            setter.set((offer.clone(), given));
        }
        let later = |before_ms: u64, say: fn(u64) -> Said| {
            let (offer, setter) = (offer.clone(), setter.clone());
            // What a timer can't wait for is weeks away: this page is made anew before.
            let wait_ms = i32::try_from(left_ms.saturating_sub(before_ms)).ok()?;
            Some(Timeout::new(wait_ms.unsigned_abs(), move || {
                setter.set((offer, say(deadline.saturating_sub(format::now_ms()) / 1_000)));
            }))
        };
        let warns = later(WARNING_MS, Said::RunsOut).filter(|_| left_ms > 0);
        let timers = (warns, later(0, |_| Said::Over));
        move || drop(timers)
    });
    if said.0 == lease.offer { said.1.clone() } else { Said::Nothing }
}

/// E asks for more time while the warning stands, wherever the focus is but in a field.
#[hook]
fn use_key(extend: Callback<()>, is_on: bool) {
    use_effect_with((extend, is_on), |(extend, is_on)| {
        let extend = extend.clone();
        let listener = web_sys::window().filter(|_| *is_on).map(|window| {
            EventListener::new(&window, "keydown", move |event| {
                let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
                let is_shortcut = event.ctrl_key() || event.alt_key() || event.meta_key();
                let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
                let field = target.and_then(|target| {
                    target.closest("input[type='text'], input[type='number'], select").ok().flatten()
                });
                let is_key = single_keys::key_of(event) == "e" && single_keys::are_on();
                if is_key && !is_shortcut && field.is_none() && !event.repeat() {
                    extend.emit(());
                }
            })
        });
        move || drop(listener)
    });
}
