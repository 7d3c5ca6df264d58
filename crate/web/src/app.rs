//! Draws the page and carries out its effects.

use gloo::timers::callback::Timeout;
use js_sys::{Date, Object, Reflect};
use lull_protocol::Wallet;
use lull_protocol::siws::SignIn;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{FocusOptions, HtmlElement, ScrollIntoViewOptions, ScrollLogicalPosition};
use yew::{Component, Context, Html, NodeRef, Properties, classes, html};

use crate::coordinator;
use crate::page::{Effect, Event, Found, Page, Step};
use crate::wallets::Wallets;
use crate::words::{self, Words};

/// What the page is started with.
#[derive(PartialEq, Properties)]
pub(crate) struct AppProps {
    /// The fragment of the address.
    pub(crate) ticket: String,
}

/// The whole page.
pub(crate) struct App {
    page: Page,
    wallets: Wallets,
    main: NodeRef,
    /// What is said of the step.
    said: NodeRef,
    /// The person has pressed something: from then on the focus is somewhere.
    is_touched: bool,
    /// The step is another one than what is on screen.
    has_moved: bool,
}

impl Component for App {
    type Message = Event;
    type Properties = AppProps;

    fn create(ctx: &Context<Self>) -> Self {
        let wallets = Wallets::listen(ctx.link().callback(Event::Registered));
        let host = web_sys::window().and_then(|window| window.location().host().ok()).unwrap_or_default();
        let (page, effects) = Page::open(host, ctx.props().ticket.clone());
        let (main, said) = (NodeRef::default(), NodeRef::default());
        let app = Self { page, wallets, main, said, is_touched: false, has_moved: false };
        app.perform(ctx, effects);
        app
    }

    fn update(&mut self, ctx: &Context<Self>, event: Event) -> bool {
        let is_touch = matches!(event, Event::Chosen(_) | Event::AccountChosen(_) | Event::Again | Event::Back);
        self.is_touched |= is_touch;
        let before = step_word(self.page.step());
        let effects = self.page.handle(event);
        self.has_moved |= before != step_word(self.page.step());
        self.perform(ctx, effects);
        true
    }

    /// What is new is on screen. When what had the focus is gone, the page takes it: a keyboard never starts over from
    /// nowhere.
    fn rendered(&mut self, _: &Context<Self>, _: bool) {
        let document = web_sys::window().and_then(|window| window.document());
        let active = document.and_then(|document| document.active_element());
        let has_focus = active.is_some_and(|element| element.tag_name() != "BODY");
        if let Some(main) = self.main.cast::<HtmlElement>().filter(|_| self.is_touched && !has_focus) {
            let options = FocusOptions::new();
            options.set_prevent_scroll(true);
            // An element that can't take the focus leaves it where it is.
            let _ = main.focus_with_options(&options);
        }
        let is_news = std::mem::take(&mut self.has_moved) && self.is_touched;
        if let Some(said) = self.said.cast::<HtmlElement>().filter(|_| is_news) {
            let options = ScrollIntoViewOptions::new();
            options.set_block(ScrollLogicalPosition::Nearest);
            said.scroll_into_view_with_scroll_into_view_options(&options);
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let sign_in = self.page.sign_in();
        let purpose = sign_in.map(|sign_in| sign_in.asked().purpose);
        html! {
            <main ref={self.main.clone()} tabindex="-1" data-testid="connect">
                <h1>{ words::heading(purpose) }</h1>
                <p class="public" data-testid="public">{ words::PUBLIC }</p>
                { sign_in.map(asked) }
                <div class="told" ref={self.said.clone()}>
                    <div role="alert" data-testid="trouble">{ self.trouble().map(|said| card("bad", &said)) }</div>
                    <div role="status" data-testid="step" data-step={step_word(self.page.step())}>{ self.step() }</div>
                </div>
                { self.choices(ctx) }
            </main>
        }
    }
}

impl App {
    fn perform(&self, ctx: &Context<Self>, effects: Vec<Effect>) {
        for effect in effects {
            let (link, wallets) = (ctx.link().clone(), self.wallets.clone());
            match effect {
                Effect::Take(ticket) => {
                    link.send_future(async move { Event::Taken(coordinator::take(&ticket).await) });
                }
                Effect::Clock(ms) => {
                    let ms = u32::try_from(ms).unwrap_or(u32::MAX);
                    Timeout::new(ms, move || link.send_message(Event::TimeIsUp)).forget();
                }
                Effect::Connect { attempt, wallet } => {
                    wallets.watch(wallet, link.callback(move |now| Event::AccountsNow(attempt, now)));
                    link.send_future(async move { Event::Connected(attempt, wallets.connect(wallet).await) });
                }
                Effect::Sign { attempt, wallet, way, account, sign_in } => link.send_future(async move {
                    Event::Signed(attempt, wallets.sign(wallet, way, account, &sign_in).await)
                }),
                Effect::Send(ticket, proof) => {
                    link.send_future(async move { Event::Sent(coordinator::send(&ticket, &proof).await) });
                }
            }
        }
    }

