//! Lull.
fn main() {}
