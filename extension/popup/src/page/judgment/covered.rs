//! What stands in the place of sensitive content until the person asks to see it.

use lull_view::Judgment;
use yew::{Callback, Html, html};

use super::Act;
use super::ahead::pictures;
use crate::single_keys::shortcut;
use crate::text;
use crate::words::content as words;

/// What it may show, the way to see it, and its pictures, blurred.
pub(super) fn covered(judgment: &Judgment, act: &Callback<Act>) -> Html {
    let show = act.reform(|_| Act::Uncover);
    html! {
        <div class="covered" data-testid="covered">
            <div class="blurred" aria-hidden="true">
                { for pictures(&judgment.task).map(|data_url| html! {
                    <img class="content-picture" src={data_url.to_owned()} alt="" />
                }) }
            </div>
            <p class="covered-words">{ words::may_show(judgment.warnings) }</p>
            <button class="button primary" data-testid="uncover" aria-keyshortcuts={shortcut("b")} onclick={show}>
                { text::uncover() }<kbd aria-hidden="true">{ "B" }</kbd>
            </button>
        </div>
    }
}
