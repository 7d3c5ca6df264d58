//! The only crate with SQL: loads facts, lets the market decide, applies its writes.
