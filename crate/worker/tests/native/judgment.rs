//! Judgments: assignments, pictures, answers, skips.

use lull_protocol::cose;
use lull_protocol::item::Picture;
use lull_protocol::limits::{EXTENSIONS_MAX, JUDGMENT_LEASES_MAX, OUTBOX_MAX};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::{Input, Report, WorkResult};
use lull_protocol::task::Choice;
use lull_protocol::{Answer, ByteCount, Content, Filter, Hash, Task, TaskSet, ToCoordinator, ToWorker};
use lull_view::{ActivityState, AnswerInput, Command, Notice, View};
use lull_worker::{Effect, Event, limits};

use crate::common::*;

#[test]
fn four_are_held_and_a_fifth_goes_back() {
    let mut world = World::connected();
    let offers: Vec<String> = (0..5).map(|i| world.assign(&text_item(&format!("t{i}")))).collect();
    assert_eq!(world.badge, u32::from(JUDGMENT_LEASES_MAX));
    let view = world.view();
    assert_eq!((view.judgment.unwrap().offer, view.judgments_waiting), (offers[0].clone(), 3));
    assert_eq!(view.next.unwrap().offer, offers[1]);
    assert_eq!(world.coordinator.returned.len(), 1);
    assert_eq!(world.coordinator.returned[0].1, ReturnReason::TooMany);
    assert_eq!(world.coordinator.returned[0].0.to_string(), offers[4]);
}

#[test]
fn a_lease_that_storage_kept_too_long_goes_back_at_the_next_start() {
    let mut world = World::connected();
    let offers: Vec<String> = (0..4).map(|i| world.assign(&text_item(&format!("t{i}")))).collect();
    (world.is_disk_full, world.is_checked) = (true, false);
    world.command(Command::Skip { offer: offers[0].clone(), shown_at: None });
    world.is_disk_full = false;
    // The place is free, and what failed is not yet tried again.
    let fifth = world.assign(&text_item("t4"));
    let stored = world.disk.keys().filter(|key| key.starts_with("lease/")).count();
    assert_eq!((stored, world.badge), (5, 4));
    world.is_checked = true;
    world.kill();
    world.run();
    let view = world.view();
    assert_eq!((view.judgment.unwrap().offer, view.judgments_waiting), (offers[1].clone(), 3));
    let stored: Vec<&String> = world.disk.keys().filter(|key| key.starts_with("lease/")).collect();
    assert!(stored.len() == 4 && stored.contains(&&format!("lease/{fifth}")), "{stored:?}");
}

#[test]
fn an_assignment_that_is_wrong_goes_back_or_is_ignored() {
    let mut world = World::connected();
    let now = world.coordinator_now();
    let item = text_item("right");
    let say = |world: &mut World, offer: &[u8], item: Vec<u8>| {
        let (offer, item) = (offer.to_vec().into(), item.into());
        world.say(&ToWorker::Assign { offer, item, extension: None, pace: None, record: None, skips_left: None });
    };
    // Signed by somebody else; another worker's; not a statement: nothing is said, as nothing is proved.
    let mut other = coordinator::Coordinator::new();
    other.key = key(9);
    let forged = other.offer(&item, world.me, now);
    say(&mut world, forged.bytes(), item.to_bytes());
    let foreign = world.coordinator.offer(&item, key(3).public(), now);
    say(&mut world, foreign.bytes(), item.to_bytes());
    say(&mut world, b"nonsense", item.to_bytes());
    assert!(world.coordinator.returned.is_empty());
    // Another item; an item that can't be read; a lease that is over.
    let offer = world.coordinator.offer(&item, world.me, now);
    say(&mut world, offer.bytes(), text_item("wrong").to_bytes());
    let offer = world.coordinator.offer(&item, world.me, now);
    say(&mut world, offer.bytes(), vec![0xff]);
    let late = world.coordinator.offer(&item, world.me, now.minus(600_000));
    say(&mut world, late.bytes(), item.to_bytes());
    let reasons: Vec<ReturnReason> = world.coordinator.returned.iter().map(|(_, r)| *r).collect();
    assert_eq!(reasons, [ReturnReason::Broken; 3]);
    assert_eq!((world.view().judgment, world.badge), (None, 0));
}

