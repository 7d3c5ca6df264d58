//! The C side: SQLite's function pointers, each a few lines around [`Inner`].
//!
//! SQLite promises (sqlite3.h, "OS Interface Open File Handle" and "OS Interface Object") that every
//! `sqlite3_file` it passes was filled by a successful `xOpen` and not closed yet, that buffers have the
//! sizes it names, and that a file is used by one thread at a time. Each `SAFETY` relies on that.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, Once};

use rusqlite::ffi;

use crate::disk::{Failure, Inner, Region, find, lock};

/// What a disk's sector is said to be, bytes: SQLite's own default on Unix.
const SECTOR_BYTES: c_int = 4_096;
const PATH_BYTES_MAX: c_int = 512;
/// 2026-10-05 in milliseconds of the Julian calendar; nothing of ours asks SQLite for the time.
const JULIAN_MS: i64 = 212_658_048_000_000;

/// What SQLite allocates for a file: its own head, then ours.
#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

/// An open file.
struct Open {
    disk: Arc<Mutex<Inner>>,
    era: u64,
    name: String,
    level: c_int,
    shm: [u8; 8],
    /// Kept alive for as long as SQLite may look at them.
    regions: Vec<Region>,
    removed_on_close: bool,
}

impl Open {
    /// The disk, if the process that opened this file still lives.
    fn disk<T>(&mut self, work: impl FnOnce(&mut Self, &mut Inner) -> T) -> Option<T> {
        let disk = self.disk.clone();
        let mut inner = lock(&disk);
        (inner.era == self.era).then(|| work(self, &mut inner))
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(take_lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Makes this SQLite's default file system, once.
pub(crate) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let vfs = Box::new(ffi::sqlite3_vfs {
            iVersion: 2,
            szOsFile: size_of::<Handle>() as c_int,
            mxPathname: PATH_BYTES_MAX,
            pNext: null_mut(),
            zName: c"lull-disk".as_ptr(),
            pAppData: null_mut(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: Some(last_error),
            xCurrentTimeInt64: Some(current_time_ms),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        });
        // SAFETY: the box is never freed, so SQLite may keep the pointer for as long as the process lives.
        let code = unsafe { ffi::sqlite3_vfs_register(Box::into_raw(vfs), 1) };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite takes a file system with a name");
    });
}

/// The open file behind a handle.
///
/// # Safety
/// `file` was filled by [`open`] with `SQLITE_OK` and not closed since; no other reference to it is alive.
unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Open {
    // SAFETY: by the above, `open` is a live box.
    unsafe { &mut *(*file.cast::<Handle>()).open }
}

fn code(result: Option<Result<(), Failure>>, io: c_int) -> c_int {
    match result {
        Some(Ok(())) => ffi::SQLITE_OK,
        Some(Err(Failure::Full)) => ffi::SQLITE_FULL,
        Some(Err(Failure::Io | Failure::Dead)) | None => io,
    }
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives room for a `Handle`, and no methods mean that there is nothing to close.
    unsafe { (*file).pMethods = std::ptr::null() };
    // SAFETY: a name is null or ends with zero.
    let path = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned());
    let removed_on_close = path.is_none() || flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0;
    // A file without a name is nobody's: it gets a disk of its own.
    let disk = path.as_deref().map_or_else(|| Some(Inner::anonymous()), find);
    let Some(disk) = disk else { return ffi::SQLITE_CANTOPEN };
    let mut inner = lock(&disk);
    let name = path.unwrap_or_else(|| inner.temporary_name());
    let create = flags & ffi::SQLITE_OPEN_CREATE != 0 || removed_on_close;
    if !inner.open(&name, create) {
        return ffi::SQLITE_CANTOPEN;
    }
    let era = inner.era;
    drop(inner);
    let open = Open { disk, era, name, level: 0, shm: [0; 8], regions: Vec::new(), removed_on_close };
    // SAFETY: as above; the box is taken back in `close`. `flags_out` is null or valid.
    unsafe {
        (*file.cast::<Handle>()).open = Box::into_raw(Box::new(open));
        (*file).pMethods = &raw const METHODS;
        if let Some(out) = flags_out.as_mut() {
            *out = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes what `open` has filled, once; nobody uses the box afterwards.
    let mut open = unsafe { Box::from_raw((*file.cast::<Handle>()).open) };
    open.disk(|open, disk| {
        disk.shm_unlock(&open.name, &mut open.shm, 0, 8);
        disk.unlock(&open.name, open.level, 0);
        // A file that goes with its handle is nobody's loss if this fails.
        let _ = open.removed_on_close.then(|| disk.remove(&open.name, true));
    });
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, into: *mut c_void, amount: c_int, at: i64) -> c_int {
    // SAFETY: an open file, and a buffer of this size.
    let (open, into) = unsafe { (opened(file), std::slice::from_raw_parts_mut(into.cast::<u8>(), amount as usize)) };
    match open.disk(|open, disk| disk.read(&open.name, at as usize, into)) {
        Some(Ok(true)) => ffi::SQLITE_OK,
        Some(Ok(false)) => ffi::SQLITE_IOERR_SHORT_READ,
        Some(Err(_)) | None => ffi::SQLITE_IOERR_READ,
    }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, amount: c_int, at: i64) -> c_int {
    // SAFETY: an open file, and a buffer of this size.
    let (open, from) = unsafe { (opened(file), std::slice::from_raw_parts(from.cast::<u8>(), amount as usize)) };
    code(open.disk(|open, disk| disk.write(&open.name, at as usize, from)), ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: i64) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    code(open.disk(|open, disk| disk.resize(&open.name, len as usize)), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    code(open.disk(|open, disk| disk.sync(&open.name)), ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: an open file, and room for a number.
    let (open, size) = unsafe { (opened(file), &mut *size) };
    match open.disk(|open, disk| disk.len(&open.name)) {
        Some(len) => {
            *size = len as i64;
            ffi::SQLITE_OK
        }
        None => ffi::SQLITE_IOERR_FSTAT,
    }
}

unsafe extern "C" fn take_lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    if open.level >= level {
        return ffi::SQLITE_OK;
    }
    match open.disk(|open, disk| disk.lock(&open.name, open.level, level)) {
        Some(true) => {
            open.level = level;
            ffi::SQLITE_OK
        }
        Some(false) => ffi::SQLITE_BUSY,
        None => ffi::SQLITE_IOERR_LOCK,
    }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    open.disk(|open, disk| disk.unlock(&open.name, open.level, level));
    open.level = open.level.min(level);
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: an open file, and room for a number.
    let (open, out) = unsafe { (opened(file), &mut *out) };
    *out = c_int::from(open.disk(|open, disk| disk.is_reserved(&open.name)).unwrap_or(false));
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    SECTOR_BYTES
}

/// As on Unix: a torn write leaves bytes beside it alone.
unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    number: c_int,
    _bytes: c_int,
    make: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: an open file, and room for a pointer.
    let (open, out) = unsafe { (opened(file), &mut *out) };
    *out = null_mut();
    let Some(region) = open.disk(|open, disk| disk.region(&open.name, number as usize, make != 0)) else {
        return ffi::SQLITE_IOERR_SHMMAP;
    };
    if let Some(region) = region {
        *out = region.as_ptr().cast_mut().cast();
        open.regions.push(region);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, at: c_int, n: c_int, flags: c_int) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    let (at, n, alone) = (at as usize, n as usize, flags & ffi::SQLITE_SHM_EXCLUSIVE != 0);
    let done = open.disk(|open, disk| {
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            disk.shm_unlock(&open.name, &mut open.shm, at, n);
            return true;
        }
        disk.shm_lock(&open.name, &mut open.shm, at, n, alone)
    });
    match done {
        Some(true) => ffi::SQLITE_OK,
        Some(false) => ffi::SQLITE_BUSY,
        None => ffi::SQLITE_IOERR_SHMLOCK,
    }
}

/// One thread uses a disk at a time, and its mutex is a fence between two.
unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, remove: c_int) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { opened(file) };
    open.disk(|open, disk| {
        disk.shm_unlock(&open.name, &mut open.shm, 0, 8);
        if remove != 0 {
            disk.shm_remove(&open.name);
        }
    });
    open.regions.clear();
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, synced: c_int) -> c_int {
    // SAFETY: a name that ends with zero.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
    let Some(disk) = find(&name) else { return ffi::SQLITE_IOERR_DELETE };
    match lock(&disk).remove(&name, synced != 0) {
        Ok(true) => ffi::SQLITE_OK,
        Ok(false) => ffi::SQLITE_IOERR_DELETE_NOENT,
        Err(_) => ffi::SQLITE_IOERR_DELETE,
    }
}

