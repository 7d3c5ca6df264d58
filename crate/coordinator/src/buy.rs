//! The requester API's writing half: blobs and orders of fetches, cancelling, and what projects (`project`) share with them.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lull_market::{Command, FetchOrder, Reply, RequesterId};
use lull_protocol::limits::{BLOB_BYTES_MAX, BODY_BYTES_MAX};
use lull_protocol::statement::Price;
use lull_protocol::{Amount, ByteCount, Hash, Method, OrderId};
use serde_json::{Value, json};
use url::Url;

use crate::App;
use crate::api::{Requester, Segment, own_order};
use crate::fields::Fields;
use crate::folder::random_bytes;
use crate::limits::{IDEMPOTENCY_KEY_BYTES_MAX, ORDER_BYTES_MAX};
use crate::lines;
use crate::problem::Problem;

pub(crate) type Body = Result<Bytes, BytesRejection>;

/// `PUT /v1/blobs/{hash}`: a picture, by the hash that the requester computed.
pub(crate) async fn put_blob(
    State(app): State<Arc<App>>,
    Requester(requester): Requester,
    Segment(hash): Segment,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let named = Hash::from_hex(&hash).ok_or_else(|| Problem::field("hash", "must be 64 lower-case hex digits"))?;
    let bytes = whole(body, BLOB_BYTES_MAX as usize)?;
    if Hash::of(&bytes) != named {
        return Err(Problem::field("hash", "is not the hash of the bytes that came"));
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let reply = app.writer.ask(Command::PutBlob { requester, media_type, bytes: bytes.to_vec() }).await?;
    match reply {
        Reply::Blob(hash) => Ok((StatusCode::CREATED, Json(json!({"hash": hash.to_string()}))).into_response()),
        _ => Err(Problem::unavailable("no blob came back")),
    }
}

/// `POST /v1/orders`: an item per URL.
pub(crate) async fn post_order(
    State(app): State<Arc<App>>,
    Requester(requester): Requester,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let body = whole(body, ORDER_BYTES_MAX)?;
    let order = order_id(&requester, &headers)?;
    create(&app, Command::CreateFetchOrder(read_order(&body, order, requester)?)).await
}

/// `POST /v1/orders/{order}/cancel`: what is begun is paid, the rest of its money goes back.
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    Requester(requester): Requester,
    Segment(id): Segment,
) -> Result<Json<Value>, Problem> {
    let order = own_order(&app, requester, &id).await?.order.id;
    match app.writer.ask(Command::Cancel { requester, order }).await? {
        Reply::Cancelled { verdicts, withdrawn } => {
            let status = own_order(&app, requester, &id).await?;
            let (verdicts, withdrawn) = (verdicts.len(), withdrawn.len());
            Ok(Json(json!({"verdicts": verdicts, "withdrawn": withdrawn, "progress": lines::order(&status)})))
        }
        _ => Err(Problem::unavailable("no cancellation came back")),
    }
}

pub(crate) async fn create(app: &App, command: Command) -> Result<Response, Problem> {
    match app.writer.ask(command).await? {
        Reply::Order { order, held } => {
            let location = format!("/v1/orders/{order}");
            let body = json!({"order": order.to_string(), "held": held.get()});
            Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(body)).into_response())
        }
        _ => Err(Problem::unavailable("no order came back")),
    }
}

pub(crate) fn whole(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    match body {
        Ok(bytes) if bytes.len() <= bytes_max => Ok(bytes),
        Err(error) if error.status() != StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Problem::bad_request("the body ended early"))
        }
        Ok(_) | Err(_) => Err(Problem::too_large(bytes_max)),
    }
}

/// The same `Idempotency-Key` of the same requester is the same order; without one it is a new order.
pub(crate) fn order_id(requester: &RequesterId, headers: &HeaderMap) -> Result<OrderId, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(OrderId(*random_bytes().map_err(|e| Problem::unavailable(e.to_string()))?));
    };
    if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
        return Err(Problem::field("Idempotency-Key", "has between 1 and 255 bytes"));
    }
    let mut named = b"lull order of a requester under an idempotency key\0".to_vec();
    named.extend_from_slice(&requester.0);
    named.extend_from_slice(key.as_bytes());
    let Hash(hash) = Hash::of(&named);
    let mut id = [0; 16];
    id.copy_from_slice(hash.split_at(16).0);
    Ok(OrderId(id))
}