#[test]
fn the_same_judgment_is_on_screen_after_a_restart_and_a_reconnect() {
    let mut world = World::connected();
    let first = world.assign(&text_item("first"));
    world.assign(&text_item("second"));
    for _ in 0..3 {
        world.kill();
        world.worker.handle(Event::Tick, world.local());
        assert_eq!(world.judgment().offer, first, "before any connection");
        world.run();
        assert_eq!(
            (world.judgment().offer, world.badge),
            (first.clone(), 2),
            "and the leases that come again are the same"
        );
    }
    world.answer(&first, 0);
    assert_eq!(world.judgment().title, "second");
}

#[test]
fn the_next_one_is_there_before_the_answer_is_stored() {
    let mut world = World::connected();
    let (first, second) = (world.assign(&text_item("first")), world.assign(&text_item("second")));
    world.holds_disk = true;
    world.take_sent();
    world.answer(&first, 0);
    assert_eq!(world.judgment().offer, second);
    assert_eq!(world.view().activities[0].state, ActivityState::Sending);
    assert!(world.take_results().is_empty(), "not sent before it is durable");
    world.answer(&first, 1);
    world.answer(&first, 2);
    world.write_held(true);
    assert_eq!(world.take_results().len(), 1, "one answer, one result");
    let stored = world.coordinator.stored.values().next().expect("stored");
    let Report::Judgment(report) = cose::peek::<WorkResult>(stored).unwrap().report else { panic!("an answer") };
    assert_eq!(report.answer, Answer::Choice(0), "the first answer counts");
}

#[test]
fn the_one_that_comes_next_is_told_before() {
    let mut world = World::connected();
    let offers: Vec<String> = (0..4).map(|i| world.assign(&text_item(&format!("t{i}")))).collect();
    let on_screen = |world: &World| {
        let View { judgment, next, .. } = world.view();
        (judgment.map(|judgment| judgment.offer), next.map(|next| next.offer))
    };
    let offer = |at: usize| offers.get(at).cloned();
    assert_eq!(on_screen(&world), (offer(0), offer(1)));
    world.answer(&offers[0], 0);
    assert_eq!(on_screen(&world), (offer(1), offer(2)));
    world.command(Command::Skip { offer: offers[1].clone(), shown_at: None });
    assert_eq!(on_screen(&world), (offer(2), offer(3)));
    world.answer(&offers[2], 0);
    assert_eq!(on_screen(&world), (offer(3), None));
    world.command(Command::SetPaused { on: true });
    assert_eq!(on_screen(&world), (None, None));
}

#[test]
fn what_can_t_be_shown_yet_is_not_told_as_the_next() {
    let mut world = World::connected();
    world.coordinator.holds_blobs = true;
    let picture = picture(3, 1_000);
    world.coordinator.blobs.insert(Hash::of(&picture), picture.clone());
    let first = world.assign(&text_item("t"));
    world.assign(&picture_item("a picture", &picture));
    let View { judgment, next, .. } = world.view();
    assert_eq!((judgment.map(|judgment| judgment.offer), next), (Some(first), None));
}

#[test]
fn an_answer_that_storage_refuses_comes_back() {
    let mut world = World::connected();
    let offer = world.assign(&text_item("again"));
    world.is_disk_full = true;
    world.take_sent();
    world.answer(&offer, 0);
    let view = world.view();
    assert_eq!(view.judgment.map(|j| j.offer), Some(offer.clone()));
    assert_eq!((view.notice, view.outbox), (Some(lull_view::Notice::Storage), 0));
    assert!(world.take_results().is_empty());
    assert!(world.sent.iter().all(|m| !matches!(m, ToCoordinator::Want { judgment: 1.., .. })));
    world.pass(60_000);
    world.is_disk_full = false;
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!(world.view().notice, None, "storage works again, and says so");
    world.answer(&offer, 1);
    assert_eq!(world.take_results().len(), 1);
    assert_eq!(world.view().activities[0].state, ActivityState::Accepted);
}

