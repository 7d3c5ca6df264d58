//! Home: the line, the money, the judgment to answer, what was done.

use lull_view::{Bandwidth, BandwidthState, Command, Link, View, WalletCall};
use wasm_bindgen_futures::spawn_local;
use yew::{Html, html};

use super::activities::activities;
use super::bandwidth::state_code;
use super::judgment::{JudgmentCard, PracticeCard, TakeBack};
use super::limits::pause_menu;
use super::welcome::ask;
use super::wishes::NeverSaid;
use crate::format;
use crate::icons::{self, Icon};
use crate::model::Lull;
use crate::parts::{calm, link_words, standing_out, trouble};
use crate::route::{Route, is_tab};
use crate::text;
use crate::words;

/// Paid work in the list after which home mentions bandwidth.
const LEND_AFTER_CREDITS: usize = 3;

/// The page.
pub(crate) fn home(lull: &Lull, view: &View) -> Html {
    html! {
        <div class="home">
            { header(lull, view) }
            if !view.settings.paused {
                { trouble(lull, &view.link) }
            }
            <NeverSaid lull={lull.clone()} />
            { wallet_line(view) }
            { contested_line(view) }
            { work(lull, view) }
            { bandwidth_line(view) }
            { activities(lull, view) }
            if !is_tab() {
                <p class="foot">
                    <button class="link-button" onclick={|_| open_tab(Route::Home)}>
                        { Icon::Open.draw() }{ text::open_tab() }
                    </button>
                </p>
            }
        </div>
    }
}

/// Opens a page of the popup in a tab of its own.
pub(crate) fn open_tab(route: Route) {
    spawn_local(async move {
        // Where the browser opens no tab, the popup stays as it is and the button can be pressed again.
        let _ = lull_browser::open_tab(&route.tab_path()).await;
    });
}

fn header(lull: &Lull, view: &View) -> Html {
    let (state, state_word) = link_words(view);
    let paused = view.settings.paused;
    let pause = lull.on_click(Command::SetPaused { on: !paused });
    html! {
        <header class="header">
            <div class="header-row">
                { icons::mark() }
                <h1 class="wordmark">{ text::name() }</h1>
                <span class="link-state" data-testid="link-state" data-state={state} role="status">{ state_word }</span>
                <button class="button on-sea" data-testid="pause" onclick={pause}>
                    if paused { { Icon::Play.draw() }{ text::go_on() } } else { { Icon::Pause.draw() }{ text::pause() } }
                </button>
                if !paused {
                    { pause_menu(lull) }
                }
                <a class="icon-button on-sea" href={Route::Settings.href()} aria-label={text::settings()}
                    data-testid="settings">{ Icon::Settings.draw() }</a>
            </div>
            { money(lull, view) }
        </header>
    }
}

fn money(lull: &Lull, view: &View) -> Html {
    let (today, all) = (view.account.earned_today, view.account.earned);
    let credit = lull.model.credit.as_ref();
    // A new key for each credit lets it rise, and the waves roll, once more.
    let wave = credit.map_or_else(String::new, |credit| credit.offer.clone());
    html! {
        <>
            <div class="money">
                <p class="money-today">
                    <span class="unseen">{ text::money_label() }</span>
                    <strong data-testid="earned-today" data-value={today.to_string()}>{ format::amount(today) }</strong>
                    <span>{ text::money_today(lull.asset()) }</span>
                </p>
                <p class="money-all" data-testid="earned-all" data-value={all.to_string()}>
                    <a href={Route::Wallet.href()} data-testid="wallet">
                        { standing_out(&text::money_all(&text::marked(&format::amount(all)))) }{ Icon::Next.draw() }
                    </a>
                </p>
                { payouts(view) }
                <TakeBack lull={lull.clone()} />
                // A judgment on screen is what is to be said.
                <div class="credit-place" role={view.judgment.is_none().then_some("status")}>
                    if let Some(credit) = credit {
                        <a class="credit" key={credit.offer.clone()} data-testid="credit" data-offer={credit.offer.clone()}
                            href={Route::Receipt(credit.offer.clone()).href()} title={text::credit_open()}>
                            { format::credit_of(credit.amount, lull.asset()) }
                            { Icon::Next.draw() }
                        </a>
                    }
                </div>
            </div>
            <div class="shore-place" key={wave} data-rolls={credit.is_some().to_string()}>{ icons::shore() }</div>
        </>
    }
}

/// What is to be paid out, what is on its way, what was paid; nothing where nobody is paid out.
fn payouts(view: &View) -> Html {
    let Some(payouts) = view.wallet.payouts else { return html! {} };
    let [payable, way, paid] = [view.account.payable, payouts.in_payout, payouts.paid].map(format::amount);
    html! {
        <p class="money-paid" data-testid="money-paid">
            { text::wallet_money(&payable, &way, &paid) }
            if payouts.is_test {
                <span class="test">{ text::wallet_test() }</span>
            }
        </p>
    }
}

