//! Ways to call the person: the popup opens by itself, or a notification is shown.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use js_sys::{Array, Promise};
use serde::Serialize;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use crate::{BrowserError, field, is_firefox, message, package_url, settled, to_js};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["chrome", "windows"], js_name = getLastFocused)]
    fn get_last_focused() -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "tabs"], js_name = query)]
    fn query(wanted: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "action"], js_name = setPopup)]
    fn set_popup(details: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "action"], js_name = openPopup)]
    fn open_popup() -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "notifications"], js_name = create)]
    fn create_notification(id: &str, options: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "notifications"], js_name = clear)]
    fn clear_notification(id: &str) -> Result<Promise, JsValue>;
}

/// The popup, and the popup that opened by itself: its keys sleep.
const POPUP: &str = "popup.html";
const POPPED: &str = "popup.html?popped=1";
/// The one notification there is: a new one takes its place.
const NOTIFICATION: &str = "judgment";

#[derive(Serialize)]
struct Popup {
    popup: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sounding {
    audible: bool,
    // What a muted tab would play is nothing that anybody hears; to the browser it is audible all the same.
    muted: bool,
    last_focused_window: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    #[serde(rename = "type")]
    kind: &'static str,
    icon_url: String,
    title: String,
    message: String,
}

/// Whether the popup can open without a click in this browser at all.
pub fn can_pop() -> bool {
    !is_firefox()
}

/// Opens the popup by itself, if the person looks at a window that isn't full-screen and plays no sound. Whether it did.
/// A browser that hasn't said so when `patience` ends has mostly opened it all the same.
pub async fn pop(patience: impl Future<Output = ()>) -> Result<bool, BrowserError> {
    if !can_pop() || !is_good_moment().await? {
        return Ok(false);
    }
    settled("action.setPopup", set_popup(&to_js(&Popup { popup: POPPED })?)).await?;
    let (mut opening, mut patience) = (pin!(settled("action.openPopup", open_popup())), pin!(patience));
    let opened = poll_fn(|context| match opening.as_mut().poll(context) {
        Poll::Ready(opened) => Poll::Ready(opened.map(|_| true)),
        Poll::Pending => patience.as_mut().poll(context).map(|()| Ok(true)),
    });
    let opened = opened.await;
    popup_is_plain().await?;
    opened
}

/// The next popup opens by a click: its keys are awake.
pub async fn popup_is_plain() -> Result<(), BrowserError> {
    settled("action.setPopup", set_popup(&to_js(&Popup { popup: POPUP })?)).await.map(drop)
}

async fn is_good_moment() -> Result<bool, BrowserError> {
    let window = settled("windows.getLastFocused", get_last_focused()).await?;
    let is_focused = field(&window, "focused").is_truthy();
    if !is_focused || field(&window, "state").as_string().as_deref() == Some("fullscreen") {
        return Ok(false);
    }
    let sounding = to_js(&Sounding { audible: true, muted: false, last_focused_window: true })?;
    let tabs = settled("tabs.query", query(&sounding)).await?;
    Ok(tabs.dyn_into::<Array>().is_ok_and(|tabs| tabs.length() == 0))
}

/// Shows the notification; an error without the permission.
pub async fn notify() -> Result<(), BrowserError> {
    let notification = Notification {
        kind: "basic",
        icon_url: package_url("icons/128.png"),
        title: message("notification_title", &[]).unwrap_or_default(),
        message: message("notification_text", &[]).unwrap_or_default(),
    };
    settled("notifications.create", create_notification(NOTIFICATION, &to_js(&notification)?)).await.map(drop)
}

/// The notification was clicked: it goes, and the popup opens. False: this browser opens it for a click on its icon only.
pub async fn answer_notification() -> Result<bool, BrowserError> {
    settled("notifications.clear", clear_notification(NOTIFICATION)).await?;
    Ok(can_pop() && settled("action.openPopup", open_popup()).await.is_ok())
}

/// Takes the notification away, if there is one.
pub async fn withdraw_notification() {
    // Without the permission there is none to take away.
    let _ = settled("notifications.clear", clear_notification(NOTIFICATION)).await;
}