#[test]
fn a_skip_goes_back_and_does_not_come_up_again() {
    let mut world = World::connected();
    let (first, second) = (world.assign(&text_item("first")), world.assign(&text_item("second")));
    // The line is down: the coordinator does not hear of it.
    world.is_reachable = false;
    world.cut();
    world.command(Command::Skip { offer: first.clone(), shown_at: None });
    assert_eq!(world.judgment().offer, second);
    world.kill();
    world.is_reachable = true;
    world.run();
    assert_eq!(world.judgment().offer, second, "though the coordinator leased it again");
    assert_eq!(world.coordinator.returned, [(Hash::from_hex(&first).unwrap(), ReturnReason::Skipped)]);
    world.pass(world.coordinator.lease_ms);
    assert!(
        !world.disk.keys().any(|k| k.starts_with("returned/") || k.starts_with("lease/")),
        "forgotten at its deadline"
    );
}

#[test]
fn what_was_answered_is_not_shown_again() {
    let mut world = World::connected();
    let offer = world.assign(&text_item("once"));
    let lease = world.coordinator.leases.get(&Hash::from_hex(&offer).unwrap()).cloned().unwrap();
    world.coordinator.is_mute = true;
    world.answer(&offer, 0);
    let (offer_bytes, item_bytes) = (lease.0.into(), lease.1.into());
    let again = ToWorker::Assign {
        offer: offer_bytes,
        item: item_bytes,
        extension: None,
        pace: None,
        record: None,
        skips_left: None,
    };
    world.say(&again);
    assert_eq!((world.view().judgment, world.view().outbox), (None, 1));
    world.coordinator.is_mute = false;
    world.cut();
    world.command(Command::ConnectNow);
    assert_eq!(world.view().outbox, 0);
    world.say(&again);
    assert_eq!(world.view().judgment, None);
    assert!(world.coordinator.returned.is_empty());
}

#[test]
fn a_lease_ends_at_its_deadline_or_when_it_is_withdrawn() {
    let mut world = World::connected();
    let first = world.assign(&text_item("withdrawn"));
    let second = world.assign(&text_item("late"));
    let offer = Hash::from_hex(&first).unwrap();
    world.coordinator.leases.clear();
    world.say(&ToWorker::Withdraw { offer, reason: RefusedCode::Withdrawn });
    assert_eq!(world.judgment().offer, second);
    world.pass(world.coordinator.lease_ms - 1);
    assert_eq!(world.judgment().offer, second);
    world.pass(1);
    assert_eq!((world.view().judgment, world.badge), (None, 0));
    world.answer(&second, 0);
    assert!(world.coordinator.heard.is_empty());
    assert!(!world.disk.keys().any(|k| k.starts_with("lease/")));
}

#[test]
fn answers_that_fit_nothing_are_ignored() {
    let mut world = World::connected();
    let offer = world.assign(&text_item("three options"));
    for (offer, option) in [(offer.as_str(), 3), (offer.as_str(), 255), ("", 0), ("zz", 0), (&"0".repeat(64), 0)] {
        world.answer(offer, option);
    }
    assert_eq!((world.judgment().offer, world.coordinator.heard.len()), (offer.clone(), 0));
    // A time of showing from nowhere is held to the lease.
    for shown_at in [0, u64::MAX] {
        let mut world = World::connected();
        let offer = world.assign(&text_item("times"));
        world.pass(9_000);
        world.command(Command::Answer { offer, answer: Answer::Choice(0), input: AnswerInput::Replay, shown_at });
        let stored = world.coordinator.stored.values().next().expect("stored");
        let result = cose::peek::<WorkResult>(stored).unwrap();
        let expected = if shown_at == 0 { START_MS } else { START_MS + 9_000 };
        assert_eq!((result.started_at.get(), result.finished_at.get()), (expected, START_MS + 9_000));
        let Report::Judgment(report) = result.report else { panic!("an answer") };
        assert_eq!(report.input, Input::Replay);
    }
}

