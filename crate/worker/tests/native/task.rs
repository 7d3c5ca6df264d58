//! Judgments of every type: shown whole, answered as they can be, given back where there is no view.

use lull_protocol::cose;
use lull_protocol::message::ReturnReason;
use lull_protocol::statement::{Report, WorkResult};
use lull_protocol::task::{Compare, Finding, Multi, OptionSet, Preference, Rating, Verify};
use lull_protocol::*;
use lull_view::{ActivityWork, ChangeByte, Command, JudgmentContent, JudgmentTask, Reply};

use crate::common::*;

/// A world whose UI has a view for each type.
fn showing_all() -> World {
    let mut world = World::connected();
    world.tasks = TaskSet::ALL;
    world.kill();
    world.run();
    world
}

fn text(text: &str) -> Content {
    Content::Text(text.into())
}

fn set(options: &[u8]) -> Answer {
    let set = options.iter().try_fold(OptionSet::default(), |set, option| set.with(*option));
    Answer::Multi(set.unwrap())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A task, answers that are none to it, one that is, and what the log says of that.
fn cases() -> Vec<(Task, Vec<Answer>, Answer, &'static str)> {
    let multi = Multi { content: text("a bird"), options: words(&["red", "small", "sings"]), least: 1, most: 2 };
    let compare = Compare { left: text("f(x)"), right: Content::Code("f(x)".into()) };
    let rating = Rating { content: text("a"), steps: 5, lowest: "dull".into(), highest: "bright".into() };
    let verify = Verify { claim: "It froze.".into(), source: words(&["It was cold.", "It froze."]) };
    let found = |sentence| Answer::Verify(Finding::Supported { sentence });
    vec![
        (
            Task::Multi(multi),
            vec![set(&[]), set(&[3]), set(&[0, 1, 2]), Answer::Choice(0)],
            set(&[2, 0]),
            "red · sings",
        ),
        (Task::Compare(compare), vec![Answer::Choice(0)], Answer::Compare(Preference::Tie), "both are as good"),
        (Task::Rating(rating), vec![Answer::Rating(0), Answer::Rating(6)], Answer::Rating(4), "4 of 5"),
        (Task::Verify(verify), vec![found(2), Answer::Rating(1)], found(1), "supported by sentence 2"),
    ]
}

#[test]
fn every_type_is_shown_and_answered() {
    for (task, wrong, answer, said) in cases() {
        let mut world = showing_all();
        let offer = world.assign(&judgment_item("typed", task.clone()));
        assert_eq!(shown_as(&world.judgment().task), task);
        for wrong in wrong {
            world.judge(&offer, wrong);
        }
        assert!(world.coordinator.stored.is_empty(), "none of these is an answer");
        world.judge(&offer, answer);
        let stored = world.coordinator.stored.values().next().expect("stored");
        let Report::Judgment(report) = cose::peek::<WorkResult>(stored).unwrap().report else { panic!("an answer") };
        assert_eq!(report.answer, answer);
        let work = world.view().activities.remove(0).work;
        assert_eq!(work, ActivityWork::Judgment { title: "typed".into(), answer: said.into() });
        tells(&world, &offer, said);
    }
}

/// The receipt holds and says the same; a changed byte of what was asked is shown at its field.
fn tells(world: &World, offer: &str, said: &str) {
    let open = |change| {
        let query = Command::OpenReceipt { offer: offer.to_owned(), change };
        match world.worker.query(&query, world.local()) {
            Some(Reply::Receipt { receipt: Some(receipt) }) => receipt,
            other => panic!("{other:?}"),
        }
    };
    let receipt = open(None);
    assert!(receipt.valid);
    let report = receipt.fields(&receipt.parts[2]).into_iter().find(|(name, _)| name == "report");
    assert_eq!(report.map(|(_, value)| value), Some(format!("{said}, by key")));
    let lines = receipt.fields(&receipt.parts[0]);
    assert!(lines.iter().filter(|(name, _)| name == "task").count() >= 2, "{lines:?}");
    let last = receipt.parts[0].content.len() as u64 - 1;
    let changed = open(Some(ChangeByte { part: "item".into(), offset: last }));
    assert_eq!((changed.valid, changed.changed.unwrap().field.as_str()), (false, "task"));
}

/// The task that a view without pictures is of.
fn shown_as(task: &JudgmentTask) -> Task {
    let content = |content: &JudgmentContent| match content {
        JudgmentContent::Text { text } => Content::Text(text.clone()),
        JudgmentContent::Code { text } => Content::Code(text.clone()),
        JudgmentContent::Markdown { text } => Content::Markdown(text.clone()),
        JudgmentContent::Picture { .. } => panic!("a picture"),
    };
    match task.clone() {
        JudgmentTask::Choice { .. } => panic!("a choice"),
        JudgmentTask::Multi { content: c, options, least, most } => {
            Task::Multi(Multi { content: content(&c), options, least, most })
        }
        JudgmentTask::Compare { left, right } => {
            Task::Compare(Compare { left: content(&left), right: content(&right) })
        }
        JudgmentTask::Rating { content: c, steps, lowest, highest } => {
            Task::Rating(Rating { content: content(&c), steps, lowest, highest })
        }
        JudgmentTask::Verify { claim, source } => Task::Verify(Verify { claim, source }),
    }
}

#[test]
fn two_pictures_are_shown_when_both_are_there() {
    let mut world = showing_all();
    let (left, right) = (picture(1, 1_000), picture(2, 70_000));
    let item = |left: &[u8], right: &[u8]| {
        let compare = Compare { left: picture_content(left), right: picture_content(right) };
        judgment_item("two", Task::Compare(compare))
    };
    world.coordinator.blobs.insert(Hash::of(&left), left.clone());
    world.assign(&item(&left, &right));
    assert_eq!(world.coordinator.returned[0].1, ReturnReason::Broken, "one of them doesn't exist");
    assert_eq!((world.view().judgment, world.badge), (None, 0));
    world.coordinator.blobs.insert(Hash::of(&right), right.clone());
    world.assign(&item(&right, &left));
    let JudgmentTask::Compare { left: first, right: second } = world.judgment().task else { panic!("a compare") };
    let size = |content: JudgmentContent| match content {
        JudgmentContent::Picture { data_url, .. } => data_url.len(),
        other => panic!("{other:?}"),
    };
    assert!(size(first) > 90_000 && size(second) < 2_000, "each on its side");
}

#[test]
fn what_there_is_no_view_for_goes_back() {
    let mut world = showing_all();
    let (rating, _, answer, _) = cases().remove(2);
    let offer = world.assign(&judgment_item("kept", rating.clone()));
    assert_eq!(world.judgment().offer, offer);
    // The next version of the extension has no view for it.
    world.tasks = TaskSet::CHOICE;
    world.kill();
    world.run();
    assert_eq!(world.coordinator.returned.last().map(|(_, reason)| *reason), Some(ReturnReason::Broken));
    assert_eq!((world.view().judgment, world.badge), (None, 0));
    world.judge(&offer, answer);
    assert!(world.coordinator.stored.is_empty());
    world.assign(&judgment_item("new", rating));
    assert_eq!((world.view().judgment, world.coordinator.returned.len()), (None, 2));
    let mut wanted = world.sent.iter().filter_map(|message| match message {
        ToCoordinator::Want { tasks, .. } => Some(*tasks),
        _ => None,
    });
    assert_eq!(wanted.next_back(), Some(TaskSet::CHOICE), "only choices are asked for");
    let choice = world.assign(&text_item("a choice"));
    assert_eq!(world.judgment().offer, choice);
}
