//! The backup page's own module, which only that page loads: makes a file of the worker's key that a passphrase opens,
//! and reads such a file. It takes the key out of storage and puts one there by itself, so that the seed is in no
//! message and in no other module.
//!
//! What it says is a [`BackupSaid`] in CBOR.

mod file;
mod passphrase;

use std::cell::RefCell;

use js_sys::{Date, Uint8Array};
use lull_browser::manifest_version;
use lull_protocol::Timestamp;
use lull_protocol::trust::TrustRoot;
use lull_vault::{KEY, KEYS, NEXT_KEY, complete, random, stored, transaction, trust, unwrap, wrap};
use lull_view::{BackupSaid, BackupTrouble, cbor};
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

use file::{Backup, SeedBytes};

/// 3 KB (gzip) smaller than the standard library's.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::GlobalTlsf = rlsf::GlobalTlsf::new();

thread_local! {
    /// What was opened last, until its key is put where the background finds it.
    static OPENED: RefCell<Option<SeedBytes>> = const { RefCell::new(None) };
}

/// A passphrase of 100 random bits.
#[wasm_bindgen]
pub fn suggest() -> Result<String, JsValue> {
    random().map(|random| passphrase::of(&random))
}

/// A backup of this browser's key.
#[wasm_bindgen]
pub async fn make(passphrase: String) -> Uint8Array {
    let passphrase = Zeroizing::new(passphrase);
    said(made(&passphrase).await)
}

/// Opens a backup, and keeps its key in mind for [`ready`].
#[wasm_bindgen]
pub async fn open(file: Vec<u8>, passphrase: String) -> Uint8Array {
    let passphrase = Zeroizing::new(passphrase);
    said(opened(&file, &passphrase).await)
}

/// Puts the key that was opened where the background adopts it from.
#[wasm_bindgen]
pub async fn ready() -> Uint8Array {
    let seed = OPENED.take();
    said(put(seed).await)
}

/// Forgets the key that was opened.
#[wasm_bindgen]
pub fn forget() {
    OPENED.take();
}

fn said(said: Result<BackupSaid, BackupTrouble>) -> Uint8Array {
    let said = said.unwrap_or_else(|why| BackupSaid::Failed { why });
    Uint8Array::from(cbor::encode(&said).as_slice())
}

fn browser(error: impl ToString) -> BackupTrouble {
    BackupTrouble::Browser { why: error.to_string() }
}

/// What this package trusts.
async fn trust_root() -> Result<TrustRoot, BackupTrouble> {
    let file = trust().await.map_err(browser)?;
    TrustRoot::new(&file.coordinator, &file.fingerprint).map_err(browser)
}

/// This browser's seed.
async fn own_seed() -> Result<SeedBytes, BackupTrouble> {
    let database = lull_vault::open().await.map_err(browser)?;
    let found = stored(&database, KEY).await;
    database.close();
    let record = found.map_err(browser)?.ok_or_else(|| browser("there is no key"))?;
    unwrap(record).await.map(SeedBytes).map_err(browser)
}

async fn made(passphrase: &str) -> Result<BackupSaid, BackupTrouble> {
    let trust = trust_root().await?;
    let now = Date::new_0();
    let backup = Backup {
        seed: own_seed().await?,
        coordinator: trust.url().to_owned(),
        fingerprint: *trust.fingerprint(),
        // `as` saturates.
        made_at: Timestamp::ZERO.plus(now.get_time() as u64),
        lull: manifest_version(),
    };
    let file = file::seal(&backup, passphrase)?.into();
    let digits = backup.key().public().short().replace(' ', "");
    let (year, month, day) = (now.get_full_year(), now.get_month() + 1, now.get_date());
    Ok(BackupSaid::Made { name: format!("lull-backup-{digits}-{year:04}-{month:02}-{day:02}.age"), file })
}

async fn opened(file: &[u8], passphrase: &str) -> Result<BackupSaid, BackupTrouble> {
    OPENED.take();
    let backup = file::open(file, passphrase)?;
    backup.check(&trust_root().await?)?;
    // A browser whose own key can't be read has all the more use for another.
    let is_same = own_seed().await.is_ok_and(|own| own == backup.seed);
    let worker = backup.key().public().short();
    let made_at = backup.made_at.get();
    OPENED.set(Some(backup.seed));
    Ok(BackupSaid::Opened { worker, made_at, is_same })
}

async fn put(seed: Option<SeedBytes>) -> Result<BackupSaid, BackupTrouble> {
    let seed = seed.ok_or_else(|| browser("no backup was opened"))?;
    let record = wrap(&seed.0).await.map_err(browser)?;
    let database = lull_vault::open().await.map_err(browser)?;
    let begun = transaction(&database, &KEYS.into(), "readwrite").and_then(|transaction| {
        transaction.object_store(KEYS)?.put_with_key(&record, &NEXT_KEY.into())?;
        Ok(complete(&transaction))
    });
    let done = match begun {
        Ok(done) => done.await,
        Err(error) => Err(error),
    };
    database.close();
    done.map_err(browser)?;
    Ok(BackupSaid::Ready)
}

/// A panic is a bug; its words go where a developer looks.
#[wasm_bindgen(start)]
fn main() {
    std::panic::set_hook(Box::new(|panic| {
        // The hook can't fail.
        let words = JsValue::from_str(&panic.to_string());
        js_sys::global().unchecked_into::<Global>().report_error(&words);
    }));
}

#[wasm_bindgen]
extern "C" {
    type Global;
    /// `reportError` of the HTML standard.
    #[wasm_bindgen(method, js_name = reportError)]
    fn report_error(this: &Global, error: &JsValue);
}
