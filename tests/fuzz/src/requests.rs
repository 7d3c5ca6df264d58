//! Requests to the coordinator's HTTP API, through the real router to the real store.

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use lull_coordinator::config::Settings;
use lull_coordinator::{Running, operator, start};
use lull_protocol::{Amount, Hash};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::feed::Feed;
use crate::{edit, make};

/// What the database may grow to, bytes: more is a 503, as on a full disk.
const STORE_BYTES_MAX: u64 = 16 << 20;
/// An answer, bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const REQUEST_MS_MAX: u64 = 20_000;

/// Every request gets an answer that its caller can read: JSON, or a problem document that says what is wrong.
pub(crate) fn requests(bytes: &[u8]) {
    let server = Server::get();
    let mut feed = Feed::new(bytes);
    let Some(request) = request(&mut feed, server) else { return };
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let (status, kind, body) = server.answer(request);
    assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{method} {uri}");
    let text = String::from_utf8_lossy(&body);
    if status.is_client_error() || status.is_server_error() {
        assert_eq!(kind, "application/problem+json", "{method} {uri}: {status} {text}");
        if method == "HEAD" {
            // Its answer is only a head (RFC 9110 §9.3.2).
            return assert!(body.is_empty());
        }
        let problem: Value = serde_json::from_slice(&body).expect("a problem document");
        assert_eq!(problem.get("status"), Some(&json!(status.as_u16())));
        assert!(problem.get("detail").and_then(Value::as_str).is_some_and(|detail| !detail.is_empty()));
    } else if kind == "application/jsonl" {
        assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{text}");
    } else if kind == "application/json" {
        assert!(method == "HEAD" || serde_json::from_str::<Value>(&text).is_ok(), "{text}");
    }
}

/// A server with a requester that can't pay: what it asks for is judged in full and changes nothing.
struct Server {
    runtime: Runtime,
    router: Router,
    key: String,
    operator: String,
    _running: Running,
    _folder: TempDir,
}

impl Server {
    fn get() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Self::new)
    }

    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = Settings {
            listen: Some(([127, 0, 0, 1], 0).into()),
            data: Some(folder.path().to_owned()),
            store_bytes_max: Some(STORE_BYTES_MAX),
            ..Settings::default()
        };
        let config = settings.finish().expect("a good configuration");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let running = runtime.block_on(start(config.clone())).expect("a server");
        let key = operator::add_requester(&config, "Buyer", Amount::new(1)).expect("a requester");
        let operator = std::fs::read_to_string(folder.path().join("operator.token")).expect("the operator's token");
        let router = running.router();
        Self {
            runtime,
            router,
            key: key.to_string(),
            operator: operator.trim().to_owned(),
            _running: running,
            _folder: folder,
        }
    }

    fn answer(&self, request: Request<Body>) -> (StatusCode, String, Vec<u8>) {
        self.runtime.block_on(async {
            let answered = async {
                let response = self.router.clone().oneshot(request).await.expect("a router never fails");
                let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
                let (status, kind) = (response.status(), kind.unwrap_or_default().to_owned());
                let body = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await.expect("a whole answer");
                (status, kind, body.to_vec())
            };
            tokio::time::timeout(Duration::from_millis(REQUEST_MS_MAX), answered).await.expect("an answer in time")
        })
    }
}

fn request(feed: &mut Feed<'_>, server: &Server) -> Option<Request<Body>> {
    const METHODS: [&str; 6] = ["GET", "PUT", "POST", "HEAD", "DELETE", "OPTIONS"];
    const KINDS: [&str; 6] = ["image/png", "image/jpeg", "image/avif", "application/json", "text/html", ""];
    let route = feed.below(10);
    let (usual, body) = match route {
        0..=2 => ("POST", order(feed)),
        3 | 4 => ("POST", project(feed)),
        5 => ("PUT", picture(feed)),
        _ => ("GET", Vec::new()),
    };
    let mut body = body;
    for _ in 0..feed.below(3) {
        edit::bytes(feed, &mut body);
    }
    let path = match route {
        0..=2 => "/v1/orders".to_owned(),
        3 | 4 => "/v1/projects".to_owned(),
        5 if !feed.one_in(8) => format!("/v1/blobs/{}", Hash::of(&body)),
        _ => path(feed),
    };
    let method = if feed.one_in(16) { *feed.pick(&METHODS) } else { usual };
    let mut builder = Request::builder().method(method).uri(format!("{path}{}", query(feed)));
    builder = match feed.below(8) {
        0 => builder.header("authorization", feed.bytes(40)),
        1 => builder.header("authorization", format!("Bearer {}", server.operator)),
        2 => builder,
        _ => builder.header("authorization", format!("Bearer {}", server.key)),
    };
    if feed.one_in(4) {
        builder = builder.header("idempotency-key", feed.bytes(300));
    }
    let kind = if feed.one_in(8) { feed.bytes(20) } else { feed.pick(&KINDS).as_bytes().to_vec() };
    builder = builder.header("content-type", kind);
    if feed.one_in(16) {
        let name =
            *feed.pick(&["upgrade", "connection", "content-length", "sec-websocket-protocol", "sec-websocket-key"]);
        builder = builder.header(name, feed.bytes(20));
    }
    // What is no request at all never reaches the router.
    builder.body(Body::from(body)).ok()
}

