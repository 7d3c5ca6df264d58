//! What outlives the background: IndexedDB, written with strict durability.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
pub(crate) use lull_vault::StorageError;
use lull_vault::{Database, KEY, KEYS, NEXT_KEY, RECORDS, complete, open, settled, stored};
use lull_worker::{NOT_LOADED, Write};
use wasm_bindgen::prelude::*;
use web_sys::{IdbCursor, IdbCursorDirection, IdbKeyRange, IdbObjectStore, IdbTransaction};

use crate::global::release;

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
                    Some(value) => put(store, key, value)?,
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
        if stored(&database, KEY).await?.is_none() {
            return Err(StorageError("the records were deleted".to_owned()));
        }
        self.database.replace(database);
        Ok(())
    }

    /// The wrapped key, if there is one; asked for before this function returns.
    pub(crate) fn key(&self) -> impl Future<Output = Result<Option<JsValue>, StorageError>> + use<> {
        stored(&self.database.borrow(), KEY)
    }

    /// Stores the wrapped key; fails if there is one already.
    pub(crate) async fn add_key(&self, key: &JsValue) -> Result<(), StorageError> {
        let begun = self.write(KEYS, |store| store.add_with_key(key, &KEY.into()).map(drop))?;
        complete(&begun).await
    }

    /// Puts the key that was read from a backup in the place of the worker's, and these records in the place of all
    /// others: in one transaction, so that no kill leaves one key with what is the other's.
    pub(crate) async fn adopt(&self, kept: &Records) -> Result<(), StorageError> {
        let next = stored(&self.database.borrow(), NEXT_KEY);
        let next = next.await?.ok_or_else(|| StorageError("no key was read from a backup".to_owned()))?;
        self.start_over(Some(&next), kept).await
    }

    /// Leaves nothing.
    pub(crate) async fn erase(&self) -> Result<(), StorageError> {
        self.start_over(None, &Vec::new()).await
    }

    async fn start_over(&self, key: Option<&JsValue>, kept: &Records) -> Result<(), StorageError> {
        let both = Array::of2(&KEYS.into(), &RECORDS.into());
        let transaction = lull_vault::transaction(&self.database.borrow(), &both, "readwrite")?;
        let requested = transaction.object_store(KEYS).and_then(|keys| {
            keys.clear()?;
            if let Some(key) = key {
                keys.put_with_key(key, &KEY.into())?;
            }
            let records = transaction.object_store(RECORDS)?;
            records.clear()?;
            kept.iter().try_for_each(|(name, value)| put(&records, name, value))
        });
        if let Err(error) = requested {
            transaction.abort().ok();
            return Err(error.into());
        }
        complete(&transaction).await
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

fn transaction(database: &Database, store: &str, mode: &str) -> Result<IdbTransaction, StorageError> {
    lull_vault::transaction(database, &store.into(), mode)
}

fn put(records: &IdbObjectStore, key: &str, value: &[u8]) -> Result<(), JsValue> {
    let bytes = Uint8Array::from(value);
    records.put_with_key(&bytes, &key.into())?;
    // What is put is cloned before the call returns (IndexedDB 3.0 §4.5).
    release(&bytes);
    Ok(())
}
