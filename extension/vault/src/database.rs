//! The database: its name, its stores, and how a transaction is opened and waited for.

use js_sys::Promise;
use lull_browser::{describe, object};
use thiserror::Error;
use wasm_bindgen::prelude::*;
use web_sys::{IdbDatabase, IdbOpenDbRequest, IdbRequest, IdbTransaction};

use crate::INDEXED_DB;

#[wasm_bindgen]
extern "C" {
    /// An `IDBDatabase`; web-sys has no `durability` yet.
    #[derive(Clone)]
    pub type Database;
    #[wasm_bindgen(catch, method, js_name = transaction)]
    fn begin(this: &Database, stores: &JsValue, mode: &str, options: &JsValue) -> Result<IdbTransaction, JsValue>;
    /// Lets go of it.
    #[wasm_bindgen(method)]
    pub fn close(this: &Database);
}

const DATABASE: &str = "lull";
const VERSION: u32 = 1;
/// The machine's records: text → bytes.
pub const RECORDS: &str = "records";
/// The worker's key, wrapped.
pub const KEYS: &str = "keys";
/// Where in [`KEYS`] the key is that signs.
pub const KEY: &str = "worker";
/// Where in [`KEYS`] a key waits that was read from a backup: the background alone puts it in the place of the other,
/// in one transaction with the records.
pub const NEXT_KEY: &str = "next";

/// Storage that can't be opened, read or written: full, broken or forbidden.
#[derive(Debug, Error)]
#[error("storage: {0}")]
pub struct StorageError(pub String);

impl From<JsValue> for StorageError {
    fn from(value: JsValue) -> Self {
        Self(describe(&value))
    }
}

/// Opens the database, and makes it the first time.
pub async fn open() -> Result<Database, StorageError> {
    let request = INDEXED_DB.with(|factory| factory.open_with_u32(DATABASE, VERSION))?;
    let upgrade = Closure::once(upgrade);
    request.set_onupgradeneeded(Some(upgrade.as_ref().unchecked_ref()));
    Ok(settled(&request).await?.unchecked_into())
}

/// Begins a transaction on a store, or on an array of them; it completes once its writes are on disk (IndexedDB 3.0 §4.9).
pub fn transaction(database: &Database, stores: &JsValue, mode: &str) -> Result<IdbTransaction, StorageError> {
    let options = object([("durability", "strict".into())]);
    Ok(database.begin(stores, mode, &options)?)
}

fn upgrade(event: web_sys::Event) -> Result<(), JsValue> {
    let request = event.target().ok_or("no request")?.unchecked_into::<IdbOpenDbRequest>();
    let database = request.result()?.unchecked_into::<IdbDatabase>();
    database.create_object_store(RECORDS)?;
    database.create_object_store(KEYS)?;
    Ok(())
}

/// The request's result; its handlers are set before this function returns.
pub fn settled(request: &IdbRequest) -> impl Future<Output = Result<JsValue, StorageError>> + use<> {
    let done = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    let request = request.clone();
    async move {
        match done.await {
            Ok(_) => Ok(request.result()?),
            Err(_) => Err(StorageError(error_name(request.error().ok().flatten()))),
        }
    }
}

/// Waits until a transaction is durable; its handlers are set before this function returns.
pub fn complete(transaction: &IdbTransaction) -> impl Future<Output = Result<(), StorageError>> + use<> {
    let done = Promise::new(&mut |resolve, reject| {
        transaction.set_oncomplete(Some(&resolve));
        transaction.set_onabort(Some(&reject));
    });
    let transaction = transaction.clone();
    async move { done.await.map(drop).map_err(|_| StorageError(error_name(transaction.error()))) }
}

fn error_name(error: Option<web_sys::DomException>) -> String {
    error.map_or_else(|| "aborted".to_owned(), |e| format!("{}: {}", e.name(), e.message()))
}
