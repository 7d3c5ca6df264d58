//! What is stored: versions, damage, another coordinator, counts.

use std::collections::BTreeMap;
use std::path::Path;

use lull_protocol::connect::Purpose;
use lull_protocol::{TaskSet, ToCoordinator, WarningSet};
use lull_view::{ActivityState, BandwidthWhen, Caps, Command, Link, NeverWhat, Notice, Pause, Pops, Settings, Wishes};
use lull_worker::{Config, Effect, Event, Worker, Write, limits};

use crate::common::paying::{Paying, wallet};
use crate::common::*;

/// A disk with one of each: a lease, a lease given back, a fetched body on its way, a receipt.
fn full_disk() -> World {
    let mut world = World::connected();
    // As when the frozen records were written.
    world.coordinator.places_verdicts = false;
    let done = world.assign(&text_item("done"));
    world.answer(&done, 0);
    world.coordinator.is_mute = true;
    world.sites.insert("https://www.rust-lang.org/page".into(), page(200, b"body"));
    world.assign(&fetch_item("https://www.rust-lang.org/page", 1_000));
    let skipped = world.assign(&text_item("skipped"));
    let shown_at = Some(world.local().get() - 2_000);
    world.command(Command::Skip { offer: skipped, shown_at });
    world.assign(&text_item("open"));
    pay(&mut world);
    world.pass(60_000);
    world
}

/// A wallet has signed in, and the yes to it has no answer yet.
fn pay(world: &mut World) {
    let mut paying = Paying::new();
    paying.is_mute = true;
    let told = paying.told();
    world.coordinator.paying = Some(paying);
    told.iter().for_each(|message| world.say(message));
    world.command(Command::ConnectWallet { purpose: Purpose::Link });
    let (now, paying) = (world.coordinator_now(), world.coordinator.paying.as_mut().unwrap());
    let told = paying.sign_in(wallet(90), Vec::new(), now);
    let ticket = paying.tickets[0].0.hash();
    world.say(&told);
    world.command(Command::WalletYes { ticket, purpose: Purpose::Link, wallet: wallet(90), lost: None });
}

/// One of every kind of record.
fn every_record() -> World {
    let mut world = full_disk();
    world.command(Command::Never(NeverWhat::Domain("gutenberg.org".into())));
    let caps = Caps { day_bytes: 40_000_000, ..world.view().limits.caps };
    world.command(Command::SetCaps { caps });
    world.command(Command::SetPops { pops: Pops { notify: true, ..Pops::default() } });
    let practice = practice("signs", 1);
    world.coordinator.blobs.insert(practice.blob().hash, practice.to_bytes());
    world.assign(&practised_item(text_item("practised"), &practice));
    world.command(Command::Practised { practice: practice.blob().hash.to_string() });
    world.command(Command::SetWarnings { chosen: WarningSet::ALL, day_max: 9 });
    world.command(Command::SetWishes { wishes: Wishes { text_only: true, ..Wishes::default() } });
    let open = world.judgment().offer;
    world.command(Command::Extend { offer: open });
    world.command(Command::PauseFor { pause: Pause::Tomorrow });
    world
}

/// What builds of each time wrote. `LULL_BLESS=1` writes the newest anew.
const FROZEN: [&str; 6] = [
    "records-1.txt",
    "records-1-usage.txt",
    "records-1-log.txt",
    "records-1-offers.txt",
    "records-1-skips.txt",
    "records-1-wallet.txt",
];

