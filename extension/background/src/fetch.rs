//! The requests that Lull sends for buyers: one per hop, no session, no redirect followed, and no body byte
//! read before the machine has judged the address that answered.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use gloo::timers::callback::Timeout;
use js_sys::{Array, Promise, Reflect, Uint8Array};
use litemap::LiteMap;
use lull_browser::{Header, RequestEvent, Watch};
use lull_worker::protocol::Method;
use lull_worker::{Event, FetchFailure, FetchId, HopHead, REQUEST_HEADERS};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{
    AbortController, PerformanceObserver, PerformanceObserverInit, PerformanceResourceTiming, ReadableStreamByobReader,
    ReadableStreamGetReaderOptions, ReadableStreamReadResult, ReadableStreamReaderMode, ReferrerPolicy, RequestCache,
    RequestCredentials, RequestInit, RequestRedirect, Response, Url,
};

use crate::global::{self, PERFORMANCE};
use crate::shell::Shell;
use crate::timers::timeout;

/// Marks Lull's own requests in the browser's events; a fragment is never sent.
const FRAGMENT: &str = "#lull-";
/// How long the browser's event may lag behind its answer, milliseconds.
const EVENT_LAG_MS_MAX: u64 = 3_000;
/// How often, and how long each time, the timing of a body is waited for, milliseconds.
const TIMING_WAITS_MAX: u32 = 5;
const TIMING_LAG_MS_MAX: u64 = 10;
/// What is read of a body at a time, bytes.
const READ_BYTES: u32 = 256 * 1024;
/// Statuses whose `Location` is a redirect (Fetch standard, "redirect status").
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// The fetches under way, and a number for each request.
#[derive(Default)]
pub(crate) struct Fetches {
    hops: RefCell<LiteMap<FetchId, Rc<Hop>>>,
    requests: Cell<u64>,
    /// Bodies that are being read.
    reading: Cell<u32>,
    /// The buffer of the last body that was read to its end.
    buffer: RefCell<Option<Uint8Array>>,
}

/// Why a hop ended before its time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The machine gave it up, and waits for nothing more.
    GivenUp,
    Timeout,
}

/// One request.
struct Hop {
    /// With the fragment.
    url: String,
    controller: AbortController,
    end: Cell<Option<End>>,
    /// The time limit of the part under way.
    limit: RefCell<Option<Timeout>>,
    heard: RefCell<Heard>,
    response: RefCell<Option<Response>>,
    /// What was read of the body, between two grants.
    part: RefCell<Option<Part>>,
    /// The body crosses the connection in another form than it is read in.
    is_encoded: Cell<bool>,
    /// How long it is there, as the head says it, bytes.
    announced: Cell<Option<u64>>,
}

/// What may be read of a body now.
pub(crate) struct Grant {
    /// How much, decoded bytes.
    pub(crate) allowance_bytes: u64,
    /// Ceiling of the whole body, decoded bytes.
    pub(crate) bytes_max: u64,
    /// For reading that much, milliseconds.
    pub(crate) timeout_ms: u64,
}

/// A body that is read, and what was read of it.
struct Part {
    /// `None`: there is no body.
    reader: Option<ReadableStreamByobReader>,
    /// Lent to the browser for each read: chunks of its own would lie around by tens of megabytes until collected.
    buffer: Uint8Array,
    body: Vec<u8>,
}

impl Part {
    /// Of the length that the head has announced, if it has: a body that grows is held twice.
    fn begin(response: Response, buffer: Uint8Array, length: usize) -> Self {
        let by_own_buffer = ReadableStreamGetReaderOptions::new();
        by_own_buffer.set_mode(ReadableStreamReaderMode::Byob);
        let reader = |stream: web_sys::ReadableStream| stream.get_reader_with_options(&by_own_buffer).unchecked_into();
        let reader = response.body().map(reader);
        Self { reader, buffer, body: Vec::with_capacity(length) }
    }

    fn take(&mut self, chunk: &Uint8Array) {
        let from = self.body.len();
        self.body.resize(from + chunk.length() as usize, 0);
        if let Some(place) = self.body.get_mut(from..) {
            chunk.copy_to(place);
        }
    }
}

/// What the browser's events told of a request.
#[derive(Default)]
struct Heard {
    status: Option<u16>,
    headers: Vec<Header>,
    /// Known once an event that carries it came; then `None` says that nobody could tell.
    address: Option<Option<String>>,
    own: u64,
    foreign: u64,
    /// Who waits for the events.
    waker: Option<Waker>,
}

