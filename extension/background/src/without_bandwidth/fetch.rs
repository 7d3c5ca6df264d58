//! In place of the requests for buyers, in the flavour that sends none: the machine never asks for one.

use std::rc::Rc;

use lull_worker::FetchId;
use lull_worker::protocol::Method;

use crate::shell::Shell;

/// What may be read of a body: nothing asks.
#[allow(dead_code, reason = "nobody reads a body here")]
pub(crate) struct Grant {
    pub(crate) allowance_bytes: u64,
    pub(crate) bytes_max: u64,
    pub(crate) timeout_ms: u64,
}

/// No fetches.
#[derive(Default)]
pub(crate) struct Fetches(());

impl Fetches {
    pub(crate) fn send(&self, _: &Rc<Shell>, _: FetchId, _: &str, _: Method, _: u64) {}
    pub(crate) fn read_body(&self, _: &Rc<Shell>, _: FetchId, _: Grant) {}
    pub(crate) fn abort(&self, _: FetchId) {}
    pub(crate) fn abort_all(&self) {}
}
