//! Practice: shown before a project's judgments, once, and told to nobody.

use lull_protocol::item::Picture;
use lull_protocol::limits::EXTENSIONS_MAX;
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::task::{Choice, Rating};
use lull_protocol::*;
use lull_view::{Command, JudgmentContent, JudgmentTask, Practice as Shown};
use lull_worker::limits;

use crate::common::*;

/// A connected world whose coordinator has this practice.
fn world_with(practice: &Practice) -> World {
    let mut world = World::connected();
    world.coordinator.blobs.insert(practice.blob().hash, practice.to_bytes());
    world
}

fn shown(world: &World) -> Shown {
    let view = world.view();
    assert_eq!(view.judgment, None, "no judgment is on screen before its practice is over");
    view.practice.expect("practice on screen")
}

fn done(world: &mut World, practice: &Practice) {
    world.command(Command::Practised { practice: practice.blob().hash.to_string() });
}

#[test]
fn practice_comes_first_and_is_asked_once() {
    let practice = practice("signs", 3);
    let mut world = world_with(&practice);
    let offer = world.assign(&practised_item(text_item("first"), &practice));
    let view = shown(&world);
    let expected: Vec<(Answer, String)> =
        practice.items.iter().map(|item| (item.answer, item.explanation.clone())).collect();
    let got: Vec<(Answer, String)> = view.items.iter().map(|item| (item.answer, item.explanation.clone())).collect();
    assert_eq!(got, expected);
    assert_eq!((view.practice, view.title.as_str()), (practice.blob().hash.to_string(), "first"));
    assert_eq!((world.badge, world.view().judgments_waiting), (1, 1), "there is paid work behind it");
    world.take_sent();
    world.answer(&offer, 0);
    world.command(Command::Skip { offer: offer.clone(), shown_at: None });
    world.command(Command::Practised { practice: Hash::of(b"another").to_string() });
    world.command(Command::Practised { practice: "nonsense".into() });
    assert_eq!(shown(&world).items.len(), 3, "what is not seen is neither answered nor skipped");
    done(&mut world, &practice);
    assert_eq!(world.view().practice, None);
    assert_eq!(world.judgment().offer, offer);
    assert!(world.sent.is_empty(), "nobody is told: {:?}", world.sent);
    world.kill();
    world.run();
    assert_eq!(world.judgment().offer, offer, "done stays done");
    world.answer(&offer, 0);
    assert_eq!(world.coordinator.stored.len(), 1);
    let second = world.assign(&practised_item(text_item("another project"), &practice));
    assert_eq!(world.judgment().offer, second, "the same practice is not asked again");
}

#[test]
fn the_time_of_the_first_paid_one_is_shown_and_extended_meanwhile() {
    let practice = practice("signs", 1);
    let mut world = world_with(&practice);
    let offer = world.assign(&practised_item(text_item("first"), &practice));
    world.assign(&practised_item(text_item("second"), &practice));
    let before = shown(&world);
    assert_eq!((&before.offer, before.extensions_left), (&offer, EXTENSIONS_MAX));
    world.command(Command::Extend { offer: offer.clone() });
    let after = shown(&world);
    assert!(after.deadline > before.deadline, "{} and then {}", before.deadline, after.deadline);
    assert_eq!(after.extensions_left, EXTENSIONS_MAX - 1);
    done(&mut world, &practice);
    let judgment = world.judgment();
    assert_eq!((judgment.offer, judgment.deadline), (offer, after.deadline));
}

#[test]
fn practice_is_done_or_asked_again_wherever_it_is_killed() {
    let practice = practice("signs", 2);
    for effects in 1..60 {
        let mut world = world_with(&practice);
        let item = practised_item(text_item("first"), &practice);
        world.kill_after = Some(world.carried_out + effects);
        let offer = world.assign(&item);
        if world.view().practice.is_some() {
            done(&mut world, &practice);
        }
        world.pass(limits::BACKOFF_MS_MAX);
        if world.view().practice.is_some() {
            done(&mut world, &practice);
        }
        // A lease that wasn't stored when the browser ended comes again with the connection.
        assert_eq!(world.judgment().offer, offer, "killed after {effects} effects");
        world.kill_after = None;
        world.answer(&offer, 2);
        assert_eq!(world.coordinator.stored.len(), 1);
    }
    let mut world = world_with(&practice);
    world.assign(&practised_item(text_item("first"), &practice));
    world.holds_disk = true;
    done(&mut world, &practice);
    assert_eq!(world.judgment().title, "first", "nobody waits for storage");
    world.kill();
    world.holds_disk = false;
    world.run();
    assert_eq!(shown(&world).title, "first", "storage didn't know yet");
}

#[test]
fn practice_that_storage_does_not_take_is_asked_again_after_a_restart_only() {
    let practice = practice("signs", 1);
    let mut world = world_with(&practice);
    world.assign(&practised_item(text_item("first"), &practice));
    world.is_disk_full = true;
    done(&mut world, &practice);
    assert_eq!(world.judgment().title, "first");
    assert!(!world.disk.contains_key("practised"));
    world.kill();
    world.run();
    assert_eq!(shown(&world).title, "first");
    done(&mut world, &practice);
    world.is_disk_full = false;
    world.pass(limits::BACKOFF_MS_MAX);
    assert!(world.disk.contains_key("practised"), "storage takes it once it can");
}

