//! Message ports between the extension's own pages and its background.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_wasm_bindgen::Serializer;
use thiserror::Error;
use wasm_bindgen::prelude::*;

use crate::BrowserError;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_namespace = ["chrome", "runtime"], js_name = id)]
    static ID: String;
    #[wasm_bindgen(js_namespace = ["chrome", "runtime"], js_name = getURL)]
    fn get_url(path: &str) -> String;
    #[wasm_bindgen(catch, js_namespace = ["chrome", "runtime"], js_name = connect)]
    fn connect(info: &JsValue) -> Result<RawPort, JsValue>;

    type RawPort;
    #[wasm_bindgen(method, getter)]
    fn name(this: &RawPort) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn sender(this: &RawPort) -> JsValue;
    #[wasm_bindgen(catch, method, js_name = postMessage)]
    fn post_message(this: &RawPort, message: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method)]
    fn disconnect(this: &RawPort);
    #[wasm_bindgen(method, getter, js_name = onMessage)]
    fn on_message(this: &RawPort) -> PortEvent;
    #[wasm_bindgen(method, getter, js_name = onDisconnect)]
    fn on_disconnect(this: &RawPort) -> PortEvent;

    type PortEvent;
    #[wasm_bindgen(method, js_name = addListener)]
    fn add_listener(this: &PortEvent, listener: &Closure<dyn FnMut(JsValue)>);
    #[wasm_bindgen(method, js_name = removeListener)]
    fn remove_listener(this: &PortEvent, listener: &Closure<dyn FnMut(JsValue)>);
}

/// A question of a page to the background.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request<C> {
    /// Comes back in the [`Answer`].
    pub id: u32,
    /// What is asked.
    pub command: C,
}

/// What the background sends to a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer<R> {
    /// The request's id; `None` if nobody asked.
    pub id: Option<u32>,
    /// The answer.
    pub reply: R,
}

/// A plain JSON-like object for the message port.
pub fn to_js<T: Serialize>(value: &T) -> Result<JsValue, BrowserError> {
    value.serialize(&Serializer::json_compatible()).map_err(|e| BrowserError::new("serialize", &e.into()))
}

/// Reads what came over a message port.
pub fn from_js<T: DeserializeOwned>(value: JsValue) -> Result<T, BrowserError> {
    serde_wasm_bindgen::from_value(value).map_err(|e| BrowserError::new("deserialize", &e.into()))
}

/// Why a port was not accepted.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// A port for something else.
    #[error("a port of another name")]
    Name,
    /// Not a page of this extension, or nobody can say who.
    #[error("not a page of this extension")]
    Sender,
}

#[derive(Serialize)]
struct ConnectInfo<'a> {
    name: &'a str,
}

#[derive(Deserialize)]
struct Sender {
    id: Option<String>,
    url: Option<String>,
    origin: Option<String>,
}

struct Listeners {
    message: Closure<dyn FnMut(JsValue)>,
    disconnect: Closure<dyn FnMut(JsValue)>,
}

/// One end of a message port; dropping it disconnects.
pub struct Port {
    raw: RawPort,
    listeners: Option<Listeners>,
}

impl Port {
    /// Connects a page to the background. `on_disconnect` is called when the browser stops the
    /// background, not when this end is dropped.
    pub fn connect(
        name: &str,
        on_message: impl FnMut(JsValue) + 'static,
        mut on_disconnect: impl FnMut() + 'static,
    ) -> Result<Self, BrowserError> {
        let raw = connect(&to_js(&ConnectInfo { name })?).map_err(|e| BrowserError::new("runtime.connect", &e))?;
        let listeners =
            Listeners { message: Closure::new(on_message), disconnect: Closure::new(move |_| on_disconnect()) };
        raw.on_message().add_listener(&listeners.message);
        raw.on_disconnect().add_listener(&listeners.disconnect);
        Ok(Self { raw, listeners: Some(listeners) })
    }

    /// Accepts a port that came by `runtime.onConnect`, if it is one of the extension's own pages.
    /// A refused port is disconnected.
    pub fn accept(port: JsValue, name: &str) -> Result<Self, Refused> {
        // Dropping `port` disconnects, on every way out.
        let port = Self { raw: port.unchecked_into(), listeners: None };
        if !is_own_page(port.raw.sender()) {
            return Err(Refused::Sender);
        }
        if port.raw.name().as_string().as_deref() != Some(name) {
            return Err(Refused::Name);
        }
        Ok(port)
    }

    /// Whether this is that port.
    pub fn is(&self, port: &JsValue) -> bool {
        AsRef::<JsValue>::as_ref(&self.raw) == port
    }

    /// Sends a message; fails if the other end is gone.
    pub fn post(&self, message: &JsValue) -> Result<(), BrowserError> {
        self.raw.post_message(message).map_err(|e| BrowserError::new("port.postMessage", &e))
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some(listeners) = &self.listeners {
            self.raw.on_message().remove_listener(&listeners.message);
            self.raw.on_disconnect().remove_listener(&listeners.disconnect);
        }
        self.raw.disconnect();
    }
}

/// The sender carries this extension's id and an address of its package; what is missing is not trusted.
fn is_own_page(sender: JsValue) -> bool {
    let Ok(sender) = from_js::<Sender>(sender) else { return false };
    let home = get_url("");
    let own_id = ID.with(|id| sender.id.as_ref() == Some(id));
    let own_url = sender.url.is_some_and(|url| url.starts_with(&home));
    // Chrome and Firefox both give the origin; where one doesn't, the address alone decides.
    let own_origin = sender.origin.is_none_or(|origin| home.strip_suffix('/') == Some(origin.as_str()));
    own_id && own_url && own_origin
}
