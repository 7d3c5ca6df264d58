//! Every rule of the worker, held against a scripted coordinator on a virtual clock.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

mod another_key;
mod appeal;
mod caps;
mod chaos;
#[path = "../common/mod.rs"]
mod common;
mod consent;
mod day;
mod everything;
mod fetch;
mod flag;
mod judgment;
mod link;
mod log;
mod lookup;
mod never;
mod offers;
mod outbox;
mod pop;
mod practice;
mod receipt;
mod reversal;
mod skip;
mod storage;
mod task;
mod wallet;
mod warning;
