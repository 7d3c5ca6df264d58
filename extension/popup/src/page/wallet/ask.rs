//! "Pay to 9xQe…4fK2?": what the person's yes is asked for, once their wallet has signed in. The yes carries all that is on
//! this card, and the background signs it only if the coordinator asks for the same.

use lull_view::{Command, PublicKey, Purpose, WalletAsked};
use yew::{Callback, Html, Properties, component, html, use_state_eq};

use crate::format;
use crate::model::Lull;
use crate::text;
use crate::words::wallet as words;

#[derive(PartialEq, Properties)]
pub(super) struct AskProps {
    pub(super) lull: Lull,
    pub(super) asked: WalletAsked,
    /// What stays here when the wallet is left, and what still arrives there, base units.
    pub(super) stays: u64,
    pub(super) arrives: u64,
    /// Until when, the browser's clock.
    pub(super) until: u64,
    /// It is asked on the connection of the moment.
    pub(super) may_say: bool,
    /// This browser's fingerprint.
    pub(super) own: String,
}

/// The card.
#[component]
pub(super) fn Ask(props: &AskProps) -> Html {
    let AskProps { lull, asked, .. } = props;
    let lost = use_state_eq(|| None::<PublicKey>);
    let WalletAsked { ticket, purpose, wallet, .. } = *asked;
    let may_say = props.may_say && (!purpose.names_another() || lost.is_some());
    let command = Command::WalletYes { ticket, purpose, wallet, lost: *lost };
    let yes = if may_say { lull.on_click(command) } else { Callback::noop() };
    let setter = lost.setter();
    let choose = Callback::from(move |key| setter.set(Some(key)));
    let (title, label) = match purpose {
        Purpose::Link => (text::wallet_ask(&words::short(&wallet)), text::wallet_yes()),
        Purpose::Change => (text::wallet_ask_change(&words::short(&wallet)), text::wallet_yes()),
        Purpose::Rebind => (text::wallet_ask_rebind().to_owned(), text::wallet_yes_rebind()),
        Purpose::PutOut => (text::wallet_ask_put_out().to_owned(), text::wallet_yes_put_out()),
        Purpose::Unlink => (text::wallet_ask_unlink(&words::short(&wallet)), text::wallet_yes_unlink()),
    };
    html! {
        <section class="card ask" data-testid="wallet-ask" data-purpose={code(purpose)} aria-labelledby="ask-title">
            <h2 class="wallet-title" id="ask-title" role="status">{ title }</h2>
            if purpose.names_another() {
                { others(props, *lost, &choose) }
            }
            if purpose != Purpose::Unlink {
                <p>{ text::wallet_ask_compare() }</p>
            }
            <p class="code key whole" dir="ltr" data-testid="asked-address">{ wallet.to_string() }</p>
            { what_follows(props) }
            <p class="quiet">{ text::wallet_ask_until(&format::soon(props.until)) }</p>
            <p class="wallet-acts">
                <button class="button primary" data-testid="wallet-yes" aria-disabled={(!may_say).then_some("true")}
                    onclick={yes}>{ label }</button>
                <button class="button" data-testid="wallet-no" onclick={lull.on_click(Command::WalletNo)}>
                    { text::wallet_no() }
                </button>
            </p>
        </section>
    }
}

/// What a yes brings with it.
fn what_follows(props: &AskProps) -> Html {
    let asset = props.lull.asset();
    match props.asked.purpose {
        Purpose::Link => html! { <p class="public">{ text::wallet_connect_public() }</p> },
        Purpose::Change => html! {
            <>
                <p class="public">{ text::wallet_connect_public() }</p>
                <p>{ text::wallet_ask_held() }</p>
            </>
        },
        Purpose::Rebind => html! {
            <>
                <p class="public">{ text::wallet_connect_public() }</p>
                <p>{ text::wallet_ask_day() }</p>
            </>
        },
        Purpose::PutOut => html! {
            <>
                <p>{ text::wallet_ask_put_out_text() }</p>
                <p>{ text::wallet_ask_put_out_stays() }</p>
            </>
        },
        Purpose::Unlink => html! {
            <>
                <p>{ text::wallet_ask_stays(&format::amount_of(props.stays, asset)) }</p>
                if props.arrives > 0 {
                    <p>{ text::wallet_ask_arrives(&format::amount_of(props.arrives, asset)) }</p>
                }
            </>
        },
    }
}

/// The other browsers of the wallet, one of which is lost or is put out.
fn others(props: &AskProps, lost: Option<PublicKey>, choose: &Callback<PublicKey>) -> Html {
    let choice = |key: &PublicKey| {
        let (choose, key) = (choose.clone(), *key);
        html! {
            <label class="choice">
                <input type="radio" name="lost" checked={lost == Some(key)} onchange={move |_| choose.emit(key)} />
                <bdi class="code">{ key.short() }</bdi>
            </label>
        }
    };
    let is_lost = props.asked.purpose == Purpose::Rebind;
    let legend = if is_lost { text::wallet_ask_lost() } else { text::wallet_ask_gone() };
    html! {
        <fieldset class="choices" data-testid="lost-choices">
            <legend>{ legend }</legend>
            { for props.asked.others.iter().map(choice) }
            <p class="quiet">{ text::wallet_ask_yours(&props.own) }</p>
        </fieldset>
    }
}

fn code(purpose: Purpose) -> &'static str {
    purpose.as_str()
}
