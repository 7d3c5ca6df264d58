//! Typed bindings to the WebExtension API, in Chrome's and Firefox's common form (`chrome.*` with
//! promises): the only home of such calls, and of the check of who sends a message.

mod action;
mod alarm;
mod idle;
mod managed;
mod message;
mod name;
mod network;
mod permission;
mod pop;
mod port;
mod request;
mod runtime;

pub use action::set_badge;
pub use alarm::{clear_alarm, set_alarm};
pub use idle::{IDLE_DETECTION_S, is_away, set_idle_detection};
pub use managed::{allows_bandwidth, is_installed_by_policy};
pub use message::{message, ui_language};
pub use name::look_up;
pub use network::data_saver;
pub use permission::{
    has_all_sites, may_notify, permissions_release_all, permissions_request_all, release_notifications,
    request_notifications,
};
pub use pop::{answer_notification, can_pop, notify, pop, popup_is_plain, withdraw_notification};
pub use port::{Port, Refused, message_bytes};
pub use request::{Header, RequestEvent, Watch};
pub use runtime::{is_firefox, manifest_version, open_address, open_tab, package_url, stay_awake};

use js_sys::{Error, Object, Promise, Reflect};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use thiserror::Error;
use wasm_bindgen::{JsCast, JsValue};

/// A call of the browser that failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{call}: {message}")]
pub struct BrowserError {
    call: &'static str,
    message: String,
}

impl BrowserError {
    fn new(call: &'static str, value: &JsValue) -> Self {
        Self { call, message: describe(value) }
    }
}

/// A thrown or rejected value in words.
pub fn describe(value: &JsValue) -> String {
    if let Some(error) = value.dyn_ref::<Error>() {
        return String::from(error.to_string());
    }
    value.as_string().unwrap_or_else(|| "unknown error".to_owned())
}

/// A value as a browser's API takes it.
fn to_js<T: Serialize>(value: &T) -> Result<JsValue, BrowserError> {
    value.serialize(&Serializer::json_compatible()).map_err(|e| BrowserError::new("serialize", &e.into()))
}

/// A plain object with these fields.
pub fn object<const N: usize>(fields: [(&str, JsValue); N]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // Only a frozen object or a setter could refuse it.
        let _ = Reflect::set(&object, &name.into(), &value);
    }
    object.into()
}

/// A field of what the browser gave; undefined if it isn't there.
pub fn field(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &name.into()).unwrap_or_default()
}

/// What a call promised; its handlers are set before this function returns.
fn settled(
    call: &'static str,
    promise: Result<Promise, JsValue>,
) -> impl Future<Output = Result<JsValue, BrowserError>> + use<> {
    // Some calls give a promise in one browser and nothing in the other.
    let answer = promise.map(|given| Promise::resolve(&given).into_future());
    async move {
        let answer = answer.map_err(|e| BrowserError::new(call, &e))?;
        answer.await.map_err(|e| BrowserError::new(call, &e))
    }
}
