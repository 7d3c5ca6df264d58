//! The requester's half of `lull`: orders and results over a coordinator's HTTP API.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lull_protocol::Hash;
use lull_protocol::limits::BODY_BYTES_MAX;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::{Map, Value, json};

/// How often `--follow` asks again, milliseconds.
const FOLLOW_MS: u64 = 1_000;
/// Time for a connection to open, milliseconds.
const CONNECT_MS_MAX: u64 = 10_000;
/// Time for a whole answer, milliseconds.
const ANSWER_MS_MAX: u64 = 120_000;

/// Said after a review.
const PAUSED: &str = "This project is paused: too many of its reviewed answers were rejected. What people have on screen goes on and \
    you can review on; nobody else gets anything of it until the operator has looked at it and resumed it.";

/// A coordinator, and the key to buy from it.
pub(crate) struct Client {
    http: reqwest::Client,
    server: Url,
    key: String,
}

/// An order of fetches.
pub(crate) struct Fetch<'a> {
    /// What to fetch.
    pub(crate) urls: &'a [String],
    /// What for.
    pub(crate) purpose: &'a str,
    /// GET or HEAD.
    pub(crate) method: &'a str,
    /// Ceiling of each decoded body.
    pub(crate) bytes_max: Option<u64>,
    /// Whether plain http is allowed.
    pub(crate) http_allowed: bool,
    /// Per item, base units.
    pub(crate) price: u64,
    /// Per MiB, base units.
    pub(crate) price_mib: u64,
    /// Makes the same command the same order.
    pub(crate) idempotency_key: Option<&'a str>,
}

impl Client {
    /// A client of the coordinator at `server`, such as `http://127.0.0.1:7340`.
    pub(crate) fn new(server: &str, key: &str) -> Result<Self> {
        // reqwest takes the process's provider of cryptography; a second call finds it set, which is fine.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_millis(CONNECT_MS_MAX))
            .timeout(Duration::from_millis(ANSWER_MS_MAX))
            .build()?;
        let server = Url::parse(server)
            .with_context(|| format!("--server {server:?}: give scheme and host, such as https://work.example"))?;
        let loopback = matches!(server.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if server.scheme() != "https" && !(server.scheme() == "http" && loopback) {
            bail!("--server must be https://, or http:// to loopback: the API key travels with each request");
        }
        Ok(Self { http, server, key: key.trim().to_owned() })
    }

    /// Orders fetches; prints the order.
    pub(crate) async fn fetch(&self, fetch: &Fetch<'_>) -> Result<()> {
        let body = json!({
            "urls": fetch.urls,
            "purpose": fetch.purpose,
            "method": fetch.method,
            "bytes_max": fetch.bytes_max.unwrap_or(BODY_BYTES_MAX),
            "http_allowed": fetch.http_allowed,
            "price": {"per_item": fetch.price, "per_mib": fetch.price_mib},
        });
        let mut request = self.request(Method::POST, "/v1/orders")?.json(&body);
        if let Some(key) = fetch.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        print_json(request).await
    }

    /// Buys the judgments that a file describes; its pictures are sent first.
    pub(crate) async fn project(&self, file: &Path) -> Result<()> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let mut project: Value = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
        let folder = file.parent().unwrap_or(Path::new("."));
        project.get("contents").and_then(Value::as_array).context("the project has no contents")?;
        for list in ["contents", "practice"] {
            let tasks = project.get_mut(list).and_then(Value::as_array_mut);
            for object in tasks.into_iter().flatten().flat_map(pictures_of) {
                if let Some(Value::String(name)) = object.remove("file") {
                    object.insert("hash".into(), json!(self.send_blob(&folder.join(name)).await?.to_string()));
                }
            }
        }
        print_json(self.request(Method::POST, "/v1/projects")?.json(&project)).await
    }

    /// Sends a picture; prints its hash.
    pub(crate) async fn put_blob(&self, file: &Path) -> Result<()> {
        println!("{}", self.send_blob(file).await?);
        Ok(())
    }

    async fn send_blob(&self, file: &Path) -> Result<Hash> {
        let media_type = match file.extension().and_then(|e| e.to_str()) {
            Some("png") => "image/png",
            Some("jpg" | "jpeg") => "image/jpeg",
            Some("webp") => "image/webp",
            Some("avif") => "image/avif",
            Some("svg") => "image/svg+xml",
            _ => bail!("{}: a picture is .png, .jpg, .webp, .avif or .svg", file.display()),
        };
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        let hash = Hash::of(&bytes);
        let request = self.request(Method::PUT, &format!("/v1/blobs/{hash}"))?;
        answered(request.header("content-type", media_type).body(bytes)).await?;
        Ok(hash)
    }

