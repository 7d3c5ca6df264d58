//! Consent to bandwidth: without it nothing, with less than is done today nothing, and who manages a browser has
//! the last word.

use std::collections::BTreeMap;

use lull_protocol::ToCoordinator;
use lull_view::{BandwidthState, BandwidthWhen, Command, Link, Reply, Statement};
use lull_worker::{Effect, Event, Managed};

use crate::common::*;

const PAGE: &str = "https://www.rust-lang.org/page";

fn agree() -> Command {
    Command::Agree { statements: Statement::ALL.into() }
}

/// Everything that bandwidth needs but consent: permission, the card, any time of day.
fn ready() -> World {
    let mut world = World::new();
    world.sites.insert(PAGE.into(), page(200, b"body"));
    world.start();
    world.surroundings.host_permission = true;
    world.feed(Event::Surroundings(world.surroundings));
    world.feed(Event::Command(Command::CardSeen));
    world.feed(Event::Command(Command::SetBandwidthWhen { when: BandwidthWhen::Always }));
    world
}

fn refuses(world: &World, command: &Command) -> bool {
    match world.worker.query(command, world.local()) {
        Some(Reply::Failed { error }) => !error.is_empty(),
        Some(reply) => panic!("{reply:?}"),
        None => false,
    }
}

#[test]
fn bandwidth_is_refused_in_words_until_every_statement_was_made() {
    let mut world = ready();
    let on = Command::SetBandwidth { on: true };
    for missing in Statement::ALL {
        let some = Statement::ALL.into_iter().filter(|statement| *statement != missing).collect();
        let half = Command::Agree { statements: some };
        assert!(refuses(&world, &half), "without {missing:?}");
        world.feed(Event::Command(half));
        assert!(refuses(&world, &on), "without {missing:?}");
        world.feed(Event::Command(on.clone()));
        let view = world.view();
        assert_eq!((view.settings.bandwidth, view.consent.given_at, view.link), (false, None, Link::Off));
        assert!(!world.disk.contains_key("consent"));
    }
    world.feed(Event::Command(agree()));
    let view = world.view();
    assert_eq!((view.settings.bandwidth, view.consent.is_current), (false, true), "consent alone switches nothing on");
    assert_eq!(view.consent.given_at, Some(world.local().get()));
    assert!(!refuses(&world, &on));
    world.feed(Event::Command(on));
    assert_eq!(world.view().bandwidth.state, BandwidthState::Idle);
    world.kill();
    world.run();
    assert_eq!(world.view().bandwidth.state, BandwidthState::Idle, "it is stored");
}

#[test]
fn switching_off_is_remembered_as_such_and_taking_back_forgets_what_was_agreed() {
    let mut world = World::connected();
    world.command(Command::SetBandwidth { on: false });
    assert!(world.view().consent.is_current && world.disk.contains_key("consent"));
    world.command(Command::SetBandwidth { on: true });
    world.assign(&fetch_item("https://harbour-library.org/hangs", 1_000));
    world.take_log();
    world.feed(Event::Command(Command::TakeConsentBack));
    let log = world.take_log();
    assert!(log.contains(&Effect::ReleasePermission), "the permission goes back");
    let stored = |e: &Effect| {
        matches!(e, Effect::Persist { writes, .. }
        if writes.iter().any(|w| w.key == "settings") && writes.iter().any(|w| w.key == "consent" && w.value.is_none()))
    };
    assert!(log.iter().any(stored), "in one batch: {log:?}");
    let view = world.view();
    assert_eq!((view.settings.bandwidth, view.consent.given_at), (false, None));
    assert!(!world.disk.contains_key("consent"));
    assert!(refuses(&world, &Command::SetBandwidth { on: true }));
    assert!(view.settings.judgments, "judgments go on");
}

/// As an installed worker from before there was consent, or one whose terms were narrower.
fn with_consent(record: Option<Vec<u8>>) -> World {
    let mut world = World::connected();
    world.coordinator.is_mute = true;
    world.sites.insert(PAGE.into(), page(200, b"body"));
    world.assign(&fetch_item(PAGE, 1_000));
    assert_eq!(world.view().outbox, 1, "a result that waits");
    world.coordinator.is_mute = false;
    match record {
        Some(record) => world.disk.insert("consent".into(), record),
        None => world.disk.remove("consent"),
    };
    world.take_sent();
    world.requests.clear();
    world.kill();
    world.run();
    world
}

