//! The popup: first run, judgments, activity, receipts, settings. It renders the background's [`View`]
//! and sends [`Command`]s; it decides nothing.
//!
//! It is built twice: for who answers, and with the feature `pages` for all that is opened more seldom. `popup.js` shows
//! the one that has the page.
//!
//! [`View`]: lull_view::View
//! [`Command`]: lull_view::Command

#![cfg_attr(not(feature = "bandwidth"), allow(dead_code, reason = "words and parts that only bandwidth's pages use"))]

mod app;
mod backup;
mod format;
mod icons;
mod link;
mod look;
mod model;
mod page;
mod parts;
mod route;
mod save;
mod single_keys;
mod text;
mod words;

use std::cell::RefCell;

use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Element;
use yew::AppHandle;

/// 3 KB (gzip) smaller than the standard library's.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::GlobalTlsf = rlsf::GlobalTlsf::new();

thread_local! {
    static SHOWN: RefCell<Option<AppHandle<app::App>>> = const { RefCell::new(None) };
}

/// Puts the app into an element of the document. `is_first`: no other page was here before; `load_backup` gives the
/// module of the backup page.
#[wasm_bindgen]
pub fn show(place: Element, is_first: bool, load_backup: js_sys::Function) {
    backup::loaded_by(load_backup);
    if let Some(root) = place.owner_document().and_then(|document| document.document_element()) {
        // Attributes of these names are always allowed.
        let _ = root.set_attribute("lang", text::language());
        let _ = root.set_attribute("dir", text::direction());
        let _ = root.toggle_attribute_with_force("data-tab", route::is_tab());
    }
    single_keys::show_or_hide_hints();
    let app = yew::Renderer::<app::App>::with_root_and_props(place, app::AppProps { is_first }).render();
    SHOWN.set(Some(app));
}

/// Ends what [`show`] began.
#[wasm_bindgen]
pub fn hide() {
    if let Some(app) = SHOWN.take() {
        app.destroy();
    }
}
