//! First run: what Lull is, then whose work it is; no permission, no account.

use lull_view::{BandwidthState, Command, Operator, View};
use yew::{Callback, Html, MouseEvent, html};

use crate::icons::{self, Icon};
use crate::model::Lull;
use crate::parts::{in_tab, operator_card, trouble};
use crate::route::{Route, go};
use crate::text;
use crate::words;

/// The step that the settings call for. Each has a key of its own, so that no button turns into another
/// one under the finger.
pub(crate) fn welcome(lull: &Lull, view: &View) -> Html {
    match &view.operator {
        _ if !view.settings.judgments => pitch(lull, view),
        None => finding(lull, view),
        Some(operator) => ask(lull, operator),
    }
}

fn pitch(lull: &Lull, view: &View) -> Html {
    let fact = |fact: &'static str| html! { <li>{ Icon::Check.draw() }<span>{ fact }</span></li> };
    html! {
        <div class="welcome" key="pitch">
            <div class="welcome-sky">
                { icons::sea() }
                <p class="wordmark">{ text::name() }</p>
            </div>
            <h1>{ text::welcome_title() }</h1>
            <p class="lead">{ text::welcome_lead() }</p>
            <ul class="facts">{ for words::welcome_facts().into_iter().map(fact) }</ul>
            <button class="button primary wide" data-testid="start"
                onclick={lull.on_click(Command::SetJudgments { on: true })}>{ text::start() }</button>
            <p class="quiet centred">{ in_tab(&Route::Backup, "welcome-backup", text::backup_welcome()) }</p>
            if view.bandwidth.state != BandwidthState::Absent {
                <p class="quiet centred"><a href={Route::Facts.href()}>{ text::facts_link() }</a></p>
            }
        </div>
    }
}

fn finding(lull: &Lull, view: &View) -> Html {
    html! {
        <div class="welcome" key="finding">
            <div class="welcome-sky waiting">{ icons::sea() }</div>
            <h1>{ text::welcome_wait() }</h1>
            <p class="lead" role="status">{ text::welcome_wait_more() }</p>
            { trouble(lull, &view.link) }
            { not_now(lull) }
        </div>
    }
}

/// The operator's card and the question whether to work for them.
pub(crate) fn ask(lull: &Lull, operator: &Operator) -> Html {
    let wire = lull.wire.clone();
    let accept: Callback<MouseEvent> = Callback::from(move |_| {
        wire.send(Command::CardSeen);
        wire.send(Command::FirstRunDone);
        go(&Route::Home);
    });
    html! {
        <div class="welcome" key="ask">
            <h1>{ text::card_title(&operator.name) }</h1>
            <p class="lead">{ text::card_lead() }</p>
            { operator_card(operator) }
            <button class="button primary wide" data-testid="accept-card" onclick={accept}>
                { text::card_accept(&operator.name) }
            </button>
            { not_now(lull) }
        </div>
    }
}

fn not_now(lull: &Lull) -> Html {
    let decline = lull.on_click(Command::SetJudgments { on: false });
    html! { <button class="button wide" data-testid="not-now" onclick={decline}>{ text::not_now() }</button> }
}
