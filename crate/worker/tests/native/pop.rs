//! Calls to the person: as they chose, and never more often.

use lull_protocol::message::RefusedCode;
use lull_protocol::{Hash, ToWorker};
use lull_view::{Command, Pops};
use lull_worker::{Surroundings, limits};

use crate::common::*;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// Somebody is at the keyboard, and chose these; no work is there yet.
fn chosen(pops: Pops) -> World {
    let mut world = World::connected();
    world.surroundings = Surroundings { away: false, ..world.surroundings };
    world.start();
    world.command(Command::SetPops { pops });
    world
}

fn often() -> Pops {
    Pops { open: true, minutes: 5, quiet_from: 0, quiet_to: 0, ..Pops::default() }
}

#[test]
fn nobody_is_called_who_did_not_choose_it() {
    let mut world = chosen(Pops::default());
    world.assign(&text_item("quiet"));
    world.pass(HOUR);
    assert!(world.pops.is_empty());
}

#[test]
fn a_judgment_calls_once_and_again_when_it_may() {
    let mut world = chosen(often());
    world.pass(MINUTE);
    assert!(world.pops.is_empty(), "there is nothing to answer");
    let first = world.assign(&text_item("first"));
    let called = world.now_ms;
    assert_eq!(world.pops, [called]);
    world.answer(&first, 0);
    world.assign(&text_item("second"));
    world.pass(5 * MINUTE);
    assert_eq!(world.pops.len(), 1, "not more often than they chose");
    world.kill();
    world.run();
    world.assign(&text_item("third"));
    assert_eq!(world.pops.len(), 1, "a restart forgets nothing");
    world.pass(limits::POP_LATE_MS);
    assert_eq!(world.pops.len(), 2);
}

#[test]
fn practice_calls_once_whichever_judgment_it_comes_before() {
    let mut world = chosen(often());
    let practice = practice("signs", 1);
    world.coordinator.blobs.insert(practice.blob().hash, practice.to_bytes());
    let first = world.assign(&practised_item(text_item("first"), &practice));
    assert_eq!(world.pops.len(), 1);
    world.assign(&practised_item(text_item("second"), &practice));
    let (offer, reason) = (Hash::from_hex(&first).unwrap(), RefusedCode::Withdrawn);
    world.say(&ToWorker::Withdraw { offer, reason });
    assert_eq!(world.view().practice.map(|shown| shown.title).as_deref(), Some("second"));
    world.pass(5 * MINUTE);
    assert_eq!(world.pops.len(), 1, "they let the same practice be");
}

#[test]
fn nobody_is_called_who_looks_already_or_is_away() {
    for (away, looks) in [(true, false), (false, true)] {
        let mut world = chosen(often());
        world.surroundings = Surroundings { away, looks, ..world.surroundings };
        world.start();
        world.assign(&text_item("waits"));
        assert!(world.pops.is_empty());
        world.surroundings = Surroundings { away: false, looks: false, ..world.surroundings };
        world.start();
        assert_eq!(world.pops.len(), 1);
    }
}

#[test]
fn quiet_hours_are_quiet_and_end() {
    // `START_MS` is within the first hour of the person's day.
    for (from, to, hours) in [(22, 8, 8), (0, 3, 3), (23, 1, 1), (5, 6, 0), (4, 4, 0)] {
        let mut world = chosen(Pops { quiet_from: from, quiet_to: to, ..often() });
        world.surroundings =
            Surroundings { utc_offset_min: -i32::try_from(START_MS / MINUTE % 1_440).unwrap(), ..world.surroundings };
        world.start();
        let mut waits = world.assign(&text_item("0"));
        for hour in 1..=hours {
            assert!(world.pops.is_empty(), "{from}-{to}: hour {hour}");
            world.pass(HOUR);
            world.answer(&waits, 0);
            waits = world.assign(&text_item(&hour.to_string()));
        }
        assert_eq!(world.pops.len(), 1, "{from}-{to}");
    }
}

#[test]
fn a_call_that_could_not_be_shown_is_tried_again_soon() {
    let mut world = chosen(Pops { minutes: 240, ..often() });
    world.shows_pops = false;
    world.assign(&text_item("waits"));
    assert_eq!(world.pops.len(), 1);
    world.shows_pops = true;
    world.pass(limits::POP_AGAIN_MS - 1);
    assert_eq!(world.pops.len(), 1);
    world.pass(1);
    assert_eq!(world.pops.len(), 2);
    world.pass(HOUR);
    assert_eq!(world.pops.len(), 2);
}

#[test]
fn who_changes_a_choice_is_still_told_of_what_could_not_be_shown() {
    let mut world = chosen(often());
    world.shows_pops = false;
    world.assign(&text_item("waits"));
    assert_eq!(world.pops.len(), 1);
    world.command(Command::SetPops { pops: Pops { minutes: 60, ..often() } });
    world.shows_pops = true;
    world.pass(limits::POP_AGAIN_MS + MINUTE);
    assert_eq!(world.pops.len(), 2);
    world.pass(2 * HOUR);
    assert_eq!(world.pops.len(), 2, "what was shown and let be calls no more");
}

#[test]
fn a_judgment_that_was_let_be_calls_no_more() {
    let mut world = chosen(often());
    let ignored = world.assign(&text_item("ignored"));
    assert_eq!(world.pops.len(), 1);
    world.pass(6 * MINUTE);
    world.kill();
    world.run();
    assert_eq!(world.pops.len(), 1, "it is on screen still, after a restart too");
    world.assign(&text_item("next"));
    world.answer(&ignored, 0);
    assert_eq!(world.pops.len(), 2);
}

#[test]
fn nobody_is_called_on_a_disk_that_would_forget_it() {
    let mut world = chosen(often());
    world.is_disk_full = true;
    world.assign(&text_item("waits"));
    world.pass(HOUR);
    assert!(world.pops.is_empty());
}

#[test]
fn choices_are_held_to_what_there_is() {
    let world = chosen(Pops { minutes: 0, quiet_from: 99, quiet_to: u64::MAX, ..often() });
    let pops = world.view().pops;
    assert_eq!((pops.minutes, pops.quiet_from, pops.quiet_to), (30, 3, 15));
}
