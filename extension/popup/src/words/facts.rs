//! What Lull can and can't do with a connection, in words made of policy's own facts.

use lull_policy::{Fact, Kinds, Limit, Refusal, Scheme};

use crate::format::{and, bytes, count, list, or, seconds};
use crate::text;

/// Under which heading a fact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Can,
    Cannot,
    Limit,
}

/// A fact in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) side: Side,
    pub(crate) title: &'static str,
    pub(crate) text: String,
    /// Single things, each in its own words.
    pub(crate) items: Vec<&'static str>,
}

/// Every fact there is needs its words here, or this doesn't compile.
pub(crate) fn told(fact: Fact) -> Told {
    let told = |side, title, text: String| Told { side, title, text, items: Vec::new() };
    let can = |title, text: String| told(Side::Can, title, text);
    let cannot = |title, text: String| told(Side::Cannot, title, text);
    match fact {
        Fact::Methods(methods) => can(text::facts_methods(), text::facts_methods_text(&and(methods))),
        Fact::Schemes(schemes) => can(text::facts_schemes(), ways(schemes)),
        Fact::AtOnce(n) => can(text::facts_at_once(), text::facts_at_once_text(n)),
        Fact::Redirects(n) => can(text::facts_redirects(), text::facts_redirects_text(&count(n))),
        Fact::Caps(caps) => {
            let (day, month, second) = (bytes(caps.day_bytes), bytes(caps.month_bytes), bytes(caps.second_bytes));
            let (minutely, daily) = (count(caps.domain_minute), count(caps.domain_day));
            can(text::facts_caps(), text::facts_caps_text(&day, &month, &second, &minutely, &daily))
        }
        Fact::BodyBytes(bytes) => can(text::facts_body(), text::facts_body_text(&size(bytes))),
        Fact::UrlBytes(bytes) => can(text::facts_url(), text::facts_url_text(&count(bytes))),
        Fact::HeadTimeout(ms) => can(text::facts_head_timeout(), text::facts_head_timeout_text(&seconds(ms / 1_000))),
        Fact::BodyTimeout(ms) => can(text::facts_body_timeout(), text::facts_body_timeout_text(&seconds(ms / 1_000))),
        Fact::HeadersKept(names) => can(text::facts_headers(), text::facts_headers_text(&list(names))),
        Fact::Sent(own, browser) => {
            let own: Vec<String> = own.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            can(text::facts_sent(), text::facts_sent_text(&own.join("; "), &list(browser)))
        }
        Fact::MediaTypes(kinds) => can(text::facts_media(), media(kinds)),
        Fact::Suffixes(rules, date) => {
            cannot(text::facts_suffixes(), text::facts_suffixes_text(date, &count(rules as u64)))
        }
        Fact::Names(special, inside) => {
            cannot(text::facts_names(), text::facts_names_text(&list(&[special, inside].concat())))
        }
        Fact::Addresses(v4, v6, _) => {
            cannot(text::facts_addresses(), text::facts_addresses_text(&count((v4.len() + v6.len()) as u64)))
        }
        Fact::NeverSent(things) => cannot(text::facts_never_sent(), text::facts_never_sent_text(&list(things))),
        Fact::Refuses(reasons) => Told {
            items: reasons.iter().map(refusal).collect(),
            ..cannot(text::facts_refuses(), text::facts_refuses_text(&count(reasons.len() as u64)))
        },
        Fact::Limit(limit) => {
            let (title, text) = limited(limit);
            told(Side::Limit, title, text.to_owned())
        }
    }
}

/// Schemes and their ports: those that are always used, and those that an order must name.
fn ways(schemes: &[Scheme]) -> String {
    let ways = |only_if_ordered: bool| {
        let these = schemes.iter().filter(|scheme| scheme.only_if_ordered == only_if_ordered);
        // A port is a name made of digits.
        list(&these.map(|scheme| text::facts_scheme(scheme.name, &scheme.port.to_string())).collect::<Vec<_>>())
    };
    let others = ways(true);
    if others.is_empty() {
        text::facts_schemes_text(&ways(false))
    } else {
        text::facts_schemes_ordered(&ways(false), &others)
    }
}

fn media(kinds: Kinds) -> String {
    text::facts_media_text(&list(kinds.text_refused), &list(kinds.application), &or(kinds.ends), &list(kinds.image))
}

fn limited(limit: Limit) -> (&'static str, &'static str) {
    match limit {
        Limit::SitesSeeTheAddress => (text::facts_limit_sites(), text::facts_limit_sites_text()),
        Limit::OwnersSeeTheAddress => (text::facts_limit_owners(), text::facts_limit_owners_text()),
        Limit::ConnectionToLearnTheAddress => (text::facts_limit_connection(), text::facts_limit_connection_text()),
        Limit::OneGetInFirefox => (text::facts_limit_firefox(), text::facts_limit_firefox_text()),
        Limit::Proxies => (text::facts_limit_proxies(), text::facts_limit_proxies_text()),
        Limit::ListsAreNeverWhole => (text::facts_limit_lists(), text::facts_limit_lists_text()),
        Limit::NotTheProvidersMeter => (text::facts_limit_meter(), text::facts_limit_meter_text()),
    }
}

