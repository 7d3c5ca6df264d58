//! A real HTTP proxy (RFC 9110 §9.3.6, CONNECT) between the browser and every site.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::browser::Kind;
use crate::network::{LIBRARY, NEWS};
use crate::scenarios::{begun, with_judgments};
use crate::world::{Paths, World};

/// Its port, on an address that looks public.
const PORT: u16 = 3_128;

/// The proxy; it ends with the runtime.
#[derive(Default)]
struct Proxy {
    /// Tunnels to a site that were asked for.
    tunnels: AtomicU64,
    /// It wants to know who asks, and lets nobody through.
    refuses: AtomicBool,
}

impl Proxy {
    async fn start() -> Result<(Arc<Self>, SocketAddr)> {
        let listener = TcpListener::bind((NEWS.1, PORT)).await.context("the proxy's port")?;
        let (proxy, address) = (Arc::new(Self::default()), listener.local_addr()?);
        let server = Arc::clone(&proxy);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = Arc::clone(&server);
                // A browser that breaks off is no fault.
                tokio::spawn(async move { server.serve(client).await.ok() });
            }
        });
        Ok((proxy, address))
    }

    async fn serve(&self, client: TcpStream) -> Result<()> {
        let mut client = BufReader::new(client);
        let mut first = String::new();
        client.read_line(&mut first).await?;
        let mut line = first.clone();
        while !line.trim().is_empty() {
            line.clear();
            ensure!(client.read_line(&mut line).await? > 0, "the head has an end");
        }
        let target = first.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        if target != format!("{}:443", LIBRARY.0) {
            client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await?;
            return Ok(());
        }
        self.tunnels.fetch_add(1, Ordering::Relaxed);
        if self.refuses.load(Ordering::Relaxed) {
            let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"office\"\r\n\
                          Content-Length: 0\r\nConnection: close\r\n\r\n";
            client.write_all(answer.as_bytes()).await?;
            return Ok(());
        }
        let mut site = TcpStream::connect((LIBRARY.1, 443)).await?;
        client.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").await?;
        copy_bidirectional(&mut client, &mut site).await?;
        Ok(())
    }
}

/// Firefox says that a proxy answered, so nobody could judge the site's address: refused, and nothing is read.
/// Chromium can't tell what kind of address a proxy leads to, and sends nothing through it. A proxy that lets nobody
/// through changes nothing of that: its own words are no page.
pub(crate) async fn behind_a_proxy(paths: &Paths, data: &Path) -> Result<()> {
    let (world, demo) = with_judgments(paths, data).await?;
    let (proxy, address) = Proxy::start().await?;
    let browser = world.browser_behind("profile", address).await?;
    let person = begun(paths, &browser, &demo).await?;
    person.lend().await?;
    let fetched = async |path: &str| -> Result<Value> {
        let order = world.buyer.order("A library's link check", &[World::url(path)]).await?;
        let results = async || world.buyer.results(&order).await;
        browser.until("the order is done", async || Ok(results().await?.len() == 1)).await?;
        results().await?.pop().context("one result")
    };
    let (unreached, unknown) = ((json!("network"), Value::Null), (json!("policy"), json!("no_address")));
    let (refused, through) = match paths.browser {
        Kind::Firefox => (unreached, unknown),
        // It shows the proxy's answer as the site's, without an address.
        Kind::Chromium => (unknown, unreached),
    };
    // A tunnel that is there is used again, so the refusal comes first.
    let both = [("/sqlite/about.html?refused", true, refused), ("/sqlite/about.html?through", false, through)];
    for (path, refuses, (outcome, reason)) in both {
        proxy.refuses.store(refuses, Ordering::Relaxed);
        let before = proxy.tunnels.load(Ordering::Relaxed);
        let result = fetched(path).await?;
        ensure!(proxy.tunnels.load(Ordering::Relaxed) > before, "it went past the proxy: {result}");
        let is = |pointer: &str, wanted: &Value| result.pointer(pointer) == Some(wanted);
        ensure!(is("/fetch/outcome", &outcome) && is("/fetch/reason", &reason), "another outcome: {result}");
        ensure!(is("/fetch/body_bytes", &json!(0)), "a body came through the proxy: {result}");
    }
    if paths.browser == Kind::Chromium {
        // It connects, doesn't know to which kind of address, and so sends nothing.
        let log = world.sites.as_ref().context("the namespace has sites")?.log(LIBRARY.0);
        ensure!(!log.iter().any(|line| line.path.ends_with("?through")), "a request went through the proxy");
    }
    // By a page of the site: Lull's own pages reach nobody.
    browser.goto(&World::url("/sqlite/about.html")).await?;
    let plain = "const done = arguments[0]; fetch(location.href).then(r => done(r.status), e => done(String(e)))";
    ensure!(browser.js_async(plain).await? == json!(200), "a plain fetch comes through the proxy");
    browser.close().await?;
    world.stop().await
}
