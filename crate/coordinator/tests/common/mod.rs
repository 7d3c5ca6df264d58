//! A real server and a raw worker: real keys, real sockets, real SQLite.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use futures_util::{SinkExt, StreamExt};
use lull_coordinator::config::{Config, Settings};
use lull_coordinator::{Running, operator, start};
use lull_protocol::cose::{Signed, SigningKey};
use lull_protocol::handshake::{self, CoordinatorHello, WorkerHello};
use lull_protocol::limits::{CHUNK_BYTES_MAX, VERSIONS};
use lull_protocol::message::{Message as _, RefusedCode};
use lull_protocol::statement::{
    FetchReport, Hop, Input, JudgmentReport, Offer, Outcome, Report, Traffic, Verdict, WorkResult,
};
use lull_protocol::units::Challenge;
use lull_protocol::{Amount, Answer, ByteCount, Hash, Item, PublicKey, Timestamp, ToCoordinator, ToWorker, cose};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message as Frame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// Longer than anything here may take, milliseconds.
const PATIENCE_MS: u64 = 20_000;
/// What a buyer has at the start, base units.
pub const DEPOSIT: u64 = 1_000_000_000;

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&zeroize::Zeroizing::new([seed; 32]))
}

pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::new(since.as_millis() as u64).unwrap()
}

pub fn amount(n: u64) -> Amount {
    Amount::new(n).unwrap()
}

/// Waits for something that must happen.
pub async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    match timeout(Duration::from_millis(PATIENCE_MS), future).await {
        Ok(done) => done,
        Err(_) => panic!("{what} did not happen in time"),
    }
}

/// A server in this process, on a folder of its own.
pub struct Server {
    pub dir: TempDir,
    pub running: Option<Running>,
    pub buyer: Buyer,
    pub config: Config,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        Self::adjusted(settings, |_| {}).await
    }

    /// With a configuration that settings alone don't give.
    pub async fn adjusted(settings: Settings, adjust: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listen = Some("127.0.0.1:0".parse().unwrap());
        let data = Some(dir.path().join("data"));
        let mut config = Settings { listen, data, ..Settings::default() }.over(settings).finish().unwrap();
        adjust(&mut config);
        let api_key = operator::add_requester(&config, "Harbour Library", Some(amount(DEPOSIT))).unwrap();
        let running = start(config.clone()).await.unwrap();
        let buyer = Buyer::new(&running.ready().listening.to_string(), &api_key);
        Self { dir, running: Some(running), buyer, config }
    }

    pub fn address(&self) -> String {
        self.running.as_ref().unwrap().ready().listening.to_string()
    }

    pub fn coordinator(&self) -> PublicKey {
        PublicKey::from_hex(&self.running.as_ref().unwrap().ready().public_key).unwrap()
    }

    pub async fn worker(&self, seed: u8) -> Worker {
        Worker::connect(&self.address(), seed, 0).await
    }

    pub fn reader(&self) -> lull_store::Reader {
        lull_store::Reader::open(&self.config.data.join("lull.sqlite")).unwrap()
    }

    /// Stops, and holds the ledger against itself.
    pub async fn stop(mut self) {
        self.running.take().unwrap().stop().await.unwrap();
        let check = lull_coordinator::export::check(&self.config.data.join("lull.sqlite")).unwrap();
        assert_eq!(check.problems, [""; 0]);
    }
}

/// A requester with its key.
#[derive(Clone)]
pub struct Buyer {
    pub http: reqwest::Client,
    pub base: String,
    pub key: String,
}

