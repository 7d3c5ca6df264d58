//! Where a fetch may go and where a coordinator may be: URLs, names, addresses and origins, against the `url` and
//! `psl` crates, Rust's own address classes and IANA's registries as `ipnet` reads them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lull_policy::{
    Destination, Refusal, judge_address, judge_hops, judge_media_type, judge_url, public_suffix, registrable_domain,
};
use lull_protocol::limits::{HOPS_MAX, ORIGIN_BYTES_MAX, URL_BYTES_MAX};
use lull_protocol::trust::{TrustRoot, origin_of};
use url::{Host, Url};

use crate::feed::Feed;
use crate::oracle;

/// What passes has one reading, that of the standard; what the standard writes of an ordinary address is
/// never called malformed.
pub(crate) fn urls(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some((first, text)) = text.split_at_checked(1) else { return };
    let http_allowed = first > "@";
    let judged = judge_url(text, http_allowed);
    if let Ok(destination) = &judged {
        assert!(http_allowed || text.starts_with("https:"));
        passes(text, destination.host);
    }
    let parsed = Url::parse(text);
    if let Ok(Some(Host::Ipv4(_) | Host::Ipv6(_))) = parsed.as_ref().map(Url::host) {
        assert!(judged.is_err(), "an address passes for a name");
    }
    if let Ok(mut parsed) = parsed {
        parsed.set_fragment(None);
        serialised(&parsed);
    }
    assert_eq!(judge_hops(text, http_allowed, [(text, "1.1.1.1")].into_iter()), judged.map(|_| ()));
}

/// To the independent parser it is the same string, a name on its scheme's own port, and nothing else. A label
/// of Punycode may encode nothing: then it is no URL.
fn passes(text: &str, host: &str) {
    assert!(text.len() <= URL_BYTES_MAX);
    let parsed = match Url::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => return assert!(text.contains("xn--"), "{error}"),
    };
    assert_eq!(parsed.as_str(), text);
    assert!(matches!(parsed.host(), Some(Host::Domain(_))));
    assert_eq!((parsed.port(), parsed.username(), parsed.password()), (None, "", None));
    assert_eq!((parsed.fragment(), parsed.host_str()), (None, Some(host)));
    oracle::has_suffix(host, lull_policy::public_suffix(host));
}

/// Labels that mean something somewhere, and some that don't.
const LABELS: [&str; 40] = [
    "a",
    "www",
    "harbour-library",
    "com",
    "org",
    "net",
    "uk",
    "co",
    "gov",
    "jp",
    "kawasaki",
    "city",
    "ck",
    "github",
    "io",
    "blogspot",
    "amazonaws",
    "s3",
    "eu-central-1",
    "compute",
    "no",
    "oslo",
    "us",
    "state",
    "ca",
    "k12",
    "arpa",
    "in-addr",
    "onion",
    "local",
    "internal",
    "example",
    "xn--p1ai",
    "xn--fiqs8s",
    "porn",
    "login",
    "go",
    "run",
    "app",
    "futurecms",
];
/// Segments and parts of them; encodings among them.
const PARTS: [&str; 32] = [
    "a", "login", "wiki", "blob", "tree", ".env", ".git", "..", "%2e", "%2E%2e", "%252e", "%2f", "%5c", "%c0%af",
    "%00", "%0d%0a", "wp-login", ".php", "etc", "passwd", "admin", "en", "-", "_", ".", ";", "cart", "Special:",
    "porn", "cgi-bin", "%", "actuator",
];

/// Hosts and segments that let a page about a log-in pass, or end that.
const HOSTS: [&str; 10] = [
    "harbour-library.org",
    "github.com",
    "docs.rs",
    "crates.io",
    "docs.harbour-library.org",
    "auth0.com",
    "a.auth0.com",
    "en.wikipedia.org",
    "gov.bc.ca",
    "ifconfig.me",
];
const ABOUT: [&str; 24] = [
    "blog",
    "docs",
    "wiki",
    "crates",
    "tag",
    "tagged",
    "package",
    "dictionary",
    "blob",
    "users",
    "account",
    "en",
    "login",
    "oauth2",
    "checkout",
    "latest",
    "myip",
    "cdn-cgi",
    "trace",
    "cgi-bin",
    "koha",
    "porn",
    "a",
    "search",
];
/// What passes nowhere: as a last segment, as a value.
const NOWHERE: [&str; 6] =
    ["..%2f..%2fx", "%252e%252e%252f%252e%252e%252fx", "a%0d%0aX:b", "a%00", "..%5c..%5cx", "%2E%2e%2f..%2f"];
