//! In place of fetches, in the flavour that has none: nothing begins, and what a shell tells of one is nothing.

use lull_policy::Refusal;
use lull_protocol::{Hash, Timestamp};
use lull_view::BandwidthState;

use crate::{FetchFailure, FetchId, HopHead, Worker};

/// There is none.
#[derive(Debug)]
pub(crate) enum Run {}

impl Run {
    pub(crate) fn site(&self) -> &str {
        match *self {}
    }
    pub(crate) fn is_open(&self) -> bool {
        match *self {}
    }
}

/// The host of a URL, for the person's eyes; not judged.
pub(crate) fn site_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

impl Worker {
    /// The same machine: it looks nothing up.
    pub fn looking_up_first(self) -> Self {
        self
    }
    pub(crate) fn looked_up(&mut self, _: FetchId, _: &[String], _: Timestamp) {}
    pub(crate) fn bandwidth_state(&self) -> BandwidthState {
        BandwidthState::Absent
    }
    pub(crate) fn may_fetch(&self) -> bool {
        false
    }
    pub(crate) fn abort_run(&mut self) {}
    pub(crate) fn abort_run_of(&mut self, _: &Hash) {}
    pub(crate) fn count_next_fetch(&mut self, _: Timestamp) {}
    pub(crate) fn begin_fetches(&mut self, _: Timestamp) {}
    pub(crate) fn go_on_fetching(&mut self, _: Timestamp) {}
    pub(crate) fn refuse_run(&mut self, _: Refusal, _: Timestamp) {}
    pub(crate) fn body_progress(&mut self, _: FetchId, _: u64, _: Timestamp) {}
    pub(crate) fn hop_answered(&mut self, _: FetchId, _: HopHead, _: Timestamp) {}
    pub(crate) fn body_read(&mut self, _: FetchId, _: Vec<u8>, _: u64, _: Timestamp) {}
    pub(crate) fn fetch_failed(&mut self, _: FetchId, _: FetchFailure, _: u64, _: Timestamp) {}
}
