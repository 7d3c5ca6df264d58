//! One file: as programs see it, and as a power cut would leave it.

use fastrand::Rng;

/// What a disk writes at once: a power cut may fall between any two, bytes.
const SECTOR_BYTES: usize = 512;

/// A change that was not synced.
#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Resize(usize),
}

/// A file.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    seen: Vec<u8>,
    kept: Vec<u8>,
    unsynced: Vec<Change>,
    /// Whether its entry in the folder is on the disk: a power cut takes a file without one.
    has_entry: bool,
}

impl File {
    pub(crate) fn len(&self) -> usize {
        self.seen.len()
    }

    /// Fills the buffer from an offset on; what is past the end is zero. Whether it was all there.
    pub(crate) fn read(&self, at: usize, into: &mut [u8]) -> bool {
        let rest = self.seen.get(at..).unwrap_or_default();
        let there = rest.len().min(into.len());
        let (head, tail) = into.split_at_mut(there);
        head.copy_from_slice(rest.get(..there).unwrap_or_default());
        tail.fill(0);
        tail.is_empty()
    }

    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        put(&mut self.seen, at, bytes);
        self.unsynced.push(Change::Write(at, bytes.to_vec()));
    }

    pub(crate) fn resize(&mut self, len: usize) {
        self.seen.resize(len, 0);
        self.unsynced.push(Change::Resize(len));
    }

    pub(crate) fn sync(&mut self) {
        for change in std::mem::take(&mut self.unsynced) {
            apply(&mut self.kept, &change);
        }
    }

    pub(crate) fn needs_entry(&self) -> bool {
        !self.has_entry
    }

    /// Its folder was synced.
    pub(crate) fn enter(&mut self) {
        self.has_entry = true;
    }

    /// A sync that failed: some of it may be on the disk, and nobody will try the rest again.
    pub(crate) fn sync_badly(&mut self, rng: &mut Rng) {
        let changes = std::mem::take(&mut self.unsynced);
        keep_some(&mut self.kept, changes, rng);
    }

    /// Whether it is gone after a power cut; else what is found.
    pub(crate) fn lose_power(&mut self, rng: &mut Rng) -> bool {
        if !self.has_entry && rng.bool() {
            return true;
        }
        let changes = std::mem::take(&mut self.unsynced);
        keep_some(&mut self.kept, changes, rng);
        self.has_entry = true;
        self.seen.clone_from(&self.kept);
        false
    }

    /// How many changes a power cut could take.
    pub(crate) fn unsynced(&self) -> usize {
        self.unsynced.len()
    }
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    if let Some(place) = file.get_mut(at..end) {
        place.copy_from_slice(bytes);
    }
}

fn apply(file: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(at, bytes) => put(file, *at, bytes),
        Change::Resize(len) => file.resize(*len, 0),
    }
}

/// Any part of the changes reaches the disk. Some cuts take all or nothing, some choose write by write.
fn keep_some(file: &mut Vec<u8>, changes: Vec<Change>, rng: &mut Rng) {
    let share = [0, 0, 30, 50, 80, 100].get(rng.usize(..6)).copied().unwrap_or(0);
    for change in changes {
        match change {
            _ if rng.u32(..100) < share => apply(file, &change),
            Change::Write(at, bytes) if rng.u32(..100) < 20 => tear(file, at, &bytes, rng),
            Change::Write(..) | Change::Resize(_) => {}
        }
    }
}

/// Some sectors of a write, the others as they were.
fn tear(file: &mut Vec<u8>, at: usize, bytes: &[u8], rng: &mut Rng) {
    let mut from = 0;
    while from < bytes.len() {
        let to_boundary = SECTOR_BYTES - (at + from) % SECTOR_BYTES;
        let to = bytes.len().min(from + to_boundary);
        if let (true, Some(sector)) = (rng.bool(), bytes.get(from..to)) {
            put(file, at + from, sector);
        }
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &File, seed: u64) -> Option<Vec<u8>> {
        let mut file = file.clone();
        (!file.lose_power(&mut Rng::with_seed(seed))).then_some(file.seen)
    }

    #[test]
    fn what_was_synced_stays_and_the_rest_may_be_anything_of_it() {
        let mut file = File::default();
        file.write(0, &[1; 1024]);
        file.sync();
        file.enter();
        file.write(512, &[2; 1024]);
        let all: std::collections::BTreeSet<_> = (0..200).filter_map(|seed| found(&file, seed)).collect();
        assert!(all.iter().all(|bytes| bytes.get(..512) == Some(&[1; 512][..])));
        assert!(all.contains([1; 1024].as_slice()), "lost");
        assert!(all.iter().any(|bytes| bytes.len() == 1536 && bytes.get(512) == Some(&2)), "kept");
        assert!(all.iter().any(|bytes| bytes.get(512) == Some(&1) && bytes.get(1024) == Some(&2)), "torn");
    }

    #[test]
    fn a_file_that_was_never_synced_may_be_gone_and_a_failed_sync_promises_nothing() {
        let mut file = File::default();
        file.write(0, b"x");
        let outcomes: Vec<_> = (0..50).map(|seed| found(&file, seed)).collect();
        assert!(outcomes.contains(&None) && outcomes.contains(&Some(b"x".to_vec())));
        let lost = (0..50).any(|seed| {
            let mut file = file.clone();
            file.sync_badly(&mut Rng::with_seed(seed));
            file.sync();
            file.enter();
            found(&file, seed) == Some(vec![])
        });
        assert!(lost, "a later sync does not repair it");
    }
}