    /// What went wrong, if something did.
    fn trouble(&self) -> Option<Words> {
        match self.page.step() {
            Step::Choosing(trouble) => trouble.as_ref().map(words::trouble),
            Step::Unreachable(request) => Some(words::unreachable(request)),
            Step::Over(end) => Some(words::end(end)),
            _ => None,
        }
    }

    /// What the person is to do, or waits for.
    fn step(&self) -> Html {
        let name = |wallet: &u32| self.page.wallet(*wallet).map_or("", |found| &found.name);
        match self.page.step() {
            Step::Taking => waiting(words::TAKING),
            Step::Choosing(_) if !self.page.wallets().iter().any(|found| found.way.is_some()) => {
                card("plain", &words::no_wallet())
            }
            Step::Choosing(_) => html! { <p>{ words::CHOOSE }</p> },
            Step::Connecting(wallet) => waiting(&words::connecting(name(wallet))),
            Step::Accounts(..) => html! { <p>{ words::ACCOUNTS }</p> },
            Step::Signing(wallet, account) => waiting(&words::signing(name(wallet), &account.short())),
            Step::Sending(_) => waiting(words::SENDING),
            Step::Done(account, until) => card("good", &words::done(&account.short(), &time_of_day(*until))),
            Step::Unreachable(_) | Step::Over(_) => html! {},
        }
    }

    /// The buttons.
    fn choices(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        match self.page.step() {
            Step::Choosing(_) => self.wallets_to_choose(ctx),
            Step::Accounts(_, shown) => html! {
                <>
                    <ul class="choices">{ for shown.iter().map(|account| account_to_choose(ctx, *account)) }</ul>
                    { back(ctx) }
                </>
            },
            Step::Connecting(_) | Step::Signing(..) => back(ctx),
            Step::Unreachable(_) => html! {
                <button class="button primary wide" data-testid="again" onclick={link.callback(|_| Event::Again)}>
                    { "Try again" }
                </button>
            },
            Step::Taking | Step::Sending(_) | Step::Done(..) | Step::Over(_) => html! {},
        }
    }