fn read_order(body: &Bytes, order: OrderId, requester: RequesterId) -> Result<FetchOrder, Problem> {
    let mut f = Fields::parse(body)?;
    let purpose = f.required("purpose");
    let urls = f.required::<Vec<String>>("urls").and_then(|urls| normal_urls(&mut f, &urls));
    let method = f.optional("method", "GET".to_owned()).and_then(|method| match method.as_str() {
        "GET" => Some(Method::Get),
        "HEAD" => Some(Method::Head),
        _ => f.wrong("method", "must be GET or HEAD"),
    });
    let bytes_max = f.optional("bytes_max", BODY_BYTES_MAX).and_then(|n| match ByteCount::new(n) {
        Some(bytes) if n <= BODY_BYTES_MAX => Some(bytes),
        _ => f.wrong("bytes_max", &format!("must be at most {BODY_BYTES_MAX}")),
    });
    let http_allowed = f.optional("http_allowed", false);
    let price = f.nested("price", |p| {
        let per_item = amount(p, "per_item");
        let per_mib = p.optional("per_mib", 0).and_then(|n| checked_amount(p, "per_mib", n));
        Some(Price { per_item: per_item?, per_mib: per_mib? })
    });
    let whole = (|| {
        Some(FetchOrder {
            order,
            requester,
            purpose: purpose?,
            urls: urls?,
            method: method?,
            bytes_max: bytes_max?,
            http_allowed: http_allowed?,
            price: price?,
        })
    })();
    f.finish(whole)
}

/// WHATWG-serialised, without fragments: what a browser would send for it.
fn normal_urls(f: &mut Fields, urls: &[String]) -> Option<Vec<String>> {
    let normal: Vec<Option<String>> = urls
        .iter()
        .enumerate()
        .map(|(i, text)| match Url::parse(text) {
            Ok(mut url) => {
                url.set_fragment(None);
                Some(url.into())
            }
            Err(error) => f.wrong(&format!("urls[{i}]"), &format!("is not a URL: {error}")),
        })
        .collect();
    normal.into_iter().collect()
}

pub(crate) fn amount(f: &mut Fields, name: &str) -> Option<Amount> {
    f.required(name).and_then(|n| checked_amount(f, name, n))
}

fn checked_amount(f: &mut Fields, name: &str, n: u64) -> Option<Amount> {
    match Amount::new(n) {
        Some(amount) => Some(amount),
        None => f.wrong(name, "is above 2^53 - 1 base units"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUYER: RequesterId = RequesterId([1; 16]);

    #[test]
    fn urls_are_normalised_before_anything_is_signed() {
        let body = br#"{"purpose":"x","urls":["HTTPS://ExAmple.com:443/a b/../c?q#frag","https://b\u00fccher.example"],
            "price":{"per_item":5}}"#;
        let order = read_order(&Bytes::from_static(body), OrderId([0; 16]), BUYER).unwrap();
        assert_eq!(order.urls, ["https://example.com/c?q", "https://xn--bcher-kva.example/"]);
        assert_eq!((order.price.per_item.get(), order.method), (5, Method::Get));
    }

    #[test]
    fn a_wrong_order_names_each_field() {
        let body = br#"{"urls":["https://ok.example","nonsense"],"method":"POST","bytes_max":99999999,
            "price":{"per_mib":-1},"fruit":1}"#;
        let problem = read_order(&Bytes::from_static(body), OrderId([0; 16]), BUYER).unwrap_err();
        let text = format!("{problem:?}");
        for field in ["purpose", "urls[1]", "method", "bytes_max", "price.per_item", "price.per_mib", "fruit"] {
            assert!(text.contains(&format!("{field:?}")), "{field} in {text}");
        }
    }

    #[test]
    fn one_idempotency_key_is_one_order_of_one_requester() {
        let mut headers = HeaderMap::new();
        let fresh = order_id(&BUYER, &headers).unwrap();
        assert_ne!(fresh, order_id(&BUYER, &headers).unwrap());
        headers.insert("idempotency-key", "monday".parse().unwrap());
        let named = order_id(&BUYER, &headers).unwrap();
        assert_eq!(named, order_id(&BUYER, &headers).unwrap());
        assert_ne!(named, order_id(&RequesterId([2; 16]), &headers).unwrap());
    }
}
