//! The log: found, counted, kept, pruned.

use lull_protocol::{Hash, Item, TaskSet};
use lull_view::{ActivityState, ActivityWork, ChangeByte, Command, Find, PAGE_MAX, Reply, WorkClass};
use lull_worker::{Event, Worker, limits};
use proptest::prelude::*;

use crate::common::*;

/// A fetch and two judgments, one of which waits for its verdict.
fn worked() -> World {
    let mut world = World::connected();
    world.sites.insert("https://www.gutenberg.org/a?secret=1".into(), page(200, b"hello"));
    world.assign(&fetch_item("https://www.gutenberg.org/a?secret=1", 1_000));
    world.pass(1_000);
    let offer = world.assign(&text_item("Road signs"));
    world.answer(&offer, 1);
    world.pass(1_000);
    world.coordinator.keeps_verdicts = true;
    let offer = world.assign(&text_item("waits"));
    world.answer(&offer, 0);
    world
}

fn find(world: &World, find: Find) -> lull_view::ActivityPage {
    let limit = if find.limit == 0 { PAGE_MAX } else { find.limit };
    match world.ask(&Command::FindActivities(Find { limit, ..find })) {
        Reply::Activities { page } => page,
        other => panic!("{other:?}"),
    }
}

fn titles(world: &World, wanted: Find) -> Vec<String> {
    let title = |work: &ActivityWork| match work {
        ActivityWork::Fetch { site, .. } => site.clone(),
        ActivityWork::Judgment { title, .. } => title.clone(),
    };
    find(world, wanted).entries.iter().map(|entry| title(&entry.activity.work)).collect()
}

#[test]
fn every_filter_finds_what_it_says() {
    let world = worked();
    let by = |text: &str| titles(&world, Find { text: text.into(), ..Find::default() });
    assert_eq!(by(""), ["waits", "Road signs", "www.gutenberg.org"]);
    assert_eq!(by("GUTENBERG"), ["www.gutenberg.org"]);
    assert_eq!(by("search ind"), ["www.gutenberg.org"], "the purpose");
    assert_eq!(by("road maps"), ["waits", "Road signs"], "the requester");
    assert_eq!(by("0202"), ["www.gutenberg.org"], "the order");
    assert_eq!(by("no, thanks"), [""; 0]);
    assert_eq!(by("secret"), [""; 0], "full addresses are not in the log");
    let class = |class| titles(&world, Find { class: Some(class), ..Find::default() });
    assert_eq!(class(WorkClass::Fetch), ["www.gutenberg.org"]);
    assert_eq!(class(WorkClass::Judgment), ["waits", "Road signs"]);
    let state = |state| titles(&world, Find { state: Some(state), ..Find::default() });
    assert_eq!(state(ActivityState::Waiting), ["waits"]);
    assert_eq!(state(ActivityState::Accepted), ["Road signs", "www.gutenberg.org"]);
    let at: Vec<u64> = world.log_entries().iter().map(|entry| entry.activity.at).collect();
    let between = |since, until| titles(&world, Find { since, until, ..Find::default() });
    assert_eq!(between(Some(at[1]), Some(at[0])), ["Road signs"]);
    assert_eq!(between(Some(at[0] + 1), None), [""; 0]);
}

#[test]
fn pages_follow_each_other_and_sums_are_of_all() {
    let world = worked();
    let first = find(&world, Find { limit: 2, sum: true, ..Find::default() });
    assert_eq!(first.entries.len(), 2);
    let second = find(&world, Find { limit: 2, before: first.next, sum: true, ..Find::default() });
    assert_eq!((second.entries.len(), second.next), (1, None));
    for totals in [first.totals, second.totals] {
        let totals = totals.expect("they were asked for");
        assert_eq!((totals.count, totals.amount), (3, 2 * 4_000));
        assert!(totals.received > 5 && totals.sent > 0);
    }
    assert_eq!(find(&world, Find { limit: 2, ..Find::default() }).totals, None);
}

