//! Accepting HTTP connections: so many at once, each with a limit on how long it may be silent before a
//! request. A connection that becomes a worker's socket leaves this count and has the limits of a session.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};

use crate::limits::{HEAD_MS_MAX, HTTP_CONNECTIONS_MAX};

/// Serves until told to stop (either end of the channel says so), then lets the requests that were begun
/// end.
pub(crate) async fn serve(mut listener: TcpListener, router: Router, mut stop: oneshot::Receiver<()>) {
    let places = Arc::new(Semaphore::new(HTTP_CONNECTIONS_MAX as usize));
    let (stopping, stopped) = watch::channel(false);
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, Listener::accept(&mut listener).await.0)
        };
        tokio::select! {
            biased;
            _ = &mut stop => break,
            (place, stream) = next => {
                let (router, stopped) = (router.clone(), stopped.clone());
                tokio::spawn(async move {
                    let _place = place;
                    connection(stream, router, stopped).await;
                });
            }
        }
    }
    drop(listener);
    stopping.send_replace(true);
    // Every connection's place is free again once it has ended; the semaphore is never closed.
    let _ = places.acquire_many(HTTP_CONNECTIONS_MAX).await;
}

async fn connection(stream: TcpStream, router: Router, mut stopped: watch::Receiver<bool>) {
    // Small answers leave at once: with Nagle's algorithm each would wait 40 ms for the peer's acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HEAD_MS_MAX))
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        // A sender that is gone means the same.
        () = async { drop(stopped.wait_for(|stopping| *stopping).await) } => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection broke");
    }
}
