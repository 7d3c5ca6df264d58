//! One module per page.

mod activities;
mod bandwidth;
mod home;
mod judgment;
mod limits;
mod receipt;
mod settings;
mod welcome;

pub(crate) use bandwidth::bandwidth;
pub(crate) use home::home;
pub(crate) use limits::limits;
pub(crate) use receipt::Receipt;
pub(crate) use settings::settings;
pub(crate) use welcome::welcome;