fn path(feed: &mut Feed<'_>) -> String {
    const PATHS: [&str; 11] = [
        "/v1/orders",
        "/v1/projects",
        "/v1/balance",
        "/v1/health",
        "/v1/card",
        "/v1/ledger",
        "/v1/worker",
        "/v1/orders/{}",
        "/v1/orders/{}/results",
        "/v1/results/{}/body",
        "/v1/blobs/{}",
    ];
    let id = match feed.below(4) {
        0 => make::hash(feed).to_string(),
        1 => "00".repeat(16),
        2 => format!("%{:02x}{}", feed.byte(), feed.text(6)),
        _ => feed.text(40),
    };
    if feed.one_in(16) { format!("/{}", feed.text(30)) } else { feed.pick(&PATHS).replace("{}", &id) }
}

fn query(feed: &mut Feed<'_>) -> String {
    match feed.below(4) {
        0 => format!("?after={}&limit={}", feed.number(), feed.number()),
        1 => format!("?{}", feed.text(20)),
        2 => format!("?limit={}", feed.text(5)),
        _ => String::new(),
    }
}

fn order(feed: &mut Feed<'_>) -> Vec<u8> {
    let urls: Vec<String> = (0..=feed.below(3)).map(|_| make::url(feed)).collect();
    let body = json!({
        "purpose": "a test",
        "urls": urls,
        "method": "GET",
        "bytes_max": 1_000,
        "http_allowed": false,
        "price": {"per_item": 1_000, "per_mib": 4_000},
    });
    changed(feed, body)
}

fn project(feed: &mut Feed<'_>) -> Vec<u8> {
    let content = match feed.below(3) {
        0 => json!({"text": make::label(feed)}),
        1 => json!({"hash": make::hash(feed).to_string(), "alt": "a picture"}),
        _ => json!({"text": "a sentence"}),
    };
    let mut body = json!({
        "title": "Signs",
        "guideline_version": 1,
        "guideline": "Look closely.",
        "question": "Is it a stop sign?",
        "price": 4_000,
        "rule": {"agree": 1, "people": 2},
    });
    let typed = typed(feed, content);
    if let (Value::Object(fields), Value::Object(more)) = (&mut body, typed) {
        fields.extend(more);
    }
    changed(feed, body)
}

/// What each type has of its own.
fn typed(feed: &mut Feed<'_>, content: Value) -> Value {
    let another = json!({"code": "another"});
    match feed.below(6) {
        0 => json!({"options": ["yes", "no"], "contents": [content, another]}),
        1 => json!({"options": ["yes", "no"], "contents": [another], "practice": [
            {"text": "practised", "answer": "no", "explanation": make::label(feed)},
            {"code": "practised", "answer": feed.pick(&["yes", "maybe"]), "explanation": "It is."},
        ]}),
        2 => json!({"type": "multi", "options": ["yes", "no"], "least": 0, "most": 1, "contents": [content, another]}),
        3 => json!({"type": "compare", "contents": [{"left": content, "right": another}]}),
        4 => json!({"type": "rating", "steps": 5, "lowest": "l", "highest": "h", "contents": [content, another]}),
        _ => json!({"type": "verify", "contents": [
            {"claim": "It froze.", "source": make::label(feed)},
            {"claim": "It froze.", "source": ["It was cold.", "It froze."]},
        ]}),
    }
}

fn picture(feed: &mut Feed<'_>) -> Vec<u8> {
    const STARTS: [&[u8]; 4] = [
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT",
        b"\xff\xd8\xff",
        b"\0\0\0\x20ftypavif",
        b"GIF89a",
    ];
    let mut bytes = feed.pick(&STARTS).to_vec();
    bytes.extend(feed.bytes(20));
    bytes
}

/// The body with some of its values replaced, removed or added.
fn changed(feed: &mut Feed<'_>, mut body: Value) -> Vec<u8> {
    for _ in 0..feed.below(4) {
        let value = value(feed, 3);
        change(feed, &mut body, value);
    }
    body.to_string().into_bytes()
}

fn change(feed: &mut Feed<'_>, at: &mut Value, value: Value) {
    match at {
        Value::Object(fields) if !feed.one_in(8) && !fields.is_empty() => {
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = feed.pick(&names).clone();
            match feed.below(8) {
                0 => drop(fields.remove(&name)),
                1 => drop(fields.insert(feed.text(8), value)),
                _ => {
                    if let Some(inner) = fields.get_mut(&name) {
                        change(feed, inner, value);
                    }
                }
            }
        }
        Value::Array(list) if !feed.one_in(4) && !list.is_empty() => {
            let index = feed.below(list.len());
            match list.get_mut(index) {
                Some(inner) if !feed.one_in(4) => change(feed, inner, value),
                _ => list.push(value),
            }
        }
        other => *other = value,
    }
}

fn value(feed: &mut Feed<'_>, depth: usize) -> Value {
    match feed.below(if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => json!(feed.one_in(2)),
        2 => json!(feed.number()),
        3 => json!((feed.number() as i64).wrapping_neg()),
        4 => json!(make::label(feed)),
        5 => json!(feed.number() as f64 / 3.0),
        6 => Value::Array((0..feed.below(4)).map(|_| value(feed, depth - 1)).collect()),
        _ => json!({ (feed.text(5)): value(feed, depth - 1) }),
    }
}