/// What the wallet's page waits for.
fn wallet_line(view: &View) -> Html {
    let Some(call) = view.wallet.call else { return html! {} };
    let (code, what, look) = match call {
        WalletCall::Rebinding => ("rebinding", text::wallet_call_rebinding(), text::wallet_call_rebinding_text()),
        WalletCall::Asked => ("asked", text::wallet_call_asked(), text::wallet_call_asked_text()),
        WalletCall::Trouble => ("trouble", text::wallet_call_trouble(), text::wallet_call_trouble_text()),
        WalletCall::News => ("news", text::wallet_call_news(), text::wallet_call_news_text()),
    };
    html! {
        <a class="line wallet-call" href={Route::Wallet.href()} data-testid="wallet-call" data-call={code}>
            { Icon::Warning.draw() }
            <span class="line-words"><span role="status">{ what }</span><span class="quiet">{ look }</span></span>
            { Icon::Next.draw() }
        </a>
    }
}

/// What there is to do now: the judgment, or why there is none.
fn work(lull: &Lull, view: &View) -> Html {
    let settings = &view.settings;
    let button = |command: Command, label: &'static str| {
        html! { <button class="button primary" onclick={lull.on_click(command)}>{ label }</button> }
    };
    if settings.paused {
        let go_on = button(Command::SetPaused { on: false }, text::go_on());
        let until = view.limits.paused_until.map(|at_ms| text::paused_until(&format::soon(at_ms)));
        return calm(text::paused_title(), until.as_deref().unwrap_or(text::paused_text()), go_on);
    }
    if !settings.judgments {
        let switch_on = button(Command::SetJudgments { on: true }, text::off_button());
        return calm(text::off_title(), text::off_text(), switch_on);
    }
    if let Some(practice) = &view.practice {
        return html! {
            <PracticeCard key={practice.practice.clone()} lull={lull.clone()} practice={practice.clone()} />
        };
    }
    match (&view.operator, &view.judgment) {
        (Some(operator), _) if !settings.card_seen => ask(lull, operator),
        (_, Some(judgment)) => html! {
            <JudgmentCard lull={lull.clone()} judgment={judgment.clone()} waiting={view.judgments_waiting} />
        },
        (_, None) if view.link == Link::Connected => calm(text::quiet_title(), text::quiet_text(), html! {}),
        (_, None) => calm(text::offline_title(), text::offline_text(), html! {}),
    }
}

/// Answers that were rejected, for as long as the person may appeal.
fn contested_line(view: &View) -> Html {
    let Some(contested) = &view.contested else { return html! {} };
    html! {
        <a class="line contested" href={Route::Receipt(contested.offer.clone()).href()} data-testid="contested">
            { Icon::Warning.draw() }
            <span class="line-words">
                <span role="status">{ text::contested(contested.count.into()) }</span>
                <span class="quiet">{ text::contested_look(&format::day_time(contested.until)) }</span>
            </span>
            { Icon::Next.draw() }
        </a>
    }
}

/// The bandwidth line, or the quiet offer to lend some.
fn bandwidth_line(view: &View) -> Html {
    let bandwidth = &view.bandwidth;
    if matches!(bandwidth.state, BandwidthState::Absent | BandwidthState::Forbidden | BandwidthState::NotAllowed) {
        return html! {};
    }
    if bandwidth.state == BandwidthState::Off {
        let paid = view.activities.iter().filter(|activity| activity.amount > 0).count();
        return if paid >= LEND_AFTER_CREDITS {
            lend()
        } else {
            html! {}
        };
    }
    let (word, sentence) = words::bandwidth(bandwidth.state);
    let limited = words::limits::limited(view);
    let sentence = limited.as_deref().unwrap_or(sentence);
    html! {
        <a class="line" href={Route::Bandwidth.href()} data-testid="bandwidth-state"
            data-state={state_code(bandwidth.state)}>
            { Icon::Globe.draw() }
            <span class="line-words">
                <span>{ text::bandwidth_is(word) }</span>
                <span class="quiet">{ site_or(bandwidth, sentence) }</span>
            </span>
            <span class="quiet" dir="auto">{ format::bytes(bandwidth.bytes) }</span>
            { Icon::Next.draw() }
        </a>
    }
}

/// The site of the moment, or what else there is to say.
pub(crate) fn site_or(bandwidth: &Bandwidth, sentence: &str) -> Html {
    match &bandwidth.site {
        Some(site) => html! { <bdi>{ site }</bdi> },
        None => html! { sentence.to_owned() },
    }
}

fn lend() -> Html {
    html! {
        <section class="lend" aria-labelledby="lend-title">
            { Icon::Globe.draw() }
            <div><h2 id="lend-title">{ text::lend_ask() }</h2><p class="quiet">{ text::lend_text() }</p></div>
            <button class="button small" data-testid="lend" onclick={|_| open_tab(Route::Bandwidth)}>
                { text::lend_show() }
            </button>
        </section>
    }
}
