//! What the shell that pays has written. `crate/payout` decides what, the market's `payouts` what that does to the
//! ledger; here it becomes rows. Each command is one transaction: all of it or nothing.

mod book;
mod deposits;
mod read;
mod told;
mod write;

use std::collections::BTreeMap;

use lull_market::payouts::Share;
use lull_payout::address::{Address, Wallet};
use lull_payout::batch::Batch;
use lull_payout::deposit::OPEN_MAX;
use lull_payout::facts::Write;
use lull_payout::lane::Lane;
use lull_payout::reconcile::{Forgotten, Restored};
use lull_payout::rules::{Costs, Quote};
use lull_payout::units::{BatchId, LaneId, Nonce, PayoutId};
use lull_protocol::payout::Standstill;
use lull_protocol::{Amount, PublicKey};
use thiserror::Error;

use crate::apply::Stop;
use crate::error::StoreError;

pub use deposits::{DepositCommand, DepositRow, DepositTransaction, LandedDeposit};
pub use read::{AlarmRow, HeldRow, Moved, Person, TreasuryState, WaitingPayout};

/// Alarms that are kept; older ones go.
pub const ALARMS_KEPT_MAX: u64 = 1_000;
/// After this a payout that was set aside is tried once more, milliseconds.
pub const HELD_MS: u64 = 86_400_000;

/// What the shell that pays has written.
#[derive(Clone, Debug)]
pub enum PayCommand {
    /// It starts: the run is counted.
    Begin(TreasuryId),
    /// Lanes that the chain has; those that are known stay as they are.
    AddLanes(Vec<Lane>),
    /// Whether these wallets have a token account.
    Looked(Vec<(Wallet, bool)>),
    /// How it stands, for what workers are told.
    Stands {
        /// What a payout costs.
        costs: Costs,
        /// Why nobody is paid, besides a pause and lanes that moved.
        standstill: Option<Standstill>,
    },
    /// Payouts are made of what is payable; a person of whose workers one has another wallet since, or is held, is passed over.
    Make {
        /// These.
        made: Vec<NewPayout>,
        /// These persons wanted theirs now, and it isn't worth its fee.
        not_due: Vec<Wallet>,
    },
    /// A decision.
    Decided {
        /// The batch that it is about, as it was.
        on: Option<Box<Batch>>,
        /// What it writes.
        writes: Vec<Write>,
        /// What one SOL is worth in base units, to book what was spent.
        sol: Amount,
    },
    /// The operator must hear of something. With a lane nobody is paid until that was reconciled.
    Alarm {
        /// About this batch.
        batch: Option<BatchId>,
        /// Ledger and chain may differ at this lane.
        lane: Option<LaneId>,
        /// What, for a person to read.
        what: String,
    },
    /// The operator pauses payouts, or lets them go on.
    Pause(bool),
    /// Payouts that were set aside wait again: those of a day ago, and those whose person has another wallet.
    Retry,
    /// The operator says that one of them waits again.
    Release(PayoutId),
    /// What the chain's memos tell.
    Restore(Box<Restore>),
    /// Of deposits by transfers on the chain.
    Deposit(DepositCommand),
}

/// Who pays, in what, on which chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreasuryId {
    /// The treasury's address.
    pub owner: Address,
    /// The mint's.
    pub mint: Address,
    /// The hash of the chain's first block.
    pub genesis: Nonce,
}

/// A payout to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPayout {
    /// To where.
    pub wallet: Wallet,
    /// Of whose earnings.
    pub shares: Vec<Share>,
    /// What arrives: all shares less the quote.
    pub arrives: Amount,
    /// What it costs.
    pub quote: Quote,
}

/// What reconciling found.
#[derive(Clone, Debug)]
pub struct Restore {
    /// What `crate/payout` makes of it.
    pub restored: Restored,
    /// The wallet of each token account that a forgotten payout may have gone to.
    pub wallets: BTreeMap<Address, Wallet>,
    /// [`TreasuryState::version`] that it was compared with.
    pub version: u64,
    /// What one SOL is worth in base units.
    pub sol: Amount,
    /// Whether payouts go on although something can't be explained.
    pub is_accepted: bool,
}

/// What a command did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PayReply {
    /// Of [`PayCommand::Begin`]: the run's number. Otherwise how many payouts were made, found or wait again; of
    /// [`DepositCommand::Looked`] how many transactions were new.
    pub number: u64,
    /// Workers whose payouts or balances have changed.
    pub workers: Vec<PublicKey>,
    /// Something has changed that every worker is told.
    pub is_for_all: bool,
    /// Of [`PayCommand::Restore`]: payments whose wallet nobody here has.
    pub unbooked: Vec<Forgotten>,
}

/// Why a command changed nothing.
#[derive(Debug, Error)]
pub enum PayError {
    /// It was decided on what isn't so any more: look again.
    #[error("what it was decided on has changed since")]
    Stale,
    /// The database is about payouts of another treasury.
    #[error(
        "the database has payments on their way from another treasury, mint or chain: start with those settings until \
         they have arrived, or with a database of its own"
    )]
    OtherTreasury,
    /// No payout of this number is set aside.
    #[error("no payout of this number is set aside")]
    NotHeld,
    /// A requester has asked for too many deposits.
    #[error("{OPEN_MAX} deposits wait for their payment already: pay one of them, or wait until the oldest is closed")]
    TooManyDeposits,
    /// An invariant would break: a bug here or a damaged database.
    #[error("internal fault: {0}")]
    Fault(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Stop> for PayError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(refusal) => Self::Fault(refusal.to_string()),
            Stop::Failed(error) => Self::Store(error),
        }
    }
}

impl From<rusqlite::Error> for PayError {
    fn from(error: rusqlite::Error) -> Self {
        Stop::from(error).into()
    }
}

pub(crate) use told::schedule;
pub(crate) use write::pay;
