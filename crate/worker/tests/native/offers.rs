//! What goes with an offer: more time, what the person wants to be offered, free skips, how they fare.

use lull_protocol::cose::{self, Signed};
use lull_protocol::limits::{EXTENSIONS_MAX, FILTER_NEVER_MAX};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::Extension;
use lull_protocol::task::{Rating, Task};
use lull_protocol::{
    Amount, Content, DurationMs, Filter, Hash, Item, OrderId, Pace, TaskKind, TaskSet, ToCoordinator, ToWorker,
};
use lull_view::{Command, NeverWhat, Reply, Wishes, You};
use lull_worker::limits;

use crate::common::*;

const LEASE_MS: u64 = 600_000;

fn extend(world: &mut World, offer: &str) {
    world.command(Command::Extend { offer: offer.to_owned() });
}

fn hash(offer: &str) -> Hash {
    Hash::from_hex(offer).unwrap()
}

/// What went back, and how long it was on screen.
fn returned(world: &mut World) -> Vec<(ReturnReason, Option<u64>)> {
    let back = |message| match message {
        ToCoordinator::Return { reason, shown_ms, .. } => Some((reason, shown_ms.map(DurationMs::get))),
        _ => None,
    };
    world.take_sent().into_iter().filter_map(back).collect()
}

fn asked_for_time(world: &mut World) -> usize {
    world.take_sent().iter().filter(|message| matches!(message, ToCoordinator::Extend { .. })).count()
}

fn last_want(world: &World) -> (TaskSet, Filter) {
    let want = |message: &ToCoordinator| match message {
        ToCoordinator::Want { tasks, filter, .. } => Some((*tasks, filter.clone())),
        _ => None,
    };
    world.sent.iter().rev().find_map(want).expect("a want")
}

#[test]
fn an_extension_moves_the_deadline_and_an_answer_after_the_first_one_is_sent() {
    let mut world = World::connected();
    let offer = world.assign(&text_item("slow"));
    let first = world.judgment().deadline;
    assert_eq!(world.judgment().extensions_left, EXTENSIONS_MAX);
    extend(&mut world, &offer);
    let judgment = world.judgment();
    assert_eq!((judgment.deadline, judgment.extensions_left), (first + LEASE_MS, EXTENSIONS_MAX - 1));
    world.kill();
    world.run();
    assert_eq!(world.judgment().deadline, first + LEASE_MS, "kept");
    world.pass(LEASE_MS + 1_000);
    world.answer(&offer, 0);
    assert!(world.coordinator.stored.contains_key(&hash(&offer)), "sent after the first deadline");
    let evidence = world.disk.values().filter(|record| {
        let extension = Signed::sign(world.coordinator.extensions[&hash(&offer)].clone(), &world.coordinator.key);
        record.windows(extension.bytes().len()).any(|part| part == extension.bytes())
    });
    assert_eq!(evidence.count(), 1, "the promise is kept with the receipt");
}

#[test]
fn without_an_extension_the_lease_ends() {
    let mut world = World::connected();
    world.assign(&text_item("slow"));
    world.pass(LEASE_MS + 1_000);
    assert_eq!(world.view().judgment, None);
}

#[test]
fn time_is_asked_for_once_at_a_time_and_again_after_a_reconnect() {
    let mut world = World::connected();
    let offer = world.assign(&text_item("slow"));
    world.coordinator.is_slow = true;
    world.take_sent();
    extend(&mut world, &offer);
    extend(&mut world, &offer);
    assert_eq!(asked_for_time(&mut world), 1);
    world.coordinator.is_slow = false;
    let first = world.judgment().deadline;
    world.cut();
    world.pass(60_000);
    assert_eq!(world.judgment().deadline, first + LEASE_MS, "what was lost with the line comes with the lease");
    extend(&mut world, &offer);
    assert_eq!((asked_for_time(&mut world), world.judgment().deadline), (1, first + 2 * LEASE_MS));
    world.say(&ToWorker::Refused { about: Some(hash(&offer)), code: RefusedCode::Unexpected });
    extend(&mut world, &offer);
    assert_eq!(asked_for_time(&mut world), 1, "a refusal is an answer");
}

