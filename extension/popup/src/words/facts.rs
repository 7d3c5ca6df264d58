//! What Lull can and can't do with a connection, in words made of policy's own facts.

use lull_policy::{Fact, Limit, Refusal};

pub(crate) use super::FACTS;
#[cfg(test)]
pub(crate) use super::FACTS_LINK;

pub(crate) const FACTS_LEAD: &str =
    "Made from the very rules that this extension enforces: if a rule changes, so does this page.";
pub(crate) const CAN: &str = "It can";
pub(crate) const CANNOT: &str = "It can't, and no buyer and no coordinator can change that";
pub(crate) const LIMITS: &str = "What no rule can change";
pub(crate) const TRY: &str = "See for yourself";

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
    let cannot = |title, text: String| Told { side: Side::Cannot, title, text, items: Vec::new() };
    let can = |title, text: String| Told { side: Side::Can, title, text, items: Vec::new() };
    match fact {
        Fact::Methods(methods) => can(
            "Ask for public pages",
            format!("By {} only: it reads, it never posts, buys or signs up.", and(methods)),
        ),
        Fact::Schemes(schemes) => {
            let ports: Vec<String> = schemes
                .iter()
                .filter(|s| !s.only_if_ordered)
                .map(|s| format!("{} (port {})", s.name, s.port))
                .collect();
            let others: Vec<String> =
                schemes.iter().filter(|s| s.only_if_ordered).map(|s| format!("{} (port {})", s.name, s.port)).collect();
            let otherwise = match others.is_empty() {
                true => String::new(),
                false => format!(" {} only where the order says so.", others.join(", ")),
            };
            can("Over the web's own ways", format!("{}.{otherwise} Nothing else.", ports.join(", ")))
        }
        Fact::AtOnce(n) => can("One after the other", format!("At most {} at the same time.", counted(n, "request"))),
        Fact::Redirects(n) => can(
            "Follow redirects",
            format!("At most {n}. Each new address is judged by all rules before anything is sent there."),
        ),
        Fact::Caps(caps) => can(
            "Use a share that you set",
            format!(
                "At first {} a day, {} a month and, on average, {} a second; to one site {} requests a minute and {} a day. Then \
                 it waits.",
                decimal(caps.day_bytes),
                decimal(caps.month_bytes),
                decimal(caps.second_bytes),
                grouped(caps.domain_minute),
                grouped(caps.domain_day)
            ),
        ),
        Fact::BodyBytes(bytes) => {
            can("Read a page", format!("Up to {} unpacked, or less if the order says so; then it stops.", size(bytes)))
        }
        Fact::UrlBytes(bytes) => can("Take an address", format!("Of at most {} characters.", grouped(bytes))),
        Fact::HeadTimeout(ms) => {
            can("Wait for an answer", format!("{} s for the first word, then it gives up.", ms / 1_000))
        }
        Fact::BodyTimeout(ms) => can("Wait for the whole page", format!("{} s, then it gives up.", ms / 1_000)),
        Fact::HeadersKept(names) => can(
            "Hand the buyer what it got",
            format!(
                "The page, its address, status and times, which server answered, and of the answer's head only: {}. Signed by \
                 your key, with a receipt for you.",
                names.join(", ")
            ),
        ),
        Fact::Sent(own, browser) => can(
            "Say what it wants",
            format!(
                "{}; your browser adds what it tells every site: {}.",
                own.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("; "),
                browser.join(", ")
            ),
        ),
        Fact::MediaTypes(kinds) => can(
            "Take pages and pictures",
            format!(
                "Text (but no {}), {}, what ends in {}, and pictures ({}). No programs, archives, sound or film.",
                kinds.text_refused.join(", "),
                kinds.application.join(", "),
                kinds.ends.join(" or "),
                kinds.image.join(", ")
            ),
        ),
        Fact::Suffixes(rules, date) => cannot(
            "Ask what isn't a public site",
            format!(
                "A name must be somebody's own by the Public Suffix List of {date} ({} rules).",
                grouped(rules as u64)
            ),
        ),
        Fact::Names(special, inside) => cannot(
            "Look into your home",
            format!("These names never pass, nor what ends in them: {}.", [special, inside].concat().join(", ")),
        ),
        Fact::Addresses(v4, v6, _) => cannot(
            "Read an answer from inside",
            format!(
                "{} blocks of IPv4 and IPv6 addresses aren't the public internet: your router, printer, work's network. \
                 An answer from there is dropped before a byte of it is read.",
                v4.len() + v6.len()
            ),
        ),
        Fact::NeverSent(things) => Told {
            side: Side::Cannot,
            title: "Speak in your name",
            text: format!("No request carries a session of yours. Never sent: {}.", things.join(", ")),
            items: Vec::new(),
        },
        Fact::Refuses(reasons) => Told {
            side: Side::Cannot,
            title: "Go where it shouldn't",
            text: format!("{} reasons to refuse, checked on every request and every redirect:", reasons.len()),
            items: reasons.iter().map(refusal).collect(),
        },
        Fact::Limit(limit) => {
            let (title, text) = limited(limit);
            Told { side: Side::Limit, title, text: text.to_owned(), items: Vec::new() }
        }
    }
}

