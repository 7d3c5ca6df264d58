//! The person before a browser: consents, answers, skips, pauses, comes and goes.

use fastrand::Rng;
use lull_protocol::statement::{JobClass, Report, WorkResult};
use lull_protocol::{Hash, WarningSet, cose};
use lull_view::{
    ActivityWork, AnswerInput, BandwidthWhen, Caps, Command, Finding, FlagReason, JudgmentContent, JudgmentTask,
    NeverWhat, POP_MINUTES, Pause, Pops, Preference, Statement, TaskAnswer, TaskKind, TaskSet, View, Wishes,
};
use lull_worker::Event as Happened;

use super::browser::BrowserEvent;
use super::net::Peer;
use super::{World, lies};
use crate::mix::{Mix, chance};
use crate::plan::{MINUTE, Ms, SECOND};

/// What a person says of a task: mostly what all would say, whichever sentence it is that tells.
fn honest(rng: &mut Rng, task: &JudgmentTask) -> TaskAnswer {
    let mut truth = Mix::default();
    let mut shown = |content: &JudgmentContent| match content {
        JudgmentContent::Text { text } | JudgmentContent::Code { text } | JudgmentContent::Markdown { text } => {
            truth.bytes(text.as_bytes());
        }
        JudgmentContent::Picture { data_url, .. } => truth.bytes(data_url.as_bytes()),
    };
    match task {
        JudgmentTask::Choice { content, .. }
        | JudgmentTask::Multi { content, .. }
        | JudgmentTask::Rating { content, .. } => shown(content),
        JudgmentTask::Compare { left, right } => [left, right].into_iter().for_each(shown),
        JudgmentTask::Verify { claim, source } => {
            [claim].into_iter().chain(source).for_each(|text| truth.bytes(text.as_bytes()));
        }
    }
    let mistaken = if chance(rng, 200) { rng.u64(..9) } else { 0 };
    let said = truth.value().wrapping_add(mistaken);
    let one_of = |count: u64| u8::try_from(said % count.max(1)).unwrap_or(0);
    match task {
        JudgmentTask::Choice { options, .. } => TaskAnswer::Choice(one_of(options.len() as u64)),
        JudgmentTask::Multi { options, least, most, .. } => {
            let count = least + one_of(u64::from(most - least) + 1);
            TaskAnswer::Multi(lies::some_of(one_of(9), count, options.len()))
        }
        JudgmentTask::Compare { .. } => {
            TaskAnswer::Compare(*Preference::ALL.get(usize::from(one_of(4))).unwrap_or(&Preference::Tie))
        }
        JudgmentTask::Rating { steps, .. } => TaskAnswer::Rating(1 + one_of((*steps).into())),
        JudgmentTask::Verify { source, .. } => {
            let sentence = rng.u8(..u8::try_from(source.len()).unwrap_or(1).max(1));
            TaskAnswer::Verify(match one_of(3) {
                0 => Finding::Supported { sentence },
                1 => Finding::Contradicted { sentence },
                _ => Finding::NotEnough,
            })
        }
    }
}

/// Caps that stand in nobody's way.
fn generous() -> Caps {
    Caps {
        second_bytes: 100_000_000,
        day_bytes: 1_000_000_000_000,
        month_bytes: 30_000_000_000_000,
        month_day: 1,
        domain_minute: 6_000,
        domain_day: 100_000,
        hours: [0x00ff_ffff; 7],
        metered: false,
    }
}

/// Six o'clock of the next day, for somebody so many minutes from UTC.
fn morning(now_ms: u64, offset_min: i32) -> Ms {
    const DAY_MS: u64 = 86_400_000;
    let offset_ms = i64::from(offset_min) * 60_000;
    let day = now_ms.saturating_add_signed(offset_ms) / DAY_MS + 1;
    (day * DAY_MS + 6 * 60 * MINUTE).saturating_add_signed(-offset_ms)
}

