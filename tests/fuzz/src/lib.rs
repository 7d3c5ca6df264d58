//! Fuzz targets: everything that a peer, a page or a disk can send, each as a plain function that panics on
//! a broken property. Their corpora replay as ordinary tests; `cargo xtask fuzz TARGET` searches on with
//! libFuzzer.

mod configuration;
mod coordinator;
mod database;
mod destinations;
mod edit;
mod feed;
mod frames;
mod make;
mod market;
mod oracle;
mod paying;
mod receipts;
mod records;
mod requests;
mod statements;
mod worker;
mod world;

/// A target.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also its corpus's.
pub const TARGETS: &[(&str, Target)] = &[
    ("addresses", destinations::addresses),
    ("configuration", configuration::configuration),
    ("coordinator", coordinator::coordinator),
    ("database", database::database),
    ("destinations", destinations::destinations),
    ("exports", receipts::exports),
    ("frames", frames::frames),
    ("handshake", statements::handshake),
    ("origins", destinations::origins),
    ("receipts", receipts::receipts),
    ("records", records::records),
    ("requests", requests::requests),
    ("statements", statements::statements),
    ("urls", destinations::urls),
    ("worker", worker::worker),
];

/// The target of this name, found while compiling: a program of one target holds no other's code.
#[allow(clippy::indexing_slicing, clippy::panic)] // Only a const block calls it: what fails, fails the build.
pub const fn target(name: &str) -> Target {
    let mut at = 0;
    while at < TARGETS.len() {
        if is_same(TARGETS[at].0.as_bytes(), name.as_bytes()) {
            return TARGETS[at].1;
        }
        at += 1;
    }
    panic!("no target of this name is in TARGETS")
}

#[allow(clippy::indexing_slicing)] // As above; slices have no other way in a const function.
const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}
