//! The wallet and payouts. What is shown is the coordinator's own word, as the background keeps it; what the person says is
//! signed there.

mod ask;
mod connect;
mod files;
mod history;
mod next;
mod rebind;

use lull_view::{
    Chain, Command, Link, Payouts, Purpose, Reply, View, WalletAsked, WalletPage as Told, WalletState, cbor,
};
use web_sys::MouseEvent;
use yew::{Callback, Html, Properties, component, hook, html, use_effect_with, use_state_eq};

use crate::format;
use crate::icons::Icon;
use crate::model::Lull;
use crate::parts::{Skeleton, calm, title_bar, trouble};
use crate::text;
use crate::words::wallet as words;

use ask::Ask;
use connect::{connect, connected, waiting};
use history::History;
use next::Next;
use rebind::{news, rebindings};

#[derive(PartialEq, Properties)]
pub(crate) struct WalletProps {
    pub(crate) lull: Lull,
}

/// What every part of the page is made of.
struct Shown<'a> {
    lull: &'a Lull,
    view: &'a View,
    told: &'a Told,
    state: &'a WalletState,
    payouts: &'a Payouts,
    /// Asks for a ticket, and opens its page once it is there.
    open: Callback<Purpose>,
}

impl Shown<'_> {
    fn asset(&self) -> &str {
        self.lull.asset()
    }
    /// A moment of the coordinator's clock on this browser's.
    fn local(&self, at: lull_view::Timestamp) -> u64 {
        Told::local(at, self.view.diagnostics.clock_ahead_ms)
    }
    /// What is asked, while there is time for it.
    fn asked(&self) -> Option<&WalletAsked> {
        self.state.asked.as_ref().filter(|asked| self.local(asked.until) > format::now_ms())
    }
    /// Whether something about the wallet waits for the person or for the coordinator.
    fn is_under_way(&self) -> bool {
        self.told.said.is_some() || self.told.address.is_some() || self.asked().is_some()
    }
    fn is_connected(&self) -> bool {
        self.view.link == Link::Connected
    }
    /// What a button that needs the coordinator does; without it nothing.
    fn on_line(&self, command: Command) -> Callback<MouseEvent> {
        if self.is_connected() { self.lull.on_click(command) } else { Callback::noop() }
    }
    /// The same of a button that asks for a ticket.
    fn opens(&self, purpose: Purpose) -> Callback<MouseEvent> {
        let open = self.open.clone();
        if self.is_connected() { Callback::from(move |_| open.emit(purpose)) } else { Callback::noop() }
    }
    /// For the attribute of such a button.
    fn is_disabled(&self) -> Option<&'static str> {
        (!self.is_connected()).then_some("true")
    }
}

/// The page.
#[component]
pub(crate) fn WalletPage(props: &WalletProps) -> Html {
    let lull = &props.lull;
    let told = use_told(lull);
    use_connection(lull);
    let (open, open_failed) = use_opening(lull, told.as_ref());
    let Some(view) = lull.model.view.as_ref() else { return html! { <Skeleton /> } };
    html! {
        <div class="page wallet" data-testid="wallet-page">
            { title_bar(text::wallet()) }
            if view.settings.paused {
                { paused(lull) }
            } else {
                { trouble(lull, &view.link) }
            }
            if open_failed {
                <p class="wrong" role="alert">{ text::wallet_open_failed() }</p>
            }
            { body(lull, view, told.as_ref(), open) }
        </div>
    }
}

/// What the background knows, asked again whenever it is something else.
#[hook]
fn use_told(lull: &Lull) -> Option<Told> {
    let told = use_state_eq(|| None::<Told>);
    let when = lull.model.view.as_ref().map(|view| (view.wallet.revision, view.link == Link::Connected));
    let (wire, setter) = (lull.wire.clone(), told.setter());
    use_effect_with(when, move |_| {
        let done = Callback::from(move |reply| {
            if let Reply::Wallet { page } = reply {
                setter.set(cbor::read(&page).ok());
            }
        });
        wire.ask(Command::ShowWallet, done);
    });
    (*told).clone()
}

/// Keeps a connection while the page is open. A background that was killed meanwhile is told again.
#[hook]
fn use_connection(lull: &Lull) {
    let is_known = lull.model.view.as_ref().map(|view| view.wallet.is_looked_at);
    let wire = lull.wire.clone();
    use_effect_with(is_known, move |is_known| {
        if *is_known == Some(false) {
            wire.send(Command::LookAtWallet { on: true });
        }
    });
    let wire = lull.wire.clone();
    use_effect_with((), move |()| move || wire.send(Command::LookAtWallet { on: false }));
}

