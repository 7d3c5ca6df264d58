//! The socket to the coordinator.

use std::rc::Rc;

use gloo::timers::callback::Interval;
use js_sys::{ArrayBuffer, Uint8Array};
use lull_browser::{is_firefox, stay_awake};
use lull_vault::random;
use lull_worker::Event;
use lull_worker::protocol::limits::{FRAME_BYTES_MAX, SUBPROTOCOL};
use lull_worker::protocol::units::Challenge;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{BinaryType, MessageEvent, WebSocket};

use crate::shell::{Shell, report};

/// How often a connected background in Firefox calls the extension API: without a call for 30 s it would end,
/// whatever its socket does.
const AWAKE_MS: u32 = 20_000;

/// An open socket, or one that opens; dropping it closes it, and no event of it comes any more.
pub(crate) struct Socket {
    raw: WebSocket,
    _on_end: Closure<dyn Fn()>,
    _on_open: Closure<dyn Fn()>,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _awake: Option<Interval>,
}

impl Socket {
    pub(crate) fn open(shell: &Rc<Shell>, url: &str) -> Result<Self, JsValue> {
        let raw = WebSocket::new_with_str(url, SUBPROTOCOL)?;
        raw.set_binary_type(BinaryType::Arraybuffer);
        let on_end = listener(shell, |shell| shell.socket_ended());
        let opened = raw.clone();
        let on_open = listener(shell, move |shell| match challenge(&opened) {
            Some(challenge) => shell.post(Event::SocketOpened { challenge }),
            None => shell.socket_ended(),
        });
        let shell = Rc::downgrade(shell);
        let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
            let Some(shell) = shell.upgrade() else { return };
            match frame(&message) {
                Some(frame) => shell.post(Event::Frame(frame)),
                None => shell.socket_ended(),
            }
        });
        // An error is always followed by a close (WebSockets standard, "fail the connection").
        raw.set_onclose(Some(on_end.as_ref().unchecked_ref()));
        raw.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        raw.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let awake = || Interval::new(AWAKE_MS, || spawn_local(async { report(stay_awake().await) }));
        let _awake = is_firefox().then(awake);
        Ok(Self { raw, _on_end: on_end, _on_open: on_open, _on_message: on_message, _awake })
    }

    pub(crate) fn send(&self, frame: &[u8]) -> Result<(), JsValue> {
        self.raw.send_with_u8_array(frame)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.raw.set_onclose(None);
        self.raw.set_onopen(None);
        self.raw.set_onmessage(None);
        // Fails only for codes and reasons, and none is given.
        self.raw.close().ok();
    }
}

fn listener(shell: &Rc<Shell>, then: impl Fn(&Rc<Shell>) + 'static) -> Closure<dyn Fn()> {
    let shell = Rc::downgrade(shell);
    Closure::new(move || {
        if let Some(shell) = shell.upgrade() {
            then(&shell);
        }
    })
}

/// Fresh bytes for the handshake, if the server speaks the subprotocol.
fn challenge(socket: &WebSocket) -> Option<Challenge> {
    (socket.protocol() == SUBPROTOCOL).then(random).and_then(Result::ok).map(Challenge)
}

/// A binary message of lawful size; everything else is a peer that doesn't speak the protocol.
fn frame(message: &MessageEvent) -> Option<Vec<u8>> {
    let data = message.data().dyn_into::<ArrayBuffer>().ok()?;
    let bytes = Uint8Array::new(&data);
    (bytes.length() as usize <= FRAME_BYTES_MAX).then(|| bytes.to_vec())
}
