//! The worker's own limits: a name, a unit, a value. Those of the protocol are in `lull_protocol::limits`.

/// The first back-off lies below this, milliseconds; each further one below twice as much.
pub const BACKOFF_BASE_MS: u64 = 1_000;
/// No back-off is longer than this, milliseconds.
pub const BACKOFF_MS_MAX: u64 = 5 * 60_000;
/// A connection that was ready this long counts as one that lived: back-off starts anew, milliseconds.
pub const LIVED_MS_MIN: u64 = 10_000;
/// Time a socket has to open, milliseconds.
pub const CONNECT_MS_MAX: u64 = 30_000;
/// A stored clock offset is written again when it is off by more than this, milliseconds.
pub const CLOCK_DRIFT_MS_MAX: u64 = 5_000;
/// `Account`'s "today" is shown if its day began at most this long before the person's, milliseconds.
pub const DAY_TOLERANCE_MS: u64 = 12 * 3_600_000;
/// Times of a fetch are policy's.
pub use lull_policy::{BODY_TIMEOUT_MS, HEAD_TIMEOUT_MS};
/// Time for a name's addresses, milliseconds.
pub const LOOKUP_TIMEOUT_MS: u64 = 5_000;
/// Bodies that wait to be acknowledged, bytes: above it no fetch begins.
pub const BODIES_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// A body is stored in records of this length, bytes: a browser holds each of them twice while it writes it.
pub const BODY_PIECE_BYTES: usize = 1024 * 1024;
/// Without a piece of a blob for this long it is asked for again, milliseconds.
pub const BLOB_STALL_MS: u64 = 3_000;
/// Asked for so often in a row without a byte of it, a blob is put off: the next one's turn.
pub const BLOB_TRIES: u32 = 3;
/// Put off for the so-manieth time on a connection, what shows it goes back as broken.
pub const BLOB_PUT_OFF_MAX: u32 = 5;
/// A judgment that comes on screen with less than this left, or than half of its first time, gets more or goes back,
/// milliseconds: the warning 20 seconds ahead, and a moment to read before it.
pub const ON_SCREEN_MS_MIN: u64 = 30_000;
/// The next judgment waits this long for its pictures or its practice before a later one goes ahead, milliseconds.
pub const HEAD_OF_ROW_MS: u64 = 3_000;
/// An answer or a skip can be taken back for this long, or until the next one is given; before that it isn't sent,
/// milliseconds.
pub const TAKE_BACK_MS: u64 = 5_000;
/// One whose lease ends sooner than this after that time is sent at once, milliseconds.
pub const TAKE_BACK_MARGIN_MS: u64 = 5_000;
/// A judgment that is on screen when its lease ends stays there for this long after it, milliseconds: it is still paid if
/// its item has a place.
pub const LATE_MS_MAX: u64 = 10 * 60_000;
/// Settled receipts that are loaded at the start: the newest. Older ones are kept, but read only when asked for.
pub const RECEIPTS_LOADED_MAX: usize = 128;
/// Receipts that are loaded, those that still wait for their verdict included. The oldest go to those that are kept;
/// a verdict about them comes too late to be kept with them.
pub const RECEIPTS_MAX: usize = 2_000;
/// Answers that are loaded because their buyer may reject them or has: none of them leaves. While there are as many, no
/// more judgments are wanted.
pub const REVIEWED_MAX: usize = 5_000;
/// Receipts of contested money that are kept apart; of those that have ended the oldest make room.
pub const REVERSALS_MAX: usize = 256;
/// Receipts that are loaded, bytes.
pub const RECEIPTS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Receipts that are moved at a time.
pub const RECEIPTS_MOVED_MAX: usize = 64;
/// Practices done or skipped that are remembered: the newest.
pub const PRACTISED_MAX: usize = 256;
/// A day, milliseconds.
pub const DAY_MS: u64 = 24 * 3_600_000;
/// The log goes back this far, days.
pub const LOG_DAYS_MAX: u64 = 90;
/// Days with totals of their own. A day and a half more: days are a person's, and the last may have just begun.
pub const DAY_ROWS_MAX: usize = 92;
/// The log and the kept receipts together, bytes, as they are counted when they are written; the oldest go first.
pub const LOG_BYTES_MAX: u64 = 192 * 1024 * 1024;
/// A text in the log, bytes of UTF-8; longer ones are cut.
pub const LOG_TEXT_BYTES_MAX: usize = 256;
/// Numbers that a question to the log reads at a time.
pub const LOG_READ_MAX: u64 = 1_024;
/// Numbers of kept receipts that are exported at a time.
pub const KEPT_READ_MAX: u64 = 64;
/// Numbers between the ends of the log: more than `LOG_BYTES_MAX` has room for.
pub const LOG_SPAN_MAX: u64 = 1 << 21;
/// Numbers that are pruned at a time.
pub const PRUNED_MAX: u64 = 512;
/// Domains that are never served.
pub const NEVER_DOMAINS_MAX: usize = 500;
/// Requesters that are never served.
pub const NEVER_REQUESTERS_MAX: usize = 100;
/// Assignments in a row that go back because of that list before the worker rests.
pub const NEVER_RETURNS_MAX: u32 = 64;
/// That rest, milliseconds.
pub const NEVER_REST_MS: u64 = 2_000;
/// The most receipts and results that one try deletes to make room for settings that take consent back.
pub const ROOM_RECORDS_MAX: usize = 128;
/// That a judgment ran out which the person had looked at is kept for this long without a connection, milliseconds.
pub const RAN_OUT_KEPT_MS: u64 = DAY_MS;
/// Leases given back that are remembered until their deadline, so that none comes up again.
pub const RETURNED_MAX: usize = 64;
/// Records that couldn't be read and are kept under `aside/`; of those from earlier starts the first in order of name
/// go when there are more.
pub const ASIDE_RECORDS_MAX: usize = 256;
/// Notices that wait for the person.
pub const NOTICES_MAX: usize = 16;
/// Counters that only inform are written at most this often, milliseconds.
pub const COUNTERS_MS_MIN: u64 = 30_000;
/// Bytes that a mark in storage lies ahead of what was counted: as much may be counted too much after a kill.
pub const RESERVE_BYTES: u64 = 4 * 1024 * 1024;
/// A response's head that is on its way when nothing of it was told yet, bytes.
pub const HEAD_BYTES: u64 = 64 * 1024;
/// Nothing was in flight for this long: the exact count is written, milliseconds.
pub const QUIET_MS: u64 = 2_000;
/// After a lease went back because of a cap no fetch work is asked for, milliseconds.
pub const CAP_REST_MS: u64 = 5 * 60_000;
/// A call to the person is not made if storage knows of it later than this, and the next one is due as much later, so
/// that no two are closer than they chose, milliseconds.
pub const POP_LATE_MS: u64 = 5_000;
/// A call to the person that could not be shown is tried again after this time, milliseconds.
pub const POP_AGAIN_MS: u64 = 60_000;
/// A ticket for the wallet's page is kept for this long at most, milliseconds.
pub const TICKET_MS_MAX: u64 = 10 * 60_000;
/// A pause for an hour, milliseconds.
pub const PAUSE_HOUR_MS: u64 = 3_600_000;
/// The local hour at which a pause "until tomorrow" ends.
pub const PAUSE_MORNING_HOUR: u64 = 6;
/// What a site can have sent of a body that nobody reads before it hears of the request's end, bytes: the first
/// windows of its connection.
pub const UNREAD_BYTES_MAX: u64 = 64 * 1024;
