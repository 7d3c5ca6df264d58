//! What is refused before the browser is asked.
#![cfg(target_arch = "wasm32")]

use lull_browser::Watch;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn a_pattern_is_not_listened_to() {
    for url in ["https://mail.google.com/*", "https://harbour-library.org/?q=*"] {
        let refused = Watch::start(url, "#lull-1", |_| ()).err().map(|error| error.to_string());
        assert!(refused.is_some_and(|error| error.ends_with("a URL with a * is a pattern")), "{url}");
    }
}
