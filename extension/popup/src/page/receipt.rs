//! A receipt: item, offer, result, verdict, and what came before it, as a chain, checked in this browser, and what happens when
//! a byte is changed.

use js_sys::Math;
use lull_view::{ChangeByte, ChangedByte, Command, ReceiptCheck, ReceiptPart, ReceiptView, Reply};
use yew::{
    Callback, Html, MouseEvent, NodeRef, Properties, classes, component, hook, html, use_effect_with, use_node_ref,
    use_state, use_state_eq,
};

use super::appeal::Appeal;
use crate::format;
use crate::icons::Icon;
use crate::model::Lull;
use crate::parts::{Skeleton, calm, failed, focus, title_bar};
use crate::text;
use crate::words::receipt as words;

/// The parts in the order in which bytes are changed for show.
const CHANGE_ORDER: [&str; 8] =
    ["offer", "verdict", "result", "item", "rejection", "appeal", "reversal", "reversal_end"];

/// Failed checks that are told at the top; each is told where it belongs, too.
const FAILURES_TOLD_MAX: usize = 2;

#[derive(PartialEq, Properties)]
pub(crate) struct ReceiptProps {
    pub(crate) lull: Lull,
    pub(crate) offer: String,
}

/// What is known of the receipt.
#[derive(Clone, PartialEq)]
enum Opened {
    Asking,
    None,
    Failed(String),
    Some(ReceiptView),
}

/// The page.
#[component]
pub(crate) fn Receipt(props: &ReceiptProps) -> Html {
    let change = use_state_eq(|| None::<ChangeByte>);
    let changes = use_state(|| 0_usize);
    let spoiler = use_node_ref();
    let opened = use_opened(&props.lull, &props.offer, &change);
    let body = match &opened {
        Opened::Asking => html! { <Skeleton /> },
        Opened::None => calm(text::receipt_none(), text::receipt_none_text(), html! {}),
        Opened::Failed(error) => failed(text::receipt_none(), error),
        Opened::Some(receipt) => {
            let next = next_change(&receipt.parts, *changes);
            let (count, change_setter, changes_setter) = (*changes, change.setter(), changes.setter());
            let spoil = Callback::from(move |_| {
                change_setter.set(next.clone());
                changes_setter.set(count + 1);
            });
            let (change_setter, stays) = (change.setter(), spoiler.clone());
            let undo = Callback::from(move |_| {
                change_setter.set(None);
                // This button goes; the other one stays.
                focus(&stays);
            });
            chain(&props.lull, receipt, &spoiler, spoil, undo)
        }
    };
    html! {
        <div class="page">
            { title_bar(text::receipt()) }
            { body }
        </div>
    }
}

/// Opens the receipt, and again when the work's state, what is held against it or the changed byte is another.
#[hook]
fn use_opened(lull: &Lull, offer: &str, change: &Option<ChangeByte>) -> Opened {
    let opened = use_state_eq(|| Opened::Asking);
    let view = lull.model.view.as_ref();
    let state = view.and_then(|view| {
        view.activities.iter().find(|activity| activity.offer == offer).map(|activity| activity.state)
    });
    let reviews = view.map(|view| view.reviews);
    let (wire, setter) = (lull.wire.clone(), opened.setter());
    use_effect_with((offer.to_owned(), change.clone(), state, reviews), move |(offer, change, ..)| {
        let done = Callback::from(move |reply| match reply {
            Reply::Receipt { receipt: Some(receipt) } => setter.set(Opened::Some(receipt)),
            Reply::Receipt { receipt: None } => setter.set(Opened::None),
            Reply::Failed { error } => setter.set(Opened::Failed(error)),
            _ => {}
        });
        wire.ask(Command::OpenReceipt { offer: offer.clone(), change: change.clone() }, done);
    });
    (*opened).clone()
}

fn chain(
    lull: &Lull,
    receipt: &ReceiptView,
    spoiler: &NodeRef,
    spoil: Callback<MouseEvent>,
    undo: Callback<MouseEvent>,
) -> Html {
    let label = if receipt.changed.is_some() { text::change_another() } else { text::change_byte() };
    html! {
        <div class="receipt" data-testid="receipt">
            if let Some(rejection) = receipt.rejection {
                <Appeal lull={lull.clone()} receipt={receipt.clone()} {rejection} />
            }
            { finding(receipt) }
            <div class="receipt-acts">
                <button ref={spoiler.clone()} class="button danger" data-testid="change-byte" onclick={spoil}>
                    { label }
                </button>
                if receipt.changed.is_some() {
                    <button class="button" data-testid="undo" onclick={undo}>{ text::undo() }</button>
                } else {
                    <p class="quiet">{ text::change_why() }</p>
                }
            </div>
            <ol class="chain">
                { for receipt.parts.iter().map(|part| html! { <li key={part.part.clone()}>{ link(part, receipt) }</li> }) }
            </ol>
        </div>
    }
}

