//! `POST /connect/take` and `POST /connect/sign-in`: what the page of `/connect` asks, with a worker's ticket.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use data_encoding::BASE64URL_NOPAD;
use lull_market::connect::{self, Given, Request, Site};
use lull_market::{Command, Reply};
use lull_protocol::siws::Proof;
use lull_protocol::units::{Nonce, Ticket};
use lull_protocol::{Hash, Wallet};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::App;
use crate::buy::{Body, whole};
use crate::fields::Fields;
use crate::folder::random_bytes;
use crate::limits::{CONNECT_BYTES_MAX, CONNECT_FAILED_BURST_MAX, CONNECT_FAILED_PER_SECOND_MAX};
use crate::problem::Problem;

/// The page takes its ticket, and gets what the wallet is to sign.
pub(crate) async fn take(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Result<Json<Value>, Problem> {
    let site = site(&app, &headers)?;
    let mut f = Fields::parse(&whole(body, CONNECT_BYTES_MAX)?)?;
    let ticket = ticket(&mut f);
    let ticket = f.finish(ticket)?;
    let nonce = random_bytes().map_err(|_| Problem::unavailable("the operating system gives no randomness"))?;
    match ask(&app, ticket, Request::Take { ticket, site, nonce: Nonce(*nonce) }).await? {
        Given::SignIn(sign_in) => Ok(Json(json!({"sign_in": BASE64URL_NOPAD.encode(&sign_in.to_bytes())}))),
        _ => Err(Problem::unavailable("no sign-in came back")),
    }
}

/// The wallet has signed; the worker is asked.
pub(crate) async fn sign_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    site(&app, &headers)?;
    let mut f = Fields::parse(&whole(body, CONNECT_BYTES_MAX)?)?;
    let (ticket, proof) = (ticket(&mut f), proof(&mut f));
    let (ticket, proof) = f.finish(ticket.zip(proof))?;
    match ask(&app, ticket, Request::SignIn { ticket, proof }).await? {
        Given::Asked(until) => Ok(Json(json!({"until": until.get()}))),
        Given::Refused(problem) => Err(Problem::connect(&problem)),
        _ => Err(Problem::unavailable("no answer came back")),
    }
}

/// Whose page it is: this coordinator's, under one of the addresses that it has. Other sites' pages are refused; browsers
/// say where a page is from, and a program is free to say nothing.
fn site(app: &App, headers: &HeaderMap) -> Result<Site, Problem> {
    let chain = app.house.chain.ok_or_else(|| Problem::not_found("address"))?;
    let origins = &app.house.origins;
    let foreign = || Problem::foreign("this is for the page of /connect alone: open it from Lull");
    if headers.get("sec-fetch-site").is_some_and(|from| from != "same-origin") {
        return Err(foreign());
    }
    let origin = match headers.get(header::ORIGIN) {
        Some(origin) => origins.iter().find(|ours| origin == page_origin(ours).as_str()).ok_or_else(foreign)?,
        None => origins.first().ok_or_else(foreign)?,
    };
    Ok(Site { origin: origin.clone(), chain })
}

/// The origin of pages at a socket's origin, as a browser writes it.
fn page_origin(socket: &str) -> String {
    let (scheme, authority) = socket.split_once("://").unwrap_or_default();
    let (scheme, port) = if scheme == "wss" { ("https", ":443") } else { ("http", ":80") };
    format!("{scheme}://{}", authority.strip_suffix(port).unwrap_or(authority))
}

fn ticket(f: &mut Fields) -> Option<Hash> {
    let text: String = f.required("ticket")?;
    match Ticket::from_hex(&text) {
        Some(ticket) => Some(ticket.hash()),
        None => f.wrong("ticket", "must be 64 lower-case hex digits"),
    }
}

