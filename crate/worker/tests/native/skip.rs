//! Skips: held back while they can be taken back, then sent and counted, once.

use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::{Answer, Hash, OrderId, ToWorker};
use lull_view::{Command, NeverWhat, Reply};
use lull_worker::{Event, limits};

use super::judgment::sent;
use crate::common::*;

/// The first of two judgments is skipped, and that can be taken back.
fn skipped() -> (World, String, String) {
    let mut world = World::connected();
    world.take_back_ms = limits::TAKE_BACK_MS;
    world.kill();
    world.run();
    world.surroundings.looks = true;
    world.feed(Event::Surroundings(world.surroundings));
    let (first, second) = (world.assign(&text_item("first")), world.assign(&text_item("second")));
    world.command(Command::Skip { offer: first.clone(), shown_at: None });
    (world, first, second)
}

fn skips(world: &World) -> (usize, u64) {
    let Reply::You { you } = world.ask(&Command::ShowYou) else { panic!("another reply") };
    (world.coordinator.returned.len(), you.skips)
}

#[test]
fn a_skip_is_sent_and_counted_when_it_can_no_longer_be_taken_back() {
    let (mut world, first, second) = skipped();
    let view = world.view();
    let held = view.take_back.unwrap();
    assert_eq!((view.judgment.unwrap().offer, held.offer, held.is_skip), (second, first.clone(), true));
    world.pass(limits::TAKE_BACK_MS - 1);
    assert_eq!(skips(&world), (0, 0));
    world.pass(1);
    assert_eq!((skips(&world), world.view().take_back), ((1, 1), None));
    assert_eq!(world.coordinator.returned, [(Hash::from_hex(&first).unwrap(), ReturnReason::Skipped)]);
    assert!(!world.disk.contains_key(&format!("lease/{first}")));
}

#[test]
fn a_skip_that_is_taken_back_is_asked_again_and_not_counted() {
    let (mut world, first, second) = skipped();
    world.command(Command::TakeBack { offer: first.clone() });
    let view = world.view();
    assert_eq!((view.judgment.unwrap().offer, view.take_back), (first.clone(), None));
    world.pass(2 * limits::TAKE_BACK_MS);
    world.kill();
    world.run();
    assert_eq!((skips(&world), world.judgment().offer), ((0, 0), first.clone()));
    world.answer(&first, 2);
    assert_eq!(world.judgment().offer, second, "the row goes on where it was");
    world.pass(limits::TAKE_BACK_MS);
    assert_eq!((sent(&world), skips(&world)), (vec![Answer::Choice(2)], (0, 0)));
}

#[test]
fn the_next_answer_or_skip_lets_a_skip_go_and_a_skip_the_last_answer() {
    let (mut world, first, second) = skipped();
    world.answer(&second, 0);
    assert_eq!((skips(&world), sent(&world).len()), ((1, 1), 0));
    world.command(Command::TakeBack { offer: first });
    assert_eq!(world.view().take_back.unwrap().offer, second, "the skip is on its way");
    let (third, fourth) = (world.assign(&text_item("third")), world.assign(&text_item("fourth")));
    world.command(Command::Skip { offer: third, shown_at: None });
    assert_eq!((skips(&world), sent(&world).len()), ((1, 1), 1), "the answer");
    world.command(Command::Skip { offer: fourth.clone(), shown_at: None });
    assert_eq!((skips(&world), world.view().take_back.unwrap().offer), ((2, 2), fourth));
}

#[test]
fn after_a_kill_a_skip_that_was_not_sent_is_asked_again_and_one_that_was_is_not() {
    let (mut world, first, second) = skipped();
    world.kill();
    world.run();
    assert_eq!((skips(&world), world.judgment().offer), ((0, 0), first.clone()));
    world.command(Command::Skip { offer: first.clone(), shown_at: None });
    world.pass(limits::TAKE_BACK_MS);
    world.kill();
    world.run();
    assert_eq!((skips(&world), world.judgment().offer), ((1, 1), second));
    // At each line between the two.
    for kill_after in 0..16 {
        let (mut world, first, second) = skipped();
        world.kill_after = Some(world.carried_out + kill_after);
        world.pass(limits::TAKE_BACK_MS);
        world.kill();
        world.run();
        let expected = if skips(&world).1 == 0 { first } else { second };
        assert_eq!(world.judgment().offer, expected, "killed after effect {kill_after}");
    }
}

#[test]
fn a_pause_the_last_page_s_end_and_a_withdrawal_let_a_skip_go_first() {
    for pause in [Command::SetPaused { on: true }, Command::SetJudgments { on: false }] {
        let (mut world, first, _) = skipped();
        world.command(pause);
        world.command(Command::TakeBack { offer: first.clone() });
        let reason = world.coordinator.returned.first().copied();
        assert_eq!(reason, Some((Hash::from_hex(&first).unwrap(), ReturnReason::Skipped)));
        assert_eq!(world.view().take_back, None);
    }
    let (mut world, ..) = skipped();
    world.surroundings.looks = false;
    world.feed(Event::Surroundings(world.surroundings));
    assert_eq!((skips(&world), world.view().take_back), ((1, 1), None));
    let (mut world, first, _) = skipped();
    world.say(&ToWorker::Withdraw { offer: Hash::from_hex(&first).unwrap(), reason: RefusedCode::Withdrawn });
    world.command(Command::TakeBack { offer: first });
    assert_eq!((skips(&world), world.view().take_back), ((1, 1), None));
}

#[test]
fn what_came_meanwhile_is_there_when_a_skip_is_taken_back() {
    let (mut world, first, _) = skipped();
    world.say(&ToWorker::SkipsLeft { order: OrderId([1; 16]), left: 4 });
    let requester = world.judgment().requester;
    world.command(Command::TakeBack { offer: first.clone() });
    assert_eq!(world.judgment().skips_left, Some(4));
    // Never again for whom it is: neither does taking it back bring it on screen.
    world.command(Command::Skip { offer: first.clone(), shown_at: None });
    world.command(Command::Never(NeverWhat::Requester(requester)));
    world.command(Command::TakeBack { offer: first });
    assert_eq!(world.view().judgment, None);
}
