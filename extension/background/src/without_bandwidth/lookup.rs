//! In place of look-ups, in the flavour without bandwidth: the machine never asks for one.

use std::rc::Rc;

use lull_worker::FetchId;

use crate::shell::Shell;

/// Nothing is looked up.
pub(crate) fn start(_: &Rc<Shell>, _: FetchId, _: String, _: u64) {}
