//! The demonstration's buyer, through the requester API like any other.

use std::path::Path;

use anyhow::{Context, Result, bail};
use lull_protocol::Hash;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a judgment pays, base units: 0.004 demo credits.
pub(crate) const JUDGMENT_PRICE: u64 = 4_000;
/// What a fetch pays, base units.
const FETCH_PRICE: u64 = 500;
/// What a fetched MiB pays, base units.
const MIB_PRICE: u64 = 20_000;

/// A requester with its key.
pub(crate) struct Buyer {
    http: reqwest::Client,
    /// The coordinator's address.
    pub(crate) server: String,
    base: String,
    /// The API key.
    pub(crate) key: String,
}

/// The demonstration's judgments.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Demo {
    /// Its projects.
    pub(crate) projects: Vec<Project>,
}

/// One of its projects.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Project {
    title: String,
    guideline: String,
    question: String,
    options: Vec<String>,
    /// What is judged.
    pub(crate) items: Vec<Item>,
}

/// One thing to judge with the answers recorded for it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Item {
    /// A word.
    pub(crate) text: Option<String>,
    /// Or a picture's file.
    pub(crate) picture: Option<String>,
    alt: Option<String>,
    /// Option indices, one a recorded person.
    pub(crate) recorded: Vec<u8>,
}

impl Demo {
    /// Reads it.
    pub(crate) fn load(repo: &Path) -> Result<Self> {
        let file = repo.join("tests/demo/judgments.json");
        Ok(serde_json::from_str(&std::fs::read_to_string(file)?)?)
    }
}

impl Buyer {
    /// Of the coordinator at `listening`.
    pub(crate) fn new(listening: &str, key: &str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let server = format!("http://{listening}");
        Ok(Self { http, base: format!("{server}/v1"), server, key: key.to_owned() })
    }

    /// Orders fetches; gives the order's id.
    pub(crate) async fn order(&self, purpose: &str, urls: &[String]) -> Result<String> {
        let price = json!({"per_item": FETCH_PRICE, "per_mib": MIB_PRICE});
        self.create("orders", &json!({"purpose": purpose, "urls": urls, "price": price})).await
    }

    /// Orders judgments in turns of a few, so that a person sees words, digits and photos in turn.
    pub(crate) async fn judgments(&self, repo: &Path, demo: &Demo) -> Result<()> {
        const TURN: usize = 4;
        let longest = demo.projects.iter().map(|p| p.items.len()).max().unwrap_or_default();
        for from in (0..longest).step_by(TURN) {
            for project in &demo.projects {
                let items: Vec<&Item> = project.items.iter().skip(from).take(TURN).collect();
                if !items.is_empty() {
                    self.project(repo, project, &items).await?;
                }
            }
        }
        Ok(())
    }

    async fn project(&self, repo: &Path, project: &Project, items: &[&Item]) -> Result<String> {
        let mut contents = Vec::new();
        for item in items {
            contents.push(match (&item.text, &item.picture) {
                (Some(text), _) => json!({"text": text}),
                (None, Some(picture)) => {
                    let bytes = std::fs::read(repo.join("tests/demo").join(picture))?;
                    let media_type = if picture.ends_with(".png") { "image/png" } else { "image/jpeg" };
                    json!({"hash": self.blob(media_type, bytes).await?, "alt": item.alt})
                }
                (None, None) => bail!("an item without content"),
            });
        }
        // You, and as many of the crowd as there are recorded answers for, two at the most.
        let people = 1 + items.iter().map(|i| i.recorded.len()).min().unwrap_or_default().min(2);
        self.create(
            "projects",
            &json!({
                "title": project.title, "guideline": project.guideline, "question": project.question,
                "options": project.options, "contents": contents, "price": JUDGMENT_PRICE,
                "rule": {"agree": 2, "people": people},
            }),
        )
        .await
    }

    /// Sends a picture; gives its hash.
    pub(crate) async fn blob(&self, media_type: &str, bytes: Vec<u8>) -> Result<String> {
        let hash = Hash::of(&bytes).to_string();
        let url = format!("{}/blobs/{hash}", self.base);
        let sent = self.http.put(url).bearer_auth(&self.key).header("content-type", media_type).body(bytes);
        sent.send().await?.error_for_status()?;
        Ok(hash)
    }

    /// Creates an order or a project; gives its id.
    pub(crate) async fn create(&self, what: &str, body: &Value) -> Result<String> {
        let url = format!("{}/{what}", self.base);
        let answer = self.http.post(url).bearer_auth(&self.key).json(body).send().await?;
        let (status, json) = (answer.status(), answer.json::<Value>().await?);
        let order = json.get("order").and_then(Value::as_str);
        order.map(str::to_owned).with_context(|| format!("{what}: {status} {json}"))
    }

    /// How many results an order has so far.
    pub(crate) async fn results_count(&self, order: &str) -> Result<u64> {
        let status = self.progress(order).await?;
        status.get("results").and_then(Value::as_u64).with_context(|| format!("no count of results: {status}"))
    }

    /// How far an order is.
    pub(crate) async fn progress(&self, order: &str) -> Result<Value> {
        let url = format!("{}/orders/{order}", self.base);
        Ok(self.http.get(url).bearer_auth(&self.key).send().await?.error_for_status()?.json().await?)
    }

    /// The results of an order so far.
    pub(crate) async fn results(&self, order: &str) -> Result<Vec<Value>> {
        let url = format!("{}/orders/{order}/results", self.base);
        let text = self.http.get(url).bearer_auth(&self.key).send().await?.error_for_status()?.text().await?;
        let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        // The last line tells the order's progress.
        Ok(lines.into_iter().filter(|line| line.get("progress").is_none()).collect())
    }
}
