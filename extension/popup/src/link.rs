//! The line to the background: one port that is opened again whenever the browser drops it.
//!
//! The UI sends `{id, command}`, the background `{id, reply}`; what nobody asked for has no id. Commands
//! are not sent twice: after a new connection the view tells what became of them. Queries change nothing
//! and are asked again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo::timers::callback::Timeout;
use lull_browser::Port;
use lull_view::{Answer, Command, Judgments, Reply, Request, View, cbor};
use yew::Callback;

use crate::text;

/// The port's name; the background accepts it only from the extension's own pages.
const PORT_NAME: &str = "ui";
/// Wait before the first new try; doubled each time.
const RETRY_MS_MIN: u32 = 50;
/// Wait between tries at most.
const RETRY_MS_MAX: u32 = 3_000;

struct Query {
    request: Request,
    done: Callback<Reply>,
}

struct Inner {
    port: RefCell<Option<Port>>,
    next_id: Cell<u32>,
    /// The oldest first.
    queries: RefCell<Vec<Query>>,
    retry: RefCell<Option<Timeout>>,
    retry_ms: Cell<u32>,
    /// Of the last view on this port.
    judgments: RefCell<Judgments>,
    heard: Callback<Heard>,
}

/// What the background says without being asked by [`Wire::ask`].
pub(crate) enum Heard {
    /// The line is new: what was sent on the one before may be lost.
    Begun,
    /// A view; `of` is the command that it tells the end of.
    View { of: Option<u32>, view: Box<View> },
    /// Something failed; `of` is the command that did.
    Failed { of: Option<u32>, error: String },
}

/// A handle on the line; clones share it.
#[derive(Clone)]
pub(crate) struct Wire(Rc<Inner>);

impl PartialEq for Wire {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Wire {
    /// Opens the line; `heard` gets each reply that answers no query.
    pub(crate) fn open(heard: Callback<Heard>) -> Self {
        let wire = Self(Rc::new(Inner {
            port: RefCell::new(None),
            next_id: Cell::new(1),
            queries: RefCell::default(),
            retry: RefCell::new(None),
            retry_ms: Cell::new(RETRY_MS_MIN),
            judgments: RefCell::default(),
            heard,
        }));
        wire.connect();
        wire
    }

    /// Sends a command; its effect arrives as a view.
    pub(crate) fn send(&self, command: Command) {
        self.send_numbered(command);
    }

    /// The same; the view is the one of this number.
    pub(crate) fn send_numbered(&self, command: Command) -> u32 {
        let id = self.take_id();
        if !self.post(&Request { id, command }) {
            self.0.heard.emit(Heard::Failed { of: Some(id), error: text::background_silent().to_owned() });
        }
        id
    }

    /// Asks; `done` gets the reply, whatever happens to the line in between.
    pub(crate) fn ask(&self, command: Command, done: Callback<Reply>) {
        let request = Request { id: self.take_id(), command };
        self.post(&request);
        self.0.queries.borrow_mut().push(Query { request, done });
    }

    fn take_id(&self) -> u32 {
        let id = self.0.next_id.get();
        self.0.next_id.set(id.wrapping_add(1));
        id
    }

    fn post(&self, request: &Request) -> bool {
        if self.0.port.borrow().is_none() {
            self.connect();
        }
        let posted = self.0.port.borrow().as_ref().is_some_and(|port| port.post(&cbor::encode(request)).is_ok());
        if !posted {
            self.dropped();
        }
        posted
    }

    fn connect(&self) {
        let (hears, drops) = (Rc::downgrade(&self.0), Rc::downgrade(&self.0));
        let port = Port::connect(
            PORT_NAME,
            move |message| {
                if let Some(inner) = hears.upgrade() {
                    Wire(inner).received(&message);
                }
            },
            move || {
                if let Some(inner) = drops.upgrade() {
                    Wire(inner).dropped();
                }
            },
        );
        match port {
            Ok(port) => {
                *self.0.port.borrow_mut() = Some(port);
                self.0.judgments.take();
                self.0.heard.emit(Heard::Begun);
                self.ask_again();
            }
            Err(_) => self.dropped(),
        }
    }

    fn ask_again(&self) {
        let queries = self.0.queries.borrow();
        for query in queries.iter() {
            if let Some(port) = self.0.port.borrow().as_ref() {
                // If the port is gone already, its disconnect event starts the next try.
                let _ = port.post(&cbor::encode(&query.request));
            }
        }
    }

    fn received(&self, message: &[u8]) {
        let Ok(incoming) = cbor::read::<Answer>(message) else { return };
        self.0.retry_ms.set(RETRY_MS_MIN);
        let query = {
            let mut queries = self.0.queries.borrow_mut();
            let place = queries.iter().position(|query| Some(query.request.id) == incoming.id);
            place.map(|place| queries.remove(place))
        };
        match (query, incoming.reply) {
            (Some(query), reply) => query.done.emit(reply),
            (None, Reply::View { view }) => {
                let view = Box::new(self.0.judgments.borrow_mut().put_back(*view));
                self.0.heard.emit(Heard::View { of: incoming.id, view });
            }
            (None, Reply::Failed { error }) => self.0.heard.emit(Heard::Failed { of: incoming.id, error }),
            // Whoever asked is gone.
            (None, _) => {}
        }
    }

    fn dropped(&self) {
        *self.0.port.borrow_mut() = None;
        let wait_ms = self.0.retry_ms.get();
        self.0.retry_ms.set((wait_ms * 2).min(RETRY_MS_MAX));
        let weak = Rc::downgrade(&self.0);
        let retry = Timeout::new(wait_ms, move || {
            if let Some(inner) = weak.upgrade().filter(|inner| inner.port.borrow().is_none()) {
                Wire(inner).connect();
            }
        });
        *self.0.retry.borrow_mut() = Some(retry);
    }
}
