//! Flags, judgments that are taken back, and answers that come late.

use lull_protocol::cose;
use lull_protocol::limits::SEEN_MS_MIN;
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::{Input, Report, WorkResult};
use lull_protocol::{FlagReason, FlagReport, Hash, ToCoordinator, ToWorker};
use lull_view::{ActivityWork, AnswerInput, Command, Notice};
use lull_worker::{Event, limits};

use crate::common::{World, text_item};

/// A connected world with a page of Lull open.
fn looking() -> World {
    let mut world = World::connected();
    looks(&mut world, true);
    world
}

fn looks(world: &mut World, looks: bool) {
    world.surroundings.looks = looks;
    world.feed(Event::Surroundings(world.surroundings));
}

fn flag(world: &mut World, offer: &str, note: &str) {
    let (offer, shown_at) = (offer.to_owned(), world.local().get());
    let (reason, note, input) = (FlagReason::Captcha, note.to_owned(), AnswerInput::Keyboard);
    world.command(Command::Flag { offer, reason, note, input, shown_at });
}

fn seen(world: &mut World, offer: &str) {
    world.command(Command::Seen { offer: offer.to_owned() });
}

fn withdraw(world: &mut World, offer: &str, reason: RefusedCode) {
    let offer = Hash::from_hex(offer).unwrap();
    world.coordinator.leases.clear();
    world.say(&ToWorker::Withdraw { offer, reason });
}

fn sent(world: &World) -> Vec<WorkResult> {
    let results = world.sent.iter().filter_map(|message| match message {
        ToCoordinator::Result { statement } => cose::peek(statement).ok(),
        _ => None,
    });
    results.collect()
}

fn returned(world: &World) -> Vec<ReturnReason> {
    let returns = world.sent.iter().filter_map(|message| match message {
        ToCoordinator::Return { reason, .. } => Some(*reason),
        _ => None,
    });
    returns.collect()
}

#[test]
fn a_flag_is_signed_like_an_answer_and_the_next_judgment_comes() {
    let mut world = looking();
    let first = world.assign(&text_item("a captcha"));
    let second = world.assign(&text_item("next"));
    world.pass(7_000);
    flag(&mut world, &first, "  which\nstreet? ");
    let results = sent(&world);
    let [WorkResult { report: Report::Flag(report), .. }] = &results[..] else { panic!("{results:?}") };
    let (reason, note, input) = (FlagReason::Captcha, Some("which street?".to_owned()), Input::Keyboard);
    assert_eq!(*report, FlagReport { reason, note, input });
    assert_eq!(world.judgment().offer, second);
    let activity = &world.view().activities[0];
    let ActivityWork::Judgment { answer, .. } = &activity.work else { panic!("a judgment") };
    assert_eq!(answer, "flagged: captcha (“which street?”)");
}

/// A world in which the last answer can be taken back.
fn taking_back() -> World {
    let mut world = World::new();
    world.take_back_ms = limits::TAKE_BACK_MS;
    world.kill();
    world.run();
    world.start();
    world.command(Command::SetJudgments { on: true });
    world
}

#[test]
fn a_flag_can_be_taken_back() {
    let mut world = taking_back();
    let offer = world.assign(&text_item("fine after all"));
    flag(&mut world, &offer, "");
    assert_eq!((sent(&world).len(), world.view().judgment.is_none()), (0, true));
    world.command(Command::TakeBack { offer: offer.clone() });
    assert_eq!(world.judgment().offer, offer);
    world.pass(limits::TAKE_BACK_MS + 1);
    assert_eq!(sent(&world), []);
}

#[test]
fn a_flag_tells_of_the_whole_look_also_when_it_was_taken_back_between() {
    let mut world = taking_back();
    looks(&mut world, true);
    let offer = world.assign(&text_item("twice"));
    world.pass(SEEN_MS_MIN);
    seen(&mut world, &offer);
    flag(&mut world, &offer, "");
    world.command(Command::TakeBack { offer: offer.clone() });
    flag(&mut world, &offer, "");
    world.pass(limits::TAKE_BACK_MS + 1);
    let looked: Vec<u64> = sent(&world).iter().map(|result| result.finished_at.since(result.started_at)).collect();
    assert_eq!(looked, [SEEN_MS_MIN]);
}

