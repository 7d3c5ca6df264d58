//! Limits of a connection that the protocol does not fix. Each has a name, a unit and a value.

/// Bodies one connection may have under transfer.
pub const UPLOADS_MAX: usize = 2;
/// Time without a whole chunk after which a transfer is given up, milliseconds.
pub const UPLOAD_STALL_MS_MAX: u64 = 20_000;
/// Time for one whole body, milliseconds.
pub const UPLOAD_MS_MAX: u64 = 120_000;
/// Messages one connection may send per second on average; whole body chunks that were asked for are not
/// counted.
pub const MESSAGES_PER_SECOND_MAX: u32 = 500;
/// Messages one connection may send at once.
pub const MESSAGES_BURST_MAX: u32 = 1_000;
/// Time between two claims of one connection, milliseconds: each is a command to the one writer.
pub const CLAIM_MS_MIN: u64 = 10;
/// Before a claim by other wishes, once one has found nothing: to find nothing takes longest, milliseconds.
pub const CLAIM_OTHERWISE_MS_MIN: u64 = 500;
