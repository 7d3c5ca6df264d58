//! Files handed to the browser to save.

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

/// Hands text, in pieces, to the browser as a file.
pub(crate) fn save(pieces: &[String], name: &str, media_type: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(media_type);
    let pieces: Array = pieces.iter().map(|piece| JsValue::from_str(piece)).collect();
    let blob = Blob::new_with_str_sequence_and_options(&pieces, &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let document = web_sys::window().and_then(|window| window.document()).ok_or(JsValue::NULL)?;
    let link: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // The click has started the download; it keeps the bytes, not the address.
    Url::revoke_object_url(&url)
}