/// A person.
#[derive(Debug)]
pub(crate) struct Person {
    rng: Rng,
    wants_judgments: bool,
    wants_bandwidth: bool,
    at_any_time: bool,
    /// Most skip seldom; some skip nearly all.
    skips_permille: u32,
    /// Judgments that the icon promises.
    badge: u32,
    is_thinking: bool,
    /// Does everything that is asked, at once: the calm at the end.
    is_diligent: bool,
}

impl Person {
    pub(crate) fn new(mut rng: Rng) -> Self {
        let wants_judgments = chance(&mut rng, 900);
        let wants_bandwidth = !wants_judgments || chance(&mut rng, 800);
        let at_any_time = rng.bool();
        let skips_permille = if chance(&mut rng, 100) { 900 } else { 60 };
        Self {
            rng,
            wants_judgments,
            wants_bandwidth,
            at_any_time,
            skips_permille,
            badge: 0,
            is_thinking: false,
            is_diligent: false,
        }
    }
}

impl Person {
    /// Whether this person thinks once more before they answer.
    fn looks_first(&mut self) -> bool {
        !self.is_diligent && chance(&mut self.rng, 250)
    }

    /// What this person says is wrong: mostly what others would say, too.
    fn finds_wrong(&mut self, task: &JudgmentTask) -> Option<FlagReason> {
        let mut truth = Mix::default();
        truth.bytes(format!("{task:?}").as_bytes());
        let is_bad = truth.value() % 5 == 0;
        let flags = chance(&mut self.rng, if is_bad { 700 } else { 15 });
        flags.then(|| self.rng.choice(FlagReason::ALL)).flatten()
    }
}

impl World {
    /// What the person sees: the popup asks for a view only when it is told that there is a new one.
    fn view(&mut self, who: usize) -> Option<View> {
        let now = self.browser_wall(who);
        let background = self.browser(who).background.as_mut()?;
        Some(background.view.get_or_insert_with(|| background.worker.view(now)).clone())
    }

    pub(crate) fn command(&mut self, who: usize, command: Command) {
        let (me, is_twin) = (self.browser(who).me, self.browser(who).twin_of.is_some());
        if self.browser(who).background.is_none() {
            return;
        }
        let now = self.browser_wall(who);
        let offset = self.browser(who).surroundings.utc_offset_min;
        self.model.consent.names(me, &command);
        if !is_twin {
            let held = self.view(who).and_then(|view| view.take_back);
            self.model.consent.last_word(me, held.and_then(|held| Hash::from_hex(&held.offer)));
            self.model.consent.tell(me, now);
            self.model.consent.command(me, &command, now, Some(morning(now.get(), offset)));
            self.model.caps.wants(me, &command);
            if let (true, Command::Appeal { offer, .. }) = (self.is_calm, &command) {
                let at = self.house_wall();
                self.model.person_appeals(me, offer, at);
            }
        }
        self.feed(who, Happened::Command(command.clone()));
        self.model.consent.last_word(me, None);
        let shown = self.browser(who).background.as_ref().map(|background| background.worker.view(now));
        if let (false, Some(shown)) = (is_twin, shown) {
            let checked = self.model.caps.commanded(me, &command, &shown.limits.caps);
            self.check(checked);
            if matches!(command, Command::SetPops { .. }) {
                let checked = self.model.pops.chose(me, &shown.pops);
                self.check(checked);
            }
        }
    }

    pub(crate) fn person_sees(&mut self, who: usize, count: u32) {
        self.browser(who).person.badge = count;
        self.think(who);
    }

    /// The popup opens by itself, or a notification comes, or what the person does now allows neither.
    pub(crate) fn person_is_called(&mut self, who: usize, how: (bool, bool), now: lull_protocol::Timestamp) {
        let mut rng = self.rng.fork();
        let is_shown = !chance(&mut rng, 300);
        let wall = self.browser_wall(who);
        let view = self.browser(who).background.as_ref().map(|background| background.worker.view(wall));
        let judgment = view.and_then(|view| match view.practice {
            Some(practice) => Some(practice.practice),
            None => view.judgment.map(|judgment| judgment.offer),
        });
        let (me, is_twin) = (self.browser(who).me, self.browser(who).twin_of.is_some());
        if !is_twin {
            let checked = self.model.pops.called(me, how, judgment, is_shown, now);
            self.check(checked);
        }
        self.feed(who, Happened::Popped { is_shown });
    }

