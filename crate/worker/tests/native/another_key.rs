//! A key from a backup: what stays of the browser that gets it, and how a key goes on that remembers nothing.

use lull_protocol::ToWorker;
use lull_protocol::message::RefusedCode;
use lull_view::{Account, ActivityState, Command, Link, LinkProblem, NeverWhat, Reply};
use lull_worker::{Config, Worker};

use crate::common::*;

/// A browser that earned something, has a judgment on screen, a result that nobody acknowledged, and choices.
fn at_work() -> World {
    let mut world = World::connected();
    world.command(Command::CardSeen);
    world.command(Command::FirstRunDone);
    world.command(Command::Never(NeverWhat::Domain("gutenberg.org".into())));
    for title in ["one", "two"] {
        let offer = world.assign(&text_item(title));
        world.answer(&offer, 0);
    }
    world
}

#[test]
fn nothing_of_the_old_key_is_left_under_the_new_one() {
    let mut world = at_work();
    world.coordinator.is_mute = true;
    let unsent = world.assign(&text_item("unsent"));
    world.answer(&unsent, 0);
    world.assign(&text_item("open"));
    assert_eq!(world.view().outbox, 1);
    let kept = world.worker.records_of_the_browser();
    let names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["settings", "counters", "coordinator", "consent", "usage", "never"]);
    let config = Config { trust: world.trust.clone(), tasks: world.tasks, take_back_ms: 0 };
    let mut other = Worker::new(config, key(2), 5, kept);
    let view = other.view(world.local());
    assert_eq!(view.worker, key(2).public().short());
    assert_eq!((view.account, view.outbox, view.activities.len()), (Account::default(), 0, 0));
    assert!(view.judgment.is_none() && view.notice.is_none(), "nothing is set aside, for nothing is unreadable");
    // What the person chose holds for whichever key.
    assert!(view.settings.judgments && view.settings.card_seen && !view.never.domains.is_empty());
    let Some(Reply::Export { jsonl }) = other.query(&Command::Export, world.local()) else { panic!("an export") };
    assert_eq!(jsonl.lines().count(), 1, "the head alone");
    while other.poll_effect().is_some() {}
}

#[test]
fn a_restored_key_is_told_all_again_and_goes_on() {
    let mut world = at_work();
    let open = world.assign(&text_item("open"));
    let before = world.view();
    assert!(before.account.earned > 0 && world.coordinator.verdicts.len() == 2);
    // Another browser, where nothing is known but the key; the harness looks for receipts, which are in the first one.
    world.is_checked = false;
    world.disk.clear();
    world.kill();
    world.run();
    assert_eq!(world.view().link, Link::Off, "nothing happens before this browser's own person says so");
    world.command(Command::SetJudgments { on: true });
    world.command(Command::CardSeen);
    let view = world.view();
    assert_eq!((&view.link, view.notice.as_ref()), (&Link::Connected, None));
    assert_eq!((view.worker, view.account), (before.worker, before.account));
    assert!(view.activities.is_empty(), "what another browser did is in no log here");
    // The judgment that was on screen there comes here, and its answer counts.
    assert_eq!(view.judgment.map(|judgment| judgment.offer), Some(open.clone()));
    world.answer(&open, 0);
    let view = world.view();
    assert_eq!((view.activities.len(), view.activities[0].state), (1, ActivityState::Accepted));
    assert_eq!(world.coordinator.verdicts.len(), 3);
    // Its number is known from now on, restarts included.
    world.kill();
    world.run();
    assert_eq!((world.view().link, world.coordinator.verdicts_seen), (Link::Connected, 3));
}

#[test]
fn the_older_of_two_browsers_with_one_key_stays_away_until_the_person_says_so() {
    let mut world = at_work();
    world.say(&ToWorker::Bye { code: RefusedCode::Replaced });
    world.coordinator.close();
    let replaced = Link::Stopped { reason: LinkProblem::Replaced };
    for _ in 0..3 {
        world.take_log();
        world.pass(24 * 3_600_000);
        assert_eq!(world.view().link, replaced);
        let dials =
            world.take_log().iter().filter(|effect| matches!(effect, lull_worker::Effect::Connect { .. })).count();
        assert_eq!(dials, 0, "two browsers would push each other out for ever");
        // Nor does a start of the browser.
        world.kill();
        world.run();
    }
    world.command(Command::ConnectNow);
    assert_eq!(world.view().link, Link::Connected);
}