/// What passes as a file of a public repository alone.
const FILES: [&str; 6] = [".env", ".git/config", "phpinfo.php", "wp-login.php", "%2eenv", ".ENV.bak"];
const KEYS: [&str; 6] = ["q", "p", "s", "file", "next", "response_type"];

/// A name passes only if another reader of the Public Suffix List finds a suffix that is listed and a label in front,
/// and finds the same domain. What is refused stays refused in every spelling that a server reads as the same.
pub(crate) fn destinations(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let count = 1 + feed.below(5);
    let labels: Vec<String> =
        (0..count).map(|_| if feed.one_in(6) { feed.text(12) } else { (*feed.pick(&LABELS)).to_owned() }).collect();
    let host = labels.join(".");
    name(&host);
    let mut path = String::new();
    for _ in 0..feed.below(8) {
        if feed.one_in(2) {
            path.push('/');
        }
        let part: &str = feed.pick::<&str>(&PARTS);
        path.push_str(part);
    }
    let query = if feed.one_in(3) { format!("?{}={}", feed.pick(&PARTS), path) } else { String::new() };
    let url = format!("https://{host}/{path}{query}");
    let judged = judge_url(&url, false);
    if let Ok(destination) = &judged {
        assert_eq!(destination.domain, registrable_domain(destination.host), "{url}");
        passes(&url, destination.host);
        oracle::is_registrable(destination.host, destination.domain);
    }
    if is_place(&judged) {
        respelt(&mut feed, &url, &judged);
    }
    let content_type = feed.text(40);
    if judge_media_type(Some(&content_type)).is_ok() {
        let lower = content_type.to_ascii_lowercase();
        assert!(["text/", "image/", "application/"].iter().any(|kind| lower.contains(kind)), "{content_type}");
        assert!(["zip", "octet-stream", "msdownload"].iter().all(|kind| !lower.ends_with(kind)), "{content_type}");
    }
    about(&mut feed);
}

/// No place in front of it lets through what passes nowhere.
fn about(feed: &mut Feed<'_>) {
    let host: &str = feed.pick::<&str>(&HOSTS);
    let path: String = (0..feed.below(6)).map(|_| format!("/{}", feed.pick(&ABOUT))).collect();
    let plain = format!("https://{host}{path}/");
    let query = if feed.one_in(2) { format!("?{}=/", feed.pick(&KEYS)) } else { String::new() };
    let judged = judge_url(&plain, false);
    if is_place(&judged) {
        respelt(feed, &plain, &judged);
        // A query lets nothing pass that doesn't pass without one.
        assert!(judge_url(&format!("{plain}{query}"), false).is_err(), "{plain}{query}");
    }
    let bad: &str = feed.pick::<&str>(&NOWHERE);
    for url in [format!("{plain}{bad}"), format!("{plain}{bad}/a"), format!("{plain}?{}={bad}", feed.pick(&KEYS))] {
        assert!(judge_url(&url, false).is_err(), "{url} passes");
    }
    let file: &str = feed.pick::<&str>(&FILES);
    let url = format!("{plain}{file}");
    assert!(host == "github.com" || judge_url(&url, false).is_err(), "{url} passes");
}

fn is_place(judged: &Result<Destination<'_>, Refusal>) -> bool {
    matches!(
        judged,
        Err(Refusal::Sensitive | Refusal::Scanner | Refusal::Adult | Refusal::Government | Refusal::ShowsAddress)
    )
}

fn name(host: &str) {
    let suffix = public_suffix(host);
    assert!(suffix.is_none_or(|suffix| host.ends_with(suffix)), "{host}: {suffix:?}");
    let domain = registrable_domain(host);
    assert!(host.ends_with(domain), "{host}: {domain}");
    let is_name = host.split('.').all(|label| !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase()));
    if is_name {
        oracle::has_suffix(host, suffix);
    }
}

/// The same with one letter of the path encoded, or in upper case, or with a slash more: what is no place to go stays
/// one, whatever it is then called.
fn respelt(feed: &mut Feed<'_>, url: &str, judged: &Result<Destination<'_>, Refusal>) {
    let start = "https://".len() + url.trim_start_matches("https://").find('/').unwrap_or_default();
    let (host, path) = url.split_at(start);
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let letters: Vec<usize> = path.match_indices(|c: char| c.is_ascii_alphabetic()).map(|(at, _)| at).collect();
    if path.contains('%') || letters.is_empty() {
        return;
    }
    let at = *feed.pick(&letters);
    let (before, rest) = path.split_at(at);
    let (letter, after) = rest.split_at(1);
    let spelt = match feed.below(3) {
        0 => format!("%{:02x}", letter.as_bytes().first().copied().unwrap_or_default()),
        1 => letter.to_ascii_uppercase(),
        _ => letter.to_owned(),
    };
    let more = if feed.one_in(2) { "/" } else { "" };
    // The words before a subject are read as they stand: `/%77iki/login` is no article.
    let other = format!("{host}{more}{before}{spelt}{after}{query}");
    assert!(judge_url(&other, false).is_err(), "{url} is {judged:?}, but {other} passes");
}

