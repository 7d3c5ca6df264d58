//! What commits of workers' commands must mean: who may have which lease, which result counts, which verdicts
//! follow, who is paid what.

use std::collections::{BTreeMap, BTreeSet};

use lull_market::{Command, NumberedVerdict, Reply};
use lull_protocol::message::ReturnReason;
use lull_protocol::statement::{AcceptanceRule, Decision, JobClass, Offer, Report, Verdict, VerdictReason, WorkResult};
use lull_protocol::units::Nonce;
use lull_protocol::{Answer, DurationMs, Hash, Item, OrderId, PublicKey, Signed, TaskSet, Timestamp, WarningSet};

use super::flagging::SEEN_MS_MIN;
use super::review::REJECTIONS;
use super::rules::{self, CLOCK_SKEW_MS_MAX, FETCH_LEASES_MAX, JUDGMENT_LEASES_MAX, Ruling};
use super::{Broken, Holds, Lease, Model, Ruled, State, Work, broken, must, offers};

/// Leases of one item to one person, as the rules promise: of one that became one since, to each worker.
const LEASES_PER_ITEM_MAX: usize = 3;
/// Results that nobody pays for, before an item is given up.
const TRIES_MAX: u8 = 3;

/// A verdict that must follow: about which offer's result, and what it says.
pub(super) type Expected = BTreeMap<Hash, Ruling>;

impl Model {
    /// A command is committed.
    pub(crate) fn committed(&mut self, command: &Command, reply: &Reply, at: Timestamp) -> Holds {
        match (command, reply) {
            (Command::Deposit { reference, .. }, _) => {
                self.deposited(reference);
                Ok(())
            }
            (Command::CreateFetchOrder(order), _) => {
                self.ordered(order.order, at);
                Ok(())
            }
            (Command::CreateProject(project), _) => {
                self.ordered(project.order, at);
                Ok(())
            }
            (Command::Claim { worker, fetch, judgment, tasks, warnings, filter, nonces }, Reply::Leases(leases)) => {
                must(leases.len() <= nonces.len(), "limits of leases", || format!("{} leases", leases.len()))?;
                for lease in leases {
                    self.leased(*worker, lease, nonces, at)?;
                    is_of(*tasks, *warnings, &lease.item)?;
                    self.offered(*worker, lease, filter, at)?;
                }
                let new: BTreeSet<Hash> = leases.iter().map(|lease| Hash::of(&lease.offer)).collect();
                self.within_limits(worker, (*fetch, *judgment), &new, at)
            }
            (Command::Submit { result: signed, body }, Reply::Stored { result, verdicts, .. }) => {
                let statement = signed.bytes();
                let expected = self.stored(*signed.signer(), statement, body, at)?;
                must(*result == Hash::of(statement), "acknowledged means durable", || {
                    format!("{result} was stored for another statement")
                })?;
                self.verdicts_follow(&expected, verdicts)
            }
            (Command::Return { worker, offer, reason, shown_ms }, Reply::Freed { .. } | Reply::Done) => {
                let expected = self.returned(*worker, *offer, (*reason, *shown_ms), at)?;
                let said = if let Reply::Freed { skips_left } = reply { *skips_left } else { None };
                must(said == expected, "few free skips are told", || format!("{said:?}, expected {expected:?}"))
            }
            (Command::Extend { worker, offer }, Reply::Extended(statement)) => {
                self.extended(*worker, *offer, statement, at)
            }
            (Command::Sweep, Reply::Swept { expired, verdicts, .. }) => {
                let over = self.swept(at);
                let mut expected = Expected::new();
                for offer in self.due(at) {
                    // What one brings to its end may decide another.
                    let waits = self.leases.get(&offer).filter(|lease| lease.ruling.is_none());
                    if let Some(reason) = waits.map(Self::by_time) {
                        self.decide_alone(offer, reason, &mut expected)?;
                    }
                }
                let is_unseen = |(worker, offer): &&(PublicKey, Hash)| {
                    !self.leases.contains_key(offer) && self.may_have_unseen_leases(worker)
                };
                let mut found: Vec<Hash> = expired.iter().filter(|e| !is_unseen(e)).map(|(_, offer)| *offer).collect();
                found.sort();
                must(found == over, "each lease ends", || format!("a sweep ended {found:?}, due were {over:?}"))?;
                self.verdicts_follow(&expected, verdicts)
            }
            (Command::Review { requester, order, accept, reject }, Reply::Reviewed(reply)) => {
                let follows = self.reviewed((*requester, *order), (accept, reject), at)?;
                self.review_follows(follows, reply, at)
            }
            (Command::Appeal { appeal }, Reply::Appealed(rejection)) => {
                must(*rejection == appeal.payload().rejection, "answers fit", || format!("{rejection} was appealed"))?;
                self.appealed(appeal, at)
            }
            (Command::DecideAppeal { rejection, is_upheld }, Reply::Reviewed(reply)) => {
                let expected = self.appeal_decided(rejection, *is_upheld)?;
                self.review_follows((expected, vec![]), reply, at)
            }
            (Command::Resume { order }, Reply::Freed { .. } | Reply::Done) => {
                self.resumed(*order);
                Ok(())
            }
            (Command::Wallet(request), Reply::Wallet { .. }) => {
                self.wallet_step(request, at);
                Ok(())
            }
            (Command::PayWhen { worker, schedule, account_agreed }, Reply::PayoutsChanged(_)) => {
                self.paying.chose(*worker, Some(*schedule), account_agreed.get(), at);
                Ok(())
            }
            (Command::PayNow { worker }, Reply::PayoutsChanged(_)) => {
                self.paying.wished(*worker);
                Ok(())
            }
            (Command::AddRequester { .. } | Command::PutBlob { .. }, _) => Ok(()),
            (command, reply) => Err(broken("answers fit", format!("{command:?} was answered with {reply:?}"))),
        }
    }

