//! Messages in the person's language: `_locales/<language>/messages.json`.

use js_sys::Array;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["chrome", "i18n"], js_name = getMessage)]
    fn get_message(name: &str, substitutions: &Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = ["chrome", "i18n"], js_name = getUILanguage)]
    fn get_ui_language() -> String;
}

/// A message with these values in the places of its placeholders; `None` if no language of this package has it.
pub fn message(name: &str, values: &[&str]) -> Option<String> {
    let values: Array = values.iter().map(|value| JsValue::from_str(value)).collect();
    // What has no message is an empty one in both browsers.
    let text = get_message(name, &values).ok()?.as_string()?;
    (!text.is_empty()).then_some(text)
}

/// The language of the browser's own words (BCP 47): `en-GB`.
pub fn ui_language() -> String {
    get_ui_language()
}
