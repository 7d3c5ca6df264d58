//! What an organisation that manages the browser says: its policy for this extension, and whether it installed it.

use std::future::Future;

use js_sys::Promise;
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use crate::{BrowserError, from_js, settled};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["chrome", "storage", "managed"], js_name = get)]
    fn get(key: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "management"], js_name = getSelf)]
    fn get_self() -> Result<Promise, JsValue>;
}

/// The policy's one key (`static/managed.json`).
const ALLOW_BANDWIDTH: &str = "allow_bandwidth";

#[derive(Deserialize)]
struct Policy {
    allow_bandwidth: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Own {
    install_type: String,
}

/// What the organisation's policy says of bandwidth; `None` if it says nothing. Firefox fails where no policy is
/// set at all. Asked before this function returns.
pub fn allows_bandwidth() -> impl Future<Output = Result<Option<bool>, BrowserError>> {
    let asked = settled("storage.managed.get", get(ALLOW_BANDWIDTH));
    async { Ok(from_js::<Policy>(asked.await?)?.allow_bandwidth) }
}

/// Whether a policy installed the extension. Asked before this function returns.
pub fn is_installed_by_policy() -> impl Future<Output = Result<bool, BrowserError>> {
    let asked = settled("management.getSelf", get_self());
    async { Ok(from_js::<Own>(asked.await?)?.install_type == "admin") }
}
