//! The published vectors on wasm32, where the extension signs and verifies.
#![cfg(target_arch = "wasm32")]

#[allow(dead_code, reason = "the native tests use the rest")]
mod fixture;

use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn vectors_hold() {
    fixture::check(include_str!("../../../tests/vectors/v1.json"));
}

#[wasm_bindgen_test]
fn wasm_writes_the_same_bytes() {
    let file: Vec<fixture::Vector> =
        serde_json::from_str(include_str!("../../../tests/vectors/v1.json")).expect("the vectors are JSON");
    assert_eq!(file, fixture::vectors());
}
