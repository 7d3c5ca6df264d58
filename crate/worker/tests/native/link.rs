//! Dialling, the handshake, heartbeat, back-off, consent and pause.

use lull_protocol::cose::Signed;
use lull_protocol::limits::SILENCE_MS_MAX;
use lull_protocol::message::{Message, RefusedCode, ReturnReason};
use lull_protocol::statement::OperatorCard;
use lull_protocol::{ToCoordinator, ToWorker};
use lull_view::{BandwidthState, BandwidthWhen, Command, Link, LinkProblem, Notice, Statement};
use lull_worker::{Effect, Event, limits};

use crate::common::*;

fn dials(log: &[Effect]) -> usize {
    log.iter().filter(|e| matches!(e, Effect::Connect { .. })).count()
}

fn problem(world: &World) -> Option<LinkProblem> {
    match world.view().link {
        Link::Waiting { reason, .. } | Link::Stopped { reason } => Some(reason),
        _ => None,
    }
}

#[test]
fn back_off_doubles_within_its_bounds_and_never_stops() {
    let mut world = World::new();
    world.is_reachable = false;
    world.start();
    world.command(Command::SetJudgments { on: true });
    let mut longest_ms = 0;
    for attempt in 0..40 {
        let Link::Waiting { next_try_at, reason } = world.view().link else { panic!("waiting") };
        assert_eq!(reason, LinkProblem::Unreachable);
        let wait_ms = next_try_at - world.local().get();
        let bound_ms = (limits::BACKOFF_BASE_MS << attempt.min(20)).min(limits::BACKOFF_MS_MAX);
        assert!(wait_ms <= bound_ms, "try {attempt}: {wait_ms} ms of at most {bound_ms}");
        longest_ms = longest_ms.max(wait_ms);
        world.pass(wait_ms.max(1));
    }
    assert!(longest_ms > limits::BACKOFF_MS_MAX / 2, "it does grow: {longest_ms} ms");
    world.is_reachable = true;
    world.command(Command::ConnectNow);
    assert_eq!(world.view().link, Link::Connected);
}

#[test]
fn only_a_connection_that_lived_resets_the_back_off() {
    let mut world = World::connected();
    let waits = |world: &mut World, alive_ms| {
        let mut longest_ms = 0;
        for _ in 0..12 {
            world.pass(alive_ms);
            world.cut();
            let Link::Waiting { next_try_at, .. } = world.view().link else { panic!("waiting") };
            longest_ms = longest_ms.max(next_try_at - world.local().get());
            world.command(Command::ConnectNow);
            assert_eq!(world.view().link, Link::Connected);
        }
        longest_ms
    };
    assert!(waits(&mut world, 0) > limits::BACKOFF_BASE_MS, "short ones add up");
    assert!(waits(&mut world, limits::LIVED_MS_MIN) <= limits::BACKOFF_BASE_MS, "long ones don't");
}

#[test]
fn a_ping_every_20_s_and_silence_is_a_lost_line() {
    let mut world = World::connected();
    world.take_sent();
    world.pass(61_000);
    let pings = world.take_sent().into_iter().filter(|m| matches!(m, ToCoordinator::Ping { .. })).count();
    assert_eq!(pings, 3);
    assert_eq!(world.view().link, Link::Connected);
    // Pongs that never arrive.
    world.take_log();
    let heard_ms = world.now_ms - 1_000;
    while world.view().link == Link::Connected {
        world.now_ms += 1_000;
        world.worker.handle(Event::Tick, world.local());
        while world.worker.poll_effect().is_some() {}
    }
    assert_eq!((problem(&world), world.now_ms - heard_ms), (Some(LinkProblem::Lost), SILENCE_MS_MAX));
}

