//! Lending bandwidth: what it fetches, what it refuses, what sites see; then the browser's own question.

use lull_view::{BandwidthState, BandwidthWhen, Command, Consent, Reply, View};
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::events::InputEvent;
use yew::{
    Callback, Html, Properties, TargetCast, UseStateSetter, classes, component, html, use_effect_with, use_state_eq,
};

use super::home::{open_tab, site_or};
use crate::format;
use crate::icons::Icon;
use crate::link::Wire;
use crate::model::Lull;
use crate::parts::{standing_out, title_bar};
use crate::route::{Route, go, is_tab};
use crate::text;
use crate::words;

/// The page.
pub(crate) fn bandwidth(lull: &Lull, view: &View) -> Html {
    let reason = |(title, text): (&'static str, &'static str)| {
        html! { <li><strong>{ title }</strong><span class="quiet">{ text }</span></li> }
    };
    html! {
        <div class="page">
            { title_bar(text::lend()) }
            <p class="lead">{ text::lend_lead() }</p>
            if view.settings.bandwidth {
                { running(view) }
            }
            <p><a href={Route::Facts.href()} data-testid="facts-link">{ text::facts_link() }</a></p>
            <section class="card">
                <h2>{ text::lend_examples() }</h2>
                <p class="quiet">{ text::lend_examples_text() }</p>
                <div class="examples">
                    { examples(&lull.wire, &words::EXAMPLES_FETCHED) }
                    { examples(&lull.wire, &words::EXAMPLES_REFUSED) }
                </div>
                <Try wire={lull.wire.clone()} />
            </section>
            <ul class="reasons">{ for words::lend_facts().into_iter().map(reason) }</ul>
            <section class="card decide">
                { when(lull, view.settings.bandwidth_when) }
                <Grant wire={lull.wire.clone()} on={view.settings.bandwidth} state={view.bandwidth.state}
                    consent={view.consent} />
                <p><a href={Route::Limits.href()} data-testid="limits">{ text::limits_see() }</a></p>
            </section>
        </div>
    }
}

fn running(view: &View) -> Html {
    let bandwidth = &view.bandwidth;
    let (word, sentence) = words::bandwidth(bandwidth.state);
    let limited = words::limits::limited(view);
    let sentence = limited.as_deref().unwrap_or(sentence);
    html! {
        <section class="card running">
            { Icon::Globe.draw() }
            <div>
                <p class="running-word">{ word }</p>
                <p class="quiet">{ site_or(bandwidth, sentence) }</p>
            </div>
            <p class="running-count">
                <strong dir="auto">{ format::bytes(bandwidth.bytes) }</strong>
                <span class="quiet">{ text::fetches(bandwidth.fetches) }</span>
            </p>
        </section>
    }
}

fn examples(wire: &Wire, urls: &[&'static str]) -> Html {
    let example = |url: &&'static str| {
        html! { <li><Judged wire={wire.clone()} url={*url} shown={true} /></li> }
    };
    html! { <ul>{ for urls.iter().map(example) }</ul> }
}

/// What policy says of a URL.
#[derive(Clone, PartialEq)]
enum Judgement {
    Asking,
    Would,
    Refuses(String),
}

#[derive(PartialEq, Properties)]
struct JudgedProps {
    wire: Wire,
    url: String,
    /// Whether the URL itself is shown.
    shown: bool,
}

