//! What becomes of a result.
//!
//! A result comes with its worker's signature verified. It is *refused* if it can't be one: no such offer, another
//! worker's, a lease that is over (but see below), a report of another kind, an answer that is none to its task, a body that is not
//! the signed one. A refused result leaves no trace. Otherwise it is *stored*, and the first one stored counts: an
//! equal second is answered with the first one's hash and verdict even when the lease is over, a different second is
//! refused.
//!
//! A stored **fetch** gets its verdict at once:
//! - rejected, paid nothing, if its times lie outside the lease (by more than `CLOCK_SKEW_MS_MAX`) or its
//!   hops don't begin at the item's URL, and for `ok` and `not_found` also if the body is larger than the
//!   offer allows, the hops don't fit the outcome, or policy refuses one; the item is offered to others;
//! - accepted and paid by the offer's price for `ok` and `not_found`; the item is done;
//! - accepted and paid nothing (`UnpaidOutcome`) for any other outcome: honest work that a buyer doesn't
//!   pay for, which the offer's rule said. Others try, until [`FETCH_TRIES_MAX`] such results close the
//!   item as failed. Rejected ones don't count as tries: they say something about a worker, not the item.
//!
//! A stored **judgment** whose times fit waits until as many people have answered as the offer says. Then
//! an answer that enough of them gave, each person counted once, is the item's ([`AgreementKey`] says which answers are the same): those are
//! accepted, others *ambiguous*; without such an answer all are ambiguous. Every one of them is paid in full: that
//! few people differ is no evidence against anyone. Where workers turn out to be one person after both had the item, what
//! they were promised stays, and the first answer of theirs speaks for both. One that waits longer than its offer said is approved and paid;
//! its answer still counts. What a requester may hold against one is in [`review`](crate::review), what comes instead of
//! one in [`flag`]. The times that a worker's clock gives a judgment are not judged: they prove nothing, and what is paid
//! or counted by time on screen is bounded by the coordinator's own clock.
//!
//! A judgment's result may come *late*, after the deadline: people don't look at clocks. It is taken as if in time while
//! its lease still has its place, and also after the lease has expired, if the item still has a free place and the
//! worker has no other lease of it.

use std::collections::{BTreeMap, BTreeSet};

use lull_protocol::limits::CLOCK_SKEW_MS_MAX;
use lull_protocol::message::RefusedCode;
use lull_protocol::statement::{
    AcceptanceRule, Decision, FetchReport, Input, JobClass, Outcome, Price, Report, VerdictReason, WorkResult,
};
use lull_protocol::task::AgreementKey;
use lull_protocol::{Amount, DurationMs, FetchItem, Hash, Item, Method, PublicKey, Signed, Timestamp};

use crate::command::{Context, Refusal, Reply};
use crate::desk::{Desk, Judged, Ruling};
use crate::facts::{
    Answer, Decided, Flag, ItemState, LeaseFacts, LeaseState, OrderFacts, Person, StoredResult, SubmitFacts, Write,
};
use crate::flag;
use crate::pace;

/// Results with an outcome that a buyer does not pay for, before an item is closed as failed.
pub const FETCH_TRIES_MAX: u8 = 3;

