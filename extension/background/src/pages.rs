//! The extension's own pages that are open: each shows the view and may send commands.

use std::cell::RefCell;

use lull_browser::Port;
use lull_view::{Answer, Judgments, Reply, View, cbor};
use wasm_bindgen::prelude::*;

/// The name of the port.
const PORT: &str = "ui";

/// The pages that are open, and the view they show.
#[derive(Default)]
pub(crate) struct Pages {
    open: RefCell<Vec<Page>>,
    shown: RefCell<Option<View>>,
}

/// A page.
struct Page {
    port: Port,
    /// What it has.
    judgments: Judgments,
}

impl Page {
    /// Shows it a view; `id` is of the request that this answers. False if the page is gone.
    fn show(&mut self, id: Option<u32>, view: View) -> bool {
        let view = Box::new(self.judgments.leave_out(view));
        send(&self.port, &Answer { id, reply: Reply::View { view } })
    }
}

impl Pages {
    /// Lets a page in, after a look at who it is.
    pub(crate) fn connect(&self, port: JsValue, view: View) {
        match Port::accept(port, PORT) {
            Ok(port) => {
                let mut page = Page { port, judgments: Judgments::default() };
                page.show(None, view);
                self.open.borrow_mut().push(page);
                // This page may have seen something newer than the others: the next view goes to all.
                self.shown.replace(None);
            }
            Err(refused) => gloo::console::warn!(refused.to_string()),
        }
    }

    /// A page is gone.
    pub(crate) fn disconnect(&self, port: &JsValue) {
        self.open.borrow_mut().retain(|page| !page.port.is(port));
    }

    /// Whether a port was let in.
    pub(crate) fn knows(&self, port: &JsValue) -> bool {
        self.open.borrow().iter().any(|page| page.port.is(port))
    }

    /// Whether there is a page.
    pub(crate) fn are_open(&self) -> bool {
        !self.open.borrow().is_empty()
    }

    /// Shows a view in all pages, if it differs from the last one.
    pub(crate) fn show(&self, view: View) {
        if self.shown.borrow().as_ref() == Some(&view) {
            return;
        }
        self.open.borrow_mut().retain_mut(|page| page.show(None, view.clone()));
        self.shown.replace(Some(view));
    }

    /// Shows a view in all pages; to this one it is the answer to its request.
    pub(crate) fn show_done(&self, port: &JsValue, id: Option<u32>, view: View) {
        let id_of = |page: &Page| id.filter(|_| page.port.is(port));
        self.open.borrow_mut().retain_mut(|page| page.show(id_of(page), view.clone()));
        self.shown.replace(Some(view));
    }

    /// Answers a page.
    pub(crate) fn answer(&self, port: &JsValue, answer: &Answer) {
        if let Some(page) = self.open.borrow().iter().find(|page| page.port.is(port)) {
            send(&page.port, answer);
        }
    }
}

/// False if the page is gone.
fn send(port: &Port, answer: &Answer) -> bool {
    port.post(&cbor::encode(answer)).is_ok()
}
