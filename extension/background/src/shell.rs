//! The loop: what happens goes into the machine, its effects go out to the browser.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use lull_browser::{
    BrowserError, answer_notification, message_bytes, notify, open_tab, pop, release_notifications, set_badge,
    withdraw_notification,
};
use lull_view::{Answer, Command, Link, Reply, Request, View, cbor};
use lull_worker::{Effect, Event, Reading, Surroundings, Worker, Write};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::Happening;
use crate::fetch::{Fetches, Grant};
use crate::global::{lower_case, now};
use crate::lookup;
use crate::pages::Pages;
use crate::socket::Socket;
use crate::start::{self, Trouble};
use crate::storage::{Storage, StorageError};
use crate::surroundings::{look, release_permission};
use crate::timers::{Timers, pause};

/// What a newcomer sees first.
const WELCOME: &str = "popup.html?tab=1#/welcome";
/// How long the browser may take to say that the popup opened, milliseconds.
const POP_PATIENCE_MS: u64 = 2_000;
/// What a click on the notification opens where the popup can't.
const HOME: &str = "popup.html?tab=1#/";
/// How often, and after how many milliseconds, the first run is tried again.
const WELCOME_TRIES: u32 = 20;
const WELCOME_AGAIN_MS: u64 = 500;

/// The machine and all it needs of the browser. No borrow of a field outlives the statement it is in.
pub(crate) struct Shell {
    worker: RefCell<Result<Worker, Trouble>>,
    events: RefCell<VecDeque<Event>>,
    /// The machine is handling events further up the stack.
    handling: Cell<bool>,
    /// The view changed, and the pages will be shown it before the next task.
    showing: Cell<bool>,
    surroundings: Cell<Option<Surroundings>>,
    /// How many machines there were before this one.
    machines: Cell<u32>,
    storage: Option<Rc<Storage>>,
    socket: RefCell<Option<Socket>>,
    fetches: Fetches,
    timers: Timers,
    pages: Pages,
}

impl Shell {
    /// Around a machine with its storage, or around what keeps one from being made.
    pub(crate) fn new(storage: Option<Rc<Storage>>, worker: Result<Worker, Trouble>) -> Rc<Self> {
        Rc::new(Self {
            worker: RefCell::new(worker),
            events: RefCell::default(),
            handling: Cell::new(false),
            showing: Cell::new(false),
            surroundings: Cell::new(None),
            machines: Cell::new(0),
            storage,
            socket: RefCell::default(),
            fetches: Fetches::default(),
            timers: Timers::default(),
            pages: Pages::default(),
        })
    }

    /// Lets the machine look around for the first time.
    pub(crate) fn begin(self: &Rc<Self>, surroundings: Surroundings) {
        self.timers.wait_for_midnight(self);
        self.surrounded(surroundings);
        self.post(Event::Tick);
        self.view_changed();
    }

    /// A listener of the browser was called.
    pub(crate) fn happened(self: &Rc<Self>, happening: Happening) {
        match happening {
            Happening::Connect(port) => {
                self.pages.connect(port, self.view());
                self.look_around();
            }
            Happening::Message(port, message) if self.pages.knows(&port) => self.asked(port, &message),
            Happening::Message(..) => {}
            Happening::Disconnect(port) => {
                self.pages.disconnect(&port);
                self.look_around();
            }
            Happening::Called => spawn_local(called()),
            Happening::Installed => spawn_local(welcome()),
            Happening::Alarm => {
                self.timers.rang();
                self.post(Event::Alarm);
                self.post(Event::Tick);
                self.look_around();
            }
            Happening::Surroundings => self.look_around(),
        }
    }

    /// Hands an event to the machine and carries out what it wants.
    pub(crate) fn post(self: &Rc<Self>, event: Event) {
        self.events.borrow_mut().push_back(event);
        if self.handling.replace(true) {
            return;
        }
        while let Some(event) = self.next_event() {
            if let Ok(worker) = self.worker.borrow_mut().as_mut() {
                worker.handle(event, now());
            }
            while let Some(effect) = self.next_effect() {
                self.perform(effect);
            }
        }
        self.handling.set(false);
    }

    fn next_event(&self) -> Option<Event> {
        self.events.borrow_mut().pop_front()
    }

    fn next_effect(&self) -> Option<Effect> {
        self.worker.borrow_mut().as_mut().ok()?.poll_effect()
    }

