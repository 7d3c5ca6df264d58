//! The worker machine on tokio: the same code as in the extension, with a native shell. It answers
//! judgments; it has no browser, so it never offers bandwidth.

mod crowd;
mod shell;

pub use crowd::{Crowd, Recorded, load_recorded};
pub use shell::{NativeWorker, Shell, fresh_key};
