//! What goes with an offer: more time, the pace of a project, what is filtered out, free skips; the model's own word.

use lull_market::pace::STEPS_S;
use lull_protocol::statement::{Extension, Input, JobClass, Report, WorkResult};
use lull_protocol::{Content, DurationMs, Filter, Hash, Item, OrderId, Pace, PublicKey, Signed, Timestamp};

use super::{Holds, Lease, Model, State, broken, must};

/// How often a lease may be extended.
const EXTENSIONS_MAX: u8 = 10;
/// Outcomes from which on a pace is known.
const PACE_FROM: usize = 20;
/// Free skips a day and project; one more for each two answers among the newest 200 verdicts.
const SKIPS_FREE: u32 = 10;
const ANSWERS_LOOKED_AT: usize = 200;
const DAY_MS: u64 = 86_400_000;

/// What a worker skipped of a project, on the last day that it did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Skips {
    day: u64,
    count: u32,
    is_over: bool,
}

/// How long an answer or a flag of a person, or what was taken back, was on screen: what the worker signed, within the
/// time since its lease began.
pub(super) fn shown(result: &WorkResult, issued_at: Timestamp, at: Timestamp) -> Option<u64> {
    let is_persons = match &result.report {
        Report::Fetch(_) => false,
        Report::Judgment(report) => report.input != Input::Replay,
        Report::Flag(flag) => flag.input != Input::Replay,
        Report::Withdrawn => true,
    };
    is_persons.then(|| result.finished_at.since(result.started_at).min(at.since(issued_at)))
}

impl Model {
    /// A lease lasts longer.
    pub(super) fn extended(&mut self, worker: PublicKey, offer: Hash, statement: &[u8], at: Timestamp) -> Holds {
        const EXTENDED: &str = "leases are extended by the rules";
        let (number, deadline) = self.extension(offer, Some(statement))?.unwrap_or_default();
        let Some(lease) = self.leases.get_mut(&offer) else {
            return Err(broken(EXTENDED, format!("{offer} is no offer")));
        };
        let is_stopped = self.items.get(&lease.item).is_some_and(|work| work.is_stopped());
        let first_ms = lease.offer.deadline.since(lease.offer.issued_at);
        let is_open = lease.state == State::Open && at <= lease.deadline && lease.worker == worker;
        let may_be =
            is_open && !is_stopped && lease.offer.class == JobClass::Judgment && lease.extensions < EXTENSIONS_MAX;
        must(may_be, EXTENDED, || format!("{worker} extended {offer} at {at:?}: {lease:?}"))?;
        let is_next = number == lease.extensions + 1 && deadline == lease.deadline.plus(first_ms);
        must(is_next, EXTENDED, || format!("{offer} until {deadline:?}, number {number}, after {lease:?}"))?;
        (lease.extensions, lease.deadline) = (number, deadline);
        self.touched.insert(offer);
        Ok(())
    }

    /// The same without word of its commit.
    pub(super) fn found_extended(&mut self, offer: Hash) {
        if let Some(lease) = self.leases.get_mut(&offer) {
            let first_ms = lease.offer.deadline.since(lease.offer.issued_at);
            (lease.extensions, lease.deadline) = (lease.extensions + 1, lease.deadline.plus(first_ms));
            self.touched.insert(offer);
        }
    }

    fn extension(&self, offer: Hash, statement: Option<&[u8]>) -> Result<Option<(u8, Timestamp)>, super::Broken> {
        let Some(statement) = statement else { return Ok(None) };
        let signed = Signed::<Extension>::verify(statement, &self.house);
        let signed = signed.map_err(|error| broken("extensions are signed", error.to_string()))?;
        let extension = signed.payload();
        must(extension.offer == offer, "extensions are signed", || format!("{extension:?} for {offer}"))?;
        Ok(Some((extension.number, extension.deadline)))
    }

    /// A lease that is told comes with its last extension.
    pub(super) fn told_with_its_end(&self, offer: Hash, statement: Option<&[u8]>) -> Holds {
        let Some(lease) = self.leases.get(&offer) else { return Ok(()) };
        let told = self.extension(offer, statement)?;
        // A connection tells what it read, and another may have extended it since.
        let is_known = match told {
            None => lease.extensions == 0 || lease.deadline > lease.offer.deadline,
            Some((number, deadline)) => number <= lease.extensions && deadline <= lease.deadline,
        };
        must(is_known, "leases are told again", || format!("{offer} with {told:?}, but is {lease:?}"))
    }

    /// Of what was read just now: all that was committed.
    pub(super) fn found_with_its_end(&self, lease: &lull_market::Lease) -> Holds {
        let offer = Hash::of(&lease.offer);
        let told = self.extension(offer, lease.extension.as_deref())?;
        let Some(known) = self.leases.get(&offer) else { return Ok(()) };
        let expected = (known.extensions > 0).then_some((known.extensions, known.deadline));
        must(told == expected, "leases are told again", || format!("{offer} with {told:?}, but is {known:?}"))
    }

