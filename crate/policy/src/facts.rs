//! What Lull can and can't do with a connection, as facts made of policy's own constants: the page that tells
//! a person is made of these, and so is what a person agrees to.
//!
//! To tell one more thing, add a variant to [`Fact`] and a line to [`FACTS`]; nothing compiles until the page has words
//! for it and [`terms`] says what of it is agreed to. What became wider than agreed, or was never named to whoever
//! agreed, asks everybody again; what is refused is among the terms, that its loss be asked about.

use lull_protocol::limits::{BODY_BYTES_MAX, URL_BYTES_MAX};

use crate::address::{BlockV4, BlockV6, GLOBAL_V6, SPECIAL_V4, SPECIAL_V6};
use crate::caps::Caps;
use crate::request::{
    BODY_TIMEOUT_MS, FETCHES_AT_ONCE_MAX, HEAD_TIMEOUT_MS, HEADERS_KEPT, JOB_CLASS, METHODS, NEVER_SENT, REDIRECTS_MAX,
};
use crate::{
    APPLICATION_TYPES, BROWSER_HEADERS, IMAGE_TYPES, POINTS_INSIDE, REQUEST_HEADERS, Refusal, SCHEMES, SPECIAL_USE,
    SUFFIX_RULES, SUFFIXES_DATE, Scheme, TEXT_TYPES_REFUSED, TYPE_ENDS,
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
    /// Kinds of bodies.
    MediaTypes(Kinds),
    /// Which list tells public names: its rules and its date.
    Suffixes(usize, &'static str),
    /// Names that never pass: special-use ones, and those that point inside.
    Names(&'static [&'static str], &'static [&'static str]),
    /// Blocks of addresses that may not answer, of both families, and the only one of IPv6 whose others may.
    Addresses(&'static [BlockV4], &'static [BlockV6], BlockV6),
    /// What no request carries.
    NeverSent(&'static [&'static str]),
    /// What is refused, each kind with its words.
    Refuses(&'static [Refusal]),
    /// What no rule of this extension can change.
    Limit(Limit),
}

/// Which kinds of bodies are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// Under `text/`: all but these.
    pub text_refused: &'static [&'static str],
    /// Under `application/`.
    pub application: &'static [&'static str],
    /// Under `application/`, by their ends.
    pub ends: &'static [&'static str],
    /// Under `image/`.
    pub image: &'static [&'static str],
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
    /// Behind a proxy nothing is fetched: neither browser can say whose address answers.
    Proxies,
    /// Lists of logins, payments and government are never whole.
    ListsAreNeverWhole,
    /// What is counted is not what the provider's meter counts.
    NotTheProvidersMeter,
}

const KINDS: Kinds =
    Kinds { text_refused: &TEXT_TYPES_REFUSED, application: &APPLICATION_TYPES, ends: &TYPE_ENDS, image: &IMAGE_TYPES };

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
    Fact::MediaTypes(KINDS),
    Fact::NeverSent(&NEVER_SENT),
    Fact::Suffixes(SUFFIX_RULES, SUFFIXES_DATE),
    Fact::Names(&SPECIAL_USE, &POINTS_INSIDE),
    Fact::Addresses(&SPECIAL_V4, &SPECIAL_V6, GLOBAL_V6),
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
pub fn terms() -> Vec<(String, u64)> {
    terms_of(&FACTS)
}

/// Whether everything that is done today lies within what was agreed to: nothing is allowed that wasn't named or goes
/// farther, and nothing is missing that was refused. What became narrower is within it.
pub fn is_within(agreed: &[(String, u64)]) -> bool {
    is_covered(&terms(), agreed)
}

fn is_covered(today: &[(String, u64)], agreed: &[(String, u64)]) -> bool {
    let reaches = |name: &String, most: u64| agreed.iter().any(|(known, agreed)| known == name && most <= *agreed);
    let is_refused = |name: &String| today.iter().any(|(known, most)| known == name && *most == 0);
    today.iter().all(|(name, most)| *most == 0 || reaches(name, *most))
        && agreed.iter().all(|(name, most)| *most > 0 || is_refused(name))
}

fn terms_of(facts: &[Fact]) -> Vec<(String, u64)> {
    let mut terms = vec![(JOB_CLASS.to_owned(), 1)];
    for fact in facts {
        add_terms(*fact, &mut terms);
    }
    terms
}

