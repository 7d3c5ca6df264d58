//! The local sites: https on port 443 with real documents, and access logs that prove what arrived.

use std::collections::BTreeMap;
use std::io::{BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use lull_protocol::Hash;
use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

use crate::network::{LIBRARY, NEWS, PRINTER, TIDE};

/// The most that a page under `/bench/` may have, bytes.
const BENCH_BODY_BYTES_MAX: usize = 16_000_000;
/// A page under `/bulk/`, bytes.
pub(crate) const BULK_BODY_BYTES: usize = 7_000_000;
/// What the kernel may hold of what a connection sends, bytes.
const SEND_BUFFER_BYTES: u32 = 64 * 1024;
/// What such pages are made of.
const BENCH_TEXT: &str = "/large/constitution.txt";

/// One request as the site saw it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LogLine {
    /// GET, HEAD.
    pub(crate) method: String,
    /// The `Host` it was sent to.
    pub(crate) host: String,
    /// Path and query.
    pub(crate) path: String,
    /// The status it got.
    pub(crate) status: u16,
    /// SHA-256 of the body that was sent.
    pub body_sha256: String,
    /// Its size.
    pub(crate) body_bytes: u64,
    /// Whether it carried a cookie.
    pub(crate) had_cookie: bool,
    /// Whether it carried an `Origin`.
    pub(crate) had_origin: bool,
    /// Whether it carried a `Referer`.
    pub(crate) had_referer: bool,
    /// The names of all headers it carried, as they came.
    pub(crate) header_names: Vec<String>,
    /// Its `Accept-Language`.
    pub(crate) language: String,
}

/// A document of the site.
#[derive(Deserialize)]
struct Entry {
    path: String,
    file: Option<String>,
    repeat: Option<String>,
    times: Option<usize>,
    content_type: String,
}

struct Document {
    bytes: Vec<u8>,
    content_type: String,
}

/// All sites behind one certificate.
#[derive(Clone)]
pub(crate) struct Sites {
    shared: Arc<Shared>,
    /// Paths of the library's documents with their sizes.
    pub(crate) documents: Vec<(String, usize)>,
    /// SHA-256 of the certificate's public key, base64: for Chromium's list of errors to ignore.
    pub(crate) spki: String,
}

struct Shared {
    documents: BTreeMap<String, Document>,
    log: Mutex<Vec<LogLine>>,
    requests: Mutex<BTreeMap<SocketAddr, u64>>,
    /// When a page under `/bench/` was first asked for.
    asked: Mutex<BTreeMap<String, Instant>>,
    /// What such pages are cut from.
    bench: Bytes,
    /// When the last one who read a page without an end went away.
    left: Mutex<Option<SystemTime>>,
    dripping: AtomicUsize,
    /// Bytes read from and written to all connections of an address, inside TLS.
    bytes: Mutex<BTreeMap<SocketAddr, Arc<AtomicU64>>>,
    file: PathBuf,
}

impl Sites {
    /// Starts every site; the library's log is also written to `log`, a JSON object a line.
    pub(crate) async fn start(folder: &Path, log: &Path) -> Result<Self> {
        let documents = load(folder)?;
        std::fs::write(log, "")?;
        let listed = documents.iter().map(|(path, d)| (path.clone(), d.bytes.len())).collect();
        let text = documents.get(BENCH_TEXT).context("the text of the benchmark's pages")?;
        let bench = text.bytes.iter().copied().cycle().take(BENCH_BODY_BYTES_MAX).collect();
        let shared = Arc::new(Shared {
            documents,
            bench,
            left: Mutex::default(),
            log: Mutex::default(),
            requests: Mutex::default(),
            asked: Mutex::default(),
            dripping: AtomicUsize::new(0),
            bytes: Mutex::default(),
            file: log.to_owned(),
        });
        let (acceptor, spki) = certificate()?;
        for (name, address) in [LIBRARY, NEWS, PRINTER, TIDE] {
            let at = SocketAddr::from((address, 443));
            let counter = shared.bytes.lock().unwrap_or_else(PoisonError::into_inner).entry(at).or_default().clone();
            let listener = Tls::bind(at, acceptor.clone(), counter).await.with_context(|| format!("site {name}"))?;
            let router = Router::new().fallback(serve).with_state((shared.clone(), at));
            tokio::spawn(async move { axum::serve(listener, router).await });
        }
        Ok(Self { shared, documents: listed, spki })
    }

