//! The worker's key at rest: its seed, wrapped by a non-extractable AES-GCM key of WebCrypto. That guards a
//! stolen storage file, not a stolen profile.

use js_sys::{Array, ArrayBuffer, Object, Uint8Array};
use lull_browser::{describe, field, object};
use thiserror::Error;
use wasm_bindgen::prelude::*;
use web_sys::{CryptoKey, SubtleCrypto};
use zeroize::Zeroizing;

use crate::database::{Database, KEYS, StorageError, settled, transaction};
use crate::{CRYPTO, fill_random, random};

/// Bytes of a seed.
const SEED_BYTES: usize = 32;
/// Nonce of AES-GCM (NIST SP 800-38D §5.2.1.1).
const IV_BYTES: usize = 12;
const AES_KEY_BITS: u16 = 256;
const VERSION: u8 = 1;
/// Bound into the wrapping, so that no other secret can be passed off as the seed.
const PURPOSE: &[u8] = b"lull worker key v1";

/// What a key is made of; it leaves memory when it is dropped.
pub type Seed = Zeroizing<[u8; SEED_BYTES]>;

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyError {
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
struct Wrapped {
    wrapping: CryptoKey,
    iv: Uint8Array,
    seed: ArrayBuffer,
}

impl Wrapped {
    fn into_record(self) -> JsValue {
        object([
            ("version", VERSION.into()),
            ("wrapping", self.wrapping.into()),
            ("iv", self.iv.into()),
            ("seed", self.seed.into()),
        ])
    }

    /// What is wrong with it, if it can't be read.
    fn of_record(record: &JsValue) -> Result<Self, &'static str> {
        if field(record, "version") != VERSION {
            return Err("of another version");
        }
        let (wrapping, iv, seed) = (field(record, "wrapping"), field(record, "iv"), field(record, "seed"));
        let read =
            || Some(Self { wrapping: wrapping.dyn_into().ok()?, iv: iv.dyn_into().ok()?, seed: seed.dyn_into().ok()? });
        read().ok_or("of another form")
    }
}

/// The wrapped key in this place, if there is one; asked for before this function returns.
pub fn stored(database: &Database, place: &str) -> impl Future<Output = Result<Option<JsValue>, StorageError>> + use<> {
    let asked = transaction(database, &KEYS.into(), "readonly")
        .and_then(|transaction| Ok(settled(&transaction.object_store(KEYS)?.get(&place.into())?)));
    async { Ok(Some(asked?.await?).filter(|value| !value.is_undefined())) }
}

/// A fresh seed.
pub fn new_seed() -> Result<Seed, KeyError> {
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    fill_random(seed.as_mut()).map_err(|e| KeyError::Crypto(describe(&e)))?;
    Ok(seed)
}

/// The record of a seed, under a wrapping key of its own.
pub async fn wrap(seed: &Seed) -> Result<JsValue, KeyError> {
    sealed(seed).await.map_err(|e| KeyError::Crypto(describe(&e)))
}

async fn sealed(seed: &Seed) -> Result<JsValue, JsValue> {
    let subtle = CRYPTO.with(web_sys::Crypto::subtle);
    let usages = Array::of2(&"encrypt".into(), &"decrypt".into());
    let wrapping = subtle.generate_key_with_object(&aes_key(), false, &usages)?.await?.unchecked_into::<CryptoKey>();
    let iv = Uint8Array::from(random::<IV_BYTES>()?.as_slice());
    // WebCrypto copies the seed before it returns.
    let sealing = subtle.encrypt_with_object_and_u8_array(&aes_gcm(&iv), &wrapping, seed.as_ref())?;
    Ok(Wrapped { wrapping, iv, seed: sealing.await?.unchecked_into() }.into_record())
}

/// The seed of a record.
pub async fn unwrap(stored: JsValue) -> Result<Seed, KeyError> {
    let unreadable = |why: &str| KeyError::Unreadable(why.to_owned());
    let wrapped = Wrapped::of_record(&stored).map_err(unreadable)?;
    let subtle = CRYPTO.with(web_sys::Crypto::subtle);
    let opened = decrypt(&subtle, &wrapped).await.map_err(|e| unreadable(&describe(&e)))?;
    let opened = Uint8Array::new(&opened);
    if opened.length() as usize != SEED_BYTES {
        return Err(unreadable("of another length"));
    }
    let mut seed = Zeroizing::new([0; SEED_BYTES]);
    opened.copy_to(seed.as_mut());
    opened.fill(0, 0, opened.length());
    Ok(seed)
}

async fn decrypt(subtle: &SubtleCrypto, wrapped: &Wrapped) -> Result<JsValue, JsValue> {
    let algorithm = aes_gcm(&wrapped.iv);
    subtle.decrypt_with_object_and_buffer_source(&algorithm, &wrapped.wrapping, &wrapped.seed)?.await
}

fn aes_key() -> Object {
    object([("name", "AES-GCM".into()), ("length", AES_KEY_BITS.into())]).unchecked_into()
}

fn aes_gcm(iv: &Uint8Array) -> Object {
    let additional_data = Uint8Array::from(PURPOSE);
    object([("name", "AES-GCM".into()), ("iv", iv.into()), ("additionalData", additional_data.into())]).unchecked_into()
}
