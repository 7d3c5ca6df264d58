//! A rejected answer: what is held against it, until when the person may appeal, the one button, and the result.

use lull_view::{APPEAL_BYTES_MAX, Command, ReceiptView, RejectionView};
use web_sys::HtmlTextAreaElement;
use yew::{Callback, Html, NodeRef, Properties, component, html, use_node_ref, use_state_eq};

use crate::format;
use crate::icons::Icon;
use crate::model::Lull;
use crate::text;
use crate::words::review as words;

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
    let field = use_node_ref();
    let is_long = use_state_eq(|| false);
    let (state, (title, text)) = standing(receipt, rejection);
    let may_appeal = !rejection.is_appealed && !rejection.is_over;
    let (wire, offer, setter, input) = (lull.wire.clone(), receipt.offer.clone(), is_long.setter(), field.clone());
    let appeal = Callback::from(move |_| {
        let words = words_in(&input);
        let fits = words.trim().len() <= APPEAL_BYTES_MAX;
        setter.set(!fits);
        if fits {
            wire.send(Command::Appeal { offer: offer.clone(), words });
        }
    });
    html! {
        <section class="card rejected" data-testid="rejection" data-state={state} aria-labelledby="rejection-title">
            <h2 id="rejection-title" role="status">{ Icon::Warning.draw() }{ title }</h2>
            <p>{ text }</p>
            <h3>{ text::rejection_why() }</h3>
            <blockquote dir="auto" data-testid="evidence">{ receipt.evidence().unwrap_or_default() }</blockquote>
            if let Some(said) = receipt.appeal_words() {
                <h3>{ text::appeal_yours() }</h3>
                <blockquote dir="auto">{ said }</blockquote>
            }
            if may_appeal {
                <label for="appeal-words">{ text::appeal_words() }</label>
                <textarea ref={field} id="appeal-words" data-testid="appeal-words" rows="3" dir="auto"
                    maxlength={APPEAL_BYTES_MAX.to_string()} aria-invalid={is_long.to_string()} />
                if *is_long {
                    <p class="wrong" role="alert">{ text::appeal_long() }</p>
                }
                <button class="button primary" data-testid="appeal" onclick={appeal}>{ text::appeal() }</button>
            }
        </section>
    }
}

fn words_in(field: &NodeRef) -> String {
    field.cast::<HtmlTextAreaElement>().map(|field| field.value()).unwrap_or_default()
}

/// A code, and where it stands in words.
fn standing(receipt: &ReceiptView, rejection: &RejectionView) -> (&'static str, (&'static str, String)) {
    let owned = |(title, text): (&'static str, &str)| (title, text.to_owned());
    match (rejection.is_over, rejection.is_appealed) {
        (true, appealed) => ("over", owned(words::ended(receipt.verdict_reason(), appealed))),
        (false, true) => ("appealed", owned((text::appeal_waits(), text::appeal_waits_text()))),
        (false, false) => {
            ("open", (text::rejection_open(), text::rejection_open_text(&format::day_time(rejection.appeal_until))))
        }
    }
}
