//! Records on a disk: batches that are whole or not there, as IndexedDB keeps them for the extension.
//!
//! One file, only appended to: each batch is a line of its SHA-256 and its writes. What follows the last
//! whole line is of a batch that was never reported durable, and goes. A file that has grown to many times
//! what it holds is written anew under another name and put in its place.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use data_encoding::{BASE64, HEXLOWER};
use lull_protocol::Hash;
use lull_worker::Write;

/// Bytes beyond which a file is written anew, if most of it is of records that are gone.
const COMPACT_BYTES_MIN: u64 = 4 * 1024 * 1024;

/// The file and what it holds.
pub struct Disk {
    path: PathBuf,
    file: File,
    records: BTreeMap<String, Vec<u8>>,
    /// Of the whole batches.
    bytes: u64,
}

impl Disk {
    /// Opens the file, or makes it.
    pub fn open(path: &Path) -> Result<Self> {
        let text = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        let (mut records, mut bytes) = (BTreeMap::new(), 0);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let Some(writes) = read_batch(line) else { break };
            bytes += line.len() as u64;
            apply(&mut records, &writes);
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let file = file.with_context(|| path.display().to_string())?;
        let mut disk = Self { path: path.to_owned(), file, records, bytes };
        disk.cut().with_context(|| path.display().to_string())?;
        Ok(disk)
    }

    /// Every record.
    pub fn records(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.records
    }

    /// Writes a batch; it is on the disk when this returns, or nothing of it counts.
    pub fn write(&mut self, writes: &[Write]) -> io::Result<()> {
        let line = batch(writes);
        if let Err(error) = self.file.write_all(&line).and_then(|()| self.file.sync_data()) {
            // What was half written goes now, or at the next start, where it is no whole batch.
            let _ = self.cut();
            return Err(error);
        }
        self.bytes += line.len() as u64;
        apply(&mut self.records, writes);
        let held: usize = self.records.values().map(Vec::len).sum();
        if self.bytes > COMPACT_BYTES_MIN.max(8 * held as u64) {
            // The old file still holds all; it is tried again with a later batch.
            let _ = self.compact();
        }
        Ok(())
    }

    fn cut(&mut self) -> io::Result<()> {
        use std::io::Seek as _;
        self.file.set_len(self.bytes)?;
        self.file.seek(io::SeekFrom::Start(self.bytes)).map(drop)
    }

    fn compact(&mut self) -> io::Result<()> {
        let draft = self.path.with_extension("new");
        let all: Vec<Write> = self
            .records
            .iter()
            .map(|(key, value)| Write { key: key.clone(), value: Some(value.clone().into()) })
            .collect();
        let line = batch(&all);
        let mut file = File::create(&draft)?;
        file.write_all(&line)?;
        file.sync_all()?;
        fs::rename(&draft, &self.path)?;
        (self.file, self.bytes) = (file, line.len() as u64);
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

fn apply(records: &mut BTreeMap<String, Vec<u8>>, writes: &[Write]) {
    for write in writes {
        match &write.value {
            Some(value) => records.insert(write.key.clone(), value.to_vec()),
            None => records.remove(&write.key),
        };
    }
}

/// `<SHA-256 of the rest> key=base64 key=base64 key` — a key alone is deleted.
fn batch(writes: &[Write]) -> Vec<u8> {
    let words: Vec<String> = writes
        .iter()
        .map(|write| {
            let key = HEXLOWER.encode(write.key.as_bytes());
            write.value.as_ref().map_or(key.clone(), |value| format!("{key}:{}", BASE64.encode(value)))
        })
        .collect();
    let text = words.join(" ");
    format!("{} {text}\n", Hash::of(text.as_bytes())).into_bytes()
}

fn read_batch(line: &[u8]) -> Option<Vec<Write>> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (hash, text) = line.split_once(' ')?;
    if Hash::of(text.as_bytes()).to_string() != hash {
        return None;
    }
    text.split(' ').filter(|word| !word.is_empty()).map(read_write).collect()
}

fn read_write(word: &str) -> Option<Write> {
    let (key, value) = match word.split_once(':') {
        Some((key, value)) => (key, Some(BASE64.decode(value.as_bytes()).ok()?.into())),
        None => (word, None),
    };
    Some(Write { key: String::from_utf8(HEXLOWER.decode(key.as_bytes()).ok()?).ok()?, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(key: &str, value: Option<&[u8]>) -> Write {
        Write { key: key.to_owned(), value: value.map(|value| value.to_vec().into()) }
    }

    #[test]
    fn a_batch_is_whole_or_not_there_wherever_the_file_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        let mut disk = Disk::open(&path).unwrap();
        disk.write(&[write("settings", Some(b"on")), write("outbox/1", Some(b""))]).unwrap();
        let first = (disk.records().clone(), disk.bytes as usize);
        disk.write(&[write("outbox/1", None), write("receipt/1", Some(&[0, 255, b'\n', b' ']))]).unwrap();
        let second = disk.records().clone();
        assert_eq!(second.len(), 2);
        let whole = fs::read(&path).unwrap();
        for end in 0..=whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            let held = Disk::open(&path).unwrap();
            let expected = if end == whole.len() {
                second.clone()
            } else if end >= first.1 {
                first.0.clone()
            } else {
                BTreeMap::new()
            };
            assert_eq!(held.records(), &expected, "cut at {end}");
            // What is written next stands behind what is whole.
            let mut held = held;
            held.write(&[write("account", Some(b"1"))]).unwrap();
            assert_eq!(Disk::open(&path).unwrap().records().len(), expected.len() + 1);
        }
    }

    #[test]
    fn a_file_of_gone_records_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records");
        let mut disk = Disk::open(&path).unwrap();
        for n in 0..40_u8 {
            disk.write(&[write("body", Some(&vec![n; 200_000]))]).unwrap();
        }
        assert!(fs::metadata(&path).unwrap().len() < COMPACT_BYTES_MIN + 400_000);
        assert_eq!(Disk::open(&path).unwrap().records(), disk.records());
        assert_eq!(disk.records()["body"], vec![39; 200_000]);
    }

    #[test]
    fn a_disk_that_is_full_takes_nothing_and_keeps_what_it_has() {
        let mut disk = Disk {
            path: "/dev/full".into(),
            file: OpenOptions::new().write(true).open("/dev/full").unwrap(),
            records: BTreeMap::from([("settings".to_owned(), b"on".to_vec())]),
            bytes: 0,
        };
        let held = disk.records().clone();
        let error = disk.write(&[write("settings", None)]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(disk.records(), &held);
    }
}
