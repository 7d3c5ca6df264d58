//! The web as a browser sees it: what a site answers follows from its address and the run's seed.

use fastrand::Rng;
use lull_protocol::{PublicKey, TaskKind, TaskSet};
use lull_worker::{FetchFailure, HopHead};

use crate::mix::{chance, pick, stream};
use crate::plan::Ms;

/// Sites and pages there are.
const SITES: u64 = 40;
const PAGES: u64 = 400;
/// Pages beyond them, to which only private addresses redirect: nobody may ever follow.
const LURES: u64 = 50;

/// What comes back for one request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Head {
        after_ms: Ms,
        head: HopHead,
        body: Body,
    },
    Fails {
        after_ms: Ms,
        failure: FetchFailure,
    },
    /// Nothing, ever.
    Silence,
}

/// A body that will be read, or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body {
    pub(crate) seed: u64,
    pub(crate) bytes: usize,
    pub(crate) after_ms: Ms,
    /// The connection breaks after so many bytes.
    pub(crate) breaks_at: Option<usize>,
    /// It is as large as its reader allows, and this much more.
    pub(crate) beyond: Option<u64>,
}

impl Body {
    /// How many bytes it has for a reader with this ceiling.
    pub(crate) fn size(&self, bytes_max: u64) -> usize {
        let at_edge = self.beyond.and_then(|more| usize::try_from(bytes_max + more).ok());
        at_edge.unwrap_or(self.bytes)
    }

    /// Its bytes.
    pub(crate) fn read(&self, bytes_max: u64) -> Vec<u8> {
        let mut bytes = vec![0; self.size(bytes_max)];
        Rng::with_seed(self.seed).fill(&mut bytes);
        bytes
    }
}

/// An address of a page that may be fetched.
pub(crate) fn page(rng: &mut Rng, scheme: &str) -> String {
    format!("{scheme}://www.site{}.com/page/{}", rng.u64(..SITES), rng.u64(..PAGES))
}

/// Addresses that no browser of ours may ever ask for.
const FORBIDDEN: [&str; 12] = [
    "https://10.1.2.3/page/1",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://router.local/page/2",
    "https://intranet.corp/",
    "https://localhost/",
    "https://www.site1.com:8443/page/3",
    "https://user:word@www.site1.com/page/3",
    "https://login.site2.com/",
    "https://www.site3.com/checkout",
    "https://www.irs.gov/page/4",
    "ftp://www.site4.com/page/5",
];

/// The web's own word on whether an address may be asked for: it knows its catalogue, and no rules.
pub(crate) fn may_be_asked(url: &str, http: bool) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://").filter(|_| http));
    let site = rest.and_then(|rest| rest.strip_prefix("www.site"));
    let Some((site, page)) = site.and_then(|rest| rest.split_once(".com/page/")) else { return false };
    site.parse::<u64>().is_ok_and(|n| n < SITES) && page.parse::<u64>().is_ok_and(|n| n < PAGES)
}

/// Whether only a redirect by a private address leads there.
pub(crate) fn is_lure(url: &str) -> bool {
    let page = url.strip_prefix("https://www.site").and_then(|rest| rest.split_once(".com/page/"));
    page.and_then(|(_, page)| page.parse().ok()).is_some_and(|page: u64| page >= PAGES)
}

/// The web's own word on whether an address that answered is a public one.
pub(crate) fn is_public(address: Option<&str>) -> bool {
    address.is_some_and(|address| PUBLIC.contains(&address))
}

/// A public address, or one that is not.
pub(crate) fn address(rng: &mut Rng, is_public: bool) -> &'static str {
    pick(rng, if is_public { &PUBLIC } else { &PRIVATE }).copied().unwrap_or_default()
}

/// The types of judgments that a worker's browser has views for: half of them all, the others some.
pub(crate) fn shows(worker: &PublicKey) -> TaskSet {
    let byte = worker.fingerprint().0.get(1).copied().unwrap_or_default();
    let some = TaskKind::ALL.into_iter().zip(1..).filter(|(_, bit)| byte >> bit & 1 == 1).map(|(kind, _)| kind);
    if byte.is_multiple_of(2) { TaskSet::ALL } else { TaskSet::of(&some.collect::<Vec<_>>()) }
}