#[test]
fn no_more_than_ten_times() {
    let mut world = World::connected();
    let offer = world.assign(&text_item("slow"));
    for left in (0..EXTENSIONS_MAX).rev() {
        extend(&mut world, &offer);
        assert_eq!(world.judgment().extensions_left, left);
    }
    world.take_sent();
    extend(&mut world, &offer);
    assert_eq!(asked_for_time(&mut world), 0);
}

#[test]
fn an_extension_that_is_late_forged_or_about_another_changes_nothing() {
    let mut world = World::connected();
    let (offer, other) = (world.assign(&text_item("slow")), world.assign(&text_item("other")));
    let deadline = world.judgment().deadline;
    let extension = |offer: &str, number, ms| Extension { offer: hash(offer), number, deadline: at(deadline + ms) };
    let mut say = |extension: Extension, signer: u8| {
        let statement = Signed::sign(extension, &key(signer)).bytes().to_vec().into();
        world.say(&ToWorker::Extended { statement });
        world.judgment().deadline - deadline
    };
    assert_eq!(say(extension(&offer, 1, 5_000), 9), 0, "somebody else's");
    assert_eq!(say(extension(&other, 1, 5_000), 7), 0, "another lease's");
    assert_eq!(say(extension(&"0".repeat(64), 1, 5_000), 7), 0, "nobody's");
    assert_eq!(say(extension(&offer, 2, 9_000), 7), 9_000);
    assert_eq!(say(extension(&offer, 1, 5_000), 7), 9_000, "an older one, late");
    assert_eq!(say(extension(&offer, 2, 99_000), 7), 9_000, "a number means one thing");
    assert_eq!(say(extension(&offer, 3, 1_000), 7), 9_000, "more time is never less");
    world.say(&ToWorker::Extended { statement: b"nonsense".to_vec().into() });
    world.answer(&offer, 0);
    let late = Signed::sign(extension(&offer, 4, 60_000), &key(7)).bytes().to_vec().into();
    world.say(&ToWorker::Extended { statement: late });
    assert_eq!(world.judgment().offer, other, "after the answer it changes nothing on screen");
}

#[test]
fn a_lease_that_ended_while_the_promise_was_under_way_comes_back_with_it() {
    let mut world = World::connected();
    let offer = world.assign(&text_item("slow"));
    world.coordinator.extend(hash(&offer));
    world.is_reachable = false;
    world.cut();
    world.pass(LEASE_MS + 1_000);
    assert_eq!(world.view().judgment, None, "this browser doesn't know of it");
    world.is_reachable = true;
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!(world.judgment().offer, offer);
    assert!(world.coordinator.returned.is_empty());
}

#[test]
fn an_answer_can_be_taken_back_until_the_extended_deadline() {
    let mut world = World::new();
    world.take_back_ms = 5_000;
    world.kill();
    world.run();
    world.command(Command::SetJudgments { on: true });
    let offer = world.assign(&text_item("slow"));
    extend(&mut world, &offer);
    world.pass(LEASE_MS - 6_000);
    world.answer(&offer, 0);
    assert!(world.view().take_back.is_some(), "there is time, though the first deadline is near");
    world.pass(5_000);
    assert!(world.coordinator.stored.contains_key(&hash(&offer)));
}

#[test]
fn wishes_are_told_and_kept() {
    let mut world = World::connected();
    let wishes = Wishes { hourly_min: 6_000_000, text_only: true, tasks: TaskSet::of(&[TaskKind::Rating]) };
    world.command(Command::SetWishes { wishes: wishes.clone() });
    world.command(Command::Never(NeverWhat::Requester("Someone".into())));
    let (tasks, filter) = last_want(&world);
    assert_eq!(tasks, TaskSet::of(&[]), "this UI has views for choices alone");
    let never = vec!["Someone".to_owned()];
    assert_eq!(filter, Filter { hourly_min: Amount::new(6_000_000).unwrap(), text_only: true, never });
    world.kill();
    world.run();
    assert_eq!(world.view().wishes, wishes);
    for number in 0..2 * FILTER_NEVER_MAX {
        world.command(Command::Never(NeverWhat::Requester(format!("nobody {number}"))));
    }
    let (_, filter) = last_want(&world);
    assert_eq!(filter.never.len(), FILTER_NEVER_MAX);
    assert_eq!(filter.never[0], format!("nobody {}", 2 * FILTER_NEVER_MAX - 1), "the newest");
}

