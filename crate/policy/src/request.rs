//! What one request of a fetch is: what it asks with, how long it may take, and what of its answer a buyer gets.

use lull_protocol::limits::HOPS_MAX;

/// The job class that uses a person's connection.
pub const JOB_CLASS: &str = "fetch";
/// The methods there are.
pub const METHODS: [&str; 2] = ["GET", "HEAD"];
/// Redirects that are followed at most; each is judged before it is sent.
pub const REDIRECTS_MAX: u64 = HOPS_MAX as u64 - 1;
/// Requests under way at the same time.
pub const FETCHES_AT_ONCE_MAX: u64 = 1;
/// Time for a response head, milliseconds. Below the 30 s after which Chrome may end a service worker.
pub const HEAD_TIMEOUT_MS: u64 = 25_000;
/// Time for a whole body, milliseconds.
pub const BODY_TIMEOUT_MS: u64 = 60_000;

/// What no request carries.
pub const NEVER_SENT: [&str; 6] =
    ["cookie", "authorization", "origin", "referer", "request body", "anything from the cache"];

/// Response headers that a result carries: what tells a buyer what the body is, how fresh it is and
/// what its owner permits. Never cookies or anything that names this connection.
pub const HEADERS_KEPT: [&str; 15] = [
    "cache-control",
    "content-disposition",
    "content-language",
    "content-location",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "tdm-policy",
    "tdm-reservation",
    "x-robots-tag",
];