#[test]
fn a_picture_that_is_not_the_item_s_is_never_shown() {
    let picture = picture(5, 100_000);
    let broken = |change: &dyn Fn(&mut World)| {
        let mut world = World::connected();
        change(&mut world);
        world.assign(&picture_item("picture", &picture));
        world
    };
    let missing = broken(&|_| {});
    let wrong = broken(&|w| drop(w.coordinator.blobs.insert(Hash::of(&picture), vec![6; 100_000])));
    let short = broken(&|w| drop(w.coordinator.blobs.insert(Hash::of(&picture), vec![5; 99_999])));
    for world in [missing, wrong, short] {
        assert_eq!((world.view().judgment, world.badge), (None, 0));
        assert_eq!(world.coordinator.returned[0].1, ReturnReason::Broken);
        assert_eq!(world.view().notice, Some(Notice::Broken));
    }
}

#[test]
fn a_picture_that_no_browser_can_decode_goes_back_unanswered() {
    let mut world = World::connected();
    let (first, second) = (picture(5, 1_000), picture(6, 1_000));
    for file in [&first, &second] {
        world.coordinator.blobs.insert(Hash::of(file), file.clone());
    }
    let text = world.assign(&text_item("a text"));
    let ahead = world.assign(&picture_item("ahead", &first));
    let last = world.assign(&picture_item("last", &second));
    let reasons = |world: &World| world.coordinator.returned.iter().map(|(_, reason)| *reason).collect::<Vec<_>>();
    // A text has nothing to decode; an offer that isn't held is nobody's.
    world.command(Command::Broken { offer: text.clone() });
    world.command(Command::Broken { offer: "00".repeat(32) });
    assert_eq!((world.judgment().offer, reasons(&world)), (text.clone(), vec![]));
    // What comes next and goes back before its turn is missed by nobody.
    world.command(Command::Broken { offer: ahead });
    assert_eq!((world.view().notice, reasons(&world)), (None, vec![ReturnReason::Broken]));
    world.answer(&text, 0);
    assert_eq!(world.judgment().offer, last);
    world.command(Command::Broken { offer: last.clone() });
    assert_eq!(reasons(&world), [ReturnReason::Broken; 2]);
    assert_eq!((world.view().judgment, world.view().notice), (None, Some(Notice::Broken)));
    world.take_results();
    world.answer(&last, 0);
    world.pass(limits::TAKE_BACK_MS);
    assert!(world.take_results().len() <= 1, "what went back can't be answered");
    assert_eq!(world.view().activities.len(), 1);
}

#[test]
fn a_picture_that_would_fill_the_memory_goes_back_and_the_next_one_comes() {
    let mut world = World::connected();
    let mut huge = picture(5, 1_000);
    huge.splice(16..24, [8_000_u32.to_be_bytes(), 5_000_u32.to_be_bytes()].concat());
    let (moving, good) = (picture(6, 1_000), picture(7, 1_000));
    let moving = [&moving[..33], b"\0\0\0\0acTL\0\0\0\0", &moving[33..]].concat();
    for file in [&huge, &moving, &good] {
        world.coordinator.blobs.insert(Hash::of(file), file.clone());
    }
    for (count, file) in [(1, &huge), (2, &moving)] {
        world.assign(&picture_item("no picture", file));
        assert_eq!((world.view().judgment, world.badge), (None, 0));
        assert_eq!(world.coordinator.returned.len(), count);
        assert!(world.coordinator.returned.iter().all(|(_, reason)| *reason == ReturnReason::Broken));
    }
    // The same file as a picture of another type is none, while the first is on screen.
    world.assign(&picture_item("a picture", &good));
    let Content::Picture(named) = picture_content(&good) else { panic!("a picture") };
    let other = Picture { media_type: "image/jpeg".into(), ..named };
    let choice = Choice { content: Content::Picture(other), options: vec!["a".into(), "b".into()] };
    world.assign(&judgment_item("another type", Task::Choice(choice)));
    assert_eq!(world.coordinator.returned.len(), 3);
    assert_eq!(world.judgment().title, "a picture");
}

