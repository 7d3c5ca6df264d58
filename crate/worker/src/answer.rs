//! What the head of an answer says about its body and about where it leads.

use lull_policy::{Refusal, judge_media_type};

use crate::HopHead;

/// The values of every header of this name, in order.
fn values<'a>(head: &'a HopHead, wanted: &'a str) -> impl Iterator<Item = &'a str> {
    head.headers.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
}

/// Judges the kind of a body before it is read. Every `Content-Type` must pass; an answer without a body needs none.
pub(crate) fn judge_content(head: &HopHead) -> Result<(), Refusal> {
    let has_none = matches!(head.status, 204 | 205) || length(head) == Some(0);
    let mut types = values(head, "content-type").peekable();
    match types.peek() {
        None if has_none => Ok(()),
        None => judge_media_type(None),
        Some(_) => types.try_for_each(|content_type| judge_media_type(Some(content_type))),
    }
}

/// Where a redirect leads. One that names several places leads nowhere: readers differ in which they take.
pub(crate) fn location(head: &HopHead) -> Option<String> {
    let mut named = values(head, "location");
    let first = named.next();
    if named.any(|other| Some(other) != first) { None } else { head.location.clone() }
}

/// The body's length on the connection, if the head says one, and only one.
fn length(head: &HopHead) -> Option<u64> {
    let mut lengths = values(head, "content-length").map(|length| length.parse::<u64>().ok());
    let first = lengths.next()?;
    if lengths.any(|other| other != first) { None } else { first }
}

/// Whether a body that arrived as it was sent is shorter than its head said (RFC 9112 §8): a part of it.
pub(crate) fn is_short(head: &HopHead, body: &[u8]) -> bool {
    let is_plain = values(head, "content-encoding").all(|value| value.eq_ignore_ascii_case("identity"));
    let is_framed_otherwise = values(head, "transfer-encoding").next().is_some();
    is_plain && !is_framed_otherwise && length(head).is_some_and(|length| (body.len() as u64) < length)
}
