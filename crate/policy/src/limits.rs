//! What one fetch may cost at most, in time, bytes and requests, and by which ways it may go. The coordinator may
//! ask for less, never for more.

use lull_protocol::Method;
pub use lull_protocol::limits::{BODY_BYTES_MAX, HEADER_VALUE_BYTES_MAX, HEADERS_MAX, HOPS_MAX, URL_BYTES_MAX};

/// Redirects that one fetch follows at most; each is judged before it is sent.
pub const REDIRECTS_MAX: usize = HOPS_MAX - 1;
/// Time for the first byte of an answer, milliseconds. Below the 30 s after which Chrome may end a service worker.
pub const HEAD_MS_MAX: u64 = 25_000;
/// Time for a whole body, milliseconds.
pub const BODY_MS_MAX: u64 = 60_000;
/// The ports there are: https, and http where the order declares it.
pub const PORTS: [u16; 2] = [443, 80];
/// The methods there are; neither has a body nor changes anything (RFC 9110 §9.2.1).
pub const METHODS: [Method; 2] = [Method::Get, Method::Head];

/// Every header that Lull itself sets on a request. Both are the same for everyone: a site learns nothing about the
/// person's languages, and what several workers bring can be compared.
pub const REQUEST_HEADERS: [(&str, &str); 2] =
    [("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), ("Accept-Language", "en")];

/// What the browser adds by itself: the connection, its own name and version, which encodings it reads, that nothing
/// may come from a cache, and that no page asked. `Cookie`, `Authorization`, `Origin` and `Referer` are not in it.
pub const BROWSER_HEADERS: [&str; 15] = [
    "Accept-Encoding",
    "Cache-Control",
    "Connection",
    "Host",
    "Pragma",
    "Priority",
    "Sec-CH-UA",
    "Sec-CH-UA-Mobile",
    "Sec-CH-UA-Platform",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "Sec-Fetch-Storage-Access",
    "TE",
    "User-Agent",
];
