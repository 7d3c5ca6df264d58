//! Names and their addresses, where the browser tells them: Firefox, with the permission `dns`.

use js_sys::Promise;
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use crate::{BrowserError, from_js, settled};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["chrome", "dns"], js_name = resolve)]
    fn resolve(host: &str) -> Result<Promise, JsValue>;
}

#[derive(Deserialize)]
struct DnsRecord {
    addresses: Vec<String>,
}

/// All addresses of a name, from the browser's own resolver and its cache, which its connections use, too.
pub async fn look_up(host: &str) -> Result<Vec<String>, BrowserError> {
    let record: DnsRecord = from_js(settled("dns.resolve", resolve(host)).await?)?;
    Ok(record.addresses)
}
