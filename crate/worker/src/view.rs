//! What the person sees: the view, the badge, notices.

use lull_protocol::limits::EXTENSIONS_MAX;
use lull_protocol::statement::AcceptanceRule;
use lull_protocol::task::{Choice, Compare, Multi, Rating, Verify};
use lull_protocol::{Content, Hash, Item, PracticeItem, Task, Timestamp};
use lull_view::{
    ACTIVITIES_MAX, Account, Activity, Bandwidth, BandwidthState, Diagnostics, Judgment, JudgmentContent, JudgmentTask,
    Link, LinkProblem, Notice, Operator, Practice, SolvedTask, TakeBack, View, WalletCall,
};

use crate::fetch::Run;
use crate::lease::Lease;
use crate::link::Phase;
use crate::outbox::HeldWhat;
use crate::{Effect, Worker, limits};

/// What the shell was last told.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    is_changed: bool,
    badge: Option<u32>,
    wake_at: Option<Timestamp>,
    face: Option<Face>,
}

/// What changes by time and by many hands; compared instead of being announced by each.
#[derive(Debug, PartialEq, Eq)]
struct Face {
    link: Link,
    bandwidth: BandwidthState,
    current: Option<Hash>,
    call: Option<WalletCall>,
}

impl Shown {
    pub(crate) fn changed(&mut self) {
        self.is_changed = true;
    }
    pub(crate) fn forget_wake(&mut self) {
        self.wake_at = None;
    }
}

impl Worker {
    /// The view changed.
    pub(crate) fn changed(&mut self) {
        self.shown.changed();
    }

    /// Tells the shell what is new: the badge, the view, the time to come back.
    pub(crate) fn show(&mut self, now: Timestamp) {
        let count = u32::try_from(self.showable_count()).unwrap_or(u32::MAX);
        if self.shown.badge != Some(count) {
            self.shown.badge = Some(count);
            self.effects.push_back(Effect::Badge { count });
            self.changed();
        }
        let (link, bandwidth, call) = (self.link_view(), self.bandwidth_state(), self.wallet_call(now));
        let face = Face { link, bandwidth, current: self.current, call };
        if self.shown.face.as_ref() != Some(&face) {
            self.shown.face = Some(face);
            self.changed();
        }
        if std::mem::take(&mut self.shown.is_changed) && !self.effects.contains(&Effect::ViewChanged) {
            self.effects.push_back(Effect::ViewChanged);
        }
        let due = self.due_at(now).map(|at| at.max(now.plus(1)));
        if let Some(at) = due.filter(|at| self.shown.wake_at != Some(*at)) {
            self.effects.push_back(Effect::WakeAt(at));
        }
        self.shown.wake_at = due;
    }

    /// The next time at which something is due, on the browser's clock.
    fn due_at(&self, now: Timestamp) -> Option<Timestamp> {
        let mut due = vec![
            self.storage.try_at(),
            self.pause_due_at(),
            self.wallet_due_at(now),
            self.held.as_ref().map(|held| held.until),
        ];
        if self.is_working() {
            let open = self.leases.iter().filter(|(_, lease)| !lease.is_done);
            let deadlines = open.map(|(offer, lease)| self.over_at(offer, lease));
            due.push(deadlines.min().map(|at| self.clock.to_local(at)));
            due.extend([self.row_due_at(now), self.limits_due_at()]);
        }
        if self.may_connect() {
            due.push(self.link.due_at());
        }
        if self.is_ready() {
            due.extend([self.blobs.due_at(), self.outbox_due_at(), self.nevers.rests(), self.pop_due_at(now)]);
            due.extend([self.appeal_due_at()]);
        }
        due.into_iter().flatten().min()
    }

    fn showable_count(&self) -> usize {
        self.judgment_row().iter().filter(|(_, lease)| self.is_showable(lease)).count()
    }

    /// Adds a notice. One that is there already is not repeated; what stands in the way of all work comes first.
    pub(crate) fn notice(&mut self, notice: Notice) {
        if self.notices.contains(&notice) {
            return;
        }
        let at = match notice {
            Notice::OtherKey { .. } => 0,
            Notice::Storage => usize::from(matches!(self.notices.first(), Some(Notice::OtherKey { .. }))),
            _ => self.notices.len(),
        };
        self.notices.insert(at, notice);
        self.notices.truncate(limits::NOTICES_MAX);
        self.changed();
    }

