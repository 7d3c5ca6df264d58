//! The file: age (age-encryption.org/v1) with a passphrase, so that any tool for it opens a backup; in it a small
//! document in deterministic CBOR.

use std::io::Read;

use age::scrypt::{Identity, Recipient};
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor};
use lull_protocol::cbor::{self, ByteVec, Cbor, Reader, Writer};
use lull_protocol::trust::TrustRoot;
use lull_protocol::{Hash, SigningKey, Timestamp, fields};
use lull_view::{BACKUP_FILE_BYTES_MAX, BackupTrouble, PASSPHRASE_CHARS_MAX, PASSPHRASE_CHARS_MIN};
use zeroize::{Zeroize, Zeroizing};

/// scrypt's N of a new backup is 2 to the power of this: what age's own tool takes, twice OWASP's least (2¹⁷). It is
/// one to two seconds in a browser, and 256 MiB (128 × 8 × N bytes) for that second.
pub(crate) const WORK_LOG_N: u8 = 18;
/// The most that a file may ask for: a hostile one holds the page up for a few seconds and for 1 GiB, no longer.
pub(crate) const WORK_LOG_N_MAX: u8 = 20;
/// The form of the document.
const VERSION: u64 = 1;
/// What a document has at most, bytes.
const DOCUMENT_BYTES_MAX: usize = 2_048;

/// What a backup says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Backup {
    pub(crate) seed: SeedBytes,
    /// The coordinator's address.
    pub(crate) coordinator: String,
    /// Of the coordinator's key.
    pub(crate) fingerprint: Hash,
    pub(crate) made_at: Timestamp,
    /// The version of Lull that made it.
    pub(crate) lull: String,
}
fields!(Backup { 0 seed, 1 coordinator, 2 fingerprint, 3 made_at, 4 lull });

/// A seed in a document; it leaves memory when it is dropped, and no `Debug` prints it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SeedBytes(pub(crate) Zeroizing<[u8; 32]>);

impl std::fmt::Debug for SeedBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SeedBytes")
    }
}

impl Cbor for SeedBytes {
    fn write(&self, to: &mut Writer) {
        to.bytes(&*self.0);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        Self(Zeroizing::new(from.bytes_of()))
    }
}

/// The document: its form, then its content, so that a later form is known as one.
struct Document {
    version: u64,
    content: ByteVec,
}
fields!(Document { 0 version, 1 content });

impl Drop for Document {
    fn drop(&mut self) {
        std::mem::take(&mut self.content).into_zeroized();
    }
}

trait IntoZeroized {
    fn into_zeroized(self);
}

impl IntoZeroized for ByteVec {
    fn into_zeroized(self) {
        Vec::from(self).zeroize();
    }
}

impl Backup {
    /// The key.
    pub(crate) fn key(&self) -> SigningKey {
        SigningKey::from_seed(&self.seed.0)
    }

    /// Whether it belongs to this package's coordinator.
    pub(crate) fn check(&self, trust: &TrustRoot) -> Result<(), BackupTrouble> {
        let is_same = self.fingerprint == *trust.fingerprint();
        is_same.then_some(()).ok_or_else(|| BackupTrouble::OtherCoordinator { address: self.coordinator.clone() })
    }
}

/// Encrypts a backup.
pub(crate) fn seal(backup: &Backup, passphrase: &str) -> Result<Vec<u8>, BackupTrouble> {
    let chars = passphrase.chars().count();
    if !(PASSPHRASE_CHARS_MIN..=PASSPHRASE_CHARS_MAX).contains(&chars) {
        return Err(BackupTrouble::Length);
    }
    has_memory_for(WORK_LOG_N).then_some(()).ok_or_else(|| browser(&"out of memory"))?;
    let document = Document { version: VERSION, content: cbor::encode(backup).into() };
    let plain = Zeroizing::new(cbor::encode(&document));
    let mut recipient = Recipient::new(SecretString::from(passphrase.to_owned()));
    recipient.set_work_factor(WORK_LOG_N);
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient));
    let encryptor = encryptor.map_err(|error| browser(&error))?;
    let mut file = Vec::new();
    let mut writer = encryptor.wrap_output(&mut file).map_err(|error| browser(&error))?;
    std::io::Write::write_all(&mut writer, &plain).map_err(|error| browser(&error))?;
    writer.finish().map_err(|error| browser(&error))?;
    Ok(file)
}