fn serialised(url: &Url) {
    let text = url.as_str();
    let is_plain = url.scheme() == "https" && url.port().is_none() && url.username().is_empty();
    let Some(Host::Domain(host)) = url.host() else { return };
    let is_label = |label: &str| {
        (1..64).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_name = host.len() <= 253 && host.split('.').all(is_label);
    // This version of the `url` crate leaves a `^` that the standard has encoded since 2024.
    let is_current = !url.path().contains('^');
    if is_plain && url.password().is_none() && is_name && is_current && text.len() <= URL_BYTES_MAX {
        let judged = judge_url(text, false);
        assert_ne!(judged, Err(Refusal::Malformed), "{text}");
        assert!(!matches!(judged, Err(Refusal::Wildcard)) || text.contains('*'), "{text}");
    }
}

/// Only the public internet's addresses pass, and all of them do; a fetch is judged by each of its hops.
pub(crate) fn addresses(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let text = match feed.below(6) {
        0 => Ipv4Addr::from(feed.array::<4>()).to_string(),
        1 => Ipv6Addr::from(feed.array::<16>()).to_string(),
        2 => format!("[{}]", Ipv6Addr::from(feed.array::<16>())),
        3 => format!("{}%{}", Ipv6Addr::from(feed.array::<16>()), feed.text(4)),
        4 => Ipv4Addr::from(feed.array::<4>()).to_ipv6_mapped().to_string(),
        _ => feed.text(70),
    };
    let judged = judge_address(Some(&text));
    match read(&text) {
        Some(address) if oracle::is_public(address) => assert_eq!(judged, Ok(()), "{text}"),
        Some(_) => assert_eq!(judged, Err(Refusal::PrivateAddress), "{text}"),
        // A zone is told apart from an address only by what stands before it.
        None => assert!(judged.is_err(), "{text}"),
    }
    hops(&mut feed, &text);
}

/// An address as Rust reads it, brackets taken off.
fn read(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

fn hops(feed: &mut Feed<'_>, address: &str) {
    const URLS: [&str; 4] =
        ["https://www.rust-lang.org/", "https://a.gutenberg.org/b", "http://www.rust-lang.org/", "https://localhost/"];
    let count = feed.below(HOPS_MAX + 2);
    let hops: Vec<(&str, &str)> =
        (0..count).map(|_| (*feed.pick(&URLS), if feed.one_in(4) { address } else { "1.1.1.1" })).collect();
    let (item, http_allowed) = (*feed.pick(&URLS), feed.one_in(2));
    let judged = judge_hops(item, http_allowed, hops.iter().copied());
    let each_passes =
        hops.iter().all(|(url, address)| judge_url(url, http_allowed).is_ok() && judge_address(Some(address)).is_ok());
    let is_fit = (1..=HOPS_MAX).contains(&count) && hops.first().is_some_and(|(url, _)| *url == item);
    assert_eq!(judged.is_ok(), each_passes && is_fit, "{judged:?}");
}

/// A coordinator's origin is what a browser would dial: safe, without a path, the same to every reader.
pub(crate) fn origins(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some(origin) = origin_of(&text) else {
        return assert!(TrustRoot::new(&text, &"0".repeat(64)).is_err());
    };
    assert!(origin.len() <= ORIGIN_BYTES_MAX && origin.is_ascii() && text.starts_with(origin));
    assert_eq!(origin_of(origin), Some(origin));
    let trust = TrustRoot::new(&text, &"0".repeat(64)).expect("it has an origin");
    assert_eq!((trust.origin(), trust.url()), (origin, &*text));
    let parsed = match Url::parse(&text) {
        Ok(parsed) => parsed,
        Err(error) => return assert!(text.contains("xn--"), "{error}"),
    };
    assert!(parsed.username().is_empty() && parsed.password().is_none());
    assert_eq!(parsed.fragment(), None);
    let host = parsed.host_str().unwrap_or_default();
    let is_local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    assert!(parsed.scheme() == "wss" || (parsed.scheme() == "ws" && is_local), "{text}");
    let port = parsed.port_or_known_default().expect("ws and wss have one");
    let named = [format!("{}://{host}", parsed.scheme()), format!("{}://{host}:{port}", parsed.scheme())];
    assert!(named.iter().any(|named| named == origin), "{origin} is dialled as {named:?}");
}
