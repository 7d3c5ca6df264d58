//! The extension's own pages that are open: each shows the view and may send commands.

use std::cell::RefCell;

use lull_browser::Port;
use lull_view::{Answer, Reply, View, cbor};
use wasm_bindgen::prelude::*;

/// The name of the port.
const PORT: &str = "ui";

/// The pages' ports, and the view they show.
#[derive(Default)]
pub(crate) struct Pages {
    ports: RefCell<Vec<Port>>,
    shown: RefCell<Option<Answer>>,
}

impl Pages {
    /// Lets a page in, after a look at who it is.
    pub(crate) fn connect(&self, port: JsValue, view: View) {
        match Port::accept(port, PORT) {
            Ok(port) => {
                send(&port, &shown(view));
                self.ports.borrow_mut().push(port);
                // This page may have seen something newer than the others: the next view goes to all.
                self.shown.replace(None);
            }
            Err(refused) => gloo::console::warn!(refused.to_string()),
        }
    }

    /// A page is gone.
    pub(crate) fn disconnect(&self, port: &JsValue) {
        self.ports.borrow_mut().retain(|known| !known.is(port));
    }

    /// Whether a port was let in.
    pub(crate) fn knows(&self, port: &JsValue) -> bool {
        self.ports.borrow().iter().any(|known| known.is(port))
    }

    /// Whether there is a page.
    pub(crate) fn are_open(&self) -> bool {
        !self.ports.borrow().is_empty()
    }

    /// Shows a view in all pages, if it differs from the last one.
    pub(crate) fn show(&self, view: View) {
        let answer = shown(view);
        if self.shown.borrow().as_ref() == Some(&answer) {
            return;
        }
        self.ports.borrow_mut().retain(|port| send(port, &answer));
        self.shown.replace(Some(answer));
    }

    /// Answers a page.
    pub(crate) fn answer(&self, port: &JsValue, answer: &Answer) {
        if let Some(port) = self.ports.borrow().iter().find(|known| known.is(port)) {
            send(port, answer);
        }
    }
}

/// A view that nobody asked for.
fn shown(view: View) -> Answer {
    Answer { id: None, reply: Reply::View { view: Box::new(view) } }
}

/// False if the page is gone.
fn send(port: &Port, answer: &Answer) -> bool {
    port.post(&cbor::encode(answer)).is_ok()
}
