//! What Lull can and can't do with a connection, as facts made of policy's own constants: the page that tells
//! a person is made of these, and so is what a person agrees to.
//!
//! To tell one more thing, add a variant to [`Fact`] and a line to [`FACTS`]; the page doesn't compile until it
//! has words for it. If it widens what may be done, it belongs into [`terms`]: then everybody who agreed
//! before is asked again. So does a refusal, that its loss would be asked about.

use lull_protocol::limits::{BODY_BYTES_MAX, URL_BYTES_MAX};

use crate::address::ADDRESS_BLOCKS;
use crate::caps::Caps;
use crate::request::{
    BODY_TIMEOUT_MS, FETCHES_AT_ONCE_MAX, HEAD_TIMEOUT_MS, HEADERS_KEPT, JOB_CLASS, METHODS, NEVER_SENT, REDIRECTS_MAX,
};
use crate::{
    APPLICATION_TYPES, BROWSER_HEADERS, IMAGE_TYPES, POINTS_INSIDE, REQUEST_HEADERS, Refusal, SCHEMES, SPECIAL_USE,
    SUFFIX_RULES, SUFFIXES_DATE, Scheme,
};

/// One fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// How it asks.
    Methods(&'static [&'static str]),
    /// Over what it asks, and on which port.
    Schemes(&'static [Scheme]),
    /// Requests at the same time.
    AtOnce(u64),
    /// Redirects followed.
    Redirects(u64),
    /// How much, and how often, until the person says otherwise.
    Caps(&'static Caps),
    /// A page's size, decoded, bytes.
    BodyBytes(u64),
    /// An address's length, bytes.
    UrlBytes(u64),
    /// Until the first byte, milliseconds.
    HeadTimeout(u64),
    /// Until the last byte, milliseconds.
    BodyTimeout(u64),
    /// What of the answer's head a buyer gets, apart from status, address and times.
    HeadersKept(&'static [&'static str]),
    /// What a request carries: what Lull says itself, name and value, and what the browser adds to it.
    Sent(&'static [(&'static str, &'static str)], &'static [&'static str]),
    /// Kinds of bodies, apart from text: under `application/`, under `image/`.
    MediaTypes(&'static [&'static str], &'static [&'static str]),
    /// Which list tells public names: its rules and its date.
    Suffixes(usize, &'static str),
    /// Names that never pass: special-use ones, and those that point inside.
    Names(&'static [&'static str], &'static [&'static str]),
    /// Blocks of addresses that may not answer, of both families.
    Addresses(usize),
    /// What no request carries.
    NeverSent(&'static [&'static str]),
    /// What is refused, each kind with its words.
    Refuses(&'static [Refusal]),
    /// What no rule of this extension can change.
    Limit(Limit),
}

/// What no rule can change, or not wholly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A site sees the person's address, and that it is a visit of a browser like theirs.
    SitesSeeTheAddress,
    /// A buyer who owns the site sees it as well.
    OwnersSeeTheAddress,
    /// Chromium may open a connection to learn whose address answers, and closes it unused.
    ConnectionToLearnTheAddress,
    /// Firefox: a name that moves between look-up and connection can still get one GET without a body.
    OneGetInFirefox,
    /// Behind a proxy Chromium gives the proxy's address as the site's.
    Proxies,
    /// Lists of logins, payments and government are never whole.
    ListsAreNeverWhole,
    /// What is counted is not what the provider's meter counts.
    NotTheProvidersMeter,
}

/// Every fact, in the order in which they are told.
pub const FACTS: [Fact; 24] = [
    Fact::Methods(&METHODS),
    Fact::Schemes(&SCHEMES),
    Fact::AtOnce(FETCHES_AT_ONCE_MAX),
    Fact::Redirects(REDIRECTS_MAX),
    Fact::Caps(&Caps::DEFAULT),
    Fact::BodyBytes(BODY_BYTES_MAX),
    Fact::UrlBytes(URL_BYTES_MAX as u64),
    Fact::HeadTimeout(HEAD_TIMEOUT_MS),
    Fact::BodyTimeout(BODY_TIMEOUT_MS),
    Fact::HeadersKept(&HEADERS_KEPT),
    Fact::Sent(&REQUEST_HEADERS, &BROWSER_HEADERS),
    Fact::MediaTypes(&APPLICATION_TYPES, &IMAGE_TYPES),
    Fact::NeverSent(&NEVER_SENT),
    Fact::Suffixes(SUFFIX_RULES, SUFFIXES_DATE),
    Fact::Names(&SPECIAL_USE, &POINTS_INSIDE),
    Fact::Addresses(ADDRESS_BLOCKS),
    Fact::Refuses(&Refusal::ALL),
    Fact::Limit(Limit::SitesSeeTheAddress),
    Fact::Limit(Limit::OwnersSeeTheAddress),
    Fact::Limit(Limit::ConnectionToLearnTheAddress),
    Fact::Limit(Limit::OneGetInFirefox),
    Fact::Limit(Limit::Proxies),
    Fact::Limit(Limit::ListsAreNeverWhole),
    Fact::Limit(Limit::NotTheProvidersMeter),
];

