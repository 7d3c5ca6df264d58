//! One module per page.

mod activities;
mod appeal;
mod backup;
#[cfg(feature = "bandwidth")]
mod bandwidth;
#[cfg(not(feature = "bandwidth"))]
#[path = "page/without_bandwidth.rs"]
mod bandwidth;
#[cfg(feature = "bandwidth")]
mod consent;
mod erase;
mod everything;
#[cfg(feature = "bandwidth")]
mod facts;
mod home;
mod judgment;
mod limits;
mod log;
mod pops;
mod receipt;
mod settings;
mod wallet;
mod warnings;
mod welcome;
mod wishes;
mod you;

pub(crate) use backup::BackupPage;
pub(crate) use bandwidth::bandwidth;
#[cfg(not(feature = "bandwidth"))]
pub(crate) use bandwidth::{consent, facts};
pub(crate) use erase::ErasePage;
pub(crate) use home::home;
pub(crate) use limits::limits;
pub(crate) use log::{Alibi, Entry, Log};
pub(crate) use pops::Cover;
pub(crate) use receipt::Receipt;
pub(crate) use settings::settings;
pub(crate) use wallet::WalletPage;
pub(crate) use welcome::welcome;
pub(crate) use you::YouPage;
#[cfg(feature = "bandwidth")]
pub(crate) use {consent::consent, facts::facts};