    fn perform(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::Connect { url } => self.connect(&url),
            Effect::Disconnect => drop(self.socket.take()),
            Effect::Send(frame) => self.send(&frame),
            Effect::Persist { batch, writes } => self.persist(batch, &writes),
            Effect::LookUp { fetch, host, timeout_ms } => lookup::start(self, fetch, host, timeout_ms),
            Effect::Fetch { fetch, url, method, timeout_ms } => {
                self.fetches.send(self, fetch, &url, method, timeout_ms);
            }
            Effect::ReadBody { fetch, allowance_bytes, bytes_max, timeout_ms } => {
                self.fetches.read_body(self, fetch, Grant { allowance_bytes, bytes_max, timeout_ms });
            }
            Effect::AbortFetch { fetch } => self.fetches.abort(fetch),
            Effect::ReleasePermission => spawn_local(release_permission()),
            Effect::WakeAt(at) => self.timers.wake_at(self, at),
            Effect::Badge { count } => spawn_local(badge(count)),
            Effect::Pop { open, notify } => self.pop(open, notify),
            Effect::ViewChanged => self.view_changed(),
        }
    }

    fn pop(self: &Rc<Self>, opens: bool, notifies: bool) {
        let shell = Rc::clone(self);
        spawn_local(async move {
            let is_shown = call(opens, notifies).await;
            shell.post(Event::Popped { is_shown });
        });
    }

    fn connect(self: &Rc<Self>, url: &str) {
        // The former one goes first, so that no event of it comes any more.
        self.socket.take();
        match Socket::open(self, url) {
            Ok(socket) => drop(self.socket.replace(Some(socket))),
            Err(_) => self.post(Event::SocketClosed),
        }
    }

    fn send(self: &Rc<Self>, frame: &[u8]) {
        // A socket that is closing takes frames and drops them; its end is told by its own event.
        let sent = self.socket.borrow().as_ref().map(|socket| socket.send(frame));
        if let Some(Err(_)) = sent {
            self.socket_ended();
        }
    }

    /// The socket is of no more use.
    pub(crate) fn socket_ended(self: &Rc<Self>) {
        self.socket.take();
        self.post(Event::SocketClosed);
    }

    fn persist(self: &Rc<Self>, batch: u64, writes: &[Write]) {
        let Some(storage) = &self.storage else { return self.post(Event::PersistFailed { batch }) };
        let (written, shell) = (storage.persist(writes), Rc::clone(self));
        spawn_local(async move {
            shell.post(match written.await {
                Ok(()) => Event::Persisted { batch },
                Err(error) => {
                    gloo::console::error!(error.to_string());
                    Event::PersistFailed { batch }
                }
            });
        });
    }

    /// Asks the browser for the surroundings, and tells the machine if they changed.
    pub(crate) fn look_around(self: &Rc<Self>) {
        let shell = Rc::clone(self);
        spawn_local(async move { shell.surrounded(look().await) });
    }

    fn surrounded(self: &Rc<Self>, surroundings: Surroundings) {
        let surroundings = Surroundings { looks: self.pages.are_open(), ..surroundings };
        if self.surroundings.replace(Some(surroundings)) != Some(surroundings) {
            self.post(Event::Surroundings(surroundings));
        }
    }

    /// The fetches under way.
    #[cfg_attr(not(feature = "bandwidth"), allow(dead_code, reason = "there are none"))]
    pub(crate) fn fetches(&self) -> &Fetches {
        &self.fetches
    }

    /// The timers.
    pub(crate) fn timers(&self) -> &Timers {
        &self.timers
    }

    fn view(&self) -> View {
        match &*self.worker.borrow() {
            Ok(worker) => worker.view(now()),
            Err(trouble) => trouble.view(),
        }
    }

    fn link(&self) -> Link {
        match &*self.worker.borrow() {
            Ok(worker) => worker.link(),
            Err(trouble) => trouble.view().link,
        }
    }

    /// Shows the view once all that happens now has been handled.
    fn view_changed(self: &Rc<Self>) {
        if self.showing.replace(true) {
            return;
        }
        let shell = Rc::clone(self);
        spawn_local(async move {
            shell.showing.set(false);
            let link = shell.link();
            shell.timers.standing(!matches!(link, Link::Off | Link::Stopped { .. }));
            // A view takes work, and mostly nobody looks.
            if shell.pages.are_open() {
                shell.pages.show(shell.view());
            }
        });
    }

    /// Decodes what a page asked, does it and answers.
    fn asked(self: &Rc<Self>, port: JsValue, message: &JsValue) {
        let bytes = message_bytes(message).unwrap_or_default();
        let (id, said) = match cbor::read::<Request>(&bytes) {
            Ok(Request { id, command: Command::AdoptKey }) => return self.start_over(Anew::OtherKey, port, id),
            Ok(Request { id, command: Command::EraseAll }) => return self.start_over(Anew::Nothing, port, id),
            Ok(Request { id, command }) => (Some(id), self.reply(command)),
            Err(error) => (None, Said::Now(Reply::Failed { error: error.to_string() })),
        };
        match said {
            Said::Now(reply) => self.pages.answer(&port, &Answer { id, reply }),
            Said::Done => self.pages.show_done(&port, id, self.view()),
            Said::Read(reading) => self.read(*reading, port, id),
        }
    }

    fn reply(self: &Rc<Self>, command: Command) -> Said {
        let answered = match &*self.worker.borrow() {
            Ok(worker) => match worker.reading_of(&command, lower_case) {
                Some(reading) => Some(Said::Read(Box::new(reading))),
                None => worker.query(&command, now()).map(Said::Now),
            },
            Err(trouble) => Some(Said::Now(Reply::Failed { error: trouble.to_string() })),
        };
        answered.unwrap_or_else(|| {
            self.post(Event::Command(command));
            Said::Done
        })
    }

    /// Which machine it is, so that what was begun for one is not told to the next.
    #[cfg_attr(not(feature = "bandwidth"), allow(dead_code, reason = "nothing is looked up"))]
    pub(crate) fn machine(&self) -> u32 {
        self.machines.get()
    }

    /// Ends the machine, so that nothing of it is sent or written any more, changes what is stored, and starts
    /// another one from that.
    fn start_over(self: &Rc<Self>, how: Anew, port: JsValue, id: u32) {
        let Some(storage) = self.storage.clone() else {
            let error = Trouble::Changing.to_string();
            return self.pages.answer(&port, &Answer { id: Some(id), reply: Reply::Failed { error } });
        };
        // The socket first: what is erased must not come back over it.
        self.socket.take();
        self.fetches.abort_all();
        let before = self.worker.replace(Err(Trouble::Changing));
        self.machines.set(self.machines.get().wrapping_add(1));
        let kept = before.map(|worker| worker.records_of_the_browser()).unwrap_or_default();
        let shell = Rc::clone(self);
        spawn_local(async move {
            let changed = match how {
                Anew::OtherKey => storage.adopt(&kept).await,
                Anew::Nothing => {
                    // These first: a kill must leave nothing allowed that nobody remembers.
                    release_permission().await;
                    report(release_notifications().await);
                    storage.erase().await
                }
            };
            badge(0).await;
            let machine = start::anew(&storage).await;
            drop(shell.worker.replace(machine));
            shell.surroundings.set(None);
            shell.surrounded(look().await);
            shell.post(Event::Tick);
            match changed {
                Ok(()) => shell.pages.show_done(&port, Some(id), shell.view()),
                Err(error) => {
                    let reply = Reply::Failed { error: error.to_string() };
                    shell.pages.answer(&port, &Answer { id: Some(id), reply });
                    shell.view_changed();
                }
            }
        });
    }

    /// Reads what a query needs, piece by piece, and answers the page.
    fn read(self: &Rc<Self>, mut reading: Reading, port: JsValue, id: Option<u32>) {
        let shell = Rc::clone(self);
        spawn_local(async move {
            let read = shell.read_all(&mut reading).await;
            let reply = match (read, &*shell.worker.borrow()) {
                (Ok(()), Ok(worker)) => worker.answer_read(reading),
                (Err(error), _) => Reply::Failed { error: error.to_string() },
                (_, Err(trouble)) => Reply::Failed { error: trouble.to_string() },
            };
            shell.pages.answer(&port, &Answer { id, reply });
        });
    }

    async fn read_all(&self, reading: &mut Reading) -> Result<(), StorageError> {
        let Some(storage) = &self.storage else { return Ok(()) };
        while let Some((from, below)) = reading.range() {
            reading.take(storage.range(&from, &below).await?);
        }
        Ok(())
    }
}

