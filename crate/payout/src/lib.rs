//! The rules of paying on Solana: amounts, batches, nonces, states. No I/O, no clock, no randomness: the coordinator's
//! shell asks the chain and the signer, the store keeps what is decided.
//!
//! [`rules`] say when somebody is paid and what it costs them. [`plan`](plan::plan) makes batches of what is due, one on
//! each free lane ([`lane`]). [`decide`] takes a batch from reserved to paid: what was seen in, writes and effects out;
//! [`batch`] says which stages there are. [`transaction`] makes the bytes, [`memo`] what they say of themselves, and
//! [`reconcile`] reads it back from the chain. [`rpc`] is the chain's JSON as types, [`token`] what accounts there
//! hold. [`sanctions`]: whom nobody may pay. [`deposit`]: how requesters pay in.
//!
//! # What a shell does
//!
//! ```text
//! at start   count the run; every unsigned batch: decide(CancelWanted); every other that is not over: decide(Tick)
//! for each lane that is of an earlier run, or spent:
//!            rpc::account + rpc::history since its last ─► lane::compare ─► NextNonce, plan::renew, or stop
//! when the gate is open and something is due
//!            rpc::accounts of the wallets ─► plan ─► writes, then effects
//! effects    Again   ─► decide(Tick)
//!            Prepare ─► rpc::{account, simulation, recent_prices} of each RPC ─► decide(Prepared)
//!            Sign    ─► the treasury's key ─► decide(Signed)
//!            Send    ─► rpc::send to each RPC; answers are ignored
//!            Ask     ─► rpc::{account, statuses, transaction} of each RPC ─► rpc::seen ─► decide(Seen)
//!            Alarm   ─► logs, metrics, the operator; if it stops, the batch's lane joins those that moved
//! each few seconds   decide(Tick) for every batch that is not over
//! ```
//!
//! All writes of a decision are applied in one transaction of the store before any of its effects; then a stop at any
//! place loses nothing.

pub mod address;
mod agree;
pub mod batch;
mod decide;
pub mod deposit;
pub mod facts;
pub mod lane;
pub mod memo;
pub mod plan;
pub mod reconcile;
pub mod rpc;
pub mod rules;
pub mod sanctions;
pub mod token;
pub mod transaction;
pub mod units;

pub use decide::decide;