#[test]
fn another_key_is_told_nothing_more_and_never_dialled_again() {
    let mut world = World::new();
    world.coordinator.key = key(9);
    world.start();
    world.command(Command::SetJudgments { on: true });
    let check = |world: &mut World| {
        assert_eq!(problem(world), Some(LinkProblem::OtherKey));
        let Some(Notice::OtherKey { pinned, found }) = world.view().notice else { panic!("a notice") };
        assert_eq!((pinned, found), (key(7).public().short(), key(9).public().short()));
    };
    check(&mut world);
    assert!(matches!(world.take_sent()[..], [ToCoordinator::Hello { .. }]));
    world.take_log();
    world.pass(24 * 3_600_000);
    world.kill();
    world.run();
    world.pass(24 * 3_600_000);
    check(&mut world);
    assert_eq!(dials(&world.take_log()), 0, "not even after a restart");
    world.coordinator.key = key(7);
    world.command(Command::ConnectNow);
    assert_eq!((world.view().link, world.view().notice), (Link::Connected, None));
    world.kill();
    world.run();
    assert_eq!(world.view().link, Link::Connected);
}

#[test]
fn a_bad_handshake_is_left_and_tried_later() {
    let mut world = World::new();
    world.start();
    world.command(Command::SetJudgments { on: true });
    world.cut();
    // A replayed proof: signed by the right key, over another connection's challenges.
    let card = Signed::<OperatorCard>::sign(world.coordinator.card.clone(), &world.coordinator.key);
    let proof = {
        let hello = lull_protocol::handshake::WorkerHello {
            versions: (1, 1),
            worker: world.me,
            challenge: lull_protocol::units::Challenge([1; 32]),
            origin: "wss://lull.example".into(),
        };
        let challenge = lull_protocol::units::Challenge([2; 32]);
        lull_protocol::handshake::answer(hello, "wss://lull.example", challenge, &world.coordinator.key).unwrap().1
    };
    world.is_reachable = false;
    world.pass(limits::BACKOFF_BASE_MS);
    world.take_sent();
    world.command(Command::ConnectNow);
    world.worker.handle(Event::Command(Command::ConnectNow), world.local());
    let challenge = lull_protocol::units::Challenge([3; 32]);
    world.worker.handle(Event::SocketOpened { challenge }, world.local());
    let hello = ToWorker::Hello {
        version: 1,
        coordinator: world.coordinator.key.public(),
        challenge: lull_protocol::units::Challenge([2; 32]),
        proof: proof.bytes().to_vec().into(),
        card: card.bytes().to_vec().into(),
    };
    world.worker.handle(Event::Frame(hello.to_frame()), world.local());
    assert_eq!(problem(&world), Some(LinkProblem::Handshake));
    let effects: Vec<Effect> = std::iter::from_fn(|| world.worker.poll_effect()).collect();
    assert!(effects.contains(&Effect::Disconnect));
    let proofs = effects.iter().filter_map(|e| match e {
        Effect::Send(frame) => ToCoordinator::from_frame(frame).ok(),
        _ => None,
    });
    assert!(!proofs.into_iter().any(|m| matches!(m, ToCoordinator::Proof { .. })));
}

#[test]
fn a_handshake_or_a_dial_that_hangs_ends() {
    let mut world = World::new();
    world.worker.handle(Event::Surroundings(world.surroundings), world.local());
    world.worker.handle(Event::Command(Command::SetJudgments { on: true }), world.local());
    let wait = |world: &mut World, ms| {
        world.now_ms += ms;
        world.worker.handle(Event::Tick, world.local());
    };
    wait(&mut world, limits::CONNECT_MS_MAX - 1);
    assert_eq!(world.view().link, Link::Connecting);
    wait(&mut world, 1);
    assert_eq!(problem(&world), Some(LinkProblem::Unreachable));
    world.worker.handle(Event::Command(Command::ConnectNow), world.local());
    let challenge = lull_protocol::units::Challenge([3; 32]);
    world.worker.handle(Event::SocketOpened { challenge }, world.local());
    wait(&mut world, lull_protocol::limits::HANDSHAKE_MS_MAX);
    assert_eq!(problem(&world), Some(LinkProblem::Handshake));
}

