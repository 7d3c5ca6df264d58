//! Fetches: policy before each hop, outcomes, ceilings, bodies.

use lull_protocol::cose;
use lull_protocol::limits::HOPS_MAX;
use lull_protocol::statement::{FetchReport, Outcome, Report, WorkResult};
use lull_protocol::{FetchItem, Hash, Item, Method, ToCoordinator, ToWorker};
use lull_view::{ActivityWork, BandwidthState, Caps, Command};
use lull_worker::{Effect, Event, FetchFailure, FetchId, HopHead, limits, traffic};

use crate::common::*;

const URL: &str = "https://www.rust-lang.org/page";
const HTML: (&str, &str) = ("Content-Type", "text/html");
const SITE: Option<&str> = Some("93.184.215.14");

/// Fetches `URL` in a world with these pages; the world and the report.
fn fetched(pages: &[(&str, Page)], bytes_max: u64) -> (World, FetchReport) {
    let mut world = World::connected();
    world.sites.extend(pages.iter().map(|(url, page)| ((*url).to_owned(), page.clone())));
    world.assign(&fetch_item(URL, bytes_max));
    let report = report(&world);
    (world, report)
}

pub(crate) fn report(world: &World) -> FetchReport {
    let stored = world.coordinator.stored.values().next().expect("stored");
    match cose::peek::<WorkResult>(stored).unwrap().report {
        Report::Fetch(report) => report,
        other => panic!("{other:?}"),
    }
}

