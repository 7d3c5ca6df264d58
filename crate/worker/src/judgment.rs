//! Judgments: which one is on screen, and the person's answer.

use lull_protocol::flag::note_of;
use lull_protocol::limits::SEEN_MS_MIN;
use lull_protocol::message::ReturnReason;
use lull_protocol::statement::{Input, JudgmentReport, Report};
use lull_protocol::{Answer, DurationMs, FlagReason, FlagReport, Hash, Item, OrderId, Timestamp};
use lull_view::AnswerInput;

use crate::lease::Lease;
use crate::outbox::HeldWhat;
use crate::records::{Key, SkipsRecord};
use crate::storage::After;
use crate::{Worker, limits};

impl Worker {
    /// Judgments that wait to be answered, in the order of the row, whether or not what they show is there.
    pub(crate) fn judgment_row(&self) -> Vec<(&Hash, &Lease)> {
        if self.settings.paused || !self.may_judge() {
            return Vec::new();
        }
        let open = |lease: &Lease| !lease.is_done && matches!(lease.item, Item::Judgment(_));
        self.leases.iter().filter(|(_, lease)| open(lease)).collect()
    }

    /// Chooses the judgment on screen, or whose practice is: the first in the row, and it stays until it is gone. A
    /// later one goes ahead only if the first one's pictures or practice are long in coming. What comes on screen has
    /// time left, gets some, or goes back.
    pub(crate) fn choose_judgment(&mut self, now: Timestamp) {
        for lease in self.leases.works_mut() {
            // A clock that was set back must not make anything wait longer.
            lease.held_since = Some(lease.held_since.map_or(now, |since| since.min(now)));
        }
        self.current = self.judgment_due(now);
        // Each round takes one from the row.
        while let Some(offer) = self.current.filter(|offer| self.is_on_screen(offer) && self.is_too_late(offer, now)) {
            self.give_back(offer, ReturnReason::TooMany, None);
            self.current = self.judgment_due(now);
        }
        let is_there = |offer: &Hash| self.leases.get(offer).is_some_and(|lease| self.is_showable(lease));
        let on_screen = self.current.filter(|offer| self.is_on_screen(offer) && is_there(offer));
        let has_come = on_screen != self.on_screen;
        if has_come {
            self.count_looks(on_screen, now);
        }
        self.on_screen = on_screen;
        if let Some(offer) = on_screen.filter(|offer| has_come && self.is_short(offer, now)) {
            self.ask_for_time(offer);
        }
    }

    /// Another judgment comes on screen, or none does.
    fn count_looks(&mut self, comes: Option<Hash>, now: Timestamp) {
        if let Some(gone) = self.on_screen.and_then(|gone| self.leases.get_mut(&gone)) {
            let more_ms = gone.shown_since.take().map_or(0, |since| now.since(since));
            gone.shown_ms = gone.shown_ms.saturating_add(more_ms);
        }
        if let Some(comes) = comes.and_then(|offer| self.leases.get_mut(&offer)) {
            comes.shown_since = comes.seen_at.map(|_| now);
        }
    }

    fn judgment_due(&self, now: Timestamp) -> Option<Hash> {
        let row = self.judgment_row();
        if row.iter().any(|(offer, lease)| Some(**offer) == self.current && self.is_showable(lease)) {
            return self.current;
        }
        let has_waited = |lease: &Lease| lease.held_since.is_some_and(|s| now.since(s) >= limits::HEAD_OF_ROW_MS);
        match row.first() {
            Some((offer, lease)) if self.is_showable(lease) || !has_waited(lease) => Some(**offer),
            _ => row.iter().find(|(_, lease)| self.is_showable(lease)).map(|(offer, _)| **offer),
        }
    }

    /// Whether less is left of a lease than what comes on screen should have.
    fn is_short(&self, offer: &Hash, now: Timestamp) -> bool {
        self.leases.get(offer).is_some_and(|lease| {
            let half_ms = lease.offer.deadline.since(lease.offer.issued_at) / 2;
            lease.deadline().since(self.coordinator_now(now)) < limits::ON_SCREEN_MS_MIN.min(half_ms)
        })
    }

