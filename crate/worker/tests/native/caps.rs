//! Caps at work: streams that stop where they are, counts that survive, pauses that end.

use lull_protocol::limits::BODY_BYTES_MAX;
use lull_protocol::message::ReturnReason;
use lull_protocol::{ToCoordinator, statement::Outcome};
use lull_view::{BandwidthState, Caps, Command, LimitName, Pause};
use lull_worker::{Effect, Event, FetchId, Surroundings, limits, protocol};

use crate::common::{Page, START_MS, World, fetch_item, page, redirect};
use crate::fetch::report;

const URL: &str = "https://www.rust-lang.org/large";
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

fn caps(world: &World) -> Caps {
    world.view().limits.caps
}

fn used(world: &World) -> u64 {
    world.view().limits.used.day_bytes
}

/// A world with a page of this size that is being read.
fn reading(bytes: usize) -> World {
    let mut world = World::connected();
    world.sites.insert(URL.into(), page(200, &vec![7; bytes]));
    world.take_sent();
    world.assign(&fetch_item(URL, BODY_BYTES_MAX));
    world
}

/// The same, and it takes its time.
fn slow() -> World {
    let mut world = World::connected();
    world.is_body_slow = true;
    world.sites.insert(URL.into(), page(200, &[7; 1_000]));
    world.take_sent();
    world.assign(&fetch_item(URL, BODY_BYTES_MAX));
    world
}

fn is_reading(world: &World) -> bool {
    world.view().bandwidth.state == BandwidthState::Fetching
}

#[test]
fn what_was_read_fast_is_made_up_for_before_the_next_request() {
    let bytes = 5_000_000;
    let mut world = reading(bytes);
    let report = report(&world);
    assert_eq!((report.outcome, report.body_bytes.get()), (Outcome::Ok, bytes as u64));
    assert!(used(&world) >= bytes as u64 && used(&world) < bytes as u64 * 101 / 100);
    assert_eq!(world.view().limits.used.month_bytes, used(&world));
    assert!(world.view().limits.used.day_upload_bytes >= bytes as u64 / 2, "the way to the coordinator is told apart");
    let next = format!("{URL}?next");
    world.sites.insert(next.clone(), page(200, b"body"));
    world.assign(&fetch_item(&next, 1_000));
    let rate = caps(&world).second_bytes;
    world.pass((bytes as u64 - rate) * 1_000 / rate - 10);
    assert_eq!(world.requests.len(), 1, "the average is not reached yet");
    world.pass(100);
    assert_eq!(world.requests.len(), 2);
}

#[test]
fn a_cap_that_is_reached_stops_a_running_stream_hands_it_back_and_says_until_when() {
    let mut world = reading(8_000_000);
    let small = Caps { day_bytes: 20_000_000, ..caps(&world) };
    world.command(Command::SetCaps { caps: small });
    world.surroundings.day_start = protocol::Timestamp::ZERO;
    for _ in 0..3 {
        world.pass(8_000);
        world.assign(&fetch_item(&format!("{URL}?{}", world.requests.len()), BODY_BYTES_MAX));
        world.sites.insert(format!("{URL}?{}", world.requests.len()), page(200, &[7; 4_000_000]));
    }
    let handed =
        world.take_sent().iter().any(|m| matches!(m, ToCoordinator::Return { reason: ReturnReason::SwitchedOff, .. }));
    assert!(handed, "what does not fit into the day's rest is not begun");
    assert!(used(&world) <= 20_000_000);
    let BandwidthState::Limited { limit: LimitName::Day, until: Some(until) } = world.view().bandwidth.state else {
        panic!("{:?}", world.view().bandwidth)
    };
    assert_eq!(until % DAY, 0, "midnight");
    world.pass(until - world.local().get());
    assert_eq!((used(&world), world.view().bandwidth.state), (0, BandwidthState::Idle));
}

