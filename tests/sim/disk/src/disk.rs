//! The disk: its files, who holds which lock, what fails when.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;

use crate::files::File;
use crate::vfs;

/// Disks by the folder's number.
static DISKS: Mutex<BTreeMap<u64, Arc<Mutex<Inner>>>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(1);

/// One region of the write-ahead log's shared memory, bytes. SQLite asks for no other size.
pub(crate) const REGION_BYTES: usize = 32 * 1024;
/// Locks of the shared memory (`SQLITE_SHM_NLOCK`).
const SHM_LOCKS: usize = 8;

/// What fails, of a thousand; and how much fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Reads that fail.
    pub read: u32,
    /// Writes and truncations that fail.
    pub write: u32,
    /// Syncs that fail.
    pub sync: u32,
    /// All files together, bytes; a write that needs more finds the disk full.
    pub bytes_max: u64,
}

impl Weather {
    /// Nothing fails.
    pub const FAIR: Self = Self { read: 0, write: 0, sync: 0, bytes_max: u64::MAX };
}

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An I/O error.
    Io,
    /// No room.
    Full,
    /// The process that asks is dead, or the disk stands still.
    Dead,
}

/// What was done and what was made to fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Writes, truncations, syncs and removals.
    pub changes: u64,
    /// Syncs among them.
    pub syncs: u64,
    /// Operations that were made to fail.
    pub failures: u64,
    /// Changes a power cut could have taken, over all power cuts.
    pub at_risk: u64,
}

/// A disk. Dropping it removes its files.
#[derive(Debug)]
pub struct Disk {
    number: u64,
    inner: Arc<Mutex<Inner>>,
}

impl Disk {
    /// Makes these disks SQLite's default file system in this process.
    pub fn install() {
        vfs::register();
    }

    /// An empty disk; its faults follow from the seed.
    pub fn new(seed: u64) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let inner = Arc::new(Mutex::new(Inner::new(Rng::with_seed(seed))));
        disks().insert(number, inner.clone());
        Self { number, inner }
    }

    /// The path of a file on this disk.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        format!("/{}/{name}", self.number).into()
    }

    /// What fails from here on.
    pub fn set_weather(&self, weather: Weather) {
        self.inner().weather = weather;
    }

    /// All files together, bytes.
    pub fn bytes(&self) -> u64 {
        self.inner().bytes()
    }

    /// The disk stands still in the middle of the change after so many more; see [`Disk::is_stopped`].
    pub fn stop_after(&self, changes: u64) {
        let mut inner = self.inner();
        inner.stop_at = Some(inner.tally.changes + changes);
    }

    /// The disk stands still from here on: nothing changes any more, whatever its connections do when they close.
    pub fn stop(&self) {
        self.inner().stopped = true;
    }

    /// Whether it stands still. Then only [`Disk::kill`] or [`Disk::cut_power`] makes it go on.
    pub fn is_stopped(&self) -> bool {
        self.inner().stopped
    }

    /// The process dies: its connections are dead and its locks gone; what it wrote stays.
    pub fn kill(&self) {
        let mut inner = self.inner();
        inner.era += 1;
        inner.stop_at = None;
        inner.stopped = false;
        inner.locks.clear();
        inner.shared.clear();
    }

    /// The machine loses power: the process dies, and of what was not synced any part is lost.
    pub fn cut_power(&self) {
        self.kill();
        let inner = &mut *self.inner();
        let mut gone = Vec::new();
        for (name, file) in &mut inner.files {
            inner.tally.at_risk += file.unsynced() as u64;
            if file.lose_power(&mut inner.rng) {
                gone.push(name.clone());
            }
        }
        for name in gone {
            inner.files.remove(&name);
        }
        for (name, file) in std::mem::take(&mut inner.removed) {
            if inner.rng.bool() {
                inner.files.entry(name).or_insert(file);
            }
        }
    }

    /// A copy of all files on a disk of its own, whose faults follow from the seed.
    pub fn copy(&self, seed: u64) -> Self {
        let copy = Self::new(seed);
        copy.inner().files = self.whole_files();
        copy
    }

    /// Puts a copy's files in the place of these. Nobody has one of them open.
    pub fn put_back(&self, copy: &Self) {
        let files = copy.whole_files();
        let mut inner = self.inner();
        inner.files = files;
        inner.removed.clear();
    }

    /// As they are seen, all of it on the disk.
    fn whole_files(&self) -> BTreeMap<String, File> {
        let mut files = self.inner().files.clone();
        for file in files.values_mut() {
            file.sync();
            file.enter();
        }
        files
    }

    /// What happened so far.
    pub fn tally(&self) -> Tally {
        self.inner().tally
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.kill();
        disks().remove(&self.number);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn disks() -> MutexGuard<'static, BTreeMap<u64, Arc<Mutex<Inner>>>> {
    lock(&DISKS)
}

