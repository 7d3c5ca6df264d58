//! `webRequest` events of one request of Lull's own. There is no way here to listen to anything else.

use std::rc::Rc;

use js_sys::Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::{BrowserError, field, is_firefox, package_url, to_js};

#[wasm_bindgen]
extern "C" {
    type RequestSource;
    #[wasm_bindgen(thread_local_v2, js_namespace = ["chrome", "webRequest"], js_name = onBeforeRedirect)]
    static ON_BEFORE_REDIRECT: RequestSource;
    #[wasm_bindgen(thread_local_v2, js_namespace = ["chrome", "webRequest"], js_name = onResponseStarted)]
    static ON_RESPONSE_STARTED: RequestSource;
    #[wasm_bindgen(thread_local_v2, js_namespace = ["chrome", "webRequest"], js_name = onHeadersReceived)]
    static ON_HEADERS_RECEIVED: RequestSource;

    #[wasm_bindgen(catch, method, js_name = addListener)]
    fn add_listener(
        this: &RequestSource,
        listener: &Listener,
        filter: &JsValue,
        extra: &JsValue,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(method, js_name = removeListener)]
    fn remove_listener(this: &RequestSource, listener: &Listener);
}

type Listener = Closure<dyn FnMut(JsValue)>;

/// A response header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value; missing where it isn't UTF-8.
    pub value: Option<String>,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestEvent {
    /// The whole URL, fragment included.
    pub url: String,
    /// HTTP status.
    pub status_code: u16,
    /// The response's headers, where the event carries them.
    pub response_headers: Option<Vec<Header>>,
    /// Which address answered.
    pub ip: Option<String>,
    /// The answer came from the cache.
    pub from_cache: bool,
    /// Chrome: who sent the request.
    initiator: Option<String>,
    /// Firefox: the document that sent it.
    origin_url: Option<String>,
    /// Firefox: the kind of the proxy between.
    proxy: Option<String>,
}

impl RequestEvent {
    /// What `details` says; `None` if it is no event.
    fn read(details: &JsValue) -> Option<Self> {
        let text = |name: &str| field(details, name).as_string();
        let headers = Some(field(details, "responseHeaders")).filter(|headers| !headers.is_falsy());
        let header = |header: JsValue| {
            Some(Header { name: field(&header, "name").as_string()?, value: field(&header, "value").as_string() })
        };
        Some(Self {
            url: text("url")?,
            // `as` saturates.
            status_code: field(details, "statusCode").as_f64().unwrap_or_default() as u16,
            response_headers: headers.map(|headers| Array::from(&headers).iter().filter_map(header).collect()),
            ip: text("ip"),
            from_cache: field(details, "fromCache").is_truthy(),
            initiator: text("initiator"),
            origin_url: text("originUrl"),
            proxy: field(&field(details, "proxyInfo"), "type").as_string(),
        })
    }
    /// Nothing says that somebody else than this extension sent the request.
    pub fn may_be_ours(&self) -> bool {
        let home = package_url("");
        let by_initiator = self.initiator.as_deref().is_none_or(|who| home.strip_suffix('/') == Some(who));
        by_initiator && self.origin_url.as_deref().is_none_or(|document| document.starts_with(&home))
    }
    /// The browser says that a proxy answered.
    pub fn proxied(&self) -> bool {
        self.proxy.as_deref().is_some_and(|kind| kind != "direct")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Filter<'a> {
    urls: [&'a str; 1],
    types: [&'static str; 2],
    /// No tab: what the person browses has one.
    tab_id: i32,
}

/// Listens to the events of one URL while it lives.
pub struct Watch {
    listeners: Vec<(Kind, Listener)>,
}

/// Which event. One comes with each answer and has its head and the address it came from: in Chrome one of
/// the first two; in Firefox, where a redirect that isn't followed is no redirect, the third.
#[derive(Clone, Copy)]
enum Kind {
    /// `onBeforeRedirect`.
    Redirect,
    /// `onResponseStarted`.
    Response,
    /// `onHeadersReceived`; Chrome's doesn't tell the address.
    Headers,
}

impl Watch {
    /// Starts to listen to `url` with this `fragment`, `#` and all. Firefox's filter compares the whole; Chrome's
    /// leaves the fragment out, so another request of the very same URL can't be excluded there: `on_event` looks
    /// itself. A `*` would stand for anything and let other requests be seen, so such a URL is refused.
    pub fn start(url: &str, fragment: &str, on_event: impl Fn(RequestEvent) + 'static) -> Result<Self, BrowserError> {
        let failed = |e: JsValue| BrowserError::new("webRequest.addListener", &e);
        if url.contains('*') {
            return Err(failed(JsValue::from_str("a URL with a * is a pattern")));
        }
        let url = if is_firefox() { format!("{url}{fragment}") } else { url.to_owned() };
        let filter = to_js(&Filter { urls: [&url], types: ["xmlhttprequest", "other"], tab_id: -1 })?;
        let extra = to_js(&["responseHeaders"])?;
        let on_event = Rc::new(on_event);
        let mut watch = Self { listeners: Vec::new() };
        let kinds: &[Kind] = if is_firefox() { &[Kind::Headers] } else { &[Kind::Redirect, Kind::Response] };
        for &kind in kinds {
            let on_event = Rc::clone(&on_event);
            let listener = Listener::new(move |details: JsValue| {
                if let Some(event) = RequestEvent::read(&details) {
                    on_event(event);
                }
            });
            let added = with_source(kind, |source| source.add_listener(&listener, &filter, &extra));
            // Pushed first, so that a failure half-way removes what was added.
            watch.listeners.push((kind, listener));
            added.map_err(failed)?;
        }
        Ok(watch)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for (kind, listener) in &self.listeners {
            with_source(*kind, |source| source.remove_listener(listener));
        }
    }
}

fn with_source<T>(kind: Kind, f: impl FnOnce(&RequestSource) -> T) -> T {
    match kind {
        Kind::Redirect => ON_BEFORE_REDIRECT.with(f),
        Kind::Response => ON_RESPONSE_STARTED.with(f),
        Kind::Headers => ON_HEADERS_RECEIVED.with(f),
    }
}
