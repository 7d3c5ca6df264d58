//! The extension's background: drives the worker's machine with the browser's fetch, socket, storage,
//! alarms and idle state. The few lines of JavaScript in `extension/entry` call [`happened`].

#[cfg(feature = "bandwidth")]
mod fetch;
#[cfg(not(feature = "bandwidth"))]
#[path = "without_bandwidth/fetch.rs"]
mod fetch;
mod global;
mod key;
#[cfg(feature = "bandwidth")]
mod lookup;
#[cfg(not(feature = "bandwidth"))]
#[path = "without_bandwidth/lookup.rs"]
mod lookup;
mod pages;
mod shell;
mod socket;
mod start;
mod storage;
#[cfg(feature = "bandwidth")]
mod surroundings;
#[cfg(not(feature = "bandwidth"))]
#[path = "without_bandwidth/surroundings.rs"]
mod surroundings;
mod timers;

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use shell::Shell;

/// 3 KB (gzip) smaller than the standard library's.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::GlobalTlsf = rlsf::GlobalTlsf::new();

/// What a listener of the browser told.
enum Happening {
    /// A port was opened.
    Connect(JsValue),
    /// A port brought a message.
    Message(JsValue, JsValue),
    /// The other end of a port is gone.
    Disconnect(JsValue),
    /// The extension was installed for the first time.
    Installed,
    /// The alarm rang.
    Alarm,
    /// The person came or went, or a permission or a policy did.
    Surroundings,
    /// The notification was clicked.
    Called,
}

impl Happening {
    fn read(kind: &str, first: JsValue, second: JsValue) -> Option<Self> {
        match kind {
            "connect" => Some(Self::Connect(first)),
            "message" => Some(Self::Message(first, second)),
            "disconnect" => Some(Self::Disconnect(first)),
            "installed" if first.as_string().as_deref() == Some("install") => Some(Self::Installed),
            "alarm" => Some(Self::Alarm),
            "idle" | "permission" | "policy" => Some(Self::Surroundings),
            "called" => Some(Self::Called),
            // The start of the browser, or an update: starting was all there was to do.
            _ => None,
        }
    }
}

enum Stage {
    /// What waits until records and key are loaded.
    Starting(Vec<Happening>),
    Running(Rc<Shell>),
}

thread_local! {
    static STAGE: RefCell<Stage> = const { RefCell::new(Stage::Starting(Vec::new())) };
}

/// Starts to load what the machine needs.
#[wasm_bindgen(start)]
fn main() {
    std::panic::set_hook(Box::new(|panic| gloo::console::error!(panic.to_string())));
    spawn_local(async {
        let shell = start::start().await;
        let stage = STAGE.with(|s| s.replace(Stage::Running(Rc::clone(&shell))));
        if let Stage::Starting(waiting) = stage {
            for happening in waiting {
                shell.happened(happening);
            }
        }
    });
}

/// A listener of the browser was called: `kind` says which, the values are what it was given.
#[wasm_bindgen]
pub fn happened(kind: &str, first: JsValue, second: JsValue) {
    let Some(happening) = Happening::read(kind, first, second) else { return };
    let shell = STAGE.with_borrow_mut(|stage| match stage {
        Stage::Starting(waiting) => {
            waiting.push(happening);
            None
        }
        Stage::Running(shell) => Some((Rc::clone(shell), happening)),
    });
    if let Some((shell, happening)) = shell {
        shell.happened(happening);
    }
}
