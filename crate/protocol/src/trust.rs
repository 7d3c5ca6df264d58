//! The trust root: a coordinator is its address and its key's fingerprint.

use thiserror::Error;

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
        "wss" => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.[]:".contains(&b)),
        "ws" => ["127.0.0.1", "[::1]", "localhost"].contains(&host),
        _ => false,
    };
    let port_ok = port.is_none_or(|p| p.parse::<u16>().is_ok_and(|n| n > 0 && n.to_string() == p));
    (host_ok && port_ok).then(|| &url[..scheme.len() + 3 + authority.len()])
}