    fn wallets_to_choose(&self, ctx: &Context<Self>) -> Html {
        let (able, unable): (Vec<&Found>, Vec<&Found>) = self.page.wallets().iter().partition(|one| one.way.is_some());
        let count = |name: &str| able.iter().filter(|one| one.name == name).count();
        let mut twins: Vec<&str> = able.iter().map(|one| &*one.name).filter(|name| count(name) > 1).collect();
        twins.sort_unstable();
        twins.dedup();
        let buttons = able.iter().enumerate().map(|(at, found)| {
            let before = able.iter().take(at).filter(|one| one.name == found.name).count();
            let place = (count(&found.name) > 1).then(|| (before + 1, count(&found.name)));
            wallet_to_choose(ctx, found, place)
        });
        html! {
            <>
                { for twins.iter().map(|name| html! { <p class="note" data-testid="twins">{ words::twins(name) }</p> }) }
                <ul class="choices">{ for buttons }</ul>
                if !unable.is_empty() {
                    <p class="quiet" data-testid="unable">
                        { "Here, too, but can't sign in on Solana: " }
                        { unable.iter().map(|one| &*one.name).collect::<Vec<_>>().join(", ") }
                    </p>
                }
                if !able.is_empty() {
                    <p class="quiet">{ words::NO_COST }</p>
                }
            </>
        }
    }
}

/// What is to be signed, and for whom: of the sign-in alone.
fn asked(sign_in: &SignIn) -> Html {
    let asked = sign_in.asked();
    let (chain, test) = words::chain(asked.chain);
    html! {
        <dl class="asked">
            <div><dt>{ "What follows" }</dt><dd data-testid="action">{ words::action(asked.purpose) }</dd></div>
            <div>
                <dt>{ "The browser's key" }</dt>
                <dd>
                    <span class="fingerprint" data-testid="fingerprint" dir="ltr">{ asked.worker.short() }</span>
                    <span class="quiet">{ words::COMPARE }</span>
                </dd>
            </div>
            <div>
                <dt>{ "Paid on" }</dt>
                <dd data-testid="chain">
                    { chain }
                    if let Some(test) = test {
                        <span class="test" data-testid="test-money">{ test }</span>
                    }
                </dd>
            </div>
        </dl>
    }
}

fn wallet_to_choose(ctx: &Context<App>, found: &Found, place: Option<(usize, usize)>) -> Html {
    let id = found.id;
    let onclick = ctx.link().callback(move |_| Event::Chosen(id));
    html! {
        <li key={id.to_string()}>
            <button class="choice" data-testid={format!("wallet-{id}")} {onclick}>
                if let Some(icon) = &found.icon {
                    <img src={icon.clone()} alt="" width="32" height="32" />
                } else {
                    <span class="no-icon" aria-hidden="true" />
                }
                <bdi>{ &found.name }</bdi>
                if let Some((nth, of)) = place {
                    <span class="quiet">{ format!("{nth} of {of} with this name") }</span>
                }
            </button>
        </li>
    }
}

fn account_to_choose(ctx: &Context<App>, account: Wallet) -> Html {
    let onclick = ctx.link().callback(move |_| Event::AccountChosen(account));
    html! {
        <li key={account.to_string()}>
            <button class="choice" data-testid={format!("account-{account}")} {onclick}>
                <span class="address" dir="ltr">{ account.to_string() }</span>
            </button>
        </li>
    }
}

fn back(ctx: &Context<App>) -> Html {
    html! {
        <button class="button" data-testid="back" onclick={ctx.link().callback(|_| Event::Back)}>
            { "Choose another wallet" }
        </button>
    }
}

fn card(kind: &'static str, said: &Words) -> Html {
    html! { <div class={classes!("card", kind)}><h2>{ said.title }</h2><p dir="auto">{ &said.text }</p></div> }
}

fn waiting(text: &str) -> Html {
    html! { <p class="waiting" dir="auto"><span class="dot" aria-hidden="true" />{ text }</p> }
}

/// For tests: what a step is called.
fn step_word(step: &Step) -> &'static str {
    match step {
        Step::Taking => "taking",
        Step::Choosing(_) => "choosing",
        Step::Connecting(_) => "connecting",
        Step::Accounts(..) => "accounts",
        Step::Signing(..) => "signing",
        Step::Sending(_) => "sending",
        Step::Unreachable(_) => "unreachable",
        Step::Done(..) => "done",
        Step::Over(_) => "over",
    }
}

/// A time of today in the person's own way, to the minute.
#[expect(clippy::cast_precision_loss, reason = "a time is at most 2^53")]
fn time_of_day(ms: u64) -> String {
    let options = Object::new();
    for (name, form) in [("hour", "numeric"), ("minute", "2-digit")] {
        // A plain object takes any field.
        let _ = Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(form));
    }
    let date = Date::new(&JsValue::from_f64(ms as f64));
    let local = date.to_locale_time_string_with_options("default", options.unchecked_ref());
    String::from(local)
}
