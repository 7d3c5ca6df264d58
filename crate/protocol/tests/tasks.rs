//! Tasks and answers: what is one, what fits what, and who agrees.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::panic, reason = "in tests a panic is a failure")]

mod strategy;

use lull_protocol::cbor::{self, CborError};
use lull_protocol::item::Picture;
use lull_protocol::limits::*;
use lull_protocol::task::*;
use lull_protocol::{ByteCount, Content, Hash, Practice, PracticeItem, TaskKind};
use proptest::prelude::*;
use strategy::{answer, task};

fn text(text: &str) -> Content {
    Content::Text(text.into())
}

fn options(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("option {n}")).collect()
}

fn multi(count: usize, least: u8, most: u8) -> Task {
    Task::Multi(Multi { content: text("x"), options: options(count), least, most })
}

fn rating(steps: u8) -> Task {
    Task::Rating(Rating { content: text("x"), steps, lowest: "bad".into(), highest: "good".into() })
}

fn verify(sentences: usize) -> Task {
    Task::Verify(Verify { claim: "c".into(), source: vec!["s".into(); sentences] })
}

fn set(options: &[u8]) -> Answer {
    let set = options.iter().try_fold(OptionSet::default(), |set, option| set.with(*option));
    Answer::Multi(set.expect("nine options at most"))
}

const YES: Answer = Answer::Verify(Finding::Supported { sentence: 0 });

#[test]
fn tasks_keep_their_bounds() {
    let right = [
        Task::Choice(Choice { content: text("x"), options: options(9) }),
        multi(2, 0, 1),
        multi(9, 9, 9),
        rating(2),
        rating(10),
        verify(1),
        verify(SENTENCES_MAX),
        Task::Compare(Compare { left: text("a"), right: Content::Code("a".into()) }),
    ];
    for task in right {
        assert_eq!(task.check(), Ok(()), "{task:?}");
    }
    let label = |bytes| "l".repeat(bytes);
    let source = |count: usize, bytes| Task::Verify(Verify { claim: "c".into(), source: vec![label(bytes); count] });
    assert_eq!(source(SOURCE_BYTES_MAX / LABEL_BYTES_MAX, LABEL_BYTES_MAX).check(), Ok(()));
    let compare = |bytes| Task::Compare(Compare { left: text("a"), right: Content::Code(label(bytes)) });
    assert_eq!(compare(COMPARED_TEXT_BYTES_MAX).check(), Ok(()));
    let end = |lowest: String| {
        Task::Rating(Rating { content: text("x"), steps: 5, lowest, highest: label(OPTION_BYTES_MAX) })
    };
    assert_eq!(end(label(OPTION_BYTES_MAX)).check(), Ok(()));
    let wrong = [
        Task::Choice(Choice { content: text("x"), options: options(10) }),
        Task::Choice(Choice { content: text("x"), options: vec!["a".into(), "a".into()] }),
        // They look equal, or show nothing.
        Task::Choice(Choice { content: text("x"), options: vec!["ab".into(), "a\u{200b}b ".into()] }),
        Task::Choice(Choice { content: text("x"), options: vec!["a".into(), "\u{2060} \u{feff}".into()] }),
        multi(1, 0, 1),
        multi(3, 0, 0),
        multi(3, 2, 1),
        multi(3, 0, 4),
        rating(1),
        rating(11),
        end(" ".into()),
        end(label(OPTION_BYTES_MAX + 1)),
        Task::Compare(Compare { left: text("a"), right: text("a") }),
        compare(COMPARED_TEXT_BYTES_MAX + 1),
        verify(0),
        verify(SENTENCES_MAX + 1),
        source(1, LABEL_BYTES_MAX + 1),
        source(SOURCE_BYTES_MAX / LABEL_BYTES_MAX + 1, LABEL_BYTES_MAX),
        Task::Verify(Verify { claim: " ".into(), source: vec!["s".into()] }),
        Task::Verify(Verify { claim: "\u{200b}\u{61c} \u{202e}".into(), source: vec!["s".into()] }),
        Task::Verify(Verify { claim: "c".into(), source: vec!["s".into(), "\n".into()] }),
    ];
    for task in wrong {
        assert!(task.check().is_err(), "{task:?}");
    }
}

