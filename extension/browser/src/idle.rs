//! Whether somebody is at the keyboard.

use js_sys::Promise;
use wasm_bindgen::prelude::*;

use crate::{BrowserError, settled};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["chrome", "idle"], js_name = queryState)]
    fn query_state(detection_s: u32) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "idle"], js_name = setDetectionInterval)]
    fn set_detection_interval(detection_s: u32) -> Result<(), JsValue>;
}

/// Without a key or a pointer moved for this long, a person is away, seconds.
pub const IDLE_DETECTION_S: u32 = 60;

/// Asks for `idle.onStateChanged` after [`IDLE_DETECTION_S`].
pub fn set_idle_detection() -> Result<(), BrowserError> {
    set_detection_interval(IDLE_DETECTION_S).map_err(|e| BrowserError::new("idle.setDetectionInterval", &e))
}

/// Nobody is at the keyboard, or the screen is locked. The browser is asked before this function returns.
pub fn is_away() -> impl Future<Output = Result<bool, BrowserError>> {
    let state = settled("idle.queryState", query_state(IDLE_DETECTION_S));
    async { Ok(state.await?.as_string().is_some_and(|state| state != "active")) }
}