impl Fetches {
    /// Sends one request; its head comes back as an event.
    pub(crate) fn send(&self, shell: &Rc<Shell>, fetch: FetchId, url: &str, method: Method, timeout_ms: u64) {
        self.requests.set(self.requests.get() + 1);
        let Ok(controller) = AbortController::new() else { return shell.post(failed(fetch, FetchFailure::Network, 0)) };
        let hop = Rc::new(Hop {
            url: format!("{url}{FRAGMENT}{}", self.requests.get()),
            controller,
            end: Cell::new(None),
            limit: RefCell::default(),
            heard: RefCell::default(),
            response: RefCell::default(),
            part: RefCell::default(),
            is_encoded: Cell::new(false),
            announced: Cell::new(None),
        });
        hop.limit(timeout_ms);
        if let Some(former) = self.hops.borrow_mut().insert(fetch, Rc::clone(&hop)) {
            former.end(End::GivenUp);
        }
        let (shell, url) = (Rc::clone(shell), url.to_owned());
        spawn_local(async move {
            let head = hop.head(&url, method).await;
            shell.fetches().forget_timings();
            let (own, foreign) = hop.counted();
            if own + foreign > 0 {
                shell.post(Event::RequestEvents { own, foreign });
            }
            if hop.end.get() == Some(End::GivenUp) {
                return;
            }
            match head {
                Ok(head) => {
                    // From now on the machine decides how long it takes.
                    hop.limit.take();
                    shell.post(Event::HopAnswered { fetch, head });
                }
                Err(failure) => {
                    shell.fetches().forget(fetch, &hop);
                    shell.post(failed(fetch, failure, 0));
                }
            }
        });
    }

    /// Reads on in the body of the hop that answered.
    pub(crate) fn read_body(&self, shell: &Rc<Shell>, fetch: FetchId, grant: Grant) {
        let hop = self.hops.borrow().get(&fetch).map(Rc::clone);
        let part = hop.as_ref().and_then(|hop| {
            let begin = |response| Part::begin(response, self.buffer(), hop.length(grant.bytes_max));
            hop.part.take().or_else(|| hop.response.take().map(begin))
        });
        let (Some(hop), Some(mut part)) = (hop, part) else {
            return shell.post(failed(fetch, FetchFailure::Network, 0));
        };
        hop.limit(grant.timeout_ms);
        self.reading.set(self.reading.get() + 1);
        let shell = Rc::clone(shell);
        spawn_local(async move {
            let read = hop.read_on(&mut part, &grant).await;
            let fetches = shell.fetches();
            fetches.reading.set(fetches.reading.get() - 1);
            if hop.end.get() == Some(End::GivenUp) {
                fetches.forget_timings();
                return;
            }
            if let Ok(None) = read {
                hop.limit.take();
                let bytes = part.body.len() as u64;
                hop.part.replace(Some(part));
                return shell.post(Event::BodyProgress { fetch, bytes });
            }
            fetches.forget_timings();
            fetches.forget(fetch, &hop);
            shell.post(match read {
                Ok(encoded_bytes) => {
                    // One that a read was broken off with isn't given back.
                    fetches.buffer.replace(Some(part.buffer));
                    Event::BodyRead { fetch, body: part.body, encoded_bytes: encoded_bytes.unwrap_or_default() }
                }
                Err((failure, bytes)) => failed(fetch, failure, bytes),
            });
        });
    }

    fn buffer(&self) -> Uint8Array {
        self.buffer
            .take()
            .filter(|buffer| buffer.length() > 0)
            .unwrap_or_else(|| Uint8Array::new_with_length(READ_BYTES))
    }

    /// Stops a fetch now.
    /// Aborts all; nothing of them is told any more.
    pub(crate) fn abort_all(&self) {
        for (_, hop) in self.hops.take().iter() {
            hop.end(End::GivenUp);
        }
    }

    pub(crate) fn abort(&self, fetch: FetchId) {
        let hop = self.hops.borrow_mut().remove(&fetch);
        if let Some(hop) = hop {
            hop.end(End::GivenUp);
        }
    }

    fn forget(&self, fetch: FetchId, hop: &Rc<Hop>) {
        hop.limit.take();
        let mut hops = self.hops.borrow_mut();
        if hops.get(&fetch).is_some_and(|current| Rc::ptr_eq(current, hop)) {
            hops.remove(&fetch);
        }
    }

    /// Clears the browser's list of timings, which is of limited length, when nobody waits for one.
    fn forget_timings(&self) {
        if self.reading.get() == 0 {
            PERFORMANCE.with(web_sys::Performance::clear_resource_timings);
        }
    }
}