    /// A new lease.
    fn leased(&mut self, worker: PublicKey, lease: &lull_market::Lease, nonces: &[Nonce], at: Timestamp) -> Holds {
        const LEASES: &str = "who may have which lease";
        let signed = Signed::<Offer>::verify(&lease.offer, &self.house);
        let signed = signed.map_err(|error| broken(LEASES, format!("an offer does not verify: {error}")))?;
        let (hash, offer) = (signed.hash(), signed.payload().clone());
        let item = Hash::of(&lease.item);
        must(offer.worker == worker && offer.item == item, LEASES, || format!("{hash} is for somebody else"))?;
        must(nonces.contains(&offer.nonce), "nonces are fresh", || format!("{:?} was not given", offer.nonce))?;
        must(self.nonces.insert(offer.nonce), "nonces are fresh", || format!("{:?} comes again", offer.nonce))?;
        let Some(work) = self.items.get(&item) else {
            return Err(broken(LEASES, format!("{item} was ordered by nobody")));
        };
        must(!work.is_closed, LEASES, || format!("{item} needs no results any more"))?;
        must(self.is_offered(work), LEASES, || {
            format!("{item} has {} of {} places, {} flags", self.places_taken(work), work.needed, work.flaggers)
        })?;
        self.promises_fit(&offer, work, at)?;
        self.offers_honestly(lease, work.order, offer.rule)?;
        let before: Vec<&Lease> = self.leases_of(work).filter(|lease| self.is_of_person(lease, &worker)).collect();
        let own = before.iter().filter(|lease| lease.worker == worker).count();
        let blocks = |lease: &&&Lease| match lease.state {
            State::Open | State::Done => true,
            State::Returned(reason) => is_for_good(reason),
            State::Expired => false,
        };
        let is_new = !before.iter().any(|lease| blocks(&lease)) && own < LEASES_PER_ITEM_MAX;
        must(is_new, "never the same item twice to one person", || format!("{item} to {worker}: {before:?}"))?;
        self.add_lease(hash, offer);
        Ok(())
    }

