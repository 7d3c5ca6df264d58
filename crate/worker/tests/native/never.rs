//! Whom never to serve.

use lull_protocol::message::ReturnReason;
use lull_protocol::{Hash, Item, ToCoordinator};
use lull_view::{ActivityWork, Command, NeverWhat, Notice};
use lull_worker::limits;

use crate::common::*;

const URL: &str = "https://www.gutenberg.org/a";

fn domain(host: &str) -> NeverWhat {
    NeverWhat::Domain(host.into())
}

fn requester() -> NeverWhat {
    NeverWhat::Requester("Open Index".into())
}

fn lending() -> World {
    let mut world = World::connected();
    for url in [URL, "https://www.rust-lang.org/"] {
        world.sites.insert(url.into(), page(200, b"hello"));
    }
    world.take_sent();
    world
}

/// What went back since the last call.
fn returned(world: &mut World) -> Vec<(Hash, ReturnReason)> {
    let back = |message| match message {
        ToCoordinator::Return { offer, reason, .. } => Some((offer, reason)),
        _ => None,
    };
    world.take_sent().into_iter().filter_map(back).collect()
}

#[test]
fn work_for_whom_never_to_serve_goes_back_and_nothing_is_sent() {
    for what in [domain("www.gutenberg.org"), domain("gutenberg.org"), domain("TEXTS.gutenberg.org."), requester()] {
        let mut world = lending();
        world.command(Command::Never(what.clone()));
        let offer = world.assign(&fetch_item(URL, 1_000));
        assert_eq!(returned(&mut world), [(Hash::from_hex(&offer).unwrap(), ReturnReason::Skipped)], "{what:?}");
        assert!(world.requests.is_empty());
        world.kill();
        world.run();
        world.assign(&fetch_item(URL, 1_000));
        assert!(world.requests.is_empty(), "{what:?} is remembered");
        world.command(Command::RemoveNever(what.clone()));
        world.assign(&fetch_item(URL, 1_000));
        assert_eq!(world.requests, [URL], "{what:?} is taken back");
    }
}

#[test]
fn others_are_served_as_before() {
    let mut world = lending();
    world.command(Command::Never(domain("gutenberg.org")));
    world.command(Command::Never(NeverWhat::Requester("Someone else".into())));
    world.assign(&fetch_item("https://www.rust-lang.org/", 1_000));
    let offer = world.assign(&text_item("still asked"));
    assert_eq!(world.requests, ["https://www.rust-lang.org/"]);
    assert_eq!(world.judgment().offer, offer);
    let Item::Judgment(item) = text_item("x") else { unreachable!() };
    world.command(Command::Never(NeverWhat::Requester(item.requester)));
    assert_eq!(world.view().judgment, None, "a judgment of that requester goes back, too");
}

#[test]
fn a_redirect_there_is_refused_with_a_reason_before_it_is_sent() {
    let mut world = lending();
    world.sites.insert("https://www.rust-lang.org/".into(), redirect(302, URL));
    world.command(Command::Never(domain("gutenberg.org")));
    world.assign(&fetch_item("https://www.rust-lang.org/", 1_000));
    assert_eq!(world.requests, ["https://www.rust-lang.org/"]);
    let ActivityWork::Fetch { outcome, reason, .. } = &world.view().activities[0].work else { panic!("a fetch") };
    assert_eq!((outcome.as_str(), reason.as_deref()), ("policy", Some("never_domain")));
}

#[test]
fn what_is_under_way_stops_in_the_same_breath() {
    for what in [domain("gutenberg.org"), requester()] {
        let mut world = lending();
        world.sites.insert(URL.into(), Page::Hangs);
        world.assign(&fetch_item(URL, 1_000));
        world.take_log();
        world.command(Command::Never(what));
        assert!(world.take_log().iter().any(|effect| matches!(effect, lull_worker::Effect::AbortFetch { .. })));
        assert_eq!(returned(&mut world).len(), 1);
        assert!(world.view().activities.is_empty());
    }
    let mut world = lending();
    world.sites.insert("https://www.rust-lang.org/".into(), redirect(302, URL));
    world.sites.insert(URL.into(), Page::Hangs);
    world.assign(&fetch_item("https://www.rust-lang.org/", 1_000));
    world.command(Command::Never(domain("gutenberg.org")));
    let ActivityWork::Fetch { reason, .. } = &world.view().activities[0].work else { panic!("a fetch") };
    assert_eq!(reason.as_deref(), Some("never_domain"), "the redirect was followed already");
}

#[test]
fn an_order_with_nothing_else_makes_the_worker_rest_and_others_are_reached() {
    let mut world = lending();
    world.command(Command::Never(domain("gutenberg.org")));
    world.take_sent();
    for i in 0..limits::NEVER_RETURNS_MAX {
        world.assign(&fetch_item(&format!("{URL}/{i}"), 1_000));
    }
    let wants = |world: &mut World| -> Vec<u8> {
        let want = |m| if let ToCoordinator::Want { fetch, .. } = m { Some(fetch) } else { None };
        world.take_sent().into_iter().filter_map(want).collect()
    };
    assert_eq!(wants(&mut world).last(), Some(&0), "it rests");
    world.pass(limits::NEVER_REST_MS);
    assert_eq!(wants(&mut world).last(), Some(&2), "and goes on");
    world.assign(&fetch_item("https://www.rust-lang.org/", 1_000));
    assert_eq!(world.requests, ["https://www.rust-lang.org/"]);
}

#[test]
fn lists_have_their_length_and_nonsense_is_not_on_them() {
    let mut world = World::connected();
    for nonsense in ["", ".", "localhost", "münchen.de", &"a.".repeat(200)] {
        world.command(Command::Never(domain(nonsense)));
    }
    world.command(Command::Never(NeverWhat::Requester(String::new())));
    assert_eq!(world.view().never, lull_view::Never::default());
    for i in 0..=limits::NEVER_DOMAINS_MAX {
        world.command(Command::Never(domain(&format!("a{i}.org"))));
        world.command(Command::Never(domain(&format!("b.a{i}.org"))));
    }
    for i in 0..=limits::NEVER_REQUESTERS_MAX {
        world.command(Command::Never(NeverWhat::Requester(format!("r{i}"))));
    }
    let never = world.view().never;
    assert_eq!(
        (never.domains.len(), never.requesters.len()),
        (limits::NEVER_DOMAINS_MAX, limits::NEVER_REQUESTERS_MAX)
    );
    assert_eq!(world.view().notice, Some(Notice::NeverFull));
    assert!(never.domains.contains(&"a1.org".to_owned()));
}

#[test]
fn the_list_outlives_a_full_disk() {
    let mut world = lending();
    for i in 0..20 {
        let offer = world.assign(&text_item(&format!("t{i}")));
        world.answer(&offer, 0);
    }
    // Receipts make room.
    world.is_checked = false;
    world.disk_bytes_max = world.disk_bytes();
    world.command(Command::Never(domain("gutenberg.org")));
    world.kill();
    world.disk_bytes_max = usize::MAX;
    world.run();
    assert_eq!(world.view().never.domains, ["gutenberg.org"]);
}
