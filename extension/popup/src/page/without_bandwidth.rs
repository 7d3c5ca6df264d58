//! In place of the pages about bandwidth, in the flavour that has none: no fetch, no permission, nothing to ask.

use lull_view::{BandwidthState, BandwidthWhen, View};
use yew::{Html, html};

use crate::model::Lull;
use crate::parts::{calm, title_bar};
use crate::text;

/// The page.
pub(crate) fn bandwidth(_: &Lull, _: &View) -> Html {
    html! {
        <div class="page">
            { title_bar(text::bandwidth()) }
            { calm(text::absent(), text::absent_text(), html! {}) }
        </div>
    }
}

/// The same.
pub(crate) fn consent(lull: &Lull, view: &View) -> Html {
    bandwidth(lull, view)
}

/// The same.
pub(crate) fn facts(lull: &Lull, view: &View) -> Html {
    bandwidth(lull, view)
}

/// Nothing to choose.
pub(crate) fn when(_: &Lull, _: BandwidthWhen) -> Html {
    html! {}
}

/// The only state there is.
pub(crate) fn state_code(_: BandwidthState) -> &'static str {
    "absent"
}