    /// What arrived at a host.
    pub(crate) fn log(&self, host: &str) -> Vec<LogLine> {
        let log = self.shared.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().filter(|line| line.host == host).cloned().collect()
    }

    /// Whether `/drip` is sending to anybody.
    pub(crate) fn dripping(&self) -> bool {
        self.shared.dripping.load(Ordering::SeqCst) > 0
    }

    /// Bytes of HTTP that crossed all connections of a site's address, both ways.
    pub(crate) fn bytes(&self, site: (&str, std::net::Ipv4Addr)) -> u64 {
        let bytes = self.shared.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.get(&SocketAddr::from((site.1, 443))).map_or(0, |count| count.load(Ordering::SeqCst))
    }

    /// When a page under `/bench/` was first asked for.
    pub(crate) fn first_asked(&self, path: &str) -> Option<Instant> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied()
    }

    /// When the last one who read a page without an end went away.
    pub(crate) fn last_left(&self) -> Option<SystemTime> {
        *self.shared.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests arrived at a site's address, whatever host they named. (Chromium may open a
    /// connection there to find out whose address it is, and closes it without a request.)
    pub(crate) fn requests(&self, site: (&str, std::net::Ipv4Addr)) -> u64 {
        let counts = self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&SocketAddr::from((site.1, 443))).copied().unwrap_or_default()
    }
}

fn load(folder: &Path) -> Result<BTreeMap<String, Document>> {
    let index = std::fs::read_to_string(folder.join("index.json")).context("the demonstration site's index")?;
    let entries: Vec<Entry> = serde_json::from_str(&index)?;
    let mut documents = BTreeMap::new();
    for entry in entries {
        let file = entry.file.or(entry.repeat).context("an entry has `file` or `repeat`")?;
        let bytes = std::fs::read(folder.join(&file)).with_context(|| file)?;
        let bytes = bytes.repeat(entry.times.unwrap_or(1));
        documents.insert(entry.path, Document { bytes, content_type: entry.content_type });
    }
    Ok(documents)
}

fn certificate() -> Result<(TlsAcceptor, String)> {
    let names: Vec<String> = [LIBRARY, NEWS, PRINTER, TIDE].map(|(name, _)| name.to_owned()).into();
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(names)?.self_signed(&key)?;
    let spki = BASE64.encode(&Hash::of(&key.subject_public_key_info()).0);
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private)?;
    Ok((TlsAcceptor::from(Arc::new(config)), spki))
}

/// Connections whose handshake is done. Each shakes hands in a task of its own: a browser opens some in
/// advance and says nothing on them.
struct Tls {
    at: SocketAddr,
    ready: mpsc::Receiver<(Counted, SocketAddr)>,
}

impl Tls {
    async fn bind(at: SocketAddr, acceptor: TlsAcceptor, bytes: Arc<AtomicU64>) -> Result<Self> {
        let tcp = TcpSocket::new_v4()?;
        tcp.set_reuseaddr(true)?;
        // What the kernel holds has been counted as written: little, so that the count tells what was sent.
        tcp.set_send_buffer_size(SEND_BUFFER_BYTES)?;
        tcp.bind(at)?;
        let tcp = tcp.listen(1024)?;
        let (done, ready) = mpsc::channel(16);
        tokio::spawn(async move {
            loop {
                // A failed accept or handshake is that client's own trouble.
                let Ok((tcp, from)) = tcp.accept().await else { continue };
                // An answer must not wait for the peer's delayed acknowledgement.
                tcp.set_nodelay(true).ok();
                let (acceptor, done, bytes) = (acceptor.clone(), done.clone(), bytes.clone());
                tokio::spawn(async move {
                    if let Ok(tls) = acceptor.accept(tcp).await {
                        done.send((Counted { tls, bytes }, from)).await.ok();
                    }
                });
            }
        });
        Ok(Self { at, ready })
    }
}

