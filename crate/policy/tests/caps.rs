//! Caps: a table of single decisions, and properties that hold for every person, clock and day.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use lull_policy::caps::{
    Ask, BUFFERED_BYTES_MAX, Bucket, Caps, DAY_BYTES, DOMAINS_MAX, Decision, GRANT_BYTES_MAX, Hours, ITEM_EXTRA_BYTES,
    Limit, LocalClock, MONTH_BYTES, SECOND_BYTES, Usage, decide,
};
use lull_protocol::Timestamp;
use lull_protocol::cbor;
use proptest::prelude::*;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Wednesday, 2026-03-18T12:00:00Z.
const NOON: u64 = 1_773_835_200_000;

fn clock(now_ms: u64, utc_offset_min: i32) -> LocalClock {
    LocalClock { now: Timestamp::new(now_ms).unwrap(), utc_offset_min }
}

/// A person at a clock, with all that the worker would keep.
struct Person {
    caps: Caps,
    usage: Usage,
    bucket: Bucket,
    clock: LocalClock,
}

impl Person {
    fn new(caps: Caps, now_ms: u64) -> Self {
        let mut person =
            Self { caps: caps.held(), usage: Usage::default(), bucket: Bucket::default(), clock: clock(now_ms, 0) };
        person.at(now_ms);
        person
    }
    fn at(&mut self, now_ms: u64) {
        self.clock.now = Timestamp::new(now_ms).unwrap();
        self.usage.roll(&self.caps, self.clock);
        self.bucket.refill(self.caps.second_bytes, self.clock.now);
    }
    fn ask(&self, ask: Ask<'_>) -> Decision {
        decide(&self.caps, &self.usage, &self.bucket, ask, self.clock)
    }
    fn anything(&self) -> Decision {
        self.ask(Ask::Anything)
    }
}

fn wait(at_ms: u64, why: Limit) -> Decision {
    Decision::WaitUntil { at: Timestamp::new(at_ms).unwrap(), why }
}

const GO: Decision = Decision::Go { bytes: 0 };
const MIDNIGHT: u64 = NOON + 12 * HOUR;

#[test]
fn a_fresh_person_may_fetch_within_caps_that_are_on() {
    let person = Person::new(Caps::default(), NOON);
    assert_eq!(person.anything(), GO);
    assert_eq!(person.ask(Ask::Begin { domain: "a.org", bytes_max: 8 << 20 }), GO);
    assert_eq!(person.ask(Ask::Read { bytes: 10_000 }), Decision::Go { bytes: 10_000 });
    let caps = Caps::default();
    assert!(caps.second_bytes > 0 && caps.day_bytes < caps.month_bytes && !caps.metered);
    assert_eq!(caps.clone().held(), caps, "the defaults lie in their ranges");
}

#[test]
fn the_day_s_last_byte_is_granted_and_no_more() {
    let mut person = Person::new(Caps::default(), NOON);
    person.usage.count(person.caps.day_bytes - 1);
    assert_eq!(person.ask(Ask::Read { bytes: 1_000 }), Decision::Go { bytes: 1 });
    assert_eq!(
        person.ask(Ask::Begin { domain: "a.org", bytes_max: 1 }),
        wait(MIDNIGHT, Limit::Day),
        "no room for heads"
    );
    person.usage.count(1);
    for ask in [Ask::Anything, Ask::Read { bytes: 1 }, Ask::Hop { domain: "a.org" }] {
        assert_eq!(person.ask(ask), wait(MIDNIGHT, Limit::Day));
    }
    person.at(MIDNIGHT - 1);
    assert_ne!(person.anything(), GO);
    person.at(MIDNIGHT);
    assert_eq!((person.anything(), person.usage.day.bytes), (GO, 0));
}