/// Another byte of another part than the last time.
fn next_change(parts: &[ReceiptPart], count: usize) -> Option<ChangeByte> {
    let held: Vec<&ReceiptPart> =
        CHANGE_ORDER.iter().filter_map(|name| parts.iter().find(|p| p.part == *name)).collect();
    let part = held.get(count.checked_rem(held.len())?)?;
    Some(ChangeByte { part: part.part.clone(), offset: (Math::random() * part.content.len() as f64) as u64 })
}

/// The outcome of all checks, told first.
fn finding(receipt: &ReceiptView) -> Html {
    let (class, icon, title) = match (receipt.valid, has_verdict(receipt)) {
        (true, true) => ("holds", Icon::Check, text::receipt_valid()),
        (true, false) => ("open", Icon::Clock, text::receipt_open()),
        (false, _) => ("broken", Icon::Cross, text::receipt_broken()),
    };
    html! {
        <div class={classes!("finding", class)} role="status" data-testid="receipt-valid"
            data-valid={receipt.valid.to_string()} data-field={receipt.changed.as_ref().map(|change| words::field(&change.field))}>
            <span class="finding-icon">{ icon.draw() }</span>
            <div>
                <h2>{ title }</h2>
                <p>{ finding_text(receipt) }</p>
            </div>
        </div>
    }
}

fn has_verdict(receipt: &ReceiptView) -> bool {
    receipt.parts.iter().any(|part| part.part == "verdict")
}

fn finding_text(receipt: &ReceiptView) -> Html {
    let failed = receipt.checks.iter().filter(|check| check.error.is_some());
    let more = failed.clone().count().saturating_sub(FAILURES_TOLD_MAX);
    let failures = html! {
        <>
            { for failed.take(FAILURES_TOLD_MAX).map(|check| html! { <>{ text::sentence(failure_of(check)) }{ " " }</> }) }
            if more > 0 { { text::more_fail(more as u64) } }
        </>
    };
    match &receipt.changed {
        Some(change) => {
            let said = words::changed(change);
            let [before, field, after] = text::standing_out(&said);
            html! { <>{ before }<em>{ field }</em>{ after }{ " " }{ failures }</> }
        }
        None if !receipt.valid => failures,
        None if has_verdict(receipt) => html! { text::receipt_valid_text() },
        None => html! { text::receipt_open_text() },
    }
}

fn failure_of(check: &ReceiptCheck) -> &str {
    let (_, fails) = words::check(&check.check);
    fails
}

/// One link of the chain.
fn link(part: &ReceiptPart, receipt: &ReceiptView) -> Html {
    let (name, what) = words::part(&part.part);
    let checks: Vec<&ReceiptCheck> = receipt.checks.iter().filter(|check| check.part == part.part).collect();
    let broken = checks.iter().any(|check| check.error.is_some());
    let changed = receipt.changed.as_ref().filter(|change| change.part == part.part);
    html! {
        <section class={classes!("card", "part", broken.then_some("broken"))} data-part={part.part.clone()}>
            <header>
                <h3>{ name }</h3>
                <p class="quiet">
                    { what }{ " · " }<span class="signer">{ words::signer(part.signer()) }</span>
                </p>
            </header>
            <ul class="checks">{ for checks.iter().map(|check| check_row(check)) }</ul>
            <dl class="pairs">
                { for receipt.fields(part).iter().map(|(field, value)| field_row(field, value, changed)) }
            </dl>
            <details class="bytes">
                <summary>{ text::receipt_bytes(&format::bytes(part.content.len() as u64)) }</summary>
                <p class="code" dir="ltr">{ &part.hash }</p>
            </details>
        </section>
    }
}

fn check_row(check: &ReceiptCheck) -> Html {
    let (holds, _) = words::check(&check.check);
    match &check.error {
        None => html! { <li class="holds">{ Icon::Check.draw() }<span>{ holds }</span></li> },
        Some(error) => html! {
            <li class="fails">{ Icon::Cross.draw() }<span>{ failure_of(check) }<span class="quiet" lang="en" dir="ltr">{ error }</span></span></li>
        },
    }
}

fn field_row(field: &str, value: &str, changed: Option<&ChangedByte>) -> Html {
    let here = changed.is_some_and(|change| change.field == field);
    let is_time = ["deadline", "appeal_until", "at"].contains(&field) || field.ends_with("_at");
    let shown = match is_time.then(|| format::instant(value)).flatten() {
        Some(local) => html! { <dd dir="auto" title={value.to_owned()}>{ local }</dd> },
        None => html! { <dd dir="auto">{ value }</dd> },
    };
    html! { <div class={here.then_some("changed")}><dt>{ words::field(field) }</dt>{ shown }</div> }
}
