//! The only crate with SQL: loads the facts that a command needs, lets the market decide, applies its
//! writes.
//!
//! [`Store`] is the one writer: a batch of commands is one transaction and one commit; what it answers is
//! durable, and what it refuses is undone alone. [`Reader`]s are as many as you like; each sees the last commit.
//! SQLite in WAL mode with `synchronous=FULL`, foreign keys and STRICT tables; migrations are files that
//! are only added to.

mod apply;
mod audit;
mod error;
mod flags;
mod load;
mod open;
mod orders;
mod pay;
mod persons;
mod read;
mod reversals;
mod review;
mod value;
mod wallets;
mod write;

pub use apply::{Applied, Checkpointer, Replies, SWEEP_MAX, Store};
pub use audit::{EntryRow, LedgerCheck, ReceiptRow, Statistics};
pub use error::StoreError;
pub use flags::{FlagCounts, FlagRow};
pub use open::{BUSY_MS_MAX, VERSION, WAL_PAGES_MAX};
pub use orders::{Balance, ItemCounts, OrderStatus, ResultRow, Review, WaitingCounts};
pub use pay::{
    ALARMS_KEPT_MAX, AlarmRow, DepositCommand, DepositRow, DepositTransaction, HELD_MS, HeldRow, LandedDeposit, Moved,
    NewPayout, PayCommand, PayError, PayReply, Person, Restore, TreasuryId, TreasuryState, WaitingPayout,
};
pub use read::{LeaseFacts, Reader};
pub use reversals::ReversalRow;
pub use review::{PausedRow, WaitingRow};