/// Asks policy about a URL whenever it changes and shows the answer.
#[component]
fn Judged(props: &JudgedProps) -> Html {
    let judged = use_state_eq(|| (String::new(), Judgement::Asking));
    let (wire, setter) = (props.wire.clone(), judged.setter());
    use_effect_with(props.url.clone(), move |url| {
        let asked = url.clone();
        let done = Callback::from(move |reply| {
            let judgement = match reply {
                Reply::Judged { refusal: None, .. } => Judgement::Would,
                Reply::Judged { refusal: Some(code), .. } => Judgement::Refuses(code),
                Reply::Failed { error } => Judgement::Refuses(error),
                _ => return,
            };
            setter.set((asked.clone(), judgement));
        });
        wire.ask(Command::JudgeUrl { url: url.clone() }, done);
    });
    let current = if judged.0 == props.url { &judged.1 } else { &Judgement::Asking };
    let (class, icon, words) = match current {
        Judgement::Asking => ("asking", Icon::Clock, html! { <span class="quiet">{ text::loading() }</span> }),
        Judgement::Would => ("would", Icon::Check, html! { text::lend_would() }),
        Judgement::Refuses(code) => {
            let reason = html! { <span class="quiet">{ words::refusal(code) }</span> };
            ("refuses", Icon::Barred, html! { <>{ text::lend_would_not() }{ " " }{ reason }</> })
        }
    };
    html! {
        <div class={classes!("judged", class)} data-url={props.url.clone()} data-judged={class}>
            { icon.draw() }
            <div>
                if props.shown {
                    <p class="code" dir="ltr">{ &props.url }</p>
                }
                <p class="verdict">{ words }</p>
            </div>
        </div>
    }
}

#[derive(PartialEq, Properties)]
pub(crate) struct TryProps {
    /// Asks the background.
    pub(crate) wire: Wire,
}

/// A field for any address, judged while it is typed.
#[component]
pub(crate) fn Try(props: &TryProps) -> Html {
    let text = use_state_eq(String::new);
    let setter = text.setter();
    let input = move |event: InputEvent| {
        let field: Option<HtmlInputElement> = event.target_dyn_into();
        setter.set(field.map(|field| field.value()).unwrap_or_default());
    };
    let url = text.trim();
    html! {
        <div class="try">
            <label for="judge-url">{ text::lend_try() }</label>
            <input id="judge-url" data-testid="judge-url" type="text" inputmode="url" autocomplete="off" spellcheck="false"
                placeholder={text::lend_try_hint()} value={(*text).clone()} oninput={input} />
            <div class="try-answer" role="status" data-testid="judged">
                if !url.is_empty() {
                    <Judged wire={props.wire.clone()} url={url.to_owned()} shown={false} />
                }
            </div>
        </div>
    }
}

/// Only while away, or at any time.
pub(crate) fn when(lull: &Lull, chosen: BandwidthWhen) -> Html {
    let choice = |when: BandwidthWhen, id: &'static str, label: &'static str| {
        let wire = lull.wire.clone();
        let change = move |_| wire.send(Command::SetBandwidthWhen { when });
        html! {
            <label class="choice">
                <input type="radio" name="when" data-testid={id} checked={chosen == when} onchange={change} />
                <span>{ label }</span>
            </label>
        }
    };
    html! {
        <fieldset class="choices">
            <legend>{ text::when() }</legend>
            { choice(BandwidthWhen::Away, "when-away", text::when_away()) }
            { choice(BandwidthWhen::Always, "when-always", text::when_always()) }
        </fieldset>
    }
}

/// Where the question to the browser stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    NotYet,
    Asking,
    Denied,
}

#[derive(PartialEq, Properties)]
struct GrantProps {
    wire: Wire,
    on: bool,
    state: BandwidthState,
    consent: Consent,
}