#[test]
fn a_look_of_5_seconds_is_claimed_when_the_judgment_is_taken_back() {
    let mut world = looking();
    let offer = world.assign(&text_item("withdrawn"));
    world.pass(SEEN_MS_MIN);
    seen(&mut world, &offer);
    world.pass(2_000);
    // What was seen outlives the background.
    world.kill();
    world.run();
    withdraw(&mut world, &offer, RefusedCode::Withdrawn);
    let results = sent(&world);
    let [WorkResult { report: Report::Withdrawn, started_at, finished_at, .. }] = &results[..] else {
        panic!("{results:?}")
    };
    assert_eq!(finished_at.since(*started_at), SEEN_MS_MIN + 2_000);
    assert_eq!(world.view().notice, Some(Notice::Withdrawn { is_paid: true }));
    assert_eq!(returned(&world), []);
}

#[test]
fn nothing_is_claimed_for_what_no_page_has_shown_for_5_seconds() {
    // On screen, but not for long enough.
    let mut world = looking();
    let offer = world.assign(&text_item("glance"));
    world.pass(60_000);
    withdraw(&mut world, &offer, RefusedCode::Withdrawn);
    assert_eq!((sent(&world).len(), returned(&world)), (0, vec![ReturnReason::Withdrawn]));
    assert_eq!(world.view().notice, Some(Notice::Withdrawn { is_paid: false }));
    // No page is open, so nobody can have seen it: not even if one says so.
    let mut world = World::connected();
    let offer = world.assign(&text_item("nobody there"));
    world.pass(60_000);
    seen(&mut world, &offer);
    withdraw(&mut world, &offer, RefusedCode::Withdrawn);
    assert_eq!((sent(&world).len(), returned(&world)), (0, vec![ReturnReason::Withdrawn]));
    assert_eq!(world.view().notice, None);
    // Another one is on screen.
    let mut world = looking();
    world.assign(&text_item("on screen"));
    let waits = world.assign(&text_item("behind it"));
    world.pass(60_000);
    seen(&mut world, &waits);
    withdraw(&mut world, &waits, RefusedCode::Withdrawn);
    assert_eq!((sent(&world).len(), returned(&world)), (0, vec![ReturnReason::Withdrawn]));
}

#[test]
fn a_clock_that_jumps_claims_no_look_from_before_the_lease() {
    for jump_ms in [-3_600_000, 3_600_000] {
        let mut world = looking();
        let offer = world.assign(&text_item("jumps"));
        let issued_at = world.now_ms;
        world.pass(SEEN_MS_MIN);
        seen(&mut world, &offer);
        world.ahead_ms += jump_ms;
        world.pass(1_000);
        withdraw(&mut world, &offer, RefusedCode::Withdrawn);
        let starts: Vec<u64> = sent(&world).iter().map(|result| result.started_at.get()).collect();
        assert!(starts.iter().all(|at| *at >= issued_at), "{jump_ms}: {starts:?}");
    }
}

#[test]
fn what_is_withdrawn_and_unknown_goes_back_at_once() {
    let mut world = World::connected();
    withdraw(&mut world, &"7".repeat(64), RefusedCode::Withdrawn);
    assert_eq!(returned(&world), [ReturnReason::Withdrawn]);
}

#[test]
fn what_is_on_screen_at_its_deadline_can_still_be_answered() {
    let mut world = looking();
    let offer = world.assign(&text_item("late"));
    world.assign(&text_item("behind it"));
    world.pass(world.coordinator.lease_ms + 1);
    withdraw(&mut world, &offer, RefusedCode::LeaseExpired);
    assert_eq!((world.judgment().offer, world.badge), (offer.clone(), 1), "what nobody sees is over");
    world.answer(&offer, 0);
    assert_eq!(sent(&world).len(), 1);

    let mut world = looking();
    let offer = world.assign(&text_item("too late"));
    world.pass(world.coordinator.lease_ms + limits::LATE_MS_MAX - 1);
    assert_eq!(world.judgment().offer, offer);
    world.pass(1);
    assert_eq!(world.view().judgment, None);

    let mut world = looking();
    let offer = world.assign(&text_item("closed meanwhile"));
    world.pass(world.coordinator.lease_ms + 1);
    assert_eq!(world.judgment().offer, offer);
    looks(&mut world, false);
    assert_eq!(world.view().judgment, None, "nobody is at it any more");
}