/// The disk that a path lies on.
pub(crate) fn find(path: &str) -> Option<Arc<Mutex<Inner>>> {
    let number = path.strip_prefix('/')?.split('/').next()?.parse().ok()?;
    disks().get(&number).cloned()
}

/// A region of shared memory; all connections of a process write to it through pointers.
pub(crate) type Region = Arc<[AtomicU64]>;

/// Locks of a file: how many read, who means to write, who writes alone.
#[derive(Debug, Default)]
struct Locks {
    readers: u32,
    reserved: bool,
    exclusive: bool,
}

/// The shared memory of one database.
#[derive(Debug, Default)]
struct Shared {
    regions: Vec<Region>,
    /// Per lock: how many share it; `u32::MAX`: somebody has it alone.
    holders: [u32; SHM_LOCKS],
}

#[derive(Debug)]
pub(crate) struct Inner {
    /// Grows with each process; connections of an older one are dead.
    pub(crate) era: u64,
    files: BTreeMap<String, File>,
    /// Removed, and their folder not synced since.
    removed: BTreeMap<String, File>,
    locks: BTreeMap<String, Locks>,
    shared: BTreeMap<String, Shared>,
    weather: Weather,
    rng: Rng,
    tally: Tally,
    stop_at: Option<u64>,
    stopped: bool,
    temporary: u64,
}

impl Inner {
    fn new(rng: Rng) -> Self {
        Self {
            era: 0,
            files: BTreeMap::new(),
            removed: BTreeMap::new(),
            locks: BTreeMap::new(),
            shared: BTreeMap::new(),
            weather: Weather::FAIR,
            rng,
            tally: Tally::default(),
            stop_at: None,
            stopped: false,
            temporary: 0,
        }
    }