/// Decides [`Command::Submit`](crate::Command::Submit); no facts: no such offer.
pub fn submit(
    facts: Option<SubmitFacts>,
    result: &Signed<WorkResult>,
    body: &[u8],
    cx: &Context,
) -> Result<Decided, Refusal> {
    let facts = facts.ok_or(Refusal::Worker(RefusedCode::UnknownOffer))?;
    let worker = *result.signer();
    if facts.lease.worker != worker {
        return Err(Refusal::Worker(RefusedCode::NotYours));
    }
    let hash = result.hash();
    if let Some(stored) = facts.stored {
        return again(stored, hash);
    }
    let item = Item::from_bytes(&facts.item_bytes).map_err(|e| Refusal::Fault(format!("stored item: {e}")))?;
    let lease = &facts.lease;
    let mut desk = Desk::new(cx, lease.order, lease.item, facts.last_numbers).with_tally(facts.tally);
    match place(lease, facts.has_another, cx.now)? {
        Place::Held => desk.free_place()?,
        Place::Free => desk.writes.push(Write::Reopen { lease: lease.id }),
    }
    let shown = shown(result.payload(), lease, cx.now);
    let judged = Judged { lease: lease.id, worker, result: hash, shown, rejection: None };
    let is_late = cx.now > lease.deadline;
    match (&item, &result.payload().report) {
        (Item::Fetch(item), Report::Fetch(report)) => {
            let in_time = within_lease(result.payload(), lease, cx.now);
            let ruling = rule_on_fetch(item, lease.order.price, report, in_time)?;
            let body = check_body(item, report, ruling, body)?;
            desk.writes.push(store(judged, result, false, body));
            fetched(&mut desk, judged, report.outcome, ruling)?;
            desk.close_if_stopped()?;
        }
        (Item::Judgment(item), Report::Judgment(report)) => {
            if item.task.takes(&report.answer).is_err() || !body.is_empty() {
                return Err(Refusal::Worker(RefusedCode::WrongReport));
            }
            desk.writes.push(store(judged, result, true, None));
            desk.item.answered = desk.item.answered.saturating_add(1);
            if desk.item.is_stopped() {
                flag::answered_late(&mut desk, judged)?;
            } else {
                if is_late && matches!(desk.order().rule, AcceptanceRule::Review { .. }) {
                    // Its requester has as long to look at it as at one in time.
                    desk.writes.push(Write::SetApproval { lease: lease.id, at: cx.now.plus(cx.terms.approval_ms) });
                }
                answered(&mut desk, judged, report.answer.key(), (facts.person, facts.answers, facts.flags))?;
            }
        }
        (Item::Judgment(_), Report::Flag(_) | Report::Withdrawn) if body.is_empty() => {
            desk.writes.push(store(judged, result, false, None));
            let seen_ms = flag::seen_ms(result.payload(), &facts.lease, cx.now);
            match &result.payload().report {
                Report::Flag(report) => {
                    flag::flagged(&mut desk, judged, report, seen_ms, (facts.has_flagged, facts.answers, facts.flags))?;
                }
                _ if facts.lease.item.is_stopped() => flag::withdrawn(&mut desk, judged, seen_ms)?,
                _ => return Err(Refusal::Worker(RefusedCode::WrongReport)),
            }
        }
        _ => return Err(Refusal::Worker(RefusedCode::WrongReport)),
    }
    // A result that counts has taken the place of its lease; another one has left it to others.
    let before = &facts.lease.item;
    let freed = desk.item.is_offered() && (desk.item.answered == before.answered || desk.item.flags > 0);
    let withdrawn = if desk.item.is_stopped() && !before.is_stopped() { facts.open } else { vec![] };
    let (writes, verdicts) = desk.finish();
    Ok(Decided { writes, reply: Reply::Stored { result: hash, verdicts, freed, withdrawn } })
}

/// Whether the body of a result is worth pulling: with these facts, [`submit`] would take it and pay for it.
pub fn takes_body(facts: &SubmitFacts, worker: &PublicKey, result: &WorkResult, now: Timestamp) -> bool {
    let (Ok(Item::Fetch(item)), Report::Fetch(report)) = (Item::from_bytes(&facts.item_bytes), &result.report) else {
        return false;
    };
    let lease = &facts.lease;
    let ruling = rule_on_fetch(&item, lease.order.price, report, within_lease(result, lease, now));
    lease.worker == *worker
        && facts.stored.is_none()
        && place(lease, facts.has_another, now).is_ok()
        && report.outcome.is_paid()
        && report.body_bytes.get() > 0
        && ruling.is_ok_and(|ruling| ruling.decision == Decision::Accepted)
}

/// A result for an offer that has one: the same bytes are acknowledged again.
fn again(stored: StoredResult, result: Hash) -> Result<Decided, Refusal> {
    if stored.hash != result {
        return Err(Refusal::Worker(RefusedCode::ResultDiffers));
    }
    let reply = Reply::Stored {
        result: stored.hash,
        verdicts: stored.verdict.into_iter().collect(),
        freed: false,
        withdrawn: vec![],
    };
    Ok(Decided { writes: vec![], reply })
}

/// The place of an item that a result takes.
enum Place {
    /// The one that its lease holds.
    Held,
    /// One that nobody holds.
    Free,
}