#[test]
fn a_cap_that_is_lowered_under_a_stream_stops_it_at_once() {
    let mut world = World::connected();
    // Two full pages first, so that the least cap is below what was used.
    let fast = Caps { second_bytes: 100_000_000, ..caps(&world) };
    world.command(Command::SetCaps { caps: fast });
    world.pass(1_000);
    for n in 0..3 {
        let url = format!("{URL}?{n}");
        world.sites.insert(url.clone(), page(200, &vec![7; 7_000_000]));
        world.assign(&fetch_item(&url, BODY_BYTES_MAX));
    }
    world.is_body_slow = true;
    world.sites.insert(URL.into(), page(200, &vec![7; 7_000_000]));
    world.pass(40_000);
    world.assign(&fetch_item(URL, BODY_BYTES_MAX));
    assert!(is_reading(&world));
    world.take_log();
    world.take_sent();
    world.command(Command::SetCaps { caps: Caps { day_bytes: 20_000_000, ..caps(&world) } });
    let log = world.take_log();
    let first = log.iter().find(|e| !matches!(e, Effect::WakeAt(_) | Effect::ViewChanged));
    assert!(matches!(first, Some(Effect::AbortFetch { .. })), "before anything else: {first:?}");
    let sent = world.take_sent();
    assert!(sent.iter().any(|m| matches!(m, ToCoordinator::Return { .. })), "another worker does it");
    assert!(sent.iter().any(|m| matches!(m, ToCoordinator::Want { fetch: 0, .. })), "and none is asked for");
    assert!(matches!(world.view().bandwidth.state, BandwidthState::Limited { limit: LimitName::Day, .. }));
    let before = world.granted_bytes;
    world.pass(HOUR);
    assert_eq!(world.granted_bytes, before);
}

#[test]
fn hours_and_the_metered_switch_stop_a_stream_too() {
    let mut world = slow();
    world.command(Command::SetCaps { caps: Caps { metered: true, ..caps(&world) } });
    let state = BandwidthState::Limited { limit: LimitName::Metered, until: None };
    assert_eq!((world.view().bandwidth.state, is_reading(&world)), (state, false));
    world.command(Command::ResetCaps);
    assert_eq!(world.view().bandwidth.state, BandwidthState::Idle);
    // Open only in the hour that runs.
    let hour = START_MS / HOUR % 24;
    world.command(Command::SetCaps { caps: Caps { hours: [1 << hour; 7], ..caps(&world) } });
    // What may have come in unread after the stop has its share of the second, too.
    world.pass(1_500);
    world.assign(&fetch_item(URL, 8_000_000));
    assert!(is_reading(&world));
    let end = (START_MS / HOUR + 1) * HOUR;
    world.coordinator.lease_ms = 2 * DAY;
    world.sites.insert(format!("{URL}?hangs"), Page::Hangs);
    world.pass(end - world.local().get() - 1_000);
    world.assign(&fetch_item(&format!("{URL}?hangs"), 1_000));
    assert!(is_reading(&world));
    world.pass(1_001);
    let until = Some(end - HOUR + DAY);
    assert_eq!(world.view().bandwidth.state, BandwidthState::Limited { limit: LimitName::Hours, until });
}

#[test]
fn a_domain_s_requests_wait_for_their_minute() {
    let mut world = World::connected();
    world.command(Command::SetCaps { caps: Caps { domain_minute: 2, ..caps(&world) } });
    for n in 0..4 {
        world.sites.insert(format!("{URL}?{n}"), page(200, b"body"));
        world.assign(&fetch_item(&format!("{URL}?{n}"), 1_000));
    }
    assert_eq!(world.requests.len(), 2);
    assert!(matches!(world.view().bandwidth.state, BandwidthState::Limited { limit: LimitName::Domain, .. }));
    world.pass(50_000);
    assert_eq!(world.requests.len(), 2);
    world.pass(20_000);
    assert_eq!(world.requests.len(), 4);
}

