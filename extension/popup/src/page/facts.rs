//! What Lull can and can't do with a connection: policy's own facts, and a field to try any address.

use lull_policy::FACTS;
use lull_view::View;
use yew::{Html, html};

use super::bandwidth::Try;
use crate::model::Lull;
use crate::parts::title_bar;
use crate::text;
use crate::words::facts::{Side, Told, told};

/// Words of more bytes than this get the whole width.
const LONG_BYTES: usize = 200;

/// The page.
pub(crate) fn facts(lull: &Lull, _: &View) -> Html {
    html! {
        <div class="page can" data-testid="facts">
            { title_bar(text::facts_page()) }
            <p class="lead">{ text::facts_lead() }</p>
            <section class="card">
                <h2>{ text::facts_try() }</h2>
                <Try wire={lull.wire.clone()} />
            </section>
            { side(Side::Can, text::facts_can()) }
            { side(Side::Cannot, text::facts_cannot()) }
            { side(Side::Limit, text::facts_limits()) }
        </div>
    }
}

fn side(side: Side, heading: &'static str) -> Html {
    let class = match side {
        Side::Can => "side-can",
        Side::Cannot => "side-cannot",
        Side::Limit => "side-limit",
    };
    html! {
        <section class={yew::classes!("card", "side", class)}>
            <h2>{ heading }</h2>
            <dl>{ for FACTS.into_iter().map(told).filter(|told| told.side == side).map(fact) }</dl>
        </section>
    }
}

fn fact(told: Told) -> Html {
    html! {
        <div>
            <dt>{ told.title }</dt>
            <dd class={(told.text.len() > LONG_BYTES).then_some("long")}>
                { told.text }
                if !told.items.is_empty() {
                    <ul class="chips">{ for told.items.into_iter().map(|item| html! { <li>{ item }</li> }) }</ul>
                }
            </dd>
        </div>
    }
}