#[test]
fn a_bye_says_what_follows() {
    let check = |code, expected, is_tried_again| {
        let mut world = World::connected();
        world.say(&ToWorker::Bye { code });
        assert_eq!(problem(&world), Some(expected), "{code:?}");
        world.coordinator.close();
        world.take_log();
        world.pass(10 * 60_000);
        assert_eq!(dials(&world.take_log()) > 0, is_tried_again, "{code:?}");
        world.command(Command::ConnectNow);
        assert_eq!(world.view().link, Link::Connected, "{code:?}");
    };
    check(RefusedCode::Replaced, LinkProblem::Replaced, false);
    check(RefusedCode::Stopping, LinkProblem::Stopping, true);
    check(RefusedCode::Version, LinkProblem::Version, true);
    check(RefusedCode::Malformed, LinkProblem::Lost, true);
}

#[test]
fn a_bye_before_the_handshake_is_done_only_delays() {
    for code in [RefusedCode::Replaced, RefusedCode::Stopping, RefusedCode::Version] {
        let mut world = World::new();
        world.worker.handle(Event::Surroundings(world.surroundings), world.local());
        world.worker.handle(Event::Command(Command::SetJudgments { on: true }), world.local());
        let challenge = lull_protocol::units::Challenge([3; 32]);
        world.worker.handle(Event::SocketOpened { challenge }, world.local());
        world.worker.handle(Event::Frame(ToWorker::Bye { code }.to_frame()), world.local());
        assert!(matches!(world.view().link, Link::Waiting { .. }), "{code:?}");
    }
}

#[test]
fn no_work_before_the_operator_s_card_was_seen() {
    let mut world = World::new();
    world.surroundings.host_permission = true;
    world.worker.handle(Event::Surroundings(world.surroundings), world.local());
    for command in [
        Command::SetBandwidthWhen { when: BandwidthWhen::Always },
        Command::Agree { statements: Statement::ALL.into() },
        Command::SetBandwidth { on: true },
        Command::SetJudgments { on: true },
    ] {
        world.feed(Event::Command(command));
    }
    world.feed(Event::Surroundings(lull_worker::Surroundings { host_permission: true, ..world.surroundings }));
    assert_eq!((world.view().link, world.view().operator.is_some()), (Link::Connected, true), "the card comes");
    world.coordinator.plan.push_back(text_item("planned"));
    world.serve();
    world.assign(&text_item("pushed"));
    world.assign(&fetch_item("https://www.rust-lang.org/", 1_000));
    let reasons: Vec<ReturnReason> = world.coordinator.returned.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(reasons, [ReturnReason::SwitchedOff; 2]);
    assert!(
        !world
            .take_sent()
            .iter()
            .any(|m| matches!(m, ToCoordinator::Want { fetch, judgment, .. } if fetch + judgment > 0))
    );
    assert_eq!((world.view().judgment, world.requests.len()), (None, 0));
    assert_eq!(world.view().bandwidth.state, BandwidthState::Paused);
    world.command(Command::CardSeen);
    assert_eq!(world.judgment().title, "planned");
    assert_eq!(world.view().bandwidth.state, BandwidthState::Idle);
}

#[test]
fn a_permission_that_outlived_its_consent_is_released_at_the_start() {
    let mut world = World::connected();
    // Killed after the word was stored, before the permission was released.
    world.holds_disk = true;
    world.worker.handle(Event::Command(Command::SetBandwidth { on: false }), world.local());
    while let Some(effect) = world.worker.poll_effect() {
        if let Effect::Persist { writes, .. } = effect {
            world.disk.extend(writes.into_iter().filter_map(|w| Some((w.key, w.value?.to_vec()))));
        }
    }
    world.holds_disk = false;
    world.take_log();
    world.kill();
    world.run();
    let releases = |world: &mut World| world.take_log().iter().filter(|e| **e == Effect::ReleasePermission).count();
    assert_eq!((releases(&mut world), world.surroundings.host_permission), (1, false));
    // A permission that comes while it runs is about to be used.
    world.surroundings.host_permission = true;
    world.feed(Event::Surroundings(world.surroundings));
    assert_eq!(releases(&mut world), 0);
    world.command(Command::SetBandwidth { on: true });
    world.kill();
    world.run();
    assert_eq!(releases(&mut world), 0, "nor is one that is in use taken back");
}

