//! The browser's own DevTools socket: WebDriver reaches pages only, this reaches the service worker.

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// A connection to the browser: one command at a time.
pub(crate) struct Devtools(Mutex<Line>);

struct Line {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    commands: u64,
}

impl Devtools {
    /// Connects to a browser by its debugger's address, `host:port`.
    pub(crate) async fn connect(address: &str) -> Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let version: Value = http.get(format!("http://{address}/json/version")).send().await?.json().await?;
        let url = version.get("webSocketDebuggerUrl").and_then(Value::as_str).context("no DevTools socket")?;
        let (socket, _) = tokio_tungstenite::connect_async(url).await.context("DevTools socket")?;
        Ok(Self(Mutex::new(Line { socket, commands: 0 })))
    }

    /// Evaluates an expression in a target.
    pub(crate) async fn evaluate(&self, target: &str, expression: &str) -> Result<Value> {
        let evaluate = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let evaluated = self.call(target, "Runtime.evaluate", evaluate).await?;
        match evaluated.get("exceptionDetails") {
            Some(details) => bail!("{expression}: {details}"),
            None => Ok(evaluated.pointer("/result/value").cloned().unwrap_or_default()),
        }
    }

    /// One command to a target; it is attached to for no longer than that.
    pub(crate) async fn call(&self, target: &str, method: &str, params: Value) -> Result<Value> {
        let mut line = self.0.lock().await;
        let attach = json!({"targetId": target, "flatten": true});
        let attached = line.call("Target.attachToTarget", attach, None).await?;
        let session = attached.get("sessionId").and_then(Value::as_str).context("no session")?;
        let answer = line.call(method, params, Some(session)).await;
        line.call("Target.detachFromTarget", json!({"sessionId": session}), None).await?;
        answer
    }
}

impl Line {
    async fn call(&mut self, method: &str, params: Value, session: Option<&str>) -> Result<Value> {
        self.commands += 1;
        let command = match session {
            Some(session) => json!({"id": self.commands, "method": method, "params": params, "sessionId": session}),
            None => json!({"id": self.commands, "method": method, "params": params}),
        };
        self.socket.send(Message::text(command.to_string())).await?;
        loop {
            let message = self.socket.next().await.context("the browser closed DevTools")??;
            let answer: Value = serde_json::from_slice(&message.into_data()).unwrap_or_default();
            // Events come in between.
            if answer.get("id").and_then(Value::as_u64) == Some(self.commands) {
                return match answer.get("error") {
                    Some(error) => bail!("{method}: {error}"),
                    None => Ok(answer.get("result").cloned().unwrap_or_default()),
                };
            }
        }
    }
}
