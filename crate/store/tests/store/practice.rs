//! Practice of a project: judged field by field, stored once, named by each of its items.

use lull_market::{Command, Lessons, Project, Refusal, Solution, Tasks};
use lull_protocol::item::Picture;
use lull_protocol::limits::{
    BLOB_BYTES_MAX, CONTENT_TEXT_BYTES_MAX, LABEL_BYTES_MAX, OPTION_BYTES_MAX, PRACTICE_ITEMS_MAX,
};
use lull_protocol::{Answer, Content, Hash, Item, Practice, TaskKind, Warning, WarningSet};

use crate::bench::{BUYER, Bench, bytes, key, lessons, order_id, project, tasks};

fn practised(number: u8, kind: TaskKind, count: usize) -> Project {
    let (tasks, lessons) = (tasks(kind, 2), Some(Box::new(lessons(kind, count))));
    Project { order: order_id(number), tasks, lessons, ..project(number, 0, 2, 3) }
}

fn field(bench: &mut Bench, project: Project) -> String {
    match bench.one(Command::CreateProject(project)) {
        Err(Refusal::Field { field, .. }) => field,
        other => panic!("no field refused: {other:?}"),
    }
}

fn contents(lessons: &mut Lessons) -> &mut Vec<Content> {
    match &mut lessons.tasks {
        Tasks::Choice { contents, .. } => contents,
        other => panic!("no choice: {other:?}"),
    }
}

/// A picture that the store has.
fn picture(bench: &mut Bench, number: u8, size: u64) -> Content {
    let mut file = vec![number; usize::try_from(size).unwrap()];
    let head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT";
    file.splice(..head.len(), *head);
    let (hash, media_type, alt) = (Hash::of(&file), "image/png".to_owned(), "a sign".to_owned());
    bench.does(Command::PutBlob { requester: BUYER, media_type: media_type.clone(), bytes: file });
    Content::Picture(Picture { hash, media_type, bytes: bytes(size), alt })
}

#[test]
fn each_field_of_a_practice_is_judged() {
    let mut bench = Bench::new();
    let large: Vec<Content> = (0..3).map(|number| picture(&mut bench, number, BLOB_BYTES_MAX)).collect();
    let mut wrong = |change: &dyn Fn(&mut Lessons)| {
        let mut project = practised(1, TaskKind::Choice, 3);
        change(project.lessons.as_mut().unwrap());
        field(&mut bench, project)
    };
    assert_eq!(wrong(&|l| *l = lessons(TaskKind::Choice, 0)), "practice");
    assert_eq!(wrong(&|l| *l = lessons(TaskKind::Choice, PRACTICE_ITEMS_MAX + 1)), "practice");
    assert_eq!(wrong(&|l| l.solutions.truncate(2)), "practice");
    assert_eq!(wrong(&|l| *l = lessons(TaskKind::Rating, 1)), "practice");
    assert_eq!(wrong(&|l| contents(l)[1] = Content::Text(" ".into())), "practice[1]");
    assert_eq!(wrong(&|l| contents(l)[1] = contents(l)[0].clone()), "practice[1]");
    assert_eq!(wrong(&|l| contents(l)[2] = Content::Text("sign 1".into())), "practice[2]", "that one is paid");
    assert_eq!(wrong(&|l| l.solutions[2].answer = Answer::Choice(3)), "practice[2].answer");
    assert_eq!(wrong(&|l| l.solutions[1].answer = Answer::Rating(1)), "practice[1].answer");
    assert_eq!(wrong(&|l| l.solutions[1].explanation = "".into()), "practice[1].explanation");
    assert_eq!(wrong(&|l| l.solutions[0].explanation = "x".repeat(LABEL_BYTES_MAX + 1)), "practice[0].explanation");
    assert_eq!(wrong(&|l| contents(l).clone_from_slice(&large)), "practice", "too much to show at once");
    let unknown = || {
        let (hash, media_type, alt) = (Hash::of(b"none"), "image/png".to_owned(), "a sign".to_owned());
        Content::Picture(Picture { hash, media_type, bytes: bytes(3), alt })
    };
    assert_eq!(wrong(&|l| contents(l)[1] = unknown()), "practice[1].hash");
    assert_eq!(bench.reader.statistics().unwrap().orders, 0);
}

