//! May I fetch this? Pure decisions about destinations (URLs) and the addresses that answer.

mod address;
mod destination;
mod never;
mod sensitive;

pub use address::judge_address;
pub use destination::{Destination, judge_hops, judge_url, registrable_domain};
pub use never::judge_never;

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
    /// The first request was not the item's own URL, or there was none.
    #[error("another page than the one asked for")]
    FirstHop,
    /// A `*` in path or query: in the browser's match patterns it stands for anything.
    #[error("contains a *, which Lull can't watch alone")]
    Wildcard,
    /// A domain that the person never wants to serve.
    #[error("on your own list of sites that are never fetched")]
    NeverDomain,
}

impl Refusal {
    /// Every reason there is, in the order above.
    pub const ALL: [Self; 15] = [
        Self::Malformed,
        Self::Scheme,
        Self::Port,
        Self::Credentials,
        Self::IpLiteral,
        Self::SpecialName,
        Self::Sensitive,
        Self::PrivateAddress,
        Self::NoAddress,
        Self::TooManyHops,
        Self::BadRedirect,
        Self::TooLarge,
        Self::FirstHop,
        Self::Wildcard,
        Self::NeverDomain,
    ];

    /// The code that travels in a result's `reason` and is stored.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Scheme => "scheme",
            Self::Port => "port",
            Self::Credentials => "credentials",
            Self::IpLiteral => "ip_literal",
            Self::SpecialName => "special_name",
            Self::Sensitive => "sensitive",
            Self::PrivateAddress => "private_address",
            Self::NoAddress => "no_address",
            Self::TooManyHops => "too_many_hops",
            Self::BadRedirect => "bad_redirect",
            Self::TooLarge => "too_large",
            Self::FirstHop => "first_hop",
            Self::Wildcard => "wildcard",
            Self::NeverDomain => "never_domain",
        }
    }

    /// The reason of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }
}
