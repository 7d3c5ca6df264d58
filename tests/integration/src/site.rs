//! The site that buyers order pages of: https on the namespace's public-looking address. Every byte follows
//! from the path, so what a worker handed in can be compared with what was there.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::Path as In;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use rcgen::{CertificateParams, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

use crate::place::SITE;

/// The page with this number, of this many bytes.
pub(crate) fn page(number: u64, bytes: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(number);
    (0..bytes).map(|_| rng.alphanumeric() as u8).collect()
}

/// A URL of the site.
pub(crate) fn url(path: &str) -> String {
    format!("https://{}{path}", SITE.0)
}

/// The number and size that a page's URL names.
pub(crate) fn named(url: &str) -> Option<(u64, u64)> {
    let (number, bytes) = url.split_once("/page/")?.1.split_once('/')?;
    Some((number.parse().ok()?, bytes.parse().ok()?))
}

/// Starts it; gives the file of the certificate to trust.
pub(crate) async fn start(folder: &Path) -> Result<PathBuf> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec![SITE.0.to_owned()])?.self_signed(&key)?;
    let file = folder.join("site.pem");
    std::fs::write(&file, certificate.pem())?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private)?;
    let at = SocketAddr::from((SITE.1, 443));
    let tcp = TcpListener::bind(at).await.context("the site's address")?;
    let router = Router::new()
        .route("/page/{number}/{bytes}", get(async |In((number, bytes)): In<(u64, u64)>| page(number, bytes)))
        .route(
            "/moved/{number}/{bytes}",
            get(async |In((n, bytes)): In<(u64, u64)>| Redirect::temporary(&format!("/page/{n}/{bytes}"))),
        )
        .route("/gate/{number}", get(async || (StatusCode::FORBIDDEN, "not for you").into_response()));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move { axum::serve(Tls::start(tcp, acceptor), router).await });
    Ok(file)
}

/// Connections whose handshake is done, each in a task of its own.
struct Tls {
    at: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Tls {
    fn start(tcp: TcpListener, acceptor: TlsAcceptor) -> Self {
        let (done, ready) = mpsc::channel(16);
        let at = SocketAddr::from((SITE.1, 443));
        tokio::spawn(async move {
            loop {
                // A failed accept or handshake is that client's own trouble.
                let Ok((tcp, from)) = tcp.accept().await else { continue };
                let (acceptor, done) = (acceptor.clone(), done.clone());
                tokio::spawn(async move {
                    if let Ok(tls) = acceptor.accept(tcp).await {
                        // A site that has ended serves nobody.
                        let _ = done.send((tls, from)).await;
                    }
                });
            }
        });
        Self { at, ready }
    }
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
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
