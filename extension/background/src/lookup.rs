//! Firefox: the addresses of a name, before a request goes to it.

use std::rc::Rc;

use lull_browser::look_up;
use lull_worker::{Event, FetchFailure, FetchId};
use wasm_bindgen_futures::spawn_local;

use crate::shell::Shell;
use crate::timers::timeout;

/// Asks the browser; the answer comes back as an event. One that comes after its time is of no use to the
/// machine, which ignores it.
pub(crate) fn start(shell: &Rc<Shell>, fetch: FetchId, host: String, timeout_ms: u64) {
    let failed = move |failure| Event::FetchFailed { fetch, failure, encoded_bytes: 0 };
    let machine = shell.machine();
    let late = Rc::downgrade(shell);
    let limit = timeout(timeout_ms, move || {
        if let Some(shell) = late.upgrade().filter(|shell| shell.machine() == machine) {
            shell.post(failed(FetchFailure::Timeout));
        }
    });
    let shell = Rc::clone(shell);
    spawn_local(async move {
        let found = look_up(&host).await;
        drop(limit);
        // The next machine counts its fetches from the beginning: this number is another one's there.
        if shell.machine() == machine {
            shell.post(match found {
                Ok(addresses) => Event::LookedUp { fetch, addresses },
                Err(_) => failed(FetchFailure::Network),
            });
        }
    });
}
