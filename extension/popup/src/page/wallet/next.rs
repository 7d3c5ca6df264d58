//! "Your next payout: 1.20, fee 0.0003, now": what it is, when the person wants it, and the way to have it at once.

use lull_view::{Amount, Command, NextPayout, Schedule, Weekday, When};
use web_sys::{Event, HtmlInputElement, HtmlSelectElement};
use yew::{Callback, Html, Properties, TargetCast, component, html};

use crate::format;
use crate::model::Lull;
use crate::text;
use crate::words::wallet as words;

/// Base units in one of what people count.
const UNITS_PER_ONE: f64 = 1e6;
/// An amount to begin with, base units.
const AMOUNT_FIRST: u64 = 500_000;

#[derive(PartialEq, Properties)]
pub(super) struct NextProps {
    pub(super) lull: Lull,
    pub(super) next: NextPayout,
    pub(super) schedule: Schedule,
    pub(super) is_connected: bool,
    /// When payouts are held until, in words.
    pub(super) after: Option<String>,
}

/// The card.
#[component]
pub(super) fn Next(props: &NextProps) -> Html {
    let NextProps { lull, next, schedule, .. } = props;
    let asset = lull.asset();
    let on_line = |command: Command| if props.is_connected { lull.on_click(command) } else { Callback::noop() };
    let is_disabled = (!props.is_connected).then_some("true");
    let agree = Command::PayWhen { schedule: *schedule, account_agreed: next.account };
    html! {
        <section class="card next" data-testid="next-payout">
            <h2>{ text::wallet_next() }</h2>
            if next.earnings == Amount::ZERO {
                <p class="quiet">{ text::wallet_next_none() }</p>
            } else {
                <p class="next-amount" data-testid="next-amount" data-value={next.arrives.get().to_string()}>
                    <strong>{ format::amount(next.arrives.get()) }</strong>
                    <span class="quiet">{ asset }</span>
                    <span class="next-when" data-testid="next-when" data-when={words::when_code(next.when)}>
                        { props.after.clone().unwrap_or_else(|| words::when(next.when, asset)) }
                    </span>
                </p>
                <p class="quiet">{ costs(next, asset) }</p>
            }
            if next.when == When::AfterYes {
                <div class="account" data-testid="account">
                    <p>{ text::wallet_account_text(&format::amount_of(next.account.get(), asset)) }</p>
                    <button class="button" data-testid="account-yes" aria-disabled={is_disabled} onclick={on_line(agree)}>
                        { text::wallet_account_yes(&format::amount(next.account.get())) }
                    </button>
                </div>
            } else if words::may_pay_now(next) {
                <p><button class="button primary" data-testid="pay-now" aria-disabled={is_disabled}
                    onclick={on_line(Command::PayNow)}>{ text::wallet_pay_now() }</button></p>
            }
            { chooser(props) }
            <p class="quiet">{ text::wallet_when_text() }{ " " }{ text::wallet_next_all() }</p>
        </section>
    }
}

fn costs(next: &NextPayout, asset: &str) -> String {
    let fee = text::wallet_next_fee(&format::amount_of(next.fee.get(), asset));
    if next.account == Amount::ZERO {
        return fee;
    }
    let account = text::wallet_next_account(&format::amount_of(next.account.get(), asset));
    [fee, account].join(" · ")
}

/// When the person wants to be paid. What they agreed to for a token account goes with it, or would be taken back.
fn chooser(props: &NextProps) -> Html {
    let (wire, next, is_connected) = (props.lull.wire.clone(), props.next, props.is_connected);
    let send = Callback::from(move |schedule: Schedule| {
        if is_connected {
            let account_agreed = words::agreed(&next);
            wire.send(Command::PayWhen { schedule, account_agreed });
        }
    });
    let chosen = words::schedule_code(props.schedule);
    let (choose, schedule) = (send.clone(), props.schedule);
    let change = Callback::from(move |event: Event| {
        let Some(field) = event.target_dyn_into::<HtmlSelectElement>() else { return };
        if let Some(chosen) = schedule_of(&field.value(), schedule) {
            choose.emit(chosen);
        }
    });
    let option = |code: &'static str, name: String| {
        html! { <option value={code} selected={code == chosen}>{ name }</option> }
    };
    let day =
        |day: Weekday| option(words::schedule_code(Schedule::Weekly(day)), text::wallet_when_on(&words::day(day)));
    html! {
        <>
            <label class="select-row">
                <span>{ text::wallet_when() }</span>
                <select data-testid="pay-when" disabled={!props.is_connected} onchange={change}>
                    { option("now", text::wallet_when_now().to_owned()) }
                    { option("at", text::wallet_when_at().to_owned()) }
                    { for Weekday::ALL.into_iter().map(day) }
                </select>
            </label>
            if let Schedule::At(amount) = props.schedule {
                { amount_field(props, amount, send) }
            }
        </>
    }
}

fn schedule_of(code: &str, before: Schedule) -> Option<Schedule> {
    match code {
        "now" => Some(Schedule::Now),
        "at" => {
            let first = Amount::new(AMOUNT_FIRST).unwrap_or_default();
            Some(if let Schedule::At(_) = before { before } else { Schedule::At(first) })
        }
        _ => {
            let is_it = |day: &Weekday| words::schedule_code(Schedule::Weekly(*day)) == code;
            Weekday::ALL.into_iter().find(is_it).map(Schedule::Weekly)
        }
    }
}

fn amount_field(props: &NextProps, amount: Amount, send: Callback<Schedule>) -> Html {
    let shown = format::plain(amount.get() as f64 / UNITS_PER_ONE);
    let value = shown.clone();
    let change = Callback::from(move |event: Event| {
        let Some(field) = event.target_dyn_into::<HtmlInputElement>() else { return };
        let typed = field.value_as_number();
        // `as` saturates; what is no amount is put back.
        let amount = (typed.is_finite() && typed > 0.0).then(|| Amount::new((typed * UNITS_PER_ONE).round() as u64));
        match amount.flatten() {
            Some(amount) => send.emit(Schedule::At(amount)),
            None => field.set_value(&shown),
        }
    });
    html! {
        <label class="select-row">
            <span>{ text::wallet_when_amount(props.lull.asset()) }</span>
            <input data-testid="pay-at" type="number" inputmode="decimal" step="any" min="0" {value}
                disabled={!props.is_connected} onchange={change} />
        </label>
    }
}
