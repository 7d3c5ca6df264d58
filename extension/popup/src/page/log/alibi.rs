//! The alibi as a page to print and a file to hand over. The document is in English in every language of Lull, as is the
//! file: it is for whoever asks, and `lull verify-alibi` prints the same.

use lull_view::{AlibiFacts, AlibiSection};
use yew::{Callback, Html, Properties, component, html, use_state_eq};

use super::entry::{Opened, use_entry};
use crate::model::Lull;
use crate::parts::{Skeleton, calm, title_bar};
use crate::save::save;
use crate::text;

/// Digits of the order that the file's name carries.
const NAME_DIGITS: usize = 8;

#[derive(PartialEq, Properties)]
pub(crate) struct AlibiProps {
    pub(crate) lull: Lull,
    pub(crate) number: u64,
}

/// The page.
#[component]
pub(crate) fn Alibi(props: &AlibiProps) -> Html {
    let said = use_state_eq(|| "");
    let opened = use_entry(&props.lull, props.number);
    let facts = match opened {
        Opened::Asking => return html! { <Skeleton /> },
        Opened::Some(detail) => detail.alibi,
        Opened::None | Opened::Failed(_) => None,
    };
    let setter = said.setter();
    html! {
        <div class="page alibi">
            { title_bar(text::log_alibi()) }
            if let Some(facts) = facts {
                <p class="quiet no-print">{ text::log_alibi_lead() }</p>
                { acts(&facts, Callback::from(move |word| setter.set(word)), *said) }
                <article data-testid="alibi" lang="en" dir="ltr">{ for facts.words().iter().map(section) }</article>
            } else {
                { calm(text::log_alibi_none(), text::log_alibi_none_text(), html! {}) }
            }
        </div>
    }
}

fn acts(facts: &AlibiFacts, said: Callback<&'static str>, word: &'static str) -> Html {
    let file = facts.file();
    let name = format!("lull-alibi-{}-{}.json", facts.issued_at, facts.order.get(..NAME_DIGITS).unwrap_or_default());
    let keep = Callback::from(move |_| {
        let is_saved = save(std::slice::from_ref(&file), &name, "application/json").is_ok();
        said.emit(if is_saved { text::export_done() } else { text::export_failed() });
    });
    let print = |_| {
        if let Some(window) = web_sys::window() {
            // A browser without a printer shows why by itself.
            let _ = window.print();
        }
    };
    html! {
        <p class="acts no-print">
            <button class="button primary" data-testid="alibi-print" onclick={print}>{ text::log_alibi_print() }</button>
            <button class="button" data-testid="alibi-save" onclick={keep}>{ text::log_alibi_save() }</button>
            <span role="status">{ word }</span>
        </p>
    }
}

fn section(section: &AlibiSection) -> Html {
    html! {
        <section>
            <h2>{ section.title }</h2>
            { for section.lines.iter().map(|line| html! { <p>{ line }</p> }) }
        </section>
    }
}
