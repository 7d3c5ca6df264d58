//! Stands in for the coordinator's half of connecting: it serves the real coordinator's page under an address of its own
//! and answers the page's two requests as a scenario wants it, refusals included.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, Result};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use data_encoding::BASE64URL_NOPAD;
use lull_protocol::connect::Purpose;
use lull_protocol::siws::{Asked, Chain, Proof, SignIn};
use lull_protocol::units::Nonce;
use lull_protocol::{Hash, PublicKey, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The key of the browser that asked.
pub(super) const WORKER: PublicKey = PublicKey([0x17; 32]);
/// How long a ticket is good, milliseconds.
pub(super) const TICKET_MS: u64 = 5 * 60 * 1_000;

/// The server.
#[derive(Clone)]
pub(super) struct Double {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Where the real coordinator listens.
    coordinator: String,
    http: reqwest::Client,
    book: Arc<Mutex<Book>>,
}

#[derive(Default)]
struct Book {
    tickets: BTreeMap<String, Ticket>,
    proofs: Vec<Proof>,
    sign_in_refusals: Vec<&'static str>,
    take_refusals: Vec<&'static str>,
}

/// What a ticket is for, and how far it is.
#[derive(Clone)]
pub(super) struct Ticket {
    purpose: Purpose,
    chain: Chain,
    life_ms: u64,
    origin: String,
    sign_in: Option<SignIn>,
    is_used: bool,
}

/// What a refusal says.
type Refusal = (&'static str, String);

impl Double {
    /// Starts it in front of a coordinator.
    pub(super) async fn start(coordinator: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let double = Self {
            address: listener.local_addr()?,
            coordinator: coordinator.to_owned(),
            http: reqwest::Client::builder().no_proxy().build()?,
            book: Arc::default(),
        };
        let router = Router::new()
            .route("/connect/take", post(take))
            .route("/connect/sign-in", post(sign_in))
            .fallback(forward)
            .with_state(double.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(double)
    }

    /// A new ticket.
    pub(super) fn ticket(&self, purpose: Purpose, chain: Chain) -> String {
        let origin = format!("ws://{}", self.address);
        self.add(Ticket { purpose, chain, life_ms: TICKET_MS, origin, sign_in: None, is_used: false })
    }

    /// One to link on the chain of one machine.
    pub(super) fn any_ticket(&self) -> String {
        self.ticket(Purpose::Link, Chain::Localnet)
    }

    /// One that is good for so long.
    pub(super) fn short_ticket(&self, life_ms: u64) -> String {
        let ticket = self.any_ticket();
        self.change(&ticket, |one| one.life_ms = life_ms);
        ticket
    }

    /// One whose sign-in is for another site.
    pub(super) fn foreign_ticket(&self) -> String {
        let ticket = self.any_ticket();
        self.change(&ticket, |one| one.origin = "wss://lull.example".into());
        ticket
    }

    fn add(&self, ticket: Ticket) -> String {
        let secret: String = (0..64).map(|_| fastrand::digit(16)).collect();
        self.lock().tickets.insert(secret.clone(), ticket);
        secret
    }

    fn change(&self, ticket: &str, change: impl FnOnce(&mut Ticket)) {
        if let Some(one) = self.lock().tickets.get_mut(ticket) {
            change(one);
        }
    }

    /// The next proof is refused with this code.
    pub(super) fn refuse_next_sign_in(&self, code: &'static str) {
        self.lock().sign_in_refusals.push(code);
    }

    /// The next ticket is refused with this code.
    pub(super) fn refuse_next_take(&self, code: &'static str) {
        self.lock().take_refusals.push(code);
    }

    /// The proofs that held, in their order.
    pub(super) fn proofs(&self) -> Vec<Proof> {
        self.lock().proofs.clone()
    }

    /// The sign-in that the page got for a ticket.
    pub(super) fn sign_in(&self, ticket: &str) -> Result<SignIn> {
        self.lock().tickets.get(ticket).and_then(|one| one.sign_in.clone()).context("the page has not taken it")
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_now(&self, asked: &Value) -> Result<Value, Refusal> {
        let mut book = self.lock();
        if let Some(code) = book.take_refusals.pop() {
            return Err((code, "it was told to refuse".into()));
        }
        let secret = text(asked, "ticket")?;
        let hash = Hash::of(secret.as_bytes());
        let ticket = book.tickets.get_mut(secret).ok_or(("unknown", "no such ticket".to_owned()))?;
        if ticket.sign_in.is_some() {
            return Err(("used", "it was taken".into()));
        }
        let now = now();
        let sign_in = SignIn::new(Asked {
            origin: ticket.origin.clone(),
            chain: ticket.chain,
            purpose: ticket.purpose,
            worker: WORKER,
            ticket: hash,
            nonce: Nonce(std::array::from_fn(|_| fastrand::u8(..))),
            issued_at: now,
            expires_at: now.plus(ticket.life_ms),
        })
        .map_err(|error| ("fault", error.to_string()))?;
        ticket.sign_in = Some(sign_in.clone());
        Ok(json!({"sign_in": BASE64URL_NOPAD.encode(&sign_in.to_bytes())}))
    }

    fn sign_in_now(&self, asked: &Value) -> Result<Value, Refusal> {
        let mut book = self.lock();
        let refused = book.sign_in_refusals.pop();
        let ticket = book.tickets.get_mut(text(asked, "ticket")?).ok_or(("unknown", "no such ticket".to_owned()))?;
        let sign_in = ticket.sign_in.clone().ok_or(("not_yet", "it was not taken".to_owned()))?;
        if ticket.is_used {
            return Err(("used", "it has had its signature".into()));
        }
        let unreadable = |_| ("unreadable", "not base64url".to_owned());
        let signature = BASE64URL_NOPAD.decode(text(asked, "signature")?.as_bytes()).map_err(unreadable)?;
        let proof = Proof {
            wallet: text(asked, "wallet")?.parse().map_err(|error| ("wallet", format!("{error}")))?,
            message: BASE64URL_NOPAD.decode(text(asked, "message")?.as_bytes()).map_err(unreadable)?,
            signature: signature.try_into().map_err(|_| ("unreadable", "not 64 bytes".to_owned()))?,
        };
        sign_in.verify(&proof, now()).map_err(|problem| ("sign_in", problem.to_string()))?;
        if let Some(code) = refused {
            return Err((code, "it was told to refuse".into()));
        }
        ticket.is_used = true;
        book.proofs.push(proof);
        Ok(json!({"until": now().plus(TICKET_MS).get()}))
    }
}

fn text<'a>(asked: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    asked.get(name).and_then(Value::as_str).ok_or(("unreadable", format!("no {name}")))
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).ok().and_then(Timestamp::new).unwrap_or_default()
}

async fn take(State(double): State<Double>, Json(asked): Json<Value>) -> Response {
    answer(double.take_now(&asked))
}

async fn sign_in(State(double): State<Double>, Json(asked): Json<Value>) -> Response {
    answer(double.sign_in_now(&asked))
}

fn answer(said: Result<Value, Refusal>) -> Response {
    match said {
        Ok(body) => Json(body).into_response(),
        Err((code, detail)) => {
            let body = json!({"title": "No", "status": 409, "code": code, "detail": detail}).to_string();
            (StatusCode::CONFLICT, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
        }
    }
}

/// The page and its files are the real coordinator's, with its headers.
async fn forward(State(double): State<Double>, uri: Uri) -> Response {
    let url = format!("http://{}{}", double.coordinator, uri.path());
    let Ok(answer) = double.http.get(url).send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, mut headers) = (answer.status(), HeaderMap::new());
    for (name, value) in answer.headers().iter().filter(|(name, _)| **name != header::CONTENT_LENGTH) {
        headers.append(name, value.clone());
    }
    let body = answer.bytes().await.map(Body::from).unwrap_or_default();
    (status, headers, body).into_response()
}
