//! The same tables on wasm32, where the extension judges.
#![cfg(target_arch = "wasm32")]

mod table;

use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn tables_hold() {
    table::check_all();
}