    /// Thinks about the judgment on screen, if there is one and somebody is there.
    fn think(&mut self, who: usize) {
        let browser = self.browser(who);
        let is_there = !browser.surroundings.away || browser.person.is_diligent;
        if browser.person.badge == 0 || browser.person.is_thinking || !is_there {
            return;
        }
        browser.person.is_thinking = true;
        let most_ms = if browser.person.is_diligent { 2 * SECOND } else { 2 * browser.plan.thinks_ms };
        let after_ms = browser.person.rng.u64(200..=most_ms);
        self.queue_browser(who, after_ms, BrowserEvent::Answer);
    }

    pub(crate) fn person_answers(&mut self, who: usize) {
        self.browser(who).person.is_thinking = false;
        let now = self.browser_wall(who);
        let Some(view) = self.view(who) else { return };
        if let Some(practice) = view.practice {
            return self.person_practises(who, practice.practice);
        }
        let Some(judgment) = view.judgment else { return };
        let me = self.browser(who).me;
        if self.browser(who).twin_of.is_none() {
            let checked = self.model.consent.may_judge(me, &judgment.offer);
            self.check(checked);
            let checked = self.model.practised_before(me, &judgment.offer);
            self.check(checked);
            let checked = self.model.consent.may_show(me, judgment.warnings, &judgment.offer);
            self.check(checked);
        }
        let person = &mut self.browser(who).person;
        if !person.is_diligent && chance(&mut person.rng, person.skips_permille) {
            let shown_at = Some(now.get().saturating_sub(person.rng.u64(..60 * SECOND)));
            let is_slip = chance(&mut person.rng, 100).then(|| person.rng.u64(..6 * SECOND));
            self.command(who, Command::Skip { offer: judgment.offer, shown_at });
            if let Some(after_ms) = is_slip {
                self.queue_browser(who, after_ms, BrowserEvent::TakeBack);
            }
            return;
        }
        if !person.is_diligent && chance(&mut person.rng, 80) {
            // Thinks on.
            return self.command(who, Command::Extend { offer: judgment.offer });
        }
        if person.looks_first() {
            return self.person_reads(who, judgment.offer);
        }
        let person = &mut self.browser(who).person;
        if let Some(reason) = person.finds_wrong(&judgment.task) {
            let (note, shown_at) =
                (" why? ".repeat(person.rng.usize(..3)), now.get().saturating_sub(person.rng.u64(..60 * SECOND)));
            self.model.person_flagged(me, &judgment.offer);
            let (offer, input) = (judgment.offer, AnswerInput::Keyboard);
            self.command(who, Command::Flag { offer, reason, note, input, shown_at });
            return self.think(who);
        }
        let answer = honest(&mut person.rng, &judgment.task);
        if judgment.is_covered {
            self.command(who, Command::Uncover { offer: judgment.offer.clone() });
        }
        let person = &mut self.browser(who).person;
        let shown_at = now.get().saturating_sub(person.rng.u64(..60 * SECOND));
        self.model.person_answered(me, &judgment.offer, answer);
        let input = AnswerInput::Pointer;
        self.command(who, Command::Answer { offer: judgment.offer, answer, input, shown_at });
        let person = &mut self.browser(who).person;
        if !person.is_diligent && chance(&mut person.rng, 100) {
            let after_ms = person.rng.u64(..6 * SECOND);
            self.queue_browser(who, after_ms, BrowserEvent::TakeBack);
        }
        self.think(who);
    }

