//! Who is offered what.

use std::collections::BTreeSet;

use lull_market::assignment::LEASES_PER_ITEM_MAX;
use lull_market::{Command, Lease, Project, Reply};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::{Content, Filter, Hash, Item, TaskKind, TaskSet, Warning, WarningSet};

use crate::bench::{BUYER, Bench, URL, bytes, fetch_order, key, offer, order_id, project, refused, tasks};

fn items(leases: &[Lease]) -> Vec<Hash> {
    leases.iter().map(|lease| offer(lease).item).collect()
}

fn give_back(bench: &mut Bench, seed: u8, lease: &Lease, reason: ReturnReason) {
    let reply = bench.does(Command::Return {
        worker: key(seed).public(),
        offer: Hash::of(&lease.offer),
        reason,
        shown_ms: None,
    });
    assert!(matches!(reply, Reply::Freed { .. }), "{reply:?}");
}

#[test]
fn open_leases_count_against_wishes_and_limits() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL; 9]));
    bench.ask(project(2, 9, 2, 3));
    let worker = key(1);
    assert_eq!(bench.claim(&worker, 0, 0).len(), 0);
    assert_eq!(bench.claim(&worker, 1, 1).len(), 2);
    assert_eq!(bench.claim(&worker, 1, 1).len(), 0, "the same wish again");
    assert_eq!(bench.claim(&worker, 0, 3).len(), 2);
    assert_eq!(bench.claim(&worker, 200, 55).len(), 1 + 1, "FETCH_LEASES_MAX, JUDGMENT_LEASES_MAX");
    assert_eq!(bench.claim(&worker, 200, 55).len(), 0);
    assert_eq!(bench.reader.open_leases(&worker.public(), bench.cx.now).unwrap().len(), 2 + 4);
    bench.later(60_001);
    assert_eq!(bench.reader.open_leases(&worker.public(), bench.cx.now).unwrap().len(), 4, "fetch leases are over");
    assert_eq!(bench.claim(&worker, 2, 0).len(), 2, "and hold no places, swept or not");
}

#[test]
fn sensitive_content_is_offered_to_whom_wants_it() {
    let mut bench = Bench::new();
    let [hate, medical] = [Warning::Hate, Warning::Medical].map(|warning| WarningSet::NONE.with(warning));
    let both = hate.with(Warning::Medical);
    for (number, warnings) in (1..).zip([both, hate, WarningSet::NONE]) {
        bench.ask(Project { warnings, ..project(number, 1, 1, 1) });
    }
    let mut leased = |seed: u8, warnings: WarningSet| -> Vec<WarningSet> {
        let (worker, nonces) = (key(seed).public(), bench.nonces(4));
        let claim = Command::Claim {
            worker,
            fetch: 0,
            judgment: 4,
            tasks: TaskSet::ALL,
            warnings,
            filter: Filter::default(),
            nonces,
        };
        let Reply::Leases(leases) = bench.does(claim) else { panic!("leases") };
        for lease in &leases {
            let offer = Hash::of(&lease.offer);
            bench.does(Command::Return { worker, offer, reason: ReturnReason::Unwanted, shown_ms: None });
        }
        let warnings = |lease: &Lease| match Item::from_bytes(&lease.item).unwrap() {
            Item::Judgment(item) => item.warnings,
            Item::Fetch(_) => panic!("a fetch"),
        };
        leases.iter().map(warnings).collect()
    };
    assert_eq!(leased(1, WarningSet::NONE), [WarningSet::NONE]);
    assert_eq!(leased(2, medical), [WarningSet::NONE]);
    assert_eq!(leased(3, hate), [hate, WarningSet::NONE]);
    assert_eq!(leased(4, WarningSet::ALL), [both, hate, WarningSet::NONE]);
    // What wasn't wanted may be later.
    assert_eq!(leased(4, both), [both, hate, WarningSet::NONE]);
}

