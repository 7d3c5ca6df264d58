//! The web of a native worker: one request per hop, no redirect followed, the answering address told, the
//! body read only when the machine asks. What may be fetched is the machine's policy, here as in a browser.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use lull_protocol::Method;
use lull_worker::{Event, FetchFailure, FetchId, HopHead};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use url::Url;

/// What the machine wants of a body.
pub struct Wanted {
    /// How much may be read now, bytes.
    pub allowance_bytes: u64,
    /// The body's ceiling, bytes.
    pub bytes_max: u64,
    /// The time for it.
    pub time: Duration,
}

/// The requests under way.
pub struct Web {
    http: reqwest::Client,
    hops: BTreeMap<FetchId, (JoinHandle<()>, mpsc::UnboundedSender<Wanted>)>,
}

impl Web {
    /// A web in which these names have these addresses and this certificate (PEM) is trusted, and no other.
    pub fn new(names: &[(String, SocketAddr)], certificate: &Path) -> Result<Self> {
        let pem = std::fs::read(certificate).with_context(|| certificate.display().to_string())?;
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .tls_certs_only([reqwest::Certificate::from_pem(&pem)?]);
        for (name, address) in names {
            builder = builder.resolve(name, *address);
        }
        Ok(Self { http: builder.build()?, hops: BTreeMap::new() })
    }

    /// Sends one request; its head comes back as an event.
    pub fn fetch(
        &mut self,
        fetch: FetchId,
        url: &str,
        method: Method,
        timeout_ms: u64,
        events: &mpsc::UnboundedSender<Event>,
    ) {
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
        };
        let (read, mut wanted) = mpsc::unbounded_channel();
        let (request, events, url) = (self.http.request(method, url), events.clone(), url.to_owned());
        let task = tokio::spawn(async move {
            let failed = |failure, encoded_bytes| Event::FetchFailed { fetch, failure, encoded_bytes };
            let event = match timeout(Duration::from_millis(timeout_ms), request.send()).await {
                Err(_) => failed(FetchFailure::Timeout, 0),
                Ok(Err(_)) => failed(FetchFailure::Network, 0),
                Ok(Ok(response)) => {
                    // A worker that has stopped wants to hear nothing.
                    let _ = events.send(Event::HopAnswered { fetch, head: head(&url, &response) });
                    match body(fetch, response, &mut wanted, &events).await {
                        None => return,
                        Some(Err((failure, bytes))) => failed(failure, bytes),
                        Some(Ok(body)) => Event::BodyRead { fetch, encoded_bytes: body.len() as u64, body },
                    }
                }
            };
            let _ = events.send(event);
        });
        self.hops.retain(|_, (task, _)| !task.is_finished());
        self.hops.insert(fetch, (task, read));
    }

    /// Reads on in the body of the hop that answered.
    pub fn read_body(&mut self, fetch: FetchId, wanted: Wanted) {
        if let Some((_, read)) = self.hops.get(&fetch) {
            // A task that has ended has told why.
            let _ = read.send(wanted);
        }
    }

    /// Stops a fetch now.
    pub fn abort(&mut self, fetch: FetchId) {
        if let Some((task, _)) = self.hops.remove(&fetch) {
            task.abort();
        }
    }
}

fn head(url: &str, response: &reqwest::Response) -> HopHead {
    let text = |value: &reqwest::header::HeaderValue| value.to_str().ok().map(str::to_owned);
    let headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .filter(|(name, _)| !name.as_str().starts_with("set-cookie"))
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
        .collect();
    let location = headers.iter().find(|(name, _)| name == "location").and_then(|(_, value)| {
        let mut location = Url::parse(url).ok()?.join(value).ok()?;
        location.set_fragment(None);
        Some(location.to_string())
    });
    let address = response.remote_addr().map(|address| address.ip().to_string());
    HopHead { status: response.status().as_u16(), headers, location, address }
}

/// Reads as much as is wanted, tells so, and waits for more. `None`: nobody wants any.
async fn body(
    fetch: FetchId,
    mut response: reqwest::Response,
    wanted: &mut mpsc::UnboundedReceiver<Wanted>,
    events: &mpsc::UnboundedSender<Event>,
) -> Option<Result<Vec<u8>, (FetchFailure, u64)>> {
    let mut body = Vec::new();
    while let Some(Wanted { allowance_bytes, bytes_max, time }) = wanted.recv().await {
        match timeout(time, read_on(&mut response, &mut body, allowance_bytes, bytes_max)).await {
            Err(_) => return Some(Err((FetchFailure::Timeout, body.len() as u64))),
            Ok(Err(failure)) => return Some(Err((failure, body.len() as u64))),
            Ok(Ok(true)) => return Some(Ok(body)),
            // A worker that has stopped wants to hear nothing.
            Ok(Ok(false)) => drop(events.send(Event::BodyProgress { fetch, bytes: body.len() as u64 })),
        }
    }
    None
}

/// Whether the body is whole.
async fn read_on(
    response: &mut reqwest::Response,
    body: &mut Vec<u8>,
    allowance_bytes: u64,
    bytes_max: u64,
) -> Result<bool, FetchFailure> {
    let until = (body.len() as u64).saturating_add(allowance_bytes);
    while (body.len() as u64) < until {
        match response.chunk().await {
            Err(_) => return Err(FetchFailure::Network),
            Ok(None) => return Ok(true),
            Ok(Some(chunk)) if (body.len() + chunk.len()) as u64 > bytes_max => return Err(FetchFailure::TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
        }
    }
    Ok(false)
}
