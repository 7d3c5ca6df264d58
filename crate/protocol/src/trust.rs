//! The trust root: a coordinator is its address and its key's fingerprint.

use thiserror::Error;

use crate::limits::URL_BYTES_MAX;
use crate::units::Hash;

/// Which coordinator a worker works for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRoot {
    url: String,
    fingerprint: Hash,
}

/// Why an address is no coordinator's.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum TrustError {
    /// Not an address that may be dialled.
    #[error("a coordinator's address is wss://…, or ws:// to 127.0.0.1, [::1] or localhost")]
    Address,
    /// Not a fingerprint.
    #[error("a fingerprint is 64 hexadecimal digits")]
    Fingerprint,
}

impl TrustRoot {
    /// Reads an address and a fingerprint (hexadecimal).
    pub fn new(url: &str, fingerprint: &str) -> Result<Self, TrustError> {
        origin_of(url).ok_or(TrustError::Address)?;
        let fingerprint = Hash::from_hex(fingerprint).ok_or(TrustError::Fingerprint)?;
        Ok(Self { url: url.to_owned(), fingerprint })
    }
    /// The address to dial.
    pub fn url(&self) -> &str {
        &self.url
    }
    /// The pinned fingerprint.
    pub fn fingerprint(&self) -> &Hash {
        &self.fingerprint
    }
    /// Scheme, host and port: what the handshake is bound to.
    pub fn origin(&self) -> &str {
        origin_of(&self.url).expect("checked in new")
    }
}

/// Scheme, host and port of an address that a worker may dial; `None` for every other.
pub fn origin_of(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let host_ok = match scheme {
        "wss" => is_host(host),
        "ws" => ["127.0.0.1", "[::1]", "localhost"].contains(&host),
        _ => false,
    };
    let port_ok = port.is_none_or(|p| p.parse::<u16>().is_ok_and(|n| n > 0 && n.to_string() == p));
    let path_ok = rest.bytes().all(|b| b.is_ascii_graphic() && !br##""#<>\^`{}"##.contains(&b));
    let length_ok = url.len() <= URL_BYTES_MAX;
    (host_ok && port_ok && path_ok && length_ok).then(|| url.get(..scheme.len() + 3 + authority.len()))?
}

/// A name in lower case, an IPv4 address, or an IPv6 address in brackets and in its one form (RFC 5952).
fn is_host(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return v6.parse::<core::net::Ipv6Addr>().is_ok_and(|address| address.to_string() == v6);
    }
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A last label that begins with a digit is an address to a browser: then only in its one form (WHATWG URL).
    let numeric = host.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    let name_ok = host.len() <= 253 && host.split('.').all(label_ok);
    if numeric { host.parse::<core::net::Ipv4Addr>().is_ok() } else { name_ok }
}