#[test]
fn a_cap_that_is_lowered_while_a_request_waits_for_storage_holds_it_back() {
    let mut world = World::connected();
    let urls = [0, 1].map(|n| format!("{URL}?{n}"));
    for url in &urls {
        world.sites.insert(url.clone(), page(200, b"body"));
    }
    world.assign(&fetch_item(&urls[0], 1_000));
    world.holds_disk = true;
    world.assign(&fetch_item(&urls[1], 1_000));
    assert_eq!(world.requests, urls[..1], "the second one is counted, which storage doesn't know yet");
    world.command(Command::SetCaps { caps: Caps { domain_minute: 1, ..caps(&world) } });
    world.write_held(true);
    assert_eq!(world.requests, urls[..1]);
    world.pass(130_000);
    assert_eq!(world.requests, urls, "once its minute is there");
}

#[test]
fn a_request_that_waited_for_storage_begins_its_minute_when_it_is_sent() {
    let mut world = World::connected();
    let urls = [0, 1].map(|n| format!("{URL}?{n}"));
    for url in &urls {
        world.sites.insert(url.clone(), page(200, b"body"));
    }
    world.command(Command::SetCaps { caps: Caps { domain_minute: 1, ..caps(&world) } });
    world.holds_disk = true;
    world.assign(&fetch_item(&urls[0], 1_000));
    world.pass(50_000);
    assert!(world.requests.is_empty());
    world.write_held(true);
    world.assign(&fetch_item(&urls[1], 1_000));
    assert_eq!(world.requests, urls[..1]);
    world.pass(55_000);
    assert_eq!(world.requests, urls[..1], "its minute is not over");
    world.pass(20_000);
    assert_eq!(world.requests, urls);
}

#[test]
fn a_redirect_waits_for_its_turn_and_is_followed_then() {
    let mut world = World::connected();
    world.command(Command::SetCaps { caps: Caps { domain_minute: 1, ..caps(&world) } });
    let moved = "https://www.rust-lang.org/moved";
    world.sites.insert(URL.into(), redirect(308, moved));
    world.sites.insert(moved.into(), page(200, b"body"));
    world.assign(&fetch_item(URL, 1_000));
    assert_eq!(world.requests, [URL]);
    world.pass(70_000);
    assert_eq!(world.requests, [URL, moved]);
    let report = report(&world);
    assert_eq!((report.outcome, report.hops.len()), (Outcome::Ok, 2));
}

#[test]
fn no_kill_loses_a_byte() {
    for effects in 1..90 {
        let mut world = World::connected();
        world.sites.insert(URL.into(), page(200, &vec![7; 6_000_000]));
        world.coordinator.lease_ms = HOUR;
        world.kill_after = Some(world.carried_out + effects);
        world.assign(&fetch_item(URL, 7_000_000));
        world.pass(30_000);
        let (used, read) = (used(&world), world.granted_bytes);
        assert!(used >= read, "{used} counted of {read} after a kill at {effects}");
        assert!(
            used <= read + 2 * limits::RESERVE_BYTES + (1 << 21),
            "{used} counted of {read} after a kill at {effects}"
        );
    }
}

#[test]
fn the_exact_count_is_stored_once_all_is_quiet() {
    let mut world = reading(100_000);
    world.pass(limits::QUIET_MS + 1);
    let exact = used(&world);
    world.kill();
    world.run();
    assert_eq!(used(&world), exact, "nothing was in flight");
    assert!((100_000..110_000).contains(&exact));
}

#[test]
fn a_small_fetch_costs_no_write_of_its_own() {
    let mut world = reading(100_000);
    world.take_log();
    let url = format!("{URL}?2");
    world.sites.insert(url.clone(), page(200, b"body"));
    world.assign(&fetch_item(&url, 1_000));
    let writes = |e: &Effect| matches!(e, Effect::Persist { .. });
    let log = world.take_log();
    let at = |test: &dyn Fn(&Effect) -> bool| log.iter().position(test).unwrap();
    let fetch = at(&|e| matches!(e, Effect::Fetch { .. }));
    assert_eq!(log.iter().take(fetch).filter(|e| writes(e)).count(), 1, "the lease");
}