fn proof(f: &mut Fields) -> Option<Proof> {
    let wallet = f.required::<String>("wallet").and_then(|text| match text.parse::<Wallet>() {
        Ok(wallet) => Some(wallet),
        Err(error) => f.wrong("wallet", &error.to_string()),
    });
    let message = base64(f, "message");
    let signature = base64(f, "signature").and_then(|bytes| match bytes.try_into() {
        Ok(signature) => Some(signature),
        Err(_) => f.wrong("signature", "must be 64 bytes"),
    });
    Some(Proof { wallet: wallet?, message: message?, signature: signature? })
}

fn base64(f: &mut Fields, name: &str) -> Option<Vec<u8>> {
    let text: String = f.required(name)?;
    match BASE64URL_NOPAD.decode(text.as_bytes()) {
        Ok(bytes) => Some(bytes),
        Err(_) => f.wrong(name, "must be base64url without padding (RFC 4648 §5)"),
    }
}

/// What nobody has a ticket for doesn't reach the writer; only that counts as failed, so that nobody who makes up tickets
/// holds up who has one.
async fn ask(app: &App, ticket: Hash, request: Request) -> Result<Given, Problem> {
    if !app.readers.read(move |reader| reader.has_ticket(&ticket)).await? {
        app.failed.check()?;
        app.failed.count();
        return Err(Problem::connect(&connect::Problem::Unknown));
    }
    match app.writer.ask(Command::Wallet(Box::new(request))).await {
        Ok(Reply::Wallet { given, .. }) => Ok(given),
        Ok(_) => Err(Problem::unavailable("no answer came back")),
        Err(error) => Err(error.into()),
    }
}

/// Attempts without a ticket, over all pages. A ticket is a secret of 256 bits that nobody guesses: this is against load
/// alone.
#[derive(Debug)]
pub(crate) struct Failed(Mutex<Bucket>);

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// How many may fail yet, in thousandths.
    milli: u64,
    filled: Instant,
}

const FULL: u64 = CONNECT_FAILED_BURST_MAX as u64 * 1_000;

impl Bucket {
    fn at(self, now: Instant) -> Self {
        let passed_ms = u64::try_from(now.saturating_duration_since(self.filled).as_millis()).unwrap_or(u64::MAX);
        let more = passed_ms.saturating_mul(u64::from(CONNECT_FAILED_PER_SECOND_MAX));
        Self { milli: self.milli.saturating_add(more).min(FULL), filled: now }
    }
}

impl Failed {
    pub(crate) fn none() -> Self {
        Self(Mutex::new(Bucket { milli: FULL, filled: Instant::now() }))
    }

    fn change(&self, change: impl FnOnce(Bucket) -> Bucket) -> Bucket {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *bucket = change(bucket.at(Instant::now()));
        *bucket
    }

    /// Whether one more may be tried.
    fn check(&self) -> Result<(), Problem> {
        let Bucket { milli, .. } = self.change(|bucket| bucket);
        if milli >= 1_000 { Ok(()) } else { Err(Problem::busy("too many attempts have failed: try again in a moment")) }
    }

    fn count(&self) {
        self.change(|bucket| Bucket { milli: bucket.milli.saturating_sub(1_000), ..bucket });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn many_that_fail_hold_up_the_next_for_a_moment() {
        let failed = Failed::none();
        for _ in 0..CONNECT_FAILED_BURST_MAX {
            failed.check().unwrap();
            failed.count();
        }
        failed.check().unwrap_err();
        tokio::time::advance(Duration::from_millis(1_000 / u64::from(CONNECT_FAILED_PER_SECOND_MAX))).await;
        failed.check().unwrap();
    }

    #[test]
    fn a_page_is_where_its_socket_is() {
        for (socket, page) in [
            ("wss://lull.example", "https://lull.example"),
            ("wss://lull.example:443", "https://lull.example"),
            ("wss://lull.example:8443", "https://lull.example:8443"),
            ("ws://127.0.0.1:7340", "http://127.0.0.1:7340"),
            ("ws://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(page_origin(socket), page);
        }
    }
}
