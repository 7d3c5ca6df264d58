//! HTTP: routes, who may call them, and the reading half of the requester API. `docs/api.md` describes it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use data_encoding::BASE64;
use lull_market::RequesterId;
use lull_protocol::limits::BLOB_BYTES_MAX;
use lull_protocol::{Hash, OrderId};
use lull_store::{OrderStatus, Reader, StoreError};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::limits::{
    CONNECT_BYTES_MAX, DEPOSIT_BYTES_MAX, ORDER_BYTES_MAX, PAGE_LINES_MAX, PROJECT_BYTES_MAX, REQUEST_MS_MAX,
    REVIEW_BYTES_MAX,
};
use crate::problem::Problem;
use crate::{App, buy, connect, deposits, lines, pages, project, review, session};

/// Every address this server answers.
pub fn router(app: Arc<App>) -> Router {
    let limit = DefaultBodyLimit::max;
    Router::new()
        .route("/v1/worker", get(session::upgrade))
        .route("/v1/blobs/{hash}", put(buy::put_blob).layer(limit(BLOB_BYTES_MAX as usize)))
        .route("/v1/orders", post(buy::post_order).layer(limit(ORDER_BYTES_MAX)).get(orders))
        .route("/v1/projects", post(project::post_project).layer(limit(PROJECT_BYTES_MAX)))
        .route("/v1/orders/{order}", get(order))
        .route("/v1/orders/{order}/results", get(results))
        .route("/v1/orders/{order}/flags", get(flags))
        .route("/v1/orders/{order}/answers", get(answers))
        .route("/v1/orders/{order}/review", post(review::post_review).layer(limit(REVIEW_BYTES_MAX)))
        .route("/v1/orders/{order}/cancel", post(buy::cancel))
        .route("/v1/results/{offer}/body", get(body))
        .route("/v1/balance", get(balance))
        .route("/v1/deposits", post(deposits::post_deposit).layer(limit(DEPOSIT_BYTES_MAX)).get(deposits::list))
        .route("/v1/deposits/{reference}", get(deposits::one))
        .route("/v1/deposits/{reference}/look", post(deposits::look))
        .route("/v1/health", get(health))
        .route("/v1/card", get(card))
        .route("/v1/ledger", get(ledger))
        .merge(pages::routes(app.pages.as_ref()))
        .route("/connect/take", post(connect::take).layer(limit(CONNECT_BYTES_MAX)))
        .route("/connect/sign-in", post(connect::sign_in).layer(limit(CONNECT_BYTES_MAX)))
        .fallback(|| async { Problem::not_found("address") })
        .method_not_allowed_fallback(|| async { Problem::method() })
        .layer(from_fn(in_time))
        .with_state(app)
}

/// A request that comes too slowly, or takes too long, ends. An upgraded socket has limits of its own.
async fn in_time(request: Request, next: Next) -> Response {
    match timeout(Duration::from_millis(REQUEST_MS_MAX), next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::too_slow().into_response(),
    }
}

/// The requester whose key the request carries.
pub(crate) struct Requester(pub(crate) RequesterId);

impl FromRequestParts<Arc<App>> for Requester {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let key = bearer(&parts.headers).ok_or_else(Problem::unauthorized)?;
        let hash = Hash::of(key.as_bytes());
        let found = app.readers.read(move |r| r.requester_by_key(&hash)).await?;
        found.map(|(id, _)| Self(id)).ok_or_else(Problem::unauthorized)
    }
}

/// The operator on this machine: who can read the token's file.
pub(crate) struct Operator;

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        // Hashes are compared, so the time it takes tells nothing about the token.
        let matches = bearer(&parts.headers).is_some_and(|token| Hash::of(token.as_bytes()) == app.operator_token);
        if matches { Ok(Self) } else { Err(Problem::unauthorized()) }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The one part of the address that varies; what can't be read of it is a problem document too.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(text)) => Ok(Self(text)),
            Err(error) => Err(Problem::bad_request(error.body_text())),
        }
    }
}

/// Where a page begins, and how long it may be.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Page {
    after: u64,
    limit: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { after: 0, limit: PAGE_LINES_MAX }
    }
}

type AskedPage = Result<Query<Page>, axum::extract::rejection::QueryRejection>;

fn page(asked: AskedPage) -> Result<Page, Problem> {
    match asked {
        Ok(Query(page)) if (1..=PAGE_LINES_MAX).contains(&page.limit) => Ok(page),
        Ok(_) => Err(Problem::field("limit", format!("must be between 1 and {PAGE_LINES_MAX}"))),
        Err(error) => Err(Problem::bad_request(error.body_text())),
    }
}

