//! An RPC between a coordinator and the chain, which can lie.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it lies about.
#[derive(Clone, Copy)]
pub(crate) enum Lie {
    /// Nothing.
    None,
    /// It knows of no transaction of an address.
    Hides,
    /// Ten times as much arrived.
    Adds,
    /// It gives no answer about transactions.
    Silent,
}

/// It serves until it is dropped.
pub(crate) struct Liar {
    pub(crate) url: String,
    lie: Arc<AtomicU8>,
    task: JoinHandle<()>,
}

impl Liar {
    pub(crate) async fn start(chain: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (lie, chain) = (Arc::new(AtomicU8::new(0)), chain.to_owned());
        let http = reqwest::Client::builder().no_proxy().build()?;
        let task = tokio::spawn({
            let lie = lie.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (http, chain, lie) = (http.clone(), chain.clone(), lie.clone());
                    // A caller that goes away early is no fault.
                    tokio::spawn(async move { answer(stream, &http, &chain, &lie).await.ok() });
                }
            }
        });
        Ok(Self { url, lie, task })
    }

    pub(crate) fn says(&self, lie: Lie) {
        self.lie.store(lie as u8, Ordering::Relaxed);
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request, then the connection ends.
async fn answer(stream: TcpStream, http: &reqwest::Client, chain: &str, lie: &AtomicU8) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        match line.trim_end().to_ascii_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse()?,
            Some(_) => {}
            None if line.trim_end().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let asked: Value = serde_json::from_slice(&body)?;
    let post = http.post(chain).header("content-type", "application/json").body(body);
    let mut said: Value = serde_json::from_slice(&post.send().await?.bytes().await?)?;
    twist(&asked, &mut said, lie.load(Ordering::Relaxed)).context("nothing to lie about")?;
    let said = said.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    stream.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{said}", said.len()).as_bytes()).await?;
    Ok(stream.flush().await?)
}

fn twist(asked: &Value, said: &mut Value, lie: u8) -> Option<()> {
    let method = asked.get("method")?.as_str()?;
    let result = said.get_mut("result");
    match method {
        "getSignaturesForAddress" if lie == Lie::Hides as u8 => *result? = json!([]),
        "getTransaction" if lie == Lie::Silent as u8 => return None,
        "getTransaction" if lie == Lie::Adds as u8 => {
            let after = result?.get_mut("meta")?.get_mut("postTokenBalances")?.as_array_mut()?;
            for amount in after.iter_mut().filter_map(|one| one.pointer_mut("/uiTokenAmount/amount")) {
                *amount = Value::String(format!("{}0", amount.as_str()?));
            }
        }
        _ => {}
    }
    Some(())
}
