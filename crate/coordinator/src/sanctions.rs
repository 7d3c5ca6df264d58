//! The operator's sanctions list: a file, read at the start and again whenever it has changed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use lull_payout::sanctions::{Sanctions, SanctionsError};
use lull_protocol::{Timestamp, Wallet};
use thiserror::Error;

use crate::writer::now;

/// Why there is no list.
#[derive(Debug, Error)]
pub enum ListError {
    /// The file.
    #[error("can't read it")]
    File(#[from] io::Error),
    /// What it says.
    #[error(transparent)]
    Content(#[from] SanctionsError),
}

/// The list as it was last read; clones share it. Without a file nobody is on it.
#[derive(Clone, Debug)]
pub(crate) struct List(Arc<Mutex<Read>>);

#[derive(Debug, Default)]
struct Read {
    file: Option<PathBuf>,
    /// When the file that was read last was written, good or not.
    written: Option<SystemTime>,
    /// Without its addresses that are no wallets: those can't sign in.
    wallets: Arc<BTreeSet<Wallet>>,
    dated: Option<Timestamp>,
}

impl List {
    /// Reads it for the first time.
    pub(crate) fn open(file: Option<PathBuf>) -> Result<Self, ListError> {
        let mut read = Read { file, ..Read::default() };
        read.again()?;
        Ok(Self(Arc::new(Mutex::new(read))))
    }

    /// Reads it again if its file has changed. One that can't be read leaves the last good one, which grows old.
    pub(crate) fn refresh(&self) {
        let mut read = self.read();
        match read.again() {
            Ok(true) => {
                let dated = read.dated.map(Timestamp::get);
                tracing::info!(addresses = read.wallets.len(), dated, "the sanctions list was read again");
            }
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the sanctions list can't be read; the last good one holds"),
        }
    }

    /// Wallets that nobody may be paid to.
    pub(crate) fn wallets(&self) -> Arc<BTreeSet<Wallet>> {
        self.read().wallets.clone()
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read {
    /// Whether there was something new.
    fn again(&mut self) -> Result<bool, ListError> {
        let Some(file) = &self.file else { return Ok(false) };
        let written = fs::metadata(file).and_then(|file| file.modified()).ok();
        if written.is_some() && written == self.written {
            return Ok(false);
        }
        let was_there = self.written.is_some();
        self.written = written;
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            // Said once, when it goes.
            Err(_) if written.is_none() && !was_there && self.dated.is_some() => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let list = Sanctions::parse(&text, now())?;
        self.wallets = Arc::new(list.wallets().collect());
        self.dated = Some(list.dated());
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALLET: &str = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin";

    #[test]
    fn a_list_is_read_anew_and_a_bad_one_leaves_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sanctions.txt");
        let write = |text: &str, second: u64| {
            fs::write(&file, text).unwrap();
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second);
            fs::File::options().write(true).open(&file).unwrap().set_modified(at).unwrap();
        };
        assert!(matches!(List::open(Some(file.clone())), Err(ListError::File(_))), "not there");
        write("9xQe", 1);
        assert!(matches!(List::open(Some(file.clone())), Err(ListError::Content(_))));
        write("dated 2025-11-29\n", 2);
        let list = List::open(Some(file.clone())).unwrap();
        assert!(list.wallets().is_empty());
        // The system program's address is nobody's wallet.
        write(&format!("dated 2025-11-30\n{WALLET}\n11111111111111111111111111111111\n"), 3);
        list.refresh();
        let found: Vec<String> = list.wallets().iter().map(Wallet::to_string).collect();
        assert_eq!(found, [WALLET]);
        write("dated", 4);
        list.refresh();
        write("dated 9999-12-31\n", 5);
        list.refresh();
        fs::remove_file(&file).unwrap();
        list.refresh();
        list.refresh();
        assert_eq!(list.wallets().len(), 1, "the last good one");
        assert!(List::open(None).unwrap().wallets().is_empty());
    }
}
