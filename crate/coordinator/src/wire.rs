//! Frames on a worker's WebSocket, each way, with their limits.

use std::time::Duration;

use axum::extract::ws::{Message as Frame, WebSocket};
use lull_protocol::cbor::CborError;
use lull_protocol::limits::FRAME_BYTES_MAX;
use lull_protocol::message::{Message, RefusedCode};
use lull_protocol::{ToCoordinator, ToWorker};
use tokio::time::timeout;

use crate::limits::{LINGER_MS_MAX, SEND_MS_MAX};

/// How large a frame the transport still takes in, bytes: room above `FRAME_BYTES_MAX`, so that a frame
/// that is a little too large gets a typed answer. Larger ones end the connection unread.
pub(crate) const TRANSPORT_FRAME_BYTES_MAX: usize = 2 * FRAME_BYTES_MAX;

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The peer is gone or silent.
    Lost,
    /// The transport failed: the peer broke off, or broke WebSocket's rules or its frame limit.
    Broken,
    /// With a last word.
    Bye(RefusedCode),
}

/// One socket.
pub(crate) struct Wire(pub(crate) WebSocket);

impl Wire {
    /// Sends a message, or finds that the peer does not read.
    pub(crate) async fn send(&mut self, message: &ToWorker) -> Result<(), End> {
        let frame = Frame::Binary(message.to_frame().into());
        match timeout(Duration::from_millis(SEND_MS_MAX), self.0.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Lost),
        }
    }

    /// The next message; `None` for a frame of the transport itself (ping, pong). Safe to cancel.
    pub(crate) async fn receive(&mut self) -> Result<Option<ToCoordinator>, End> {
        match self.0.recv().await {
            Some(Ok(Frame::Binary(bytes))) => match ToCoordinator::from_frame(&bytes) {
                Ok(message) => Ok(Some(message)),
                Err(CborError::TooLong { .. }) => Err(End::Bye(RefusedCode::TooLarge)),
                Err(_) => Err(End::Bye(RefusedCode::Malformed)),
            },
            Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => Ok(None),
            Some(Ok(Frame::Text(_))) => Err(End::Bye(RefusedCode::Malformed)),
            Some(Err(_)) => Err(End::Broken),
            Some(Ok(Frame::Close(_))) | None => Err(End::Lost),
        }
    }

    /// Says the last word, if there is one.
    pub(crate) async fn bye(&mut self, end: End) {
        let code = match end {
            End::Lost => return,
            // One that still listens learns at least that its frame was none.
            End::Broken => RefusedCode::Malformed,
            End::Bye(code) => code,
        };
        // The peer may be gone already.
        let _ = self.send(&ToWorker::Bye { code }).await;
    }

    /// Closes. What the peer has sent meanwhile is read and dropped for a while: closing over unread bytes
    /// would reset the connection, and the last word would be lost with it.
    pub(crate) async fn close(mut self) {
        let goodbye = async {
            let _ = self.0.send(Frame::Close(None)).await;
            while let Some(Ok(_)) = self.0.recv().await {}
        };
        let _ = timeout(Duration::from_millis(LINGER_MS_MAX), goodbye).await;
    }
}
