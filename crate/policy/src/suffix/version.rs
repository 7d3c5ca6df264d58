//! Which edition of the Public Suffix List `list.bin` is; `cargo xtask psl` writes this file too.
//!
//! The list is Mozilla's and its contributors', under the Mozilla Public License 2.0
//! (<https://mozilla.org/MPL/2.0/>). Its source form is at <https://publicsuffix.org/list/>, commit
//! 8437e5262f13305f94087abe699b4fe2be1d1de8.

/// The list's own version.
pub const SUFFIXES_VERSION: &str = "2026-10-22_08-36-41_UTC";
/// The day of that version, year-month-day.
pub const SUFFIXES_DATE: &str = "2026-10-22";
/// Rules in it, of both sections, wildcards and exceptions among them.
pub const SUFFIX_RULES: usize = 10_397;
