//! What outlives the background: IndexedDB, written with strict durability.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use js_sys::{Array, Promise, Uint8Array};
use lull_browser::{describe, object};
use lull_worker::{NOT_LOADED, Write};
use thiserror::Error;
use wasm_bindgen::prelude::*;
use web_sys::{
    IdbCursor, IdbCursorDirection, IdbDatabase, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest,
    IdbTransaction,
};

use crate::global::{INDEXED_DB, release};

#[wasm_bindgen]
extern "C" {
    /// An `IDBDatabase`; web-sys has no `durability` yet.
    #[derive(Clone)]
    type Database;
    #[wasm_bindgen(catch, method)]
    fn transaction(this: &Database, store: &str, mode: &str, options: &JsValue) -> Result<IdbTransaction, JsValue>;
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

/// Keys and values.
pub(crate) type Records = Vec<(String, Vec<u8>)>;

/// A request's result on its way.
type Settling = Pin<Box<dyn Future<Output = Result<JsValue, StorageError>>>>;

/// What a reading transaction was asked for.
enum Asked {
    /// Keys and values of a range.
    All(Settling, Settling),
    /// The last key of a range.
    Last(Settling),
}

impl Asked {
    fn all(store: &IdbObjectStore, range: &IdbKeyRange) -> Result<Self, JsValue> {
        let (keys, values) = (store.get_all_keys_with_key(range)?, store.get_all_with_key(range)?);
        Ok(Self::All(Box::pin(settled(&keys)), Box::pin(settled(&values))))
    }

    async fn records(self) -> Result<Records, StorageError> {
        match self {
            Self::All(keys, values) => {
                let (keys, values) = (keys.await?.unchecked_into::<Array>(), values.await?.unchecked_into::<Array>());
                // What isn't bytes reaches the machine as none, and is set aside there.
                let bytes = |value: JsValue| value.dyn_into::<Uint8Array>().map(|v| v.to_vec()).unwrap_or_default();
                Ok(keys.iter().zip(values.iter()).filter_map(|(k, v)| Some((k.as_string()?, bytes(v)))).collect())
            }
            Self::Last(cursor) => {
                let cursor = cursor.await?.dyn_into::<IdbCursor>().ok();
                let key = cursor.and_then(|cursor| cursor.key().ok()).and_then(|key| key.as_string());
                Ok(key.map(|key| (key, Vec::new())).into_iter().collect())
            }
        }
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

    /// All records that the machine loads: one transaction, one state, asked for before this function returns. Of
    /// those that it doesn't load, the last one's key.
    pub(crate) fn records(&self) -> impl Future<Output = Result<Records, StorageError>> + use<> {
        let asked = transaction(&self.database.borrow(), RECORDS, "readonly").and_then(|transaction| {
            let store = transaction.object_store(RECORDS)?;
            let (from, end) = (NOT_LOADED.0.into(), NOT_LOADED.1.into());
            let not_loaded = IdbKeyRange::bound(&from, &end)?;
            let cursor = store.open_key_cursor_with_range_and_direction(&not_loaded, IdbCursorDirection::Prev)?;
            let asked = [
                Asked::all(&store, &IdbKeyRange::upper_bound_with_open(&from, true)?)?,
                Asked::Last(Box::pin(settled(&cursor))),
                Asked::all(&store, &IdbKeyRange::lower_bound(&end)?)?,
            ];
            Ok(asked)
        });
        async {
            let mut records = Vec::new();
            for part in asked? {
                records.extend(part.records().await?);
            }
            Ok(records)
        }
    }

    /// The records from one key to below another; asked for before this function returns.
    pub(crate) fn range(&self, from: &str, below: &str) -> impl Future<Output = Result<Records, StorageError>> + use<> {
        let asked = transaction(&self.database.borrow(), RECORDS, "readonly").and_then(|transaction| {
            let store = transaction.object_store(RECORDS)?;
            let (from, below) = (from.into(), below.into());
            Ok(Asked::all(&store, &IdbKeyRange::bound_with_lower_open_and_upper_open(&from, &below, false, true)?)?)
        });
        async { asked?.records().await }
    }

    /// Writes all or nothing. The transaction begins before this function returns, and transactions on
    /// one store run in the order in which they began.
    pub(crate) fn persist(self: &Rc<Self>, writes: &[Write]) -> impl Future<Output = Result<(), StorageError>> + use<> {
        let begun = self.write(RECORDS, |store| {
            for Write { key, value } in writes {
                match value {
                    Some(value) => {
                        let bytes = Uint8Array::from(&**value);
                        store.put_with_key(&bytes, &key.into())?;
                        // What is put is cloned before the call returns (IndexedDB 3.0 §4.5).
                        release(&bytes);
                    }
                    None => drop(store.delete(&key.into())?),
                }
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
    // It completes once its writes are on disk (IndexedDB 3.0 §4.9).
    let options = object([("durability", "strict".into())]);
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