/// What the next machine starts from.
enum Anew {
    /// The key that was read from a backup.
    OtherKey,
    /// Nothing at all.
    Nothing,
}

/// How a page is answered.
enum Said {
    /// At once.
    Now(Reply),
    /// With the view, now that the command was carried out.
    Done,
    /// Once this was read.
    Read(Box<Reading>),
}

/// The number on the icon. With no judgment left there is nothing to be notified of, either.
async fn badge(count: u32) {
    report(set_badge(count).await);
    if count == 0 {
        withdraw_notification().await;
    }
}

/// Calls the person in one of the ways they chose. Whether it could be done.
async fn call(opens: bool, notifies: bool) -> bool {
    let is_open = opens && succeeded(pop(pause(POP_PATIENCE_MS)).await).unwrap_or(false);
    is_open || notifies && succeeded(notify().await).is_some()
}

/// The person answers the call.
async fn called() {
    if succeeded(answer_notification().await) != Some(true) {
        report(open_tab(HOME).await);
    }
}

/// Opens the first run. A browser that is just starting may have no window for it yet.
async fn welcome() {
    let mut opened = open_tab(WELCOME).await;
    for _ in 0..WELCOME_TRIES {
        if opened.is_ok() {
            break;
        }
        pause(WELCOME_AGAIN_MS).await;
        opened = open_tab(WELCOME).await;
    }
    report(opened);
}

fn succeeded<T>(result: Result<T, BrowserError>) -> Option<T> {
    result.inspect_err(|error| gloo::console::error!(error.to_string())).ok()
}

/// Notes a call of the browser that failed. The loop goes on: whatever depended on it is asked for again.
pub(crate) fn report(result: Result<(), BrowserError>) {
    succeeded(result);
}