#[test]
fn a_picture_comes_in_pieces_across_connections_and_others_pass_it_if_it_is_slow() {
    let mut world = World::connected();
    world.is_checked = false;
    let picture = picture(7, 150_000);
    let hash = Hash::of(&picture);
    let total = ByteCount::new(150_000).unwrap();
    let piece = |from: usize, to: usize| ToWorker::BlobChunk {
        hash,
        total,
        offset: ByteCount::new(from as u64).unwrap(),
        bytes: picture[from..to].to_vec().into(),
    };
    let asked = |effects: Vec<Effect>| -> Vec<u64> {
        use lull_protocol::message::Message;
        let sent = effects.into_iter().filter_map(|e| match e {
            Effect::Send(frame) => ToCoordinator::from_frame(&frame).ok(),
            _ => None,
        });
        let asks = sent.filter_map(|m| match m {
            ToCoordinator::GetBlob { offset, .. } => Some(offset.get()),
            _ => None,
        });
        asks.collect()
    };
    let now = world.coordinator_now();
    let first = world.coordinator.assign(&picture_item("picture", &picture), world.me, now);
    let second = world.coordinator.assign(&text_item("text"), world.me, now);
    // By hand, so that the coordinator does not answer.
    let tell = |world: &mut World, message: &ToWorker| -> Vec<Effect> {
        use lull_protocol::message::Message;
        world.worker.handle(Event::Frame(message.to_frame()), world.local());
        let effects: Vec<Effect> = std::iter::from_fn(|| world.worker.poll_effect()).collect();
        for effect in &effects {
            if let Effect::Persist { batch, .. } = effect {
                world.worker.handle(Event::Persisted { batch: *batch }, world.local());
            }
        }
        effects
    };
    assert_eq!(asked(tell(&mut world, &first)), [0]);
    tell(&mut world, &second);
    assert_eq!(world.view().judgment, None, "the first in the row has a moment for its picture");
    tell(&mut world, &piece(0, 60_000));
    tell(&mut world, &piece(0, 60_000));
    tell(&mut world, &piece(100_000, 150_000));
    world.now_ms += limits::HEAD_OF_ROW_MS;
    world.worker.handle(Event::Tick, world.local());
    let effects = std::iter::from_fn(|| world.worker.poll_effect()).collect();
    assert_eq!(asked(effects), [60_000], "asked again for what is missing");
    assert_eq!(world.judgment().title, "text", "a later one goes ahead");
    tell(&mut world, &piece(60_000, 120_000));
    tell(&mut world, &piece(120_000, 150_000));
    assert_eq!(world.judgment().title, "text", "and stays once it is on screen");
    assert_eq!(world.view().judgments_waiting, 1);
    let Some(text) = world.view().judgment else { panic!("a judgment") };
    world.answer(&text.offer, 0);
    assert_eq!(world.judgment().title, "picture");
}

#[test]
fn a_full_outbox_takes_no_new_work() {
    let mut world = World::connected();
    world.coordinator.is_mute = true;
    for i in 0..OUTBOX_MAX {
        let offer = world.assign(&text_item(&format!("t{i}")));
        world.answer(&offer, 0);
    }
    assert_eq!(world.view().outbox as usize, OUTBOX_MAX);
    let last = world.sent.iter().rev().find(|m| matches!(m, ToCoordinator::Want { .. }));
    assert_eq!(
        last,
        Some(&ToCoordinator::Want {
            fetch: 0,
            judgment: 0,
            tasks: TaskSet::CHOICE,
            warnings: lull_protocol::WarningSet::NONE,
            filter: Filter::default()
        })
    );
    world.assign(&text_item("one too many"));
    assert_eq!(world.coordinator.returned.last().unwrap().1, ReturnReason::TooMany);
    world.coordinator.is_mute = false;
    world.cut();
    world.take_sent();
    world.command(Command::ConnectNow);
    let sent = world.take_results();
    assert_eq!(sent.len(), OUTBOX_MAX);
    assert_eq!(world.view().outbox, 0);
}