    pub(crate) fn drop_notice(&mut self, is_over: impl Fn(&Notice) -> bool) {
        self.notices.retain(|notice| !is_over(notice));
        self.changed();
    }

    pub(crate) fn dismiss_notice(&mut self) {
        if !self.notices.is_empty() {
            self.notices.remove(0);
            self.changed();
        }
    }

    pub(crate) fn make_view(&self, now: Timestamp) -> View {
        let showable = self.showable_count();
        let judgment = self.current.and_then(|offer| self.judgment_view(&offer, now));
        let waiting = showable.saturating_sub(usize::from(judgment.is_some()));
        View {
            link: self.link_view(),
            settings: self.settings.clone(),
            operator: self.operator_view(),
            worker: self.me.short(),
            account: self.account_view(now),
            judgments_waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
            judgment,
            bandwidth: Bandwidth {
                state: self.bandwidth_state(),
                site: self.run.as_ref().map(Run::site).map(str::to_owned),
                bytes: self.counters.bytes,
                fetches: self.counters.fetches,
            },
            consent: self.consent_view(),
            limits: self.limits_view(),
            activities: self.activities(),
            outbox: u32::try_from(self.outbox.len()).unwrap_or(u32::MAX),
            diagnostics: Diagnostics {
                wakes: self.counters.wakes,
                events_own: self.counters.events_own,
                events_foreign: self.counters.events_foreign,
                alarms: self.counters.alarms,
                clock_ahead_ms: self.clock.ahead_ms,
            },
            notice: self.notices.first().cloned(),
            never: self.nevers.list.clone(),
            take_back: self.take_back_view(),
            pops: self.calls.record.chosen.clone(),
            practice: self.current.and_then(|offer| self.practice_view(&offer)),
            warnings: self.warnings_view(),
            wishes: self.wishes.clone(),
            contested: self.contested_view(),
            reviews: self.receipts.reviews,
            wallet: self.wallet_glance(now),
            next: self.next_judgment(now).and_then(|offer| self.judgment_view(&offer, now)),
        }
    }

    pub(crate) fn link_view(&self) -> Link {
        if !self.may_connect() {
            return Link::Off;
        }
        match &self.link.phase {
            Phase::Down | Phase::Dialling { .. } | Phase::Greeting { .. } | Phase::Proving { .. } => Link::Connecting,
            Phase::Ready(_) => Link::Connected,
            Phase::Waiting { until, reason } => Link::Waiting { next_try_at: until.get(), reason: *reason },
            Phase::Stopped { found: Some(_) } => Link::Stopped { reason: LinkProblem::OtherKey },
            Phase::Stopped { found: None } => Link::Stopped { reason: LinkProblem::Replaced },
        }
    }

    fn operator_view(&self) -> Option<Operator> {
        let coordinator = self.coordinator.as_ref()?;
        let card = coordinator.card.payload();
        Some(Operator {
            name: card.name.clone(),
            country: card.country.clone(),
            contact: card.contact.clone(),
            fee_bp: card.fee_bp,
            asset: card.asset.clone(),
            demo: card.demo,
            key: coordinator.key.short(),
            public_key: coordinator.key.to_string(),
            address: self.config.trust.url().to_owned(),
        })
    }

    fn account_view(&self, now: Timestamp) -> Account {
        // What was earned on a day that is over was not earned today.
        let day_start = self.coordinator_now(self.day_start(now));
        let is_today = self.account.day_start.plus(limits::DAY_TOLERANCE_MS) > day_start;
        Account {
            earned: self.account.earned.get(),
            earned_today: if is_today { self.account.earned_today.get() } else { 0 },
            pending: self.account.pending.get(),
            payable: self.account.payable.get(),
            reversed: self.account.reversed.map_or(0, |reversed| reversed.get()),
        }
    }

    fn judgment_view(&self, offer: &Hash, now: Timestamp) -> Option<Judgment> {
        let (_, lease) = self.judgment_row().into_iter().find(|(o, _)| *o == offer)?;
        let Item::Judgment(item) = &lease.item else { return None };
        if self.practice_before(lease).is_some() {
            return None;
        }
        let (agree, people) = match lease.offer.rule {
            AcceptanceRule::Agreement { agree, people } | AcceptanceRule::Review { agree, people } => (agree, people),
            AcceptanceRule::FetchChecks { .. } => return None,
        };
        Some(Judgment {
            offer: offer.to_string(),
            requester: item.requester.clone(),
            title: item.title.clone(),
            guideline: item.guideline.clone(),
            question: item.question.clone(),
            task: self.task_view(&item.task)?,
            price: lease.offer.price.per_item.get(),
            people,
            agree,
            deadline: self.local_ms(lease, Lease::deadline),
            approved_at: self.local_ms(lease, |l| l.offer.approved_at),
            warnings: item.warnings,
            is_covered: self.covers(offer, &lease.item),
            extensions_left: extensions_left(lease),
            pace: lease.pace,
            skips_left: self.skips_left_of(lease, now),
            is_reviewed: matches!(lease.offer.rule, AcceptanceRule::Review { .. }),
            record: lease.record,
        })
    }