#[test]
fn an_item_begins_only_if_all_of_it_fits_today() {
    let mut person = Person::new(Caps::default(), NOON);
    let (bytes_max, cap) = (1_000_000, person.caps.day_bytes);
    person.usage.count(cap - bytes_max - ITEM_EXTRA_BYTES);
    assert_eq!(person.ask(Ask::Begin { domain: "a.org", bytes_max }), GO);
    person.usage.count(1);
    assert_eq!(person.ask(Ask::Begin { domain: "a.org", bytes_max }), wait(MIDNIGHT, Limit::Day));
    assert_eq!(person.ask(Ask::Begin { domain: "a.org", bytes_max: bytes_max - 1 }), GO, "a smaller one does");
}

#[test]
fn the_month_ends_on_the_day_that_the_person_picked() {
    // 2026-04-01, 2026-04-10 and 2026-03-28 at midnight UTC.
    for (month_day, ends) in [(1, 1_775_001_600_000), (10, 1_775_779_200_000), (28, 1_774_656_000_000)] {
        let mut person = Person::new(Caps { month_day, ..Caps::default() }, NOON);
        person.usage.count(person.caps.month_bytes);
        person.at(NOON + DAY);
        assert_eq!(person.anything(), wait(ends, Limit::Month), "{month_day}");
        person.at(ends);
        assert_eq!(person.anything(), GO);
    }
}

#[test]
fn another_reset_day_forgives_nothing_and_locks_nothing() {
    let mut person = Person::new(Caps::default(), NOON);
    person.usage.count(person.caps.month_bytes);
    person.caps.month_day = 20;
    person.usage.recut_month(&person.caps, person.clock);
    person.at(NOON + DAY);
    // 2026-03-20.
    assert_eq!(person.anything(), wait(1_773_964_800_000, Limit::Month));
    person.at(1_773_964_800_000);
    assert_eq!(person.anything(), GO);
}

#[test]
fn hours_open_and_close_where_the_person_is() {
    let mut hours = [0; 7];
    hours[2] = 1 << 18 | 1 << 19; // Wednesday, 18 to 20 o'clock
    let mut person = Person::new(Caps { hours: Hours(hours), ..Caps::default() }, NOON);
    assert_eq!(person.anything(), wait(NOON + 6 * HOUR, Limit::Hours));
    person.clock.utc_offset_min = 330; // India: 17:30
    assert_eq!(person.anything(), wait(NOON + HOUR / 2, Limit::Hours));
    person.at(NOON + HOUR / 2);
    assert_eq!(person.anything(), GO);
    person.at(NOON + HOUR * 5 / 2);
    assert_eq!(person.anything(), wait(NOON + HOUR / 2 + 7 * DAY, Limit::Hours), "20:00 is over");
    person.caps.hours = Hours([0; 7]);
    assert_eq!(person.anything(), Decision::Refuse(Limit::Hours));
    person.caps.metered = true;
    assert!(matches!(person.anything(), Decision::Refuse(_)));
    person.caps.hours = Hours::ALL;
    assert_eq!(person.anything(), Decision::Refuse(Limit::Metered));
}

#[test]
fn a_domain_has_its_minute_and_its_day() {
    let mut person = Person::new(Caps { domain_minute: 3, domain_day: 5, ..Caps::default() }, NOON);
    let begin = Ask::Begin { domain: "a.org", bytes_max: 1 };
    for _ in 0..3 {
        assert_eq!(person.ask(begin), GO);
        person.usage.ask("a.org", person.clock.now);
    }
    let Decision::WaitUntil { at, why: Limit::DomainMinute } = person.ask(begin) else { panic!("no wait") };
    assert!(at.get() > NOON + MINUTE - 1 && at.get() <= NOON + 70 * SECOND, "{at:?}");
    assert_eq!(person.ask(Ask::Begin { domain: "b.org", bytes_max: 1 }), GO, "another domain");
    person.at(at.get());
    for _ in 0..2 {
        assert_eq!(person.ask(begin), GO);
        person.usage.ask("a.org", person.clock.now);
    }
    assert_eq!(person.ask(begin), wait(MIDNIGHT, Limit::DomainDay));
    person.at(MIDNIGHT);
    assert_eq!(person.ask(begin), GO);
}

