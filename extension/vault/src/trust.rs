//! The file of the package that names the coordinator.

use js_sys::Promise;
use lull_browser::{describe, field, package_url};
use wasm_bindgen::prelude::*;
use web_sys::{RequestInit, Response};

/// Its name.
pub const TRUST: &str = "trust.json";

#[wasm_bindgen]
extern "C" {
    /// `fetch` of the Fetch standard.
    #[wasm_bindgen(js_name = fetch)]
    fn fetch(url: &str, init: &RequestInit) -> Promise;
}

/// What the file says, unchecked.
#[derive(Debug)]
pub struct TrustFile {
    /// The coordinator's address.
    pub coordinator: String,
    /// Of its key, hexadecimal.
    pub fingerprint: String,
}

/// Reads it, or says in words why it can't be read; fetched from before this function returns.
pub fn trust() -> impl Future<Output = Result<TrustFile, String>> {
    let response = fetch(&package_url(TRUST), &RequestInit::new()).into_future();
    let unreadable = |e: JsValue| describe(&e);
    async move {
        let response = response.await.map_err(unreadable)?;
        let json: Promise = response.unchecked_into::<Response>().json().map_err(unreadable)?;
        let trust = json.await.map_err(unreadable)?;
        let text = |name: &str| field(&trust, name).as_string().ok_or_else(|| format!("it has no {name}"));
        Ok(TrustFile { coordinator: text("coordinator")?, fingerprint: text("fingerprint")? })
    }
}
