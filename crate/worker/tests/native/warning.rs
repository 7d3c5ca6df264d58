//! Sensitive content: chosen, covered, counted.

use lull_protocol::message::ReturnReason;
use lull_protocol::{Item, ToCoordinator, Warning, WarningSet};
use lull_view::{Command, SENSITIVE_DAY_MAX};
use lull_worker::{Event, limits};

use crate::common::*;

const HATE: WarningSet = WarningSet::NONE.with(Warning::Hate);

fn sensitive(title: &str, warnings: WarningSet) -> Item {
    let Item::Judgment(item) = text_item(title) else { panic!("a judgment") };
    Item::Judgment(lull_protocol::JudgmentItem { warnings, ..item })
}

fn choose(world: &mut World, chosen: WarningSet, day_max: u16) {
    world.command(Command::SetWarnings { chosen, day_max });
}

fn wanted(world: &World) -> WarningSet {
    let last = world.sent.iter().rev().find_map(|message| match message {
        ToCoordinator::Want { warnings, .. } => Some(*warnings),
        _ => None,
    });
    last.expect("a wish")
}

fn unwanted(world: &World) -> usize {
    assert!(world.coordinator.returned.iter().all(|(_, reason)| *reason == ReturnReason::Unwanted));
    world.coordinator.returned.len()
}

/// Another day begins, this many after today.
fn day_begins(world: &mut World, days: i64) {
    let start = world.surroundings.day_start.get().saturating_add_signed(days * 86_400_000);
    world.surroundings.day_start = at(start);
    world.feed(Event::Surroundings(world.surroundings));
}

/// Shows what is covered, and answers it.
fn answer_next(world: &mut World) {
    let judgment = world.judgment();
    assert!(judgment.is_covered);
    world.command(Command::Uncover { offer: judgment.offer.clone() });
    assert!(!world.judgment().is_covered);
    world.answer(&judgment.offer, 0);
}

#[test]
fn what_was_not_chosen_goes_back() {
    let mut world = World::connected();
    assert_eq!(wanted(&world), WarningSet::NONE);
    world.assign(&sensitive("hate", HATE));
    assert_eq!((world.view().judgment, unwanted(&world)), (None, 1));
    choose(&mut world, HATE.with(Warning::Medical), 50);
    assert_eq!(wanted(&world), HATE.with(Warning::Medical));
    world.assign(&sensitive("hate and more", HATE.with(Warning::Sexual)));
    assert_eq!(unwanted(&world), 2);
    world.assign(&sensitive("hate", HATE));
    assert_eq!((world.judgment().title.as_str(), world.judgment().warnings), ("hate", HATE));
    // It goes back with the choice, and the choice survives a kill.
    choose(&mut world, WarningSet::NONE, 50);
    assert_eq!((world.view().judgment, unwanted(&world), wanted(&world)), (None, 3, WarningSet::NONE));
    world.kill();
    world.run();
    assert_eq!(world.view().warnings.chosen, WarningSet::NONE);
}

#[test]
fn what_is_covered_is_not_answered_but_skipped() {
    let mut world = World::connected();
    choose(&mut world, HATE, 50);
    let offer = world.assign(&sensitive("hate", HATE));
    world.answer(&offer, 0);
    assert_eq!((world.judgment().is_covered, world.view().outbox), (true, 0), "nobody has seen it");
    answer_next(&mut world);
    assert_eq!((world.view().judgment, world.view().warnings.seen_today), (None, 1));
    let offer = world.assign(&sensitive("skipped", HATE));
    world.command(Command::Skip { offer, shown_at: None });
    assert_eq!((world.view().judgment, world.view().warnings.seen_today), (None, 1), "it was not seen");
    let plain = world.assign(&text_item("plain"));
    world.command(Command::Uncover { offer: plain });
    assert_eq!(world.view().warnings.seen_today, 1);
}

#[test]
fn a_day_has_its_limit_whatever_restarts() {
    let mut world = World::connected();
    choose(&mut world, HATE, 2);
    for title in ["one", "two"] {
        world.assign(&sensitive(title, HATE));
    }
    assert_eq!(wanted(&world), WarningSet::NONE, "two wait, and two are the limit");
    world.assign(&sensitive("three", HATE));
    assert_eq!(unwanted(&world), 1);
    answer_next(&mut world);
    let second = world.judgment().offer;
    world.command(Command::Uncover { offer: second.clone() });
    world.command(Command::Uncover { offer: second.clone() });
    world.kill();
    world.run();
    assert_eq!(world.view().warnings.seen_today, 2, "once each, and a kill forgets none");
    assert!(!world.judgment().is_covered, "what was uncovered stays so");
    world.answer(&second, 0);
    world.assign(&sensitive("three", HATE));
    assert_eq!((unwanted(&world), wanted(&world)), (2, WarningSet::NONE));
    // The next day begins anew; a clock that is set back doesn't.
    day_begins(&mut world, -1);
    assert_eq!(world.view().warnings.seen_today, 2);
    day_begins(&mut world, 1);
    assert_eq!((world.view().warnings.seen_today, wanted(&world)), (0, HATE));
    world.assign(&sensitive("three", HATE));
    assert_eq!(world.judgment().title, "three");
    choose(&mut world, HATE, 0);
    assert_eq!((world.view().judgment, unwanted(&world)), (None, 3));
    choose(&mut world, HATE, u16::MAX);
    assert_eq!(world.view().warnings.day_max, SENSITIVE_DAY_MAX);
}

#[test]
fn what_is_taken_back_stays_uncovered_and_counts_once() {
    let mut world = World::connected();
    world.take_back_ms = limits::TAKE_BACK_MS;
    world.kill();
    world.run();
    choose(&mut world, HATE, 2);
    let first = world.assign(&sensitive("first", HATE));
    world.assign(&sensitive("second", HATE));
    answer_next(&mut world);
    // The next one is uncovered, and that is the day's last.
    world.command(Command::Uncover { offer: world.judgment().offer });
    world.command(Command::TakeBack { offer: first.clone() });
    let judgment = world.judgment();
    assert_eq!((judgment.offer.as_str(), judgment.is_covered), (first.as_str(), false));
    assert_eq!((world.view().warnings.seen_today, unwanted(&world)), (2, 0), "nothing is lost, nothing counts twice");
    world.answer(&first, 1);
    assert!(!world.judgment().is_covered);
}