#[test]
fn what_is_filtered_out_goes_back_without_a_penalty_whoever_sends_it() {
    let blob = &picture(1, 60);
    let seen = picture_item("seen", blob);
    let rating = Task::Rating(Rating {
        content: Content::Text("a text".into()),
        steps: 5,
        lowest: "low".into(),
        highest: "high".into(),
    });
    let rated = judgment_item("rated", rating);
    let pace = |hourly| Pace { outcomes: 20, median_s: 9, hourly: Amount::new(hourly).unwrap() };
    let text = text_item("text");
    // Wishes, whom never to serve, what comes, how its project goes, whether it goes back.
    type Row<'a> = (Wishes, Option<&'a str>, &'a Item, Option<Pace>, bool);
    let rows: [Row<'_>; 8] = [
        (Wishes::default(), None, &seen, None, false),
        (Wishes { text_only: true, ..Wishes::default() }, None, &seen, None, true),
        (Wishes { text_only: true, ..Wishes::default() }, None, &text, None, false),
        (Wishes { tasks: TaskSet::CHOICE, ..Wishes::default() }, None, &rated, None, true),
        (Wishes { hourly_min: 100, ..Wishes::default() }, None, &text, Some(pace(99)), true),
        (Wishes { hourly_min: 100, ..Wishes::default() }, None, &text, Some(pace(100)), false),
        (Wishes { hourly_min: 100, ..Wishes::default() }, None, &text, None, false),
        (Wishes::default(), Some("Road Maps"), &text, None, true),
    ];
    for (number, (wishes, never, item, pace, is_out)) in rows.into_iter().enumerate() {
        for is_late in [false, true] {
            let mut world = World::new();
            world.tasks = TaskSet::ALL;
            world.kill();
            world.run();
            world.command(Command::SetJudgments { on: true });
            world.coordinator.pace = pace;
            world.coordinator.blobs.insert(Hash::of(blob), blob.to_vec());
            if is_late {
                world.assign(item);
            }
            world.take_sent();
            world.command(Command::SetWishes { wishes: wishes.clone() });
            world.command(Command::DismissNotice);
            never.into_iter().for_each(|name| world.command(Command::Never(NeverWhat::Requester(name.into()))));
            if !is_late {
                world.assign(item);
            }
            let order = |message: &ToCoordinator| matches!(message, ToCoordinator::Want { .. });
            let wanted_first = world.sent.iter().position(order) < world.sent.iter().position(|m| !order(m));
            assert!(!is_out || !is_late || wanted_first, "{number}: wishes are heard first");
            let expected = if is_out { vec![(ReturnReason::Filtered, None)] } else { vec![] };
            assert_eq!(returned(&mut world), expected, "{number}");
        }
    }
}

#[test]
fn a_skip_says_how_long_it_was_on_screen_and_how_many_are_left_is_shown_today() {
    let mut world = World::connected();
    let offers: Vec<String> = (0..3).map(|i| world.assign(&text_item(&format!("t{i}")))).collect();
    world.take_sent();
    let shown_at = Some(world.local().get() - 9_000);
    world.command(Command::Skip { offer: offers[0].clone(), shown_at });
    assert_eq!(returned(&mut world), [(ReturnReason::Skipped, Some(9_000))]);
    assert_eq!(world.judgment().skips_left, None);
    world.say(&ToWorker::SkipsLeft { order: OrderId([9; 16]), left: 1 });
    assert_eq!(world.judgment().skips_left, None, "another project");
    world.say(&ToWorker::SkipsLeft { order: OrderId([1; 16]), left: 4 });
    assert_eq!(world.judgment().skips_left, Some(4));
    for _ in 0..30 {
        extend(&mut world, &offers[1]);
    }
    world.coordinator.lease_ms = 3 * limits::DAY_MS;
    world.pass(limits::DAY_MS);
    world.assign(&text_item("tomorrow"));
    assert_eq!(world.judgment().skips_left, None, "a new day");
}

