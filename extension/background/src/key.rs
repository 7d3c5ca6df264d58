//! The worker's key: the stored one, or a new one.

use lull_vault::{KeyError, new_seed, unwrap, wrap};
use lull_worker::protocol::SigningKey;
use wasm_bindgen::prelude::*;

use crate::storage::Storage;

/// The worker's key: the stored one, or a new one that is stored before it is returned.
pub(crate) async fn load_or_make(storage: &Storage, stored: Option<JsValue>) -> Result<SigningKey, KeyError> {
    if let Some(stored) = stored {
        return read(stored).await;
    }
    let seed = new_seed()?;
    let wrapped = wrap(&seed).await?;
    match storage.add_key(&wrapped).await {
        Ok(()) => Ok(SigningKey::from_seed(&seed)),
        // Another start of the background may have been faster: its key counts.
        Err(error) => match storage.key().await? {
            Some(stored) => read(stored).await,
            None => Err(error.into()),
        },
    }
}

async fn read(stored: JsValue) -> Result<SigningKey, KeyError> {
    Ok(SigningKey::from_seed(&unwrap(stored).await?))
}