fn place(lease: &LeaseFacts, has_another: bool, now: Timestamp) -> Result<Place, Refusal> {
    let is_judgment = lease.order.class() == JobClass::Judgment;
    match lease.state {
        LeaseState::Open if is_judgment || now <= lease.deadline => Ok(Place::Held),
        LeaseState::Expired if is_judgment && lease.item.is_offered() && !has_another => Ok(Place::Free),
        LeaseState::Open | LeaseState::Expired => Err(Refusal::Worker(RefusedCode::LeaseExpired)),
        LeaseState::Returned => Err(Refusal::Worker(RefusedCode::LeaseEnded)),
        LeaseState::Answered | LeaseState::Judged => Err(Refusal::Fault("a result's statement is missing".into())),
    }
}

/// How long a judgment was on screen; a program's answers and flags were on none.
fn shown(result: &WorkResult, lease: &LeaseFacts, now: Timestamp) -> Option<DurationMs> {
    let said_ms = result.finished_at.since(result.started_at);
    let was_seen = match &result.report {
        Report::Fetch(_) => false,
        Report::Judgment(report) => report.input != Input::Replay,
        Report::Flag(report) => report.input != Input::Replay,
        Report::Withdrawn => true,
    };
    was_seen.then(|| pace::shown(said_ms, lease.issued_at, now))
}

fn within_lease(result: &WorkResult, lease: &LeaseFacts, now: Timestamp) -> bool {
    let earliest = lease.issued_at.minus(CLOCK_SKEW_MS_MAX);
    // A clock of our own that was set back is nothing to hold against a worker.
    let latest = now.max(lease.issued_at).plus(CLOCK_SKEW_MS_MAX);
    earliest <= result.started_at && result.finished_at <= latest
}

/// The body to keep, if there is one. A rejected result has none: its statement is evidence enough for the
/// verdict, and nobody pays for the room that its body would take.
fn check_body(item: &FetchItem, report: &FetchReport, ruling: Ruling, body: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
    let len = body.len() as u64;
    if len > item.bytes_max.get() {
        return Err(Refusal::Worker(RefusedCode::TooLarge));
    }
    if ruling.decision == Decision::Rejected {
        return Ok(None);
    }
    if !report.outcome.is_paid() {
        return if body.is_empty() { Ok(None) } else { Err(Refusal::Worker(RefusedCode::BodyHash)) };
    }
    if len != report.body_bytes.get() || Hash::of(body) != report.body_hash {
        return Err(Refusal::Worker(RefusedCode::BodyHash));
    }
    Ok((len > 0).then(|| body.to_vec()))
}

fn store(judged: Judged, result: &Signed<WorkResult>, counts: bool, body: Option<Vec<u8>>) -> Write {
    let Judged { lease, shown, .. } = judged;
    Write::AddResult { lease, result: result.clone(), counts, shown, body }
}

fn rule_on_fetch(item: &FetchItem, price: Price, report: &FetchReport, in_time: bool) -> Result<Ruling, Refusal> {
    if !in_time {
        return Ok(rejected(VerdictReason::TimesOutsideLease));
    }
    if !report.outcome.is_paid() {
        // Which hop failed is the reason for the outcome, so only the beginning can be held against it.
        let begins = report.hops.first().is_none_or(|hop| hop.url == item.url);
        return Ok(if begins {
            accepted(VerdictReason::UnpaidOutcome, Amount::ZERO)
        } else {
            rejected(VerdictReason::HopsDontFit)
        });
    }
    let head_body = item.method == Method::Head && report.body_bytes.get() > 0;
    if head_body || report.body_bytes > item.bytes_max {
        return Ok(rejected(VerdictReason::BodyTooLarge));
    }
    if !hops_fit(item, report) {
        return Ok(rejected(VerdictReason::HopsDontFit));
    }
    let hops = report.hops.iter().map(|hop| (hop.url.as_str(), hop.address.as_str()));
    if lull_policy::judge_hops(&item.url, item.http_allowed, hops).is_err() {
        return Ok(rejected(VerdictReason::HopRefused));
    }
    let amount = price.total(report.body_bytes);
    let amount = amount.ok_or_else(|| Refusal::Fault("an order's price is out of range".into()))?;
    Ok(accepted(VerdictReason::ChecksPassed, amount))
}