#[test]
fn counts_survive_a_clock_set_back_and_a_restart() {
    let mut world = reading(500_000);
    let before = used(&world);
    assert!(before >= 500_000);
    world.ahead_ms -= DAY as i64;
    world.feed(lull_worker::Event::Tick);
    world.pass(limits::QUIET_MS + 1);
    assert_eq!(used(&world), before);
    world.kill();
    world.run();
    assert_eq!(used(&world), before);
    world.ahead_ms += DAY as i64;
    world.pass(1_000);
    world.feed(lull_worker::Event::Tick);
    assert_eq!(used(&world), before, "the same day once more");
    world.ahead_ms += DAY as i64;
    world.feed(lull_worker::Event::Tick);
    assert_eq!(used(&world), 0);
}

#[test]
fn a_pause_for_an_hour_ends_by_itself() {
    let mut world = slow();
    world.command(Command::PauseFor { pause: Pause::Hour });
    let until = world.local().get() + HOUR;
    assert_eq!((world.view().settings.paused, world.view().limits.paused_until), (true, Some(until)));
    let read = world.granted_bytes;
    world.pass(HOUR / 2);
    world.kill();
    world.run();
    assert_eq!((world.view().settings.paused, world.view().limits.paused_until), (true, Some(until)));
    world.pass(HOUR / 2 - 1);
    assert!(world.view().settings.paused && world.granted_bytes == read);
    world.pass(2);
    assert_eq!((world.view().settings.paused, world.view().limits.paused_until), (false, None));
    world.kill();
    world.run();
    assert!(!world.view().settings.paused, "and stays over");
}

#[test]
fn a_clock_set_back_makes_no_pause_longer() {
    let mut world = World::connected();
    world.command(Command::PauseFor { pause: Pause::Hour });
    world.ahead_ms -= 30 * DAY as i64;
    world.feed(lull_worker::Event::Tick);
    world.pass(HOUR + 1);
    assert!(!world.view().settings.paused);
}

#[test]
fn pauses_until_tomorrow_and_until_the_person_says_so() {
    let mut world = World::connected();
    world.surroundings = Surroundings { utc_offset_min: -120, ..world.surroundings };
    world.feed(lull_worker::Event::Surroundings(world.surroundings));
    world.command(Command::PauseFor { pause: Pause::Tomorrow });
    let until = world.view().limits.paused_until.unwrap();
    assert_eq!((until - 2 * HOUR) % DAY, limits::PAUSE_MORNING_HOUR * HOUR, "morning where the person is");
    world.command(Command::PauseFor { pause: Pause::Open });
    assert_eq!(world.view().limits.paused_until, None);
    world.pass(3 * DAY);
    assert!(world.view().settings.paused);
    world.command(Command::SetPaused { on: false });
    assert!(!world.view().settings.paused);
}

#[test]
fn late_words_of_the_shell_count_nothing() {
    let mut world = World::connected();
    let before = used(&world);
    for id in 0..3 {
        world.feed(lull_worker::Event::BodyProgress { fetch: FetchId(id), bytes: 1 << 40 });
    }
    assert_eq!(used(&world), before);
}

#[test]
fn no_response_is_left_unread_while_storage_fails() {
    let mut world = slow();
    world.is_disk_full = true;
    let (mut bytes, step) = (0, 256 * 1024);
    while is_reading(&world) {
        bytes += step;
        assert!(bytes <= limits::RESERVE_BYTES, "read on beyond what storage has a mark for");
        world.feed(Event::BodyProgress { fetch: FetchId(1), bytes });
    }
    assert!(bytes > limits::RESERVE_BYTES / 2, "what the mark covers is read");
    let log = world.take_log();
    assert!(log.iter().any(|e| matches!(e, Effect::AbortFetch { fetch: FetchId(1) })), "{log:?}");
    world.pass(10_000);
    assert_eq!(world.requests.len(), 1, "nothing is asked for while storage fails");
    world.is_disk_full = false;
    world.pass(60_000);
    assert_eq!(world.requests.len(), 2, "and it begins anew");
}
