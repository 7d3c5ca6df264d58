//! A buyer who never stops: places small orders, each under its own idempotency key until it is confirmed, and
//! at the end reads everything it bought.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lull_protocol::Hash;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::site;

/// What a judgment pays, base units.
const JUDGMENT_PRICE: u64 = 4_000;

/// How much is ordered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appetite {
    /// Pages a second.
    pub(crate) pages: u64,
    /// Questions a second; each is answered by two people.
    pub(crate) questions: u64,
    /// The largest page, bytes.
    pub(crate) page_bytes_max: u64,
}

/// One that is at it.
pub(crate) struct Buyer {
    client: Client,
    orders: Arc<Mutex<BTreeMap<String, String>>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<()>>,
}

/// A requester with its key.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl Client {
    /// Of the coordinator at `listening`.
    pub(crate) fn new(listening: &str, key: &str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        Ok(Self { http, base: format!("http://{listening}/v1"), key: key.to_owned() })
    }

    /// Status, whether it says when to come back, and the JSON of a request.
    pub(crate) async fn get(&self, path: &str) -> Result<(u16, Value)> {
        let answer = self.http.get(format!("{}/{path}", self.base)).bearer_auth(&self.key).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    async fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        let answer = self.http.get(format!("{}/{path}", self.base)).bearer_auth(&self.key).send().await?;
        Ok(answer.error_for_status()?.bytes().await?.to_vec())
    }

    /// Places an order: its id, or the status and the problem.
    pub(crate) async fn place(&self, what: &str, name: &str, body: &Value) -> Result<Result<String, (u16, Value)>> {
        let request = self.http.post(format!("{}/{what}", self.base)).bearer_auth(&self.key);
        let answer = request.header("Idempotency-Key", name).json(body).send().await?;
        let (status, answer) = (answer.status().as_u16(), answer.json::<Value>().await?);
        let order = answer.get("order").and_then(Value::as_str).map(str::to_owned);
        Ok(order.filter(|_| status == 201).ok_or((status, answer)))
    }
}

impl Buyer {
    /// Begins.
    pub(crate) fn start(client: Client, appetite: Appetite, seed: u64) -> Self {
        let (stop, stopped) = watch::channel(false);
        let orders = Arc::new(Mutex::new(BTreeMap::new()));
        let task = tokio::spawn(buy(client.clone(), appetite, seed, orders.clone(), stopped));
        Self { client, orders, stop, task }
    }

    /// Ends once the order under way is confirmed. Gives what was confirmed: ids by idempotency key.
    pub(crate) async fn stop(self) -> Result<(Client, BTreeMap<String, String>)> {
        // A task that has failed says why below.
        let _ = self.stop.send(true);
        self.task.await??;
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok((self.client, orders))
    }

    /// The client, for a look.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

async fn buy(
    client: Client,
    appetite: Appetite,
    seed: u64,
    orders: Arc<Mutex<BTreeMap<String, String>>>,
    mut stopped: watch::Receiver<bool>,
) -> Result<()> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut number = 0;
    loop {
        for (what, body) in [("orders", pages(appetite, &mut rng)), ("projects", questions(appetite, &mut rng))] {
            number += 1;
            let name = format!("{what} {number}");
            let order = confirmed(&client, what, &name, &body).await?;
            // Now and then the confirmation got lost, for all the buyer knows.
            if rng.u8(0..4) == 0 {
                let again = confirmed(&client, what, &name, &body).await?;
                ensure!(again == order, "{name}: the same key is order {order}, then {again}");
            }
            orders.lock().unwrap_or_else(PoisonError::into_inner).insert(name, order);
        }
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            () = sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// Sends it until it is confirmed: a coordinator that is away or can't write is asked again.
async fn confirmed(client: &Client, what: &str, name: &str, body: &Value) -> Result<String> {
    loop {
        match client.place(what, name, body).await {
            Ok(Ok(order)) => return Ok(order),
            Ok(Err((503, _))) | Err(_) => sleep(Duration::from_millis(200)).await,
            Ok(Err((status, problem))) => anyhow::bail!("{what}: {status} {problem}"),
        }
    }
}

fn pages(appetite: Appetite, rng: &mut fastrand::Rng) -> Value {
    let urls: Vec<String> = (0..appetite.pages)
        .map(|_| {
            let (number, bytes) = (rng.u64(..), rng.u64(0..=appetite.page_bytes_max));
            site::url(&match rng.u8(0..10) {
                0 => format!("/gate/{number}"),
                1 => format!("/missing/{number}"),
                2 => format!("/moved/{number}/{bytes}"),
                _ => format!("/page/{number}/{bytes}"),
            })
        })
        .collect();
    json!({"purpose": "a link check", "urls": urls, "price": {"per_item": 500, "per_mib": 20_000},
        "bytes_max": appetite.page_bytes_max.max(1)})
}

fn questions(appetite: Appetite, rng: &mut fastrand::Rng) -> Value {
    let contents: Vec<Value> =
        (0..appetite.questions).map(|_| json!({"text": format!("word {}", rng.u64(..))})).collect();
    json!({"title": "Words", "guideline": "Decide.", "question": "Good?", "options": ["yes", "no"],
        "contents": contents, "price": JUDGMENT_PRICE, "rule": {"agree": 2, "people": 2}})
}

/// Reads everything these orders brought: an order that was confirmed is there, and every body that was
/// stored is the page it says. Gives how many results there are, and what is wrong.
pub(crate) async fn read_all(client: &Client, orders: &BTreeMap<String, String>) -> Result<(u64, Vec<String>)> {
    let (mut results, mut wrong) = (0, Vec::new());
    for (name, order) in orders {
        let text = match client.bytes(&format!("orders/{order}/results?limit=1000")).await {
            Ok(bytes) => String::from_utf8(bytes)?,
            Err(error) => {
                wrong.push(format!("{name} was confirmed as {order}: {error:#}"));
                continue;
            }
        };
        for line in text.lines() {
            let line: Value = serde_json::from_str(line)?;
            if line.get("progress").is_some() {
                continue;
            }
            results += 1;
            let number = |pointer: &str| line.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
            // What is paid for is there, whatever the coordinator says of it.
            if number("/amount") > 0 && number("/fetch/body_bytes") > 0 {
                check_body(client, &line, &mut wrong).await?;
            }
        }
    }
    Ok((results, wrong))
}

async fn check_body(client: &Client, line: &Value, wrong: &mut Vec<String>) -> Result<()> {
    let text = |pointer: &str| line.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let offer = text("/offer");
    let body = client.bytes(&format!("results/{offer}/body")).await.with_context(|| format!("body of {offer}"))?;
    let hops = line.pointer("/fetch/hops").and_then(Value::as_array).context("a fetch has hops")?;
    let last = hops.last().and_then(|hop| hop.get("url")).and_then(Value::as_str).unwrap_or_default();
    let signed = Hash::of(&body).to_string() == text("/fetch/body_hash");
    // A page that is not there has a body of its own.
    let same = site::named(last).is_none_or(|(number, bytes)| site::page(number, bytes) == body);
    if !signed || !same {
        wrong.push(format!("the body of offer {offer} is not the one that was fetched from {last}"));
    }
    Ok(())
}
