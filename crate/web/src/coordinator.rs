//! The two requests to the coordinator that served the page.

use base64ct::{Base64UrlUnpadded, Encoding};
use js_sys::{JSON, Object, Reflect};
use lull_protocol::siws::Proof;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, RequestCache, RequestCredentials, RequestInit, RequestRedirect, Response};

use crate::page::{Code, Failure};

/// Time the coordinator has for an answer, milliseconds.
const COORDINATOR_MS: u32 = 20_000;
/// The first HTTP status that speaks of the server, not of the request.
const SERVER_FAULT: u16 = 500;

/// Takes the ticket; gives the sign-in's bytes.
pub(crate) async fn take(ticket: &str) -> Result<Vec<u8>, Failure> {
    let answer = ask("/connect/take", &[("ticket", ticket)]).await?;
    let text = string(&answer, "sign_in").ok_or(Failure::Unreadable)?;
    Base64UrlUnpadded::decode_vec(text.trim_end_matches('=')).map_err(|_| Failure::Unreadable)
}

/// Hands in the proof; gives until when the worker's yes may come, milliseconds since 1970.
pub(crate) async fn send(ticket: &str, proof: &Proof) -> Result<u64, Failure> {
    let answer = ask(
        "/connect/sign-in",
        &[
            ("ticket", ticket),
            ("wallet", &proof.wallet.to_string()),
            ("message", &Base64UrlUnpadded::encode_string(&proof.message)),
            ("signature", &Base64UrlUnpadded::encode_string(&proof.signature)),
        ],
    )
    .await?;
    let until = field(&answer, "until").as_f64().filter(|ms| (0.0..=js_sys::Number::MAX_SAFE_INTEGER).contains(ms));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was just checked")]
    until.map(|ms| ms as u64).ok_or(Failure::Unreadable)
}

async fn ask(path: &str, fields: &[(&str, &str)]) -> Result<JsValue, Failure> {
    let response = response(path, fields).await.map_err(|_| Failure::Unreachable)?;
    // It is there, but can't now: the same request may pass later.
    if response.status() >= SERVER_FAULT {
        return Err(Failure::Unreachable);
    }
    let text = response.text().map_err(|_| Failure::Unreachable)?;
    let text = JsFuture::from(text).await.map_err(|_| Failure::Unreachable)?;
    let answer = JSON::parse(&text.as_string().unwrap_or_default()).map_err(|_| Failure::Unreadable)?;
    if response.ok() {
        return Ok(answer);
    }
    let detail = string(&answer, "detail").ok_or(Failure::Unreadable)?;
    let code = string(&answer, "code").map_or(Code::Other, |word| Code::from_word(&word));
    Err(Failure::Problem(code, detail))
}

async fn response(path: &str, fields: &[(&str, &str)]) -> Result<Response, JsValue> {
    let body = Object::new();
    for (name, value) in fields {
        Reflect::set(&body, &JsValue::from_str(name), &JsValue::from_str(value))?;
    }
    let headers = Headers::new()?;
    headers.set("content-type", "application/json")?;
    let request = RequestInit::new();
    request.set_method("POST");
    request.set_body(&JSON::stringify(&body)?.into());
    request.set_headers(&headers);
    request.set_cache(RequestCache::NoStore);
    request.set_credentials(RequestCredentials::Omit);
    request.set_redirect(RequestRedirect::Error);
    request.set_signal(Some(&AbortSignal::timeout_with_u32(COORDINATOR_MS)));
    let window = web_sys::window().ok_or(JsValue::UNDEFINED)?;
    JsFuture::from(window.fetch_with_str_and_init(path, &request)).await?.dyn_into()
}

fn field(value: &JsValue, name: &str) -> JsValue {
    if value.is_object() {
        Reflect::get(value, &JsValue::from_str(name)).unwrap_or_default()
    } else {
        JsValue::UNDEFINED
    }
}

fn string(value: &JsValue, name: &str) -> Option<String> {
    field(value, name).as_string()
}