/// Whether a worker's browser needs every name looked up first, as Firefox does: half of them.
pub(crate) fn looks_up(worker: &PublicKey) -> bool {
    worker.fingerprint().0.first().is_some_and(|byte| byte.is_multiple_of(2))
}

/// What a browser's resolver says of a name.
#[derive(Clone, Debug)]
pub(crate) enum Names {
    Are { after_ms: Ms, addresses: Vec<String> },
    Fails { after_ms: Ms },
    Silence,
}

/// The addresses of a URL's name; what then answers may be another one.
pub(crate) fn names(seed: u64, url: &str) -> Names {
    let host = url.split('/').nth(2).unwrap_or_default();
    let mut rng = stream(seed, host, 2);
    let after_ms = rng.u64(1..200);
    let mut addresses = vec![address(&mut rng, true).to_owned(); rng.usize(1..3)];
    match rng.u32(..100) {
        0..=3 => addresses.push(address(&mut rng, false).to_owned()),
        4..=6 => addresses = vec![address(&mut rng, false).to_owned()],
        7..=8 => addresses.clear(),
        9..=10 => return Names::Fails { after_ms },
        11 => return Names::Silence,
        _ => {}
    }
    Names::Are { after_ms, addresses }
}

/// The web's own word on whether a name leads to public addresses only.
pub(crate) fn is_name_public(seed: u64, url: &str) -> bool {
    match names(seed, url) {
        Names::Are { addresses, .. } => !addresses.is_empty() && addresses.iter().all(|a| is_public(Some(a))),
        Names::Fails { .. } | Names::Silence => false,
    }
}

/// An address of which any policy must be wary.
pub(crate) fn forbidden(rng: &mut Rng) -> &'static str {
    FORBIDDEN.get(rng.usize(..FORBIDDEN.len())).copied().unwrap_or(FORBIDDEN[0])
}

/// Some of them right beside a private range, or carrying a public IPv4 address.
const PUBLIC: [&str; 18] = [
    "93.184.215.14",
    "151.101.1.69",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    "[2a00:1450:4001:830::200e]",
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.169.0.0",
    "::ffff:93.184.215.14",
    "64:ff9b::5db8:d70e",
    "2002:5db8:d70e::1",
];
/// First and last ones of their ranges among them; those that carry one; and what is no address at all.
const PRIVATE: [&str; 36] = [
    "10.0.0.7",
    "10.255.255.255",
    "127.0.0.1",
    "192.168.1.1",
    "192.168.255.255",
    "169.254.169.254",
    "172.16.0.0",
    "172.31.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "0.0.0.0",
    "198.18.0.1",
    "198.19.255.255",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "[::1]",
    "fd00::7",
    "fc00::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c%2",
    "ff02::1",
    "2001:db8::1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:c0a8:101::1",
    "",
    "93.184.215",
    "93.184.215.14.",
    "www.site1.com",
];

/// Kinds of bodies that are read, and that are not.
const KINDS: [&str; 3] = ["text/html", "application/json", "image/png"];
const UNREAD: [&str; 4] = ["application/zip", "video/mp4", "application/octet-stream", "text/event-stream"];

/// The web's own word on whether a body is of a kind that may be read.
pub(crate) fn is_readable(head: &HopHead) -> bool {
    head.headers.iter().any(|(_, value)| KINDS.contains(&value.as_str()))
}

/// The length that a head says.
pub(crate) fn said_bytes(head: &HopHead) -> Option<u64> {
    let said = head.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    said.and_then(|(_, value)| value.parse().ok())
}