#[test]
fn tasks_take_their_own_answers_only() {
    let choice = Task::Choice(Choice { content: text("x"), options: options(3) });
    let compare = Task::Compare(Compare { left: text("a"), right: text("b") });
    let right = [
        (&choice, Answer::Choice(2)),
        (&multi(3, 0, 2), set(&[])),
        (&multi(3, 1, 2), set(&[2, 0])),
        (&compare, Answer::Compare(Preference::Tie)),
        (&rating(5), Answer::Rating(1)),
        (&rating(5), Answer::Rating(5)),
        (&verify(2), Answer::Verify(Finding::Contradicted { sentence: 1 })),
        (&verify(1), Answer::Verify(Finding::NotEnough)),
    ];
    for (task, answer) in right {
        assert_eq!(task.takes(&answer), Ok(()), "{answer:?}");
    }
    let wrong = [
        (&choice, Answer::Choice(3)),
        (&choice, Answer::Rating(1)),
        (&multi(3, 1, 2), set(&[])),
        (&multi(3, 1, 2), set(&[0, 1, 2])),
        (&multi(3, 1, 2), set(&[3])),
        (&rating(5), Answer::Rating(0)),
        (&rating(5), Answer::Rating(6)),
        (&verify(2), Answer::Verify(Finding::Supported { sentence: 2 })),
        (&compare, Answer::Choice(0)),
    ];
    for (task, answer) in wrong {
        assert!(task.takes(&answer).is_err(), "{answer:?}");
    }
}

#[test]
fn whoever_says_the_same_agrees() {
    assert!(set(&[0, 2]).agrees(&set(&[2, 0, 2])), "the order of keys is nobody's answer");
    assert!(!set(&[0, 2]).agrees(&set(&[0])));
    assert!(YES.agrees(&Answer::Verify(Finding::Supported { sentence: 7 })), "the sentence is evidence");
    assert!(!YES.agrees(&Answer::Verify(Finding::Contradicted { sentence: 0 })));
    assert!(!YES.agrees(&Answer::Verify(Finding::NotEnough)));
    assert!(!Answer::Compare(Preference::Tie).agrees(&Answer::Compare(Preference::BothBad)));
    assert!(!Answer::Choice(1).agrees(&Answer::Rating(1)), "they answer other questions");
}

/// They are in databases.
#[test]
fn keys_mean_what_they_always_meant() {
    let keys = [
        (Answer::Choice(8), 8),
        (set(&[0, 8]), 257),
        (Answer::Compare(Preference::Left), 0),
        (Answer::Compare(Preference::Right), 1),
        (Answer::Compare(Preference::Tie), 2),
        (Answer::Compare(Preference::BothBad), 3),
        (Answer::Rating(10), 10),
        (YES, 0),
        (Answer::Verify(Finding::Contradicted { sentence: 3 }), 1),
        (Answer::Verify(Finding::NotEnough), 2),
    ];
    for (answer, key) in keys {
        assert_eq!(answer.key(), AgreementKey(key), "{answer:?}");
    }
    for (i, word) in Finding::WORDS.into_iter().enumerate() {
        let named = [Finding::Supported { sentence: 0 }, Finding::Contradicted { sentence: 0 }, Finding::NotEnough];
        let of_word = named.into_iter().find(|finding| finding.as_str() == word).expect("a word of each");
        assert_eq!(usize::from(Answer::Verify(of_word).key().0), i);
    }
}

#[test]
fn kinds_have_words() {
    for kind in TaskKind::ALL {
        assert_eq!(TaskKind::from_word(kind.as_str()), Some(kind));
    }
    assert_eq!(TaskKind::from_word("Choice"), None);
}

#[test]
fn sets_of_types_hold_what_was_put_in() {
    let set = TaskSet::of(&[TaskKind::Rating, TaskKind::Choice, TaskKind::Rating]);
    assert_eq!(set.iter().collect::<Vec<_>>(), [TaskKind::Choice, TaskKind::Rating]);
    assert!(TaskKind::ALL.into_iter().all(|kind| TaskSet::ALL.contains(kind)));
    assert_eq!(TaskSet::of(&[]).iter().count(), 0);
}

