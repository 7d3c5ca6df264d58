//! The page `/connect`, which the coordinator serves: wallets don't inject into an extension's own pages.
//!
//! [`page`] decides, without a browser; [`wallets`] and [`coordinator`] ask, [`app`] draws, [`words`] says. The ticket
//! is taken out of the address by `connect.js`, before anything is loaded, and is kept nowhere but in this page's memory.

mod app;
mod coordinator;
mod page;
mod wallets;
mod words;

use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Element;

/// 3 KB (gzip) smaller than the standard library's.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::GlobalTlsf = rlsf::GlobalTlsf::new();

/// Puts the page into an element of the document. `ticket`: what stood in the address's fragment.
#[wasm_bindgen]
pub fn start(place: Element, ticket: String) {
    yew::Renderer::<app::App>::with_root_and_props(place, app::AppProps { ticket }).render();
}
