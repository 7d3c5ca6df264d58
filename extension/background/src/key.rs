//! The worker's key at rest: its seed, wrapped by a non-extractable AES-GCM key of WebCrypto. That guards a
//! stolen storage file, not a stolen profile.

use js_sys::{Array, ArrayBuffer, Object, Uint8Array};
use lull_browser::describe;
use lull_worker::protocol::SigningKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use wasm_bindgen::prelude::*;
use web_sys::{CryptoKey, SubtleCrypto};
use zeroize::Zeroizing;

use crate::global::{CRYPTO, fill_random, random};
use crate::storage::{Storage, StorageError};

const SEED_BYTES: usize = 32;
/// Nonce of AES-GCM (NIST SP 800-38D §5.2.1.1).
const IV_BYTES: usize = 12;
const AES_KEY_BITS: u16 = 256;
const VERSION: u8 = 1;
/// Bound into the wrapping, so that no other secret can be passed off as the seed.
const PURPOSE: &[u8] = b"lull worker key v1";

/// Why there is no key.
#[derive(Debug, Error)]
pub(crate) enum KeyError {
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A key is stored but can't be unwrapped. It is left as it is.
    #[error("the stored key can't be unwrapped: {0}")]
    Unreadable(String),
    /// The browser's cryptography failed.
    #[error("WebCrypto: {0}")]
    Crypto(String),
}

/// The record in storage.
#[derive(Serialize, Deserialize)]
struct Wrapped {
    version: u8,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    wrapping: CryptoKey,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    iv: Uint8Array,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    seed: ArrayBuffer,
}

/// The worker's key: the stored one, or a new one that is stored before it is returned.
pub(crate) async fn load_or_make(storage: &Storage, stored: Option<JsValue>) -> Result<SigningKey, KeyError> {
    if let Some(stored) = stored {
        return unwrap(stored).await;
    }
    let (wrapped, key) = make().await.map_err(|e| KeyError::Crypto(describe(&e)))?;
    match storage.add_key(&wrapped).await {
        Ok(()) => Ok(key),
        // Another start of the background may have been faster: its key counts.
        Err(error) => match storage.key().await? {
            Some(stored) => unwrap(stored).await,
            None => Err(error.into()),
        },
    }
}

async fn make() -> Result<(JsValue, SigningKey), JsValue> {
    let subtle = CRYPTO.with(web_sys::Crypto::subtle);
    let usages = Array::of2(&"encrypt".into(), &"decrypt".into());
    let wrapping = subtle.generate_key_with_object(&aes_key()?, false, &usages)?.await?.unchecked_into::<CryptoKey>();
    let iv = Uint8Array::from(random::<IV_BYTES>()?.as_slice());
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    fill_random(seed.as_mut())?;
    // WebCrypto copies the seed before it returns.
    let sealing = subtle.encrypt_with_object_and_u8_array(&aes_gcm(&iv)?, &wrapping, seed.as_ref())?;
    let key = SigningKey::from_seed(&seed);
    drop(seed);
    let wrapped = Wrapped { version: VERSION, wrapping, iv, seed: sealing.await?.unchecked_into() };
    Ok((serde_wasm_bindgen::to_value(&wrapped)?, key))
}

async fn unwrap(stored: JsValue) -> Result<SigningKey, KeyError> {
    let unreadable = |why: &str| KeyError::Unreadable(why.to_owned());
    let wrapped: Wrapped = serde_wasm_bindgen::from_value(stored).map_err(|e| unreadable(&e.to_string()))?;
    if wrapped.version != VERSION {
        return Err(unreadable("of another version"));
    }
    let subtle = CRYPTO.with(web_sys::Crypto::subtle);
    let opened = decrypt(&subtle, &wrapped).await.map_err(|e| unreadable(&describe(&e)))?;
    let opened = Uint8Array::new(&opened);
    if opened.length() as usize != SEED_BYTES {
        return Err(unreadable("of another length"));
    }
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    opened.copy_to(seed.as_mut());
    opened.fill(0, 0, opened.length());
    Ok(SigningKey::from_seed(&seed))
}

async fn decrypt(subtle: &SubtleCrypto, wrapped: &Wrapped) -> Result<JsValue, JsValue> {
    let algorithm = aes_gcm(&wrapped.iv)?;
    subtle.decrypt_with_object_and_buffer_source(&algorithm, &wrapped.wrapping, &wrapped.seed)?.await
}

#[derive(Serialize)]
struct AesKey {
    name: &'static str,
    length: u16,
}

fn aes_key() -> Result<Object, JsValue> {
    Ok(serde_wasm_bindgen::to_value(&AesKey { name: "AES-GCM", length: AES_KEY_BITS })?.unchecked_into())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AesGcm {
    name: &'static str,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    iv: Uint8Array,
    #[serde(with = "serde_wasm_bindgen::preserve")]
    additional_data: Uint8Array,
}

fn aes_gcm(iv: &Uint8Array) -> Result<Object, JsValue> {
    let additional_data = Uint8Array::from(PURPOSE);
    Ok(serde_wasm_bindgen::to_value(&AesGcm { name: "AES-GCM", iv: iv.clone(), additional_data })?.unchecked_into())
}
