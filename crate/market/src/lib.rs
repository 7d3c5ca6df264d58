//! The coordinator's rules: assignment, verdicts, pricing, postings. Facts and a command in, writes and a
//! reply out, or a refusal: no I/O, no clock, no randomness of its own.
//!
//! The store loads the facts, calls the function that decides the command, and applies the writes:
//! [`requester`] (who buys, and what), [`project`] (what people are
//! asked), [`assignment`] (who works on what), [`verdict`] (what becomes of a
//! result), [`review`] (what a requester may hold against an answer, and who decides), [`reversal`] (what may be held against one
//! that was paid), [`cancel`] (how a requester stops an order), [`flag`] (what becomes of an
//! item that people flag), [`ledger`] (where money may go), [`payouts`] (where it goes when it is paid out), [`pace`]
//! (how long a project's judgments take and what that pays an hour), [`skips`] (how many are free), [`connect`]
//! (which wallet a worker is paid to). Each of them states its rules. A worker's connection is a machine beside them:
//! [`session`].

pub mod assignment;
pub mod cancel;
mod command;
pub mod connect;
mod desk;
pub mod facts;
pub mod flag;
pub mod ledger;
pub mod pace;
pub mod payouts;
pub mod project;
pub mod requester;
pub mod reversal;
pub mod review;
pub mod session;
pub mod skips;
mod svg;
pub mod verdict;

pub use command::*;
pub use facts::{Decided, ItemId, ItemState, LeaseId, LeaseState, Write};
pub use project::{Lessons, Solution, Tasks};