#[test]
fn practice_shows_nothing_that_its_project_does_not() {
    let mut bench = Bench::new();
    let drawn = picture(&mut bench, 1, 100);
    let mut project = practised(1, TaskKind::Choice, 2);
    contents(project.lessons.as_mut().unwrap())[0] = drawn;
    assert_eq!(field(&mut bench, project), "practice", "some people get texts only");
    let warnings = WarningSet::NONE.with(Warning::Medical);
    let project = Project { warnings, ..practised(2, TaskKind::Choice, 2) };
    assert_eq!(field(&mut bench, project), "practice", "it would not be covered");
}

#[test]
fn each_item_names_its_practice_which_is_stored_once() {
    let mut bench = Bench::new();
    for (number, kind) in (1..).zip(TaskKind::ALL) {
        let project = practised(number, kind, 2);
        let practice = project.lessons.as_ref().unwrap().practice();
        bench.ask(project.clone());
        bench.ask(project);
        // Another project with the same practice.
        let another = Project { order: order_id(number + 10), title: "More".into(), ..practised(number, kind, 2) };
        bench.ask(another);
        let (_, blob) = bench.reader.blob(&practice.blob().hash).unwrap().expect("it is there");
        assert_eq!(Practice::from_bytes(&blob), Ok(practice.clone()));
        for lease in bench.claim(&key(number), 0, 4) {
            let Item::Judgment(item) = Item::from_bytes(&lease.item).unwrap() else { panic!("a judgment") };
            assert!(item.practice.is_some());
        }
        // Under the same id with another practice it's another order.
        let other = Command::CreateProject(practised(number, kind, 1));
        assert_eq!(bench.one(other), Err(Refusal::Taken("the order's id")));
    }
    bench.checks_out();
}

#[test]
fn a_practice_is_no_picture() {
    let mut bench = Bench::new();
    let first = practised(1, TaskKind::Choice, 1);
    let blob = first.lessons.as_ref().unwrap().practice().blob();
    bench.ask(first);
    let mut second = project(2, 1, 1, 1);
    let picture =
        Picture { hash: blob.hash, media_type: "application/cbor".into(), bytes: blob.bytes, alt: "a".into() };
    let Tasks::Choice { contents, .. } = &mut second.tasks else { panic!("a choice") };
    contents[0] = Content::Picture(picture);
    assert_eq!(field(&mut bench, second), "contents[0].hash");
}

#[test]
fn the_longest_practice_is_read() {
    let mut bench = Bench::new();
    let text = |bytes: usize| "x".repeat(bytes);
    let options: Vec<String> = (0..9).map(|i| format!("{i}{}", text(OPTION_BYTES_MAX - 1))).collect();
    let longest = |i: usize| Content::Text(format!("{i}{}", text(CONTENT_TEXT_BYTES_MAX - 1)));
    let solution = Solution { answer: Answer::Choice(8), explanation: text(LABEL_BYTES_MAX) };
    let lessons = Lessons {
        tasks: Tasks::Choice { options: options.clone(), contents: (0..PRACTICE_ITEMS_MAX).map(longest).collect() },
        solutions: vec![solution; PRACTICE_ITEMS_MAX],
    };
    let hash = lessons.practice().blob().hash;
    let full = text(LABEL_BYTES_MAX);
    let (title, guideline, question) = (full.clone(), full.clone(), full);
    let tasks = Tasks::Choice { options, contents: vec![longest(9)] };
    bench.ask(Project { tasks, lessons: Some(Box::new(lessons)), title, guideline, question, ..project(1, 0, 1, 1) });
    let (_, blob) = bench.reader.blob(&hash).unwrap().unwrap();
    assert!(Practice::from_bytes(&blob).is_ok());
    let lease = bench.lease(&key(1), 0, 1);
    assert!(Item::from_bytes(&lease.item).is_ok(), "the longest item there can be");
}
