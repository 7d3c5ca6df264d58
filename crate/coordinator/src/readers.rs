//! A small pool of read-only connections to the store, used on the runtime's blocking threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use lull_protocol::Amount;
use lull_store::{Reader, StoreError};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::limits::READERS_MAX;

/// The pool; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    database: PathBuf,
    person_day: Option<Amount>,
    idle: Mutex<Vec<Reader>>,
    permits: Arc<Semaphore>,
}

/// Why nothing was read.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The runtime is shutting down.
    #[error("the server is stopping")]
    Stopping,
}

impl Readers {
    /// A pool over a database that exists. `person_day`: the most that one person is paid in 24 hours.
    pub(crate) fn new(database: PathBuf, person_day: Option<Amount>) -> Self {
        let permits = Arc::new(Semaphore::new(READERS_MAX));
        Self(Arc::new(Pool { database, person_day, idle: Mutex::default(), permits }))
    }

    /// Reads with one of the connections.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Reader) -> Result<T, StoreError> + Send + 'static,
    {
        let pool = self.0.clone();
        let permit = self.0.permits.clone().acquire_owned().await.map_err(|_| ReadError::Stopping)?;
        tokio::task::spawn_blocking(move || {
            // Whoever asked may be gone meanwhile; the connection is in use for as long as this runs.
            let _permit = permit;
            let idle = pool.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut reader = match idle {
                Some(reader) => reader,
                None => Reader::open(&pool.database)?.with_person_day(pool.person_day),
            };
            let read = read(&mut reader)?;
            // A connection that failed is not put back.
            pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            Ok(read)
        })
        .await
        .map_err(|_| ReadError::Stopping)?
    }
}
