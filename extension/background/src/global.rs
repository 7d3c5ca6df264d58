//! What a service worker and an event page both have in their global scope.

use js_sys::{Date, JsString, Promise, Uint8Array};
use lull_worker::protocol::Timestamp;
use wasm_bindgen::prelude::*;
use web_sys::{Performance, RequestInit};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = performance)]
    pub(crate) static PERFORMANCE: Performance;
    /// `fetch` of the Fetch standard.
    #[wasm_bindgen(js_name = fetch)]
    pub(crate) fn fetch(url: &str, init: &RequestInit) -> Promise;
    /// An `ArrayBuffer`; js-sys has no `transfer` yet.
    type Buffer;
    #[wasm_bindgen(catch, method)]
    fn transfer(this: &Buffer, bytes: u32) -> Result<JsValue, JsValue>;
}

/// Gives back at once the memory of bytes that nobody needs any more. The browser would wait for its next collection,
/// which bytes outside its heap hardly hurry: tens of megabytes pass before it.
pub(crate) fn release(bytes: &Uint8Array) {
    // What can't be given back is collected some day.
    bytes.buffer().unchecked_into::<Buffer>().transfer(0).ok();
}

/// The browser's clock.
pub(crate) fn now() -> Timestamp {
    timestamp(Date::now())
}

/// When the person's day began: local midnight.
pub(crate) fn day_start() -> Timestamp {
    midnight(0)
}

/// Local time minus UTC, minutes.
pub(crate) fn utc_offset_min() -> i32 {
    // The browser says it the other way round; `as` saturates.
    -(Date::new_0().get_timezone_offset() as i32)
}

/// When the person's next day begins, as a day of 23 or 25 hours needs it, too.
pub(crate) fn next_day_start() -> Timestamp {
    midnight(1)
}

fn midnight(days_ahead: i32) -> Timestamp {
    let today = Date::new_0();
    let day = today.get_date() as i32 + days_ahead;
    timestamp(Date::new_with_year_month_day(today.get_full_year(), today.get_month() as i32, day).get_time())
}

fn timestamp(ms: f64) -> Timestamp {
    // `as` saturates; a clock before 1970 reads as 1970.
    Timestamp::ZERO.plus(ms as u64)
}

/// A text in lower case.
pub(crate) fn lower_case(text: &str) -> String {
    JsString::from(text).to_lower_case().into()
}
