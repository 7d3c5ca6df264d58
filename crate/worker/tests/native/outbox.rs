//! Signed results: sent again until acknowledged or refused for good.

use lull_protocol::message::RefusedCode;
use lull_protocol::{Hash, ToWorker};
use lull_view::{ActivityState, Command, Notice};
use lull_worker::limits;

use crate::common::*;

#[test]
fn after_each_reconnect_the_same_bytes_go_out_in_order() {
    let mut world = World::connected();
    world.coordinator.is_mute = true;
    let offers: Vec<String> = (0..3).map(|i| world.assign(&text_item(&format!("t{i}")))).collect();
    // Not in the order of the row.
    for i in [2, 0, 1] {
        world.answer(&offers[i], 0);
    }
    let first = world.take_results();
    assert_eq!(first.len(), 3);
    world.cut();
    world.command(Command::ConnectNow);
    assert_eq!(world.take_results(), first);
    world.kill();
    world.run();
    assert_eq!(world.take_results(), first, "in the order of signing, after a restart too");
    world.coordinator.is_mute = false;
    world.cut();
    world.command(Command::ConnectNow);
    assert_eq!((world.take_results(), world.view().outbox), (first, 0));
    world.cut();
    world.command(Command::ConnectNow);
    assert!(world.take_results().is_empty(), "what is acknowledged is not sent again");
}

/// One result that the coordinator answers with this refusal.
fn refused(code: RefusedCode) -> (World, Hash) {
    let mut world = World::connected();
    world.coordinator.is_mute = true;
    let offer = world.assign(&text_item("refused"));
    world.answer(&offer, 0);
    let hash = Hash::from_hex(&offer).unwrap();
    world.take_sent();
    world.say(&ToWorker::Refused { about: Some(hash), code });
    (world, hash)
}

#[test]
fn a_final_refusal_lets_go_with_a_word() {
    let (mut world, _) = refused(RefusedCode::LeaseExpired);
    let view = world.view();
    assert_eq!((view.outbox, view.activities[0].state), (0, ActivityState::Refused));
    assert_eq!(view.notice, Some(Notice::Refused { code: "lease_expired".into() }));
    world.cut();
    world.kill();
    world.run();
    assert!(world.take_results().is_empty());
    assert_eq!(world.view().activities[0].state, ActivityState::Refused, "and it is remembered");
    assert!(world.view().notice.is_none());
}

#[test]
fn a_disk_that_is_full_is_told_before_what_was_refused() {
    let (mut world, _) = refused(RefusedCode::LeaseExpired);
    world.is_disk_full = true;
    let offer = world.assign(&text_item("another"));
    world.answer(&offer, 0);
    assert_eq!(world.view().notice, Some(Notice::Storage));
    world.is_disk_full = false;
    world.pass(limits::BACKOFF_MS_MAX);
    assert!(matches!(world.view().notice, Some(Notice::Refused { .. })), "it is over, and the rest is still told");
}

#[test]
fn a_passing_refusal_is_tried_again_with_back_off() {
    let (mut world, hash) = refused(RefusedCode::Unavailable);
    assert_eq!((world.view().outbox, world.view().notice.clone()), (1, None));
    let mut sent = 0;
    for _ in 0..6 {
        world.pass(limits::BACKOFF_MS_MAX);
        let results = world.take_results();
        sent += results.len();
        assert_eq!(results.len(), 1);
        world.say(&ToWorker::Refused { about: Some(hash), code: RefusedCode::Busy });
        assert!(world.take_results().is_empty(), "not at once");
    }
    assert_eq!(sent, 6);
}

#[test]
fn words_about_nothing_known_change_nothing() {
    let mut world = World::connected();
    let offer = world.assign(&text_item("kept"));
    let (known, unknown) = (Hash::from_hex(&offer).unwrap(), Hash([4; 32]));
    for about in [None, Some(unknown), Some(known)] {
        world.say(&ToWorker::Refused { about, code: RefusedCode::Signature });
    }
    for offer in [known, unknown] {
        world.say(&ToWorker::Ack { offer, result: unknown });
        let (offset, bytes) = (lull_protocol::ByteCount::ZERO, lull_protocol::ByteCount::new(9).unwrap());
        world.say(&ToWorker::BodyWanted { offer, offset, bytes });
    }
    world.say(&ToWorker::Withdraw { offer: unknown, reason: RefusedCode::Withdrawn });
    let view = world.view();
    assert_eq!((view.judgment.map(|j| j.offer), view.outbox, view.notice), (Some(offer), 0, None));
}

#[test]
fn another_result_that_counts_is_told() {
    let mut world = World::connected();
    world.coordinator.is_mute = true;
    let offer = world.assign(&text_item("twice"));
    world.answer(&offer, 0);
    world.say(&ToWorker::Ack { offer: Hash::from_hex(&offer).unwrap(), result: Hash([4; 32]) });
    let view = world.view();
    assert_eq!((view.outbox, view.activities[0].state), (0, ActivityState::Refused));
    assert_eq!(view.notice, Some(Notice::Refused { code: "result_differs".into() }));
}

/// A first fetch; then the disk takes a second one's lease, with the count of its request, and nothing after that.
fn assign_before_the_disk_is_full(world: &mut World, url: &str) {
    world.assign(&fetch_item(url, 900));
    world.take_sent();
    let now = world.coordinator_now();
    let message = world.coordinator.assign(&fetch_item(url, 1_000), world.me, now);
    world.holds_disk = true;
    world.say(&message);
    world.is_disk_full = true;
    world.write_held(true);
}

#[test]
fn a_fetch_that_storage_refuses_is_kept_and_stored_later() {
    let mut world = World::connected();
    let url = "https://www.rust-lang.org/page";
    world.sites.insert(url.into(), page(200, b"body"));
    assign_before_the_disk_is_full(&mut world, url);
    assert_eq!((world.view().notice, world.view().outbox), (Some(Notice::Storage), 1));
    world.assign(&fetch_item(url, 2_000));
    assert_eq!(world.requests.len(), 2, "while storage fails no fetch begins");
    assert!(world.take_results().is_empty());
    world.is_disk_full = false;
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!((world.view().notice, world.view().outbox), (None, 0));
    assert_eq!((world.take_results().len(), world.requests.len()), (2, 3), "and none was fetched twice");
}

#[test]
fn a_fetch_that_storage_never_takes_is_let_go_at_its_deadline() {
    let mut world = World::connected();
    let url = "https://www.rust-lang.org/page";
    world.sites.insert(url.into(), page(200, b"body"));
    assign_before_the_disk_is_full(&mut world, url);
    assert_eq!(world.view().outbox, 1);
    world.pass(world.coordinator.lease_ms + 1);
    assert_eq!(world.view().outbox, 0);
    world.coordinator.leases.clear();
    // Until the next try the disk still holds the lease.
    world.is_checked = false;
    world.is_disk_full = false;
    world.pass(2 * limits::BACKOFF_MS_MAX);
    world.is_checked = true;
    assert_eq!(world.view().notice, None);
    assert!(!world.disk.keys().any(|k| k.starts_with("outbox/") || k.starts_with("body/") || k.starts_with("lease/")));
}

#[test]
fn a_refused_result_of_a_class_that_is_off_wakes_nobody() {
    let (mut world, _) = refused(RefusedCode::Busy);
    world.command(Command::SetBandwidth { on: true });
    world.command(Command::SetJudgments { on: false });
    world.take_sent();
    world.pass(2 * limits::BACKOFF_MS_MAX);
    assert_eq!((world.take_results().len(), world.view().outbox), (0, 1));
}
