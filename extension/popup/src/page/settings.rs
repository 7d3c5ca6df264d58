//! Settings: consent, whose work, the key, receipts, and what the background saw.

use lull_view::{BandwidthState, Command, Reply, View};
use yew::{Callback, Html, Properties, component, html, use_state_eq};

use super::bandwidth::{state_code, when};
use super::everything::SaveEverything;
use super::log::never_card;
use super::pops::PopsCard;
use super::warnings::warnings_card;
use super::wishes::wishes_card;
use crate::format;
use crate::link::Wire;
use crate::model::Lull;
use crate::parts::{foreign_pair, in_tab, operator_card, pair, switch, title_bar};
use crate::route::Route;
use crate::save::save;
use crate::single_keys::SingleKeys;
use crate::text;
use crate::words;

/// The file of all receipts.
const EXPORT_FILE: &str = "lull-receipts.jsonl";

/// The page.
pub(crate) fn settings(lull: &Lull, view: &View) -> Html {
    let on = view.settings.judgments;
    let judgments = Command::SetJudgments { on: !on };
    html! {
        <div class="page">
            { title_bar(text::settings()) }
            <section class="card">
                <h2>{ text::work() }</h2>
                { switch(lull, "judgments", text::judgments(), text::judgments_text(), on, judgments) }
                { bandwidth_row(lull, view) }
                { when(lull, view.settings.bandwidth_when) }
                <SingleKeys />
                <p><a href={Route::Limits.href()} data-testid="limits">{ text::limits_see() }</a></p>
            </section>
            if on {
                { wishes_card(lull, view) }
                <PopsCard lull={lull.clone()} pops={view.pops.clone()} />
                { warnings_card(lull, view.warnings) }
            }
            <section class="group">
                <h2>{ text::operator() }</h2>
                if let Some(operator) = &view.operator {
                    { operator_card(operator) }
                    <div class="full-key">
                        <p class="quiet">{ text::card_key_full() }</p>
                        <p class="code key" dir="ltr" data-testid="coordinator-key">{ &operator.public_key }</p>
                    </div>
                } else {
                    <p class="quiet">{ text::operator_none() }</p>
                }
            </section>
            { never_card(lull, view) }
            { money(view, lull.asset()) }
            <section class="card">
                <h2>{ text::key() }</h2>
                <p class="code key" dir="ltr" data-testid="worker-key">{ &view.worker }</p>
                <p class="quiet">{ text::key_text() }</p>
                <p>{ in_tab(&Route::Backup, "backup", text::backup_link()) }</p>
            </section>
            <Export wire={lull.wire.clone()} />
            <section class="card">
                <h2>{ text::everything() }</h2>
                <p class="quiet">{ text::everything_text() }</p>
                <SaveEverything lull={lull.clone()} />
            </section>
            { diagnostics(view) }
            <p class="foot"><a href={Route::Erase.href()} data-testid="erase-link">{ text::backup_link_erase() }</a></p>
        </div>
    }
}

/// Bandwidth can be switched off here; it is switched on only where it is explained.
fn bandwidth_row(lull: &Lull, view: &View) -> Html {
    let state = view.bandwidth.state;
    if state == BandwidthState::Absent {
        return html! {};
    }
    html! {
        <div class="switch-row">
            <div class="switch-words">
                <span class="switch-label">{ text::bandwidth() }</span>
                <span class="quiet" data-testid="bandwidth-state" data-state={state_code(state)}>
                    { words::bandwidth(state).0 }{ " · " }
                    <a href={Route::Facts.href()}>{ text::facts_link() }</a>
                </span>
            </div>
            if view.settings.bandwidth {
                <button class="button small" data-testid="bandwidth-off"
                    onclick={lull.on_click(Command::SetBandwidth { on: false })}>{ text::lend_off() }</button>
            } else {
                <a class="button small" href={Route::Bandwidth.href()}>{ text::lend_show() }</a>
            }
        </div>
    }
}

fn money(view: &View, asset: &str) -> Html {
    let account = &view.account;
    html! {
        <section class="card">
            <h2>{ text::money() }</h2>
            <dl class="pairs counts">
                { pair(text::money_earned(), format::amount_of(account.earned, asset), "number") }
                { pair(text::money_pending(), format::amount_of(account.pending, asset), "number") }
                { pair(text::money_payable(), format::amount_of(account.payable, asset), "number") }
                if account.reversed > 0 {
                    { pair(text::money_reversed(), format::amount_of(account.reversed, asset), "number") }
                }
            </dl>
            <p><a href={Route::Wallet.href()} data-testid="wallet">{ text::wallet_link() }</a></p>
        </section>
    }
}

#[derive(PartialEq, Properties)]
struct ExportProps {
    wire: Wire,
}

/// Saves all receipts in a file.
#[component]
fn Export(props: &ExportProps) -> Html {
    let said = use_state_eq(|| "");
    let (wire, setter) = (props.wire.clone(), said.setter());
    let save = move |_| {
        let setter = setter.clone();
        setter.set("");
        let said = Callback::from(move |word| setter.set(word));
        export(wire.clone(), Command::Export, Vec::new(), said);
    };
    html! {
        <section class="card">
            <h2>{ text::receipts() }</h2>
            <p class="quiet">{ text::receipts_text() }</p>
            <p class="export">
                <button class="button" data-testid="export" onclick={save}>{ text::export() }</button>
                <span role="status">{ *said }</span>
            </p>
        </section>
    }
}

/// Asks for receipts piece by piece, and saves all of them once the last is there.
fn export(wire: Wire, command: Command, pieces: Vec<String>, said: Callback<&'static str>) {
    let again = wire.clone();
    let done = Callback::from(move |reply| {
        let (jsonl, before) = match reply {
            // Those that are kept follow.
            Reply::Export { jsonl } => (jsonl, Some(None)),
            Reply::ExportKept { jsonl, next } => (jsonl, next.map(Some)),
            _ => return said.emit(text::export_failed()),
        };
        let mut pieces = pieces.clone();
        pieces.push(jsonl);
        match before {
            Some(before) => export(again.clone(), Command::ExportKept { before }, pieces, said.clone()),
            None => {
                let is_saved = save(&pieces, EXPORT_FILE, "application/jsonl").is_ok();
                said.emit(if is_saved { text::export_done() } else { text::export_failed() });
            }
        }
    });
    wire.ask(command, done);
}

fn diagnostics(view: &View) -> Html {
    let seen = &view.diagnostics;
    let counts: [(&str, &str, u64); 5] = [
        (text::events_foreign(), "events-foreign", seen.events_foreign),
        (text::events_own(), "events-own", seen.events_own),
        (text::wakes(), "wakes", seen.wakes),
        (text::alarms(), "alarms", seen.alarms),
        (text::unacknowledged(), "outbox", u64::from(view.outbox)),
    ];
    html! {
        <section class="card">
            <h2>{ text::diagnostics() }</h2>
            <dl class="pairs counts">
                { for counts.into_iter().map(|(name, id, n)| html! {
                    <div><dt>{ name }</dt><dd class="number" data-testid={id} data-value={n.to_string()}>{ format::count(n) }</dd></div>
                }) }
                { pair(text::clock(), words::clock(seen.clock_ahead_ms), "number") }
                { foreign_pair(text::version(), lull_browser::manifest_version(), "number") }
            </dl>
        </section>
    }
}