#[test]
fn more_domains_than_are_listed_are_never_counted_too_low() {
    let mut person = Person::new(Caps { domain_day: 3, ..Caps::default() }, NOON);
    for n in 0..DOMAINS_MAX {
        for _ in 0..2 {
            person.usage.ask(&format!("d{n}.org"), person.clock.now);
        }
    }
    person.usage.ask("new.org", person.clock.now);
    assert_eq!(person.usage.domain("new.org").unwrap().day, 3, "it takes over the count of the one it displaced");
    let displaced =
        (0..DOMAINS_MAX).find(|n| person.usage.domain(&format!("d{n}.org")).unwrap().domain != format!("d{n}.org"));
    assert!(person.usage.domain(&format!("d{}.org", displaced.unwrap())).unwrap().day >= 2);
}

#[test]
fn a_clock_set_back_gives_nothing_twice_and_locks_nothing_for_ever() {
    let mut person = Person::new(Caps::default(), NOON);
    person.usage.count(person.caps.day_bytes);
    person.at(NOON + DAY);
    assert_eq!(person.anything(), GO, "a new day");
    person.usage.count(person.caps.day_bytes);
    person.at(NOON);
    assert_ne!(person.anything(), GO, "back to yesterday");
    person.at(NOON + DAY + HOUR);
    assert_ne!(person.anything(), GO, "the same day once more");
    person.at(NOON + 2 * DAY);
    assert_eq!(person.anything(), GO);
    // A clock that was a year ahead for a moment.
    person.at(NOON + 365 * DAY);
    person.usage.count(person.caps.day_bytes);
    person.at(NOON + 2 * DAY);
    let Decision::WaitUntil { at, .. } = person.anything() else { panic!("it was used up") };
    assert_eq!(at.get(), MIDNIGHT + 2 * DAY, "the day that it is now ends at its own midnight");
    person.at(at.get());
    assert_eq!(person.anything(), GO);
}

#[test]
fn travel_gives_no_day_twice() {
    let mut person = Person::new(Caps::default(), MIDNIGHT - HOUR);
    person.usage.count(person.caps.day_bytes);
    person.clock.utc_offset_min = 120;
    person.at(MIDNIGHT - HOUR);
    assert_eq!(person.anything(), GO, "two hours further east the next day has begun");
    person.usage.count(person.caps.day_bytes);
    person.clock.utc_offset_min = -480;
    person.at(MIDNIGHT);
    assert_ne!(person.anything(), GO, "and is not lived again in the west");
    person.at(MIDNIGHT + 24 * HOUR + 8 * HOUR);
    assert_eq!(person.anything(), GO);
}

#[test]
fn a_kill_counts_what_may_have_been_used() {
    let mut usage = Usage::default();
    usage.roll(&Caps::default(), clock(NOON, 0));
    usage.count(1_000);
    usage.ask("a.org", Timestamp::new(NOON).unwrap());
    usage.reserve_bytes = 5_000;
    let stored = cbor::encode(&usage);
    let back = cbor::decode::<Usage>(&stored, 1 << 20).unwrap().restored();
    assert_eq!((back.day.bytes, back.month.bytes, back.total_bytes), (6_000, 6_000, 6_000));
    assert_eq!((back.reserve_bytes, back.domain("a.org").unwrap().day), (0, 1));
}

/// What happens to a person in a property.
#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Jump(i64),
    Travel(i32),
    Read(u64),
    Ask(u8),
    Caps(Box<Caps>),
    Kill(u64),
}