#[test]
fn judgments_are_of_the_types_that_are_wanted() {
    let mut bench = Bench::new();
    for (number, kind) in (1..).zip(TaskKind::ALL) {
        bench.ask(Project { tasks: tasks(kind, 2), ..project(number, 0, 2, 2) });
    }
    bench.buy(fetch_order(9, &[URL]));
    let mut kinds = |seed: u8, places: u8, tasks: TaskSet| -> Vec<Option<TaskKind>> {
        let nonces = bench.nonces(5);
        let claim = Command::Claim {
            worker: key(seed).public(),
            fetch: 1,
            judgment: places,
            tasks,
            warnings: WarningSet::ALL,
            filter: Filter::default(),
            nonces,
        };
        let Reply::Leases(leases) = bench.does(claim) else { panic!("leases") };
        let kind = |lease: &Lease| match Item::from_bytes(&lease.item).unwrap() {
            Item::Judgment(item) => Some(item.task.kind()),
            Item::Fetch(_) => None,
        };
        leases.iter().map(kind).collect()
    };
    use TaskKind::{Choice, Compare, Multi, Rating, Verify};
    assert_eq!(kinds(1, 4, TaskSet::CHOICE), [None, Some(Choice), Some(Choice)]);
    assert_eq!(kinds(2, 1, TaskSet::of(&[Verify])), [Some(Verify)]);
    assert_eq!(kinds(2, 4, TaskSet::of(&[Multi, Verify])), [Multi, Multi, Verify].map(Some), "the older order first");
    assert_eq!(kinds(3, 4, TaskSet::of(&[])), []);
    // Those of older orders come first, whatever their type.
    let all = [Choice, Choice, Multi, Multi].map(Some);
    assert_eq!(kinds(4, 4, TaskSet::ALL), all);
    let rest = kinds(5, 4, TaskSet::ALL);
    assert_eq!(rest, [Compare, Compare, Rating, Rating].map(Some));
}

#[test]
fn no_more_leases_than_nonces() {
    let mut bench = Bench::new();
    bench.ask(project(1, 9, 2, 3));
    let nonces = bench.nonces(1);
    let reply = bench.does(Command::Claim {
        worker: key(1).public(),
        fetch: 0,
        judgment: 4,
        tasks: TaskSet::ALL,
        warnings: lull_protocol::WarningSet::ALL,
        filter: Filter::default(),
        nonces,
    });
    assert!(matches!(reply, Reply::Leases(leases) if leases.len() == 1));
}

#[test]
fn the_older_order_comes_first_then_the_fewest_free_places_then_the_number() {
    let mut bench = Bench::new();
    bench.ask(project(7, 3, 2, 2));
    bench.ask(project(3, 3, 2, 2));
    let first = bench.claim(&key(1), 0, 4);
    let orders: Vec<_> = first.iter().map(|l| Item::from_bytes(&l.item).unwrap().order()).collect();
    assert_eq!(orders, [order_id(7), order_id(7), order_id(7), order_id(3)]);
    give_back(&mut bench, 1, &first[0], ReturnReason::Skipped);
    give_back(&mut bench, 1, &first[2], ReturnReason::Skipped);
    bench.answers(&key(1), &first[3], 0);
    let second = items(&bench.claim(&key(2), 0, 4));
    let first = items(&first);
    assert_eq!(
        second,
        [first[1], first[0], first[2], first[3]],
        "age counts, then that the begun one has fewer free places"
    );
}