    /// A lease whose commit was unsure, or of which nobody heard until it was sent.
    pub(super) fn add_lease(&mut self, hash: Hash, offer: Offer) {
        self.nonces.insert(offer.nonce);
        if let Some(work) = self.items.get_mut(&offer.item) {
            work.leases.push(hash);
        }
        self.touched.insert(hash);
        let lease = Lease {
            worker: offer.worker,
            item: offer.item,
            deadline: offer.deadline,
            extensions: 0,
            shown: None,
            decides_at: offer.approved_at,
            offer,
            state: State::Open,
            stored: None,
            ruling: None,
            verdict: None,
            counts: false,
            contest: None,
            must_be_heard: false,
            was_acknowledged: false,
            delivered: Default::default(),
        };
        self.leases.insert(hash, lease);
    }

    pub(super) fn leases_of(&self, work: &Work) -> impl Iterator<Item = &Lease> {
        work.leases.iter().filter_map(|offer| self.leases.get(offer))
    }

    pub(super) fn places_taken(&self, work: &Work) -> usize {
        self.leases_of(work).filter(|lease| lease.state == State::Open || lease.counts).count()
    }

    /// Price, rule and times are those of the order and the operator's terms.
    fn promises_fit(&self, offer: &Offer, work: &Work, at: Timestamp) -> Holds {
        let command = self.orders.get(&work.order).map(|order| &order.command);
        let (class, lease_ms, price, rule) = match command {
            Some(Command::CreateFetchOrder(order)) => {
                let rule = AcceptanceRule::FetchChecks { bytes_max: order.bytes_max };
                (JobClass::Fetch, self.terms.fetch_lease_ms, order.price, rule)
            }
            Some(Command::CreateProject(project)) => {
                let price =
                    lull_protocol::statement::Price { per_item: project.price, per_mib: lull_protocol::Amount::ZERO };
                (JobClass::Judgment, self.terms.judgment_lease_ms, price, project.rule)
            }
            _ => return Err(broken("offers promise what was ordered", "an item of no order")),
        };
        let deadline = at.plus(lease_ms);
        let fits = (offer.class, offer.price, offer.rule) == (class, price, rule)
            && (offer.issued_at, offer.deadline) == (at, deadline)
            && offer.approved_at == deadline.plus(self.terms.approval_ms)
            && offer.asset == self.terms.asset;
        must(fits, "offers promise what was ordered", || format!("{offer:?}"))
    }

    /// No worker holds more than the limits, nor more than it asked for.
    fn within_limits(&self, worker: &PublicKey, wanted: (u8, u8), new: &BTreeSet<Hash>, at: Timestamp) -> Holds {
        for (class, limit, wanted) in
            [(JobClass::Fetch, FETCH_LEASES_MAX, wanted.0), (JobClass::Judgment, JUDGMENT_LEASES_MAX, wanted.1)]
        {
            let is_open = |(_, lease): &(&Hash, &Lease)| {
                lease.worker == *worker
                    && lease.offer.class == class
                    && lease.state == State::Open
                    && lease.deadline >= at
            };
            let held: Vec<&Hash> = self.leases.iter().filter(is_open).map(|(offer, _)| offer).collect();
            let is_new = held.iter().any(|offer| new.contains(*offer));
            let fits = held.len() <= usize::from(limit) && (!is_new || held.len() <= usize::from(wanted));
            must(fits, "limits of leases", || format!("{worker} holds {} of {class:?}", held.len()))?;
        }
        Ok(())
    }

