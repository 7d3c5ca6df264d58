//! The worker machine on tokio: the same code as in the extension, with a native shell. It answers
//! judgments; given a web, it fetches too, under the machine's own policy.

mod crowd;
mod disk;
mod journal;
mod labourer;
mod shell;
mod socket;
mod web;

pub use crowd::{Crowd, Recorded, load_recorded};
pub use disk::Disk;
pub use journal::{Journal, Line};
pub use labourer::Labourer;
pub use shell::{NativeWorker, Said, Shell, fresh_key};
pub use web::Web;