fn caps() -> impl Strategy<Value = Caps> {
    let hours = prop_oneof![3 => Just(Hours::ALL), 1 => any::<[u32; 7]>().prop_map(Hours)];
    (
        (SECOND_BYTES.0..2_000_000, DAY_BYTES.0..DAY_BYTES.0 * 3, MONTH_BYTES.0..MONTH_BYTES.0 * 9),
        (any::<u64>(), 1_u64..9, 1_u64..40, hours),
    )
        .prop_map(|((second_bytes, day_bytes, month_bytes), (month_day, domain_minute, domain_day, hours))| {
            let metered = false;
            Caps { second_bytes, day_bytes, month_bytes, month_day, domain_minute, domain_day, hours, metered }.held()
        })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..3 * SECOND).prop_map(Step::Pass),
        1 => (0_u64..2 * DAY).prop_map(Step::Pass),
        1 => (-3_i64 * DAY as i64..3 * DAY as i64).prop_map(Step::Jump),
        1 => (-720_i32..=840).prop_map(Step::Travel),
        8 => (1_u64..9_000_000).prop_map(Step::Read),
        6 => (0_u8..3).prop_map(Step::Ask),
        1 => caps().prop_map(|caps| Step::Caps(Box::new(caps))),
        1 => (0_u64..5_000_000).prop_map(Step::Kill),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Whatever happens: what is granted in a local day and month stays under their caps, in any second under the
    /// rate and one burst, in any minute and day under a domain's requests.
    #[test]
    fn nothing_is_granted_above_a_cap(first in caps(), steps in proptest::collection::vec(step(), 1..120)) {
        let mut person = Person::new(first, NOON);
        // Real time, which the person's clock may not show.
        let (mut real_ms, mut ahead_ms) = (0_u64, NOON as i64);
        let mut grants: Vec<(u64, u64)> = Vec::new();
        let mut fastest = person.caps.second_bytes;
        let mut asked: Vec<(u64, u8)> = Vec::new();
        let mut has_jumped = false;
        for step in steps {
            let now = |real_ms: u64, ahead_ms: i64| real_ms.saturating_add_signed(ahead_ms);
            match step {
                Step::Pass(ms) => real_ms += ms,
                Step::Jump(ms) => {
                    has_jumped = true;
                    ahead_ms += ms;
                }
                Step::Travel(minutes) => person.clock.utc_offset_min = minutes,
                Step::Caps(caps) => {
                    person.caps = *caps;
                    person.usage.recut_month(&person.caps, person.clock);
                    fastest = fastest.max(person.caps.second_bytes);
                }
                Step::Kill(reserve_bytes) => {
                    let before = (person.usage.day.bytes, person.usage.month.bytes);
                    person.usage.reserve_bytes = reserve_bytes;
                    let stored = cbor::encode(&person.usage);
                    person.usage = cbor::decode::<Usage>(&stored, 1 << 20).unwrap().restored();
                    prop_assert_eq!(person.usage.day.bytes, before.0 + reserve_bytes);
                    prop_assert_eq!(person.usage.month.bytes, before.1 + reserve_bytes);
                }
                Step::Read(bytes) => {
                    person.at(now(real_ms, ahead_ms));
                    // A request is sent only then.
                    if person.bucket.tokens() == 0 {
                        continue;
                    }
                    if let Decision::Go { bytes: granted } = person.ask(Ask::Read { bytes }) {
                        prop_assert!(granted > 0 && granted <= bytes && granted <= GRANT_BYTES_MAX);
                        person.usage.count(granted);
                        person.bucket.take(granted);
                        prop_assert!(person.usage.day.bytes <= person.caps.day_bytes);
                        prop_assert!(person.usage.month.bytes <= person.caps.month_bytes);
                        grants.push((real_ms, granted));
                    }
                }
                Step::Ask(n) => {
                    person.at(now(real_ms, ahead_ms));
                    let domain = format!("d{n}.org");
                    if person.ask(Ask::Begin { domain: &domain, bytes_max: 1_000 }) == GO {
                        person.usage.ask(&domain, person.clock.now);
                        prop_assert!(person.usage.domain(&domain).unwrap().day <= person.caps.domain_day);
                        asked.push((real_ms, n));
                        let minute = asked.iter().filter(|(at, of)| *of == n && real_ms - at < MINUTE).count() as u64;
                        prop_assert!(has_jumped || minute <= 8, "at most the highest cap there was");
                    }
                }
            }
            person.at(now(real_ms, ahead_ms));
        }
        if !has_jumped {
            for (i, (from, _)) in grants.iter().enumerate() {
                let mut sum = 0;
                for (to, bytes) in &grants[i..] {
                    sum += bytes;
                    prop_assert!(sum <= fastest * (to - from) / 1_000 + fastest + GRANT_BYTES_MAX, "{sum} bytes in {} ms", to - from);
                }
            }
        }
    }

    /// Whatever stands in the way but the person's own word ends: at the time that was told, or, if the clock was
    /// changed meanwhile, within a month and the days that a clock may be set back.
    #[test]
    fn it_always_goes_on(first in caps(), steps in proptest::collection::vec(step(), 0..60)) {
        let mut person = Person::new(first, NOON);
        let mut now_ms = NOON;
        for step in steps {
            match step {
                Step::Pass(ms) => now_ms += ms,
                Step::Jump(ms) => now_ms = now_ms.saturating_add_signed(ms),
                Step::Travel(minutes) => person.clock.utc_offset_min = minutes,
                Step::Read(bytes) => {
                    person.usage.count(bytes);
                    person.bucket.take(bytes);
                }
                Step::Ask(n) => person.usage.ask(&format!("d{n}.org"), person.clock.now),
                Step::Caps(caps) => person.caps = *caps,
                Step::Kill(bytes) => person.usage.count(bytes),
            }
            person.at(now_ms);
        }
        let began = now_ms;
        let begin = Ask::Begin { domain: "d0.org", bytes_max: 8 << 20 };
        for _ in 0..400 {
            match person.ask(begin) {
                Decision::Go { .. } => return Ok(()),
                Decision::Refuse(why) => {
                    prop_assert_eq!(why, Limit::Hours, "an empty week");
                    prop_assert_eq!(person.caps.hours.held(), Hours([0; 7]));
                    return Ok(());
                }
                Decision::WaitUntil { at, .. } => {
                    prop_assert!(at.get() > now_ms, "it waits for what is over");
                    now_ms = at.get();
                    person.at(now_ms);
                }
            }
            prop_assert!(now_ms - began <= 75 * DAY, "locked for {} days", (now_ms - began) / DAY);
        }
        prop_assert!(false, "it waits again and again");
    }

    /// What is stored reads back the same; anything else is refused without a panic.
    #[test]
    fn stored_usage_reads_back(asked in proptest::collection::vec((0_u8..9, 0_u64..DAY), 0..40), bytes: u64, damage: Vec<u8>) {
        let mut person = Person::new(Caps::default(), NOON);
        person.usage.count(bytes / 4);
        for (n, after) in asked {
            person.at(NOON + after);
            person.usage.ask(&format!("d{n}.org"), person.clock.now);
        }
        let stored = cbor::encode(&person.usage);
        let back = cbor::decode::<Usage>(&stored, 1 << 20).unwrap();
        prop_assert_eq!((back.day, back.month, back.total_bytes), (person.usage.day, person.usage.month, person.usage.total_bytes));
        if let Ok(usage) = cbor::decode::<Usage>(&damage, 1 << 20) {
            let mut usage = usage.restored();
            usage.roll(&Caps::default(), person.clock);
            let _ = decide(&Caps::default(), &usage, &Bucket::default(), Ask::Anything, person.clock);
        }
    }
}

const _: () = assert!(BUFFERED_BYTES_MAX < ITEM_EXTRA_BYTES);
