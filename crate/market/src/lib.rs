//! The coordinator's rules: assignment, verdicts, postings. `decide(facts, now) -> writes`: no I/O, no
//! clock, no randomness of its own.

mod command;

pub use command::*;
