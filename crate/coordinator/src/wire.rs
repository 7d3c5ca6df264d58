//! Frames on a worker's WebSocket, each way, with their limits.

use std::time::Duration;

use axum::extract::ws::{Message as Frame, WebSocket};
use futures_util::{FutureExt, SinkExt};
use lull_market::session::{End, Input};
use lull_protocol::ToWorker;
use lull_protocol::limits::FRAME_BYTES_MAX;
use lull_protocol::message::Message as _;
use tokio::time::timeout;

use crate::limits::{LINGER_MS_MAX, SEND_MS_MAX};

/// How large a frame the transport still takes in, bytes: room above `FRAME_BYTES_MAX`, so that a frame
/// that is a little too large gets a typed answer. Larger ones end the connection unread.
pub(crate) const TRANSPORT_FRAME_BYTES_MAX: usize = 2 * FRAME_BYTES_MAX;

/// One socket.
pub(crate) struct Wire(pub(crate) WebSocket);

/// What came out of a socket.
pub(crate) struct Received(Option<Result<Frame, axum::Error>>);

impl Received {
    /// As the machine takes it.
    pub(crate) fn input(&self) -> Input<'_> {
        match &self.0 {
            Some(Ok(Frame::Binary(bytes))) => Input::Frame(bytes),
            Some(Ok(Frame::Text(_))) => Input::Text,
            Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => Input::Sign,
            Some(Err(_)) => Input::Broken,
            Some(Ok(Frame::Close(_))) | None => Input::Closed,
        }
    }
}

impl Wire {
    /// Takes a message to be sent with the next [`flush`](Self::flush), or before; `false`: the peer does not
    /// read, or is gone.
    pub(crate) async fn feed(&mut self, message: &ToWorker) -> bool {
        let frame = Frame::Binary(message.to_frame().into());
        in_time(self.0.feed(frame)).await
    }

    /// Sends what was taken.
    pub(crate) async fn flush(&mut self) -> bool {
        in_time(self.0.flush()).await
    }

    /// What comes next. Safe to cancel.
    pub(crate) async fn receive(&mut self) -> Received {
        Received(self.0.recv().await)
    }

    /// What has come already, if anything has.
    pub(crate) fn waiting(&mut self) -> Option<Received> {
        self.receive().now_or_never()
    }

    /// Says the last word, if there is one.
    pub(crate) async fn bye(&mut self, end: End) {
        if let Some(code) = end.last_word() {
            // The peer may be gone already.
            let _ = self.feed(&ToWorker::Bye { code }).await && self.flush().await;
        }
    }

    /// Closes. What the peer has sent meanwhile is read and dropped for a while: closing over unread bytes
    /// would reset the connection, and the last word would be lost with it.
    pub(crate) async fn close(&mut self) {
        let goodbye = async {
            let _ = self.0.send(Frame::Close(None)).await;
            while let Some(Ok(_)) = self.0.recv().await {}
        };
        let _ = timeout(Duration::from_millis(LINGER_MS_MAX), goodbye).await;
    }
}

async fn in_time(sent: impl Future<Output = Result<(), axum::Error>>) -> bool {
    matches!(timeout(Duration::from_millis(SEND_MS_MAX), sent).await, Ok(Ok(())))
}