fn add_terms(fact: Fact, terms: &mut Vec<(String, u64)>) {
    let mut add = |name: String, most: u64| terms.push((name, most));
    match fact {
        Fact::Methods(names) | Fact::HeadersKept(names) => names.iter().for_each(|name| add((*name).to_owned(), 1)),
        Fact::Schemes(schemes) => {
            for Scheme { name, port, only_if_ordered } in schemes {
                add(format!("{name} on port {port}"), 1);
                if *only_if_ordered {
                    add(format!("{name} without an order for it"), 0);
                }
            }
        }
        Fact::AtOnce(most) => add("at once".to_owned(), most),
        Fact::Redirects(most) => add("redirects".to_owned(), most),
        Fact::Caps(caps) => {
            add("bytes a second at first".to_owned(), caps.second_bytes);
            add("bytes a day at first".to_owned(), caps.day_bytes);
            add("bytes a month at first".to_owned(), caps.month_bytes);
            add("requests to a site a minute at first".to_owned(), caps.domain_minute);
            add("requests to a site a day at first".to_owned(), caps.domain_day);
        }
        Fact::BodyBytes(most) => add("body bytes".to_owned(), most),
        Fact::UrlBytes(most) => add("address bytes".to_owned(), most),
        Fact::HeadTimeout(most) => add("head milliseconds".to_owned(), most),
        Fact::BodyTimeout(most) => add("body milliseconds".to_owned(), most),
        Fact::Sent(own, browser) => {
            own.iter().for_each(|(name, value)| add(format!("sent {name}: {value}"), 1));
            browser.iter().for_each(|name| add(format!("sent {name} by the browser"), 1));
        }
        Fact::MediaTypes(kinds) => {
            add("text/*".to_owned(), 1);
            kinds.text_refused.iter().for_each(|name| add(format!("text/{name}"), 0));
            kinds.application.iter().for_each(|name| add(format!("application/{name}"), 1));
            kinds.ends.iter().for_each(|end| add(format!("application/*{end}"), 1));
            kinds.image.iter().for_each(|name| add(format!("image/{name}"), 1));
        }
        Fact::Names(special, inside) => special.iter().chain(inside).for_each(|name| add((*name).to_owned(), 0)),
        Fact::Addresses(v4, v6, global) => {
            v4.iter().for_each(|([a, b, c, d], len)| add(format!("{a}.{b}.{c}.{d}/{len}"), 0));
            v6.iter().for_each(|(net, len)| add(format!("{net:x}/{len}"), 0));
            add(format!("outside of {:x}/{}", global.0, global.1), 0);
        }
        Fact::NeverSent(things) => things.iter().for_each(|name| add((*name).to_owned(), 0)),
        Fact::Refuses(reasons) => reasons.iter().for_each(|reason| add(reason.code().to_owned(), 0)),
        // Registries change their list every few days, and it is no wider for that; the world is as it is.
        Fact::Suffixes(..) | Fact::Limit(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use core::mem::discriminant;
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_are_one_to_one() {
        let names: BTreeMap<String, u64> = terms().into_iter().collect();
        assert_eq!(names.len(), terms().len(), "{names:?}");
    }

    #[test]
    fn what_is_wider_than_agreed_is_seen_and_what_is_narrower_is_not() {
        let today: BTreeMap<String, u64> = terms().into_iter().collect();
        let check = |expected: bool, why: &str, change: &dyn Fn(&mut BTreeMap<String, u64>)| {
            let mut agreed = today.clone();
            change(&mut agreed);
            let agreed: Vec<_> = agreed.into_iter().collect();
            assert_eq!(is_within(&agreed), expected, "{why}");
        };
        check(true, "the same", &|_| {});
        for (name, most) in terms() {
            // What was not in it: allowed today it is wider, refused today it is narrower.
            check(most == 0, &name, &|agreed| {
                agreed.remove(&name);
            });
            check(true, &name, &|agreed| {
                agreed.insert(name.clone(), most + 1);
            });
            if most > 0 {
                check(false, &name, &|agreed| {
                    agreed.insert(name.clone(), most - 1);
                });
            }
        }
        check(true, "a method that went away", &|agreed| {
            agreed.insert("POST".to_owned(), 1);
        });
        check(false, "a refusal that went away", &|agreed| {
            agreed.insert("weather".to_owned(), 0);
        });
    }

    /// A build in which one constant is another: what it widens is asked about, what it narrows is not.
    #[test]
    fn each_constant_that_becomes_wider_is_asked_about() {
        const CAPS: Caps = Caps::DEFAULT;
        const PLAIN: [Scheme; 2] = [SCHEMES[0], Scheme { only_if_ordered: false, ..SCHEMES[1] }];
        const OTHER_PORT: [Scheme; 2] = [SCHEMES[0], Scheme { port: 22, ..SCHEMES[1] }];
        const FEWER: &[&str] = &[];
        let wider = [
            Fact::Methods(&["GET", "HEAD", "POST"]),
            Fact::Schemes(&PLAIN),
            Fact::Schemes(&OTHER_PORT),
            Fact::AtOnce(FETCHES_AT_ONCE_MAX + 1),
            Fact::Redirects(REDIRECTS_MAX + 1),
            Fact::Caps(&Caps { second_bytes: CAPS.second_bytes + 1, ..CAPS }),
            Fact::Caps(&Caps { day_bytes: CAPS.day_bytes + 1, ..CAPS }),
            Fact::Caps(&Caps { month_bytes: CAPS.month_bytes + 1, ..CAPS }),
            Fact::Caps(&Caps { domain_minute: CAPS.domain_minute + 1, ..CAPS }),
            Fact::Caps(&Caps { domain_day: CAPS.domain_day + 1, ..CAPS }),
            Fact::BodyBytes(BODY_BYTES_MAX + 1),
            Fact::UrlBytes(URL_BYTES_MAX as u64 + 1),
            Fact::HeadTimeout(HEAD_TIMEOUT_MS + 1),
            Fact::BodyTimeout(BODY_TIMEOUT_MS + 1),
            Fact::HeadersKept(&["set-cookie"]),
            Fact::Sent(&[("Accept", "*/*")], &BROWSER_HEADERS),
            Fact::Sent(&[REQUEST_HEADERS[0], REQUEST_HEADERS[1], ("DNT", "1")], &BROWSER_HEADERS),
            Fact::Sent(&REQUEST_HEADERS, &["Cookie"]),
            Fact::MediaTypes(Kinds { text_refused: FEWER, ..KINDS }),
            Fact::MediaTypes(Kinds { application: &["zip"], ..KINDS }),
            Fact::MediaTypes(Kinds { ends: &["+zip"], ..KINDS }),
            Fact::MediaTypes(Kinds { image: &["x-raw"], ..KINDS }),
            Fact::NeverSent(FEWER),
            Fact::Names(FEWER, &POINTS_INSIDE),
            Fact::Names(&SPECIAL_USE, FEWER),
            Fact::Addresses(&[], &SPECIAL_V6, GLOBAL_V6),
            Fact::Addresses(&SPECIAL_V4, &[], GLOBAL_V6),
            Fact::Addresses(&SPECIAL_V4, &SPECIAL_V6, (GLOBAL_V6.0, GLOBAL_V6.1 - 1)),
            Fact::Refuses(&[Refusal::Malformed]),
        ];
        let narrower = [
            Fact::Methods(&["GET"]),
            Fact::Schemes(&SCHEMES[..1]),
            Fact::Redirects(REDIRECTS_MAX - 1),
            Fact::HeadTimeout(HEAD_TIMEOUT_MS - 1),
            Fact::HeadersKept(FEWER),
            Fact::Sent(&REQUEST_HEADERS[..1], &BROWSER_HEADERS[1..]),
            Fact::MediaTypes(Kinds { application: FEWER, ends: FEWER, image: FEWER, ..KINDS }),
            Fact::Suffixes(SUFFIX_RULES + 1, "2027-01-01"),
        ];
        let agreed = terms();
        let with =
            |other: Fact| FACTS.map(|fact| if discriminant(&fact) == discriminant(&other) { other } else { fact });
        for other in wider {
            assert!(!is_covered(&terms_of(&with(other)), &agreed), "{other:?}");
        }
        for other in narrower {
            let today = terms_of(&with(other));
            // With its scheme the refusal of its misuse goes as well; that asks once too often.
            assert_eq!(is_covered(&today, &agreed), !matches!(other, Fact::Schemes(_)), "{other:?}");
        }
        for fact in FACTS.into_iter().filter(|fact| !terms_of(&[*fact])[1..].is_empty()) {
            assert!(wider.iter().any(|other| discriminant(other) == discriminant(&fact)), "{fact:?} has no case");
        }
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
