//! What several pages share: switch, title bar, countdown, trouble with the line, operator's card, calm,
//! skeleton.

use gloo::timers::callback::{Interval, Timeout};
use lull_view::{Command, Link, LinkProblem, Operator, View};
use web_sys::{FocusOptions, HtmlElement};
use yew::{Callback, Html, MouseEvent, NodeRef, Properties, component, html, use_effect_with, use_state, use_state_eq};

use crate::format;
use crate::icons::{self, Icon};
use crate::model::Lull;
use crate::route::{Route, is_tab};
use crate::text;
use crate::words;

/// How often a countdown looks at the clock.
const TICK_MS: u32 = 1_000;
/// After this long without a word from the background, the popup says so.
const SILENCE_MS: u32 = 4_000;

/// Puts the focus on an element, if it is there, and scrolls to it.
pub(crate) fn focus(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        // An element that can't take the focus leaves it where it is.
        let _ = element.focus();
    }
}

/// Puts the focus on an element, if it is there; what is on screen stays where it is.
pub(crate) fn focus_in_place(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        // As above.
        let _ = element.focus_with_options(&options);
    }
}

/// What a countdown counts down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The next try to connect.
    NextTry,
    /// The end of a lease.
    Deadline,
    /// The same, while practice is on screen.
    PaidDeadline,
}

#[derive(PartialEq, Properties)]
pub(crate) struct CountdownProps {
    /// Until when, milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// Of what.
    pub(crate) until: Until,
}

/// The time that is left, in words.
#[component]
pub(crate) fn Countdown(props: &CountdownProps) -> Html {
    let at_ms = props.at_ms;
    let left = move || at_ms.saturating_sub(format::now_ms()).div_ceil(1_000);
    let seconds = use_state_eq(left);
    let setter = seconds.setter();
    use_effect_with(at_ms, move |_| {
        setter.set(left());
        let ticks = Interval::new(TICK_MS, move || setter.set(left()));
        move || drop(ticks)
    });
    let words = match props.until {
        Until::NextTry => words::next_try(*seconds),
        Until::Deadline => words::time_left(*seconds),
        Until::PaidDeadline => words::practice::time_left(*seconds),
    };
    html! { words }
}

/// A labelled switch that sends `command`.
pub(crate) fn switch(
    lull: &Lull,
    id: &'static str,
    label: &'static str,
    text: &'static str,
    on: bool,
    command: Command,
) -> Html {
    switch_that(id, label, text, on, lull.on_click(command))
}

/// A labelled switch.
pub(crate) fn switch_that(
    id: &'static str,
    label: &'static str,
    text: &'static str,
    on: bool,
    click: Callback<MouseEvent>,
) -> Html {
    let (label_id, text_id) = (format!("{id}-label"), format!("{id}-text"));
    html! {
        <div class="switch-row">
            <div class="switch-words">
                <span class="switch-label" id={label_id.clone()}>{ label }</span>
                <span class="quiet" id={text_id.clone()}>{ text }</span>
            </div>
            <button class="switch" role="switch" aria-checked={on.to_string()} data-testid={id}
                aria-labelledby={label_id} aria-describedby={text_id} onclick={click}>
                <span class="switch-knob"></span>
            </button>
        </div>
    }
}

/// The top of every page but home: the way back, and the title.
pub(crate) fn title_bar(title: &'static str) -> Html {
    html! {
        <header class="title-bar">
            <a class="icon-button" href={Route::Home.href()} aria-label={text::back()}>{ Icon::Back.draw() }</a>
            <h1>{ title }</h1>
        </header>
    }
}

/// A link to a page that needs a full tab: a popup closes when the browser asks for a file.
pub(crate) fn in_tab(route: &Route, id: &'static str, label: &'static str) -> Html {
    if is_tab() {
        html! { <a href={route.href()} data-testid={id}>{ label }</a> }
    } else {
        html! { <a href={route.tab_path()} target="_blank" data-testid={id}>{ label }</a> }
    }
}

/// The connection's state as a code and as a word.
pub(crate) fn link_words(view: &View) -> (&'static str, &'static str) {
    match &view.link {
        _ if view.settings.paused => ("paused", text::link_paused()),
        Link::Off => ("off", text::link_off()),
        Link::Connecting => ("connecting", text::link_connecting()),
        Link::Connected => ("connected", text::link_connected()),
        Link::Waiting { .. } => ("waiting", text::link_waiting()),
        Link::Stopped { .. } => ("stopped", text::link_stopped()),
    }
}

