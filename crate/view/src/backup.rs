//! What the backup page and its own module say to each other, in CBOR as over the message port.

use lull_protocol::cbor::ByteVec;
use lull_protocol::variants;

/// The least characters of a passphrase that a person makes up. What a computer guesses in a day at the file's work
/// factor is far less than 12 characters hold that aren't in a list.
pub const PASSPHRASE_CHARS_MIN: usize = 12;
/// The most, so that nobody waits for a pasted book.
pub const PASSPHRASE_CHARS_MAX: usize = 256;
/// The largest file that can be a backup, bytes: ours have some 500, and age's header may hold more.
pub const BACKUP_FILE_BYTES_MAX: usize = 4_096;

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupSaid {
    /// A backup was made.
    Made {
        /// What the file is called.
        name: String,
        /// The file.
        file: ByteVec,
    },
    /// A backup was opened; its key waits to be adopted.
    Opened {
        /// The key, as [`View::worker`](crate::View::worker) says it.
        worker: String,
        /// When it was made, milliseconds since 1970.
        made_at: u64,
        /// It is the key that this browser has.
        is_same: bool,
    },
    /// The key that was opened can be adopted by [`Command::AdoptKey`](crate::Command::AdoptKey).
    Ready,
    /// It couldn't be done, and nothing has changed.
    Failed {
        /// Why.
        why: BackupTrouble,
    },
}
variants!(BackupSaid {
    0 Made { 0 name, 1 file },
    1 Opened { 0 worker, 1 made_at, 2 is_same },
    2 Ready {},
    3 Failed { 0 why },
});

/// Why it couldn't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupTrouble {
    /// Too short or too long a passphrase.
    Length,
    /// Larger than any backup.
    TooLarge,
    /// Not an age file, or one without a passphrase.
    NotAge,
    /// An age file that ends early or was changed.
    Damaged,
    /// Another passphrase.
    Passphrase,
    /// It would take too long, or too much memory, to try a passphrase.
    Work {
        /// The binary logarithm of the work that the file asks for.
        asked: u8,
        /// Of the most that is done.
        most: u8,
    },
    /// An age file of something else.
    NotBackup,
    /// A backup in a form of a later version of Lull.
    Newer,
    /// The key works for another coordinator than this package's.
    OtherCoordinator {
        /// Its address.
        address: String,
    },
    /// This browser's key, or storage, or cryptography can't be used.
    Browser {
        /// In the browser's words.
        why: String,
    },
}
variants!(BackupTrouble {
    0 Length {},
    1 TooLarge {},
    2 NotAge {},
    3 Damaged {},
    4 Passphrase {},
    5 Work { 0 asked, 1 most },
    6 NotBackup {},
    7 Newer {},
    8 OtherCoordinator { 0 address },
    9 Browser { 0 why },
});