fn failed(fetch: FetchId, failure: FetchFailure, encoded_bytes: u64) -> Event {
    Event::FetchFailed { fetch, failure, encoded_bytes }
}

impl Hop {
    /// Ends it after this time; replaces the last limit.
    fn limit(self: &Rc<Self>, ms: u64) {
        let hop = Rc::downgrade(self);
        let limit = timeout(ms, move || {
            if let Some(hop) = hop.upgrade() {
                hop.end(End::Timeout);
            }
        });
        self.limit.replace(Some(limit));
    }

    fn end(&self, end: End) {
        if self.end.get().is_none() {
            self.end.set(Some(end));
        }
        self.limit.take();
        self.controller.abort();
        self.wake();
    }

    fn failure(&self) -> FetchFailure {
        match self.end.get() {
            Some(End::Timeout) => FetchFailure::Timeout,
            _ => FetchFailure::Network,
        }
    }

    /// Sends the request and waits for its head. The browser's listeners live as long as this does.
    async fn head(self: &Rc<Self>, url: &str, method: Method) -> Result<HopHead, FetchFailure> {
        let hop = Rc::downgrade(self);
        let listen = move |event| {
            if let Some(hop) = hop.upgrade() {
                hop.hear(event);
            }
        };
        let fragment = self.url.strip_prefix(url).unwrap_or_default();
        let _watch = Watch::start(url, fragment, listen).map_err(|_| FetchFailure::Network)?;
        let init = self.init(method).map_err(|_| FetchFailure::Network)?;
        let response = global::fetch(&self.url, &init).await.map_err(|_| self.failure())?;
        self.events().await;
        if self.end.get().is_some() {
            return Err(self.failure());
        }
        let response = response.unchecked_into::<Response>();
        let heard = self.heard.take();
        self.heard.borrow_mut().own = heard.own;
        self.heard.borrow_mut().foreign = heard.foreign;
        let status = heard.status.unwrap_or_else(|| response.status());
        let headers: Vec<_> = heard.headers.into_iter().filter_map(shown).collect();
        let location = REDIRECTS.contains(&status).then(|| location(&headers, url)).flatten();
        let value = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        self.is_encoded.set(value("content-encoding").is_some());
        self.announced.set(value("content-length").and_then(|length| length.trim().parse().ok()));
        self.response.replace(Some(response));
        Ok(HopHead { status, headers, location, address: heard.address.flatten() })
    }

    /// One request of nobody's session.
    fn init(&self, method: Method) -> Result<RequestInit, JsValue> {
        let init = RequestInit::new();
        init.set_method(match method {
            Method::Get => "GET",
            Method::Head => "HEAD",
        });
        init.set_redirect(RequestRedirect::Manual);
        init.set_cache(RequestCache::NoStore);
        init.set_credentials(RequestCredentials::Omit);
        init.set_referrer_policy(ReferrerPolicy::NoReferrer);
        init.set_signal(Some(&self.controller.signal()));
        let headers: Array =
            REQUEST_HEADERS.iter().map(|(name, value)| Array::of2(&(*name).into(), &(*value).into())).collect();
        init.set_headers(&headers);
        // Private Network Access: nothing is sent if the name resolves to a private address.
        Reflect::set(&init, &"targetAddressSpace".into(), &"public".into())?;
        Ok(init)
    }

    fn hear(&self, event: RequestEvent) {
        let mut heard = self.heard.borrow_mut();
        let ours = event.may_be_ours() && event.url.contains(FRAGMENT);
        *(if ours { &mut heard.own } else { &mut heard.foreign }) += 1;
        // Another fetch of the same address may be under way.
        if !ours || event.url != self.url {
            return;
        }
        heard.status = Some(event.status_code);
        let proxied = event.proxied();
        heard.address = Some(event.ip.filter(|_| !event.from_cache && !proxied));
        if let Some(headers) = event.response_headers {
            heard.headers = headers;
        }
        drop(heard);
        self.wake();
    }

