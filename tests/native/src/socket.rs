//! One WebSocket: frames come to whoever asks; frames that go wait in a queue of their own, so that a line
//! that takes nothing never holds the worker up.

use std::time::Duration;

use anyhow::Result;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use lull_protocol::limits::{FRAME_BYTES_MAX, SUBPROTOCOL};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Time a line has to take one frame, milliseconds; longer than silence lasts before the machine leaves.
const SEND_MS_MAX: u64 = 90_000;

/// An open socket. Dropping it sends what waits, then closes.
pub(crate) struct Socket {
    frames: SplitStream<Stream>,
    queue: mpsc::UnboundedSender<Vec<u8>>,
    writer: JoinHandle<()>,
}

impl Socket {
    /// The next frame; `None` once the connection is over. Without a socket there never is one.
    pub(crate) async fn next(socket: &mut Option<Self>) -> Option<Bytes> {
        let Some(open) = socket else { return std::future::pending().await };
        loop {
            let frame = tokio::select! {
                frame = open.frames.next() => frame,
                // It ends by itself only when a frame could not be sent.
                _ = &mut open.writer => return None,
            };
            match frame {
                Some(Ok(Message::Binary(bytes))) => return Some(bytes),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    /// Queues a frame; whether the socket still takes any.
    pub(crate) fn send(&self, frame: Vec<u8>) -> bool {
        self.queue.send(frame).is_ok()
    }
}

async fn write(mut sink: SplitSink<Stream, Message>, mut queue: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(frame) = queue.recv().await {
        let sent = timeout(Duration::from_millis(SEND_MS_MAX), sink.send(Message::Binary(frame.into()))).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

/// Opens a socket with the protocol's name.
pub(crate) async fn dial(url: &str) -> Result<Socket> {
    let mut request = url.into_client_request()?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
    let config = WebSocketConfig::default().max_message_size(Some(FRAME_BYTES_MAX));
    let (socket, _) = tokio_tungstenite::connect_async_with_config(request, Some(config), true).await?;
    let (sink, frames) = socket.split();
    let (queue, queued) = mpsc::unbounded_channel();
    Ok(Socket { frames, queue, writer: tokio::spawn(write(sink, queued)) })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What a captive portal, a web server, a wrong service or a dead line says to the first request.
    #[tokio::test]
    async fn what_answers_as_a_portal_does_is_no_coordinator() {
        let answers: [&[u8]; 6] = [
            b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlogin",
            b"HTTP/1.1 511 Network Authentication Required\r\n\r\n",
            // An upgrade without the key's proof, and one to another protocol.
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"",
        ];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/v1/worker", listener.local_addr().unwrap());
        for answer in answers {
            let portal = async {
                let (mut client, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 2_048];
                let count = client.read(&mut request).await.unwrap();
                client.write_all(answer).await.unwrap();
                client.shutdown().await.unwrap();
                let mut rest = Vec::new();
                client.read_to_end(&mut rest).await.unwrap();
                (String::from_utf8_lossy(&request[..count]).into_owned(), rest)
            };
            let (dialled, (request, rest)) = tokio::join!(dial(&url), portal);
            assert!(dialled.is_err(), "{}", String::from_utf8_lossy(answer));
            // It learns that somebody speaks the protocol, and nothing of the worker.
            assert!(request.starts_with("GET /v1/worker HTTP/1.1\r\n") && request.contains(SUBPROTOCOL), "{request}");
            assert_eq!(rest, b"");
        }
    }
}
