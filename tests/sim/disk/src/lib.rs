//! SQLite's files in memory, for the simulator: the real SQLite runs on a disk whose every fault is ours.
//!
//! - Each file is kept twice: as programs see it, and as it would be found after a power cut. A write
//!   goes to the first; a sync brings the second up to it.
//! - [`Disk::kill`] ends the process: its connections can do nothing more, what was written stays.
//! - [`Disk::cut_power`] also takes back any part of what was not synced: each write by itself, whole, not
//!   at all, or some of its sectors. What was synced is there.
//! - A [`Weather`] makes reads, writes, truncations and syncs fail, or the disk full. After a failed sync
//!   nobody knows what of it is on the disk, and a later sync that succeeds does not repair that (as on
//!   Linux).
//! - [`Disk::stop_after`] stops the disk in the middle of an operation: so a kill falls between any two.
//!
//! [`Disk::install`] makes this SQLite's default file system in this process; a disk's files are under its
//! own folder (`/7/lull.sqlite`), so that many runs go on at once. Locks and the shared memory of the
//! write-ahead log are those of one process: when it dies, they are gone.

mod disk;
mod files;
mod vfs;

pub use disk::{Disk, Failure, Tally, Weather};
