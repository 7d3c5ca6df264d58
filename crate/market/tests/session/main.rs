//! A worker's connection on a virtual clock: its limits of time and number, and its answer to whatever comes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

mod any;
mod handshake;
mod payouts;
mod peer;
mod results;
mod serving;
mod wallet;
