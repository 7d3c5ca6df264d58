//! Paying on Solana: carries out what `crate/payout` decides. All that must last is in the database, so that any kill
//! loses nothing, and the operator's commands reach a server that runs.
//!
//! `config` are its settings, `net` asks several RPCs, `signer` has the treasury's key or asks who has it, `shell` is the
//! task that pays, `due` makes payouts of what is payable and plans batches, `deposits` looks for
//! what requesters pay in, `lanes` makes and renews lanes, `operator`
//! are the commands of `treasury`.

pub mod config;
pub(crate) mod deposits;
mod due;
pub mod forgotten;
mod lanes;
pub(crate) mod net;
pub mod operator;
mod shell;
mod signer;

use lull_payout::address::Address;
use lull_payout::batch::Terms;
use lull_payout::rpc;
use lull_payout::token::{Mint, MintError};
use lull_payout::transaction::Treasury;
use lull_payout::units::Nonce;
use lull_store::{PayError, TreasuryId};
use thiserror::Error;

use crate::readers::ReadError;
use config::{PayConfig, Profile};
use net::{Net, NetError};
use signer::{Signer, SignerError};

pub(crate) use shell::run;

/// Why nobody can be paid, or not now.
#[derive(Debug, Error)]
pub enum PayoutError {
    /// The RPCs.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The signer.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// Another chain than the settings name.
    #[error("payout.rpc is not on {0:?}: its first block is {1}; set payout.chain or payout.rpc right")]
    Chain(Profile, Nonce),
    /// A mint that can't be paid in.
    #[error("payout.mint {0}: {1}; name another mint, or set payout.decimals right")]
    Mint(Address, MintError),
    /// There is no such account.
    #[error("payout.mint {0} is not on this chain; name the mint's address there")]
    NoMint(Address),
    /// The treasury has no account of the mint.
    #[error("the treasury {0} has no token account of the mint: send it some tokens")]
    NoTokens(Address),
    /// The sanctions list.
    #[error("payout.sanctions: {0}; put a whole list there")]
    Sanctions(String),
    /// The database.
    #[error(transparent)]
    Pay(#[from] PayError),
    /// Reading it.
    #[error("the database can't be read now: {0}")]
    Read(String),
    /// The writer.
    #[error("the store can't write now")]
    Unavailable,
    /// The system's randomness.
    #[error("the operating system gives no randomness")]
    Random,
    /// Lanes that can't be made.
    #[error("lanes can't be made: {0}")]
    Lanes(String),
}

impl From<ReadError> for PayoutError {
    fn from(error: ReadError) -> Self {
        Self::Read(error.to_string())
    }
}

impl PayoutError {
    /// Whether it may pass by itself; otherwise a setting is wrong.
    pub fn is_transient(&self) -> bool {
        !matches!(
            self,
            Self::Chain(..)
                | Self::Mint(..)
                | Self::NoMint(_)
                | Self::Signer(SignerError::File(..))
                | Self::Pay(PayError::OtherTreasury)
        )
    }
}

/// Refuses settings that the chain contradicts. A chain that can't be asked now is no reason not to serve.
pub(crate) async fn expect_right(config: &PayConfig) -> Result<(), PayoutError> {
    match ground(config).await {
        Err(error) if !error.is_transient() => Err(error),
        Err(error) => {
            tracing::warn!(%error, "payouts wait: the chain could not be compared with the settings");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// What the settings come to on the chain.
pub(crate) struct Ground {
    pub(crate) net: Net,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) terms: Terms,
    pub(crate) id: TreasuryId,
}

/// Compares the settings with the chain.
pub(crate) async fn ground(config: &PayConfig) -> Result<Ground, PayoutError> {
    let (net, mut signer) = (Net::new(config.rpcs.clone())?, signer::signer(&config.signer)?);
    let agree_min = config.agree_min();
    let genesis = net.agreed(&rpc::genesis(), agree_min).await?;
    let known = [Profile::Devnet, Profile::Mainnet].into_iter().filter_map(Profile::genesis);
    let is_right = match config.profile.genesis() {
        Some(start) => genesis.to_string().starts_with(start),
        None => known.into_iter().all(|start| !genesis.to_string().starts_with(start)),
    };
    if !is_right {
        return Err(PayoutError::Chain(config.profile, genesis));
    }
    let account = net.agreed(&rpc::account(&config.mint, config.commitment), agree_min).await?;
    let account = account.ok_or(PayoutError::NoMint(config.mint))?;
    let mint =
        Mint::read(config.mint, &account, config.decimals).map_err(|error| PayoutError::Mint(config.mint, error))?;
    let owner = signer.address().await?;
    let terms = Terms {
        treasury: Treasury { owner, mint },
        agree_min,
        patience_ms: config.patience_ms,
        priority_lamports_max: config.priority_lamports_max,
    };
    let id = TreasuryId { owner, mint: config.mint, genesis };
    Ok(Ground { net, signer, terms, id })
}
