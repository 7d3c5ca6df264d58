//! Where a fetch may go and where a coordinator may be: URLs, addresses and origins, against the `url` crate
//! and Rust's own address classes.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lull_policy::{Refusal, judge_address, judge_hops, judge_url};
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
    assert!(host.contains('.') && !host.ends_with('.'));
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
