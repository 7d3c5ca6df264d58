//! From no wallet to one: the offer, the wait for the wallet's page, and the wallet that is connected.

use lull_view::{Command, Purpose, WalletBrowser};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use yew::{Callback, Html, Properties, UseStateSetter, component, html, use_state_eq};

use super::Shown;
use super::rebind::is_own;
use crate::format;
use crate::text;
use crate::words::wallet as words;

/// Opens the wallet's page in a tab.
pub(super) fn open(address: String, failed: UseStateSetter<bool>) {
    spawn_local(async move { failed.set(lull_browser::open_address(&address).await.is_err()) });
}

/// What there is to know before, and the way there.
pub(super) fn connect(shown: &Shown<'_>) -> Html {
    html! {
        <section class="card" data-testid="wallet-connect">
            <h2 class="wallet-title">{ text::wallet_connect_title() }</h2>
            <p class="public">{ text::wallet_connect_public() }</p>
            <p>{ text::wallet_connect_how() }</p>
            <p class="quiet">{ text::wallet_connect_wait() }</p>
            <button class="button primary wide" data-testid="connect" aria-disabled={shown.is_disabled()}
                onclick={shown.opens(Purpose::Link)}>{ text::wallet_connect() }</button>
            <details class="lost" data-testid="lost">
                <summary>{ text::wallet_lost() }</summary>
                <p class="quiet">{ text::wallet_lost_text() }</p>
                <button class="button small" data-testid="rebind" aria-disabled={shown.is_disabled()}
                    onclick={shown.opens(Purpose::Rebind)}>{ text::wallet_connect() }</button>
            </details>
        </section>
    }
}

/// The wallet's page is open, and shows this browser's fingerprint.
pub(super) fn waiting(shown: &Shown<'_>, address: &str) -> Html {
    let address = address.to_owned();
    let again = Callback::from(move |_| {
        let address = address.clone();
        // Where the browser opens no tab, the button can be pressed again.
        spawn_local(async move { drop(lull_browser::open_address(&address).await) });
    });
    html! {
        <section class="card" data-testid="wallet-waiting">
            <h2 class="wallet-title" role="status">{ text::wallet_wait_title() }</h2>
            <p class="code key" dir="ltr" data-testid="fingerprint">{ &shown.view.worker }</p>
            <p>{ text::wallet_wait_text() }</p>
            <p class="quiet">{ text::wallet_wait_until() }</p>
            <p class="wallet-acts">
                <button class="button primary" data-testid="open-again" onclick={again}>{ text::wallet_open() }</button>
                <button class="button" data-testid="cancel" onclick={shown.lull.on_click(Command::WalletNo)}>
                    { text::wallet_cancel() }
                </button>
            </p>
        </section>
    }
}

/// The wallet that this browser is paid to.
pub(super) fn connected(shown: &Shown<'_>) -> Html {
    let Some(wallet) = &shown.state.wallet else { return html! {} };
    let held = shown.state.held_until.map(|at| shown.local(at)).filter(|at_ms| *at_ms > format::now_ms());
    html! {
        <section class="card" data-testid="wallet-connected">
            <h2 class="wallet-title">{ text::wallet_paid_to(&words::short(wallet)) }</h2>
            if let Some(at_ms) = held {
                <p class="denied" role="status" data-testid="wallet-held">{ text::wallet_held(&format::day_time(at_ms)) }</p>
            }
            <details>
                <summary>{ text::wallet_whole() }</summary>
                <Copied text={wallet.to_string()} label={text::wallet_copy()} id="wallet-address" />
                <p class="quiet">{ text::wallet_connect_public() }</p>
                <p class="quiet">{ text::wallet_unlink_text() }</p>
            </details>
            { browsers(shown) }
            // One thing at a time.
            if !shown.is_under_way() {
                <p class="wallet-acts">
                    <button class="button small" data-testid="change" aria-disabled={shown.is_disabled()}
                        onclick={shown.opens(Purpose::Change)}>{ text::wallet_change() }</button>
                    <button class="button small" data-testid="unlink" aria-disabled={shown.is_disabled()}
                        onclick={shown.opens(Purpose::Unlink)}>{ text::wallet_unlink() }</button>
                </p>
            }
        </section>
    }
}

/// Whose earnings are paid to this wallet, once there are several; and the way to put one of them out.
fn browsers(shown: &Shown<'_>) -> Html {
    let all = &shown.told.browsers;
    if all.len() < 2 {
        return html! {};
    }
    html! {
        <details class="browsers" data-testid="wallet-browsers">
            <summary>{ text::wallet_browsers(&format::count(all.len() as u64)) }</summary>
            <ul>{ for all.iter().map(|browser| row(shown, browser)) }</ul>
            <p class="quiet">{ text::wallet_browsers_text() }</p>
            if !shown.is_under_way() {
                <p class="wallet-acts"><button class="button small" data-testid="put-out" aria-disabled={shown.is_disabled()}
                    onclick={shown.opens(Purpose::PutOut)}>{ text::wallet_put_out() }</button></p>
            }
        </details>
    }
}

/// Days are those of UTC, whose noon is on the same date nearly everywhere.
const HALF_DAY_MS: u64 = 12 * 60 * 60 * 1_000;

fn row(shown: &Shown<'_>, browser: &WalletBrowser) -> Html {
    html! {
        <li key={browser.worker.to_string()} data-testid="wallet-browser">
            <span><bdi class="code">{ browser.worker.short() }</bdi>
                if is_own(shown, &browser.worker) {
                    <span class="quiet">{ text::wallet_browsers_this() }</span>
                }
            </span>
            if let Some(at) = browser.linked_at {
                <span class="quiet">{ text::wallet_browsers_since(&format::day(shown.local(at))) }</span>
            }
            if let Some(at) = browser.seen_at {
                <span class="quiet">{ text::wallet_browsers_seen(&format::day(at.get().saturating_add(HALF_DAY_MS))) }</span>
            }
        </li>
    }
}

#[derive(PartialEq, Properties)]
pub(super) struct CopiedProps {
    /// What is copied.
    pub(super) text: String,
    /// The button's.
    pub(super) label: &'static str,
    pub(super) id: &'static str,
}

/// A long name with a button that copies it.
#[component]
pub(super) fn Copied(props: &CopiedProps) -> Html {
    let said = use_state_eq(|| "");
    let (text, setter) = (props.text.clone(), said.setter());
    let copy = Callback::from(move |_| {
        let Some(window) = web_sys::window() else { return };
        let (writing, setter) = (window.navigator().clipboard().write_text(&text), setter.clone());
        spawn_local(async move {
            let is_copied = JsFuture::from(writing).await.is_ok();
            setter.set(if is_copied { text::wallet_copied() } else { text::wallet_copy_failed() });
        });
    });
    html! {
        <>
            <p class="code key whole" dir="ltr" data-testid={props.id}>{ &props.text }</p>
            <p class="wallet-acts">
                <button class="button small" onclick={copy}>{ props.label }</button>
                <span class="quiet" role="status">{ *said }</span>
            </p>
        </>
    }
}
