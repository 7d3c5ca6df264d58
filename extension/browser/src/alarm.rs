//! The one alarm: it wakes a background that the browser has stopped.

use js_sys::Promise;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::{BrowserError, settled, to_js};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["chrome", "alarms"], js_name = create)]
    fn create(name: &str, info: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "alarms"], js_name = clear)]
    fn clear(name: &str) -> Result<Promise, JsValue>;
}

const NAME: &str = "wake";

#[derive(Serialize)]
struct AlarmInfo {
    when: f64,
}

/// Sets the alarm to a time in milliseconds since 1970; it replaces the last one. Chrome holds it back
/// until 30 s from now.
pub async fn set_alarm(when_ms: f64) -> Result<(), BrowserError> {
    let info = to_js(&AlarmInfo { when: when_ms })?;
    settled("alarms.create", create(NAME, &info)).await.map(drop)
}

/// Takes the alarm back.
pub async fn clear_alarm() -> Result<(), BrowserError> {
    settled("alarms.clear", clear(NAME)).await.map(drop)
}