/// Why there is no connection, and what to do; nothing while there is one.
pub(crate) fn trouble(lull: &Lull, link: &Link) -> Html {
    let (reason, next) = match *link {
        Link::Waiting { next_try_at, reason } => {
            (reason, html! { <Countdown at_ms={next_try_at} until={Until::NextTry} /> })
        }
        Link::Stopped { reason } => (reason, html! {}),
        Link::Off | Link::Connecting | Link::Connected => return html! {},
    };
    let (what, advice) = words::problem(reason);
    let action = match reason {
        // None of these changes by trying.
        LinkProblem::OtherKey | LinkProblem::Version | LinkProblem::Succeeded => None,
        LinkProblem::Replaced => Some(text::connect_here()),
        _ => Some(text::connect_now()),
    };
    html! {
        <section class="trouble" data-testid="trouble">
            { Icon::Warning.draw() }
            <div>
                <p class="trouble-what" role="status">{ what }</p>
                <p class="quiet">{ advice }{ " " }{ next }</p>
            </div>
            if let Some(label) = action {
                <button class="button small" onclick={lull.on_click(Command::ConnectNow)}>{ label }</button>
            }
        </section>
    }
}

/// The operator's card.
pub(crate) fn operator_card(card: &Operator) -> Html {
    let fee = match card.fee_bp {
        0 => text::card_fee_none().to_owned(),
        bp => text::card_fee_of(&format::basis_points(bp)),
    };
    let rows = [
        (text::card_country(), format::country(&card.country), ""),
        (text::card_contact(), card.contact.clone(), ""),
        (text::card_asset(), card.asset.clone(), ""),
        (text::card_key(), card.key.clone(), "code"),
        (text::card_address(), card.address.clone(), "code"),
    ];
    html! {
        <div class="card operator" data-testid="operator">
            <p class="operator-name" dir="auto">{ &card.name }</p>
            <dl class="pairs">
                { pair(text::card_fee(), fee, "") }
                { for rows.into_iter().map(|(name, value, class)| foreign_pair(name, value, class)) }
            </dl>
            if card.demo {
                <p class="demo">{ text::card_demo() }</p>
            }
        </div>
    }
}

/// A name and its value in a list of pairs.
pub(crate) fn pair(name: &'static str, value: String, class: &'static str) -> Html {
    html! { <div><dt>{ name }</dt><dd class={class}>{ value }</dd></div> }
}

/// The same of a value that is nobody's word, or not ours: it takes its own direction.
pub(crate) fn foreign_pair(name: &'static str, value: String, class: &'static str) -> Html {
    html! { <div><dt>{ name }</dt><dd dir="auto" class={class}>{ value }</dd></div> }
}

/// A sentence with what stands out in it: [`text::marked`].
pub(crate) fn standing_out(sentence: &str) -> Html {
    let [before, value, after] = text::standing_out(sentence).map(str::to_owned);
    html! { <>{ before }<strong>{ value }</strong>{ after }</> }
}

/// An empty state: the sea, a title, a sentence, perhaps something to do.
pub(crate) fn calm(title: &'static str, text: &str, action: Html) -> Html {
    html! {
        <section class="calm" key={title}>
            { icons::sea() }
            <h2>{ title }</h2>
            if !text.is_empty() {
                <p class="quiet">{ text }</p>
            }
            { action }
        </section>
    }
}

/// The same for what couldn't be done, with the background's own words for why.
pub(crate) fn failed(title: &'static str, why: &str) -> Html {
    calm(title, "", html! { <p class="quiet" lang="en" dir="auto">{ why }</p> })
}

/// What stands on the page until the background first speaks.
#[component]
pub(crate) fn Skeleton() -> Html {
    let silent = use_state(|| false);
    let setter = silent.setter();
    use_effect_with((), move |()| {
        let timeout = Timeout::new(SILENCE_MS, move || setter.set(true));
        move || drop(timeout)
    });
    html! {
        <div class="skeleton" aria-busy="true">
            <div class="bar"><h1 class="wordmark">{ text::name() }</h1></div>
            <div class="bone tall" />
            <div class="bone" />
            <div class="bone" />
            <p class="quiet" role="status">
                { if *silent { text::background_silent() } else { text::loading() } }
            </p>
        </div>
    }
}
