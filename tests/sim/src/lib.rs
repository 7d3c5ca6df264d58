//! The whole of Lull in one thread: the real worker machine, the real rules of a connection and of the
//! market, the real store on the real SQLite, around them a clock, a network, disks and people of our own.
//! A run follows from its seed alone, so each can be replayed bit for bit.
//!
//! **What is real:** `lull_worker::Worker`, `lull_market::session::Session`, `lull_store::{Store, Reader}`,
//! SQLite with its write-ahead log; where the coordinator pays, the rules of `lull_payout` and the rows that
//! `lull_store` keeps of it, too. **What is ours** (`world`): what shells do. A browser that keeps
//! records, fetches pages and has a person before it; a coordinator's process with one writer, readers and
//! seats; connections with latency, cuts and partitions; buyers; workers that lie; a chain with forks, late and lost transactions,
//! the RPCs that speak of it, and a shell that pays, one step at a time (`world/pay`). Everything is an event
//! in one queue, so a quiet hour costs nothing. So **the product's shells are not simulated**: writer, hub and
//! seats here are the simulator's own, and a bug in those of `crate/coordinator` (or in the extension's shell) is
//! not seen here. `tests/integration` and the end-to-end tests run the real ones, and watch the coordinator's log.
//!
//! **What goes wrong** (`plan`): each run has a plan of elements (browsers, liars, orders, faults) drawn
//! from its seed. Either side is killed between any two effects, or in the middle of any write of its disk;
//! power cuts lose what was not synced; disks fail or fill up; lines are cut, silent, slow, or in an
//! adversary's hands; clocks jump. RPCs are silent, behind or lie; blocks are dropped; wallets' token accounts are frozen
//! or closed; the treasury is short; a database is restored from a copy, or a second process pays from one. An element can be left out without changing the others, which is how a
//! failing run is made small (`shrink`).
//!
//! **What must hold** (`model`): a small model of its own sees only what crosses the border – frames, what
//! buyers were told, what browsers ask of the web and write down, what connections read – and knows what the
//! rules promise and what the web answers. It recomputes every amount, holds every report against the web and
//! every message against what the person allows, reads the store as an auditor would, and holds the ledger against the
//! chain. Afterwards all
//! faults stop, and everything that was begun must come to its end. What the code logs as an error fails a run.
//!
//! **What it can't see:** pages and pictures are random bytes, so nothing is known of how they are shown; an
//! answer is right or wrong by its number. Everything of one process is one thread: races inside a shell are
//! left to the tests of real processes. Wallets are linked, changed and left, and payouts asked for, at the writer, as the
//! session and the API would; taking a lost worker's place and vetoing it are not in it. While a copy of the database is
//! in use nothing but payments goes on: what a restored database forgets of work can't be had back. What RPCs say are
//! values here, not JSON: `tests/chain` asks a real one.
//!
//! **What was seen** (`table`): one table of messages and states, faults and situations. It says what can't
//! be, and why; whatever else was never reached is named.
//!
//! A simulated hour is an hour on the world's clock with at least one worker in it. Quiet ones are cheap
//! and prove little: the number of results, kills and faults is printed beside them.

mod log;
mod mix;
mod model;
mod plan;
mod run;
mod shrink;
mod table;
mod world;

pub use model::{Broken, Counts};
pub use plan::{HOUR, Ms, Plan};
pub use run::{Outcome, Report, run};
pub use shrink::shrink;
pub use table::Marks;
pub use world::Tally;