    /// Prints all orders.
    pub(crate) async fn orders(&self) -> Result<()> {
        print_json(self.request(Method::GET, "/v1/orders")?).await
    }

    /// Prints the balance.
    pub(crate) async fn balance(&self) -> Result<()> {
        print_json(self.request(Method::GET, "/v1/balance")?).await
    }

    /// Prints an order's results or flags, one JSON object per line; with `follow` until no item is open.
    pub(crate) async fn lines(&self, order: &str, what: &str, follow: bool) -> Result<()> {
        let mut after = 0;
        loop {
            let progress = self.page(order, what, &mut after).await?;
            if progress.get("more") == Some(&json!(true)) {
                continue;
            }
            let items = progress.get("progress").and_then(|p| p.get("items"));
            eprintln!("{}", items.unwrap_or(&Value::Null));
            if !follow || items.and_then(|i| i.get("open")) == Some(&json!(0)) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(FOLLOW_MS)).await;
        }
    }

    /// Prints the lines of an order after a place, which moves on; the answer's last line.
    async fn page(&self, order: &str, what: &str, after: &mut u64) -> Result<Value> {
        let path = format!("/v1/orders/{order}/{what}?after={after}");
        let text = answered(self.request(Method::GET, &path)?).await?.text().await?;
        let (lines, last) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
        if !lines.is_empty() {
            println!("{lines}");
        }
        let progress: Value = serde_json::from_str(last).context("the answer has no progress line")?;
        *after = progress.get("next").and_then(Value::as_u64).context("the progress has no next")?;
        Ok(progress)
    }

    /// Prints the answers of a project that wait for a verdict, one JSON object per line.
    pub(crate) async fn answers(&self, order: &str) -> Result<()> {
        let mut after = 0;
        loop {
            let progress = self.page(order, "answers", &mut after).await?;
            if progress.get("more") != Some(&json!(true)) {
                eprintln!("{}", progress.get("progress").and_then(|p| p.get("review")).unwrap_or(&Value::Null));
                return Ok(());
            }
        }
    }

    /// Accepts and rejects answers, all of them or none; prints how the project stands.
    pub(crate) async fn review(&self, order: &str, review: &Value) -> Result<()> {
        let request = self.request(Method::POST, &format!("/v1/orders/{order}/review"))?.json(review);
        let done: Value = answered(request).await?.json().await?;
        println!("{}", serde_json::to_string_pretty(&done)?);
        if is_paused(&done) {
            eprintln!("{PAUSED}");
        }
        Ok(())
    }

    /// Cancels an order; prints how it stands.
    pub(crate) async fn cancel(&self, order: &str) -> Result<()> {
        print_json(self.request(Method::POST, &format!("/v1/orders/{order}/cancel"))?).await
    }

    /// Writes a fetched body to stdout.
    pub(crate) async fn body(&self, offer: &str) -> Result<()> {
        let answer = answered(self.request(Method::GET, &format!("/v1/results/{offer}/body"))?).await?;
        std::io::Write::write_all(&mut std::io::stdout(), &answer.bytes().await?)?;
        Ok(())
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> Result<RequestBuilder> {
        Ok(self.http.request(method, self.server.join(path)?).bearer_auth(&self.key))
    }
}

/// Whether a project is paused after a review.
fn is_paused(reviewed: &Value) -> bool {
    reviewed.pointer("/progress/review/state") == Some(&json!("paused"))
}

/// A content's own fields, or those of both its sides.
fn pictures_of(content: &mut Value) -> Vec<&mut Map<String, Value>> {
    let Some(fields) = content.as_object_mut() else { return Vec::new() };
    let is_pair = ["left", "right"].iter().any(|side| fields.contains_key(*side));
    if is_pair { fields.values_mut().filter_map(Value::as_object_mut).collect() } else { vec![fields] }
}

pub(crate) async fn answered(request: RequestBuilder) -> Result<Response> {
    let answer = request.send().await.map_err(reqwest::Error::without_url).context("the coordinator did not answer")?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let problem: Value = answer.json().await.unwrap_or_default();
    let detail = problem.get("detail").and_then(Value::as_str).unwrap_or("no details");
    if status == StatusCode::SERVICE_UNAVAILABLE {
        bail!("not now, try again in some seconds: {detail}");
    }
    bail!("{}: {detail}", problem.get("title").and_then(Value::as_str).unwrap_or(status.as_str()))
}

pub(crate) async fn print_json(request: RequestBuilder) -> Result<()> {
    let answer: Value = answered(request).await?.json().await?;
    println!("{}", serde_json::to_string_pretty(&answer)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_of() {
        let reviewed = |state| json!({"verdicts": 0, "progress": {"review": {"state": state}}});
        assert!(is_paused(&reviewed("paused")) && !is_paused(&reviewed("running")) && !is_paused(&json!({})));
    }
}