/// What a person agrees to: names, each with how far it goes. What is either there or not goes as far as 1, what
/// is refused as far as 0. No name occurs twice.
pub fn terms() -> impl Iterator<Item = (&'static str, u64)> {
    let things = [JOB_CLASS].into_iter().chain(METHODS).chain(HEADERS_KEPT);
    let allowed = things.chain(APPLICATION_TYPES).chain(IMAGE_TYPES);
    let schemes = SCHEMES.iter().map(|scheme| (scheme.name, u64::from(scheme.port)));
    let numbers = [("redirects", REDIRECTS_MAX), ("body bytes", BODY_BYTES_MAX), ("at once", FETCHES_AT_ONCE_MAX)];
    let refused = NEVER_SENT.into_iter().chain(Refusal::ALL.iter().map(Refusal::code));
    allowed.map(|name| (name, 1)).chain(schemes).chain(numbers).chain(refused.map(|name| (name, 0)))
}

/// Whether everything that is done today lies within what was agreed to: nothing is allowed that wasn't or
/// goes farther, and nothing is missing that was refused. What became narrower is within it.
pub fn is_within(agreed: &[(String, u64)]) -> bool {
    let reaches = |name: &str, most: u64| agreed.iter().any(|(known, agreed)| known == name && most <= *agreed);
    let is_refused = |name: &str| terms().any(|(known, most)| known == name && most == 0);
    terms().all(|(name, most)| most == 0 || reaches(name, most))
        && agreed.iter().all(|(name, most)| *most > 0 || is_refused(name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_are_one_to_one() {
        let names: BTreeMap<&str, u64> = terms().collect();
        assert_eq!(names.len(), terms().count(), "{names:?}");
    }

    #[test]
    fn what_is_wider_than_agreed_is_seen_and_what_is_narrower_is_not() {
        let today: BTreeMap<&str, u64> = terms().collect();
        let check = |expected: bool, why: &str, change: &dyn Fn(&mut BTreeMap<&str, u64>)| {
            let mut agreed = today.clone();
            change(&mut agreed);
            let agreed: Vec<_> = agreed.into_iter().map(|(name, most)| (name.to_owned(), most)).collect();
            assert_eq!(is_within(&agreed), expected, "{why}");
        };
        check(true, "the same", &|_| {});
        for (name, most) in terms() {
            // What was not in it: allowed today it is wider, refused today it is narrower.
            check(most == 0, name, &|agreed| {
                agreed.remove(name);
            });
            check(true, name, &|agreed| {
                agreed.insert(name, most + 1);
            });
            if most > 0 {
                check(false, name, &|agreed| {
                    agreed.insert(name, most - 1);
                });
            }
        }
        check(true, "a method that went away", &|agreed| {
            agreed.insert("POST", 1);
        });
        check(false, "a refusal that went away", &|agreed| {
            agreed.insert("weather", 0);
        });
    }

    #[test]
    fn schemes_are_what_policy_lets_pass() {
        for Scheme { name, port, only_if_ordered } in SCHEMES {
            let url = format!("{name}://harbour-library.org/");
            assert_eq!(crate::judge_url(&url, false).is_ok(), !only_if_ordered, "{url}");
            assert!(crate::judge_url(&url, true).is_ok(), "{url}");
            let explicit = format!("{name}://harbour-library.org:{port}/");
            assert_eq!(crate::judge_url(&explicit, true), Err(Refusal::Malformed), "the default port is not written");
        }
        for other in ["ftp", "ws", "wss", "file", "data", "blob", "chrome"] {
            assert!(crate::judge_url(&format!("{other}://harbour-library.org/"), true).is_err(), "{other}");
        }
    }
}