#[test]
fn what_a_worker_is_not_offered_hides_nothing_behind_it() {
    let mut bench = Bench::new();
    let id = |number: u16| {
        let [high, low] = number.to_be_bytes();
        lull_protocol::OrderId([high, low, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    };
    for number in 0..1_100 {
        bench.ask(Project { order: id(number), warnings: WarningSet::ALL, ..project(1, 1, 1, 1) });
    }
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\x01IDAT".to_vec();
    let (hash, size) = (Hash::of(&picture), bytes(picture.len() as u64));
    let shown = |number: usize| {
        let (media_type, alt) = ("image/png".into(), format!("sign {number}"));
        Content::Picture(lull_protocol::item::Picture { hash, media_type, bytes: size, alt })
    };
    let media_type = "image/png".to_owned();
    bench.does(Command::PutBlob { requester: BUYER, media_type, bytes: picture });
    let contents = |text: &str| {
        let pictures = (1..lull_market::ITEMS_MAX).map(shown);
        pictures.chain([Content::Text(text.into())]).collect::<Vec<_>>()
    };
    for number in 2..=3 {
        let options = vec!["yes".into(), "no".into()];
        let tasks = lull_market::Tasks::Choice { options, contents: contents("a sign") };
        bench.ask(Project { tasks, ..project(number, 0, 1, 1) });
    }
    let filter = Filter { text_only: true, ..Filter::default() };
    let claim = Command::Claim {
        worker: key(1).public(),
        fetch: 0,
        judgment: 4,
        tasks: TaskSet::ALL,
        warnings: WarningSet::NONE,
        filter,
        nonces: bench.nonces(4),
    };
    let Reply::Leases(leases) = bench.does(claim) else { panic!("leases") };
    let orders: Vec<_> = leases.iter().map(|lease| Item::from_bytes(&lease.item).unwrap().order()).collect();
    assert_eq!(orders, [order_id(2), order_id(3)], "behind what is sensitive, and behind pictures");
}

#[test]
fn never_the_same_item_twice() {
    let mut bench = Bench::new();
    bench.ask(project(1, 2, 2, 3));
    let worker = key(1);
    let leases = bench.claim(&worker, 0, 4);
    assert_eq!(items(&leases).into_iter().collect::<BTreeSet<_>>().len(), 2);
    bench.answers(&worker, &leases[0], 0);
    give_back(&mut bench, 1, &leases[1], ReturnReason::Skipped);
    assert_eq!(bench.claim(&worker, 0, 4).len(), 0);
    bench.later(10_000_000);
    bench.sweep();
    assert_eq!(bench.claim(&worker, 0, 4).len(), 0);
    assert_eq!(bench.claim(&key(2), 0, 4).len(), 2);
}

#[test]
fn two_workers_race_for_one_place() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL]));
    let batch: Vec<_> = (1..=2)
        .map(|seed| Command::Claim {
            worker: key(seed).public(),
            fetch: 2,
            judgment: 4,
            tasks: TaskSet::ALL,
            warnings: lull_protocol::WarningSet::ALL,
            filter: Filter::default(),
            nonces: bench.nonces(6),
        })
        .collect();
    let replies = bench.store.apply(&bench.cx, &batch).unwrap();
    let counts: Vec<_> = replies
        .into_iter()
        .map(|reply| match reply {
            Ok(Reply::Leases(leases)) => leases.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(counts, [1, 0]);
}

#[test]
fn open_leases_and_answers_never_exceed_what_is_needed() {
    let mut bench = Bench::new();
    bench.ask(project(1, 1, 2, 3));
    let lease = bench.lease(&key(1), 0, 1);
    bench.answers(&key(1), &lease, 0);
    assert_eq!(bench.claim(&key(2), 0, 1).len(), 1);
    assert_eq!(bench.claim(&key(3), 0, 1).len(), 1);
    assert_eq!(bench.claim(&key(4), 0, 1).len(), 0);
    bench.later(300_001);
    assert_eq!(bench.claim(&key(4), 0, 1).len(), 0, "not yet swept");
    let (expired, verdicts, settled) = bench.sweep();
    let whose: BTreeSet<_> = expired.iter().map(|(worker, _)| *worker).collect();
    assert_eq!(whose, BTreeSet::from([key(2).public(), key(3).public()]));
    assert!(verdicts.is_empty() && settled.is_empty());
    assert_eq!(bench.claim(&key(4), 0, 1).len(), 1);
    assert_eq!(bench.claim(&key(5), 0, 1).len(), 1);
    assert_eq!(bench.claim(&key(6), 0, 1).len(), 0);
}

#[test]
fn some_returns_and_expiries_leave_a_second_chance() {
    for (reason, chances) in [
        (Some(ReturnReason::Skipped), 1),
        (Some(ReturnReason::Broken), 1),
        (Some(ReturnReason::SwitchedOff), LEASES_PER_ITEM_MAX),
        (Some(ReturnReason::TooMany), LEASES_PER_ITEM_MAX),
        (Some(ReturnReason::Unwanted), LEASES_PER_ITEM_MAX),
        (None, LEASES_PER_ITEM_MAX),
    ] {
        let mut bench = Bench::new();
        bench.buy(fetch_order(1, &[URL]));
        for _ in 0..chances {
            let lease = bench.lease(&key(1), 1, 0);
            match reason {
                Some(reason) => give_back(&mut bench, 1, &lease, reason),
                None => bench.later(60_001),
            }
            bench.sweep();
        }
        assert_eq!(bench.claim(&key(1), 1, 0).len(), 0, "{reason:?}");
        assert_eq!(bench.claim(&key(2), 1, 0).len(), 1, "{reason:?}");
    }
}

#[test]
fn a_lease_is_given_back_once_by_its_worker_and_before_its_end() {
    let mut bench = Bench::new();
    bench.buy(fetch_order(1, &[URL; 3]));
    let worker = key(1);
    let leases = bench.claim(&worker, 2, 0);
    let back = |seed: u8, offer: Hash| Command::Return {
        worker: key(seed).public(),
        offer,
        reason: ReturnReason::SwitchedOff,
        shown_ms: None,
    };
    let (first, second) = (Hash::of(&leases[0].offer), Hash::of(&leases[1].offer));
    assert_eq!(refused(bench.one(back(1, Hash::of(b"none")))), RefusedCode::UnknownOffer);
    assert_eq!(refused(bench.one(back(2, first))), RefusedCode::NotYours);
    assert_eq!(bench.one(back(1, first)), Ok(Reply::Freed { skips_left: None }));
    assert_eq!(bench.one(back(1, first)), Ok(Reply::Done), "twice is no error");
    let result = bench.page(&leases[1], b"x");
    bench.stores(&worker, &result, b"x");
    assert_eq!(refused(bench.one(back(1, second))), RefusedCode::LeaseEnded);
    let third = Hash::of(&bench.lease(&worker, 1, 0).offer);
    bench.later(60_001);
    bench.sweep();
    assert_eq!(refused(bench.one(back(1, third))), RefusedCode::LeaseExpired);
    bench.checks_out();
}
