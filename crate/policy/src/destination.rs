//! Which URLs pass.

use crate::Refusal;

/// A URL that policy lets pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination<'a> {
    /// The host name.
    pub host: &'a str,
}

/// Judges a WHATWG-serialised URL.
pub fn judge_url(url: &str, http_allowed: bool) -> Result<Destination<'_>, Refusal> {
    let _ = http_allowed;
    let rest = url.strip_prefix("https://").ok_or(Refusal::Scheme)?;
    Ok(Destination { host: rest.split('/').next().unwrap_or(rest) })
}