    /// A result is stored. The verdicts that must follow.
    fn stored(&mut self, worker: PublicKey, statement: &[u8], body: &[u8], at: Timestamp) -> Result<Expected, Broken> {
        const COUNTS: &str = "the first result of an offer counts";
        let signed = Signed::<WorkResult>::verify(statement, &worker);
        let signed = signed.map_err(|error| broken(COUNTS, format!("stored although: {error}")))?;
        let (hash, result) = (signed.hash(), signed.payload());
        let offer = result.offer;
        let Some(lease) = self.leases.get(&offer) else {
            return Err(broken(COUNTS, format!("stored for {offer}, which is no offer")));
        };
        must(lease.worker == worker, COUNTS, || format!("{offer} is another worker's"))?;
        must(lease.delivered.contains(&hash), COUNTS, || format!("{hash} was never sent by its worker"))?;
        if let Some((first, _)) = &lease.stored {
            must(*first == hash, COUNTS, || format!("{offer} had {first} and took {hash}"))?;
            return Ok(lease.ruling.map(|ruling| (hash, ruling)).into_iter().collect());
        }
        let is_in_time = at <= lease.deadline || lease.offer.class == JobClass::Judgment;
        let may_be_late = lease.offer.class == JobClass::Judgment && self.may_be_late(lease);
        let is_live = (lease.state == State::Open && is_in_time) || may_be_late;
        must(is_live, "no result after its lease", || format!("{offer} is {:?} at {at:?}", lease.state))?;
        let in_time = rules::in_time(result, &lease.offer, at);
        must(in_time || !self.knows_the_time(&worker, &lease.offer), "honest workers know the time", || {
            format!("{worker} worked from {:?} to {:?}, stored at {at:?}", result.started_at, result.finished_at)
        })?;
        self.take_result(offer, hash, statement, body, at)
    }

    /// Takes a first result in.
    pub(super) fn take_result(
        &mut self,
        offer: Hash,
        hash: Hash,
        statement: &[u8],
        body: &[u8],
        at: Timestamp,
    ) -> Result<Expected, Broken> {
        let result: WorkResult = lull_protocol::cose::peek(statement)
            .map_err(|error| broken("the first result of an offer counts", error.to_string()))?;
        let Some(lease) = self.leases.get_mut(&offer) else { return Ok(Expected::new()) };
        lease.state = State::Done;
        lease.stored = Some((hash, statement.to_vec()));
        self.touched.insert(offer);
        let (promise, item_hash, deadline) = (lease.offer.clone(), lease.item, lease.deadline);
        lease.shown = offers::shown(&result, promise.issued_at, at);
        let in_time = rules::in_time(&result, &promise, at);
        let Some(work) = self.items.get_mut(&item_hash) else { return Ok(Expected::new()) };
        let mut expected = Expected::new();
        match (&work.item, &result.report) {
            (Item::Fetch(item), Report::Fetch(report)) => {
                let ruling = rules::of_fetch(item, &promise, report, in_time);
                let is_accepted = ruling.0 == Decision::Accepted;
                let is_paid = is_accepted && ruling.1 == VerdictReason::ChecksPassed;
                must(!is_paid || Hash::of(body) == report.body_hash, "bodies are the signed ones", || {
                    format!("the body for {offer} has another hash")
                })?;
                lease.counts = is_paid;
                lease.ruling = Some(ruling);
                work.tries += u8::from(is_accepted && !is_paid);
                let closes = is_paid || work.tries >= TRIES_MAX;
                expected.insert(hash, ruling);
                self.pay(offer, ruling.2)?;
                if closes {
                    self.close(item_hash);
                }
            }
            (Item::Judgment(item), Report::Judgment(report)) => {
                let fits = rules::is_answer(&item.task, &report.answer);
                must(fits && body.is_empty(), "answers fit their tasks", || format!("{report:?} to {item:?}"))?;
                lease.counts = true;
                if work.is_stopped() {
                    expected.insert(hash, self.pay_stopped(offer)?);
                    self.close_if_stopped(item_hash);
                } else {
                    if at > deadline && matches!(promise.rule, AcceptanceRule::Review { .. }) {
                        lease.decides_at = at.plus(self.terms.approval_ms);
                    }
                    expected = self.decide(item_hash)?;
                }
            }
            (Item::Judgment(_), Report::Flag(flag)) => expected = self.take_flag(offer, flag, &result, at)?,
            (Item::Judgment(_), Report::Withdrawn) if work.is_stopped() => {
                expected.insert(hash, self.take_look(offer, &result, at)?);
            }
            _ => return Err(broken("answers fit", format!("{offer} was answered with another kind of report"))),
        }
        Ok(expected)
    }