/// A refusal in a few words, for a list.
fn refusal(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Malformed => text::facts_refuses_malformed(),
        Refusal::Scheme => text::facts_refuses_scheme(),
        Refusal::Port => text::facts_refuses_port(),
        Refusal::Credentials => text::facts_refuses_credentials(),
        Refusal::IpLiteral => text::facts_refuses_ip_literal(),
        Refusal::SpecialName => text::facts_refuses_special_name(),
        Refusal::Sensitive => text::facts_refuses_sensitive(),
        Refusal::Government => text::facts_refuses_government(),
        Refusal::Adult => text::facts_refuses_adult(),
        Refusal::Scanner => text::facts_refuses_scanner(),
        Refusal::ShowsAddress => text::facts_refuses_shows_address(),
        Refusal::MediaType => text::facts_refuses_media_type(),
        Refusal::PrivateAddress => text::facts_refuses_private_address(),
        Refusal::NoAddress => text::facts_refuses_no_address(),
        Refusal::TooManyHops => text::facts_refuses_too_many_hops(),
        Refusal::BadRedirect => text::facts_refuses_bad_redirect(),
        Refusal::TooLarge => text::facts_refuses_too_large(),
        Refusal::FirstHop => text::facts_refuses_first_hop(),
        Refusal::NeverDomain => text::facts_refuses_never_domain(),
        Refusal::Wildcard => text::facts_refuses_wildcard(),
    }
}

/// In units of 1,024, as limits are set.
fn size(n: u64) -> String {
    match n {
        n if n >= 1 << 20 && n.is_multiple_of(1 << 20) => text::facts_mebibytes(&count(n >> 20)),
        n if n >= 1 << 10 && n.is_multiple_of(1 << 10) => text::facts_kibibytes(&count(n >> 10)),
        n => bytes(n),
    }
}

/// The page as plain text (Markdown), for the stores.
#[cfg(test)]
pub(crate) fn page() -> String {
    use std::fmt::Write;
    let mut text = format!("# {}\n\n{}\n", text::facts_link(), text::facts_lead());
    for (side, heading) in
        [(Side::Can, text::facts_can()), (Side::Cannot, text::facts_cannot()), (Side::Limit, text::facts_limits())]
    {
        write!(text, "\n## {heading}\n\n").unwrap();
        for told in lull_policy::FACTS.into_iter().map(told).filter(|told| told.side == side) {
            writeln!(text, "- **{}.** {}", told.title, told.text).unwrap();
            for item in told.items {
                writeln!(text, "  - {item}").unwrap();
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use lull_policy::Kinds;

    use super::*;

    #[test]
    fn a_changed_constant_changes_the_page() {
        let check = |fact: Fact, other: Fact, says: &str| {
            assert!(format!("{:?}", told(fact)).contains(says), "{:?}", told(fact));
            assert_ne!(told(fact), told(other));
        };
        check(Fact::Methods(&["GET", "HEAD"]), Fact::Methods(&["GET"]), "GET and HEAD");
        check(Fact::Redirects(5), Fact::Redirects(6), "At most 5");
        check(Fact::BodyBytes(8 << 20), Fact::BodyBytes(9 << 20), "8 MiB");
        check(Fact::UrlBytes(2_048), Fact::UrlBytes(2_049), "2,048");
        check(Fact::HeadTimeout(20_000), Fact::HeadTimeout(25_000), "20 sec");
        check(Fact::BodyTimeout(60_000), Fact::BodyTimeout(90_000), "60 sec");
        check(Fact::Sent(&[("Accept", "*/*")], &["Host"]), Fact::Sent(&[("Accept", "*/*")], &["Host", "DNT"]), "Host");
        let kinds =
            Kinds { text_refused: &["event-stream"], application: &["json"], ends: &["+json"], image: &["png"] };
        check(Fact::MediaTypes(kinds), Fact::MediaTypes(Kinds { image: &["png", "gif"], ..kinds }), "no event-stream");
        check(Fact::Suffixes(10, "2026-10-22"), Fact::Suffixes(11, "2026-10-22"), "2026-10-22");
        check(Fact::Names(&["local"], &[]), Fact::Names(&["local"], &["inside"]), "local");
        let (two, one) = ([([10, 0, 0, 0], 8), ([127, 0, 0, 0], 8)], [([10, 0, 0, 0], 8)]);
        let blocks = |v4: &[lull_policy::BlockV4]| Fact::Addresses(v4.to_vec().leak(), &[], (0x2000 << 112, 3));
        check(blocks(&two), blocks(&one), "2 blocks");
        check(Fact::AtOnce(1), Fact::AtOnce(2), "one request");
        check(Fact::HeadersKept(&["etag"]), Fact::HeadersKept(&["etag", "server"]), "etag");
        check(Fact::NeverSent(&["cookie"]), Fact::NeverSent(&[]), "cookie");
        check(Fact::Refuses(&[Refusal::Port]), Fact::Refuses(&Refusal::ALL), "unusual ports");
        let scheme = |port| lull_policy::Scheme { name: "https", port, only_if_ordered: false };
        let (usual, other) = ([scheme(443)], [scheme(8_443)]);
        assert_ne!(told(Fact::Schemes(Box::leak(Box::new(usual)))), told(Fact::Schemes(Box::leak(Box::new(other)))));
    }

    /// `store/can-and-cannot.md` is this page; `LULL_BLESS=1` writes it anew.
    #[test]
    fn the_stores_are_told_the_same() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../store/can-and-cannot.md");
        if std::env::var_os("LULL_BLESS").is_some() {
            std::fs::write(file, page()).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(file).unwrap_or_default(),
            page(),
            "run it with LULL_BLESS=1 and read the diff"
        );
    }
}
