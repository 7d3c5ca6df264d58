//! What an organisation that manages the browser says: its policy for this extension, and whether it installed it.

use std::future::Future;

use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::{BrowserError, field, settled};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["chrome", "storage", "managed"], js_name = get)]
    fn get(key: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "management"], js_name = getSelf)]
    fn get_self() -> Result<Promise, JsValue>;
}

/// The policy's one key (`static/managed.json`).
const ALLOW_BANDWIDTH: &str = "allow_bandwidth";

/// What the organisation's policy says of bandwidth; `None` if it says nothing. Firefox fails where no policy is
/// set at all. Asked before this function returns.
pub fn allows_bandwidth() -> impl Future<Output = Result<Option<bool>, BrowserError>> {
    let asked = settled("storage.managed.get", get(ALLOW_BANDWIDTH));
    async { Ok(field(&asked.await?, ALLOW_BANDWIDTH).as_bool()) }
}

/// Whether a policy installed the extension. Asked before this function returns.
pub fn is_installed_by_policy() -> impl Future<Output = Result<bool, BrowserError>> {
    let asked = settled("management.getSelf", get_self());
    async { Ok(field(&asked.await?, "installType") == "admin") }
}
