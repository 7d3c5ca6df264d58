//! The optional host permission for all sites, which only bandwidth needs. Firefox has a second one, for sending
//! what those sites answered: both are asked for, and given back, as one. And the one for notifications, which only
//! the choice to be called by one needs.

use std::future::Future;

use js_sys::Promise;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::{BrowserError, is_firefox, settled, to_js};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["chrome", "permissions"], js_name = contains)]
    fn contains(permissions: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "permissions"], js_name = request)]
    fn request(permissions: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "permissions"], js_name = remove)]
    fn remove(permissions: &JsValue) -> Result<Promise, JsValue>;
}

#[derive(Serialize)]
struct Permissions {
    origins: [&'static str; 1],
    /// Firefox: what leaves the browser, as the manifest declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    data_collection: Option<[&'static str; 1]>,
}

fn all_sites() -> Result<JsValue, BrowserError> {
    let data_collection = is_firefox().then_some(["websiteContent"]);
    to_js(&Permissions { origins: ["*://*/*"], data_collection })
}

/// Whether the permission is granted. The browser is asked before this function returns.
pub fn has_all_sites() -> impl Future<Output = Result<bool, BrowserError>> {
    let asked = all_sites().map(|permissions| settled("permissions.contains", contains(&permissions)));
    async { Ok(asked?.await?.is_truthy()) }
}

/// Asks the person for the permission; false if they say no. The question is put before this function
/// returns, since browsers allow it only inside the handler of a click.
pub fn permissions_request_all() -> impl Future<Output = Result<bool, BrowserError>> {
    let asked = all_sites().map(|permissions| request(&permissions));
    async { Ok(settled("permissions.request", asked?).await?.is_truthy()) }
}

/// Gives the permission back.
pub async fn permissions_release_all() -> Result<(), BrowserError> {
    settled("permissions.remove", remove(&all_sites()?)).await.map(drop)
}

#[derive(Serialize)]
struct Named {
    permissions: [&'static str; 1],
}

fn notifications() -> Result<JsValue, BrowserError> {
    to_js(&Named { permissions: ["notifications"] })
}

/// Whether notifications may be shown.
pub async fn may_notify() -> Result<bool, BrowserError> {
    Ok(settled("permissions.contains", contains(&notifications()?)).await?.is_truthy())
}

/// Gives that back.
pub async fn release_notifications() -> Result<(), BrowserError> {
    settled("permissions.remove", remove(&notifications()?)).await.map(drop)
}

/// Asks the person whether notifications may be shown; the question is put before this function returns.
pub fn request_notifications() -> impl Future<Output = Result<bool, BrowserError>> {
    let asked = notifications().map(|permissions| request(&permissions));
    async { Ok(settled("permissions.request", asked?).await?.is_truthy()) }
}
