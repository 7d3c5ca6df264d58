//! The optional host permission for all sites, which only bandwidth needs. Firefox has a second one, for sending
//! what those sites answered: both are asked for, and given back, as one.

use std::future::Future;

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;

use crate::{BrowserError, is_firefox, object, settled};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["chrome", "permissions"], js_name = contains)]
    fn contains(permissions: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "permissions"], js_name = request)]
    fn request(permissions: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "permissions"], js_name = remove)]
    fn remove(permissions: &JsValue) -> Result<Promise, JsValue>;
}

fn all_sites() -> JsValue {
    let list = |only: &str| JsValue::from(Array::of1(&only.into()));
    let origins = ("origins", list("*://*/*"));
    if is_firefox() {
        // What leaves the browser, as the manifest declares it.
        object([origins, ("data_collection", list("websiteContent"))])
    } else {
        object([origins])
    }
}

/// Whether the permission is granted. The browser is asked before this function returns.
pub fn has_all_sites() -> impl Future<Output = Result<bool, BrowserError>> {
    let asked = settled("permissions.contains", contains(&all_sites()));
    async { Ok(asked.await?.is_truthy()) }
}

/// Asks the person for the permission; false if they say no. The question is put before this function
/// returns, since browsers allow it only inside the handler of a click.
pub fn permissions_request_all() -> impl Future<Output = Result<bool, BrowserError>> {
    let asked = settled("permissions.request", request(&all_sites()));
    async { Ok(asked.await?.is_truthy()) }
}

/// Gives the permission back.
pub async fn permissions_release_all() -> Result<(), BrowserError> {
    settled("permissions.remove", remove(&all_sites())).await.map(drop)
}
