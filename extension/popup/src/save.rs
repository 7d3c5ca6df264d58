//! Files handed to the browser to save.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

/// Hands text, in pieces, to the browser as a file.
pub(crate) fn save(pieces: &[String], name: &str, media_type: &str) -> Result<(), JsValue> {
    save_parts(&pieces.iter().map(|piece| JsValue::from_str(piece)).collect(), name, media_type)
}

/// Hands bytes to the browser as a file.
pub(crate) fn save_bytes(bytes: &[u8], name: &str, media_type: &str) -> Result<(), JsValue> {
    save_parts(&Array::of1(&Uint8Array::from(bytes)), name, media_type)
}

fn save_parts(parts: &Array, name: &str, media_type: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(media_type);
    // Text and bytes are the same sequence to a `Blob`.
    let blob = Blob::new_with_u8_array_sequence_and_options(parts, &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let document = web_sys::window().and_then(|window| window.document()).ok_or(JsValue::NULL)?;
    let link: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // The click has started the download; it keeps the bytes, not the address.
    Url::revoke_object_url(&url)
}
