//! A whole day, killed at every step.

use crate::common::scenario::{self, Day};

#[test]
fn nothing_before_consent() {
    scenario::nothing_before_consent();
}

#[test]
fn a_judgment_from_offer_to_verdict() {
    scenario::a_judgment_from_offer_to_verdict();
}

#[test]
fn every_changed_byte_is_seen() {
    scenario::a_changed_byte_is_seen(1);
}

#[test]
fn clocks_may_be_off() {
    [3_600_000, -3_600_000].into_iter().for_each(scenario::an_hour_off);
}

#[test]
fn a_day_killed_after_any_effect_ends_the_same() {
    let effects = scenario::a_quiet_day();
    assert!(effects > 150, "the day is long enough to matter: {effects} effects");
    (1..=effects).for_each(scenario::a_day_killed_after);
}

#[test]
fn a_day_on_a_failing_disk_ends_the_same() {
    (2..12).for_each(scenario::a_day_on_a_failing_disk);
}

#[test]
fn a_day_killed_again_and_again_sends_no_second_result() {
    // Some rhythms never let the day end; what is sent must be right all the same.
    for rhythm in [17, 23, 31, 47, 61] {
        let mut day = Day::new();
        for kill in 1..40 {
            day.world.kill_after = Some(kill * rhythm);
            day.hurry(60);
        }
        day.world.kill_after = None;
        day.go();
        day.check();
    }
}
