//! One module per page.

mod activities;
mod bandwidth;
mod home;
mod judgment;
mod log;
mod receipt;
mod settings;
mod welcome;

pub(crate) use bandwidth::bandwidth;
pub(crate) use home::home;
pub(crate) use log::{Alibi, Entry, Log};
pub(crate) use receipt::Receipt;
pub(crate) use settings::settings;
pub(crate) use welcome::welcome;