    /// Once as many people have answered as were to be asked, and, where the buyer reviews, all were accepted, all are
    /// judged.
    pub(super) fn decide(&mut self, item: Hash) -> Result<Expected, Broken> {
        let Some(work) = self.items.get(&item) else { return Ok(Expected::new()) };
        let counting: Vec<&Lease> = self.leases_of(work).filter(|lease| lease.counts).collect();
        if counting.len() < usize::from(work.needed) {
            return Ok(Expected::new());
        }
        let waits =
            |lease: &&Lease| matches!(lease.offer.rule, AcceptanceRule::Review { .. }) && lease.ruling.is_none();
        if counting.iter().any(waits) {
            return Ok(Expected::new());
        }
        let voices = self.first_of_each(&counting);
        let mut votes: BTreeMap<Answer, u8> = BTreeMap::new();
        let mut answers = Vec::new();
        for lease in counting {
            let Some((hash, statement)) = &lease.stored else { continue };
            let Ok(WorkResult { offer, report: Report::Judgment(report), .. }) = lull_protocol::cose::peek(statement)
            else {
                continue;
            };
            let vote = rules::vote(report.answer);
            if voices.iter().any(|voice| std::ptr::eq(*voice, lease)) {
                *votes.entry(vote).or_default() += 1;
            }
            let AcceptanceRule::Agreement { agree, .. } = lease.offer.rule else { continue };
            answers.push((offer, *hash, vote, agree, lease.ruling.is_some(), lease.offer.price.per_item.get()));
        }
        let mut expected = self.not_shared(item);
        let winner = |agree: u8| votes.iter().find(|(_, count)| **count >= agree).map(|(vote, _)| *vote);
        for (offer, hash, vote, agree, is_judged, price) in answers {
            if is_judged {
                continue;
            }
            let (decision, reason) = match winner(agree) {
                Some(winner) if winner == vote => (Decision::Accepted, VerdictReason::Agreed),
                Some(_) => (Decision::Ambiguous, VerdictReason::OthersAgreed),
                None => (Decision::Ambiguous, VerdictReason::NobodyAgreed),
            };
            expected.insert(hash, (decision, reason, price));
            self.pay(offer, price)?;
            self.rule(offer, (decision, reason, price));
        }
        self.close(item);
        Ok(expected)
    }

    /// What the verdict about a result says is known from here on.
    pub(super) fn rule(&mut self, offer: Hash, ruling: Ruling) -> Ruling {
        self.touched.insert(offer);
        if let Some(lease) = self.leases.get_mut(&offer) {
            lease.ruling = Some(ruling);
        }
        ruling
    }

    /// Money leaves what is held for an item.
    pub(super) fn pay(&mut self, offer: Hash, amount: u64) -> Holds {
        let Some(lease) = self.leases.get(&offer) else { return Ok(()) };
        let fee = rules::fee(amount, self.terms.fee_bp);
        self.fees += fee;
        let Some(work) = self.items.get_mut(&lease.item) else { return Ok(()) };
        let rest = work.held.checked_sub(amount + fee);
        let held = rest.ok_or_else(|| broken("no balance negative", format!("{amount} for {offer} was not held")))?;
        work.held = held;
        Ok(())
    }

    pub(super) fn close(&mut self, item: Hash) {
        let Some(work) = self.items.get_mut(&item) else { return };
        work.is_closed = true;
        let rest = std::mem::take(&mut work.held);
        if let Some(order) = self.orders.get(&work.order) {
            *self.available.entry(order.requester).or_default() += i128::from(rest);
        }
    }