    /// Reads on, with a page open: it tells that the judgment was on screen for long enough.
    fn person_reads(&mut self, who: usize, offer: String) {
        let surroundings = self.browser(who).surroundings;
        if !surroundings.looks {
            self.tell_surroundings(who, lull_worker::Surroundings { looks: true, ..surroundings });
        }
        let me = self.browser(who).me;
        self.model.person_saw(me, &offer);
        self.command(who, Command::Seen { offer });
        self.think(who);
    }

    /// Does the practice on screen, or skips it: what is answered stays with the person.
    fn person_practises(&mut self, who: usize, practice: String) {
        let (me, is_twin) = (self.browser(who).me, self.browser(who).twin_of.is_some());
        if !is_twin {
            let checked = self.model.consent.may_judge(me, &practice);
            self.check(checked);
            let checked = self.model.practice.is_shown(me, &practice);
            self.check(checked);
            self.model.practice.over(me, &practice);
        }
        self.command(who, Command::Practised { practice });
        self.think(who);
    }

    /// The last answer or skip was a slip.
    pub(crate) fn person_takes_back(&mut self, who: usize) {
        let me = self.browser(who).me;
        let Some(take_back) = self.view(who).and_then(|view| view.take_back) else { return };
        self.model.person_took_back(me, &take_back.offer);
        self.command(who, Command::TakeBack { offer: take_back.offer });
    }

    /// A look at the popup: sets what is wanted, now and then something else.
    pub(crate) fn person_looks(&mut self, who: usize) {
        let Some(view) = self.view(who) else { return };
        let settings = view.settings.clone();
        if self.browser(who).twin_of.is_none() {
            let (me, now) = (self.browser(who).me, self.browser_wall(who));
            let shown = self.browser(who).background.as_ref().map(|b| b.worker.view(now).limits.used.day_bytes);
            let checked = shown.map_or(Ok(()), |shown| self.model.caps.shows(me, shown, now));
            self.check(checked);
        }
        let fickle = self.browser(who).plan.fickle;
        let browser = self.browser(who);
        let person = &mut browser.person;
        let (rng, diligent) = (&mut person.rng, person.is_diligent);
        let next_ms = if diligent { 30 * SECOND } else { rng.u64(5 * SECOND..5 * MINUTE) };
        let (judgments, bandwidth) = (person.wants_judgments || diligent, person.wants_bandwidth || diligent);
        let always = person.at_any_time || diligent;
        let whim = (!diligent && chance(rng, fickle)).then(|| rng.u32(..31));
        let comes_or_goes = !diligent && chance(rng, 200);
        let (appeals, is_short) = (diligent || chance(rng, 400), rng.bool());
        let has_permission = browser.surroundings.host_permission;
        let mut commands = Vec::new();
        if judgments && !settings.judgments {
            commands.push(Command::SetJudgments { on: true });
        }
        if view.operator.is_some() && !settings.card_seen {
            commands.extend([Command::CardSeen, Command::FirstRunDone]);
        }
        if bandwidth && !(settings.bandwidth && has_permission) {
            let granted = lull_worker::Surroundings { host_permission: true, ..self.browser(who).surroundings };
            self.tell_surroundings(who, granted);
            if !view.consent.is_current {
                commands.push(Command::Agree { statements: Statement::ALL.into() });
            }
            commands.push(Command::SetBandwidth { on: true });
        } else if bandwidth && !view.consent.is_current {
            // Its record was damaged, or it was taken back: bandwidth is on and stands still.
            commands.push(Command::Agree { statements: Statement::ALL.into() });
        }
        if always && settings.bandwidth_when == BandwidthWhen::Away {
            commands.push(Command::SetBandwidthWhen { when: BandwidthWhen::Always });
        }
        if settings.paused {
            commands.push(Command::SetPaused { on: false });
        }
        if diligent && matches!(view.link, lull_view::Link::Stopped { .. }) {
            commands.push(Command::ConnectNow);
        }
        if view.notice.is_some() {
            commands.push(Command::DismissNotice);
        }
        if let Some(contested) = view.contested.as_ref().filter(|_| appeals) {
            let words = if is_short { String::new() } else { "It is what it is.".to_owned() };
            commands.push(Command::Appeal { offer: contested.offer.clone(), words });
        }
        let generous = generous();
        if diligent && view.limits.caps != generous {
            commands.push(Command::SetCaps { caps: generous });
        }
        if diligent && view.wishes != Wishes::default() {
            commands.push(Command::SetWishes { wishes: Wishes::default() });
        }
        if diligent {
            commands
                .extend(view.never.domains.iter().cloned().map(|name| Command::RemoveNever(NeverWhat::Domain(name))));
            let names = view.never.requesters.iter().cloned();
            commands.extend(names.map(|name| Command::RemoveNever(NeverWhat::Requester(name))));
        }
        for command in commands {
            self.command(who, command);
        }
        if comes_or_goes {
            let away = !self.browser(who).surroundings.away;
            let surroundings = lull_worker::Surroundings { away, ..self.browser(who).surroundings };
            self.tell_surroundings(who, surroundings);
        }
        if let Some(whim) = whim {
            self.follow_whim(who, whim, &view);
        }
        self.think(who);
        self.queue_browser(who, next_ms, BrowserEvent::Look);
    }

