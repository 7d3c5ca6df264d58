//! Where the browser can't refuse a private address by itself, every name is looked up before its request.

use lull_protocol::cose;
use lull_protocol::statement::{FetchReport, Outcome, Report, WorkResult};
use lull_view::{BandwidthState, Command, NeverWhat};
use lull_worker::{Effect, Event, FetchFailure, FetchId, limits};

use crate::common::*;

const URL: &str = "https://www.rust-lang.org/page";
const MOVED: &str = "https://blog.rust-lang.org/page";
const PUBLIC: &str = "93.184.215.14";

fn report(world: &World) -> FetchReport {
    let stored = world.coordinator.stored.values().next().expect("stored");
    match cose::peek::<WorkResult>(stored).unwrap().report {
        Report::Fetch(report) => report,
        other => panic!("{other:?}"),
    }
}

fn world(names: &[(&str, &[&str])]) -> World {
    let mut world = World::connected_looking_up();
    for (name, addresses) in names {
        world.names.insert((*name).to_owned(), addresses.iter().map(|a| (*a).to_owned()).collect());
    }
    world.sites.insert(URL.into(), redirect(302, MOVED));
    world.sites.insert(MOVED.into(), page(200, b"text"));
    world
}

#[test]
fn each_hop_is_looked_up_before_it_is_sent() {
    let mut world = world(&[]);
    world.assign(&fetch_item(URL, 1_000));
    assert_eq!(world.lookups, ["www.rust-lang.org", "blog.rust-lang.org"]);
    assert_eq!(world.requests, [URL, MOVED]);
    assert_eq!((report(&world).outcome, report(&world).hops.len()), (Outcome::Ok, 2));
    let order: Vec<_> = world
        .log
        .iter()
        .filter_map(|effect| match effect {
            Effect::LookUp { fetch, timeout_ms, .. } => {
                assert_eq!(*timeout_ms, limits::LOOKUP_TIMEOUT_MS);
                Some(("look up", fetch.0))
            }
            Effect::Fetch { fetch, .. } => Some(("send", fetch.0)),
            _ => None,
        })
        .collect();
    assert_eq!(order, [("look up", 1), ("send", 1), ("look up", 2), ("send", 2)]);
}

#[test]
fn one_address_that_is_not_public_and_nothing_is_sent() {
    let check = |addresses: &[&str], code: &str| {
        let mut world = self::world(&[("www.rust-lang.org", addresses)]);
        world.assign(&fetch_item(URL, 1_000));
        let report = self::report(&world);
        assert_eq!((report.outcome, report.reason.as_deref()), (Outcome::Policy, Some(code)), "{addresses:?}");
        assert_eq!((world.requests.len(), report.hops.len(), report.traffic.sent.get()), (0, 0, 0), "{addresses:?}");
    };
    check(&["10.0.0.1"], "private_address");
    check(&[PUBLIC, "192.168.1.1"], "private_address");
    check(&["::1", PUBLIC], "private_address");
    check(&["64:ff9b::a00:1"], "private_address");
    check(&[], "no_address");
    check(&["www.rust-lang.org"], "no_address");
    check(&[PUBLIC, ""], "no_address");
}

#[test]
fn a_redirect_to_a_private_name_is_not_followed() {
    let mut world = world(&[("blog.rust-lang.org", &["169.254.169.254"])]);
    world.assign(&fetch_item(URL, 1_000));
    let report = report(&world);
    assert_eq!((report.outcome, report.reason.as_deref()), (Outcome::Policy, Some("private_address")));
    assert_eq!((world.requests.as_slice(), report.hops.len()), ([URL.to_owned()].as_slice(), 1));
}

#[test]
fn a_look_up_that_fails_counts_no_byte() {
    for (failure, outcome) in [(FetchFailure::Network, Outcome::Network), (FetchFailure::Timeout, Outcome::Timeout)] {
        let mut world = held();
        world.feed(Event::FetchFailed { fetch: FetchId(1), failure, encoded_bytes: 0 });
        let report = report(&world);
        assert_eq!((report.outcome, report.hops.len()), (outcome, 0));
        assert_eq!(report.traffic.sent.get() + report.traffic.received.get(), 0);
    }
}

/// A world in which a look-up is under way.
fn held() -> World {
    let mut world = world(&[]);
    world.holds_lookups = true;
    world.assign(&fetch_item(URL, 1_000));
    assert_eq!((world.lookups.len(), world.requests.len()), (1, 0));
    world
}

#[test]
fn no_answer_of_a_site_is_taken_while_its_name_is_looked_up() {
    let mut world = held();
    world.feed(Event::BodyRead { fetch: FetchId(1), body: vec![1], encoded_bytes: 1 });
    let head = lull_worker::HopHead { status: 200, headers: vec![], location: None, address: Some(PUBLIC.into()) };
    world.feed(Event::HopAnswered { fetch: FetchId(1), head });
    world.feed(Event::LookedUp { fetch: FetchId(2), addresses: vec![PUBLIC.into()] });
    assert_eq!((world.requests.len(), world.view().bandwidth.state), (0, BandwidthState::Fetching));
    world.feed(Event::LookedUp { fetch: FetchId(1), addresses: vec![PUBLIC.into()] });
    // Once is enough.
    world.feed(Event::LookedUp { fetch: FetchId(1), addresses: vec!["10.0.0.1".into()] });
    assert_eq!(world.requests, [URL]);
}

#[test]
fn a_pause_ends_a_look_up_and_nothing_is_sent_after_it() {
    let mut world = held();
    world.command(Command::SetPaused { on: true });
    assert!(world.log.iter().any(|e| matches!(e, Effect::AbortFetch { fetch: FetchId(1) })));
    world.feed(Event::LookedUp { fetch: FetchId(1), addresses: vec![PUBLIC.into()] });
    assert!(world.requests.is_empty());
}

#[test]
fn a_domain_that_is_never_served_from_now_on_ends_its_look_up() {
    const ELSEWHERE: &str = "https://www.gutenberg.org/a";
    let mut world = held();
    world.sites.insert(URL.into(), redirect(302, ELSEWHERE));
    world.sites.insert(ELSEWHERE.into(), page(200, b"text"));
    world.feed(Event::LookedUp { fetch: FetchId(1), addresses: vec![PUBLIC.into()] });
    assert_eq!((world.lookups.len(), world.requests.as_slice()), (2, [URL.to_owned()].as_slice()));
    world.command(Command::Never(NeverWhat::Domain("gutenberg.org".into())));
    world.feed(Event::LookedUp { fetch: FetchId(2), addresses: vec![PUBLIC.into()] });
    assert_eq!(world.requests, [URL]);
    let report = report(&world);
    assert_eq!((report.outcome, report.reason.as_deref()), (Outcome::Policy, Some("never_domain")));
    assert_eq!((report.status, report.hops.len()), (302, 1));
}