    /// A lease is given back. How many free skips are left, where that must be told.
    pub(super) fn returned(
        &mut self,
        worker: PublicKey,
        offer: Hash,
        (reason, shown_ms): (ReturnReason, Option<DurationMs>),
        at: Timestamp,
    ) -> Result<Option<(OrderId, u32)>, Broken> {
        let Some(lease) = self.leases.get_mut(&offer) else {
            return Err(broken("who may have which lease", format!("{offer} was given back, which is no offer")));
        };
        must(lease.worker == worker, "who may have which lease", || format!("{offer} was given back by another"))?;
        let (promise, deadline) = (lease.offer.clone(), lease.deadline);
        let looked_ms = shown_ms.map_or(0, |shown| shown.get());
        let has_run_out =
            reason == ReturnReason::RanOut && promise.class == JobClass::Judgment && looked_ms >= SEEN_MS_MIN;
        let is_first = lease.state == State::Open || (lease.state == State::Expired && has_run_out);
        if is_first {
            lease.state = State::Returned(reason);
            self.touched.insert(offer);
            self.close_if_stopped(promise.item);
        }
        let is_sound = reason == ReturnReason::Broken && at.plus(CLOCK_SKEW_MS_MAX) < deadline;
        must(!is_sound || !self.knows_the_time(&worker, &promise), "honest workers know the time", || {
            format!("{worker} gave {offer} back as broken at {at:?}: {promise:?}")
        })?;
        let is_returned = matches!(self.leases.get(&offer).map(|lease| lease.state), Some(State::Returned(_)));
        must(is_returned, "the first result of an offer counts", || format!("{offer} was given back after its end"))?;
        if let Some(order) = self.items.get(&promise.item).filter(|_| is_first && has_run_out).map(|work| work.order) {
            let longest_ms = at.min(deadline).since(promise.issued_at);
            self.outcome(order, Some(looked_ms.min(longest_ms)), 0);
        }
        let is_skip = is_first && reason == ReturnReason::Skipped && promise.class == JobClass::Judgment;
        let lease = self.leases.get(&offer).filter(|_| is_skip).cloned();
        Ok(lease.and_then(|lease| self.skipped(&lease, shown_ms, at)))
    }

    /// A sweep: offers whose leases end; what is settled is noted.
    pub(super) fn swept(&mut self, at: Timestamp) -> Vec<Hash> {
        let mut over = Vec::new();
        for (offer, lease) in &mut self.leases {
            if lease.state == State::Open && lease.deadline < at {
                lease.state = State::Expired;
                over.push(*offer);
                self.touched.insert(*offer);
            }
        }
        let items: BTreeSet<Hash> =
            over.iter().filter_map(|offer| self.leases.get(offer)).map(|lease| lease.item).collect();
        items.into_iter().for_each(|item| self.close_if_stopped(item));
        let dispute_ms = self.terms.dispute_ms;
        for ruled in self.verdicts.values_mut().flatten() {
            ruled.is_settled |= ruled.verdict.decided_at.plus(dispute_ms) <= at;
        }
        over
    }

    /// A verdict that was found in the store without word of its commit. If time decided about the result, then no
    /// sooner than promised, and what follows is taken in here: which of several unsure sweeps did it is unknown.
    pub(super) fn found_alone(&mut self, verdict: &NumberedVerdict) -> Holds {
        let Ok(found) = lull_protocol::cose::peek::<Verdict>(&verdict.statement) else { return Ok(()) };
        let is_it = |lease: &Lease| lease.stored.as_ref().is_some_and(|(hash, _)| *hash == found.result);
        let Some((offer, lease)) = self.leases.iter().find(|(_, lease)| is_it(lease)) else { return Ok(()) };
        let by_time = Self::by_time(lease);
        if lease.ruling.is_some() || found.reason != by_time {
            return Ok(());
        }
        let is_due = lease.state == State::Done && lease.decides_at <= found.decided_at;
        must(is_due, "verdicts follow the rules", || format!("{found:?} about {lease:?}"))?;
        self.decide_alone(*offer, by_time, &mut Expected::new())
    }