unsafe extern "C" fn access(_: *mut ffi::sqlite3_vfs, name: *const c_char, _: c_int, out: *mut c_int) -> c_int {
    // SAFETY: a name that ends with zero, and room for a number.
    let (name, out) = unsafe { (CStr::from_ptr(name).to_string_lossy().into_owned(), &mut *out) };
    *out = c_int::from(find(&name).is_some_and(|disk| lock(&disk).exists(&name)));
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: a name that ends with zero.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if name.len() > room as usize {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: `out` has room for `room` bytes and is not the name.
    unsafe { std::ptr::copy_nonoverlapping(name.as_ptr().cast(), out, name.len()) };
    ffi::SQLITE_OK
}

/// SQLite's randomness only tells one write-ahead log from the next; the same each time keeps runs alike.
unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, amount: c_int, out: *mut c_char) -> c_int {
    // SAFETY: `out` has room for `amount` bytes.
    let out = unsafe { std::slice::from_raw_parts_mut(out.cast::<u8>(), amount as usize) };
    out.iter_mut().zip(1_u8..).for_each(|(byte, value)| *byte = value.wrapping_mul(37));
    amount
}

/// Nobody waits here for real: a lock that is held is held by whoever waits.
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, micros: c_int) -> c_int {
    micros
}

unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: room for a number.
    unsafe { *out = JULIAN_MS as f64 / 86_400_000.0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time_ms(_: *mut ffi::sqlite3_vfs, out: *mut i64) -> c_int {
    // SAFETY: room for a number.
    unsafe { *out = JULIAN_MS };
    ffi::SQLITE_OK
}

unsafe extern "C" fn last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}
