//! Browsers of the wallet that take each other's place, and what happened to the wallet.

use lull_view::{Amount, Command, PublicKey, Rebinding, Wallet, WalletEvent, WalletNews};
use yew::{Html, html};

use super::Shown;
use crate::format;
use crate::icons::Icon;
use crate::text;
use crate::words::wallet as words;

/// What is undecided: others' wishes, which can be stopped, and this browser's own.
pub(super) fn rebindings(shown: &Shown<'_>) -> Html {
    html! { <>{ for shown.state.rebinds.iter().map(|rebinding| card(shown, rebinding)) }</> }
}

fn card(shown: &Shown<'_>, rebinding: &Rebinding) -> Html {
    let time = format::day_time(shown.local(rebinding.due));
    if is_own(shown, &rebinding.worker) {
        return html! {
            <section class="card" data-testid="rebind-own">
                <h2>{ text::wallet_rebind_own() }</h2>
                <p>{ text::wallet_rebind_own_text(&rebinding.lost.short(), &time) }</p>
            </section>
        };
    }
    let lost = match is_own(shown, &rebinding.lost) {
        true => text::wallet_rebind_this().to_owned(),
        false => text::wallet_rebind_other(&rebinding.lost.short()),
    };
    let is_vetoed = shown.told.vetoed.contains(&rebinding.yes);
    // A no is kept until there is a connection.
    let veto = shown.lull.on_click(Command::WalletVeto { yes: rebinding.yes });
    html! {
        <section class="card threat" data-testid="rebind-threat" key={rebinding.yes.to_string()}>
            <h2>{ Icon::Warning.draw() }{ text::wallet_rebind_threat() }</h2>
            <p role="status">{ lost }</p>
            <p>{ text::wallet_rebind_by(&rebinding.worker.short(), &time) }</p>
            if is_vetoed {
                <p class="quiet" role="status" data-testid="veto-said">{ text::wallet_veto_said() }</p>
            } else {
                <p><button class="button danger" data-testid="veto" onclick={veto}>{ text::wallet_veto() }</button></p>
            }
        </section>
    }
}

/// What happened, until the person says that they know.
pub(super) fn news(shown: &Shown<'_>) -> Html {
    let Some(last) = shown.state.news.last() else { return html! {} };
    let row = |news: &WalletNews| {
        html! {
            <li key={news.number.to_string()}>
                <span class="quiet">{ format::day_time(shown.local(news.at)) }</span>
                <span>{ sentence(shown, &news.what) }</span>
            </li>
        }
    };
    html! {
        <section class="card news" data-testid="wallet-news">
            <h2>{ text::wallet_news() }</h2>
            <ul>{ for shown.state.news.iter().map(row) }</ul>
            <p><button class="button small" data-testid="news-known" aria-disabled={shown.is_disabled()}
                onclick={shown.on_line(Command::WalletNewsKnown { number: last.number })}>{ text::wallet_news_known() }</button></p>
        </section>
    }
}

fn sentence(shown: &Shown<'_>, what: &WalletEvent) -> String {
    let name = |key: &PublicKey| browser(shown, key);
    match what {
        WalletEvent::PaidTo { wallet, before, held_until } => {
            let until = held_until.map(|at| format::day_time(shown.local(at)));
            match (before, until) {
                (Some(before), Some(until)) => {
                    text::wallet_news_paid_to_held(&words::short(wallet), &words::short(before), &until)
                }
                (None, Some(until)) => text::wallet_news_paid_to_held_first(&words::short(wallet), &until),
                (_, None) => text::wallet_news_paid_to(&words::short(wallet)),
            }
        }
        WalletEvent::Left { wallet, stays, arrives } => {
            let amount = |units: &Amount| format::amount_of(units.get(), shown.asset());
            let (wallet, stays) = (words::short(wallet), amount(stays));
            if *arrives == Amount::ZERO {
                text::wallet_news_left(&wallet, &stays)
            } else {
                text::wallet_news_left_arrives(&wallet, &stays, &amount(arrives))
            }
        }
        WalletEvent::Rebinding(who) => text::wallet_news_rebinding(&name(&who.worker), &name(&who.lost)),
        WalletEvent::Vetoed { rebinding: who, by } => {
            text::wallet_news_vetoed(&name(by), &name(&who.worker), &name(&who.lost))
        }
        WalletEvent::Rebound(who) => text::wallet_news_rebound(&name(&who.worker), &name(&who.lost)),
        WalletEvent::Lapsed(who) => text::wallet_news_lapsed(&name(&who.worker), &name(&who.lost)),
        WalletEvent::PutOut { wallet, by, stays, arrives } => put_out(shown, (wallet, by), *stays, *arrives),
        WalletEvent::OtherPutOut { worker, by } if is_own(shown, by) => text::wallet_news_put_out_own(&name(worker)),
        WalletEvent::OtherPutOut { worker, by } => text::wallet_news_put_out_other(&name(worker), &name(by)),
        WalletEvent::Scheduled { by, schedule } => {
            text::wallet_news_scheduled(&name(by), &words::scheduled(*schedule, shown.asset()))
        }
    }
}

/// This browser was put out: by whom, and what becomes of what it has earned.
fn put_out(shown: &Shown<'_>, (wallet, by): (&Wallet, &PublicKey), stays: Amount, arrives: Amount) -> String {
    let amount = |units: Amount| format::amount_of(units.get(), shown.asset());
    let (wallet, by, stays) = (words::short(wallet), browser(shown, by), amount(stays));
    if arrives == Amount::ZERO {
        text::wallet_news_put_out(&wallet, &by, &stays)
    } else {
        text::wallet_news_put_out_arrives(&wallet, &by, &stays, &amount(arrives))
    }
}

/// A browser by its fingerprint, or as this one.
pub(super) fn browser(shown: &Shown<'_>, key: &PublicKey) -> String {
    if is_own(shown, key) { text::wallet_browser_this().to_owned() } else { key.short() }
}

pub(super) fn is_own(shown: &Shown<'_>, key: &PublicKey) -> bool {
    key.short() == shown.view.worker
}
