//! In place of the requests for buyers, in the flavour that sends none: the machine never asks for one.

use std::rc::Rc;

use lull_worker::FetchId;
use lull_worker::protocol::Method;

use crate::shell::Shell;

/// No fetches.
#[derive(Default)]
pub(crate) struct Fetches;

impl Fetches {
    pub(crate) fn send(&self, _: &Rc<Shell>, _: FetchId, _: &str, _: Method, _: u64) {}
    pub(crate) fn read_body(&self, _: &Rc<Shell>, _: FetchId, _: u64, _: u64) {}
    pub(crate) fn abort(&self, _: FetchId) {}
}
