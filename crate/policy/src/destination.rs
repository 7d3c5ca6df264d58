//! Which URLs pass.
//!
//! A strict recogniser, not a parser: a URL passes only if it is exactly what the WHATWG URL
//! Standard's serialiser writes, so no browser can read it as another destination. The one thing it
//! can't know is whether a label of Punycode (`xn--…`) encodes anything: where it doesn't, a browser
//! reads no URL at all.

use lull_protocol::limits::{HOPS_MAX, URL_BYTES_MAX};

use crate::sensitive;
use crate::{Refusal, judge_address};

/// A URL that policy lets pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination<'a> {
    /// The host name: lower-case, at least two labels.
    pub host: &'a str,
}

/// Longest host name and label, bytes (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

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
    let labels: Vec<&str> = host.split('.').collect();
    judge_name(host, &labels)?;
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
    if sensitive::host(&labels) || sensitive::path(path) || query.is_some_and(sensitive::query) {
        return Err(Refusal::Sensitive);
    }
    Ok(Destination { host })
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

/// The part of a host name that one owner registers: the public suffix and one label more.
pub fn registrable_domain(host: &str) -> &str {
    let labels: Vec<&str> = host.rsplitn(4, '.').collect();
    let count = match labels.as_slice() {
        [top, second, _, ..] if is_second_level_suffix(second, top) => 3,
        _ => 2,
    };
    let kept: usize = labels.iter().take(count).map(|label| label.len() + 1).sum();
    host.get(host.len().saturating_sub(kept.saturating_sub(1))..).unwrap_or(host)
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

fn judge_name(host: &str, labels: &[&str]) -> Result<(), Refusal> {
    // WHATWG's "ends in a number" looks past one trailing dot.
    if host.strip_suffix('.').unwrap_or(host).rsplit('.').next().is_some_and(is_number) {
        return Err(Refusal::IpLiteral);
    }
    if host.len() > HOST_BYTES_MAX || !labels.iter().all(|label| is_label(label)) {
        return Err(Refusal::Malformed);
    }
    match labels {
        [.., second, top] if is_top_level(top) && !is_special_use(second, top) => {
            let bare_suffix = labels.len() == 2 && is_second_level_suffix(second, top);
            if bare_suffix { Err(Refusal::SpecialName) } else { Ok(()) }
        }
        _ => Err(Refusal::SpecialName),
    }
}

/// WHATWG "ends-in-a-number checker": decimal, octal and hexadecimal, `0x` alone included.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    let decimal = !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit());
    decimal || hex.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Letters, digits and inner hyphens in lower case (RFC 1123 §2.1).
fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Top-level domains are letters, or Punycode (RFC 3696 §2, RFC 5890).
fn is_top_level(label: &str) -> bool {
    label.starts_with("xn--") || (label.len() >= 2 && label.bytes().all(|b| b.is_ascii_lowercase()))
}

/// Names that don't belong to the public DNS: IANA's special-use registry (RFC 6761), ICANN's `internal`,
/// and the private top-level domains of RFC 6762 appendix G and ICANN's collision list.
fn is_special_use(second: &str, top: &str) -> bool {
    const TOP: [&str; 18] = [
        "alt",
        "arpa",
        "corp",
        "domain",
        "example",
        "home",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "mail",
        "onion",
        "private",
        "test",
        "workgroup",
    ];
    TOP.contains(&top) || (second == "example" && ["com", "net", "org"].contains(&top))
}

/// Second-level registries under country codes (`co.uk`, `com.au`, …): a name that is only such a
/// suffix is nobody's. The common ones; the whole Public Suffix List is not in this crate.
fn is_second_level_suffix(second: &str, top: &str) -> bool {
    const SECOND: [&str; 8] = ["ac", "co", "com", "edu", "ne", "net", "or", "org"];
    top.len() == 2 && SECOND.contains(&second)
}

/// What WHATWG's serialiser leaves in a path: nothing of the path percent-encode set, no dot segment.
fn is_serialised_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.contains(['"', '#', '<', '>', '^', '`', '{', '}', '\\'])
        && !path.split('/').any(is_dot_segment)
}

/// `.` and `..`, also percent-encoded (WHATWG "single-dot" and "double-dot URL path segment").
fn is_dot_segment(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// What WHATWG's serialiser leaves in a query: nothing of the special-query percent-encode set.
fn is_serialised_query(query: &str) -> bool {
    !query.contains(['"', '#', '<', '>', '\''])
}
