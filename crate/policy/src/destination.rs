//! Which URLs pass.
//!
//! A strict recogniser, not a parser: a URL passes only if it is exactly what the WHATWG URL
//! Standard's serialiser writes, so no browser can read it as another destination. The one thing it
//! can't know is whether a label of Punycode (`xn--…`) encodes anything: where it doesn't, a browser
//! reads no URL at all.

use lull_protocol::limits::{HOPS_MAX, URL_BYTES_MAX};

use crate::name::judge_name;
use crate::{Refusal, judge_address, place};

/// A URL that policy lets pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination<'a> {
    /// The host name: lower-case, a public suffix and at least one label.
    pub host: &'a str,
    /// The part of it that was registered: the suffix and one label.
    pub domain: &'a str,
}

/// Judges a URL as a browser serialises it; `http_allowed` is the order's word on plain http.
pub fn judge_url(url: &str, http_allowed: bool) -> Result<Destination<'_>, Refusal> {
    if url.len() > URL_BYTES_MAX || !url.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Refusal::Malformed);
    }
    let rest = after_scheme(url, http_allowed)?;
    // A backslash ends the authority of a special URL as a slash does (WHATWG "authority state").
    let end = rest.find(['/', '\\', '?', '#']).ok_or(Refusal::Malformed)?;
    let (authority, tail) = rest.split_at_checked(end).ok_or(Refusal::Malformed)?;
    let host = judge_authority(authority)?;
    let domain = judge_name(host)?;
    let (path, query) = match tail.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (tail, None),
    };
    if !is_serialised_path(path) || !query.is_none_or(is_serialised_query) {
        return Err(Refusal::Malformed);
    }
    if tail.contains('*') {
        return Err(Refusal::Wildcard);
    }
    place::judge(host, domain, path, query.unwrap_or_default())?;
    Ok(Destination { host, domain })
}

/// Judges the requests of one fetch, each a URL and the address that answered: the first is the
/// item's own URL, each URL and address passes, and there are at most
/// [`HOPS_MAX`](lull_protocol::limits::HOPS_MAX).
pub fn judge_hops<'a>(
    item_url: &str,
    http_allowed: bool,
    hops: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), Refusal> {
    let mut count = 0;
    for (url, address) in hops {
        count += 1;
        if count > HOPS_MAX {
            return Err(Refusal::TooManyHops);
        }
        if count == 1 && url != item_url {
            return Err(Refusal::FirstHop);
        }
        judge_url(url, http_allowed)?;
        judge_address(Some(address))?;
    }
    if count == 0 { Err(Refusal::FirstHop) } else { Ok(()) }
}

fn after_scheme(url: &str, http_allowed: bool) -> Result<&str, Refusal> {
    let (scheme, rest) = url.split_once(':').ok_or(Refusal::Malformed)?;
    match scheme {
        "https" => {}
        "http" if http_allowed => {}
        _ if scheme.eq_ignore_ascii_case("https") => return Err(Refusal::Malformed),
        _ => return Err(Refusal::Scheme),
    }
    rest.strip_prefix("//").ok_or(Refusal::Malformed)
}

/// The host of an authority that is nothing but a host.
fn judge_authority(authority: &str) -> Result<&str, Refusal> {
    if authority.contains('@') {
        return Err(Refusal::Credentials);
    }
    if authority.starts_with('[') {
        return Err(Refusal::IpLiteral);
    }
    match authority.split_once(':') {
        None => Ok(authority),
        // The serialiser leaves the default port out, and a port is digits.
        Some((_, "" | "443" | "80")) => Err(Refusal::Malformed),
        Some((_, port)) if port.bytes().all(|b| b.is_ascii_digit()) => Err(Refusal::Port),
        Some(_) => Err(Refusal::Malformed),
    }
}

/// What WHATWG's serialiser leaves in a path: nothing of the path percent-encode set, no dot segment.
fn is_serialised_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.contains(['"', '#', '<', '>', '^', '`', '{', '}', '\\'])
        && !path.split('/').any(is_dot_segment)
}

/// `.` and `..`, also percent-encoded (WHATWG "single-dot" and "double-dot URL path segment").
fn is_dot_segment(segment: &str) -> bool {
    let mut rest = segment;
    let mut dots = 0;
    while let Some(after) = [".", "%2e", "%2E"].iter().find_map(|dot| rest.strip_prefix(dot)) {
        dots += 1;
        rest = after;
    }
    rest.is_empty() && (dots == 1 || dots == 2)
}

/// What WHATWG's serialiser leaves in a query: nothing of the special-query percent-encode set.
fn is_serialised_query(query: &str) -> bool {
    !query.contains(['"', '#', '<', '>', '\''])
}
