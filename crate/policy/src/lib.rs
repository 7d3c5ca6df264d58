//! May I fetch this, now? Pure decisions about destinations (URLs), the addresses that answer, what they answer
//! with, and caps.

mod address;
pub mod caps;
mod destination;
mod facts;
mod headers;
mod media;
mod name;
mod never;
mod place;
mod request;
mod suffix;

pub use address::{BlockV4, BlockV6, judge_address, judge_addresses};
pub use destination::{Destination, SCHEMES, Scheme, judge_hops, judge_url};
pub use facts::{FACTS, Fact, Kinds, Limit, is_within, terms};
pub use headers::{BROWSER_HEADERS, REQUEST_HEADERS};
pub use media::{APPLICATION_TYPES, IMAGE_TYPES, TEXT_TYPES_REFUSED, TYPE_ENDS, judge_media_type};
pub use name::{POINTS_INSIDE, SPECIAL_USE};
pub use never::judge_never;
pub use request::{
    BODY_TIMEOUT_MS, FETCHES_AT_ONCE_MAX, HEAD_TIMEOUT_MS, HEADERS_KEPT, JOB_CLASS, METHODS, NEVER_SENT, REDIRECTS_MAX,
};
pub use suffix::{SUFFIX_RULES, SUFFIXES_BYTES, SUFFIXES_DATE, SUFFIXES_VERSION, public_suffix, registrable_domain};

use thiserror::Error;

/// Why policy refuses. The UI puts each into words; [`Refusal::code`] is what travels and is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Refusal {
    /// Not a WHATWG-serialised absolute URL with an ASCII host.
    #[error("not a plain web address")]
    Malformed,
    /// Neither https nor an allowed http.
    #[error("neither https nor an http that the order allows")]
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
    /// A login, payment or sign-up destination.
    #[error("a place for logins, sign-ups or payments")]
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
    /// A government's, parliament's, army's or police's site.
    #[error("a government's site")]
    Government,
    /// A site for adults.
    #[error("a site for adults")]
    Adult,
    /// What only somebody looking for a way in asks for.
    #[error("asks for what only an intruder looks for")]
    Scanner,
    /// Neither page, data, document nor picture.
    #[error("neither a page nor data, a document or a picture")]
    MediaType,
    /// A domain that the person never wants to serve.
    #[error("on your own list of sites that are never fetched")]
    NeverDomain,
    /// A page that is made to repeat its visitor's address.
    #[error("a page that repeats its visitor's address")]
    ShowsAddress,
}

impl Refusal {
    /// Every reason there is, in the order above.
    pub const ALL: [Self; 20] = [
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
        Self::Government,
        Self::Adult,
        Self::Scanner,
        Self::MediaType,
        Self::NeverDomain,
        Self::ShowsAddress,
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
            Self::Government => "government",
            Self::Adult => "adult",
            Self::Scanner => "scanner",
            Self::MediaType => "media_type",
            Self::NeverDomain => "never_domain",
            Self::ShowsAddress => "shows_address",
        }
    }

    /// The reason of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }
}