fn browser(error: &dyn std::fmt::Display) -> BackupTrouble {
    BackupTrouble::Browser { why: error.to_string() }
}

/// Reads a file that may be anything.
pub(crate) fn open(file: &[u8], passphrase: &str) -> Result<Backup, BackupTrouble> {
    if file.len() > BACKUP_FILE_BYTES_MAX {
        return Err(BackupTrouble::TooLarge);
    }
    if passphrase.chars().count() > PASSPHRASE_CHARS_MAX {
        return Err(BackupTrouble::Length);
    }
    let decryptor = Decryptor::new_buffered(file).map_err(|error| trouble(&error, file))?;
    if !decryptor.is_scrypt() {
        return Err(BackupTrouble::NotAge);
    }
    if let Some(asked) = work_of(file)
        && (asked > WORK_LOG_N_MAX || !has_memory_for(asked))
    {
        return Err(BackupTrouble::Work { asked, most: WORK_LOG_N_MAX });
    }
    let mut identity = Identity::new(SecretString::from(passphrase.to_owned()));
    identity.set_max_work_factor(WORK_LOG_N_MAX);
    let reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity));
    let reader = reader.map_err(|error| trouble(&error, file))?;
    // One byte more than there may be tells that there is more.
    let mut plain = Zeroizing::new(Vec::with_capacity(DOCUMENT_BYTES_MAX + 1));
    reader.take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut plain).map_err(|_| BackupTrouble::Damaged)?;
    read(&plain)
}

/// The work that a file asks for, as its one recipient says it: `-> scrypt SALT LOG_N`.
fn work_of(file: &[u8]) -> Option<u8> {
    let line = file.split(|byte| *byte == b'\n').nth(1)?;
    let words: Vec<&str> = std::str::from_utf8(line).ok()?.split(' ').collect();
    let [_, "scrypt", _, log_n] = *words.as_slice() else { return None };
    log_n.parse().ok()
}

/// Whether scrypt gets its memory (RFC 7914 §2: 128 × r × N bytes; age takes r = 8). A module that doesn't get what it
/// allocates is stopped by the browser, and says nothing any more.
fn has_memory_for(log_n: u8) -> bool {
    let bytes = 1_usize.checked_shl(u32::from(log_n)).and_then(|n| n.checked_mul(128 * 8));
    bytes.is_some_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok())
}

fn read(plain: &[u8]) -> Result<Backup, BackupTrouble> {
    let document: Document = cbor::decode(plain, DOCUMENT_BYTES_MAX).map_err(|_| BackupTrouble::NotBackup)?;
    match document.version {
        VERSION => cbor::decode(document.content.as_slice(), DOCUMENT_BYTES_MAX).map_err(|_| BackupTrouble::NotBackup),
        later if later > VERSION => Err(BackupTrouble::Newer),
        _ => Err(BackupTrouble::NotBackup),
    }
}

/// How every age file of version 1 begins.
const BEGINNING: &[u8] = b"age-encryption.org/v1";