impl axum::serve::Listener for Tls {
    type Io = Counted;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.at)
    }
}

/// A connection whose bytes are counted inside TLS.
pub(crate) struct Counted {
    tls: TlsStream<TcpStream>,
    bytes: Arc<AtomicU64>,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.tls).poll_read(cx, buf);
        self.bytes.fetch_add((buf.filled().len() - before) as u64, Ordering::SeqCst);
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.tls).poll_write(cx, buf);
        if let Poll::Ready(Ok(bytes)) = written {
            self.bytes.fetch_add(bytes as u64, Ordering::SeqCst);
        }
        written
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}

async fn serve(State((shared, at)): State<(Arc<Shared>, SocketAddr)>, request: Request) -> Response {
    *shared.requests.lock().unwrap_or_else(PoisonError::into_inner).entry(at).or_default() += 1;
    let path = request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default().to_owned();
    if path == "/drip" {
        return drip(shared);
    }
    if path.starts_with("/stream") {
        return stream(shared);
    }
    if path.starts_with("/flood") {
        return flood(shared);
    }
    if let Some((thinks_ms, bytes)) = bench_page(&path) {
        shared.asked.lock().unwrap_or_else(PoisonError::into_inner).entry(path).or_insert_with(Instant::now);
        tokio::time::sleep(Duration::from_millis(thinks_ms)).await;
        // Neither copied nor hashed nor logged: what the site does is in every time that is measured.
        let body = shared.bench.slice(..bytes.min(BENCH_BODY_BYTES_MAX));
        return ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response();
    }
    let answer = shared.answer(&host, &path);
    let line = log_line(&request, host, path, &answer);
    shared.note(line);
    let body = if request.method() == "HEAD" { Vec::new() } else { answer.body };
    let mut headers = answer.headers;
    // Every answer tries to leave a cookie; none may ever come back.
    if at.ip() == TIDE.1 {
        // So that the next request has to look the name up again.
        headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    }
    headers.insert(header::SET_COOKIE, header::HeaderValue::from_static("visitor=1; Path=/; Secure"));
    (answer.status, headers, Body::from(body)).into_response()
}

/// Of `/bench/<thinks ms>/<bytes>/…`: how long it takes to answer, milliseconds, and how much it has.
fn bench_page(path: &str) -> Option<(u64, usize)> {
    let mut parts = path.strip_prefix("/bench/")?.split('/');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Zeros, packed a thousandfold.
fn bomb() -> Answer {
    const UNPACKED_BYTES: u64 = 64 << 20;
    let mut packed = Vec::new();
    let zeros = std::io::repeat(0).take(UNPACKED_BYTES);
    if let Err(error) =
        flate2::bufread::GzEncoder::new(BufReader::new(zeros), flate2::Compression::best()).read_to_end(&mut packed)
    {
        eprintln!("the bomb: {error}");
    }
    let mut answer = Answer::new(StatusCode::OK, "text/plain", packed);
    answer.headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("gzip"));
    answer
}

/// A kilobyte every 10 ms, for as long as anybody reads.
fn drip(shared: Arc<Shared>) -> Response {
    let reader = Reader::new(shared);
    let drops = futures_util::stream::unfold(reader, |reader| async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Some((Ok::<_, std::io::Error>(vec![b'.'; 1024]), reader))
    });
    ([(header::CONTENT_TYPE, "text/plain")], Body::from_stream(drops)).into_response()
}

/// 16 KiB every 10 ms, for as long as anybody reads.
fn stream(shared: Arc<Shared>) -> Response {
    let reader = Reader::new(shared);
    let pieces = futures_util::stream::unfold(reader, |reader| async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Some((Ok::<_, std::io::Error>(vec![b'~'; 16 * 1024]), reader))
    });
    ([(header::CONTENT_TYPE, "text/plain")], Body::from_stream(pieces)).into_response()
}