/// What a page answers.
pub(crate) fn answer(seed: u64, url: &str) -> Answer {
    let mut rng = stream(seed, url, 1);
    let after_ms = rng.u64(5..800);
    let head = |rng: &mut Rng, status: u16, location: Option<String>| {
        let mut headers = vec![
            ("Content-Type".to_owned(), KINDS.get(rng.usize(..3)).copied().unwrap_or_default().to_owned()),
            ("Set-Cookie".to_owned(), "session=secret".to_owned()),
        ];
        headers.extend(location.iter().map(|to| ("Location".to_owned(), to.clone())));
        let address = Some(address(rng, true).to_owned());
        HopHead { status, headers, location, address }
    };
    let body = body(&mut rng);
    match rng.u32(..100) {
        0..=61 => Answer::Head { after_ms, head: head(&mut rng, 200, None), body },
        62..=63 => {
            let mut head = head(&mut rng, 200, None);
            head.headers.retain(|(name, _)| name != "Content-Type");
            let kind = UNREAD.get(rng.usize(..UNREAD.len() + 1));
            head.headers.extend(kind.map(|kind| ("content-type".to_owned(), (*kind).to_owned())));
            Answer::Head { after_ms, head, body }
        }
        64 => {
            let mut head = head(&mut rng, 200, None);
            head.headers.push(("Content-Length".to_owned(), (body.bytes + rng.usize(0..2)).to_string()));
            Answer::Head { after_ms, head, body }
        }
        65..=72 => {
            let scheme = if rng.u32(..10) == 0 { "http" } else { "https" };
            let to = page(&mut rng, scheme);
            let status = [301, 302, 303, 307, 308].get(rng.usize(..5)).copied().unwrap_or(301);
            Answer::Head { after_ms, head: head(&mut rng, status, Some(to)), body }
        }
        73..=74 => Answer::Head { after_ms, head: head(&mut rng, 302, Some(url.to_owned())), body },
        75..=78 => {
            let to = forbidden(&mut rng).to_owned();
            Answer::Head { after_ms, head: head(&mut rng, 302, Some(to)), body }
        }
        79 => Answer::Head { after_ms, head: head(&mut rng, 301, None), body },
        80..=84 => Answer::Head { after_ms, head: head(&mut rng, 404, None), body },
        85..=87 => {
            let status = [403, 429, 451, 500, 503, 206, 304, 408].get(rng.usize(..8)).copied().unwrap_or(500);
            Answer::Head { after_ms, head: head(&mut rng, status, None), body }
        }
        88 => {
            let mut head = head(&mut rng, 403, None);
            head.headers.push(("cf-mitigated".to_owned(), "challenge".to_owned()));
            Answer::Head { after_ms, head, body }
        }
        89..=91 => {
            let redirects = rng.bool();
            let lure = format!("https://www.site{}.com/page/{}", rng.u64(..SITES), PAGES + rng.u64(..LURES));
            let status = if redirects { 302 } else { 200 };
            let mut head = head(&mut rng, status, redirects.then_some(lure));
            head.address = PRIVATE.get(rng.usize(..PRIVATE.len() + 1)).map(|address| (*address).to_owned());
            Answer::Head { after_ms, head, body }
        }
        92..=93 => {
            let mut head = head(&mut rng, 200, None);
            head.headers.push(("content-length".to_owned(), "99999999".to_owned()));
            Answer::Head { after_ms, head, body }
        }
        94..=96 => Answer::Fails { after_ms, failure: FetchFailure::Network },
        97 => Answer::Fails { after_ms: after_ms * 30, failure: FetchFailure::Timeout },
        _ => Answer::Silence,
    }
}

fn body(rng: &mut Rng) -> Body {
    let bytes = match rng.u32(..100) {
        0..=3 => 0,
        4..=69 => rng.usize(1..4_000),
        70..=93 => rng.usize(4_000..60_000),
        94..=97 => rng.usize(60_000..400_000),
        _ => rng.usize(500_000..1_600_000),
    };
    let breaks = rng.u32(..30) == 0;
    let breaks_at = breaks.then(|| rng.usize(..=bytes));
    let beyond = chance(rng, 60).then(|| rng.u64(..=1));
    Body { seed: rng.u64(..), bytes, after_ms: rng.u64(1..400), breaks_at, beyond }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_what_policy_lets_pass_and_the_rest_is_not() {
        let mut rng = Rng::with_seed(1);
        for _ in 0..200 {
            let url = page(&mut rng, "https");
            assert!(may_be_asked(&url, false) && lull_policy::judge_url(&url, false).is_ok(), "{url}");
            let plain = page(&mut rng, "http");
            assert!(may_be_asked(&plain, true) && !may_be_asked(&plain, false), "{plain}");
        }
        for url in FORBIDDEN {
            assert!(!may_be_asked(url, true) && lull_policy::judge_url(url, true).is_err(), "{url}");
        }
        let passes = |address: &&&str| lull_policy::judge_address(Some(address)).is_ok();
        assert_eq!(PUBLIC.iter().filter(|address| !passes(address)).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert_eq!(PRIVATE.iter().filter(passes).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert!(is_lure("https://www.site1.com/page/400") && !is_lure("https://www.site1.com/page/399"));
    }
}