    fn practice_view(&self, offer: &Hash) -> Option<Practice> {
        let (_, lease) = self.judgment_row().into_iter().find(|(o, _)| *o == offer)?;
        let Item::Judgment(item) = &lease.item else { return None };
        let hash = self.practice_before(lease)?.hash;
        let solved = |item: &PracticeItem| {
            let (task, explanation) = (self.task_view(&item.task)?, item.explanation.clone());
            Some(SolvedTask { task, answer: item.answer, explanation })
        };
        Some(Practice {
            practice: hash.to_string(),
            requester: item.requester.clone(),
            title: item.title.clone(),
            guideline: item.guideline.clone(),
            question: item.question.clone(),
            price: lease.offer.price.per_item.get(),
            items: self.blobs.practice(&hash)?.items.iter().map(solved).collect::<Option<_>>()?,
            offer: offer.to_string(),
            deadline: self.local_ms(lease, Lease::deadline),
            extensions_left: extensions_left(lease),
        })
    }

    fn take_back_view(&self) -> Option<TakeBack> {
        let held = self.held.as_ref().filter(|_| self.may_judge() && !self.settings.paused)?;
        Some(TakeBack {
            offer: held.offer.to_string(),
            until: held.until.get(),
            is_skip: held.what != HeldWhat::Answer,
        })
    }

    fn local_ms(&self, lease: &Lease, time: impl Fn(&Lease) -> Timestamp) -> u64 {
        self.clock.to_local(time(lease)).get()
    }

    fn task_view(&self, task: &Task) -> Option<JudgmentTask> {
        Some(match task.clone() {
            Task::Choice(Choice { content, options }) => {
                JudgmentTask::Choice { content: self.content_view(content)?, options }
            }
            Task::Multi(Multi { content, options, least, most }) => {
                JudgmentTask::Multi { content: self.content_view(content)?, options, least, most }
            }
            Task::Compare(Compare { left, right }) => {
                JudgmentTask::Compare { left: self.content_view(left)?, right: self.content_view(right)? }
            }
            Task::Rating(Rating { content, steps, lowest, highest }) => {
                JudgmentTask::Rating { content: self.content_view(content)?, steps, lowest, highest }
            }
            Task::Verify(Verify { claim, source }) => JudgmentTask::Verify { claim, source },
        })
    }

    fn content_view(&self, content: Content) -> Option<JudgmentContent> {
        match content {
            Content::Text(text) => Some(JudgmentContent::Text { text }),
            Content::Code(text) => Some(JudgmentContent::Code { text }),
            Content::Markdown(text) => Some(JudgmentContent::Markdown { text }),
            Content::Picture(picture) => {
                let base64 = self.blobs.base64(&picture)?;
                let data_url = format!("data:{};base64,{base64}", picture.media_type);
                Some(JudgmentContent::Picture { data_url, alt: picture.alt })
            }
        }
    }

    /// The newest first: what is on its way and what has a receipt.
    fn activities(&self) -> Vec<Activity> {
        let mut sending = self.outbox.works().rev().map(|entry| entry.seq);
        let mut receipts = self.receipts.in_row().rev().map(|(_, record)| record.seq);
        let (mut next_sending, mut next_receipt) = (sending.next(), receipts.next());
        let newest = std::iter::from_fn(|| {
            if next_sending >= next_receipt {
                std::mem::replace(&mut next_sending, sending.next())
            } else {
                std::mem::replace(&mut next_receipt, receipts.next())
            }
        });
        let records = newest.take(ACTIVITIES_MAX).filter_map(|seq| self.log_record(seq));
        records.map(|record| record.activity(self.clock)).collect()
    }
}

fn extensions_left(lease: &Lease) -> u8 {
    EXTENSIONS_MAX.saturating_sub(lease.extended.as_ref().map_or(0, |extended| extended.number))
}
