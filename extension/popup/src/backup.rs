//! The backup page's own module, as the entry hands it over: loaded when it is first needed, and asked in its words.

use std::cell::RefCell;

use js_sys::{Function, Promise, Uint8Array};
use lull_view::{BackupSaid, BackupTrouble, cbor};
use wasm_bindgen::prelude::*;

thread_local! {
    static LOADER: RefCell<Option<Function>> = const { RefCell::new(None) };
}

#[wasm_bindgen]
extern "C" {
    /// `extension/backup`, once it is loaded.
    type Module;
    #[wasm_bindgen(catch, method)]
    fn suggest(this: &Module) -> Result<String, JsValue>;
    #[wasm_bindgen(catch, method)]
    fn make(this: &Module, passphrase: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, method)]
    fn open(this: &Module, file: &Uint8Array, passphrase: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, method)]
    fn ready(this: &Module) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, method)]
    fn forget(this: &Module) -> Result<(), JsValue>;
}

/// Remembers how the module is loaded.
pub(crate) fn loaded_by(loader: Function) {
    LOADER.set(Some(loader));
}

/// A passphrase, if the module can be loaded.
pub(crate) async fn suggest() -> Result<String, JsValue> {
    module().await?.suggest()
}

/// A backup of this browser's key.
pub(crate) async fn make(passphrase: &str) -> BackupSaid {
    said(async { module().await?.make(passphrase) }).await
}

/// Opens a file.
pub(crate) async fn open(file: &Uint8Array, passphrase: &str) -> BackupSaid {
    said(async { module().await?.open(file, passphrase) }).await
}

/// Makes the key that was opened ready to be adopted.
pub(crate) async fn ready() -> BackupSaid {
    said(async { module().await?.ready() }).await
}

/// Forgets the key that was opened.
pub(crate) async fn forget() {
    if let Ok(module) = module().await {
        // Nothing is lost where it can't.
        module.forget().ok();
    }
}

async fn module() -> Result<Module, JsValue> {
    let loader = LOADER.with_borrow(Clone::clone).ok_or("no module")?;
    let module: Promise = loader.call0(&JsValue::UNDEFINED)?.unchecked_into();
    Ok(module.await?.unchecked_into())
}

async fn said(asked: impl Future<Output = Result<Promise, JsValue>>) -> BackupSaid {
    let failed = |why: String| BackupSaid::Failed { why: BackupTrouble::Browser { why } };
    let answer = async { asked.await?.await };
    match answer.await {
        Ok(bytes) => cbor::read(&Uint8Array::new(&bytes).to_vec()).unwrap_or_else(|error| failed(error.to_string())),
        Err(error) => failed(lull_browser::describe(&error)),
    }
}