    /// Something that ends a fetch under way.
    pub(crate) fn person_interrupts(&mut self, who: usize) {
        let browser = self.browser(who);
        if browser.person.is_diligent {
            return;
        }
        let (which, surroundings) = (browser.person.rng.u32(..8), browser.surroundings);
        match which {
            3 => {
                let caps = self.strict_caps(who);
                self.command(who, Command::SetCaps { caps });
            }
            4 => self.command(who, Command::PauseFor { pause: Pause::Hour }),
            0 => self.command(who, Command::SetPaused { on: true }),
            1 => self.command(who, Command::SetBandwidth { on: false }),
            2 => {
                let revoked = lull_worker::Surroundings { host_permission: false, ..surroundings };
                self.tell_surroundings(who, revoked);
            }
            _ => {
                let back = lull_worker::Surroundings { away: false, ..surroundings };
                self.tell_surroundings(who, back);
            }
        }
    }

    /// Now and then a result's class is switched off while it is on its way.
    pub(crate) fn person_may_switch_off(&mut self, who: usize, statement: &[u8]) {
        let mut rng = self.rng.fork();
        let report = cose::peek::<WorkResult>(statement).ok().map(|result| result.report);
        let class = if matches!(report, Some(Report::Fetch(_))) { JobClass::Fetch } else { JobClass::Judgment };
        if chance(&mut rng, 20) {
            self.queue_browser(who, rng.u64(..SECOND), BrowserEvent::SwitchOff(class));
        }
    }

    /// Its acknowledgement may be lost with the line; the verdict comes while the class is off.
    pub(crate) fn person_switches_off(&mut self, who: usize, class: JobClass) {
        if self.browser(who).person.is_diligent {
            return;
        }
        self.command(
            who,
            match class {
                JobClass::Fetch => Command::SetBandwidth { on: false },
                JobClass::Judgment => Command::SetJudgments { on: false },
            },
        );
        for conn in self.net.of(Peer::Browser(who)) {
            self.net.cut(&mut self.queue, conn, false);
        }
    }

