//! The data folder: the database, the coordinator's key, the operator's token, and a lock so that only one
//! server works on it. Secrets are files that only their owner can read.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use lull_protocol::SigningKey;
use rand::TryRng;
use rand::rngs::SysRng;
use thiserror::Error;
use zeroize::Zeroizing;

/// The file of the operator's token.
const TOKEN: &str = "operator.token";

/// A data folder that exists.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// Why a data folder can't be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// A file can't be read or written.
    #[error("{what}")]
    Io {
        /// Which file.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// Others could read a secret.
    #[error("{0} can be read by others; make it yours alone (chmod 600)")]
    Open(String),
    /// A secret file of another shape.
    #[error("{0} is not 64 hexadecimal digits; restore it from a backup, it is never made anew over an old one")]
    Broken(String),
    /// Everything in the database is signed with a key that is gone; workers would refuse another one.
    #[error("{0} is missing, and the database beside it was made with it: restore it from a backup")]
    Missing(String),
    /// The ledger is gone; one begun anew in its place would owe nobody anything.
    #[error(
        "lull.sqlite is missing or empty, and it was there: restore the newest backup; \
         to begin anew, name another folder with --data"
    )]
    Gone,
    /// A file can't be made for want of room.
    #[error("{0} can't be written: make room on the disk of the data folder")]
    Full(String),
    /// Another server works here.
    #[error("another coordinator is running on this data folder, or a command that writes")]
    Locked,
    /// The operating system gives no randomness.
    #[error("no randomness from the operating system: {0}")]
    Random(String),
}

impl Folder {
    /// Opens the folder, and makes it if it isn't there.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error("data folder"))?;
        Ok(Self(path.to_owned()))
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.0.join("lull.sqlite")
    }

    /// Fails if there was a database and it is gone: the token is made after it.
    pub fn expect_database(&self) -> Result<(), FolderError> {
        let is_there = fs::metadata(self.database()).is_ok_and(|file| file.len() > 0);
        if self.0.join(TOKEN).exists() && !is_there { Err(FolderError::Gone) } else { Ok(()) }
    }

    /// The coordinator's key, made at the first start, before there is a database.
    pub fn key(&self) -> Result<SigningKey, FolderError> {
        const NAME: &str = "coordinator.key";
        if !self.0.join(NAME).exists() && self.database().exists() {
            return Err(FolderError::Missing(NAME.to_owned()));
        }
        Ok(SigningKey::from_seed(&self.secret(NAME)?))
    }

    /// The token that opens the operator's pages, made once there is a database; the file `operator.token` holds it.
    pub fn operator_token(&self) -> Result<Zeroizing<String>, FolderError> {
        Ok(Zeroizing::new(HEXLOWER.encode(&*self.secret(TOKEN)?)))
    }

    /// Takes the folder for one server, as long as the file is open.
    pub fn lock(&self) -> Result<File, FolderError> {
        const NAME: &str = "lull.lock";
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(self.0.join(NAME));
        let file = file.map_err(io_error(NAME))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(FolderError::Locked),
            Err(TryLockError::Error(e)) => Err(io_error(NAME)(e)),
        }
    }

    fn secret(&self, name: &str) -> Result<Zeroizing<[u8; 32]>, FolderError> {
        let path = self.0.join(name);
        match File::open(&path) {
            Ok(file) => read_secret(file, name),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let seed = random_bytes()?;
                match self.write_secret(&path, &seed) {
                    // Two processes made their first start at once: the first one's secret counts.
                    Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                        read_secret(File::open(&path).map_err(io_error(name))?, name)
                    }
                    written => written.map(|()| seed).map_err(io_error(name)),
                }
            }
            Err(e) => Err(io_error(name)(e)),
        }
    }

    /// Durable and whole before it has its name: a crash leaves no half-written key.
    fn write_secret(&self, path: &Path, seed: &[u8; 32]) -> io::Result<()> {
        let draft = path.with_extension(format!("new-{}", std::process::id()));
        let written = write_whole(&draft, seed).and_then(|()| fs::hard_link(&draft, path));
        let removed = fs::remove_file(&draft);
        written.and(removed)?;
        File::open(&self.0)?.sync_all()
    }
}

fn write_whole(path: &Path, seed: &[u8; 32]) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    let text = Zeroizing::new(HEXLOWER.encode(seed));
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// 32 bytes from the operating system.
pub fn random_bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, FolderError> {
    let mut bytes = Zeroizing::new([0; N]);
    SysRng.try_fill_bytes(&mut *bytes).map_err(|e| FolderError::Random(e.to_string()))?;
    Ok(bytes)
}

fn read_secret(mut file: File, name: &str) -> Result<Zeroizing<[u8; 32]>, FolderError> {
    if file.metadata().map_err(io_error(name))?.permissions().mode() & 0o077 != 0 {
        return Err(FolderError::Open(name.to_owned()));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(io_error(name))?;
    let bytes = HEXLOWER.decode(text.trim_end().as_bytes()).ok().map(Zeroizing::new);
    let seed = bytes.and_then(|b| <[u8; 32]>::try_from(b.as_slice()).ok());
    seed.map(Zeroizing::new).ok_or_else(|| FolderError::Broken(name.to_owned()))
}

fn io_error(what: &str) -> impl Fn(io::Error) -> FolderError {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FolderError::Full(what.to_owned()),
        _ => FolderError::Io { what: what.to_owned(), source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_kept_private() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(&dir.path().join("data")).unwrap();
        let key = folder.key().unwrap().public();
        assert_eq!(folder.key().unwrap().public(), key);
        let path = dir.path().join("data/coordinator.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(folder.key(), Err(FolderError::Open(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "not a key").unwrap();
        assert!(matches!(folder.key(), Err(FolderError::Broken(_))));
        fs::remove_file(&path).unwrap();
        fs::write(folder.database(), "signed with the key that is gone").unwrap();
        assert!(matches!(folder.key(), Err(FolderError::Missing(_))));
        assert!(!path.exists(), "none is made in its place");
    }

    #[test]
    fn a_database_that_is_gone_is_not_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        folder.key().unwrap();
        folder.expect_database().unwrap();
        fs::write(folder.database(), "a ledger").unwrap();
        folder.operator_token().unwrap();
        folder.expect_database().unwrap();
        fs::write(folder.database(), "").unwrap();
        assert!(matches!(folder.expect_database(), Err(FolderError::Gone)));
        fs::remove_file(folder.database()).unwrap();
        assert!(matches!(folder.expect_database(), Err(FolderError::Gone)));
    }

    #[test]
    fn one_server_per_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let held = folder.lock().unwrap();
        assert!(matches!(folder.lock(), Err(FolderError::Locked)));
        drop(held);
        assert!(folder.lock().is_ok());
    }
}