    /// An outcome of a project.
    pub(super) fn outcome(&mut self, order: OrderId, shown: Option<u64>, paid: u64) {
        if let Some(shown) = shown {
            self.outcomes.entry(order).or_default().push((shown, paid));
        }
    }

    /// A new lease of a judgment: its pace is that of its project, its worker wants it and may skip.
    pub(super) fn offered(
        &self,
        worker: PublicKey,
        lease: &lull_market::Lease,
        filter: &Filter,
        at: Timestamp,
    ) -> Holds {
        const FILTERED: &str = "what is filtered out is not offered";
        let Ok(item) = Item::from_bytes(&lease.item) else { return Ok(()) };
        let Item::Judgment(judgment) = &item else { return Ok(()) };
        let pace = self.pace(judgment.order);
        must(lease.pace == pace, "a pace is that of its project", || format!("{:?}, expected {pace:?}", lease.pace))?;
        let shows_picture = judgment.task.contents().any(|content| matches!(content, Content::Picture(_)));
        let pays_less = pace.is_some_and(|pace| pace.hourly < filter.hourly_min);
        let is_out = (filter.text_only && shows_picture) || filter.never.contains(&judgment.requester) || pays_less;
        must(!is_out, FILTERED, || format!("{worker} with {filter:?} was offered {judgment:?}, {pace:?}"))?;
        let skips = self.skips.get(&(worker, judgment.order)).copied().unwrap_or_default();
        let (_, before, free) = self.skips_of(worker, judgment.order, at);
        let left = Some(free.saturating_sub(before));
        must(lease.skips_left == left, "free skips are told with each judgment", || {
            format!("{worker}: {:?}, expected {left:?}", lease.skips_left)
        })?;
        let rests = skips.is_over && skips.day == at.get() / DAY_MS;
        must(!rests, "a project rests once its free skips are used up", || format!("{worker}: {skips:?}"))
    }

    fn pace(&self, order: OrderId) -> Option<Pace> {
        let all = self.outcomes.get(&order).filter(|all| all.len() >= PACE_FROM)?;
        // Nothing is done in less than a second.
        let least = |shown: &u64| (*shown).max(1_000);
        let mut times: Vec<u64> = all.iter().map(|(shown, _)| least(shown)).collect();
        times.sort_unstable();
        let middle = *times.get((times.len() - 1) / 2)?;
        let fits = |step: &&u32| u64::from(**step) * 1_000 >= middle;
        let median_s = *STEPS_S.iter().find(fits).or(STEPS_S.last())?;
        let (time, paid) = all
            .iter()
            .fold((0_u128, 0_u128), |(t, p), (time, paid)| (t + u128::from(least(time)), p + u128::from(*paid)));
        let hourly = u64::try_from(paid * 3_600_000 / time.max(1)).ok().and_then(lull_protocol::Amount::new)?;
        Some(Pace { outcomes: all.len() as u64, median_s, hourly })
    }

    /// Whether a project rests for a worker, or did a short while ago.
    pub(super) fn rests(&self, worker: &PublicKey, order: OrderId) -> bool {
        self.skips.get(&(*worker, order)).is_some_and(|skips| skips.is_over)
    }

    /// The day, what a worker has skipped of a project on it, and what is free.
    fn skips_of(&self, worker: PublicKey, order: OrderId, at: Timestamp) -> (u64, u32, u32) {
        let day = at.get() / DAY_MS;
        let row = self.verdicts.get(&worker).map(Vec::as_slice).unwrap_or_default();
        let newest = row.iter().rev().take(ANSWERS_LOOKED_AT);
        let of_today = |ruled: &&super::Ruled| ruled.order == order && ruled.verdict.decided_at.get() / DAY_MS >= day;
        let answers = newest.filter(of_today).count();
        let skipped = self.skips.get(&(worker, order)).filter(|skips| skips.day == day);
        let free = SKIPS_FREE + u32::try_from(answers / 2).unwrap_or(u32::MAX);
        (day, skipped.map_or(0, |skips| skips.count), free)
    }

    /// A judgment was skipped. How many free skips are left of its project; of one that was stopped none is used up.
    pub(super) fn skipped(&mut self, lease: &Lease, said: Option<DurationMs>, at: Timestamp) -> Option<(OrderId, u32)> {
        let work = self.items.get(&lease.item)?;
        let (order, is_stopped) = (work.order, work.is_stopped());
        let shown = said.map(|said| said.get().min(at.since(lease.offer.issued_at)));
        self.outcome(order, shown, 0);
        if is_stopped {
            return None;
        }
        let (day, before, free) = self.skips_of(lease.worker, order, at);
        let skips = Skips { day, count: before + 1, is_over: before + 1 > free };
        self.skips.insert((lease.worker, order), skips);
        Some((order, free.saturating_sub(skips.count)))
    }
}