    fn follow_whim(&mut self, who: usize, whim: u32, view: &View) {
        let surroundings = self.browser(who).surroundings;
        match whim {
            0 => self.command(who, Command::SetPaused { on: true }),
            1 => self.command(who, Command::SetJudgments { on: false }),
            2 => self.command(who, Command::SetBandwidth { on: false }),
            3 => self.command(who, Command::SetBandwidthWhen { when: BandwidthWhen::Away }),
            4 => {
                let saver = lull_worker::Surroundings { data_saver: !surroundings.data_saver, ..surroundings };
                self.tell_surroundings(who, saver);
            }
            5 => {
                // Revoked in the browser's own settings.
                let revoked = lull_worker::Surroundings { host_permission: false, ..surroundings };
                self.tell_surroundings(who, revoked);
            }
            6 | 7 => self.command(who, Command::ConnectNow),
            8 => self.feed(who, Happened::Alarm),
            9 => self.read_receipts(who, view),
            10 => {
                if let Some(judgment) = &view.judgment {
                    let shown_at = Some(self.browser_wall(who).get().saturating_sub(30 * SECOND));
                    self.command(who, Command::Skip { offer: judgment.offer.clone(), shown_at });
                }
            }
            11 => self.command(who, Command::TakeConsentBack),
            // Half of what consent needs: nothing follows from it.
            12 => self.command(who, Command::Agree { statements: vec![Statement::Adult] }),
            // Who manages the browser changes the policy.
            13 => {
                let allows_bandwidth = self.rng.choice([None, Some(true), Some(false)]).flatten();
                let managed = lull_worker::Managed { is_installed_by_policy: self.rng.bool(), allows_bandwidth };
                self.tell_surroundings(who, lull_worker::Surroundings { managed, ..surroundings });
            }
            14 => self.command(who, Command::PauseFor { pause: Pause::Hour }),
            15 => self.command(who, Command::PauseFor { pause: Pause::Tomorrow }),
            16 | 17 => {
                let caps = self.strict_caps(who);
                self.command(who, Command::SetCaps { caps });
            }
            18 => self.command(who, Command::ResetCaps),
            19 => {
                let utc_offset_min = self.browser(who).person.rng.i32(-12..=14) * 60;
                let moved = lull_worker::Surroundings { utc_offset_min, ..surroundings };
                self.tell_surroundings(who, moved);
            }
            20 | 21 => self.never_or_again(who, view),
            23 | 24 => {
                let rng = &mut self.browser(who).person.rng;
                let [open, notify] = [rng.bool(), rng.bool()];
                let minutes = rng.choice(POP_MINUTES).unwrap_or_default();
                let [quiet_from, quiet_to] = [rng.u64(..30), rng.u64(..24)];
                self.command(who, Command::SetPops { pops: Pops { open, notify, minutes, quiet_from, quiet_to } });
            }
            26 => {
                let rng = &mut self.browser(who).person.rng;
                let chosen = WarningSet::from_bits(rng.u8(..64)).unwrap_or_default();
                let day_max = rng.u16(..8);
                self.command(who, Command::SetWarnings { chosen, day_max });
            }
            25 => {
                let looks = !surroundings.looks;
                self.tell_surroundings(who, lull_worker::Surroundings { looks, ..surroundings });
            }
            27 => {
                let offer = view.judgment.as_ref().map(|judgment| &judgment.offer);
                if let Some(offer) = offer.or(view.practice.as_ref().map(|practice| &practice.offer)) {
                    self.command(who, Command::Extend { offer: offer.clone() });
                }
            }
            28 => {
                let rng = &mut self.browser(who).person.rng;
                let kinds: Vec<_> = TaskKind::ALL.into_iter().filter(|_| chance(rng, 800)).collect();
                let hourly_min = if rng.bool() { rng.u64(..3_000_000) } else { 0 };
                let wishes = Wishes { hourly_min, text_only: chance(rng, 300), tasks: TaskSet::of(&kinds) };
                self.command(who, Command::SetWishes { wishes });
            }
            29 => self.command(who, Command::SetWishes { wishes: Wishes::default() }),
            // Two pauses in a row, faster than anything can be stored.
            _ => {
                self.command(who, Command::SetPaused { on: true });
                self.command(who, Command::SetPaused { on: false });
                self.command(who, Command::SetPaused { on: true });
            }
        }
    }