/// Whether the hops begin at the item's URL, lead on by redirects and end with the outcome's status.
fn hops_fit(item: &FetchItem, report: &FetchReport) -> bool {
    let Some((last, before)) = report.hops.split_last() else { return false };
    let first = before.first().unwrap_or(last);
    let status_fits = match report.outcome {
        Outcome::Ok => (200..300).contains(&report.status),
        _ => [404, 410].contains(&report.status),
    };
    first.url == item.url
        && before.iter().all(|hop| [301, 302, 303, 307, 308].contains(&hop.status))
        && last.status == report.status
        && status_fits
}

fn fetched(desk: &mut Desk<'_>, judged: Judged<'_>, outcome: Outcome, ruling: Ruling) -> Result<(), Refusal> {
    desk.rule(judged, ruling)?;
    if ruling.decision == Decision::Rejected {
        return Ok(());
    }
    if outcome.is_paid() {
        desk.item.answered = desk.item.answered.saturating_add(1);
        return desk.close(ItemState::Done, None);
    }
    desk.item.tries = desk.item.tries.saturating_add(1);
    if desk.item.tries >= FETCH_TRIES_MAX {
        desk.close(ItemState::Failed, None)?;
    }
    Ok(())
}

fn answered(
    desk: &mut Desk<'_>,
    judged: Judged<'_>,
    key: AgreementKey,
    (person, mut answers, flags): (Person, Vec<Answer>, Vec<Flag>),
) -> Result<(), Refusal> {
    let Judged { lease, worker, result, shown, .. } = judged;
    answers.push(Answer { lease, worker, person, result, key, shown, judged: false, rejection: None });
    if !conclude(desk, &answers, flags)? {
        desk.writes.push(Write::SetLease { lease, state: LeaseState::Answered, again: false });
    }
    Ok(())
}

/// Decides an item whose places are all taken by answers, in a project that reviews by such as were accepted. Whether
/// it did.
pub(crate) fn conclude(desk: &mut Desk<'_>, answers: &[Answer], flags: Vec<Flag>) -> Result<bool, Refusal> {
    if desk.item.answered < desk.item.needed {
        return Ok(false);
    }
    if usize::from(desk.item.needed) != answers.len() {
        return Err(Refusal::Fault("an item has another number of answers than it counts".into()));
    }
    let OrderFacts { price, rule, .. } = *desk.order();
    let (agree, waits) = match rule {
        AcceptanceRule::Agreement { agree, .. } => (agree, false),
        AcceptanceRule::Review { agree, .. } => (agree, answers.iter().any(|answer| !answer.judged)),
        AcceptanceRule::FetchChecks { .. } => {
            return Err(Refusal::Fault("a judgment's order has no agreement rule".into()));
        }
    };
    if waits {
        return Ok(false);
    }
    let decided = agreed(answers, agree);
    for one in answers.iter().filter(|one| !one.judged) {
        let (decision, reason) = match decided {
            Some(key) if key == one.key => (Decision::Accepted, VerdictReason::Agreed),
            Some(_) => (Decision::Ambiguous, VerdictReason::OthersAgreed),
            None => (Decision::Ambiguous, VerdictReason::NobodyAgreed),
        };
        let judged =
            Judged { lease: one.lease, worker: one.worker, result: one.result, shown: one.shown, rejection: None };
        desk.rule(judged, Ruling { decision, reason, amount: price.per_item })?;
    }
    flag::not_shared(desk, flags)?;
    desk.close(if decided.is_some() { ItemState::Done } else { ItemState::Ambiguous }, decided)?;
    Ok(true)
}

/// What at least `agree` people said; more than half of those asked, so there is one at most. A person's first answer
/// counts.
fn agreed(answers: &[Answer], agree: u8) -> Option<AgreementKey> {
    let mut counts = BTreeMap::<AgreementKey, usize>::new();
    let mut people = BTreeSet::new();
    for answer in answers.iter().filter(|answer| people.insert(answer.person)) {
        *counts.entry(answer.key).or_default() += 1;
    }
    counts.into_iter().find(|(_, count)| *count >= usize::from(agree)).map(|(key, _)| key)
}

fn accepted(reason: VerdictReason, amount: Amount) -> Ruling {
    Ruling { decision: Decision::Accepted, reason, amount }
}

fn rejected(reason: VerdictReason) -> Ruling {
    Ruling { decision: Decision::Rejected, reason, amount: Amount::ZERO }
}
