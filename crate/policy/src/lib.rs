//! May I fetch this? Pure decisions about destinations (URLs) and the addresses that answer.

mod address;
mod destination;

pub use address::judge_address;
pub use destination::{Destination, judge_url};

use thiserror::Error;

/// Why policy refuses. The UI puts each into words; [`Refusal::code`] is what travels and is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Refusal {
    /// Not a WHATWG-serialised absolute URL with an ASCII host.
    #[error("not a plain web address")]
    Malformed,
    /// Neither https nor an allowed http.
    #[error("not https")]
    Scheme,
    /// Another port than 443 (or 80 for http).
    #[error("an unusual port")]
    Port,
    /// A user name or password in the URL.
    #[error("carries a user name or password")]
    Credentials,
    /// An IP address instead of a name.
    #[error("an address instead of a name")]
    IpLiteral,
    /// A name without a public suffix and a label, or a special-use name.
    #[error("not a public name")]
    SpecialName,
    /// A login, payment, sign-up or government destination.
    #[error("a place for logins, payments or government")]
    Sensitive,
    /// The answer came from a private, loopback, link-local or other special-purpose address.
    #[error("the answer came from a private network")]
    PrivateAddress,
    /// The browser did not say which address answered.
    #[error("nobody could say who answered")]
    NoAddress,
    /// More redirects than allowed.
    #[error("too many redirects")]
    TooManyHops,
    /// A redirect without a usable `Location`.
    #[error("a redirect to nowhere")]
    BadRedirect,
    /// The body is larger than the order allows.
    #[error("larger than the order allows")]
    TooLarge,
}
