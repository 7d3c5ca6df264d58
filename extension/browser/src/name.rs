//! Names and their addresses, where the browser tells them: Firefox, with the permission `dns`.

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;

use crate::{BrowserError, field, settled};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["chrome", "dns"], js_name = resolve)]
    fn resolve(host: &str) -> Result<Promise, JsValue>;
}

/// All addresses of a name, from the browser's own resolver and its cache, which its connections use, too.
pub async fn look_up(host: &str) -> Result<Vec<String>, BrowserError> {
    let addresses = field(&settled("dns.resolve", resolve(host)).await?, "addresses");
    // What isn't text is no address, and is refused as one.
    Ok(Array::from(&addresses).iter().map(|address| address.as_string().unwrap_or_default()).collect())
}