fn trouble(error: &DecryptError, file: &[u8]) -> BackupTrouble {
    let is_age = !file.is_empty() && file.iter().zip(BEGINNING).all(|(a, b)| a == b);
    match *error {
        // The tag of the key that a passphrase opens: it was another passphrase, or the file was changed there.
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => BackupTrouble::Passphrase,
        DecryptError::ExcessiveWork { required, .. } => BackupTrouble::Work { asked: required, most: WORK_LOG_N_MAX },
        DecryptError::NoMatchingKeys => BackupTrouble::NotAge,
        _ if is_age => BackupTrouble::Damaged,
        _ => BackupTrouble::NotAge,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    const PASSPHRASE: &str = "quiet harbour at dawn";

    fn backup() -> Backup {
        Backup {
            seed: SeedBytes(Zeroizing::new([7; 32])),
            coordinator: "wss://lull.example/v1/worker".to_owned(),
            fingerprint: Hash([3; 32]),
            made_at: Timestamp::new(1_790_000_000_000).expect("a time"),
            lull: "0.1.0".to_owned(),
        }
    }

    /// Made once: scrypt takes its time.
    static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| seal(&backup(), PASSPHRASE).expect("sealed"));

    #[test]
    fn what_is_sealed_opens_with_its_passphrase_alone() {
        assert!(FILE.len() <= BACKUP_FILE_BYTES_MAX / 4, "{}", FILE.len());
        assert_eq!(open(&FILE, PASSPHRASE), Ok(backup()));
        assert_eq!(open(&FILE, "quiet harbour at dusk"), Err(BackupTrouble::Passphrase));
        assert!(!FILE.windows(32).any(|window| window == [7; 32]));
    }

    #[test]
    fn a_passphrase_that_is_too_short_or_too_long_seals_nothing() {
        for passphrase in ["", "eleven char", &"x".repeat(PASSPHRASE_CHARS_MAX + 1)] {
            assert_eq!(seal(&backup(), passphrase), Err(BackupTrouble::Length));
        }
    }

    #[test]
    fn each_file_that_is_none_is_told_by_what_it_is() {
        assert_eq!(open(b"", PASSPHRASE), Err(BackupTrouble::NotAge));
        assert_eq!(open(b"a picture of a boat", PASSPHRASE), Err(BackupTrouble::NotAge));
        assert_eq!(open(&[0; BACKUP_FILE_BYTES_MAX + 1], PASSPHRASE), Err(BackupTrouble::TooLarge));
        let check = |file: &[u8], expected: BackupTrouble| assert_eq!(open(file, PASSPHRASE), Err(expected));
        for length in [10, 40, 100] {
            check(FILE.get(..length).expect("it is longer"), BackupTrouble::Damaged);
        }
        check(FILE.get(..FILE.len() - 1).expect("it is longer"), BackupTrouble::Damaged);
        let mut changed = FILE.clone();
        *changed.last_mut().expect("it is not empty") ^= 1;
        check(&changed, BackupTrouble::Damaged);
    }

    #[test]
    fn too_much_work_is_refused_before_it_is_begun() {
        let text = String::from_utf8_lossy(&FILE).into_owned();
        let line = text.lines().nth(1).expect("a recipient");
        let salt = line.split(' ').nth(2).expect("a salt");
        let asks = |log_n: u8| {
            let from = format!("-> scrypt {salt} {WORK_LOG_N}\n").into_bytes();
            let to = format!("-> scrypt {salt} {log_n}\n").into_bytes();
            let at = FILE.windows(from.len()).position(|w| w == from).expect("it is there");
            [FILE.get(..at), Some(&to), FILE.get(at + from.len()..)].into_iter().flatten().collect::<Vec<_>>().concat()
        };
        for asked in [WORK_LOG_N_MAX + 1, 40, 63, 255] {
            let expected = BackupTrouble::Work { asked, most: WORK_LOG_N_MAX };
            assert_eq!(open(&asks(asked), PASSPHRASE), Err(expected), "{asked}");
        }
    }

    #[test]
    fn a_later_form_and_something_else_are_told_apart() {
        let document = |version, content: Vec<u8>| cbor::encode(&Document { version, content: content.into() });
        assert_eq!(read(&document(VERSION, cbor::encode(&backup()))), Ok(backup()));
        assert_eq!(read(&document(VERSION + 1, vec![1, 2, 3])), Err(BackupTrouble::Newer));
        assert_eq!(read(&document(0, vec![])), Err(BackupTrouble::NotBackup));
        assert_eq!(read(&document(VERSION, vec![0xa0])), Err(BackupTrouble::NotBackup));
        assert_eq!(read(b"dear diary"), Err(BackupTrouble::NotBackup));
    }

    #[test]
    fn another_coordinators_key_is_not_adopted() {
        let trust = |hex: &str| TrustRoot::new("wss://other.example/v1/worker", hex).expect("a trust root");
        // Its address may have moved; whose it is says the key.
        assert_eq!(backup().check(&trust(&"03".repeat(32))), Ok(()));
        let address = backup().coordinator;
        assert_eq!(backup().check(&trust(&"04".repeat(32))), Err(BackupTrouble::OtherCoordinator { address }));
    }
}
