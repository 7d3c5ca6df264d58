//! The toolbar icon.

use js_sys::Promise;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::{BrowserError, settled, to_js};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["chrome", "action"], js_name = setBadgeText)]
    fn set_badge_text(details: &JsValue) -> Result<Promise, JsValue>;
}

#[derive(Serialize)]
struct BadgeText {
    text: String,
}

/// Above this count the badge says `99+`: four characters fit.
const BADGE_COUNT_MAX: u32 = 99;

/// Shows a count on the icon; zero hides it.
pub async fn set_badge(count: u32) -> Result<(), BrowserError> {
    let text = match count {
        0 => String::new(),
        1..=BADGE_COUNT_MAX => count.to_string(),
        _ => format!("{BADGE_COUNT_MAX}+"),
    };
    let details = to_js(&BadgeText { text })?;
    settled("action.setBadgeText", set_badge_text(&details)).await.map(drop)
}
