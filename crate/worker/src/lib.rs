//! The worker as a state machine: events in, effects and a view out, a serialisable snapshot.
//!
//! It does no I/O, reads no clock and draws no randomness: a shell (the extension's background, the
//! native worker, the simulator) feeds [`Event`]s with the time and carries out [`Effect`]s.

mod io;

pub use io::*;