#[test]
fn practice_that_cannot_be_shown_gives_its_items_back() {
    let good = practice("signs", 1);
    let picture = |bytes: &[u8]| {
        let task = Choice { content: picture_content(bytes), options: vec!["Yes".into(), "No".into()] };
        PracticeItem { task: Task::Choice(task), answer: Answer::Choice(0), explanation: "It is.".into() }
    };
    let rating = Rating { content: Content::Text("a".into()), steps: 3, lowest: "l".into(), highest: "h".into() };
    let rated = PracticeItem { task: Task::Rating(rating), answer: Answer::Rating(2), explanation: "It is.".into() };
    let unsound = Practice { items: vec![good.items[0].clone(); 2] };
    let missing = Practice { items: vec![picture(b"no such picture")] };
    let another_type = Practice { items: vec![rated] };
    let mut changed = good.to_bytes();
    *changed.last_mut().unwrap() ^= 1;
    let cases: [(&Practice, Option<Vec<u8>>); 5] = [
        (&good, None),
        (&good, Some(changed)),
        (&unsound, Some(unsound.to_bytes())),
        (&missing, Some(missing.to_bytes())),
        (&another_type, Some(another_type.to_bytes())),
    ];
    for (i, (practice, blob)) in cases.into_iter().enumerate() {
        let mut world = World::connected();
        world.coordinator.blobs.extend(blob.map(|bytes| (practice.blob().hash, bytes)));
        let plain = world.assign(&text_item("of another project"));
        for title in ["first", "second"] {
            world.assign(&practised_item(text_item(title), practice));
        }
        let reasons: Vec<ReturnReason> = world.coordinator.returned.iter().map(|(_, reason)| *reason).collect();
        assert_eq!(reasons, [ReturnReason::Broken; 2], "case {i}");
        assert_eq!((world.judgment().offer, world.badge), (plain, 1), "case {i}");
    }
}

#[test]
fn another_project_goes_ahead_of_practice_that_is_long_in_coming() {
    let practice = practice("signs", 2);
    let mut world = world_with(&practice);
    world.coordinator.holds_blobs = true;
    let item = practised_item(text_item("first"), &practice);
    world.assign(&item);
    let other = world.assign(&text_item("other"));
    assert_eq!((world.view().judgment, world.view().practice), (None, None), "the first has a moment");
    world.pass(limits::HEAD_OF_ROW_MS);
    assert_eq!(world.judgment().offer, other);
    world.coordinator.holds_blobs = false;
    world.pass(limits::BLOB_STALL_MS);
    assert_eq!(world.judgment().offer, other, "what is on screen stays");
    assert_eq!(world.badge, 2);
    world.answer(&other, 0);
    assert_eq!(shown(&world).title, "first");
}

#[test]
fn practices_of_two_projects_come_one_after_the_other() {
    let (one, two) = (practice("signs", 1), practice("roads", 2));
    let mut world = world_with(&one);
    world.coordinator.blobs.insert(two.blob().hash, two.to_bytes());
    let first = world.assign(&practised_item(text_item("first"), &one));
    let second = world.assign(&practised_item(text_item("second"), &two));
    done(&mut world, &two);
    assert_eq!(shown(&world).items.len(), 1, "the second one isn't there yet");
    done(&mut world, &one);
    assert_eq!(world.judgment().offer, first);
    world.answer(&first, 0);
    assert_eq!(shown(&world).items.len(), 2);
    done(&mut world, &two);
    assert_eq!(world.judgment().offer, second);
}

#[test]
fn pictures_of_practice_are_checked_and_shown() {
    let file = picture(7, 100_000);
    let content = picture_content(&file);
    let Content::Picture(Picture { hash, .. }) = content else { unreachable!() };
    let task = Task::Choice(Choice { content, options: vec!["Yes".into(), "No".into()] });
    let item = PracticeItem { task, answer: Answer::Choice(0), explanation: "It is.".into() };
    let practice = Practice { items: vec![item] };
    let mut world = world_with(&practice);
    world.coordinator.blobs.insert(hash, file.clone());
    let offer = world.assign(&practised_item(picture_item("first", &file), &practice));
    let view = shown(&world);
    let JudgmentTask::Choice { content: JudgmentContent::Picture { data_url, .. }, .. } = &view.items[0].task else {
        panic!("a picture")
    };
    assert!(data_url.starts_with("data:image/png;base64,") && data_url.len() > 130_000);
    done(&mut world, &practice);
    assert_eq!(world.judgment().offer, offer, "the judgment's own picture is the same");
}

#[test]
fn the_newest_practices_are_remembered() {
    let mut world = World::connected();
    world.is_checked = false;
    let practices: Vec<Practice> = (0..=limits::PRACTISED_MAX).map(|n| practice(&n.to_string(), 1)).collect();
    for practice in &practices {
        world.coordinator.blobs.insert(practice.blob().hash, practice.to_bytes());
        let offer = world.assign(&practised_item(text_item("again"), practice));
        done(&mut world, practice);
        world.command(Command::Skip { offer, shown_at: None });
    }
    world.kill();
    world.run();
    world.assign(&practised_item(text_item("newest"), &practices[limits::PRACTISED_MAX]));
    assert_eq!(world.judgment().title, "newest");
    let newest = world.judgment().offer;
    world.command(Command::Skip { offer: newest, shown_at: None });
    world.assign(&practised_item(text_item("oldest"), &practices[0]));
    assert_eq!(shown(&world).title, "oldest");
}

#[test]
fn a_pause_hides_practice_and_a_withdrawal_ends_it() {
    let practice = practice("signs", 1);
    let mut world = world_with(&practice);
    let offer = world.assign(&practised_item(text_item("first"), &practice));
    world.command(Command::SetPaused { on: true });
    assert_eq!(world.view().practice, None);
    done(&mut world, &practice);
    world.command(Command::SetPaused { on: false });
    assert_eq!(shown(&world).title, "first", "nothing is done in a pause");
    let offer = Hash::from_hex(&offer).unwrap();
    world.say(&ToWorker::Withdraw { offer, reason: RefusedCode::Withdrawn });
    assert_eq!((world.view().practice, world.badge), (None, 0));
}