    fn wake(&self) {
        let waker = self.heard.borrow_mut().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits until the events told the address: often the answer is faster.
    async fn events(self: &Rc<Self>) {
        let late = Rc::new(Cell::new(false));
        let (hop, is_late) = (Rc::downgrade(self), Rc::clone(&late));
        let _lag = timeout(EVENT_LAG_MS_MAX, move || {
            is_late.set(true);
            if let Some(hop) = hop.upgrade() {
                hop.wake();
            }
        });
        poll_fn(|context| {
            let mut heard = self.heard.borrow_mut();
            if heard.address.is_some() || late.get() || self.end.get().is_some() {
                return Poll::Ready(());
            }
            heard.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn counted(&self) -> (u64, u64) {
        let heard = self.heard.borrow();
        (heard.own, heard.foreign)
    }

    /// How much of a body to expect, bytes; zero if nobody says so.
    fn length(&self, bytes_max: u64) -> usize {
        let announced = self.announced.get().filter(|_| !self.is_encoded.get());
        announced.and_then(|bytes| usize::try_from(bytes.min(bytes_max)).ok()).unwrap_or_default()
    }

    /// Reads chunk by chunk until the grant is used up, and stops the request at the ceiling. At the body's end it
    /// gives how many bytes of it crossed the connection; with a failure, how many had come, decoded.
    async fn read_on(&self, part: &mut Part, grant: &Grant) -> Result<Option<u64>, (FetchFailure, u64)> {
        let Some(reader) = part.reader.clone() else { return Ok(Some(0)) };
        let until = (part.body.len() as u64).saturating_add(grant.allowance_bytes);
        while self.end.get().is_none() {
            if part.body.len() as u64 >= until {
                return Ok(None);
            }
            let Ok(read) = reader.read_with_array_buffer_view(&part.buffer).await else { break };
            if self.end.get().is_some() {
                break;
            }
            let read = read.unchecked_into::<ReadableStreamReadResult>();
            // The buffer comes back under another name, at the body's end too; after a cancellation it doesn't.
            let chunk = read.get_value().dyn_into::<Uint8Array>().unwrap_or_else(|_| Uint8Array::new_with_length(0));
            part.buffer = Uint8Array::new(&chunk.buffer());
            if read.get_done().unwrap_or(false) {
                self.limit.take();
                return Ok(Some(self.encoded_bytes(part.body.len() as u64).await));
            }
            let bytes = part.body.len() as u64 + u64::from(chunk.length());
            if bytes > grant.bytes_max {
                self.controller.abort();
                return Err((FetchFailure::TooLarge, bytes));
            }
            part.take(&chunk);
        }
        Err((self.failure(), part.body.len() as u64))
    }

    /// Bytes of a whole body that crossed the connection: those that were read, unless the body came encoded
    /// (RFC 9110 §8.4). The browser tells those a little after the body's end; if it doesn't, the decoded bytes
    /// count.
    async fn encoded_bytes(&self, decoded_bytes: u64) -> u64 {
        if decoded_bytes == 0 || !self.is_encoded.get() {
            return decoded_bytes;
        }
        let mut waits = TIMING_WAITS_MAX;
        loop {
            let entries = PERFORMANCE.with(|p| p.get_entries_by_name_with_entry_type(&self.url, "resource"));
            if let Some(entry) = entries.iter().last() {
                let entry = entry.unchecked_into::<PerformanceResourceTiming>();
                // `as` saturates; zero says that the browser did not count.
                return Some(entry.encoded_body_size() as u64).filter(|&bytes| bytes > 0).unwrap_or(decoded_bytes);
            }
            if waits == 0 {
                return decoded_bytes;
            }
            waits -= 1;
            timing_told().await;
        }
    }
}

/// Waits until the browser tells of a request's timing, but not for long.
async fn timing_told() {
    let mut kept = None;
    let told = Promise::new(&mut |resolve, _| {
        let observer = PerformanceObserver::new(&resolve).ok();
        if let Some(observer) = &observer {
            observer.observe(&PerformanceObserverInit::new(&Array::of1(&"resource".into())));
        }
        let late = timeout(TIMING_LAG_MS_MAX, move || drop(resolve.call0(&JsValue::UNDEFINED)));
        kept = Some((observer, late));
    });
    // A promise that is never rejected.
    told.await.ok();
    if let Some((Some(observer), _)) = kept {
        observer.disconnect();
    }
}

/// A header as a result may carry it: name in lower case (RFC 9110 §5.1), never a cookie.
fn shown(header: Header) -> Option<(String, String)> {
    let name = header.name.to_ascii_lowercase();
    (!name.starts_with("set-cookie")).then_some((name, header.value?))
}

fn location(headers: &[(String, String)], base: &str) -> Option<String> {
    let (_, text) = headers.iter().find(|(name, _)| name == "location")?;
    let url = Url::new_with_base(text, base).ok()?;
    url.set_hash("");
    Some(url.href())
}
