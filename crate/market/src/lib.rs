//! The coordinator's rules: assignment, verdicts, pricing, postings. Facts and a command in, writes and a
//! reply out, or a refusal: no I/O, no clock, no randomness of its own.
//!
//! The store loads the facts, calls the function that decides the command, and applies the writes:
//! [`requester`] (who buys, and what), [`project`] (what people are
//! asked), [`assignment`] (who works on what), [`verdict`] (what becomes of a
//! result), [`review`] (what a requester may hold against an answer, and who decides), [`ledger`] (where money may
//! go). Each of them states its rules. A worker's connection is a
//! machine beside them: [`session`].

pub mod assignment;
mod command;
mod desk;
pub mod facts;
pub mod ledger;
pub mod project;
pub mod requester;
pub mod review;
pub mod session;
pub mod verdict;

pub use command::*;
pub use facts::{Decided, ItemId, ItemState, LeaseId, LeaseState, Write};
pub use project::Tasks;
