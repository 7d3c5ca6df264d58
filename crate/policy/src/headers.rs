//! What a request says besides its line: an allowlist. Nothing that a coordinator sends adds to it.

/// Every header that Lull itself sets on a request. Both are the same for everyone: a site learns nothing about the
/// person's languages, and what several workers bring can be compared.
pub const REQUEST_HEADERS: [(&str, &str); 2] =
    [("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), ("Accept-Language", "en")];

/// What the browser adds by itself: the connection, its own name and version, which encodings it reads, that nothing
/// may come from a cache, and that no page asked. Those that both browsers are seen to send on every request, then
/// those that depend: `Priority` and `TE` on browser and HTTP version, `Sec-GPC` on the person's own wish.
/// `Cookie`, `Authorization`, `Origin` and `Referer` are not in it.
pub const BROWSER_HEADERS: [&str; 12] = [
    "Accept-Encoding",
    "Cache-Control",
    "Connection",
    "Host",
    "Pragma",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "User-Agent",
    "Priority",
    "TE",
    "Sec-GPC",
];
