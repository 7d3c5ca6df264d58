//! The extension itself: its files, its version, its pages.

use js_sys::Promise;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::{BrowserError, field, settled, to_js};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["chrome", "runtime"], js_name = getURL)]
    fn get_url(path: &str) -> String;
    #[wasm_bindgen(js_namespace = ["chrome", "runtime"], js_name = getManifest)]
    fn get_manifest() -> JsValue;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "runtime"], js_name = getPlatformInfo)]
    fn get_platform_info() -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "tabs"], js_name = create)]
    fn create(properties: &JsValue) -> Result<Promise, JsValue>;
}

/// The address of a file of the package.
pub fn package_url(path: &str) -> String {
    get_url(path)
}

/// Whether this is Firefox, by the address of the extension's own pages. There a background is an event page,
/// a fetch can't be kept from private addresses, and names can be looked up.
pub fn is_firefox() -> bool {
    get_url("").starts_with("moz-extension:")
}

/// Calls the extension API for the call's own sake: Firefox ends a background that makes none for 30 s.
pub async fn stay_awake() -> Result<(), BrowserError> {
    settled("runtime.getPlatformInfo", get_platform_info()).await.map(drop)
}

/// The extension's version as the manifest gives it.
pub fn manifest_version() -> String {
    field(&get_manifest(), "version").as_string().unwrap_or_default()
}

#[derive(Serialize)]
struct NewTab {
    url: String,
}

/// Opens a page of the package in a tab of its own, e.g. `popup.html?tab=1#/welcome`.
pub async fn open_tab(path: &str) -> Result<(), BrowserError> {
    open_address(&get_url(path)).await
}

/// Opens an address in a tab of its own; the page there isn't told where it was opened from.
pub async fn open_address(url: &str) -> Result<(), BrowserError> {
    let properties = to_js(&NewTab { url: url.to_owned() })?;
    settled("tabs.create", create(&properties)).await.map(drop)
}