#[test]
fn a_frame_that_is_not_of_the_protocol_ends_the_connection_only() {
    let mut world = World::connected();
    let offer = world.assign(&text_item("kept"));
    for bytes in [Vec::new(), vec![0xff; 9], vec![0; lull_protocol::limits::FRAME_BYTES_MAX + 1]] {
        world.feed(Event::Frame(bytes));
        assert_eq!(problem(&world), Some(LinkProblem::Lost));
        world.command(Command::ConnectNow);
        assert_eq!((world.view().link, world.judgment().offer), (Link::Connected, offer.clone()));
    }
}

#[test]
fn a_pause_stops_all_in_the_same_breath_and_goes_on_where_it_was() {
    let mut world = World::connected();
    world.sites.insert("https://www.rust-lang.org/slow".into(), Page::Hangs);
    let offer = world.assign(&text_item("waits"));
    world.assign(&fetch_item("https://www.rust-lang.org/slow", 1_000));
    assert_eq!(world.view().bandwidth.state, BandwidthState::Fetching);
    world.take_log();
    world.command(Command::SetPaused { on: true });
    let log = world.take_log();
    assert!(matches!(log[0], Effect::AbortFetch { .. }), "first of all: {log:?}");
    assert!(log.contains(&Effect::Disconnect));
    let view = world.view();
    assert_eq!((view.link, view.judgment, world.badge), (Link::Off, None, 0));
    assert_eq!(view.bandwidth.state, BandwidthState::Paused);
    assert!(world.coordinator.returned.is_empty(), "nothing is handed back");
    world.pass(60_000);
    assert_eq!(world.take_log(), [], "and nothing happens");
    world.command(Command::SetPaused { on: false });
    assert_eq!(world.judgment().offer, offer);
    assert_eq!((world.view().bandwidth.state, world.requests.len()), (BandwidthState::Fetching, 2));
}

#[test]
fn switching_off_hands_back_and_releases() {
    let mut world = World::connected();
    world.sites.insert("https://www.rust-lang.org/slow".into(), Page::Hangs);
    world.assign(&text_item("one"));
    world.assign(&fetch_item("https://www.rust-lang.org/slow", 1_000));
    world.take_log();
    world.command(Command::SetBandwidth { on: false });
    let log = world.take_log();
    assert!(matches!(log[0], Effect::AbortFetch { .. }));
    assert!(log.contains(&Effect::ReleasePermission));
    assert_eq!(world.coordinator.returned.len(), 1);
    assert_eq!(world.coordinator.returned[0].1, ReturnReason::SwitchedOff);
    assert_eq!(world.view().bandwidth.state, BandwidthState::Off);
    world.command(Command::SetJudgments { on: false });
    assert_eq!(world.coordinator.returned.len(), 2, "handed back before the connection closes");
    assert_eq!((world.view().link, world.view().judgment), (Link::Off, None));
    assert!(!world.disk.keys().any(|k| k.starts_with("lease/")));
}

#[test]
fn a_class_that_is_off_takes_nothing() {
    let mut world = World::new();
    world.start();
    world.command(Command::SetJudgments { on: true });
    world.assign(&fetch_item("https://www.rust-lang.org/", 1_000));
    assert_eq!(world.coordinator.returned[0].1, ReturnReason::SwitchedOff);
    assert!(world.requests.is_empty());
    assert!(!world.sent.iter().any(|m| matches!(m, ToCoordinator::Want { fetch: 1.., .. })));
}