    /// The verdicts that came are those that must, each under the next number of its worker.
    pub(super) fn verdicts_follow(&mut self, expected: &Expected, verdicts: &[NumberedVerdict]) -> Holds {
        const FOLLOW: &str = "verdicts follow the rules";
        let mut found = Expected::new();
        for verdict in verdicts {
            let (hash, ruling) = self.ruled(verdict)?;
            must(found.insert(hash, ruling).is_none(), FOLLOW, || format!("two verdicts about {hash}"))?;
        }
        must(found == *expected, FOLLOW, || format!("found {found:?}, expected {expected:?}"))
    }

    /// One verdict joins its worker's row.
    pub(super) fn ruled(&mut self, verdict: &NumberedVerdict) -> Result<(Hash, Ruling), Broken> {
        let signed = Signed::<Verdict>::verify(&verdict.statement, &self.house);
        let signed = signed.map_err(|error| broken("verdicts are signed", error.to_string()))?;
        let payload = signed.payload().clone();
        let (result, ruling) = (payload.result, said(&payload));
        let row = self.verdicts.entry(verdict.worker).or_default();
        let number = usize::try_from(verdict.number).unwrap_or(usize::MAX);
        if let Some(known) = number.checked_sub(1).and_then(|at| row.get(at)) {
            let is_same = known.statement == verdict.statement;
            must(is_same, "never two verdicts under one number", || format!("{} of {}", number, verdict.worker))?;
            return Ok((result, ruling));
        }
        let next = row.len() + 1;
        must(number == next, "verdict numbers have no gaps", || format!("{number} after {}", next - 1))?;
        let lease = self.leases.values_mut().find(|lease| {
            lease.worker == verdict.worker && lease.stored.as_ref().is_some_and(|(hash, _)| *hash == result)
        });
        let Some(lease) = lease else {
            return Err(broken("verdicts are about results", format!("{result} is nobody's result")));
        };
        must(lease.verdict.is_none(), "each result is paid once", || format!("a second verdict about {result}"))?;
        let names = lease.contest.as_ref().map(|contest| contest.hash) == payload.rejection;
        must(names, REJECTIONS, || format!("{payload:?} about {:?}", lease.contest))?;
        lease.verdict = Some(row.len());
        let (shown, paid) = (lease.shown, payload.amount.get());
        let order = self.items.get(&lease.item).map_or(OrderId([0; 16]), |work| work.order);
        row.push(Ruled { statement: verdict.statement.clone(), verdict: payload, order, is_settled: false });
        self.outcome(order, shown, paid);
        Ok((result, ruling))
    }
}

/// Whether a worker that gives a lease back so isn't to be offered its item again.
pub(super) fn is_for_good(reason: ReturnReason) -> bool {
    matches!(reason, ReturnReason::Skipped | ReturnReason::Broken | ReturnReason::Withdrawn)
}

/// Whether a leased item is a fetch, or a judgment of one of these types, and of no other sensitive content.
fn is_of(tasks: TaskSet, warnings: WarningSet, item: &[u8]) -> Holds {
    let (kind, shown) = match Item::from_bytes(item) {
        Ok(Item::Judgment(item)) => (Some(item.task.kind()), item.warnings),
        _ => (None, WarningSet::NONE),
    };
    must(shown.is_within(warnings), "sensitive content is chosen", || format!("{shown:?} with {warnings:?}"))?;
    let wanted = kind.is_none_or(|kind| tasks.iter().any(|wanted| wanted == kind));
    must(wanted, "types that can be shown", || format!("{kind:?} was leased, wanted were {tasks:?}"))
}

pub(super) fn said(verdict: &Verdict) -> Ruling {
    (verdict.decision, verdict.reason, verdict.amount.get())
}