    /// Caps that will be felt: few requests, the least bytes, some hours.
    fn strict_caps(&mut self, who: usize) -> Caps {
        let rng = &mut self.browser(who).person.rng;
        let hours = if rng.bool() { 0x00ff_ffff } else { rng.u32(..) & 0x00ff_ffff };
        Caps {
            second_bytes: 50_000 + rng.u64(..400_000),
            day_bytes: 20_000_000 + rng.u64(..3) * 1_000_000,
            month_bytes: 30_000_000 + rng.u64(..9) * 10_000_000,
            month_day: rng.u64(1..=28),
            domain_minute: rng.u64(1..6),
            domain_day: rng.u64(1..30),
            hours: [hours; 7],
            metered: chance(rng, 150),
        }
    }

    /// Never serves whom the newest work was for, or whoever is on that list again.
    fn never_or_again(&mut self, who: usize, view: &View) {
        if let Some(domain) = view.never.domains.first() {
            return self.command(who, Command::RemoveNever(NeverWhat::Domain(domain.clone())));
        }
        if let Some(name) = view.never.requesters.first() {
            return self.command(who, Command::RemoveNever(NeverWhat::Requester(name.clone())));
        }
        let Some(activity) = view.activities.first() else { return };
        let what = match &activity.work {
            ActivityWork::Fetch { site, .. } => NeverWhat::Domain(lull_policy::registrable_domain(site).to_owned()),
            ActivityWork::Judgment { .. } => NeverWhat::Requester(activity.requester.clone()),
        };
        self.command(who, Command::Never(what));
    }

    /// Opens the newest receipt: it must hold.
    fn read_receipts(&mut self, who: usize, view: &View) {
        let Some(activity) = view.activities.first() else { return };
        let query = Command::OpenReceipt { offer: activity.offer.clone(), change: None };
        let now = self.browser_wall(who);
        let Some(background) = &self.browser(who).background else { return };
        let Some(lull_view::Reply::Receipt { receipt }) = background.worker.query(&query, now) else { return };
        // Whose record of the coordinator was damaged knows no key to check with until it connects again.
        let me = self.browser(who).me;
        let is_whole = !self.model.was_record_damaged(&me, &activity.offer);
        if view.operator.is_some() && is_whole && receipt.as_ref().is_none_or(|receipt| !receipt.valid) {
            let checks = receipt.map(|receipt| receipt.checks).unwrap_or_default();
            let failed: Vec<_> = checks.iter().filter(|check| check.error.is_some()).collect();
            let what = format!("the receipt of {} does not hold in the browser: {failed:?}", activity.offer);
            self.check(Err(crate::model::broken("receipts", what)));
        }
    }

    /// The browser is closed for a while.
    pub(crate) fn person_closes(&mut self, who: usize) {
        let browser = self.browser(who);
        if browser.person.is_diligent {
            return;
        }
        let (share, stays_ms) = (u64::from(browser.plan.open_share.max(1)), browser.plan.stays_ms);
        let closed_ms = stays_ms * (100 - share.min(100)) / share;
        let down_ms = browser.person.rng.u64(closed_ms / 3..=2 * closed_ms + 1);
        self.kill_and_reopen(who, down_ms, false);
    }

    /// When the person closes the browser that was just opened.
    pub(crate) fn plan_closing(&mut self, who: usize) {
        let browser = self.browser(who);
        if browser.plan.open_share < 100 && !browser.person.is_diligent {
            let stays_ms = browser.plan.stays_ms;
            let after_ms: Ms = browser.person.rng.u64(stays_ms / 3..=2 * stays_ms);
            self.queue_browser(who, after_ms, BrowserEvent::Close);
        }
        let person = &mut self.browser(who).person;
        (person.badge, person.is_thinking) = (0, false);
    }

    /// The calm has come: from here on this person wants everything and is there.
    pub(crate) fn make_diligent(&mut self, who: usize) {
        self.browser(who).person.is_diligent = true;
        self.browser(who).person.is_thinking = false;
        let managed = lull_worker::Managed::default();
        let quiet = lull_worker::Surroundings { data_saver: false, managed, ..self.browser(who).surroundings };
        self.tell_surroundings(who, quiet);
        self.start_browser(who);
        self.person_looks(who);
    }
}
