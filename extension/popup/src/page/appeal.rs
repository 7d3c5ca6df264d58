//! A rejected answer, or money that was paid and is contested: what is held against it, until when the person may appeal,
//! the one button, and the result.

use std::cell::Cell;

use lull_view::{APPEAL_BYTES_MAX, Command, ReceiptView, RejectionView};
use web_sys::{Element, HtmlTextAreaElement};
use yew::{
    Callback, Html, InputEvent, NodeRef, Properties, TargetCast, component, hook, html, use_effect_with, use_node_ref,
    use_ref, use_state_eq,
};

use crate::format;
use crate::icons::Icon;
use crate::model::Lull;
use crate::parts::focus_in_place;
use crate::single_keys::storage;
use crate::text;
use crate::words::review as words;

/// Where the words of an appeal are until it is made: the offer and what was typed.
const WORDS_KEY: &str = "appeal";

#[derive(PartialEq, Properties)]
pub(crate) struct AppealProps {
    pub(crate) lull: Lull,
    pub(crate) receipt: ReceiptView,
    pub(crate) rejection: RejectionView,
}

/// The card above the receipt's chain.
#[component]
pub(crate) fn Appeal(props: &AppealProps) -> Html {
    let AppealProps { lull, receipt, rejection } = props;
    let title = use_node_ref();
    let words = use_state_eq(|| remembered(&receipt.offer));
    let (state, (name, text)) = standing(receipt, rejection);
    let may_appeal = !rejection.is_appealed && !rejection.is_over;
    use_kept_focus(&receipt.offer, may_appeal, &title);
    let (offer, setter) = (receipt.offer.clone(), words.setter());
    let typed = Callback::from(move |event: InputEvent| {
        if let Some(field) = event.target_dyn_into::<HtmlTextAreaElement>() {
            remember(&offer, &field.value());
            setter.set(field.value());
        }
    });
    let bytes = words.trim().len();
    let is_long = bytes > APPEAL_BYTES_MAX;
    let command = Command::Appeal { offer: receipt.offer.clone(), words: (*words).clone() };
    let appeal = if is_long { Callback::noop() } else { lull.on_click(command) };
    html! {
        <section class="card rejected" data-testid="rejection" data-state={state} aria-labelledby="rejection-title">
            <h2 id="rejection-title" data-testid="rejection-title" tabindex="-1" ref={title}>
                { Icon::Warning.draw() }{ name }
            </h2>
            <p role="status">{ text }</p>
            <h3>{ if receipt.is_contested_money() { text::reversal_why() } else { text::rejection_why() } }</h3>
            <blockquote dir="auto" data-testid="evidence">{ receipt.evidence().unwrap_or_default() }</blockquote>
            if let Some(said) = receipt.appeal_words() {
                <h3>{ text::appeal_yours() }</h3>
                <blockquote dir="auto">{ said }</blockquote>
            }
            if may_appeal {
                <label for="appeal-words">{ text::appeal_words() }</label>
                <p class="quiet" id="appeal-readers">{ text::appeal_readers() }</p>
                <textarea id="appeal-words" data-testid="appeal-words" rows="3" dir="auto" value={(*words).clone()}
                    oninput={typed} aria-invalid={is_long.to_string()} aria-describedby="appeal-readers appeal-long" />
                <p class="wrong" id="appeal-long" data-testid="appeal-long" role="status">
                    if is_long {
                        { text::appeal_long(&format::count(bytes as u64), &format::count(APPEAL_BYTES_MAX as u64)) }
                    }
                </p>
                <button class="button primary" data-testid="appeal" aria-disabled={is_long.to_string()} onclick={appeal}>
                    { text::appeal() }
                </button>
            }
        </section>
    }
}

/// When the form goes, and the focus with it, the card's title takes it; what was typed is no longer needed.
#[hook]
fn use_kept_focus(offer: &str, may_appeal: bool, title: &NodeRef) {
    let (before, title, offer) = (use_ref(|| Cell::new(may_appeal)), title.clone(), offer.to_owned());
    use_effect_with(may_appeal, move |&may_appeal| {
        if !before.replace(may_appeal) || may_appeal {
            return;
        }
        if !remembered(&offer).is_empty() {
            // Storage that fails keeps some words for too long.
            let _ = storage().map(|storage| storage.remove_item(WORDS_KEY));
        }
        let document = web_sys::window().and_then(|window| window.document());
        if document.is_some_and(|d| d.active_element() == d.body().map(Element::from)) {
            focus_in_place(&title);
        }
    });
}

/// What was typed before the popup closed. Without storage it is typed again.
fn remembered(offer: &str) -> String {
    let words = storage().and_then(|storage| storage.get_item(WORDS_KEY).ok().flatten()).unwrap_or_default();
    words.split_once(' ').filter(|(of, _)| *of == offer).map(|(_, words)| words.to_owned()).unwrap_or_default()
}

fn remember(offer: &str, words: &str) {
    // See above.
    let _ = storage().map(|storage| storage.set_item(WORDS_KEY, &format!("{offer} {words}")));
}

/// A code, and where it stands in words.
fn standing(receipt: &ReceiptView, rejection: &RejectionView) -> (&'static str, (&'static str, String)) {
    let owned = |(title, text): (&'static str, &str)| (title, text.to_owned());
    if receipt.is_contested_money() {
        return match (receipt.ending(), rejection.is_appealed) {
            (Some(ending), _) => ("over", owned(words::money_ended(ending))),
            (None, true) => ("appealed", owned(words::money_waits(rejection.is_delivered))),
            (None, false) => {
                let until = format::day_time(rejection.appeal_until);
                ("open", (text::reversal_open(), text::reversal_open_text(&until)))
            }
        };
    }
    match (rejection.is_over, rejection.is_appealed) {
        (true, appealed) => ("over", owned(words::ended(receipt.verdict_reason(), appealed))),
        (false, true) => ("appealed", owned(words::waiting(rejection.is_delivered))),
        (false, false) => {
            ("open", (text::rejection_open(), text::rejection_open_text(&format::day_time(rejection.appeal_until))))
        }
    }
}