#[test]
fn sets_hold_what_was_put_in() {
    let Answer::Multi(two) = set(&[8, 0]) else { panic!("a set") };
    assert_eq!((two.iter().collect::<Vec<_>>(), two.count(), two.bits()), (vec![0, 8], 2, 257));
    assert!(two.contains(8) && !two.contains(1) && !two.contains(9) && !two.contains(255));
    assert_eq!((two.with(9), two.with(255), OptionSet::from_bits(512)), (None, None, None));
    let refused = cbor::decode::<OptionSet>(&cbor::encode(&512_u16), 9);
    assert_eq!(refused, Err(CborError::Malformed("an option that can't be")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A task is what it says, whole; one answer has one encoding; what fits a task is in bounds without it.
    #[test]
    fn tasks_and_answers_round_trip(task in task(), answer in answer()) {
        prop_assert_eq!(task.check(), Ok(()));
        prop_assert_eq!(&cbor::decode::<Task>(&cbor::encode(&task), ITEM_BYTES_MAX).unwrap(), &task);
        prop_assert_eq!(cbor::decode::<Answer>(&cbor::encode(&answer), 99).unwrap(), answer);
        prop_assert_eq!(answer.check(), Ok(()));
        if task.takes(&answer).is_ok() {
            prop_assert_eq!(task.kind(), answer.kind());
        }
    }

    /// Agreement is an equivalence, and, save for the marked sentence, equality.
    #[test]
    fn agreement_is_an_equivalence(a in answer(), b in answer(), c in answer()) {
        prop_assert!(a.agrees(&a));
        prop_assert_eq!(a.agrees(&b), b.agrees(&a));
        prop_assert!(!(a.agrees(&b) && b.agrees(&c)) || a.agrees(&c));
        let word = |answer: &Answer| match answer {
            Answer::Verify(finding) => finding.as_str().to_owned(),
            other => format!("{other:?}"),
        };
        prop_assert_eq!(a.agrees(&b), word(&a) == word(&b));
    }

    /// Whatever bytes a peer sends are read as what they say, or not at all.
    #[test]
    fn no_other_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
        if let Ok(answer) = cbor::decode::<Answer>(&bytes, 99) {
            prop_assert_eq!(cbor::encode(&answer), bytes);
        }
    }
}

fn solved(task: Task, answer: Answer) -> PracticeItem {
    PracticeItem { task, answer, explanation: "because".into() }
}

#[test]
fn a_practice_keeps_its_bounds() {
    let check = |items: Vec<PracticeItem>| Practice { items }.check();
    let one = || solved(multi(3, 1, 2), set(&[1]));
    assert_eq!(check(vec![one(), solved(multi(4, 1, 2), set(&[3]))]), Ok(()));
    let choice = |n: usize| {
        let task = Task::Choice(Choice { content: text(&format!("sign {n}")), options: options(2) });
        solved(task, Answer::Choice(0))
    };
    assert_eq!(check((0..PRACTICE_ITEMS_MAX).map(choice).collect()), Ok(()));
    let picture = |n: usize, size: u64| {
        let picture = Picture {
            hash: Hash::of(&n.to_be_bytes()),
            media_type: "image/png".into(),
            bytes: ByteCount::new(size).unwrap(),
            alt: "a sign".into(),
        };
        let task = Choice { content: Content::Picture(picture), options: options(2) };
        solved(Task::Choice(task), Answer::Choice(0))
    };
    assert_eq!(check(vec![picture(0, BLOB_BYTES_MAX), picture(1, BLOB_BYTES_MAX)]), Ok(()));
    let wrong = [
        vec![],
        (0..=PRACTICE_ITEMS_MAX).map(choice).collect(),
        vec![solved(multi(3, 1, 2), set(&[3]))],
        vec![solved(multi(3, 1, 2), set(&[]))],
        vec![solved(multi(3, 1, 2), Answer::Choice(0))],
        vec![solved(multi(3, 1, 4), set(&[1]))],
        vec![PracticeItem { explanation: " ".into(), ..one() }],
        vec![PracticeItem { explanation: "x".repeat(LABEL_BYTES_MAX + 1), ..one() }],
        vec![one(), one()],
        vec![one(), choice(0)],
        vec![picture(0, BLOB_BYTES_MAX), picture(1, BLOB_BYTES_MAX), picture(2, 1)],
    ];
    for items in wrong {
        assert!(check(items.clone()).is_err(), "{items:?}");
        let bytes = Practice { items }.to_bytes();
        assert!(matches!(Practice::from_bytes(&bytes), Err(CborError::Malformed(_))), "and so it isn't read");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// A practice is what its check says, whatever is in it; one that may be is read as it was written.
    #[test]
    fn practices_round_trip(items in proptest::collection::vec((task(), answer(), "\\PC{0,20}"), 0..4)) {
        let solved = |(task, answer, explanation)| PracticeItem { task, answer, explanation };
        let practice = Practice { items: items.into_iter().map(solved).collect() };
        let read = Practice::from_bytes(&practice.to_bytes());
        prop_assert_eq!(read.is_ok(), practice.check().is_ok());
        if let Ok(read) = read {
            prop_assert_eq!(&read, &practice);
            prop_assert!(read.items.iter().all(|item| item.answer.agrees(&item.answer)));
        }
    }
}
