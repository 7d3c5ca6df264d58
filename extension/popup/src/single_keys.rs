//! Whether single keys answer, skip and take back: a choice of this browser (WCAG 2.1.4).

use web_sys::{Storage, Window};
use yew::{Html, component, use_callback, use_state_eq};

use crate::parts::switch_that;
use crate::text;

/// Where the choice is remembered.
const KEY: &str = "single-keys";
const OFF: &str = "off";

/// Whether they do.
pub(crate) fn are_on() -> bool {
    let stored = storage().and_then(|storage| storage.get_item(KEY).ok().flatten());
    stored.as_deref() != Some(OFF)
}

/// The key as assistive technology is told of it, if it does anything.
pub(crate) fn shortcut(key: &str) -> Option<String> {
    are_on().then(|| key.to_owned())
}

/// What the browser keeps for this page.
pub(crate) fn storage() -> Option<Storage> {
    web_sys::window().as_ref().and_then(|window: &Window| window.local_storage().ok().flatten())
}

/// Hints at keys are shown only while they mean something.
pub(crate) fn show_or_hide_hints() {
    let root = web_sys::window().and_then(|window| window.document()?.document_element());
    if let Some(root) = root {
        // An attribute of this name is always allowed.
        let _ = root.toggle_attribute_with_force("data-no-single-keys", !are_on());
    }
}

/// The switch.
#[component]
pub(crate) fn SingleKeys() -> Html {
    let on = use_state_eq(are_on);
    let setter = on.setter();
    let click = use_callback(*on, move |_, on| {
        let stored = storage().and_then(|storage| storage.set_item(KEY, if *on { OFF } else { "on" }).ok());
        // Without storage the switch stays as it is.
        if stored.is_some() {
            setter.set(!*on);
            show_or_hide_hints();
        }
    });
    switch_that("single-keys", text::single_keys(), text::single_keys_text(), *on, click)
}
