//! The coordinator: the worker socket, the requester API and the jobs behind them. `serve` runs it; the
//! binary adds configuration and the operator's commands.
//!
//! Everything that changes goes through one writer thread (`writer`), which commits batches and hands what
//! follows to the connections (`hub`). Everything that is only read comes from a pool (`readers`). A
//! connection (`session`) moves bytes for the machine that has the rules, `lull_market::session`. `pay` carries out
//! what `lull_payout` decides.

mod api;
mod buy;
mod connect;
mod deposits;
mod fields;
mod hub;
mod lines;
mod listen;
mod pages;
mod problem;
mod project;
mod readers;
mod review;
pub mod sanctions;
mod serve;
mod session;
mod trouble;
mod wire;
mod writer;

pub mod config;
pub mod export;
pub mod folder;
pub mod limits;
pub mod operator;
pub mod pay;

use std::sync::Arc;

use lull_market::Terms;
use lull_market::session::House;
use lull_protocol::Hash;
use tokio::sync::Semaphore;

pub use api::router;
pub use pages::PagesError;
pub use serve::{Ready, Running, StartError, start};

/// What every request and connection shares.
pub struct App {
    house: Arc<House>,
    terms: Terms,
    /// SHA-256 of the operator's token.
    operator_token: Hash,
    writer: writer::Writer,
    readers: readers::Readers,
    hub: Arc<hub::Hub>,
    /// KiB for bodies under transfer.
    bodies_memory: Arc<Semaphore>,
    connections: Arc<Semaphore>,
    /// The pages for people, if the operator has given their folder.
    pages: Option<pages::Pages>,
    /// Where requesters pay in by transfers, if anybody is paid on a chain.
    till: Option<pay::deposits::Till>,
    /// Attempts of pages to connect a wallet that failed.
    failed: connect::Failed,
}
