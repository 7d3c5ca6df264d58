//! What the `lull` command line can do without a server; `main` is the command line itself.

pub mod alibi;
pub mod verify;
