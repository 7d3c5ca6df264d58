//! What a key opens within the card, the guideline and the list of keys: it takes the focus, so that it is read, and
//! gives it back.

use lull_view::AnswerInput;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::{NodeRef, hook, use_effect_with};

use crate::parts::focus_in_place;

/// Whether it is open, and who opened or closed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Panel {
    pub(super) is_open: bool,
    /// By a key anywhere in the card. A button that was clicked keeps the focus.
    pub(super) by_key: bool,
}

impl Panel {
    /// The other way round.
    pub(super) fn toggled(self, by: AnswerInput) -> Self {
        Self { is_open: !self.is_open, by_key: by == AnswerInput::Keyboard }
    }
}

/// Moves the focus into what a key has opened, and back into the card.
#[hook]
pub(super) fn use_panel_focus(card: &NodeRef, id: &'static str, panel: Panel) {
    let card = card.clone();
    use_effect_with(panel, move |panel| {
        if !panel.by_key {
            return;
        }
        let document = web_sys::window().and_then(|window| window.document()).filter(|_| panel.is_open);
        let opened = document.and_then(|document| document.get_element_by_id(id));
        match opened.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            // An element that can't take the focus leaves it where it is.
            Some(opened) => drop(opened.focus()),
            None => focus_in_place(&card),
        }
    });
}