async fn orders(State(app): State<Arc<App>>, Requester(requester): Requester) -> Result<Json<Value>, Problem> {
    let found = app
        .readers
        .read(move |r| {
            let mut found = Vec::new();
            for id in r.orders(requester)? {
                found.extend(r.order(&id)?);
            }
            Ok(found)
        })
        .await?;
    Ok(Json(json!({"orders": found.iter().map(lines::order).collect::<Vec<_>>()})))
}

async fn order(
    State(app): State<Arc<App>>,
    Requester(requester): Requester,
    Segment(id): Segment,
) -> Result<Json<Value>, Problem> {
    Ok(Json(lines::order(&own_order(&app, requester, &id).await?)))
}

pub(crate) async fn own_order(app: &App, requester: RequesterId, id: &str) -> Result<OrderStatus, Problem> {
    let id = OrderId::from_hex(id).ok_or_else(|| Problem::not_found("order"))?;
    let found = app.readers.read(move |r| r.order(&id)).await?;
    found.filter(|status| status.order.requester == requester).ok_or_else(|| Problem::not_found("order"))
}

async fn results(
    State(app): State<Arc<App>>,
    Requester(requester): Requester,
    Segment(id): Segment,
    asked: AskedPage,
) -> Result<Response, Problem> {
    of_an_order(&app, requester, &id, asked, Reader::results, |row| row.number, lines::result).await
}

async fn flags(
    State(app): State<Arc<App>>,
    Requester(requester): Requester,
    Segment(id): Segment,
    asked: AskedPage,
) -> Result<Response, Problem> {
    of_an_order(&app, requester, &id, asked, Reader::flags, |row| row.number, lines::flag).await
}

/// Rows of an order after a number, at most so many.
type ReadPage<T> = fn(&Reader, &OrderId, u64, usize) -> Result<Vec<T>, StoreError>;

/// One line per row of the order, then one with the order's progress and where the next page begins.
async fn of_an_order<T: Send + 'static>(
    app: &App,
    requester: RequesterId,
    id: &str,
    asked: AskedPage,
    read: ReadPage<T>,
    number: fn(&T) -> u64,
    line: fn(&T) -> Value,
) -> Result<Response, Problem> {
    let Page { after, limit } = page(asked)?;
    let status = own_order(app, requester, id).await?;
    let order = status.order.id;
    let rows = app.readers.read(move |reader| read(reader, &order, after, limit)).await?;
    let next = rows.last().map_or(after, number);
    let progress = json!({"progress": lines::order(&status), "next": next, "more": rows.len() == limit});
    Ok(jsonl(rows.iter().map(line).chain([progress])))
}

/// One line per answer that has no verdict, then one as results have it.
async fn answers(
    State(app): State<Arc<App>>,
    Requester(requester): Requester,
    Segment(id): Segment,
    asked: AskedPage,
) -> Result<Response, Problem> {
    of_an_order(&app, requester, &id, asked, Reader::waiting_answers, |row| row.number, lines::waiting).await
}

async fn body(
    State(app): State<Arc<App>>,
    Requester(requester): Requester,
    Segment(offer): Segment,
) -> Result<Response, Problem> {
    let not_found = || Problem::not_found("result with a body");
    let offer = Hash::from_hex(&offer).ok_or_else(not_found)?;
    let found = app
        .readers
        .read(move |r| {
            let Some(lease) = r.lease(&offer)? else {
                return Ok(None);
            };
            let order = r.order(&lease.order)?;
            if order.is_some_and(|status| status.order.requester == requester) { r.body(&offer) } else { Ok(None) }
        })
        .await?;
    let headers = [
        // A page from elsewhere: never shown as one of this server's.
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, found.ok_or_else(not_found)?).into_response())
}

async fn balance(State(app): State<Arc<App>>, Requester(requester): Requester) -> Result<Json<Value>, Problem> {
    let balance = app.readers.read(move |r| r.balance(requester)).await?;
    let asset = &app.terms.asset;
    Ok(Json(json!({"available": balance.available.get(), "held": balance.held.get(), "asset": asset})))
}

async fn health(State(app): State<Arc<App>>) -> Response {
    let (status, word) =
        if app.writer.is_healthy() { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "not writing") };
    (status, Json(json!({"status": word}))).into_response()
}

async fn card(State(app): State<Arc<App>>) -> Json<Value> {
    let key = app.house.key.public();
    Json(json!({
        "public_key": key.to_string(),
        "fingerprint": key.fingerprint().to_string(),
        "card": BASE64.encode(&app.house.card),
    }))
}

async fn ledger(State(app): State<Arc<App>>, _: Operator, asked: AskedPage) -> Result<Response, Problem> {
    let Page { after, limit } = page(asked)?;
    let rows = app.readers.read(move |r| r.ledger(after, limit)).await?;
    Ok(jsonl(rows.iter().map(lines::entry)))
}

fn jsonl(lines: impl Iterator<Item = Value>) -> Response {
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    ([(header::CONTENT_TYPE, "application/jsonl")], text).into_response()
}
