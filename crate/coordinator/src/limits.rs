//! Limits of this server that the protocol does not fix. Each has a name, a unit and a value. Those of a
//! single connection's rules are in `lull_market::session::limits`.

/// Commands that wait for the writer; more must wait to be queued.
pub const COMMANDS_QUEUED_MAX: usize = 1_024;
/// Commands that share one commit.
pub const BATCH_COMMANDS_MAX: usize = 192;
/// Commands after which the log is copied into the database, beside the writer.
pub const CHECKPOINT_COMMANDS: usize = 1_000;
/// Open read connections to the store.
pub const READERS_MAX: usize = 4;
/// Worker connections, those in their handshake included.
pub const CONNECTIONS_MAX: usize = 20_000;
/// What a socket reads at once, bytes: each connection holds as much. Larger messages get more room.
pub const READ_BUFFER_BYTES: usize = 1_024;
/// What waits for a flush before it is written anyway, bytes.
pub const WRITE_BUFFER_BYTES: usize = 4_096;
/// HTTP connections that are not (yet) a worker's socket; more wait to be accepted.
pub const HTTP_CONNECTIONS_MAX: u32 = 4_096;
/// Time an HTTP connection has for the whole head of its next request, idle time included, milliseconds.
pub const HEAD_MS_MAX: u64 = 10_000;
/// Bodies under transfer or on their way to the store, over all connections, KiB.
pub const BODIES_MEMORY_KIB_MAX: usize = 256 * 1024;
/// Verdicts, withdrawals and the like that wait for one connection; a peer that reads more slowly is
/// disconnected and catches up when it is back.
pub const PUSHES_QUEUED_MAX: usize = BATCH_COMMANDS_MAX;
/// Time between two calls to all connections that there may be new work, milliseconds.
pub const WAKE_MS: u64 = 50;
/// Time one frame may take to leave, milliseconds.
pub const SEND_MS_MAX: u64 = 10_000;
/// Time a peer has to take the last word of a connection, milliseconds.
pub const LINGER_MS_MAX: u64 = 1_000;
/// Time a replaced connection has to end, milliseconds.
pub const REPLACE_MS_MAX: u64 = 12_000;
/// Time connections have to end when the server stops, milliseconds.
pub const STOP_MS_MAX: u64 = 5_000;
/// Time between two sweeps, milliseconds.
pub const SWEEP_MS: u64 = 1_000;
/// Time for one HTTP request with its body, milliseconds.
pub const REQUEST_MS_MAX: u64 = 120_000;
/// The JSON of an order of fetches, bytes.
pub const ORDER_BYTES_MAX: usize = 24 * 1024 * 1024;
/// The JSON of a judgment project, bytes.
pub const PROJECT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The JSON that asks for a deposit, bytes.
pub const DEPOSIT_BYTES_MAX: usize = 4 * 1024;
/// Deposits in one answer, the newest.
pub const DEPOSITS_SHOWN_MAX: usize = 100;
/// Deposits that are looked at on the chain at once; the others come next.
pub const DEPOSITS_LOOKED_MAX: usize = 16;
/// Time between two rounds of looks at deposits, milliseconds.
pub const DEPOSITS_MS: u64 = 500;
/// RPCs that differ about a deposit for this long are said to, milliseconds: one may be a few blocks behind.
pub const DEPOSITS_DIFFER_MS: u64 = 60_000;
/// Deposits about which RPCs differ that are remembered.
pub const DEPOSITS_DIFFER_MAX: usize = 256;
/// The JSON of a review, bytes.
pub const REVIEW_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The JSON that the page of `/connect` sends, bytes.
pub const CONNECT_BYTES_MAX: usize = 16 * 1024;
/// Attempts to connect a wallet with a ticket that nobody has, per second on average, over all pages.
pub const CONNECT_FAILED_PER_SECOND_MAX: u32 = 20;
/// And at once.
pub const CONNECT_FAILED_BURST_MAX: u32 = 200;
/// Time between two looks at the file of the sanctions list, milliseconds.
pub const SANCTIONS_MS: u64 = 10_000;
/// Appeals that the operator is shown at once, those that came first.
pub const APPEALS_SHOWN_MAX: usize = 1_000;
/// Appeals that the log remembers having told of; then it begins anew.
pub const APPEALS_TOLD_MAX: usize = 1_024;
/// An `Idempotency-Key`, bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// One file of the pages for people, bytes.
pub const PAGE_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Lines in one answer of a list that is read in pages.
pub const PAGE_LINES_MAX: usize = 1_000;
/// What `Retry-After` says while the store can't write, seconds.
pub const RETRY_AFTER_S: u64 = 5;
/// While commits fail the log says so again after this long, milliseconds.
pub const TROUBLE_SAID_MS: u64 = 60_000;
/// Without a failed commit for this long the trouble is over, milliseconds.
pub const TROUBLE_CALM_MS: u64 = 5_000;