#[test]
fn waiting_for_a_picture_wakes_nobody_all_the_time() {
    let mut world = World::connected();
    let picture = picture(5, 1_000);
    world.coordinator.blobs.insert(Hash::of(&picture), picture.clone());
    world.assign(&picture_item("picture", &picture));
    world.assign(&text_item("text"));
    world.is_reachable = false;
    world.cut();
    // After a restart without a line the picture is gone, and the text goes ahead.
    world.kill();
    world.run();
    assert_eq!(world.view().judgment, None);
    world.pass(60_000);
    assert_eq!(world.judgment().title, "text");
}

/// The answers that reached the coordinator.
pub(crate) fn sent(world: &World) -> Vec<Answer> {
    let answer = |statement: &Vec<u8>| match cose::peek::<WorkResult>(statement).unwrap().report {
        Report::Judgment(report) => report.answer,
        other => panic!("{other:?}"),
    };
    world.coordinator.stored.values().map(answer).collect()
}

/// A person's world with two judgments on screen, the first of them answered.
fn answered() -> (World, String, String) {
    let mut world = World::connected();
    world.take_back_ms = limits::TAKE_BACK_MS;
    world.kill();
    world.run();
    let (first, second) = (world.assign(&text_item("first")), world.assign(&text_item("second")));
    world.answer(&first, 1);
    (world, first, second)
}

#[test]
fn an_answer_is_sent_when_it_can_no_longer_be_taken_back() {
    let (mut world, first, second) = answered();
    let view = world.view();
    assert_eq!(view.judgment.unwrap().offer, second, "the next one is there at once");
    let take_back = view.take_back.expect("it can be taken back");
    assert_eq!((take_back.offer, take_back.until), (first, world.local().get() + limits::TAKE_BACK_MS));
    assert!(sent(&world).is_empty() && world.disk.keys().any(|key| key.starts_with("outbox/")));
    world.pass(limits::TAKE_BACK_MS - 1);
    assert!(sent(&world).is_empty());
    world.pass(1);
    assert_eq!((sent(&world).len(), world.view().take_back), (1, None));
}

#[test]
fn the_next_answer_lets_the_last_one_go() {
    let (mut world, first, second) = answered();
    world.answer(&second, 0);
    assert_eq!(sent(&world).len(), 1, "the first");
    assert_eq!(world.view().take_back.unwrap().offer, second);
    world.command(Command::TakeBack { offer: first });
    assert_eq!(world.view().take_back.unwrap().offer, second, "the first is on its way");
}

#[test]
fn what_is_taken_back_is_asked_again_and_answered_once() {
    let (mut world, first, second) = answered();
    world.assign(&text_item("third"));
    world.command(Command::TakeBack { offer: first.clone() });
    let view = world.view();
    assert_eq!((view.judgment.unwrap().offer, view.take_back, view.outbox), (first.clone(), None, 0));
    assert!(view.activities.is_empty() && !world.disk.keys().any(|key| key.starts_with("log/")));
    for _ in 0..2 {
        // Neither time nor a restart sends it.
        world.pass(2 * limits::TAKE_BACK_MS);
        world.kill();
        world.run();
        assert!(sent(&world).is_empty());
    }
    world.answer(&first, 2);
    assert_eq!(world.view().judgment.unwrap().offer, second, "the row goes on where it was");
    world.pass(limits::TAKE_BACK_MS);
    assert_eq!(sent(&world), [Answer::Choice(2)]);
    assert_eq!(world.view().activities.len(), 1);
}

#[test]
fn a_restart_sends_what_could_still_be_taken_back() {
    let (mut world, ..) = answered();
    world.kill();
    world.run();
    assert_eq!((sent(&world).len(), world.view().take_back), (1, None));
}

#[test]
fn an_answer_whose_time_is_nearly_up_is_sent_at_once() {
    let (mut world, _, second) = answered();
    let left_ms = world.view().judgment.unwrap().deadline - world.local().get();
    world.pass(left_ms - limits::TAKE_BACK_MS - limits::TAKE_BACK_MARGIN_MS + 1);
    world.answer(&second, 0);
    assert_eq!((sent(&world).len(), world.view().take_back), (2, None));
}

