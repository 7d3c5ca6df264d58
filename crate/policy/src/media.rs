//! Which kinds of content are read: pages, data, documents and pictures. Programs, archives, sound and films are
//! refused by what the answer's head calls them, before a byte of the body is read.

use lull_protocol::limits::HEADER_VALUE_BYTES_MAX;

use crate::Refusal;

/// Judges the `Content-Type` of an answer whose body would be read. An answer that doesn't say what it is may be
/// anything (RFC 9110 §8.3), so it is refused. Several values in one (a header sent twice) must all pass.
pub fn judge_media_type(content_type: Option<&str>) -> Result<(), Refusal> {
    let text = content_type.filter(|text| text.len() <= HEADER_VALUE_BYTES_MAX).ok_or(Refusal::MediaType)?;
    if text.split(',').all(is_allowed) { Ok(()) } else { Err(Refusal::MediaType) }
}

/// Subtypes under `application/`, besides all with one of [`TYPE_ENDS`].
pub const APPLICATION_TYPES: [&str; 11] =
    ["ecmascript", "javascript", "json", "jsonl", "ndjson", "pdf", "x-javascript", "x-ndjson", "x-yaml", "xml", "yaml"];
/// How subtypes under `application/` end that pass as well (RFC 6839).
pub const TYPE_ENDS: [&str; 2] = ["+json", "+xml"];
/// Subtypes under `image/`.
pub const IMAGE_TYPES: [&str; 12] =
    ["apng", "avif", "bmp", "gif", "jpeg", "jpg", "jxl", "png", "svg+xml", "vnd.microsoft.icon", "webp", "x-icon"];
/// Subtypes under `text/` that are refused, where all others pass: a stream without an end (WHATWG HTML
/// "server-sent events").
pub const TEXT_TYPES_REFUSED: [&str; 1] = ["event-stream"];

fn is_allowed(value: &str) -> bool {
    let essence = value.split(';').next().unwrap_or_default().trim_matches([' ', '\t']);
    let Some((kind, subtype)) = essence.split_once('/') else { return false };
    let is = |name: &&str| name.eq_ignore_ascii_case(subtype);
    let ends = |end: &&str| {
        subtype
            .len()
            .checked_sub(end.len())
            .and_then(|at| subtype.get(at..))
            .is_some_and(|e| e.eq_ignore_ascii_case(end))
    };
    let is_token = subtype.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if subtype.is_empty() || !is_token {
        false
    } else if kind.eq_ignore_ascii_case("text") {
        !TEXT_TYPES_REFUSED.iter().any(is)
    } else if kind.eq_ignore_ascii_case("application") {
        APPLICATION_TYPES.iter().any(is) || TYPE_ENDS.iter().any(ends)
    } else {
        kind.eq_ignore_ascii_case("image") && IMAGE_TYPES.iter().any(is)
    }
}
