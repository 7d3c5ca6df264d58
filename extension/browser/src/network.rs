//! What the browser says of the connection to the internet.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    type Navigator;
    #[wasm_bindgen(thread_local_v2, js_name = navigator)]
    static NAVIGATOR: Navigator;
    #[wasm_bindgen(method, getter)]
    fn connection(this: &Navigator) -> Option<NetworkInformation>;

    type NetworkInformation;
    #[wasm_bindgen(method, getter, js_name = saveData)]
    fn save_data(this: &NetworkInformation) -> Option<bool>;
}

/// Data Saver is on. Firefox has no `navigator.connection`: false there.
pub fn data_saver() -> bool {
    NAVIGATOR.with(|n| n.connection()).and_then(|c| c.save_data()).unwrap_or(false)
}
