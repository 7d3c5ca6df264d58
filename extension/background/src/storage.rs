//! What outlives the background: IndexedDB, written with strict durability.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use js_sys::{Array, Promise, Uint8Array};
use lull_browser::{describe, to_js};
use lull_worker::Write;
use serde::Serialize;
use thiserror::Error;
use wasm_bindgen::prelude::*;
use web_sys::{IdbDatabase, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransaction};

use crate::global::INDEXED_DB;

#[wasm_bindgen]
extern "C" {
    /// An `IDBDatabase`; web-sys has no `durability` yet.
    #[derive(Clone)]
    type Database;
    #[wasm_bindgen(catch, method)]
    fn transaction(this: &Database, store: &str, mode: &str, options: &JsValue) -> Result<IdbTransaction, JsValue>;
}

/// Options of a transaction (IndexedDB 3.0 §4.9): it completes once its writes are on disk.
#[derive(Serialize)]
struct Options {
    durability: &'static str,
}

const DATABASE: &str = "lull";
const VERSION: u32 = 1;
/// The machine's records: text → bytes.
const RECORDS: &str = "records";
/// The worker's key, wrapped.
const KEYS: &str = "keys";
/// The only key in [`KEYS`].
const KEY: &str = "worker";

/// Storage that can't be opened, read or written: full, broken or forbidden.
#[derive(Debug, Error)]
#[error("storage: {0}")]
pub(crate) struct StorageError(String);

impl From<JsValue> for StorageError {
    fn from(value: JsValue) -> Self {
        Self(describe(&value))
    }
}

/// The open database.
pub(crate) struct Storage {
    database: RefCell<Database>,
}

impl Storage {
    /// Opens the database, and makes it the first time.
    pub(crate) async fn open() -> Result<Rc<Self>, StorageError> {
        Ok(Rc::new(Self { database: RefCell::new(open().await?) }))
    }

    /// All records of the machine: one transaction, one state, asked for before this function returns.
    pub(crate) fn records(&self) -> impl Future<Output = Result<Vec<(String, Vec<u8>)>, StorageError>> + use<> {
        let asked = transaction(&self.database.borrow(), RECORDS, "readonly").and_then(|transaction| {
            let store = transaction.object_store(RECORDS)?;
            Ok((settled(&store.get_all_keys()?), settled(&store.get_all()?)))
        });
        async {
            let (keys, values) = asked?;
            let (keys, values) = (keys.await?.unchecked_into::<Array>(), values.await?.unchecked_into::<Array>());
            // What isn't bytes reaches the machine as none, and is set aside there.
            let bytes = |value: JsValue| value.dyn_into::<Uint8Array>().map(|v| v.to_vec()).unwrap_or_default();
            Ok(keys.iter().zip(values.iter()).filter_map(|(k, v)| Some((k.as_string()?, bytes(v)))).collect())
        }
    }

    /// Writes all or nothing. The transaction begins before this function returns, and transactions on
    /// one store run in the order in which they began.
    pub(crate) fn persist(self: &Rc<Self>, writes: &[Write]) -> impl Future<Output = Result<(), StorageError>> + use<> {
        let begun = self.write(RECORDS, |store| {
            for Write { key, value } in writes {
                match value {
                    Some(value) => store.put_with_key(&Uint8Array::from(value.as_slice()), &key.into())?,
                    None => store.delete(&key.into())?,
                };
            }
            Ok(())
        });
        let storage = Rc::clone(self);
        async move {
            match begun {
                Ok(transaction) => complete(&transaction).await,
                Err(error) => {
                    storage.reopen().await?;
                    Err(error)
                }
            }
        }
    }

    /// A browser closes a database whose disk failed; the next try finds it open again. Without the key in
    /// it, its contents were deleted: then nothing is written until the background starts anew.
    async fn reopen(&self) -> Result<(), StorageError> {
        let database = open().await?;
        if key(&database).await?.is_none() {
            return Err(StorageError("the records were deleted".to_owned()));
        }
        self.database.replace(database);
        Ok(())
    }

    /// The wrapped key, if there is one; asked for before this function returns.
    pub(crate) fn key(&self) -> impl Future<Output = Result<Option<JsValue>, StorageError>> + use<> {
        key(&self.database.borrow())
    }

    /// Stores the wrapped key; fails if there is one already.
    pub(crate) async fn add_key(&self, key: &JsValue) -> Result<(), StorageError> {
        let begun = self.write(KEYS, |store| store.add_with_key(key, &KEY.into()).map(drop))?;
        complete(&begun).await
    }

    fn write(
        &self,
        name: &str,
        requests: impl FnOnce(&IdbObjectStore) -> Result<(), JsValue>,
    ) -> Result<IdbTransaction, StorageError> {
        let transaction = transaction(&self.database.borrow(), name, "readwrite")?;
        let requested = transaction.object_store(name).and_then(|store| requests(&store));
        if let Err(error) = requested {
            // It may have ended by itself; either way nothing of it stays.
            transaction.abort().ok();
            return Err(error.into());
        }
        Ok(transaction)
    }
}

async fn open() -> Result<Database, StorageError> {
    let request = INDEXED_DB.with(|factory| factory.open_with_u32(DATABASE, VERSION))?;
    let upgrade = Closure::once(upgrade);
    request.set_onupgradeneeded(Some(upgrade.as_ref().unchecked_ref()));
    Ok(settled(&request).await?.unchecked_into())
}

fn key(database: &Database) -> impl Future<Output = Result<Option<JsValue>, StorageError>> + use<> {
    let asked = transaction(database, KEYS, "readonly")
        .and_then(|transaction| Ok(settled(&transaction.object_store(KEYS)?.get(&KEY.into())?)));
    async { Ok(Some(asked?.await?).filter(|value| !value.is_undefined())) }
}

fn transaction(database: &Database, store: &str, mode: &str) -> Result<IdbTransaction, StorageError> {
    let options = to_js(&Options { durability: "strict" }).map_err(|e| StorageError(e.to_string()))?;
    Ok(database.transaction(store, mode, &options)?)
}

fn upgrade(event: web_sys::Event) -> Result<(), JsValue> {
    let request = event.target().ok_or("no request")?.unchecked_into::<IdbOpenDbRequest>();
    let database = request.result()?.unchecked_into::<IdbDatabase>();
    database.create_object_store(RECORDS)?;
    database.create_object_store(KEYS)?;
    Ok(())
}

/// The request's result; its handlers are set before this function returns.
fn settled(request: &IdbRequest) -> impl Future<Output = Result<JsValue, StorageError>> + use<> {
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

/// Waits until a transaction is durable.
async fn complete(transaction: &IdbTransaction) -> Result<(), StorageError> {
    let done = Promise::new(&mut |resolve, reject| {
        transaction.set_oncomplete(Some(&resolve));
        transaction.set_onabort(Some(&reject));
    });
    done.await.map(drop).map_err(|_| StorageError(error_name(transaction.error())))
}

fn error_name(error: Option<web_sys::DomException>) -> String {
    error.map_or_else(|| "aborted".to_owned(), |e| format!("{}: {}", e.name(), e.message()))
}