#[test]
fn a_pause_and_the_last_page_s_end_let_the_answer_go_first() {
    let pauses = [
        Command::SetPaused { on: true },
        Command::PauseFor { pause: lull_view::Pause::Hour },
        Command::SetJudgments { on: false },
    ];
    for pause in pauses {
        let (mut world, first, _) = answered();
        world.command(pause);
        world.command(Command::TakeBack { offer: first });
        assert_eq!((sent(&world).len(), world.view().take_back), (1, None));
    }
    let (mut world, ..) = answered();
    for looks in [true, false] {
        assert!(sent(&world).is_empty());
        world.surroundings.looks = looks;
        world.feed(Event::Surroundings(world.surroundings));
    }
    assert_eq!((sent(&world).len(), world.view().take_back), (1, None));
}

#[test]
fn an_answer_that_storage_refused_can_t_be_taken_back() {
    let (mut world, _, second) = answered();
    (world.is_disk_full, world.is_checked) = (true, false);
    world.answer(&second, 0);
    assert_eq!(world.view().take_back, None, "it came back by itself");
}

#[test]
fn nothing_is_taken_back_after_a_withdrawal() {
    let (mut world, first, _) = answered();
    world.say(&ToWorker::Withdraw { offer: Hash::from_hex(&first).unwrap(), reason: RefusedCode::Withdrawn });
    assert_eq!((world.view().take_back, sent(&world).len()), (None, 1));
}

#[test]
fn a_clock_that_is_set_back_holds_an_answer_no_longer() {
    let (mut world, ..) = answered();
    world.ahead_ms -= 3_600_000;
    world.feed(Event::Tick);
    assert_eq!(sent(&world).len(), 1);
}

#[test]
fn an_answer_that_can_be_taken_back_keeps_its_place() {
    let (mut world, first, _) = answered();
    for text in ["third", "fourth"] {
        world.assign(&text_item(text));
    }
    world.assign(&text_item("fifth"));
    let too_many = world.coordinator.returned.last().map(|(_, reason)| *reason);
    assert_eq!(too_many, Some(ReturnReason::TooMany));
    world.command(Command::TakeBack { offer: first });
    assert_eq!(world.badge, u32::from(JUDGMENT_LEASES_MAX));
}

#[test]
fn the_first_answer_s_failure_takes_nothing_from_the_one_that_was_given_since() {
    let (mut world, _, second) = answered();
    world.holds_disk = true;
    world.answer(&second, 0);
    world.command(Command::TakeBack { offer: second.clone() });
    world.answer(&second, 2);
    // Between the failure and its next try the disk holds half of it.
    world.is_checked = false;
    let (batch, _) = world.held.pop_front().unwrap();
    world.feed(Event::PersistFailed { batch });
    world.write_held(true);
    world.pass(10_000);
    assert!(sent(&world).contains(&Answer::Choice(2)) && !sent(&world).contains(&Answer::Choice(0)));
}

#[test]
fn a_picture_is_there_when_its_answer_is_taken_back() {
    let (mut world, _, second) = answered();
    let picture = picture(5, 100);
    world.coordinator.blobs.insert(Hash::of(&picture), picture.clone());
    let third = world.assign(&picture_item("picture", &picture));
    world.answer(&second, 0);
    world.answer(&third, 0);
    world.assign(&text_item("fourth"));
    world.command(Command::TakeBack { offer: third.clone() });
    assert_eq!(world.view().judgment.unwrap().offer, third);
}

/// A page is open, and of the two judgments that are there, so much is left when the first is answered.
fn answered_late(left_ms: u64, change: impl FnOnce(&mut World)) -> (World, Hash) {
    let mut world = World::connected();
    world.surroundings.looks = true;
    world.feed(Event::Surroundings(world.surroundings));
    let first = world.assign(&text_item("first"));
    let second = world.assign(&text_item("second"));
    let until = world.judgment().deadline - left_ms;
    while world.local().get() < until {
        world.pass((until - world.local().get()).min(10_000));
    }
    change(&mut world);
    world.take_sent();
    world.answer(&first, 0);
    (world, Hash::from_hex(&second).unwrap())
}

