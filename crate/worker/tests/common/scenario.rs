//! Scenarios that run natively and on wasm32.

use lull_protocol::message::ReturnReason;
use lull_protocol::statement::{Input, JobClass, Report, WorkResult};
use lull_protocol::*;
use lull_view::{
    ActivityState, ActivityWork, AnswerInput, BandwidthWhen, ChangeByte, Command, JudgmentContent, JudgmentTask, Link,
    Reply,
};
use lull_worker::{Effect, Event};

use super::*;

/// Nothing leaves before consent; then connected.
pub fn nothing_before_consent() {
    let mut world = World::new();
    world.start();
    world.pass(3_600_000);
    assert!(!world.log.iter().any(|e| matches!(e, Effect::Connect { .. } | Effect::Send(_) | Effect::Fetch { .. })));
    assert_eq!(world.view().link, Link::Off);
    world.command(Command::SetJudgments { on: true });
    assert_eq!(world.view().link, Link::Connected);
    assert_eq!(world.view().operator.expect("the card").name, "Quiet Labs");
}

/// A picture is loaded, shown, answered; the result is durable, sent, acknowledged; the verdict pays.
pub fn a_judgment_from_offer_to_verdict() {
    let mut world = World::connected();
    let picture = picture(7, 200_000);
    world.coordinator.blobs.insert(Hash::of(&picture), picture.clone());
    let offer = world.assign(&picture_item("a road", &picture));
    let judgment = world.judgment();
    assert_eq!((judgment.offer.as_str(), world.badge), (offer.as_str(), 1));
    let JudgmentTask::Choice { content: JudgmentContent::Picture { data_url, .. }, .. } = judgment.task else {
        panic!("a picture")
    };
    let base64 = data_url.strip_prefix("data:image/png;base64,").expect("a PNG");
    assert_eq!(data_encoding::BASE64.decode(base64.as_bytes()).unwrap(), picture);
    world.answer(&offer, 1);
    let view = world.view();
    assert_eq!((view.judgment, view.outbox, world.badge), (None, 0, 0));
    assert_eq!((view.activities.len(), view.activities[0].state), (1, ActivityState::Accepted));
    assert_eq!((view.activities[0].amount, view.account.earned_today), (4_000, 4_000));
    let stored = world.coordinator.stored.values().next().expect("stored");
    let result = cose::peek::<WorkResult>(stored).unwrap();
    let Report::Judgment(report) = result.report else { panic!("an answer") };
    assert_eq!((report.answer, report.input), (Answer::Choice(1), Input::Keyboard));
    assert_eq!((result.started_at, result.finished_at), (at(START_MS), at(START_MS)));
}

/// A receipt opens and holds; each changed byte turns it invalid and is named.
pub fn a_changed_byte_is_seen(step: usize) {
    let mut world = World::connected();
    let offer = world.assign(&text_item("bytes"));
    world.answer(&offer, 0);
    let open = |change| match world.worker.query(&Command::OpenReceipt { offer: offer.clone(), change }, at(0)) {
        Some(Reply::Receipt { receipt }) => receipt.expect("a receipt"),
        other => panic!("{other:?}"),
    };
    let receipt = open(None);
    assert!(receipt.valid, "{:?}", receipt.checks);
    assert_eq!(
        receipt.parts.iter().map(|p| p.part.as_str()).collect::<Vec<_>>(),
        ["item", "offer", "result", "verdict"]
    );
    assert_eq!((receipt.checks.len(), &receipt.changed), (7, &None));
    for part in &receipt.parts {
        for offset in (0..part.content.len() as u64).step_by(step) {
            let receipt = open(Some(ChangeByte { part: part.part.clone(), offset }));
            let changed = receipt.changed.expect("the change");
            assert!(!receipt.valid, "{} byte {offset}", part.part);
            assert_eq!((changed.offset, changed.before ^ changed.after), (offset, 1));
            assert!(!changed.field.is_empty());
        }
    }
    let around = open(Some(ChangeByte { part: "offer".into(), offset: u64::MAX })).changed.expect("modulo the size");
    assert!(around.offset < receipt.parts[1].content.len() as u64);
}

/// One day with both kinds of work, two broken lines and a skip; ended at any effect it still ends well.
pub struct Day {
    pub world: World,
    /// Pieces of work that were done before the day began.
    pub earlier: usize,
}

const OK_URL: &str = "https://www.gutenberg.org/a";
const MOVED_URL: &str = "https://docs.gutenberg.org/b?x=1";
const PRIVATE_URL: &str = "https://www.rust-lang.org/to-private";
const GONE_URL: &str = "https://www.rust-lang.org/gone";