impl Buyer {
    pub fn new(address: &str, key: &str) -> Self {
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base: format!("http://{address}"), key: key.to_owned() }
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key)
    }

    pub async fn json(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.json(self.request("GET", path)).await
    }

    /// Orders one fetch per path; gives the order's id.
    pub async fn order(&self, paths: &[&str]) -> String {
        let urls: Vec<String> = paths.iter().map(|path| url(path)).collect();
        let body = json!({"purpose": "a test", "urls": urls, "price": {"per_item": 500, "per_mib": 20_000}});
        let (status, answer) = self.json(self.request("POST", "/v1/orders").json(&body)).await;
        assert_eq!(status, 201, "{answer}");
        answer["order"].as_str().unwrap().to_owned()
    }

    /// Orders one judgment per text, to be answered by two people who must agree.
    pub async fn judge(&self, texts: &[&str]) -> String {
        let contents: Vec<Value> = texts.iter().map(|text| json!({"text": text})).collect();
        self.project(json!({"options": ["yes", "no"], "contents": contents})).await
    }

    /// A project of any type, to be answered by two people who must agree.
    pub async fn project(&self, typed: Value) -> String {
        let mut body = json!({"title": "Words", "guideline": "Decide.", "question": "Good?", "price": 4_000,
            "rule": {"agree": 2, "people": 2}});
        body.as_object_mut().unwrap().extend(typed.as_object().unwrap().clone());
        let (status, answer) = self.json(self.request("POST", "/v1/projects").json(&body)).await;
        assert_eq!(status, 201, "{answer}");
        answer["order"].as_str().unwrap().to_owned()
    }

    pub async fn results(&self, order: &str) -> Vec<Value> {
        let answer = self.request("GET", &format!("/v1/orders/{order}/results")).send().await.unwrap();
        let text = answer.text().await.unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub fn url(path: &str) -> String {
    format!("https://docs.python.org{path}")
}

/// A lease as a worker sees it.
#[derive(Clone)]
pub struct Lease {
    pub offer: Offer,
    pub hash: Hash,
    pub item: Item,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A worker that does exactly what a test says.
pub struct Worker {
    pub key: SigningKey,
    pub coordinator: PublicKey,
    socket: Socket,
    /// Messages that came while something else was waited for.
    waiting: VecDeque<ToWorker>,
}

/// A socket without a handshake.
pub async fn dial(address: &str, protocol: Option<&str>) -> Result<Socket, SocketError> {
    let mut request = format!("ws://{address}/v1/worker").into_client_request()?;
    if let Some(protocol) = protocol {
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
    }
    Ok(connect_async_with_config(request, None, true).await?.0)
}

pub fn hello(address: &str, key: &SigningKey) -> WorkerHello {
    WorkerHello {
        versions: VERSIONS,
        worker: key.public(),
        challenge: Challenge([9; 32]),
        origin: format!("ws://{address}"),
    }
}

pub fn hello_frame(hello: &WorkerHello) -> ToCoordinator {
    let WorkerHello { versions, worker, challenge, origin } = hello.clone();
    ToCoordinator::Hello { versions, worker, challenge, origin }
}

impl Worker {
    /// A socket as a worker's, before the handshake.
    pub async fn raw(address: &str, seed: u8) -> Self {
        let socket = dial(address, Some("lull.v1")).await.unwrap();
        let (key, coordinator) = (key(seed), PublicKey([0; 32]));
        Self { key, coordinator, socket, waiting: VecDeque::new() }
    }

    /// A worker whose handshake is done; it has its Welcome.
    pub async fn connect(address: &str, seed: u8, verdicts_seen: u64) -> Self {
        let mut worker = Self::raw(address, seed).await;
        let proof = worker.proof(address).await;
        let day_start = now().minus(3_600_000);
        worker.send(&ToCoordinator::Proof { statement: proof.into(), verdicts_seen, day_start }).await;
        assert!(matches!(worker.receive().await, ToWorker::Welcome { .. }));
        worker
    }

    /// Says hello, checks the answer as a worker does, and gives the proof that comes next.
    pub async fn proof(&mut self, address: &str) -> Vec<u8> {
        let mine = hello(address, &self.key);
        self.send(&hello_frame(&mine)).await;
        let ToWorker::Hello { version, coordinator, challenge, proof, card } = self.receive().await else {
            panic!("no hello came back");
        };
        let theirs = CoordinatorHello { version, coordinator, challenge, proof: &proof, card: &card };
        let confirmed = handshake::confirm(mine, &theirs, &coordinator.fingerprint(), &self.key);
        self.coordinator = coordinator;
        confirmed.unwrap().0.bytes().to_vec()
    }

    pub async fn send(&mut self, message: &ToCoordinator) {
        self.send_frame(message.to_frame()).await;
    }

    pub async fn send_frame(&mut self, frame: Vec<u8>) {
        self.socket.send(Frame::Binary(frame.into())).await.unwrap();
    }

    /// A frame that the peer may refuse to take.
    pub async fn try_send_frame(&mut self, frame: Vec<u8>) -> Result<(), SocketError> {
        self.socket.send(Frame::Binary(frame.into())).await
    }

    /// Without reading: for a peer that does not read what it gets.
    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Frame::Text(text.into())).await.unwrap();
    }

    /// The next message; `None` once the connection is over.
    pub async fn next(&mut self) -> Option<ToWorker> {
        if let Some(message) = self.waiting.pop_front() {
            return Some(message);
        }
        loop {
            match soon("a frame", self.socket.next()).await {
                Some(Ok(Frame::Binary(bytes))) => {
                    return Some(ToWorker::from_frame(&bytes).unwrap());
                }
                Some(Ok(Frame::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Puts messages back for later.
    pub fn keep(&mut self, messages: Vec<ToWorker>) {
        for message in messages.into_iter().rev() {
            self.waiting.push_front(message);
        }
    }

    pub async fn receive(&mut self) -> ToWorker {
        self.next().await.expect("the connection goes on")
    }

    /// The next message that fits; others are kept for later.
    pub async fn wait<T>(&mut self, what: &str, fits: impl Fn(&ToWorker) -> Option<T>) -> T {
        if let Some(at) = self.waiting.iter().position(|message| fits(message).is_some()) {
            let message = self.waiting.remove(at).unwrap();
            return fits(&message).unwrap();
        }
        let mut kept = std::mem::take(&mut self.waiting);
        loop {
            let message = soon(what, self.next()).await;
            let message = message.unwrap_or_else(|| panic!("the connection ended before {what}: {kept:?}"));
            match fits(&message) {
                Some(found) => {
                    self.waiting = kept;
                    return found;
                }
                None => kept.push_back(message),
            }
        }
    }

    /// The last word before the connection ends.
    pub async fn bye(&mut self) -> RefusedCode {
        let code = self.wait("a bye", |m| match m {
            ToWorker::Bye { code } => Some(*code),
            _ => None,
        });
        let code = code.await;
        while self.next().await.is_some() {}
        code
    }

    pub async fn want(&mut self, fetch: u8, judgment: u8) {
        self.send(&ToCoordinator::want(fetch, judgment)).await;
    }

    pub async fn lease(&mut self) -> Lease {
        let coordinator = self.coordinator;
        self.wait("a lease", move |m| match m {
            ToWorker::Assign { offer, item, .. } => {
                let signed = Signed::<Offer>::verify(offer, &coordinator).unwrap();
                assert_eq!(signed.payload().item, Hash::of(item));
                let (offer, hash) = (signed.payload().clone(), signed.hash());
                Some(Lease { offer, hash, item: Item::from_bytes(item).unwrap() })
            }
            _ => None,
        })
        .await
    }

    pub async fn ack(&mut self, offer: Hash) -> Hash {
        self.wait("an ack", move |m| match m {
            ToWorker::Ack { offer: about, result } if *about == offer => Some(*result),
            ToWorker::Refused { about, code } if *about == Some(offer) => {
                panic!("refused with {code:?}")
            }
            _ => None,
        })
        .await
    }

    pub async fn refused(&mut self) -> (Option<Hash>, RefusedCode) {
        self.wait("a refusal", |m| match m {
            ToWorker::Refused { about, code } => Some((*about, *code)),
            _ => None,
        })
        .await
    }

    pub async fn verdict(&mut self) -> (u64, Verdict) {
        let coordinator = self.coordinator;
        self.wait("a verdict", move |m| match m {
            ToWorker::Verdict { number, statement } => {
                let verdict = Signed::<Verdict>::verify(statement, &coordinator).unwrap();
                Some((*number, verdict.payload().clone()))
            }
            _ => None,
        })
        .await
    }

    /// The account once it says that this much was earned.
    pub async fn earned(&mut self, base_units: u64) {
        self.wait("the account", move |m| match m {
            ToWorker::Account { earned, pending, payable, earned_today, .. } if earned.get() == base_units => {
                assert_eq!(pending.get() + payable.get(), base_units);
                assert_eq!(earned_today.get(), base_units);
                Some(())
            }
            _ => None,
        })
        .await;
    }

    pub async fn send_result(&mut self, result: &Signed<WorkResult>) {
        let statement = result.bytes().to_vec().into();
        self.send(&ToCoordinator::Result { statement }).await;
    }

    /// The next range of a body that is asked for.
    pub async fn wanted(&mut self) -> (Hash, u64, u64) {
        self.wait("a wanted body", |m| match m {
            ToWorker::BodyWanted { offer, offset, bytes } => Some((*offer, offset.get(), bytes.get())),
            ToWorker::Refused { code, .. } => panic!("refused with {code:?}"),
            _ => None,
        })
        .await
    }

    pub async fn send_chunk(&mut self, offer: Hash, offset: u64, bytes: &[u8]) {
        let offset = ByteCount::new(offset).unwrap();
        self.send(&ToCoordinator::BodyChunk { offer, offset, bytes: bytes.to_vec().into() }).await;
    }

    /// Sends a result with its body, as it is asked for, and waits for the acknowledgement.
    pub async fn deliver(&mut self, result: &Signed<WorkResult>, body: &[u8]) -> Hash {
        let offer = result.payload().offer;
        self.send_result(result).await;
        let mut sent = 0;
        while sent < body.len() {
            let (_, offset, bytes) = self.wanted().await;
            assert_eq!(offset, sent as u64);
            let end = sent + bytes as usize;
            for chunk in body[sent..end].chunks(CHUNK_BYTES_MAX) {
                self.send_chunk(offer, sent as u64, chunk).await;
                sent += chunk.len();
            }
        }
        self.ack(offer).await
    }

    /// A result with these times and this report.
    pub fn sign(&self, lease: &Lease, report: Report) -> Signed<WorkResult> {
        let at = lease.offer.issued_at.plus(1);
        let result = WorkResult { offer: lease.hash, report, started_at: at, finished_at: at.plus(1) };
        Signed::sign(result, &self.key)
    }

    /// A good fetch.
    pub fn fetched(&self, lease: &Lease, body: &[u8]) -> Signed<WorkResult> {
        self.sign(lease, Report::Fetch(fetch_report(lease, body)))
    }

    /// An answer to a choice.
    pub fn answered(&self, lease: &Lease, option: u8) -> Signed<WorkResult> {
        self.judged(lease, Answer::Choice(option))
    }

    /// An answer.
    pub fn judged(&self, lease: &Lease, answer: Answer) -> Signed<WorkResult> {
        self.sign(lease, Report::Judgment(JudgmentReport { answer, input: Input::Keyboard }))
    }
}

/// What a good fetch of the lease's URL reports.
pub fn fetch_report(lease: &Lease, body: &[u8]) -> FetchReport {
    let Item::Fetch(item) = &lease.item else { panic!("not a fetch") };
    let size = ByteCount::new(body.len() as u64).unwrap();
    FetchReport {
        outcome: Outcome::Ok,
        status: 200,
        headers: vec![],
        body_hash: Hash::of(body),
        body_bytes: size,
        hops: vec![Hop { url: item.url.clone(), address: "151.101.0.223".into(), status: 200 }],
        traffic: Traffic { received: size, sent: ByteCount::ZERO },
        head_ms: 5,
        reason: None,
    }
}

/// Bytes of a page; each number gives another one.
pub fn page(number: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| ((i * 7 + number) % 251) as u8).collect()
}

/// What a statement says, without a check.
pub fn peek_result(bytes: &[u8]) -> WorkResult {
    cose::peek(bytes).unwrap()
}
