//! What a fetch counts as traffic.

use lull_protocol::statement::Traffic;
use lull_protocol::{ByteCount, Method};

use crate::HopHead;

/// What a browser adds to a request beside `Host`, bytes: `Connection`, `User-Agent`, `Accept`, `Accept-Encoding`,
/// `Accept-Language`, the client hints and the `Sec-Fetch` ones. It shows none of them.
const BROWSER_HEADERS_BYTES: u64 = 560;
/// A reason phrase, which browsers don't show, bytes: the longest in common use are not longer.
const REASON_BYTES: usize = "Internal Server Error".len();
/// Cookies that an answer tries to leave, bytes: browsers hide them.
const COOKIES_BYTES: usize = 128;
/// Chunked transfer coding adds to a body (RFC 9112 §7.1): one part in so many, and the last chunk, bytes.
const CHUNKED_PART: u64 = 256;
const CHUNKED_BYTES: u64 = 32;

/// The bytes of one request and its answer, as `FetchReport::traffic` counts them and as the caps count them: the
/// body bytes that crossed the connection (encoded), plus both heads written out as HTTP/1.1 (RFC 9112): request
/// line, `Host` and what a browser adds; status line and each header that the browser shows as `name: value`, each
/// line with its CRLF, and the empty line. TLS, TCP, DNS, header compression and hidden headers are not in it, so it
/// is not the provider's meter. Without a head only the request counts.
pub fn traffic(method: Method, url: &str, head: Option<&HopHead>, encoded_body_bytes: u64) -> Traffic {
    const CRLF: usize = 2;
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, target) = rest.split_at(host_end);
    let method_bytes = match method {
        Method::Get => "GET".len(),
        Method::Head => "HEAD".len(),
    };
    let request_line = method_bytes + " ".len() + target.len().max(1) + " HTTP/1.1".len() + CRLF;
    let sent = request_line + "Host: ".len() + host.len() + CRLF + CRLF;
    let received = head.map_or(0, |head| {
        let lines: usize = head.headers.iter().map(|(name, value)| name.len() + 2 + value.len() + CRLF).sum();
        "HTTP/1.1 200 ".len() + REASON_BYTES + CRLF + lines + COOKIES_BYTES + CRLF
    });
    let framing = head.map_or(0, |head| framing_bytes(head, encoded_body_bytes));
    let received = (received as u64).saturating_add(encoded_body_bytes).saturating_add(framing);
    Traffic { sent: count((sent as u64).saturating_add(BROWSER_HEADERS_BYTES)), received: count(received) }
}

/// What a chunked body's framing counts as. A browser hides it; a site that sends tiny chunks sends more.
pub(crate) fn framing_bytes(head: &HopHead, encoded_body_bytes: u64) -> u64 {
    let is_chunked = head.headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("transfer-encoding") && value.to_ascii_lowercase().contains("chunked")
    });
    if is_chunked { encoded_body_bytes / CHUNKED_PART + CHUNKED_BYTES } else { 0 }
}

/// Both counts of two added up, held at the limit of a byte count.
#[cfg(feature = "bandwidth")]
pub(crate) fn add(a: Traffic, b: Traffic) -> Traffic {
    let sum = |a: ByteCount, b: ByteCount| count(a.get().saturating_add(b.get()));
    Traffic { sent: sum(a.sent, b.sent), received: sum(a.received, b.received) }
}

/// A byte count, held at its limit.
pub(crate) fn count(bytes: u64) -> ByteCount {
    const MOST: u64 = lull_protocol::limits::AMOUNT_MAX;
    ByteCount::new(bytes.min(MOST)).unwrap_or(ByteCount::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_heads_and_the_encoded_body_count() {
        let head = HopHead {
            status: 200,
            headers: vec![("content-type".into(), "text/html".into())],
            location: None,
            address: None,
        };
        let sent = "GET /a?b HTTP/1.1\r\nHost: example.org\r\n\r\n".len() as u64 + BROWSER_HEADERS_BYTES;
        let line = "HTTP/1.1 200 ".len() + REASON_BYTES + COOKIES_BYTES + "\r\n".len();
        let received = (line + "content-type: text/html\r\n\r\n".len()) as u64;
        let all = traffic(Method::Get, "https://example.org/a?b", Some(&head), 500);
        assert_eq!((all.sent.get(), all.received.get()), (sent, received + 500));
        let lost = traffic(Method::Head, "https://example.org/a?b", None, 0);
        assert_eq!((lost.sent.get(), lost.received.get()), (sent + 1, 0));
        assert_eq!(traffic(Method::Get, "nonsense", None, u64::MAX).received.get(), lull_protocol::limits::AMOUNT_MAX);
    }
}