/// The button that makes the browser ask, and the way to switch off.
#[component]
fn Grant(props: &GrantProps) -> Html {
    let asked = use_state_eq(|| Asked::NotYet);
    let (wire, setter) = (props.wire.clone(), asked.setter());
    let agreed = props.consent.is_current;
    let grant = move |_| ask_browser(&wire, &setter, agreed);
    let wire = props.wire.clone();
    let off = move |_| wire.send(Command::SetBandwidth { on: false });
    let wire = props.wire.clone();
    let take_back = move |_| wire.send(Command::TakeConsentBack);
    let missing = matches!(props.state, BandwidthState::NoPermission | BandwidthState::NeedsConsent);
    if let Some(who) = words::consent::barrier(props.state) {
        return barred(props.state, who);
    }
    let label = match (*asked, props.on) {
        (Asked::Asking, _) => text::lend_asking(),
        _ if !is_tab() => text::lend_tab(),
        _ if !agreed => text::consent_read_and_agree(),
        (_, true) => text::lend_regrant(),
        (_, false) => text::lend(),
    };
    html! {
        <div class="grant">
            <p class="bandwidth-state" data-testid="bandwidth-state" data-state={state_code(props.state)} role="status">
                { bandwidth_is(props.state) }
            </p>
            if !props.on || missing {
                <p class="quiet">{ if agreed { text::lend_permission() } else { text::consent_first() } }</p>
                <button class="button primary wide" data-testid="grant" disabled={*asked == Asked::Asking} onclick={grant}>
                    { label }
                </button>
            }
            if props.on {
                <button class="button wide" key="off" data-testid="lend-off" onclick={off}>{ text::lend_off() }</button>
            }
            if *asked == Asked::Denied && (!props.on || missing) {
                <p class="denied" role="alert">{ text::lend_denied() }</p>
            }
            if let Some(at) = props.consent.given_at {
                <p class="quiet agreed" key="agreed">
                    { text::consent_agreed_on(&format::moment(at)) }{ " " }
                    <button class="link-button" data-testid="take-back" onclick={take_back}>
                        { text::consent_take_back() }
                    </button>
                </p>
            }
        </div>
    }
}

/// What bandwidth does, in a word.
fn bandwidth_is(state: BandwidthState) -> Html {
    standing_out(&text::bandwidth_is(&text::marked(words::bandwidth(state).0)))
}

/// Who manages the browser decided.
fn barred(state: BandwidthState, who: &'static str) -> Html {
    html! {
        <div class="grant">
            <p class="bandwidth-state" data-testid="bandwidth-state" data-state={state_code(state)} role="status">
                { bandwidth_is(state) }
            </p>
            <p class="denied" data-testid="barred">{ who }</p>
            <p class="quiet">{ text::consent_for_administrators() }</p>
        </div>
    }
}

/// Must run inside the click: browsers let a page ask only then. A popup would be closed by the question,
/// so it opens the full page instead. Who has not agreed comes to that first.
pub(crate) fn ask_browser(wire: &Wire, asked: &UseStateSetter<Asked>, agreed: bool) {
    if !agreed {
        if !is_tab() {
            return open_tab(Route::Consent);
        }
        go(&Route::Consent);
        return to_top();
    }
    if !is_tab() {
        open_tab(Route::Bandwidth);
        return;
    }
    let answer = lull_browser::permissions_request_all();
    let (wire, asked) = (wire.clone(), asked.clone());
    asked.set(Asked::Asking);
    spawn_local(async move {
        if answer.await.unwrap_or(false) {
            asked.set(Asked::NotYet);
            wire.send(Command::SetBandwidth { on: true });
            go(&Route::Bandwidth);
            to_top();
        } else {
            asked.set(Asked::Denied);
        }
    });
}

/// A new page begins at its top.
fn to_top() {
    if let Some(window) = web_sys::window() {
        window.scroll_to_with_x_and_y(0.0, 0.0);
    }
}

/// The state's code, for tests and styles.
pub(crate) fn state_code(state: BandwidthState) -> &'static str {
    match state {
        BandwidthState::Absent => "absent",
        BandwidthState::Forbidden => "forbidden",
        BandwidthState::NotAllowed => "not_allowed",
        BandwidthState::Off => "off",
        BandwidthState::NeedsConsent => "needs_consent",
        BandwidthState::NoPermission => "no_permission",
        BandwidthState::Paused => "paused",
        BandwidthState::WaitingForAway => "waiting_for_away",
        BandwidthState::DataSaver => "data_saver",
        BandwidthState::Limited { limit, .. } => words::limits::limit_code(limit),
        BandwidthState::Idle => "idle",
        BandwidthState::Fetching => "fetching",
    }
}