#[test]
fn whoever_had_bandwidth_on_is_asked_before_it_goes_on() {
    let mut world = with_consent(None);
    let view = world.view();
    assert_eq!((view.bandwidth.state, view.settings.bandwidth), (BandwidthState::NeedsConsent, true));
    assert_eq!((view.link, view.consent.is_current), (Link::Connected, false), "judgments go on");
    let before = world.take_sent();
    assert!(!before.iter().any(|m| matches!(m, ToCoordinator::Result { .. } | ToCoordinator::BodyChunk { .. })));
    assert!(!before.iter().any(|m| matches!(m, ToCoordinator::Want { fetch, .. } if *fetch > 0)), "{before:?}");
    world.assign(&fetch_item(PAGE, 2_000));
    assert_eq!(world.requests.len(), 0);
    world.feed(Event::Command(agree()));
    assert_eq!(world.view().bandwidth.state, BandwidthState::Idle, "nothing else has to be pressed");
    assert_eq!(world.view().outbox, 0, "what waited was sent");
    world.assign(&fetch_item(PAGE, 3_000));
    assert_eq!(world.requests.len(), 1);
}

/// A consent record with one of its parts changed: the record is `[1, {0: at, 1: [[name, most]…], 2: statements}]`.
fn changed(from: &[u8], to: &[u8]) -> Vec<u8> {
    let record = World::connected().disk["consent"].clone();
    let at = record.windows(from.len()).position(|w| w == from).expect("it is in the record");
    [&record[..at], to, &record[at + from.len()..]].concat()
}

#[test]
fn what_became_wider_is_asked_again_and_what_became_narrower_is_not() {
    let state = |record| with_consent(Some(record)).view().bandwidth.state;
    // `redirects` was 4 and is 5; it was 6 and is 5.
    assert_eq!(state(changed(b"\x69redirects\x05", b"\x69redirects\x04")), BandwidthState::NeedsConsent);
    assert_eq!(state(changed(b"\x69redirects\x05", b"\x69redirects\x06")), BandwidthState::Idle);
    // A method that was not there; a refusal that is no more.
    assert_eq!(state(changed(b"\x64HEAD\x01", b"\x64HEED\x01")), BandwidthState::NeedsConsent);
    assert_eq!(state(changed(b"\x66cookie", b"\x66cokies")), BandwidthState::NeedsConsent);
    // Terms that the record doesn't have: one that allows is asked about, one that refuses is not.
    assert_eq!(state(changed(b"\x66text/*\x01", b"\x66text/+\x01")), BandwidthState::NeedsConsent);
    assert_eq!(state(changed(b"\x65local\x00", b"\x65locel\x01")), BandwidthState::Idle);
    // A statement that nobody made: the last of five.
    assert_eq!(state(changed(b"\x02\x18\x1f", b"\x02\x18\x1e")), BandwidthState::NeedsConsent);
}

#[test]
fn the_first_record_of_consent_is_read_for_ever() {
    let frozen = include_str!("../fixture/consent-1.txt").trim();
    let frozen = data_encoding::HEXLOWER.decode(frozen.as_bytes()).expect("hexadecimal");
    let world = World::with_disk(BTreeMap::from([("consent".to_owned(), frozen)]));
    let view = world.view();
    let today = data_encoding::HEXLOWER.encode(&World::connected().disk["consent"]);
    assert_eq!((view.consent.given_at.is_some(), view.notice), (true, None), "this build writes {today}");
    // It was given before terms named what a request says, how long it may take and more: that is asked about.
    assert!(!view.consent.is_current);
}

#[test]
fn who_manages_the_browser_has_the_last_word() {
    let managed = |is_installed_by_policy, allows_bandwidth| Managed { is_installed_by_policy, allows_bandwidth };
    let check = |managed, expected| {
        // Switched on before the policy came, and after.
        let mut world = World::connected();
        world.surroundings.managed = managed;
        world.feed(Event::Surroundings(world.surroundings));
        let view = world.view();
        assert_eq!(view.bandwidth.state, expected, "{managed:?}");
        assert_eq!((view.link, view.settings.judgments), (Link::Connected, true), "judgments go on");
        let is_barred = expected != BandwidthState::Idle;
        assert_eq!(view.settings.bandwidth, !is_barred);
        assert_eq!(world.surroundings.host_permission, !is_barred, "the permission goes back");
        assert_eq!(refuses(&world, &Command::SetBandwidth { on: true }), is_barred);
        world.feed(Event::Command(Command::SetBandwidth { on: true }));
        assert_eq!(world.view().bandwidth.state, expected, "{managed:?}");
    };
    check(managed(false, None), BandwidthState::Idle);
    check(managed(false, Some(true)), BandwidthState::Idle);
    check(managed(false, Some(false)), BandwidthState::Forbidden);
    check(managed(true, None), BandwidthState::NotAllowed);
    check(managed(true, Some(true)), BandwidthState::Idle);
    check(managed(true, Some(false)), BandwidthState::Forbidden);
}