impl Day {
    pub fn new() -> Self {
        let mut world = World::new();
        let picture = picture(3, 90_000);
        let body: Vec<u8> = (0..250_000_u32).map(|i| (i * 7) as u8).collect();
        world.sites.insert(OK_URL.into(), redirect(302, MOVED_URL));
        world.sites.insert(MOVED_URL.into(), page(200, &body));
        world.sites.insert(PRIVATE_URL.into(), redirect(301, "https://10.0.0.1/"));
        world.sites.insert(GONE_URL.into(), page(404, b"gone"));
        world.coordinator.blobs.insert(Hash::of(&picture), picture.clone());
        let items = [
            text_item("one"),
            picture_item("two", &picture),
            fetch_item(OK_URL, 300_000),
            text_item("skip this"),
            fetch_item(PRIVATE_URL, 1_000),
            text_item("three"),
            fetch_item(GONE_URL, 1_000),
            text_item("four"),
        ];
        world.coordinator.plan.extend(items);
        world.start();
        Self { world, earlier: 0 }
    }

    /// The log tells of each piece of work once, as its receipt does, and the totals are those of the log.
    fn check_log(&self) {
        let entries = self.world.log_entries();
        assert_eq!(entries.len(), 7 + self.earlier, "{entries:?}");
        let view = self.world.view();
        for activity in &view.activities {
            let found: Vec<_> = entries.iter().filter(|entry| entry.activity == *activity).collect();
            assert_eq!(found.len(), 1, "{activity:?} in {entries:?}");
        }
        let Reply::Days { days } = self.world.ask(&Command::ListDays) else { panic!("days") };
        let sum = |of: fn(&lull_view::DayTotals) -> u64| days.iter().map(of).sum::<u64>();
        let judgments = entries.iter().filter(|entry| matches!(entry.activity.work, ActivityWork::Judgment { .. }));
        let judgments = judgments.count() as u64;
        if self.world.fails_every.is_none() {
            assert_eq!((sum(|d| d.judgments), sum(|d| d.fetches)), (judgments, entries.len() as u64 - judgments));
            assert_eq!(sum(|d| d.received), entries.iter().map(|e| e.received).sum::<u64>());
            assert_eq!(sum(|d| d.sent), entries.iter().map(|e| e.sent).sum::<u64>());
            assert_eq!(sum(|d| d.earned), entries.iter().map(|e| e.activity.amount).sum::<u64>());
        }
    }

    /// The day of a worker that has done judgments before.
    pub fn after(before: &World) -> Self {
        let mut day = Self::new();
        let (plan, blobs, sites) =
            (day.world.coordinator.plan.clone(), day.world.coordinator.blobs.clone(), day.world.sites.clone());
        day.world = World::with_disk(before.disk.clone());
        day.world.now_ms = before.now_ms;
        day.world.coordinator = before.coordinator.clone();
        day.world.coordinator.close();
        (day.world.coordinator.plan, day.world.coordinator.blobs, day.world.sites) = (plan, blobs, sites);
        day.world.start();
        day.earlier = before.coordinator.verdicts.len();
        day
    }

    /// What a person does now, if anything.
    fn person(&mut self) -> Option<Command> {
        let view = self.world.view();
        let settings = &view.settings;
        if !settings.card_seen {
            return Some(Command::CardSeen);
        }
        if settings.bandwidth_when != BandwidthWhen::Always {
            return Some(Command::SetBandwidthWhen { when: BandwidthWhen::Always });
        }
        if !view.consent.is_current {
            return Some(Command::Agree { statements: Statement::ALL.into() });
        }
        if !settings.bandwidth {
            return Some(Command::SetBandwidth { on: true });
        }
        if !settings.judgments {
            return Some(Command::SetJudgments { on: true });
        }
        let judgment = view.judgment?;
        if judgment.title.starts_with("skip") {
            return Some(Command::Skip { offer: judgment.offer, shown_at: None });
        }
        // Another answer each time: a second result for one offer would differ.
        let option = ((self.world.kills as usize + self.world.carried_out) % 3) as u8;
        let shown_at = self.world.local().get();
        let answer = Answer::Choice(option);
        Some(Command::Answer { offer: judgment.offer, answer, input: AnswerInput::Pointer, shown_at })
    }

    pub fn is_over(&self) -> bool {
        let c = &self.world.coordinator;
        let is_told = c.verdicts_seen == c.verdicts.len() as u64;
        c.plan.is_empty() && c.leases.is_empty() && c.is_ready() && is_told && self.world.view().outbox == 0
    }

