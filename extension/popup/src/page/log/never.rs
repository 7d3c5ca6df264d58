//! Whom never to serve: the buttons, and the list in the settings.

use lull_view::{Command, Never, NeverWhat, View};
use yew::{Callback, Html, UseStateHandle, classes, html};

use crate::icons::Icon;
use crate::model::Lull;
use crate::text;
use crate::words::log as words;

/// Whether something is on the list: a host is, if its registrable domain is.
pub(crate) fn is_never(never: &Never, what: &NeverWhat) -> bool {
    match what {
        NeverWhat::Domain(host) => {
            let is_below = |domain: &String| host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'));
            never.domains.iter().any(|domain| domain == host || is_below(domain))
        }
        NeverWhat::Requester(name) => never.requesters.contains(name),
    }
}

/// *Never again*, or the way back. `said` is told what was clicked.
pub(crate) fn never_button(
    lull: &Lull,
    view: &View,
    what: NeverWhat,
    said: Option<&UseStateHandle<Option<NeverWhat>>>,
) -> Html {
    let is_on = is_never(&view.never, &what);
    let (label, command) = if is_on {
        (words::allow(&what), Command::RemoveNever(what.clone()))
    } else {
        (words::never(&what), Command::Never(what.clone()))
    };
    let kind = match &what {
        NeverWhat::Domain(_) => "domain",
        NeverWhat::Requester(_) => "requester",
    };
    let is_small = said.is_some();
    let (wire, setter) = (lull.wire.clone(), said.map(UseStateHandle::setter));
    let act = Callback::from(move |_| {
        wire.send(command.clone());
        if let Some(setter) = &setter {
            setter.set(Some(what.clone()));
        }
    });
    if is_small {
        html! {
            <button class={classes!("icon-button", "never", is_on.then_some("on"))} title={label.clone()}
                aria-label={label} data-testid="never" data-kind={kind} data-on={is_on.to_string()} onclick={act}>
                { if is_on { Icon::Play.draw() } else { Icon::Barred.draw() } }
            </button>
        }
    } else {
        html! {
            <button class={classes!("button", (!is_on).then_some("danger"))} data-testid="never" data-kind={kind}
                data-on={is_on.to_string()} onclick={act}>{ label }</button>
        }
    }
}

/// The list, where each can be taken back.
pub(crate) fn never_card(lull: &Lull, view: &View) -> Html {
    let Never { domains, requesters } = &view.never;
    html! {
        <section class="card" data-testid="never-card">
            <h2>{ text::log_never() }</h2>
            if domains.is_empty() && requesters.is_empty() {
                <p class="quiet">{ text::log_never_none() }</p>
            } else {
                <p class="quiet">{ text::log_never_text() }</p>
                { list(lull, text::log_never_sites(), domains, NeverWhat::Domain) }
                { list(lull, text::log_never_buyers(), requesters, NeverWhat::Requester) }
            }
        </section>
    }
}

fn list(lull: &Lull, title: &'static str, names: &[String], what: fn(String) -> NeverWhat) -> Html {
    if names.is_empty() {
        return html! {};
    }
    let row = |name: &String| {
        let what = what(name.clone());
        html! {
            <li key={name.clone()} class="never-row">
                <span dir="auto">{ name }</span>
                <button class="button small" data-testid="never-remove" aria-label={text::action_on(text::log_take_back(), name)}
                    onclick={lull.on_click(Command::RemoveNever(what))}>{ text::log_take_back() }</button>
            </li>
        }
    };
    html! {
        <>
            <h3>{ title }</h3>
            <ul>{ for names.iter().map(row) }</ul>
        </>
    }
}
