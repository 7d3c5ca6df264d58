//! The extension's own pages that are open: each shows the view and may send commands.

use std::cell::RefCell;

use lull_browser::{Answer, Port, from_js, to_js};
use lull_view::{Reply, View};
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use crate::shell::report;

/// The name of the port.
const PORT: &str = "ui";

/// The pages' ports, and the view they show.
#[derive(Default)]
pub(crate) struct Pages {
    ports: RefCell<Vec<Port>>,
    shown: RefCell<Option<Reply>>,
}

impl Pages {
    /// Lets a page in, after a look at who it is.
    pub(crate) fn connect(&self, port: JsValue, view: View) {
        match Port::accept(port, PORT) {
            Ok(port) => {
                send(&port, None, &Reply::View { view: Box::new(view) });
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
        let reply = Reply::View { view: Box::new(view) };
        if self.shown.borrow().as_ref() == Some(&reply) {
            return;
        }
        self.ports.borrow_mut().retain(|port| send(port, None, &reply));
        self.shown.replace(Some(reply));
    }

    /// Answers a page.
    pub(crate) fn answer(&self, port: &JsValue, id: Option<u32>, reply: &Reply) {
        if let Some(port) = self.ports.borrow().iter().find(|known| known.is(port)) {
            send(port, id, reply);
        }
    }
}

/// The id of a message that may be junk.
pub(crate) fn id_of(message: &JsValue) -> Option<u32> {
    #[derive(Deserialize)]
    struct Id {
        id: u32,
    }
    from_js::<Id>(message.clone()).ok().map(|message| message.id)
}

/// False if the page is gone.
fn send(port: &Port, id: Option<u32>, reply: &Reply) -> bool {
    match to_js(&Answer { id, reply }) {
        Ok(message) => port.post(&message).is_ok(),
        Err(error) => {
            report(Err(error));
            true
        }
    }
}