    pub fn go(&mut self) {
        for turn in 0..2_000 {
            self.turn();
            if turn == 6 || turn == 11 {
                self.world.cut();
            }
            if turn > 12 && self.is_over() {
                return;
            }
        }
        panic!("the day does not end: {:?}", self.world.view());
    }

    /// At most so many turns, but not beyond the next kill.
    pub fn hurry(&mut self, turns: usize) {
        let kills = self.world.kills;
        for _ in 0..turns {
            self.turn();
            if self.world.kills > kills {
                return;
            }
        }
    }

    fn turn(&mut self) {
        match self.person() {
            Some(command) => self.world.command(command),
            None => self.world.pass(1_000),
        }
        if self.world.coordinator.is_ready() {
            self.world.serve();
        }
    }

    /// What must be true of every day, however often the worker was killed.
    pub fn check(&self) {
        let c = &self.world.coordinator;
        self.check_books();
        let reasons: Vec<ReturnReason> = c.returned.iter().map(|(_, reason)| *reason).collect();
        assert!(reasons.iter().all(|r| *r == ReturnReason::Skipped), "{reasons:?}");
        assert_eq!(c.heard, c.stored, "what was sent arrived");
        let classes: Vec<JobClass> = c.stored.keys().map(|offer| c.offers[offer]).collect();
        assert_eq!(classes.iter().filter(|c| **c == JobClass::Judgment).count(), 4);
        assert_eq!(classes.iter().filter(|c| **c == JobClass::Fetch).count(), 3);
        assert_eq!(c.bodies.len(), 2, "{:?}", self.world.view().activities);
        assert_eq!((c.verdicts.len(), c.verdicts_seen), (7, 7));
        let view = self.world.view();
        let state = |s| view.activities.iter().filter(|a| a.state == s).count();
        assert_eq!((state(ActivityState::Accepted), state(ActivityState::Rejected)), (6, 1));
        assert_eq!(view.account.earned, 6 * 4_000);
        assert!(view.notice.is_none(), "{:?}", view.notice);
    }

    /// What the worker has written down is what it has done.
    pub fn check_books(&self) {
        let jsonl = self.world.export();
        assert_eq!(jsonl.lines().count(), 8 + self.earlier);
        self.check_log();
        for result in self.world.coordinator.stored.values() {
            assert!(jsonl.contains(&data_encoding::BASE64.encode(result)), "an acknowledged result has its receipt");
        }
    }
}

/// The day without a kill. How many effects it took.
pub fn a_quiet_day() -> usize {
    let mut day = Day::new();
    day.go();
    day.check();
    day.world.carried_out
}

/// The day on a disk that fails every n-th batch.
pub fn a_day_on_a_failing_disk(every: usize) {
    let mut day = Day::new();
    day.world.fails_every = Some(every);
    day.go();
    day.world.fails_every = None;
    day.world.pass(10 * 60_000);
    day.check();
    day.world.kill();
    day.world.run();
    day.check();
}

/// The day, killed once, right after its n-th effect.
pub fn a_day_killed_after(effects: usize) {
    let mut day = Day::new();
    day.world.kill_after = Some(effects);
    day.go();
    day.check();
}

/// The day with a clock that is an hour off.
pub fn an_hour_off(ahead_ms: i64) {
    let mut world = World::new();
    world.ahead_ms = ahead_ms;
    world.start();
    world.command(Command::SetJudgments { on: true });
    let offer = world.assign(&text_item("time"));
    let view = world.view();
    assert_eq!(view.diagnostics.clock_ahead_ms, ahead_ms);
    assert!(matches!(view.notice, Some(lull_view::Notice::Clock { ahead_ms: a }) if a == ahead_ms));
    assert_eq!(world.judgment().deadline, world.local().get() + 600_000, "shown on the browser's own clock");
    world.pass(5_000);
    world.answer(&offer, 2);
    let stored = world.coordinator.stored.values().next().expect("stored");
    let result = cose::peek::<WorkResult>(stored).unwrap();
    assert_eq!(result.started_at.get(), START_MS + 3_000, "signed on the coordinator's clock");
    assert_eq!(result.finished_at.get(), START_MS + 5_000);
    world.feed(Event::Tick);
    world.kill();
    world.run();
    let again = world.assign(&text_item("after a restart"));
    world.cut();
    world.is_reachable = false;
    world.kill();
    world.run();
    assert_eq!(world.judgment().offer, again);
    assert_eq!(world.judgment().deadline, world.local().get() + 600_000, "the offset outlives a restart");
}