/// 64 KiB every 5 ms, as a line of 100 Mbit/s brings them, for as long as anybody reads.
fn flood(shared: Arc<Shared>) -> Response {
    let reader = Reader::new(shared);
    let pieces = futures_util::stream::unfold(reader, |reader| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((Ok::<_, std::io::Error>(vec![b'^'; 64 * 1024]), reader))
    });
    ([(header::CONTENT_TYPE, "text/plain")], Body::from_stream(pieces)).into_response()
}

/// Counts as one reader for as long as it lives.
struct Reader(Arc<Shared>);

impl Reader {
    fn new(shared: Arc<Shared>) -> Self {
        shared.dripping.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        *self.0.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(SystemTime::now());
        self.0.dripping.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn new(status: StatusCode, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut headers = HeaderMap::new();
        if let Ok(value) = content_type.parse() {
            headers.insert(header::CONTENT_TYPE, value);
        }
        Self { status, headers, body: body.into() }
    }

    fn redirect(to: &str) -> Self {
        let mut answer = Self::new(StatusCode::FOUND, "text/plain", "moved");
        if let Ok(value) = to.parse() {
            answer.headers.insert(header::LOCATION, value);
        }
        answer
    }
}

impl Shared {
    fn answer(&self, host: &str, path: &str) -> Answer {
        if let Some(document) = self.documents.get(path) {
            return Answer::new(StatusCode::OK, &document.content_type, document.bytes.clone());
        }
        match path {
            "/moved" => Answer::redirect("/sqlite/about.html"),
            "/moved-twice" => Answer::redirect(&format!("https://{}/moved", LIBRARY.0)),
            "/round" => Answer::redirect("/round"),
            "/to-printer" => Answer::redirect(&format!("https://{}/status", PRINTER.0)),
            "/to-router" => Answer::redirect("http://192.168.1.1/"),
            "/to-login" => Answer::redirect("/login"),
            "/bomb" => bomb(),
            _ if path.starts_with("/bulk/") => Answer::new(StatusCode::OK, "text/plain", vec![b'='; BULK_BODY_BYTES]),
            "/gate" => Answer::new(StatusCode::FORBIDDEN, "text/plain", "not for you"),
            _ if host == NEWS.0 && path.starts_with("/page/") => {
                Answer::new(StatusCode::OK, "text/html", format!("<title>{path}</title><h1>{path}</h1>"))
            }
            _ if host == PRINTER.0 || host == TIDE.0 => Answer::new(StatusCode::OK, "text/plain", "toner: 7 %"),
            _ => Answer::new(StatusCode::NOT_FOUND, "text/plain", "no such page"),
        }
    }

    fn note(&self, line: LogLine) {
        // One line, one write, under one lock: the file is read while the site runs.
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if line.host != NEWS.0 {
            let written = serde_json::to_string(&line).map_err(std::io::Error::other).and_then(|json| {
                std::fs::OpenOptions::new().append(true).open(&self.file)?.write_all(format!("{json}\n").as_bytes())
            });
            if let Err(error) = written {
                eprintln!("access log: {error}");
            }
        }
        log.push(line);
    }
}

fn log_line(request: &Request, host: String, path: String, answer: &Answer) -> LogLine {
    let had = |name| request.headers().contains_key(name);
    let text = |name| String::from_utf8_lossy(request.headers().get(name).map_or(&[], |v| v.as_bytes())).into_owned();
    let sent: &[u8] = if request.method() == "HEAD" { &[] } else { &answer.body };
    LogLine {
        method: request.method().to_string(),
        host,
        path,
        status: answer.status.as_u16(),
        body_sha256: Hash::of(sent).to_string(),
        body_bytes: sent.len() as u64,
        had_cookie: had(header::COOKIE),
        had_origin: had(header::ORIGIN),
        had_referer: had(header::REFERER),
        header_names: request.headers().keys().map(|name| name.as_str().to_owned()).collect(),
        language: text(header::ACCEPT_LANGUAGE),
    }
}