    /// A disk for a file without a name.
    pub(crate) fn anonymous() -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self::new(Rng::with_seed(0))))
    }

    fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.len() as u64).sum()
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// A name for a file that has none.
    pub(crate) fn temporary_name(&mut self) -> String {
        self.temporary += 1;
        format!("temporary-{}", self.temporary)
    }

    /// Makes sure that there is such a file.
    pub(crate) fn open(&mut self, name: &str, create: bool) -> bool {
        if create && !self.stopped {
            self.files.entry(name.to_owned()).or_default();
        }
        self.exists(name)
    }

    fn fails(&mut self, of_thousand: u32) -> bool {
        let fails = of_thousand > 0 && self.rng.u32(..1_000) < of_thousand;
        self.tally.failures += u64::from(fails);
        fails
    }

    /// Counts a change; an error if the disk stands still, or stops right now.
    fn change(&mut self) -> Result<(), Failure> {
        self.tally.changes += 1;
        if self.stop_at.is_some_and(|at| self.tally.changes > at) {
            self.stopped = true;
        }
        if self.stopped { Err(Failure::Dead) } else { Ok(()) }
    }

    /// Fills the buffer; `false` if the file ends before that.
    pub(crate) fn read(&mut self, name: &str, at: usize, into: &mut [u8]) -> Result<bool, Failure> {
        if self.stopped {
            return Err(Failure::Dead);
        }
        if self.fails(self.weather.read) {
            return Err(Failure::Io);
        }
        Ok(self.files.get(name).is_some_and(|file| file.read(at, into)))
    }

    pub(crate) fn write(&mut self, name: &str, at: usize, bytes: &[u8]) -> Result<(), Failure> {
        let was_stopped = self.stopped;
        let going_on = self.change();
        if going_on.is_ok() && self.fails(self.weather.write) {
            return Err(Failure::Io);
        }
        let grows = self.files.get(name).map_or(0, |file| (at + bytes.len()).saturating_sub(file.len()));
        if going_on.is_ok() && grows > 0 && self.bytes() + grows as u64 > self.weather.bytes_max {
            self.tally.failures += 1;
            return Err(Failure::Full);
        }
        let Some(file) = self.files.get_mut(name) else { return Err(Failure::Io) };
        match going_on {
            Ok(()) => file.write(at, bytes),
            // The process dies in the middle of this write.
            Err(_) if !was_stopped => {
                let part = self.rng.usize(..=bytes.len());
                file.write(at, bytes.get(..part).unwrap_or_default());
            }
            Err(_) => {}
        }
        going_on
    }

    pub(crate) fn resize(&mut self, name: &str, len: usize) -> Result<(), Failure> {
        self.change()?;
        if self.fails(self.weather.write) {
            return Err(Failure::Io);
        }
        self.files.get_mut(name).ok_or(Failure::Io)?.resize(len);
        Ok(())
    }

    pub(crate) fn sync(&mut self, name: &str) -> Result<(), Failure> {
        self.tally.syncs += 1;
        let was_stopped = self.stopped;
        let going_on = self.change();
        // The process may die right after the disk has done its part.
        if going_on.is_err() && (was_stopped || self.rng.bool()) {
            return going_on;
        }
        let fails = going_on.is_ok() && self.fails(self.weather.sync);
        let file = self.files.get_mut(name).ok_or(Failure::Io)?;
        if fails {
            file.sync_badly(&mut self.rng);
            return Err(Failure::Io);
        }
        file.sync();
        if file.needs_entry() {
            // As SQLite on Unix: with a new file its folder is synced, and with that what else was removed or made.
            self.removed.clear();
            self.files.values_mut().for_each(File::enter);
        }
        going_on
    }

    /// Removes a file; without a sync of its folder it may come back. Whether it was there.
    pub(crate) fn remove(&mut self, name: &str, synced: bool) -> Result<bool, Failure> {
        self.change()?;
        if self.fails(self.weather.write) {
            return Err(Failure::Io);
        }
        let removed = self.files.remove(name);
        let was_there = removed.is_some();
        if let (false, Some(file)) = (synced, removed) {
            self.removed.insert(name.to_owned(), file);
        }
        Ok(was_there)
    }

    pub(crate) fn len(&self, name: &str) -> usize {
        self.files.get(name).map_or(0, File::len)
    }

    /// Moves one connection's lock up; levels as in `SQLITE_LOCK_*`. `false`: others are in the way.
    pub(crate) fn lock(&mut self, name: &str, from: i32, to: i32) -> bool {
        let locks = self.locks.entry(name.to_owned()).or_default();
        let others_read = locks.readers > u32::from(from >= 1);
        let others_write = (locks.reserved && from < 2) || (locks.exclusive && from < 4);
        if (locks.exclusive && from < 4) || (to >= 2 && others_write) || (to == 4 && others_read) {
            return false;
        }
        locks.readers += u32::from(from < 1);
        locks.reserved |= to >= 2;
        locks.exclusive |= to == 4;
        true
    }

    /// Moves one connection's lock down.
    pub(crate) fn unlock(&mut self, name: &str, from: i32, to: i32) {
        let locks = self.locks.entry(name.to_owned()).or_default();
        if from == 4 && to < 4 {
            locks.exclusive = false;
        }
        if from >= 2 && to < 2 {
            locks.reserved = false;
        }
        if from >= 1 && to < 1 {
            locks.readers = locks.readers.saturating_sub(1);
        }
    }

    pub(crate) fn is_reserved(&self, name: &str) -> bool {
        self.locks.get(name).is_some_and(|locks| locks.reserved)
    }

    /// A region of a database's shared memory; `None` if it is not there and must not be made.
    pub(crate) fn region(&mut self, name: &str, number: usize, make: bool) -> Option<Region> {
        let shared = self.shared.entry(name.to_owned()).or_default();
        while make && shared.regions.len() <= number {
            shared.regions.push((0..REGION_BYTES / 8).map(|_| AtomicU64::new(0)).collect());
        }
        shared.regions.get(number).cloned()
    }

    /// Takes locks of the shared memory; `mine`: those that this connection has (1 shared, 2 alone).
    pub(crate) fn shm_lock(
        &mut self,
        name: &str,
        mine: &mut [u8; SHM_LOCKS],
        at: usize,
        n: usize,
        alone: bool,
    ) -> bool {
        let shared = self.shared.entry(name.to_owned()).or_default();
        let wanted = at..(at + n).min(SHM_LOCKS);
        let free = wanted.clone().all(|i| {
            let (holders, own) = (shared.holders.get(i).copied().unwrap_or(0), mine.get(i).copied().unwrap_or(0));
            let others = if own == 2 { 0 } else { holders.saturating_sub(u32::from(own == 1)) };
            if alone { others == 0 } else { others != u32::MAX }
        });
        if !free {
            return false;
        }
        for i in wanted {
            let (Some(holders), Some(own)) = (shared.holders.get_mut(i), mine.get_mut(i)) else { continue };
            if alone {
                (*holders, *own) = (u32::MAX, 2);
            } else if *own == 0 {
                (*holders, *own) = (*holders + 1, 1);
            }
        }
        true
    }

    /// Gives locks of the shared memory back.
    pub(crate) fn shm_unlock(&mut self, name: &str, mine: &mut [u8; SHM_LOCKS], at: usize, n: usize) {
        let shared = self.shared.entry(name.to_owned()).or_default();
        for i in at..(at + n).min(SHM_LOCKS) {
            let (Some(holders), Some(own)) = (shared.holders.get_mut(i), mine.get_mut(i)) else { continue };
            *holders = if *own == 2 { 0 } else { holders.saturating_sub(u32::from(*own == 1)) };
            *own = 0;
        }
    }

    /// Forgets a database's shared memory.
    pub(crate) fn shm_remove(&mut self, name: &str) {
        self.shared.remove(name);
    }
}