#[test]
fn what_comes_on_screen_has_time_left() {
    let asked = |world: &World| world.sent.iter().any(|m| matches!(m, ToCoordinator::Extend { .. }));
    let (world, _) = answered_late(limits::ON_SCREEN_MS_MIN, |_| {});
    assert!(world.judgment().title == "second" && !asked(&world), "enough is left");
    let (mut world, second) = answered_late(5_000, |_| {});
    let view = world.judgment();
    assert_eq!((view.title.as_str(), view.extensions_left), ("second", EXTENSIONS_MAX - 1));
    assert!(view.deadline - world.local().get() > limits::ON_SCREEN_MS_MIN);
    // What is on screen is not asked for again by itself, and stays.
    world.take_sent();
    while world.coordinator.leases.contains_key(&second) && world.judgment().deadline > world.local().get() + 1_000 {
        world.pass(1_000);
    }
    assert!(world.judgment().title == "second" && !asked(&world));
}

#[test]
fn what_can_have_no_time_goes_back_and_the_next_comes() {
    let (mut world, second) = answered_late(5_000, |world| {
        world.is_reachable = false;
        world.cut();
    });
    assert_eq!((world.view().judgment, world.view().next), (None, None));
    world.is_reachable = true;
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!(world.coordinator.returned, [(second, ReturnReason::TooMany)]);
    // Nobody looks: nothing comes on screen, and nothing goes back.
    let (world, _) = answered_late(5_000, |world| {
        world.surroundings.looks = false;
        world.feed(Event::Surroundings(world.surroundings));
        world.is_reachable = false;
        world.cut();
    });
    assert_eq!(world.judgment().title, "second");
}

#[test]
fn a_picture_that_never_comes_holds_up_no_other_and_goes_back_in_the_end() {
    use lull_protocol::message::Message;
    let mut world = World::connected();
    let (gone, good) = (picture(7, 1_000), picture(8, 1_000));
    let refused = ToWorker::Refused { about: Some(Hash::of(&gone)), code: RefusedCode::Unavailable };
    world.coordinator.holds_blobs = true;
    let lost = world.assign(&picture_item("gone", &gone));
    world.assign(&picture_item("good", &good));
    world.take_sent();
    let mut asked = Vec::new();
    let round_ms = u64::from(limits::BLOB_TRIES) * limits::BLOB_STALL_MS;
    // A lease lasts long enough for it all.
    for _ in 0..u64::from(limits::BLOB_PUT_OFF_MAX) * 2 * round_ms / 1_000 {
        world.pass(1_000);
        for message in world.take_sent() {
            match message {
                // The store can't read the first, and says so each time.
                ToCoordinator::GetBlob { hash, .. } if hash == Hash::of(&gone) => {
                    asked.push("gone");
                    world.worker.handle(Event::Frame(refused.to_frame()), world.local());
                }
                ToCoordinator::GetBlob { hash, offset } => {
                    asked.push("good");
                    let (total, bytes) = (ByteCount::new(good.len() as u64).unwrap(), good.clone().into());
                    let piece = ToWorker::BlobChunk { hash, total, offset, bytes };
                    world.worker.handle(Event::Frame(piece.to_frame()), world.local());
                }
                _ => {}
            }
        }
        world.run();
    }
    assert_eq!(world.judgment().title, "good");
    assert_eq!(asked.iter().position(|asked| *asked == "good"), Some(limits::BLOB_TRIES as usize - 1));
    // The first of them was said before it was looked for.
    assert_eq!(asked.len(), (limits::BLOB_TRIES * limits::BLOB_PUT_OFF_MAX) as usize);
    let lost = Hash::from_hex(&lost).unwrap();
    assert_eq!(world.coordinator.returned, [(lost, ReturnReason::Broken)]);
}