#[test]
fn records_of_version_1_are_read_and_written_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture");
    let written = every_record().disk;
    let newest = folder.join(FROZEN[5]);
    if std::env::var_os("LULL_BLESS").is_some() {
        let lines = written.iter().map(|(key, value)| format!("{key} {}\n", data_encoding::HEXLOWER.encode(value)));
        std::fs::write(&newest, lines.collect::<String>()).expect("the fixture is written");
    }
    for name in FROZEN {
        let text = std::fs::read_to_string(folder.join(name)).expect("a fixture");
        let frozen: BTreeMap<String, Vec<u8>> = text
            .lines()
            .map(|line| line.split_once(' ').expect("key and value"))
            .map(|(key, hex)| (key.to_owned(), data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal")))
            .collect();
        assert!(frozen.keys().all(|key| written.contains_key(key)), "no kind of record went away");
        if name == FROZEN[5] {
            assert_eq!(frozen, written, "what this build writes");
        }
        is_read(name, frozen);
    }
}

fn is_read(name: &str, frozen: BTreeMap<String, Vec<u8>>) {
    let has_log = frozen.contains_key("days");
    let mut world = World::with_disk(frozen);
    assert!(world.view().notice.is_none());
    world.worker.handle(Event::Tick, world.local());
    assert_eq!(world.view().limits.paused_until.is_some(), has_log, "the pause until tomorrow");
    world.worker.handle(Event::Command(Command::SetPaused { on: false }), world.local());
    let view = world.view();
    assert_eq!(view.judgment.map(|j| j.title).as_deref(), Some("open"));
    assert_eq!((view.outbox, view.activities.len(), view.account.earned), (1, 2, 4_000), "{name}");
    assert!(view.settings.bandwidth && view.settings.judgments);
    let kinds = |prefix: &str| world.disk.keys().filter(|k| k.starts_with(prefix)).count();
    assert_eq!((kinds("returned/"), kinds("body/"), kinds("receipt/")), (1, 1, 1));
    if has_log {
        let states: Vec<ActivityState> = world.log_entries().iter().map(|entry| entry.activity.state).collect();
        assert_eq!(states, [ActivityState::Sending, ActivityState::Accepted]);
        assert_eq!(
            (view.limits.caps.day_bytes, view.never.domains.as_slice()),
            (40_000_000, ["gutenberg.org".to_owned()].as_slice())
        );
    }
}

#[test]
fn what_was_stored_since_outlives_the_late_move_of_a_damaged_record() {
    let mut disk = full_disk().disk;
    let damaged = disk["settings"][..3].to_vec();
    disk.insert("settings".into(), damaged.clone());
    let mut world = World::with_disk(disk);
    // The batch that moves it fails, the person's words are stored, and the batch is tried again.
    (world.is_disk_full, world.is_checked) = (true, false);
    world.start();
    world.is_disk_full = false;
    world.command(Command::SetJudgments { on: true });
    assert!(!world.disk.contains_key("aside/settings"));
    world.is_checked = true;
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!(world.disk.get("aside/settings"), Some(&damaged));
    world.kill();
    world.run();
    assert!(world.view().settings.judgments, "the person has said so since");
}

#[test]
fn a_damaged_record_is_set_aside_and_the_rest_goes_on() {
    let disk = full_disk().disk;
    // What is not loaded is judged when it is read.
    for key in disk.keys().filter(|key| !key.starts_with("log/")) {
        let whole = &disk[key];
        let mut newer = whole.clone();
        newer[1] = 2;
        for damage in [whole[..whole.len() / 2].to_vec(), Vec::new(), vec![0xff; 40], newer] {
            let mut hurt = disk.clone();
            hurt.insert(key.clone(), damage.clone());
            let mut world = World::with_disk(hurt);
            world.start();
            let aside = format!("aside/{key}");
            assert_eq!(world.disk.get(&aside), Some(&damage), "{key} is kept, out of the way");
            assert_ne!(world.disk.get(key), Some(&damage), "{key}");
            let notices: Vec<Notice> = std::iter::from_fn(|| {
                let notice = world.view().notice?;
                world.command(Command::DismissNotice);
                Some(notice)
            })
            .collect();
            assert!(notices.contains(&Notice::SetAside { record: key.clone() }), "{key}: {notices:?}");
            if key == "settings" {
                assert_eq!(world.view().settings, Settings::default(), "everything is off when in doubt");
            } else if ["caps", "usage", "never"].contains(&key.as_str()) {
                let view = world.view();
                assert_eq!(
                    (view.settings.paused, view.link),
                    (true, Link::Off),
                    "nothing is fetched on a guess: {key}"
                );
                world.kill();
                world.run();
                assert!(world.view().settings.paused, "until the person goes on: {key}");
            } else {
                assert_eq!(world.view().link, Link::Connected, "{key}");
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_set_aside_or_harmless() {
    let disk = full_disk().disk;
    for (key, value) in &disk {
        for (i, bit) in (0..value.len()).flat_map(|i| (0..8).map(move |bit| (i, bit))).step_by(7) {
            let mut hurt = value.clone();
            hurt[i] ^= 1 << bit;
            let mut all = disk.clone();
            all.insert(key.clone(), hurt);
            let trust = full_trust();
            let mut worker = Worker::new(
                Config { trust, tasks: TaskSet::CHOICE, take_back_ms: 0 },
                crate::common::key(1),
                1,
                all.into_iter().collect(),
            );
            worker.handle(Event::Tick, at(START_MS));
            worker.view(at(START_MS));
            assert!(worker.query(&Command::Export, at(START_MS)).is_some());
        }
    }
}

fn full_trust() -> lull_protocol::trust::TrustRoot {
    let fingerprint = crate::common::key(7).public().fingerprint().to_string();
    lull_protocol::trust::TrustRoot::new("wss://lull.example/socket", &fingerprint).unwrap()
}

#[test]
fn a_second_damage_does_not_overwrite_the_first() {
    let mut disk = full_disk().disk;
    for (n, aside) in ["aside/settings", "aside/settings~2", "aside/settings~3"].into_iter().enumerate() {
        disk.insert("settings".into(), vec![n as u8]);
        let mut world = World::with_disk(disk);
        world.start();
        assert_eq!(world.disk.get(aside), Some(&vec![n as u8]));
        disk = world.disk;
    }
    assert_eq!(disk.keys().filter(|k| k.starts_with("aside/")).count(), 3);
}

#[test]
fn a_receipt_and_the_end_of_its_result_are_never_written_apart() {
    let mut world = World::connected();
    world.coordinator.is_mute = true;
    let offer = world.assign(&text_item("apart"));
    world.answer(&offer, 0);
    let statement = world.take_results().pop().expect("it is durable and sent");
    world.coordinator.is_mute = false;
    world.holds_disk = true;
    let (now, me) = (world.coordinator_now(), world.me);
    let replies = world.coordinator.receive(ToCoordinator::Result { statement: statement.into() }, me, now);
    replies.iter().for_each(|message| world.say(message));
    // The acknowledgement's batch fails, the verdict's does not, and then the browser ends.
    world.held.pop_front().expect("the receipt, and the end of the result");
    for Write { key, value } in world.held.pop_front().expect("the verdict").1 {
        match value {
            Some(value) => world.disk.insert(key, value.to_vec()),
            None => world.disk.remove(&key),
        };
    }
    world.holds_disk = false;
    world.kill();
    world.run();
    assert_eq!((world.view().notice, world.view().outbox), (None, 0));
    assert!(world.disk.contains_key(&format!("receipt/{offer}")));
}

#[test]
fn records_that_are_none_of_ours_stay_where_they_are() {
    let mut disk = BTreeMap::new();
    for key in ["key/wrapped", "lease/short", "other"] {
        disk.insert(key.to_owned(), vec![1, 2, 3]);
    }
    let mut world = World::with_disk(disk.clone());
    world.is_checked = false;
    world.start();
    assert!(disk.iter().all(|(key, value)| world.disk.get(key) == Some(value)));
    assert!(world.view().notice.is_none());
}

#[test]
fn what_was_between_us_and_another_coordinator_is_not_told_to_the_new_one() {
    let disk = full_disk().disk;
    let fingerprint = crate::common::key(9).public().fingerprint().to_string();
    let trust = lull_protocol::trust::TrustRoot::new("wss://other.example/", &fingerprint).unwrap();
    let mut worker = Worker::new(
        Config { trust, tasks: TaskSet::CHOICE, take_back_ms: 0 },
        crate::common::key(1),
        1,
        disk.clone().into_iter().collect(),
    );
    worker.handle(Event::Tick, at(START_MS));
    let view = worker.view(at(START_MS));
    assert_eq!((view.judgment, view.outbox, view.activities.len(), view.account.earned), (None, 0, 0, 0));
    assert!(view.settings.judgments, "the person's choices stay");
    assert!(!view.settings.card_seen, "the new operator's card was not seen");
    let writes: Vec<String> = std::iter::from_fn(|| worker.poll_effect())
        .filter_map(|e| match e {
            Effect::Persist { writes, .. } => Some(writes),
            _ => None,
        })
        .flatten()
        .filter(|w| w.value.is_some())
        .map(|w| w.key)
        .collect();
    assert!(writes.contains(&"settings".to_owned()), "and that is stored");
    let stay = ["settings", "counters", "consent", "usage", "days", "never", "you"];
    for key in disk.keys().filter(|k| !stay.contains(&k.as_str()) && !k.starts_with("log/")) {
        assert!(writes.contains(&format!("aside/{key}")), "{key}");
    }
}

#[test]
fn diagnostics_count_across_restarts() {
    let mut world = World::connected();
    world.feed(Event::RequestEvents { own: 3, foreign: 0 });
    world.feed(Event::Alarm);
    world.pass(60_000);
    world.feed(Event::Alarm);
    world.feed(Event::RequestEvents { own: 1, foreign: 2 });
    world.kill();
    world.run();
    let d = world.view().diagnostics;
    assert_eq!((d.wakes, d.events_own, d.events_foreign, d.alarms), (2, 4, 2, 2));
}

#[test]
fn settings_that_could_not_be_stored_are_stored_later() {
    let mut world = World::connected();
    world.is_disk_full = true;
    world.command(Command::SetJudgments { on: false });
    assert!(!world.view().settings.judgments, "they hold at once");
    world.is_disk_full = false;
    world.pass(lull_worker::limits::BACKOFF_MS_MAX);
    world.kill();
    world.run();
    assert!(!world.view().settings.judgments);
}

#[test]
fn consent_that_is_taken_back_outlives_a_full_disk() {
    let take_back = [
        Command::SetPaused { on: true },
        Command::SetBandwidth { on: false },
        Command::SetBandwidthWhen { when: BandwidthWhen::Away },
    ];
    for command in take_back {
        let mut world = World::connected();
        for i in 0..9 {
            let offer = world.assign(&text_item(&format!("t{i}")));
            world.answer(&offer, 0);
        }
        world.pass(20_000);
        let receipts = |world: &World| world.disk.keys().filter(|key| key.starts_with("receipt/")).count();
        // Room for a few records must be made first; their verdicts go with them.
        world.is_checked = false;
        world.disk_bytes_max = world.disk_bytes() - 3_000;
        world.command(command.clone());
        let settings = world.view().settings;
        world.kill();
        world.run();
        assert_eq!(world.view().settings, settings, "{command:?}");
        assert!((1..9).contains(&receipts(&world)), "{} receipts", receipts(&world));
    }
}

#[test]
fn consent_taken_back_makes_room_of_bodies_too_and_of_nothing_on_a_broken_disk() {
    let full = full_disk();
    let has = |world: &World, kind: &str| world.disk.keys().any(|key| key.starts_with(kind));
    let mut world = World::with_disk(full.disk.clone());
    world.coordinator.is_mute = true;
    world.start();
    world.is_disk_full = true;
    world.command(Command::SetPaused { on: true });
    world.pass(60_000);
    assert_eq!((world.view().notice, world.view().outbox), (Some(Notice::Storage), 1));
    assert!(has(&world, "receipt/") && has(&world, "body/"), "what can't help is not given up");
    assert!(world.view().settings.paused, "it holds at once");
    world.is_disk_full = false;
    let receipts = world.disk.iter().filter(|(key, _)| key.starts_with("receipt/"));
    let receipts_bytes: usize = receipts.map(|(key, value)| key.len() + value.len()).sum();
    // The receipt alone is not enough.
    world.disk_bytes_max = world.disk_bytes() - receipts_bytes - 1;
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!((world.view().notice, world.view().outbox), (None, 0));
    assert!(!has(&world, "receipt/") && !has(&world, "body/") && !has(&world, "outbox/"));
    world.kill();
    world.run();
    assert!(world.view().settings.paused);
}

#[test]
fn at_most_one_view_changed_waits() {
    let mut world = World::connected();
    for _ in 0..50 {
        world.worker.handle(Event::Alarm, world.local());
        world.worker.handle(Event::RequestEvents { own: 1, foreign: 0 }, world.local());
    }
    let effects: Vec<Effect> = std::iter::from_fn(|| world.worker.poll_effect()).collect();
    assert_eq!(effects.iter().filter(|e| **e == Effect::ViewChanged).count(), 1);
}

#[test]
fn a_lease_of_another_worker_is_not_ours() {
    let disk = full_disk().disk;
    let records = disk.into_iter().collect();
    let worker = Worker::new(
        Config { trust: full_trust(), tasks: TaskSet::CHOICE, take_back_ms: 0 },
        crate::common::key(2),
        1,
        records,
    );
    let view = worker.view(at(START_MS));
    assert_eq!((view.judgment, view.outbox), (None, 0));
    assert!(matches!(view.notice, Some(Notice::SetAside { .. })));
}
