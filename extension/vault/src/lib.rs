//! Where the worker's key is kept, for the two modules that may touch it: the background, which signs, and the
//! backup page's own. The database, the seed's wrapping, and the file that names the coordinator.

mod database;
mod key;
mod trust;

pub use database::{Database, KEY, KEYS, NEXT_KEY, RECORDS, StorageError, complete, open, settled, transaction};
pub use key::{KeyError, Seed, new_seed, stored, unwrap, wrap};
pub use trust::{TRUST, TrustFile, trust};

use wasm_bindgen::prelude::*;
use web_sys::{Crypto, IdbFactory};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = crypto)]
    static CRYPTO: Crypto;
    #[wasm_bindgen(thread_local_v2, js_name = indexedDB)]
    static INDEXED_DB: IdbFactory;
}

/// Fresh random bytes.
pub fn random<const N: usize>() -> Result<[u8; N], JsValue> {
    let mut bytes = [0; N];
    fill_random(&mut bytes)?;
    Ok(bytes)
}

/// Fills with fresh random bytes.
pub fn fill_random(bytes: &mut [u8]) -> Result<(), JsValue> {
    CRYPTO.with(|crypto| crypto.get_random_values_with_u8_array(bytes)).map(drop)
}
