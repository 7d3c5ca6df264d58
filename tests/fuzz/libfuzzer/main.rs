//! One program per target: its name says which.
#![no_main]

const TARGET: lull_fuzz::Target = lull_fuzz::target(env!("CARGO_BIN_NAME"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET(bytes));