#[test]
fn free_skips_are_told_with_each_judgment_and_no_kill_forgets_them() {
    let mut world = World::connected();
    world.coordinator.skips_left = Some(10);
    let first = world.assign(&text_item("first"));
    assert_eq!(world.judgment().skips_left, Some(10));
    world.coordinator.skips_left = Some(9);
    world.assign(&text_item("second"));
    assert_eq!(world.judgment().skips_left, Some(9), "what was told last, for all of the project");
    world.command(Command::Skip { offer: first, shown_at: None });
    world.say(&ToWorker::SkipsLeft { order: OrderId([1; 16]), left: 8 });
    world.is_reachable = false;
    world.kill();
    world.run();
    assert_eq!(world.judgment().skips_left, Some(8));
    world.is_reachable = true;
    world.coordinator.skips_left = Some(11);
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!(world.judgment().skips_left, Some(11), "an open lease that is told again says so anew");
}

#[test]
fn a_skip_is_counted_once_wherever_it_is_killed() {
    for kill_after in 0..12 {
        let mut world = World::connected();
        let offer = world.assign(&text_item("hard"));
        world.assign(&text_item("easy"));
        let skip = |world: &mut World| world.command(Command::Skip { offer: offer.clone(), shown_at: None });
        world.kill_after = Some(world.carried_out + kill_after);
        skip(&mut world);
        skip(&mut world);
        world.kill();
        world.run();
        skip(&mut world);
        let Reply::You { you } = world.ask(&Command::ShowYou) else { panic!("another reply") };
        assert_eq!(you.skips, 1, "killed after effect {kill_after}");
    }
}

#[test]
fn totals_follow_the_verdicts_and_survive_any_kill() {
    let fare = |world: &World| match world.ask(&Command::ShowYou) {
        Reply::You { you } => you,
        other => panic!("{other:?}"),
    };
    let whole = |kill_after: Option<usize>| {
        let mut world = World::connected();
        world.kill_after = kill_after.map(|n| world.carried_out + n);
        for number in 0..3 {
            let offer = world.assign(&text_item(&format!("t{number}")));
            world.answer(&offer, 0);
            world.pass(60_000);
            if world.view().judgment.is_some() {
                world.answer(&offer, 0);
                world.pass(60_000);
            }
        }
        let You { kinds, days, .. } = fare(&world);
        assert_eq!(days.iter().map(|day| day.earned).sum::<u64>(), 3 * coordinator::PRICE);
        kinds
    };
    let [row] = whole(None)[..] else { panic!("one type") };
    assert_eq!((row.kind, row.answers, row.agreed, row.others_agreed), (TaskKind::Choice, 3, 3, 0));
    assert_eq!((row.earned, row.time_ms), (3 * coordinator::PRICE, 0), "leases began as they were answered");
    assert_eq!((row.agreement(), row.hourly()), (None, None), "not known yet");
    for kill_after in 1..40 {
        assert_eq!(whole(Some(kill_after)), [row], "killed after effect {kill_after}");
    }
}

#[test]
fn a_forged_extension_in_storage_is_left_out() {
    let mut world = World::connected();
    let offer = world.assign(&text_item("slow"));
    let forged = Extension { offer: hash(&offer), number: 1, deadline: at(world.judgment().deadline + 1) };
    let forged = Signed::sign(forged, &key(9)).bytes().to_vec();
    assert!(cose::peek::<Extension>(&forged).is_ok());
    world.say(&ToWorker::Extended { statement: forged.into() });
    assert_eq!(world.judgment().extensions_left, EXTENSIONS_MAX);
}