/// Asks for a ticket at a click, and opens its page once, when it comes. Also whether the browser opened none.
#[hook]
fn use_opening(lull: &Lull, told: Option<&Told>) -> (Callback<Purpose>, bool) {
    let is_asked = use_state_eq(|| false);
    let has_failed = use_state_eq(|| false);
    let address = told.and_then(|told| told.address.clone()).filter(|_| *is_asked);
    let (asked, failed) = (is_asked.setter(), has_failed.setter());
    use_effect_with(address, move |address| {
        if let Some(address) = address.clone() {
            asked.set(false);
            connect::open(address, failed);
        }
    });
    let (wire, asked, failed) = (lull.wire.clone(), is_asked.setter(), has_failed.setter());
    let open = Callback::from(move |purpose: Purpose| {
        failed.set(false);
        // Where no wallet has to sign there is no page.
        asked.set(purpose != Purpose::Unlink);
        wire.send(Command::ConnectWallet { purpose });
    });
    (open, *has_failed)
}

fn paused(lull: &Lull) -> Html {
    html! {
        <section class="trouble">
            { Icon::Pause.draw() }
            <div>
                <p class="trouble-what">{ text::paused_title() }</p>
                <p class="quiet">{ text::wallet_paused_text() }</p>
            </div>
            <button class="button small" onclick={lull.on_click(Command::SetPaused { on: false })}>{ text::go_on() }</button>
        </section>
    }
}

fn body(lull: &Lull, view: &View, told: Option<&Told>, open: Callback<Purpose>) -> Html {
    let Some(told) = told else { return html! { <p class="quiet" role="status">{ text::loading() }</p> } };
    let Some(payouts) = told.payouts() else {
        return match (&view.operator, &view.link) {
            (None, _) => calm(text::wallet_unmet(), text::wallet_unmet_text(), html! {}),
            (_, Link::Connected) => calm(text::wallet_none(), text::wallet_none_text(), html! {}),
            (_, Link::Connecting) => html! { <p class="quiet" role="status">{ text::loading() }</p> },
            // Whether it pays nobody knows yet.
            _ => html! {},
        };
    };
    let state = told.state().unwrap_or_default();
    let shown = Shown { lull, view, told, state: &state, payouts: &payouts, open };
    html! {
        <>
            if payouts.chain != Chain::Mainnet {
                <p class="demo" data-testid="test-money">{ text::wallet_test_text() }</p>
            }
            if !shown.is_connected() {
                <p class="quiet" data-testid="wallet-offline">{ text::wallet_offline() }</p>
            }
            { trouble_card(&shown) }
            { rebindings(&shown) }
            { under_way(&shown) }
            { news(&shown) }
            if state.wallet.is_some() {
                { connected(&shown) }
            }
            { standstill(&shown) }
            if let Some(next) = payouts.next {
                <Next lull={lull.clone()} {next} schedule={payouts.schedule} is_connected={shown.is_connected()}
                    after={words::after(&shown.payouts.next, |at| shown.local(at))} />
            }
            <History lull={lull.clone()} newest={payouts.newest.clone()} has_older={payouts.has_older}
                older={told.older()} chain={payouts.chain} ahead_ms={view.diagnostics.clock_ahead_ms}
                is_connected={shown.is_connected()} />
            if !view.settings.judgments && !view.settings.bandwidth && !view.settings.paused {
                <p class="quiet">{ text::wallet_off_text() }</p>
            }
        </>
    }
}

/// How far connecting is: nothing yet, the wallet's page is open, the yes is asked for, the yes is on its way.
fn under_way(shown: &Shown<'_>) -> Html {
    if shown.told.said.is_some() {
        return said();
    }
    if let Some(asked) = shown.asked() {
        let account = shown.view.account;
        let stays = account.payable.saturating_add(account.pending);
        return html! {
            // Another question is another card: nobody's finger is on the old one's button.
            <Ask key={format!("{}{}", asked.ticket, asked.wallet)} lull={shown.lull.clone()} asked={asked.clone()} {stays}
                arrives={shown.payouts.in_payout.get()} until={shown.local(asked.until)}
                may_say={shown.told.is_fresh && shown.is_connected()} own={shown.view.worker.clone()} />
        };
    }
    if let Some(address) = &shown.told.address {
        return waiting(shown, address);
    }
    if shown.state.wallet.is_none() {
        connect(shown)
    } else {
        html! {}
    }
}

fn said() -> Html {
    html! {
        <section class="card" data-testid="wallet-said">
            <h2 role="status">{ text::wallet_said() }</h2>
            <p class="quiet">{ text::wallet_said_text() }</p>
        </section>
    }
}

/// Why the last thing that was wanted didn't come about.
fn trouble_card(shown: &Shown<'_>) -> Html {
    let Some(trouble) = shown.told.trouble else { return html! {} };
    html! {
        <section class="card wallet-trouble" data-testid="wallet-trouble">
            <h2>{ Icon::Warning.draw() }{ text::wallet_trouble() }</h2>
            <p role="status">{ words::trouble(trouble) }</p>
            <button class="button small" data-testid="wallet-trouble-read"
                onclick={shown.lull.on_click(Command::WalletTroubleRead)}>{ text::dismiss() }</button>
        </section>
    }
}

/// Why nobody is paid at the moment.
fn standstill(shown: &Shown<'_>) -> Html {
    let Some(why) = shown.payouts.standstill else { return html! {} };
    html! { <p class="denied" role="status" data-testid="standstill">{ words::standstill(why) }</p> }
}
