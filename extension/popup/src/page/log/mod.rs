//! The log: what this browser did over 90 days, to search, to look at, to save.

mod alibi;
mod chart;
mod entry;
mod files;
mod list;
mod never;

pub(crate) use alibi::Alibi;
pub(crate) use entry::Entry;
pub(crate) use list::Log;
pub(crate) use never::never_card;