    /// Whether it is too late to begin with a judgment: little is left, and more can't be had. What the person has seen
    /// already, or took back, is theirs to finish.
    fn is_too_late(&self, offer: &Hash, now: Timestamp) -> bool {
        let is_new = |lease: &Lease| lease.seen_at.is_none() && !lease.was_taken_back;
        Some(*offer) != self.on_screen
            && self.is_short(offer, now)
            && !self.can_have_time(offer)
            && self.leases.get(offer).is_some_and(is_new)
    }

    /// The one that is chosen when that on screen is gone, if nothing else happens and it can be shown.
    pub(crate) fn next_judgment(&self, now: Timestamp) -> Option<Hash> {
        let is_next = |offer: &Hash| Some(*offer) != self.current && !self.is_too_late(offer, now);
        let mut row = self.judgment_row().into_iter().filter(|(offer, _)| is_next(offer));
        let (offer, lease) = row.next()?;
        (self.current.is_some() && self.is_showable(lease)).then_some(*offer)
    }

    /// When a later judgment goes ahead of the first one; `None` if it does already.
    pub(crate) fn row_due_at(&self, now: Timestamp) -> Option<Timestamp> {
        let row = self.judgment_row();
        let (_, first) = row.first().filter(|(_, lease)| !self.is_showable(lease))?;
        let due = first.held_since?.plus(limits::HEAD_OF_ROW_MS);
        (due > now && row.iter().any(|(_, lease)| self.is_showable(lease))).then_some(due)
    }

    /// Signs the person's answer, once; it is sent when it is durable.
    pub(crate) fn answer(&mut self, offer: &str, answer: Answer, input: AnswerInput, shown_at: u64, now: Timestamp) {
        let Some(offer) = self.showable_offer(offer) else { return };
        let Some(lease) = self.leases.get(&offer) else { return };
        let Item::Judgment(item) = &lease.item else { return };
        // What is signed is what was seen.
        if item.task.takes(&answer).is_err() || self.covers(&offer, &lease.item) {
            return;
        }
        let report = Report::Judgment(JudgmentReport { answer, input: input_of(input) });
        self.report(offer, report, shown_at, now);
    }

    /// Signs what the person says is wrong with it.
    pub(crate) fn flag(
        &mut self,
        offer: &str,
        reason: FlagReason,
        note: &str,
        input: AnswerInput,
        shown_at: u64,
        now: Timestamp,
    ) {
        let Some(offer) = self.showable_offer(offer) else { return };
        let report = FlagReport { reason, note: note_of(note), input: input_of(input) };
        // One that was taken back, or looked at before, has been on screen for longer than this time.
        let seen_at = self.leases.get(&offer).and_then(|lease| lease.seen_at);
        let shown_at = seen_at.map_or(shown_at, |at| shown_at.min(at.minus(SEEN_MS_MIN).get()));
        // Who flags what is covered has seen nothing of it.
        let shown_at = if self.is_under_cover(&offer) { now.get() } else { shown_at };
        self.report(offer, Report::Flag(report), shown_at, now);
    }

    fn report(&mut self, offer: Hash, report: Report, shown_at: u64, now: Timestamp) {
        let Some(lease) = self.leases.get(&offer) else { return };
        let shown_at = Timestamp::new(shown_at).unwrap_or(now).min(now);
        let started_at = self.coordinator_now(shown_at).max(lease.offer.issued_at);
        // Whoever gives the next answer stands by the last one, or by the skip.
        self.let_go();
        self.complete(offer, report, started_at, Vec::new(), now);
        self.hold(offer, HeldWhat::Answer, now);
    }

    /// A page has shown the judgment for `SEEN_MS_MIN`.
    pub(crate) fn seen(&mut self, offer: &str, now: Timestamp) {
        let Some(offer) = self.showable_offer(offer).filter(|offer| self.is_on_screen(offer)) else { return };
        if self.is_under_cover(&offer) {
            return;
        }
        if let Some(lease) = self.leases.get_mut(&offer).filter(|lease| lease.seen_at.is_none()) {
            lease.seen_at = Some(now);
            (lease.shown_ms, lease.shown_since) = (SEEN_MS_MIN, Some(now));
            self.persist([Key::Lease(offer)], After::Nothing);
        }
    }

