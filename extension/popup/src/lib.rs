//! The popup: first run, judgments, activity, receipts, settings. It renders the background's [`View`]
//! and sends [`Command`]s; it decides nothing.
//!
//! [`View`]: lull_view::View
//! [`Command`]: lull_view::Command

#![cfg_attr(not(feature = "bandwidth"), allow(dead_code, reason = "words and parts that only bandwidth's pages use"))]

mod app;
mod format;
mod icons;
mod link;
mod model;
mod page;
mod parts;
mod route;
mod save;
mod single_keys;
mod text;
mod words;

use wasm_bindgen::prelude::wasm_bindgen;

/// 3 KB (gzip) smaller than the standard library's.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::GlobalTlsf = rlsf::GlobalTlsf::new();

/// Puts the app where the page's skeleton stands.
#[wasm_bindgen(start)]
pub fn start() {
    let Some(document) = web_sys::window().and_then(|w| w.document()) else {
        return;
    };
    if let Some(root) = document.document_element() {
        // Attributes of these names are always allowed.
        let _ = root.set_attribute("lang", text::language());
        let _ = root.set_attribute("dir", text::direction());
        let _ = root.toggle_attribute_with_force("data-tab", route::is_tab());
    }
    single_keys::show_or_hide_hints();
    if let Some(root) = document.get_element_by_id("app") {
        yew::Renderer::<app::App>::with_root(root).render();
    }
}