#[test]
fn an_entry_opens_with_address_receipt_and_alibi_also_when_they_are_no_longer_loaded() {
    let mut world = worked();
    let number = world.log_entries()[2].number;
    let open = |world: &World| match world.ask(&Command::OpenActivity { number }) {
        Reply::Activity { detail: Some(detail) } => detail,
        other => panic!("{other:?}"),
    };
    let loaded = open(&world);
    assert_eq!(loaded.url.as_deref(), Some("https://www.gutenberg.org/a?secret=1"));
    assert_eq!(loaded.domain.as_deref(), Some("gutenberg.org"));
    let alibi = loaded.alibi.as_ref().expect("an alibi");
    assert_eq!((alibi.requester.as_str(), alibi.operator.as_str()), ("Open Index", "Quiet Labs"));
    world.coordinator.keeps_verdicts = false;
    for i in 0..limits::RECEIPTS_LOADED_MAX + 10 {
        let offer = world.assign(&text_item(&format!("t{i}")));
        world.answer(&offer, 0);
    }
    world.kill();
    world.run();
    let offer = loaded.entry.activity.offer.clone();
    assert!(!world.disk.contains_key(&format!("receipt/{offer}")), "it is kept, not loaded");
    assert_eq!(open(&world), loaded, "and still tells the same");
    let receipt = |change| match world.ask(&Command::OpenReceipt { offer: offer.clone(), change }) {
        Reply::Receipt { receipt } => receipt.expect("a receipt"),
        other => panic!("{other:?}"),
    };
    assert!(receipt(None).valid);
    assert!(!receipt(Some(ChangeByte { part: "item".into(), offset: 40 })).valid);
    let none = Command::OpenReceipt { offer: Hash::of(b"none").to_string(), change: None };
    assert_eq!(world.ask(&none), Reply::Receipt { receipt: None });
    for number in [number + 1_000_000, u64::MAX] {
        assert_eq!(world.ask(&Command::OpenActivity { number }), Reply::Activity { detail: None });
    }
}

#[test]
fn work_from_before_the_log_is_in_it_after_the_update() {
    let disk = worked().disk.into_iter().filter(|(key, _)| key != "days" && !key.starts_with("log")).collect();
    let mut world = World::with_disk(disk);
    world.start();
    assert_eq!(titles(&world, Find::default()), ["waits", "Road signs", "www.gutenberg.org"]);
    let Reply::Days { days } = world.ask(&Command::ListDays) else { panic!("days") };
    assert_eq!(days.iter().map(|day| (day.judgments, day.fetches, day.earned)).collect::<Vec<_>>(), [(2, 1, 8_000)]);
    assert_eq!(world.view().notice, None);
}

#[test]
fn days_that_are_damaged_lose_no_entry_and_no_number() {
    let mut world = worked();
    let before = world.log_entries();
    // Another build trusts another coordinator, and the row of numbers is gone: the log's own keys tell it.
    for lost in ["days", "receipt/", "outbox/", "lease/"] {
        world.disk.retain(|key, _| !key.starts_with(lost));
    }
    world.disk.insert("days".into(), vec![1, 2, 3]);
    let disk = world.disk.clone();
    let mut world = World::with_disk(disk);
    world.start();
    assert!(world.disk.contains_key("aside/days"));
    assert_eq!(world.log_entries(), before);
    world.command(Command::DismissNotice);
    let offer = world.assign(&text_item("after"));
    world.answer(&offer, 0);
    let after = world.log_entries();
    assert_eq!(after[1..], before[..], "nothing was written over");
}

#[test]
fn an_entry_that_cannot_be_read_is_told_and_stays() {
    let mut world = worked();
    let key = world.disk.keys().find(|key| key.starts_with("log/")).expect("an entry").clone();
    world.disk.insert(key.clone(), vec![0xff; 30]);
    let page = find(&world, Find::default());
    assert_eq!((page.entries.len(), page.unreadable), (2, 1));
    assert_eq!(world.disk[&key], vec![0xff; 30]);
}

#[test]
fn what_is_older_than_90_days_goes_when_both_clocks_say_so() {
    let mut world = worked();
    for _ in 0..3 {
        world.pass(31 * limits::DAY_MS);
        world.surroundings.day_start = at(world.now_ms - world.now_ms % limits::DAY_MS);
        world.feed(Event::Surroundings(world.surroundings));
        let offer = world.assign(&text_item("later"));
        world.answer(&offer, 0);
    }
    world.pass(1_000);
    assert_eq!(titles(&world, Find::default()), ["later"; 3]);
    let Reply::Days { days } = world.ask(&Command::ListDays) else { panic!("days") };
    assert_eq!(days.len(), 3);
    // The browser's clock jumps a year ahead before the coordinator's word corrects it, and after.
    world.ahead_ms = 365 * limits::DAY_MS as i64;
    world.cut();
    world.feed(Event::Tick);
    world.pass(60_000);
    assert_eq!(world.log_entries().len(), 3, "a wrong clock takes nothing");
}

