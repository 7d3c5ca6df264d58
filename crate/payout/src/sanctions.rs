//! Addresses that nobody may pay: a list with a date.

use std::collections::BTreeSet;

use lull_protocol::calendar::{civil_from_days, days_from_civil};
use lull_protocol::{PublicKey, Timestamp};
use thiserror::Error;

use crate::address::Address;

/// A list older than this pauses all payouts.
pub const LIST_AGE_MS_MAX: u64 = 7 * DAY_MS;
/// A list may be dated so far ahead: its maker's day may have begun before ours.
pub const LIST_AHEAD_MS_MAX: u64 = DAY_MS;
const DAY_MS: u64 = 86_400_000;

/// A list of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sanctions {
    dated: Timestamp,
    addresses: BTreeSet<Address>,
}

/// Why a list can't be read; the line's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SanctionsError {
    /// Its first line isn't `dated YYYY-MM-DD`.
    #[error("the first line is not `dated YYYY-MM-DD`")]
    Date,
    /// A line that is no address.
    #[error("line {0} is not an address")]
    Line(usize),
    /// Its day is yet to come, so nobody could tell when it grows old.
    #[error("it is dated more than a day ahead: put the day it is of into its first line")]
    Ahead,
}

impl Sanctions {
    /// Reads a list: `dated 2026-11-29` first, then an address a line. A list of which any line can't be read is
    /// none: what it meant might be whom it missed.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, SanctionsError> {
        let mut lines = text.lines();
        let date = lines.next().and_then(|line| line.strip_prefix("dated ")).ok_or(SanctionsError::Date)?;
        let day = day(date).ok_or(SanctionsError::Date)?;
        let dated = Timestamp::ZERO.plus(day.saturating_mul(DAY_MS));
        if dated.since(now) > LIST_AHEAD_MS_MAX {
            return Err(SanctionsError::Ahead);
        }
        let addresses =
            lines.enumerate().map(|(index, line)| line.parse().map_err(|_| SanctionsError::Line(index + 2)));
        Ok(Self { dated, addresses: addresses.collect::<Result<_, _>>()? })
    }
    /// The day it is of.
    pub fn dated(&self) -> Timestamp {
        self.dated
    }
    /// Whether an address is on it.
    pub fn has(&self, address: &Address) -> bool {
        self.addresses.contains(address)
    }
    /// Those on it that have a key, in order.
    pub fn wallets(&self) -> impl Iterator<Item = lull_protocol::Wallet> {
        self.addresses.iter().filter_map(|address| lull_protocol::Wallet::new(PublicKey(address.to_bytes())).ok())
    }
    /// Whether it is too old to pay anybody by.
    pub fn is_old(&self, now: Timestamp) -> bool {
        now.since(self.dated) > LIST_AGE_MS_MAX
    }
}

fn day(date: &str) -> Option<u64> {
    let mut parts = date.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let days = days_from_civil(year, month, day);
    let is_one = civil_from_days(days) == (year, month, day) && format!("{year:04}-{month:02}-{day:02}") == date;
    is_one.then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_whole_or_not() {
        let address = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin";
        let list = Sanctions::parse(&format!("dated 1970-01-02\n{address}\n"), Timestamp::ZERO).expect("a list");
        assert_eq!(list.dated(), Timestamp::ZERO.plus(DAY_MS));
        assert!(list.has(&address.parse().expect("an address")));
        assert!(!list.has(&Address::default()));
        assert!(!list.is_old(Timestamp::ZERO.plus(8 * DAY_MS)));
        assert!(list.is_old(Timestamp::ZERO.plus(8 * DAY_MS + 1)));
        let now = Timestamp::ZERO.plus(days_from_civil(2026, 2, 1) * DAY_MS);
        let refused = |text: &str| Sanctions::parse(text, now).expect_err("no list");
        assert!(Sanctions::parse("dated 2026-02-02", now).is_ok(), "a day that has begun elsewhere");
        assert_eq!(refused("dated 2026-02-03"), SanctionsError::Ahead);
        assert_eq!(refused("dated 9999-12-31"), SanctionsError::Ahead);
        for text in ["", address, "dated 2026-2-1", "dated 2026-02-30", "dated 2026-02-01 ", "dated -1-01-01"] {
            assert_eq!(refused(text), SanctionsError::Date, "{text}");
        }
        assert_eq!(refused(&format!("dated 2026-02-01\n{address}\n\n")), SanctionsError::Line(3));
        assert_eq!(refused("dated 2026-02-01\n# nobody"), SanctionsError::Line(2));
    }
}
