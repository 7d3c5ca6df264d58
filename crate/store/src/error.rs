//! What can go wrong with the database, by what the caller can do about it.

use rusqlite::ErrorCode;
use thiserror::Error;

/// Why the store could not do it. Nothing of the batch was kept, and the store can be used again.
#[derive(Debug, Error)]
pub enum StoreError {
    /// No room: the disk or the file's own limit.
    #[error("the database is full: make room on its disk, or raise store_bytes_max if that is what it has reached")]
    Full(#[source] rusqlite::Error),
    /// Another connection holds the lock.
    #[error("another program holds the database's lock: let it end")]
    Busy(#[source] rusqlite::Error),
    /// Reading, writing or syncing failed.
    #[error("the database's file can't be read or written: check the disk, the folder and its permissions")]
    Io(#[source] rusqlite::Error),
    /// The file is not a database of ours, or its content contradicts itself.
    #[error("the database is damaged: {0}; keep the file as it is, and restore the newest backup")]
    Corrupt(String),
    /// The database was written by another version of this program.
    #[error("the database has version {found}, this program knows {known}: {}", advice(*found, *known))]
    Version {
        /// The database's.
        found: u32,
        /// This program's.
        known: u32,
    },
    /// Anything else SQLite says: a bug here.
    #[error("SQLite")]
    Sql(#[source] rusqlite::Error),
}

fn advice(found: u32, known: u32) -> &'static str {
    if found > known {
        "start the newer program that wrote it"
    } else {
        "start the server once: it brings it up to date"
    }
}

impl StoreError {
    /// Whether the same may work later: a worker is then told to try again, an operator to look.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Busy(_) | Self::Io(_))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
        match &error {
            FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) => {
                Self::Corrupt(error.to_string())
            }
            _ => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => Self::Full(error),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(error),
                Some(
                    ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
                    | ErrorCode::PermissionDenied
                    | ErrorCode::FileLockingProtocolFailed,
                ) => Self::Io(error),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error.to_string()),
                _ => Self::Sql(error),
            },
        }
    }
}