#[test]
fn the_log_does_not_make_the_machine_larger() {
    let mut world = World::connected();
    world.is_checked = false;
    for i in 0..limits::RECEIPTS_LOADED_MAX * 3 {
        let offer = world.assign(&text_item(&format!("t{i}")));
        world.answer(&offer, 0);
    }
    let loaded = world.worker.snapshot().iter().filter(|(key, _)| key.starts_with("receipt/")).count();
    assert_eq!(loaded, limits::RECEIPTS_LOADED_MAX);
    assert!(!world.worker.snapshot().iter().any(|(key, _)| key.starts_with("log")));
    // A shell that loads everything and one that loads what it must make the same machine.
    let needed = world.disk.iter().filter(|(key, _)| !key.starts_with("log"));
    let needed = needed.map(|(key, value)| (key.clone(), value.clone())).collect();
    let lean = Worker::new(
        lull_worker::Config { trust: world.trust.clone(), tasks: TaskSet::CHOICE, take_back_ms: 0 },
        key(1),
        1,
        needed,
    );
    let full = Worker::new(
        lull_worker::Config { trust: world.trust.clone(), tasks: TaskSet::CHOICE, take_back_ms: 0 },
        key(1),
        1,
        world.disk.clone().into_iter().collect(),
    );
    assert_eq!(lean.snapshot(), full.snapshot());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever is asked, the pages together are what a plain look at every entry finds.
    #[test]
    fn pages_are_what_a_plain_look_finds(
        text in "[a-z0-9. ]{0,3}",
        class in proptest::option::of(prop_oneof![Just(WorkClass::Fetch), Just(WorkClass::Judgment)]),
        limit in 1_u16..5,
        since in proptest::option::of(0_u64..20_000),
        until in proptest::option::of(0_u64..20_000),
    ) {
        thread_local! { static WORLD: World = many(); }
        WORLD.with(|world| {
            let (since, until) = (since.map(|ms| START_MS + ms), until.map(|ms| START_MS + ms));
            let find_all = Find { text: text.clone(), class, since, until, limit, ..Find::default() };
            let mut found = Vec::new();
            let mut before = None;
            loop {
                let page = find(world, Find { before, ..find_all.clone() });
                prop_assert!(page.entries.len() <= usize::from(limit));
                found.extend(page.entries);
                before = page.next;
                if before.is_none() { break; }
            }
            let wanted = text.trim().to_lowercase();
            let mut all = world.log_entries();
            all.retain(|entry| {
                let (is_fetch, texts) = match &entry.activity.work {
                    ActivityWork::Fetch { site, purpose, outcome, reason, .. } =>
                        (true, vec![site.clone(), purpose.clone(), outcome.clone(), reason.clone().unwrap_or_default()]),
                    ActivityWork::Judgment { title, answer } => (false, vec![title.clone(), answer.clone()]),
                };
                let has = texts.iter().chain([&entry.activity.requester]).any(|t| t.to_lowercase().contains(&wanted));
                (has || entry.order.starts_with(&wanted))
                    && class.is_none_or(|class| is_fetch == (class == WorkClass::Fetch))
                    && since.is_none_or(|since| entry.activity.at >= since)
                    && until.is_none_or(|until| entry.activity.at < until)
            });
            prop_assert_eq!(found, all);
            Ok(())
        })?;
    }
}

/// Twenty pieces of work, a second apart.
fn many() -> World {
    let mut world = World::connected();
    for i in 0..20 {
        let item: Item = if i % 3 == 0 {
            let url = format!("https://www.site{i}.org/");
            world.sites.insert(url.clone(), page(if i % 2 == 0 { 200 } else { 403 }, b"x"));
            fetch_item(&url, 1_000)
        } else {
            text_item(&format!("title {i}"))
        };
        let offer = world.assign(&item);
        if matches!(item, Item::Judgment(_)) {
            world.answer(&offer, (i % 3) as u8);
        }
        world.pass(1_000);
    }
    world
}

/// Enough settled work that receipts are moved; then a day, killed after each of its effects.
#[test]
fn a_day_on_a_long_log_killed_after_any_effect_ends_the_same() {
    let mut before = World::connected();
    before.is_checked = false;
    for i in 0..limits::RECEIPTS_LOADED_MAX {
        let offer = before.assign(&text_item(&format!("t{i}")));
        before.answer(&offer, 0);
    }
    before.command(Command::SetJudgments { on: false });
    before.command(Command::SetBandwidth { on: false });
    let day = |kill_after| {
        let mut day = scenario::Day::after(&before);
        day.world.kill_after = kill_after;
        day.go();
        day.world.pass(60_000);
        day.check_books();
        let of = |kind: &str| day.world.disk.keys().filter(|key| key.starts_with(kind)).count();
        assert_eq!((of("receipt/"), of("log-kept/"), of("log/")), (128, 7, 135), "{kill_after:?}");
        day.world.carried_out
    };
    let effects = day(None);
    // Each takes a tenth of a second: every third is enough with `day.rs` beside it.
    (1..=effects).step_by(3).for_each(|effects| assert!(day(Some(effects)) > effects));
}