#[test]
fn the_same_item_again_takes_the_place_of_the_late_one() {
    let mut world = looking();
    let item = text_item("again");
    world.assign(&item);
    world.pass(world.coordinator.lease_ms + 1);
    let again = world.assign(&item);
    assert_eq!((world.judgment().offer, world.badge), (again, 1));
}

/// What was said of judgments that ran out: their time on screen.
fn ran_out(world: &mut World) -> Vec<Option<u64>> {
    let sent = world.take_sent().into_iter();
    sent.filter_map(|message| match message {
        ToCoordinator::Return { reason: ReturnReason::RanOut, shown_ms, .. } => Some(shown_ms.map(|ms| ms.get())),
        _ => None,
    })
    .collect()
}

#[test]
fn a_judgment_that_was_looked_at_and_ran_out_is_said_with_its_time() {
    let mut world = looking();
    let offer = world.assign(&text_item("too long"));
    world.pass(SEEN_MS_MIN);
    seen(&mut world, &offer);
    world.pass(30_000);
    // The popup is closed, opened again for a while, and closed.
    looks(&mut world, false);
    world.pass(60_000);
    looks(&mut world, true);
    world.pass(10_000);
    looks(&mut world, false);
    world.take_sent();
    world.pass(world.coordinator.lease_ms);
    assert_eq!(ran_out(&mut world), [Some(SEEN_MS_MIN + 40_000)]);
    assert!(!world.disk.keys().any(|key| key.starts_with("lease/") || key.starts_with("returned/")));
    world.cut();
    world.command(Command::ConnectNow);
    assert_eq!(ran_out(&mut world), [], "once");
}

#[test]
fn what_nobody_looked_at_runs_out_in_silence() {
    let mut world = looking();
    let first = world.assign(&text_item("a glance"));
    world.assign(&text_item("never on screen"));
    world.pass(SEEN_MS_MIN - 1);
    looks(&mut world, false);
    seen(&mut world, &first);
    world.take_sent();
    world.pass(world.coordinator.lease_ms);
    assert_eq!((ran_out(&mut world), world.view().judgment), (vec![], None));
}

#[test]
fn what_stays_on_screen_beyond_its_lease_counts_no_longer_than_that() {
    let mut world = looking();
    let offer = world.assign(&text_item("away from the desk"));
    world.pass(SEEN_MS_MIN);
    seen(&mut world, &offer);
    world.take_sent();
    world.pass(world.coordinator.lease_ms + limits::LATE_MS_MAX);
    assert_eq!(ran_out(&mut world), [Some(world.coordinator.lease_ms)]);
}

#[test]
fn what_ran_out_without_a_line_is_said_when_there_is_one_again_also_after_a_kill() {
    for (away_ms, is_told) in [(60_000, true), (limits::RAN_OUT_KEPT_MS + 60_000, false)] {
        let mut world = looking();
        let offer = world.assign(&text_item("on the train"));
        world.pass(SEEN_MS_MIN);
        seen(&mut world, &offer);
        looks(&mut world, false);
        world.is_reachable = false;
        world.cut();
        world.pass(world.coordinator.lease_ms);
        world.coordinator.leases.clear();
        world.take_sent();
        world.kill();
        world.run();
        world.pass(away_ms);
        world.is_reachable = true;
        world.command(Command::ConnectNow);
        let expected = if is_told { vec![Some(SEEN_MS_MIN)] } else { vec![] };
        assert_eq!(ran_out(&mut world), expected);
        assert!(!world.disk.keys().any(|key| key.starts_with("returned/")), "{away_ms}");
    }
}
