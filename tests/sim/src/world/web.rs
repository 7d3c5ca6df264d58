//! The web as a browser sees it: what a site answers follows from its address and the run's seed.

use fastrand::Rng;
use lull_worker::{FetchFailure, HopHead};

use crate::mix::stream;
use crate::plan::Ms;

/// Sites and pages there are.
const SITES: u64 = 40;
const PAGES: u64 = 400;

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
}

impl Body {
    /// Its bytes.
    pub(crate) fn read(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.bytes];
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

/// The web's own word on whether an address that answered is a public one.
pub(crate) fn is_public(address: Option<&str>) -> bool {
    address.is_some_and(|address| PUBLIC.contains(&address))
}

/// An address of which any policy must be wary.
pub(crate) fn forbidden(rng: &mut Rng) -> &'static str {
    FORBIDDEN.get(rng.usize(..FORBIDDEN.len())).copied().unwrap_or(FORBIDDEN[0])
}

const PUBLIC: [&str; 3] = ["93.184.215.14", "151.101.1.69", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"];
const PRIVATE: [&str; 6] = ["10.0.0.7", "127.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "fd00::7"];

/// What a page answers.
pub(crate) fn answer(seed: u64, url: &str) -> Answer {
    let mut rng = stream(seed, url, 1);
    let after_ms = rng.u64(5..800);
    let head = |rng: &mut Rng, status: u16, location: Option<String>| {
        let kind = ["text/html", "application/json", "image/png"];
        let mut headers = vec![
            ("Content-Type".to_owned(), kind.get(rng.usize(..3)).copied().unwrap_or_default().to_owned()),
            ("Set-Cookie".to_owned(), "session=secret".to_owned()),
        ];
        headers.extend(location.iter().map(|to| ("Location".to_owned(), to.clone())));
        let address = PUBLIC.get(rng.usize(..PUBLIC.len())).map(|address| (*address).to_owned());
        HopHead { status, headers, location, address }
    };
    let body = body(&mut rng);
    match rng.u32(..100) {
        0..=64 => Answer::Head { after_ms, head: head(&mut rng, 200, None), body },
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
            let mut head = head(&mut rng, 200, None);
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
    Body { seed: rng.u64(..), bytes, after_ms: rng.u64(1..400), breaks_at: breaks.then(|| rng.usize(..=bytes)) }
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
        assert!(PUBLIC.iter().all(|address| lull_policy::judge_address(Some(address)).is_ok()));
        assert!(PRIVATE.iter().all(|address| lull_policy::judge_address(Some(address)).is_err()));
    }
}
