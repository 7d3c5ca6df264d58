//! The same machine on wasm32, where the extension runs it.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

mod common;

use common::scenario;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn nothing_before_consent() {
    scenario::nothing_before_consent();
}

#[wasm_bindgen_test]
fn a_judgment_from_offer_to_verdict() {
    scenario::a_judgment_from_offer_to_verdict();
}

#[wasm_bindgen_test]
fn a_changed_byte_is_seen() {
    scenario::a_changed_byte_is_seen(31);
}

#[wasm_bindgen_test]
fn a_day_killed_at_some_effects() {
    let effects = scenario::a_quiet_day();
    (1..effects).step_by(17).for_each(scenario::a_day_killed_after);
}

#[wasm_bindgen_test]
fn clocks_may_be_off() {
    [3_600_000, -3_600_000].into_iter().for_each(scenario::an_hour_off);
}