fn limited(limit: Limit) -> (&'static str, &'static str) {
    match limit {
        Limit::SitesSeeTheAddress => (
            "Sites see your internet address",
            "A fetched page is a visit from your connection, and your browser's usual greeting (its name, languages) goes along.",
        ),
        Limit::OwnersSeeTheAddress => (
            "A buyer may own the site",
            "Then they read your address in their site's log, and can tell that it is one that Lull uses. Or they order a page \
             that repeats its visitor's address: Lull refuses those that are known for it, but no list has them all.",
        ),
        Limit::ConnectionToLearnTheAddress => (
            "Chrome may knock to learn who lives there",
            "Where a name leads to a private address, Chrome can open a connection to find that out. Lull sends nothing over it \
             and closes it.",
        ),
        Limit::OneGetInFirefox => (
            "In Firefox a name may move in between",
            "Lull looks the address up first. If it changes right before the connection, one request without a body can still \
             be sent; its answer is never read.",
        ),
        Limit::Proxies => (
            "Behind a proxy nothing is fetched",
            "Who answers there can't be told. Chrome sends none of Lull's requests through a proxy; Firefox sends it, says that \
             there was one, and Lull reads no byte of the page. Judgments go on.",
        ),
        Limit::ListsAreNeverWhole => (
            "Lists are never whole",
            "Logins, payments and government sites are recognised by names and paths. One with an unusual name can slip through; \
             it still gets no log-in of yours.",
        ),
        Limit::NotTheProvidersMeter => (
            "Your provider counts more",
            "Lull counts pages and heads. Encryption, retries and name look-ups come on top, so your provider's meter shows more.",
        ),
    }
}

/// A refusal in a few words, for a list.
fn refusal(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Malformed => "what isn't a plain web address",
        Refusal::Scheme => "anything but the web",
        Refusal::Port => "unusual ports",
        Refusal::Credentials => "addresses with a user name or password",
        Refusal::IpLiteral => "numbers instead of names",
        Refusal::SpecialName => "names that aren't public, like printer.local",
        Refusal::Sensitive => "logins, payments, sign-ups",
        Refusal::Government => "governments' sites",
        Refusal::Adult => "sites for adults",
        Refusal::Scanner => "what only an intruder looks for",
        Refusal::ShowsAddress => "pages that are made to repeat your internet address",
        Refusal::MediaType => "bodies that are no page, document or picture",
        Refusal::PrivateAddress => "answers from a private network",
        Refusal::NoAddress => "answers that nobody vouches for",
        Refusal::TooManyHops => "too many redirects",
        Refusal::BadRedirect => "redirects to nowhere",
        Refusal::TooLarge => "pages larger than ordered",
        Refusal::FirstHop => "another page than the one ordered",
        Refusal::NeverDomain => "whatever you said never to",
        Refusal::Wildcard => "addresses with a *, which Lull couldn't watch alone",
    }
}

fn and(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}

fn counted(n: u64, noun: &str) -> String {
    if n == 1 { format!("one {noun}") } else { format!("{n} {noun}s") }
}

/// Digits in threes.
fn grouped(n: u64) -> String {
    if n < 1_000 { n.to_string() } else { format!("{},{:03}", grouped(n / 1_000), n % 1_000) }
}

/// In units of 1,024, as limits are set.
fn size(bytes: u64) -> String {
    match bytes {
        b if b >= 1 << 20 && b % (1 << 20) == 0 => format!("{} MiB", b >> 20),
        b if b >= 1 << 10 && b % (1 << 10) == 0 => format!("{} KiB", b >> 10),
        b => format!("{b} bytes"),
    }
}

/// In units of 1,000, as providers count.
fn decimal(bytes: u64) -> String {
    match bytes {
        b if b >= 1_000_000_000 && b % 1_000_000_000 == 0 => format!("{} GB", b / 1_000_000_000),
        b if b >= 1_000_000 && b % 1_000_000 == 0 => format!("{} MB", b / 1_000_000),
        b => format!("{b} bytes"),
    }
}

/// The page as plain text (Markdown), for the stores.
#[cfg(test)]
pub(crate) fn page() -> String {
    use std::fmt::Write;
    let mut text = format!("# {FACTS_LINK}\n\n{FACTS_LEAD}\n");
    for (side, heading) in [(Side::Can, CAN), (Side::Cannot, CANNOT), (Side::Limit, LIMITS)] {
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
        check(Fact::HeadTimeout(20_000), Fact::HeadTimeout(25_000), "20 s");
        check(Fact::BodyTimeout(60_000), Fact::BodyTimeout(90_000), "60 s");
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