#[test]
fn bandwidth_waits_for_its_conditions() {
    let mut world = World::new();
    world.surroundings.away = false;
    world.start();
    world.command(Command::SetBandwidth { on: true });
    let state = |world: &World| world.view().bandwidth.state;
    assert_eq!(state(&world), BandwidthState::WaitingForAway);
    world.command(Command::SetBandwidthWhen { when: BandwidthWhen::Always });
    assert_eq!(state(&world), BandwidthState::Idle);
    for (data_saver, host_permission, expected) in
        [(true, true, BandwidthState::DataSaver), (false, false, BandwidthState::NoPermission)]
    {
        world.sites.insert("https://www.rust-lang.org/slow".into(), Page::Hangs);
        world.assign(&fetch_item("https://www.rust-lang.org/slow", 1_000));
        assert_eq!(state(&world), BandwidthState::Fetching);
        let before = world.surroundings;
        world.take_log();
        world.feed(Event::Surroundings(lull_worker::Surroundings { data_saver, host_permission, ..before }));
        assert_eq!(state(&world), expected);
        assert!(matches!(world.take_log()[0], Effect::AbortFetch { .. }));
        world.feed(Event::Surroundings(before));
    }
    assert_eq!(world.coordinator.returned.len(), 2, "what stands still goes back to be done by another");
    world.command(Command::SetBandwidthWhen { when: BandwidthWhen::Away });
    world.feed(Event::Surroundings(lull_worker::Surroundings { away: true, ..world.surroundings }));
    assert_eq!(state(&world), BandwidthState::Idle);
}

#[test]
fn want_says_what_is_free_and_only_when_that_changes() {
    let mut world = World::connected();
    let wants = |world: &mut World| -> Vec<(u8, u8)> {
        let wants = world.take_sent().into_iter().filter_map(|m| match m {
            ToCoordinator::Want { fetch, judgment, .. } => Some((fetch, judgment)),
            _ => None,
        });
        wants.collect()
    };
    assert_eq!(wants(&mut world), [(2, 0), (2, 4)]);
    let offer = world.assign(&text_item("a"));
    assert_eq!(wants(&mut world), [(2, 3)]);
    world.pass(65_000);
    assert_eq!(wants(&mut world), [(0, 0); 0]);
    world.answer(&offer, 0);
    assert_eq!(wants(&mut world), [(2, 4)]);
    world.cut();
    world.command(Command::ConnectNow);
    assert_eq!(wants(&mut world), [(2, 4)], "a new connection knows nothing of the old one's");
}

#[test]
fn the_day_is_told_in_the_coordinator_s_time_and_again_at_midnight() {
    let mut world = World::new();
    world.ahead_ms = 3_600_000;
    world.start();
    world.command(Command::SetJudgments { on: true });
    let days = |world: &mut World| -> Vec<u64> {
        let days = world.take_sent().into_iter().filter_map(|m| match m {
            ToCoordinator::Ping { day_start, .. } | ToCoordinator::Proof { day_start, .. } => Some(day_start.get()),
            _ => None,
        });
        days.collect()
    };
    assert_eq!(days(&mut world), [DAY_START_MS, DAY_START_MS - 3_600_000], "right as soon as the clock is known");
    let offer = world.assign(&text_item("a"));
    world.answer(&offer, 0);
    assert_eq!(world.view().account.earned_today, 4_000);
    let tomorrow = lull_worker::Surroundings { day_start: at(DAY_START_MS + 86_400_000), ..world.surroundings };
    world.worker.handle(Event::Surroundings(tomorrow), world.local());
    assert_eq!(
        (world.view().account.earned_today, world.view().account.earned),
        (0, 4_000),
        "yesterday's is not today's"
    );
    world.run();
    assert_eq!(days(&mut world), [DAY_START_MS + 23 * 3_600_000]);
}

#[test]
fn a_clock_that_jumps_delays_nothing() {
    let mut world = World::connected();
    world.pass(3_000);
    world.cut();
    world.is_reachable = false;
    world.pass(60_000);
    // The clock goes back a day: the next try must not wait that long.
    world.ahead_ms = -86_400_000;
    world.is_reachable = true;
    world.feed(Event::Tick);
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!(world.view().link, Link::Connected);
    world.ahead_ms = 86_400_000;
    world.feed(Event::Tick);
    world.pass(limits::BACKOFF_MS_MAX);
    assert_eq!(world.view().link, Link::Connected);
}