    /// Whether a page of Lull is open and this is the judgment that it shows.
    pub(crate) fn is_on_screen(&self, offer: &Hash) -> bool {
        self.current == Some(*offer) && self.surroundings.is_some_and(|around| around.looks)
    }

    /// Takes the last answer or skip back, if it is still here, and shows its judgment again.
    pub(crate) fn take_back(&mut self, offer: &str) {
        let is_on = self.may_judge() && !self.settings.paused;
        if is_on && Hash::from_hex(offer).is_some_and(|offer| self.is_held(&offer)) {
            self.unanswer();
        }
    }

    /// Hands the judgment back, when the person can't take that back any more.
    pub(crate) fn skip(&mut self, offer: &str, shown_at: Option<u64>, now: Timestamp) {
        if let Some(offer) = self.showable_offer(offer) {
            let shown_at = shown_at.and_then(Timestamp::new).filter(|_| !self.is_under_cover(&offer));
            let shown_ms = shown_at.and_then(|shown_at| DurationMs::new(now.since(shown_at)));
            // Whoever skips the next one stands by the last answer.
            self.let_go();
            self.hold_skip(offer, shown_ms, now);
        }
    }

    /// The coordinator told how many free skips are left of a project today: kept with its leases.
    pub(crate) fn skips_left(&mut self, order: OrderId, left: u32, now: Timestamp) {
        let told = Some(SkipsRecord { day: self.coordinator_day(now), left });
        let is_news = |offer: &Hash, lease: &Lease| {
            lease.order() == Some(order) && lease.skips != told && self.is_open(offer, lease)
        };
        let leases: Vec<Hash> = self.leases.iter().filter(|(o, l)| is_news(o, l)).map(|(offer, _)| *offer).collect();
        for offer in &leases {
            if let Some(lease) = self.leases.get_mut(offer) {
                lease.skips = told;
            }
        }
        if !leases.is_empty() {
            self.persist(leases.into_iter().map(Key::Lease), After::Nothing);
            self.changed();
        }
    }

    /// The same, told with one of its leases.
    pub(crate) fn skips_left_with(&mut self, offer: &[u8], left: u32, now: Timestamp) {
        if let Some(order) = self.leases.get(&Hash::of(offer)).and_then(Lease::order) {
            self.skips_left(order, left, now);
        }
    }

    /// How many that are, if it told so today.
    pub(crate) fn skips_left_of(&self, lease: &Lease, now: Timestamp) -> Option<u32> {
        let today = self.coordinator_day(now);
        lease.skips.filter(|told| told.day == today).map(|told| told.left)
    }

    /// The coordinator's day (UTC, since 1970).
    fn coordinator_day(&self, now: Timestamp) -> u64 {
        self.coordinator_now(now).get() / limits::DAY_MS
    }

    /// The offer, if it is a judgment that the person can see and that is not answered yet.
    pub(crate) fn showable_offer(&self, offer: &str) -> Option<Hash> {
        let is_seen = |offer: &Hash| self.leases.get(offer).is_some_and(|lease| self.practice_before(lease).is_none());
        self.open_offer(offer).filter(is_seen)
    }

    /// The same, or one whose practice they can see.
    pub(crate) fn open_offer(&self, offer: &str) -> Option<Hash> {
        let offer = Hash::from_hex(offer)?;
        let is_on = self.may_judge() && !self.settings.paused;
        (is_on && self.is_showable(self.leases.get(&offer)?)).then_some(offer)
    }
}

fn input_of(input: AnswerInput) -> Input {
    match input {
        AnswerInput::Keyboard => Input::Keyboard,
        AnswerInput::Pointer => Input::Pointer,
        AnswerInput::Replay => Input::Replay,
    }
}
