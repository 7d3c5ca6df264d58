//! What crosses the message port between a page and the background, as CBOR ([`lull_protocol::cbor`]).

use lull_protocol::fields;

use crate::{Command, Reply};

/// A question of a page to the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Comes back in the [`Answer`].
    pub id: u32,
    /// What is asked.
    pub command: Command,
}
fields!(Request { 0 id, 1 command });

/// What the background sends to a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The request's id; `None` if nobody asked.
    pub id: Option<u32>,
    /// The answer.
    pub reply: Reply,
}
fields!(Answer { 0 id, 1 reply });