fn answer(status: u16, headers: &[(&'static str, &str)], address: Option<&'static str>, body: &[u8]) -> Page {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Page::Answer { status, headers, address, body: body.to_vec() }
}

#[test]
fn a_page_arrives_whole_with_its_hops_and_chosen_headers() {
    let body: Vec<u8> = (0..260_000_u32).map(|i| (i * 31) as u8).collect();
    let moved = "https://blog.rust-lang.org/page";
    let (world, report) = fetched(&[(URL, redirect(308, moved)), (moved, page(200, &body))], 300_000);
    assert_eq!((report.outcome, report.status, report.reason), (Outcome::Ok, 200, None));
    assert_eq!((report.body_hash, report.body_bytes.get()), (Hash::of(&body), 260_000));
    let hops: Vec<_> = report.hops.iter().map(|h| (h.url.as_str(), h.address.as_str(), h.status)).collect();
    assert_eq!(hops, [(URL, "93.184.215.14", 308), (moved, "93.184.215.14", 200)]);
    let names: Vec<_> = report.headers.iter().map(|h| h.name.as_str()).collect();
    assert_eq!(names, ["content-type"], "in lower case, and no cookies");
    assert_eq!(world.coordinator.bodies.values().next(), Some(&body));
    assert_eq!(world.requests, [URL, moved]);
    let hop = |status, headers: &[(&str, &str)]| HopHead {
        status,
        headers: headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
        location: None,
        address: None,
    };
    let first = traffic(Method::Get, URL, Some(&hop(308, &[("Location", moved)])), 0);
    let head = hop(200, &[("Content-Type", "text/html"), ("Set-Cookie", "secret=1")]);
    let second = traffic(Method::Get, moved, Some(&head), 260_000);
    assert_eq!(report.traffic.received.get(), first.received.get() + second.received.get());
    assert_eq!(report.traffic.sent.get(), first.sent.get() + second.sent.get());
    let bandwidth = world.view().bandwidth;
    assert_eq!((bandwidth.fetches, bandwidth.state), (1, BandwidthState::Idle));
    assert_eq!(bandwidth.bytes, report.traffic.sent.get() + report.traffic.received.get());
    assert!(!world.disk.keys().any(|k| k.starts_with("body/") || k.starts_with("outbox/")));
}

#[test]
fn outcomes_follow_the_status() {
    let check = |status, outcome| {
        let (world, report) = fetched(&[(URL, page(status, b"text"))], 1_000);
        assert_eq!((report.outcome, report.status), (outcome, status));
        let has_read = world.log.iter().any(|e| matches!(e, Effect::ReadBody { .. }));
        assert_eq!(has_read, outcome.is_paid(), "{status}: a body is read only if a buyer pays for it");
        assert_eq!(report.body_bytes.get(), if outcome.is_paid() { 4 } else { 0 });
    };
    [200, 203, 299].into_iter().for_each(|s| check(s, Outcome::Ok));
    [404, 410].into_iter().for_each(|s| check(s, Outcome::NotFound));
    [400, 401, 403, 405, 418, 429, 451].into_iter().for_each(|s| check(s, Outcome::Blocked));
    [100, 206, 300, 304, 500, 503, 599, 999].into_iter().for_each(|s| check(s, Outcome::Network));
    check(408, Outcome::Timeout);
}

#[test]
fn published_challenges_are_recognised_and_never_read() {
    let check = |status, name, value, outcome| {
        let page = answer(status, &[HTML, (name, value)], Some("93.184.215.14"), b"prove it");
        let (world, report) = fetched(&[(URL, page)], 1_000);
        assert_eq!(report.outcome, outcome, "{name}: {value}");
        assert_eq!(world.log.iter().any(|e| matches!(e, Effect::ReadBody { .. })), outcome.is_paid());
    };
    check(403, "CF-Mitigated", "challenge", Outcome::Challenge);
    check(202, "x-amzn-waf-action", "challenge", Outcome::Challenge);
    check(405, "x-amzn-waf-action", "captcha", Outcome::Challenge);
    check(200, "cf-mitigated", "no", Outcome::Ok);
    check(200, "cf-ray", "challenge", Outcome::Ok);
}

#[test]
fn policy_judges_every_hop_before_it_is_sent() {
    let refused = |to: &str, code: &str| {
        let (world, report) = fetched(&[(URL, redirect(302, to))], 1_000);
        assert_eq!((report.outcome, report.reason.as_deref()), (Outcome::Policy, Some(code)), "{to}");
        assert_eq!((world.requests.len(), report.hops.len(), report.body_bytes.get()), (1, 1, 0), "{to}");
        assert!(!world.log.iter().any(|e| matches!(e, Effect::ReadBody { .. })));
        let ActivityWork::Fetch { outcome, reason, site, .. } = &world.view().activities[0].work else { panic!() };
        assert_eq!((outcome.as_str(), reason.as_deref(), site.as_str()), ("policy", Some(code), "www.rust-lang.org"));
    };
    refused("https://10.0.0.1/", "ip_literal");
    refused("http://www.rust-lang.org/", "scheme");
    refused("https://www.rust-lang.org:8443/", "port");
    refused("https://intranet.local/", "special_name");
    refused("https://u:p@www.rust-lang.org/", "credentials");
    refused(&format!("https://www.rust-lang.org/{}", "a".repeat(2_048)), "malformed");
    let nowhere = answer(302, &[], Some("93.184.215.14"), b"");
    let (_, report) = fetched(&[(URL, nowhere)], 1_000);
    assert_eq!(report.reason.as_deref(), Some("bad_redirect"));
    // The first one too.
    let mut world = World::connected();
    world.assign(&fetch_item("https://192.168.1.1/", 1_000));
    assert!(world.requests.is_empty());
    assert!(self::report(&world).hops.is_empty());
}

#[test]
fn the_address_that_answered_is_judged_before_anything_is_read_or_followed() {
    for (address, code) in [(None, "no_address"), (Some("10.1.2.3"), "private_address"), (Some("?"), "no_address")] {
        for status in [200, 302] {
            let headers = [("Location", "https://www.rust-lang.org/next"), ("Content-Type", "text/html")];
            let page = answer(status, &headers, address, b"secret");
            let (world, report) = fetched(&[(URL, page)], 1_000);
            assert_eq!((report.outcome, report.reason.as_deref()), (Outcome::Policy, Some(code)));
            assert_eq!((report.status, report.headers.len()), (0, 0), "nothing of the answer is told");
            assert!(report.hops.iter().all(|hop| hop.status == 0 && hop.address.is_empty()));
            assert_eq!(world.requests.len(), 1);
            assert!(!world.log.iter().any(|e| matches!(e, Effect::ReadBody { .. })));
            assert!(world.log.iter().any(|e| matches!(e, Effect::AbortFetch { .. })), "the shell lets go of it");
        }
    }
}

#[test]
fn redirects_have_an_end() {
    let next = |i: usize| format!("https://www.rust-lang.org/{i}");
    let mut pages: Vec<(String, Page)> = (0..20).map(|i| (next(i), redirect(301, &next(i + 1)))).collect();
    pages.push((URL.to_owned(), redirect(307, &next(0))));
    let pages: Vec<(&str, Page)> = pages.iter().map(|(url, page)| (url.as_str(), page.clone())).collect();
    let (world, report) = fetched(&pages, 1_000);
    assert_eq!((report.outcome, report.reason.as_deref()), (Outcome::Policy, Some("too_many_hops")));
    assert_eq!((world.requests.len(), report.hops.len()), (HOPS_MAX, HOPS_MAX));
}

#[test]
fn bodies_over_the_ceiling_are_refused() {
    let check = |page: Page, has_read| {
        let (world, report) = fetched(&[(URL, page)], 1_000);
        assert_eq!((report.outcome, report.reason.as_deref()), (Outcome::Policy, Some("too_large")));
        assert_eq!((report.body_bytes.get(), world.coordinator.bodies.len()), (0, 0));
        assert_eq!(world.log.iter().any(|e| matches!(e, Effect::ReadBody { .. })), has_read);
        report
    };
    let report = check(page(200, &[1; 1_001]), true);
    assert!(report.traffic.received.get() > 1_001, "what had crossed the line still counts");
    let plain = [HTML, ("Content-Length", "1001")];
    check(answer(200, &plain, Some("93.184.215.14"), &[1; 1_001]), false);
    let packed = [HTML, ("Content-Length", "1001"), ("Content-Encoding", "gzip")];
    let (_, report) = fetched(&[(URL, answer(200, &packed, Some("93.184.215.14"), b"small"))], 1_000);
    assert_eq!(report.outcome, Outcome::Ok, "an encoded length says nothing certain");
}

#[test]
fn places_that_lull_never_goes_to_have_their_reasons() {
    let check = |to: &str, code: &str| {
        let (world, report) = fetched(&[(URL, redirect(302, to))], 1_000);
        assert_eq!((report.outcome, report.reason.as_deref()), (Outcome::Policy, Some(code)), "{to}");
        assert_eq!(world.requests, [URL], "{to}");
    };
    check("https://www.rust-lang.org/login", "sensitive");
    check("https://www.gov.uk/", "government");
    check("https://harbour.xxx/", "adult");
    check("https://www.rust-lang.org/.git/config", "scanner");
    check("https://www.rust-lang.org/a%2f..%2f..%2fetc%2fpasswd", "scanner");
    check("https://www.rust-lang.org/cdn-cgi/trace", "shows_address");
    check("https://co.uk/", "special_name");
    check("https://a.notlisted/", "special_name");
    check("https://127.0.0.1.nip.io/", "special_name");
}

#[test]
fn a_redirect_leads_to_one_place_or_nowhere() {
    let to = "https://www.rust-lang.org/next";
    let check = |headers: &[(&'static str, &str)], pages: &[(&str, Page)], code: Option<&str>| {
        let mut pages = pages.to_vec();
        pages.push((URL, answer(302, headers, SITE, b"")));
        let (_, report) = fetched(&pages, 1_000);
        assert_eq!(report.reason.as_deref(), code, "{headers:?}");
    };
    let next = [(to, page(200, b"here"))];
    check(&[("Location", to)], &next, None);
    check(&[("Location", to), ("location", to)], &next, None);
    check(&[("Location", to), ("Location", "https://www.rust-lang.org/other")], &next, Some("bad_redirect"));
    check(&[], &next, Some("bad_redirect"));
    // What a shell can't read as a URL or as text comes without a place.
    check(&[("Refresh", "0; url=https://www.rust-lang.org/next")], &next, Some("bad_redirect"));
    check(&[("Location", "not a url")], &next, Some("malformed"));
    check(&[("Location", "https://b\u{fc}cher.org/")], &next, Some("malformed"));
}

#[test]
fn loops_end_and_a_way_back_to_https_passes() {
    let (world, report) = fetched(&[(URL, redirect(302, URL))], 1_000);
    assert_eq!((report.reason.as_deref(), world.requests.len()), (Some("too_many_hops"), HOPS_MAX));
    let there = "https://www.rust-lang.org/there";
    let pages = [(URL, redirect(302, there)), (there, redirect(307, URL))];
    let (world, report) = fetched(&pages, 1_000);
    assert_eq!((report.reason.as_deref(), world.requests.len()), (Some("too_many_hops"), HOPS_MAX));
    // Down to http and up again: only where the order declares http.
    let plain = "http://www.rust-lang.org/page";
    let check = |http_allowed: bool, requests: &[&str], code: Option<&str>| {
        let mut world = World::connected();
        world.sites.insert(URL.into(), redirect(301, plain));
        world.sites.insert(plain.into(), redirect(308, there));
        world.sites.insert(there.into(), page(200, b"here"));
        let Item::Fetch(item) = fetch_item(URL, 1_000) else { unreachable!() };
        world.assign(&Item::Fetch(FetchItem { http_allowed, ..item }));
        assert_eq!((self::report(&world).reason.as_deref(), world.requests.as_slice()), (code, &owned(requests)[..]));
    };
    check(false, &[URL], Some("scheme"));
    check(true, &[URL, plain, there], None);
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn the_kind_of_a_body_is_judged_before_a_byte_is_read() {
    let check = |headers: &[(&'static str, &str)], status, code: Option<&str>| {
        let (world, report) = fetched(&[(URL, answer(status, headers, SITE, b"MZ"))], 1_000);
        assert_eq!(report.reason.as_deref(), code, "{headers:?}");
        let has_read = world.log.iter().any(|e| matches!(e, Effect::ReadBody { .. }));
        assert_eq!(has_read, code.is_none(), "{headers:?}");
        assert_eq!(world.log.iter().any(|e| matches!(e, Effect::AbortFetch { .. })), code.is_some());
    };
    let of = |kind: &'static str| [("content-TYPE", kind)];
    check(&of("text/html; charset=utf-8"), 200, None);
    check(&of("application/pdf"), 404, None);
    for kind in ["application/x-msdownload", "application/zip", "video/mp4", "audio/mpeg", "nonsense", ""] {
        check(&of(kind), 200, Some("media_type"));
        check(&of(kind), 404, Some("media_type"));
    }
    check(&[], 200, Some("media_type"));
    check(&[HTML, ("Content-Type", "application/zip")], 200, Some("media_type"));
    check(&[], 204, None);
    check(&[("Content-Type", "application/zip"), ("Content-Length", "0")], 200, Some("media_type"));
    // What isn't paid for isn't read, so its kind doesn't matter; neither does a HEAD's.
    let (_, report) = fetched(&[(URL, answer(503, &[("Content-Type", "application/zip")], SITE, b""))], 1_000);
    assert_eq!((report.outcome, report.reason), (Outcome::Network, None));
}

#[test]
fn a_body_that_is_shorter_than_its_head_said_is_no_page() {
    let check = |headers: &[(&'static str, &str)], outcome, bytes| {
        let headers: Vec<_> = [HTML].iter().chain(headers).copied().collect();
        let (world, report) = fetched(&[(URL, answer(200, &headers, SITE, b"half"))], 1_000);
        assert_eq!((report.outcome, report.body_bytes.get()), (outcome, bytes), "{headers:?}");
        assert_eq!(report.body_hash, Hash::of(&b"half"[..bytes as usize]));
        assert!(report.traffic.received.get() > 4 && world.view().outbox == 0, "what came still counts");
    };
    check(&[("Content-Length", "8")], Outcome::Network, 0);
    check(&[("Content-Length", "8"), ("Content-Encoding", "identity")], Outcome::Network, 0);
    check(&[("Content-Length", "4")], Outcome::Ok, 4);
    check(&[("Content-Length", "2")], Outcome::Ok, 4);
    check(&[("Content-Length", "8"), ("Content-Encoding", "br")], Outcome::Ok, 4);
    check(&[("Content-Length", "8"), ("Transfer-Encoding", "chunked")], Outcome::Ok, 4);
    check(&[("Content-Length", "8"), ("Content-Length", "9")], Outcome::Ok, 4);
    check(&[("Content-Length", "eight")], Outcome::Ok, 4);
    check(&[("Content-Length", "99999999999999999999999")], Outcome::Ok, 4);
}

#[test]
fn odd_statuses_and_ten_thousand_headers_have_one_clear_outcome() {
    for status in [0, 1, 99, 600, 999, u16::MAX] {
        let (world, report) = fetched(&[(URL, page(status, b"text"))], 1_000);
        assert_eq!((report.outcome, report.status, report.body_bytes.get()), (Outcome::Network, status, 0));
        assert_eq!(world.view().outbox, 0, "it was acknowledged");
    }
    const NAMES: [&str; 5] = ["X-Filler", "Link", "ETag", "Set-Cookie", "Content-Language"];
    let long = "v".repeat(lull_protocol::limits::HEADER_VALUE_BYTES_MAX + 1);
    let mut headers: Vec<(&'static str, &str)> = (0..10_000).map(|i| (NAMES[i % 5], "value\u{fffd}")).collect();
    headers.extend([("Expires", long.as_str()), HTML, ("\u{0}", "\u{0}"), ("", "")]);
    let (world, report) = fetched(&[(URL, answer(200, &headers, SITE, b"text"))], 1_000);
    assert_eq!((report.outcome, report.body_bytes.get()), (Outcome::Ok, 4));
    assert!(report.headers.len() <= lull_protocol::limits::HEADERS_MAX);
    assert!(
        report.headers.iter().all(|h| ["link", "etag", "content-language", "content-type"].contains(&h.name.as_str()))
    );
    assert!(report.traffic.received.get() > 10_000 * 10, "all of them crossed the line");
    assert_eq!(world.view().outbox, 0, "it was acknowledged");
}

#[test]
fn a_bomb_ends_at_the_ceiling() {
    let packed = [HTML, ("Content-Length", "20"), ("Content-Encoding", "gzip")];
    let (world, report) = fetched(&[(URL, answer(200, &packed, SITE, &vec![0; 5_000_000]))], 1_000);
    assert_eq!((report.outcome, report.reason.as_deref()), (Outcome::Policy, Some("too_large")));
    assert_eq!((report.body_bytes.get(), world.coordinator.bodies.len()), (0, 0));
    let read = world.log.iter().find_map(|e| match e {
        Effect::ReadBody { bytes_max, .. } => Some(*bytes_max),
        _ => None,
    });
    assert_eq!(read, Some(1_000), "the shell is told where to stop");
}

#[test]
fn failures_of_the_line_have_their_outcomes() {
    let (_, report) = fetched(&[(URL, Page::Fails(FetchFailure::Network))], 1_000);
    assert_eq!((report.outcome, report.status, report.hops.len()), (Outcome::Network, 0, 1));
    let (_, report) = fetched(&[(URL, Page::Fails(FetchFailure::Timeout))], 1_000);
    assert_eq!((report.outcome, report.hops[0].status), (Outcome::Timeout, 0));
}

#[test]
fn head_stays_head_and_reads_no_body() {
    let mut world = World::connected();
    let moved = "https://blog.rust-lang.org/page";
    world.sites.insert(URL.into(), redirect(303, moved));
    world.sites.insert(moved.into(), page(200, b""));
    let Item::Fetch(item) = fetch_item(URL, 1_000) else { unreachable!() };
    world.assign(&Item::Fetch(FetchItem { method: Method::Head, ..item }));
    assert_eq!(report(&world).outcome, Outcome::Ok);
    let methods: Vec<Method> = world
        .log
        .iter()
        .filter_map(|e| match e {
            Effect::Fetch { method, .. } => Some(*method),
            _ => None,
        })
        .collect();
    assert_eq!(methods, [Method::Head, Method::Head]);
    assert!(!world.log.iter().any(|e| matches!(e, Effect::ReadBody { .. })));
}

#[test]
fn one_at_a_time_and_late_events_of_old_requests_are_ignored() {
    let mut world = World::connected();
    world.sites.insert(URL.into(), Page::Hangs);
    world.assign(&fetch_item(URL, 1_000));
    world.assign(&fetch_item(URL, 2_000));
    assert_eq!(world.requests.len(), 1);
    for id in [0, 2, 99, u64::MAX] {
        world.feed(Event::BodyRead { fetch: FetchId(id), body: vec![1], encoded_bytes: 1 });
        world.feed(Event::FetchFailed { fetch: FetchId(id), failure: FetchFailure::Network, encoded_bytes: 1 });
    }
    // The right number, but no head came yet.
    world.feed(Event::BodyRead { fetch: FetchId(1), body: vec![1], encoded_bytes: 1 });
    assert_eq!((world.coordinator.heard.len(), world.view().bandwidth.state), (0, BandwidthState::Fetching));
    world.feed(Event::FetchFailed { fetch: FetchId(1), failure: FetchFailure::Timeout, encoded_bytes: 0 });
    assert_eq!((world.coordinator.heard.len(), world.requests.len()), (1, 2));
}

#[test]
fn a_lease_that_ends_ends_its_fetch() {
    let mut world = World::connected();
    world.sites.insert(URL.into(), Page::Hangs);
    world.assign(&fetch_item(URL, 1_000));
    world.coordinator.leases.clear();
    world.take_log();
    world.pass(world.coordinator.lease_ms);
    assert!(world.take_log().iter().any(|e| matches!(e, Effect::AbortFetch { .. })));
    assert_eq!(world.view().bandwidth.state, BandwidthState::Idle);
}

#[test]
fn each_byte_of_a_body_goes_out_once_also_after_a_restart() {
    let mut world = World::connected();
    let body: Vec<u8> = (0..600_000_u32).map(|i| (i * 13) as u8).collect();
    world.sites.insert(URL.into(), page(200, &body));
    world.coordinator.is_mute = true;
    let offer = Hash::from_hex(&world.assign(&fetch_item(URL, 700_000))).unwrap();
    world.kill();
    world.run();
    world.take_sent();
    let ask = |world: &mut World, offset: u64, bytes: u64| -> Vec<u8> {
        let count = |n| lull_protocol::ByteCount::new(n).unwrap();
        world.worker.handle(
            Event::Frame(frame(&ToWorker::BodyWanted { offer, offset: count(offset), bytes: count(bytes) })),
            world.local(),
        );
        let mut got = Vec::new();
        while let Some(effect) = world.worker.poll_effect() {
            if let Effect::Send(bytes) = effect
                && let Ok(ToCoordinator::BodyChunk { offset: at, bytes, .. }) = message(&bytes)
            {
                assert_eq!(at.get(), offset + got.len() as u64);
                got.extend_from_slice(&bytes);
            }
        }
        got
    };
    let window_bytes = lull_protocol::limits::BODY_WINDOW_BYTES;
    let window = window_bytes as usize;
    assert_eq!(ask(&mut world, 1, 10), [0_u8; 0], "not from the middle");
    assert_eq!(ask(&mut world, 0, 10), body[..10]);
    assert_eq!(ask(&mut world, 0, 10), [0_u8; 0], "not twice");
    assert_eq!(ask(&mut world, 10, (1 << 53) - 1), body[10..window + 10], "one window at a time");
    assert_eq!(ask(&mut world, window_bytes + 10, 999_999), body[window + 10..]);
    for offset in [0, 600_000, (1 << 53) - 1] {
        assert_eq!(ask(&mut world, offset, 1), [0_u8; 0], "no byte is left");
    }
    world.cut();
    world.command(Command::ConnectNow);
    assert_eq!(ask(&mut world, 0, 10), body[..10], "a new connection begins anew");
}

fn frame(message: &ToWorker) -> Vec<u8> {
    lull_protocol::message::Message::to_frame(message)
}

fn message(bytes: &[u8]) -> Result<ToCoordinator, lull_protocol::cbor::CborError> {
    lull_protocol::message::Message::from_frame(bytes)
}

#[test]
fn a_long_body_is_kept_in_pieces_and_survives_as_a_whole_or_not_at_all() {
    for missing in [None, Some(0), Some(1), Some(2)] {
        let mut world = World::connected();
        let body: Vec<u8> = (0..2 * limits::BODY_PIECE_BYTES + 9).map(|i| (i * 7 / 5) as u8).collect();
        world.sites.insert(URL.into(), page(200, &body));
        world.coordinator.is_mute = true;
        world.assign(&fetch_item(URL, 3_000_000));
        // The bucket fills again as it is read.
        world.pass(60_000);
        let pieces = |world: &World| -> Vec<(String, usize)> {
            let is_piece = |key: &str| key.starts_with("body/");
            world.disk.iter().filter(|(key, _)| is_piece(key)).map(|(key, value)| (key.clone(), value.len())).collect()
        };
        let stored = pieces(&world);
        let lengths: Vec<usize> = stored.iter().map(|(_, bytes)| *bytes).collect();
        assert_eq!(lengths, [limits::BODY_PIECE_BYTES, limits::BODY_PIECE_BYTES, 9]);
        if let Some(missing) = missing {
            world.command(Command::SetPaused { on: true });
            world.disk.remove(&stored[missing].0);
        }
        world.kill();
        let aside = |world: &World| world.disk.keys().filter(|key| key.starts_with("aside/")).count();
        if missing.is_some() {
            world.start();
            assert_eq!(world.view().outbox, 0);
            assert_eq!((pieces(&world), aside(&world)), (Vec::new(), 3), "the result, and what is left of its body");
            continue;
        }
        world.coordinator.is_mute = false;
        world.run();
        assert_eq!((pieces(&world), world.view().outbox, aside(&world)), (Vec::new(), 0, 0));
        assert_eq!(world.coordinator.bodies.values().next(), Some(&body));
    }
}

#[test]
fn no_fetch_begins_without_room_for_its_body() {
    let mut world = World::connected();
    let large = lull_protocol::limits::BODY_BYTES_MAX;
    world.sites.insert(URL.into(), page(200, &vec![7; large as usize]));
    world.coordinator.is_mute = true;
    let caps = Caps { second_bytes: 100_000_000, ..world.view().limits.caps };
    world.command(Command::SetCaps { caps });
    world.pass(1_000);
    for i in 0..6 {
        let Item::Fetch(item) = fetch_item(URL, large) else { unreachable!() };
        world.assign(&Item::Fetch(FetchItem { purpose: format!("p{i}"), ..item }));
    }
    assert_eq!(world.requests.len() as u64, limits::BODIES_BYTES_MAX / large);
    assert_eq!(world.view().outbox as u64, limits::BODIES_BYTES_MAX / large);
}

#[test]
fn consent_taken_back_keeps_results_of_that_class_here() {
    let mut world = World::connected();
    world.sites.insert(URL.into(), page(200, b"body"));
    world.coordinator.is_mute = true;
    world.assign(&fetch_item(URL, 1_000));
    world.command(Command::SetBandwidth { on: false });
    world.coordinator.is_mute = false;
    world.cut();
    world.take_sent();
    world.command(Command::ConnectNow);
    assert_eq!((world.take_results().len(), world.view().outbox), (0, 1));
    world.command(Command::SetBandwidth { on: true });
    assert_eq!((world.take_results().len(), world.view().outbox), (1, 0));
}
