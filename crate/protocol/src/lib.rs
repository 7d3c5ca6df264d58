//! Lull's protocol: what travels between a worker and a coordinator, and what each of them signs.
//!
//! Frames and statements are deterministic CBOR (RFC 8949 §4.2), described in CDDL (RFC 8610) in
//! `docs/lull.cddl`. Statements are `COSE_Sign1` (RFC 9052) under EdDSA with `verify_strict`. This
//! crate does no I/O, reads no clock and draws no randomness.

pub mod calendar;
pub mod cbor;
pub mod connect;
pub mod cose;
pub mod flag;
pub mod handshake;
pub mod item;
pub mod limits;
pub mod message;
pub mod payout;
pub mod picture;
pub mod practice;
pub mod receipt;
pub mod rejection;
pub mod reversal;
pub mod siws;
pub mod statement;
pub mod task;
pub mod terms;
pub mod trust;
pub mod units;
pub mod wallet;
pub mod warning;

pub use cose::{Signed, SigningKey, StatementError};
pub use flag::{FlagReason, FlagReport};
pub use item::{Content, FetchItem, Item, JudgmentItem, Method};
pub use message::{ToCoordinator, ToWorker};
pub use practice::{BlobRef, Practice, PracticeItem};
pub use task::{Answer, Task, TaskKind, TaskSet};
pub use terms::{Filter, Pace};
pub use units::{Amount, ByteCount, DurationMs, Hash, OrderId, PublicKey, Timestamp};
pub use wallet::{Wallet, WalletError};
pub use warning::{Warning, WarningSet};
