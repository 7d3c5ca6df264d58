//! What may be held against an answer, and who decides.
//!
//! A verdict is final and there is one per result; so whatever a requester holds against an answer comes
//! *before* the verdict, as a *rejection*: a signed statement with its evidence. While it is open the answer keeps its
//! place in the item, and its money stays held.
//!
//! - In a project that reviews (`AcceptanceRule::Review`) an answer waits until its requester accepts it
//!   (`ApprovedByBuyer`) or rejects it with evidence, or until its offer's time of approval (`ApprovedByTime`). The
//!   item is decided by agreement once all its places are taken by accepted answers.
//! - The worker may appeal until the verdict, which comes no sooner than `appeal_ms` after the rejection. Without an
//!   appeal it is what the rejection said; the place is then free for others.
//! - About an appeal a human decides: the requester by accepting after all (`AppealUpheld`), or the operator
//!   (`AppealUpheld`, `AppealDenied`). If nobody does within `appeal_decision_ms`, the worker is right
//!   (`AppealUpheld`).
//! - When people's flags stop the item, the answers to it that have no verdict are paid, rejected ones too.
//! - A requester may take a rejection back before anybody appeals (`ApprovedByBuyer`).
//! - A project whose requester rejects more than [`REJECTIONS_PAUSE_BP`] of what it reviews is paused: nothing more is
//!   leased until the operator has looked at it. Fewer reviewed answers than [`REVIEWED_LEAST`] count as so many, for of
//!   few a share says little: one rejection is no habit, and a second one pauses at once, since no acceptances up to
//!   there could bring it down to the share. The same holds over all its requester's projects, and pauses one with any
//!   rejection: small ones are no way around it. What is rejected counts from when it is proposed, overturned or not;
//!   accepted and rejected answers of one command count together.
//!
//! Asking again changes nothing.

use lull_protocol::cose::{self, Signed};
use lull_protocol::limits::REJECTION_EVIDENCE_BYTES_MAX;
use lull_protocol::message::RefusedCode;
use lull_protocol::rejection::{Appeal, BuyerRecord, Rejection, is_plain};
use lull_protocol::statement::{AcceptanceRule, Decision, VerdictReason};
use lull_protocol::{Amount, OrderId};

use crate::command::{Context, Refusal, Rejected, Reply, RequesterId, ReviewProblem, Reviewed};
use crate::desk::{Desk, Judged, Ruling};
use crate::facts::{Decided, ProjectReview, RejectionFacts, WaitingFacts, Write};
use crate::flag;
use crate::requester::{field, text};
use crate::verdict::conclude;

/// A project pauses when more of its reviewed answers than this are rejected, basis points (1/10,000).
pub const REJECTIONS_PAUSE_BP: u64 = 500;
/// Reviewed answers; fewer count as so many when their share is taken.
pub const REVIEWED_LEAST: u64 = 20;
/// Answers in one [`Command::Review`](crate::Command::Review), accepted and rejected ones together.
pub const REVIEWS_MAX: usize = 1_000;

/// What to write, and what others hear of it.
pub type Step = (Vec<Write>, Reviewed);

/// Whether a [`Command::Review`](crate::Command::Review) has a size that is taken.
pub fn check_size(accept: usize, reject: usize) -> Result<(), Refusal> {
    if (1..=REVIEWS_MAX).contains(&accept.saturating_add(reject)) {
        return Ok(());
    }
    Err(field("accept", format!("together with `reject` must be 1 to {REVIEWS_MAX} answers (REVIEWS_MAX)")))
}

/// The `index`-th answer that the requester of an order accepts.
pub fn accept(
    facts: Option<&WaitingFacts>,
    whose: (RequesterId, OrderId),
    index: usize,
    cx: &Context,
) -> Result<Step, Refusal> {
    let no = |problem| Refusal::Review { field: format!("accept[{index}]"), problem };
    let facts = reviewable(facts, whose).map_err(no)?;
    match facts.decision {
        Some(Decision::Rejected) => Err(no(ReviewProblem::Judged)),
        Some(_) => Ok(Step::default()),
        None if facts.rejection.as_ref().is_some_and(|rejection| rejection.is_appealed) => {
            grant(facts, VerdictReason::AppealUpheld, cx)
        }
        None => grant(facts, VerdictReason::ApprovedByBuyer, cx),
    }
}

/// The `index`-th answer that the requester of an order rejects.
pub fn reject(
    facts: Option<&WaitingFacts>,
    whose: (RequesterId, OrderId),
    (index, rejected): (usize, &Rejected),
    cx: &Context,
) -> Result<Step, Refusal> {
    let no = |problem| Refusal::Review { field: format!("reject[{index}]"), problem };
    let facts = reviewable(facts, whose).map_err(no)?;
    let evidence = format!("reject[{index}].evidence");
    text(&evidence, &rejected.evidence, REJECTION_EVIDENCE_BYTES_MAX)?;
    if !is_plain(&rejected.evidence) {
        return Err(field(&evidence, "shows nothing, or has control characters"));
    }
    if let Some(known) = &facts.rejection {
        let is_same = said(known)?.evidence == rejected.evidence;
        return match facts.decision {
            None | Some(Decision::Rejected) if is_same => Ok(Step::default()),
            None | Some(Decision::Rejected) => Err(no(ReviewProblem::OtherEvidence)),
            Some(_) => Err(no(ReviewProblem::Judged)),
        };
    }
    if facts.decision.is_some() {
        return Err(no(ReviewProblem::Judged));
    }
    let mut desk = desk(facts, cx);
    let open = desk.reject(judged(facts), rejected.evidence.clone());
    count(&mut desk, BuyerRecord { reviewed: 1, rejected: 1, overturned: 0 });
    let (writes, verdicts) = desk.finish();
    Ok((writes, Reviewed { verdicts, rejections: vec![open], freed: false }))
}

/// Whether a project must pause now: what to write then.
pub fn pause(review: &ProjectReview, order: OrderId) -> Option<Write> {
    let is_much = |rejected: u64, reviewed: u64| {
        let of = u128::from(reviewed.max(REVIEWED_LEAST));
        u128::from(rejected) * 10_000 > of * u128::from(REJECTIONS_PAUSE_BP)
    };
    let of_all = is_much(review.record.rejected.into(), review.record.reviewed.into());
    let pauses = is_much(review.rejected, review.reviewed) || of_all && review.rejected > 0;
    (pauses && !review.is_paused).then_some(Write::SetPaused { order, is_paused: true })
}

/// Decides [`Command::Resume`](crate::Command::Resume); no facts: no such project.
pub fn resume(facts: Option<&ProjectReview>, order: OrderId) -> Result<Decided, Refusal> {
    let unknown = || Refusal::Review { field: "project".into(), problem: ReviewProblem::UnknownProject };
    let is_paused = facts.ok_or_else(unknown)?.is_paused;
    let writes = is_paused.then_some(Write::SetPaused { order, is_paused: false }).into_iter().collect();
    Ok(Decided { writes, reply: if is_paused { Reply::Freed { skips_left: None } } else { Reply::Done } })
}

/// Decides [`Command::Appeal`](crate::Command::Appeal); no facts: no such rejection. The first appeal counts; one that
/// comes again is answered as the first time.
pub fn appeal(facts: Option<&WaitingFacts>, appeal: &Signed<Appeal>, cx: &Context) -> Result<Decided, Refusal> {
    let refused = |code| Err(Refusal::Worker(code));
    let Some((facts, rejection)) = facts.and_then(|facts| Some((facts, facts.rejection.as_ref()?))) else {
        return refused(RefusedCode::UnknownOffer);
    };
    if facts.lease.worker != *appeal.signer() {
        return refused(RefusedCode::NotYours);
    }
    let reply = Reply::Appealed(appeal.payload().rejection);
    if rejection.is_appealed {
        return Ok(Decided { writes: vec![], reply });
    }
    if facts.decision.is_some() {
        return refused(RefusedCode::LeaseEnded);
    }
    let decided_by = cx.now.plus(cx.terms.appeal_decision_ms);
    let writes = vec![Write::AddAppeal { lease: facts.lease.id, appeal: appeal.clone(), decided_by }];
    Ok(Decided { writes, reply })
}

/// Decides [`Command::DecideAppeal`](crate::Command::DecideAppeal); no facts: no such rejection.
pub fn decide_appeal(facts: Option<&WaitingFacts>, is_upheld: bool, cx: &Context) -> Result<Step, Refusal> {
    let no = |problem| Err(Refusal::Review { field: "rejection".into(), problem });
    let Some((facts, rejection)) = facts.and_then(|facts| Some((facts, facts.rejection.as_ref()?))) else {
        return no(ReviewProblem::UnknownRejection);
    };
    match facts.decision {
        Some(decision) if (decision != Decision::Rejected) == is_upheld => Ok(Step::default()),
        Some(_) => no(ReviewProblem::Judged),
        None if !rejection.is_appealed => no(ReviewProblem::NotAppealed),
        None if is_upheld => grant(facts, VerdictReason::AppealUpheld, cx),
        None => deny(facts, VerdictReason::AppealDenied, cx),
    }
}

/// Decides about a result whose time has come: part of [`Command::Sweep`](crate::Command::Sweep).
pub fn by_time(facts: &WaitingFacts, cx: &Context) -> Result<Step, Refusal> {
    match &facts.rejection {
        // One that was due with it has just brought their item to its end.
        _ if facts.decision.is_some() => Ok(Step::default()),
        None if facts.is_flag => {
            let mut desk = desk(facts, cx);
            flag::by_time(&mut desk, judged(facts))?;
            let (writes, verdicts) = desk.finish();
            Ok((writes, Reviewed { verdicts, ..Reviewed::default() }))
        }
        None => grant(facts, VerdictReason::ApprovedByTime, cx),
        Some(rejection) if rejection.is_appealed => grant(facts, VerdictReason::AppealUpheld, cx),
        Some(_) => deny(facts, VerdictReason::RejectedByBuyer, cx),
    }
}

fn reviewable(
    facts: Option<&WaitingFacts>,
    (requester, order): (RequesterId, OrderId),
) -> Result<&WaitingFacts, ReviewProblem> {
    let is_theirs = |f: &&WaitingFacts| f.lease.order.id == order && f.lease.order.requester == requester && !f.is_flag;
    let facts = facts.filter(is_theirs).ok_or(ReviewProblem::UnknownAnswer)?;
    match facts.lease.order.rule {
        AcceptanceRule::Review { .. } => Ok(facts),
        AcceptanceRule::Agreement { .. } | AcceptanceRule::FetchChecks { .. } => Err(ReviewProblem::NotReviewed),
    }
}

fn said(rejection: &RejectionFacts) -> Result<Rejection, Refusal> {
    cose::peek(&rejection.statement).map_err(|error| Refusal::Fault(format!("stored rejection: {error}")))
}

fn desk<'a>(facts: &WaitingFacts, cx: &'a Context) -> Desk<'a> {
    Desk::new(cx, facts.lease.order, facts.lease.item, facts.last_numbers.clone()).with_tally(facts.tally.clone())
}

fn judged(facts: &WaitingFacts) -> Judged<'_> {
    let rejection = facts.rejection.as_ref().map(|rejection| rejection.statement.as_slice());
    let lease = &facts.lease;
    Judged { lease: lease.id, worker: lease.worker, result: facts.result, shown: facts.shown, rejection }
}

/// Accepts a result and pays it. That may have been what its item waited for.
fn grant(facts: &WaitingFacts, reason: VerdictReason, cx: &Context) -> Result<Step, Refusal> {
    let mut desk = desk(facts, cx);
    let amount = desk.order().price.per_item;
    desk.rule(judged(facts), Ruling { decision: Decision::Accepted, reason, amount })?;
    let mut answers = facts.answers.clone();
    for own in answers.iter_mut().filter(|answer| answer.lease == facts.lease.id) {
        (own.judged, own.rejection) = (true, None);
    }
    conclude(&mut desk, &answers, facts.flags.clone())?;
    let is_rejected = facts.rejection.is_some();
    count(&mut desk, BuyerRecord { reviewed: (!is_rejected).into(), rejected: 0, overturned: is_rejected.into() });
    let (writes, verdicts) = desk.finish();
    Ok((writes, Reviewed { verdicts, ..Reviewed::default() }))
}

/// A rejection stands: nothing is paid, and the place is free for others.
fn deny(facts: &WaitingFacts, reason: VerdictReason, cx: &Context) -> Result<Step, Refusal> {
    let mut desk = desk(facts, cx);
    desk.rule(judged(facts), Ruling { decision: Decision::Rejected, reason, amount: Amount::ZERO })?;
    desk.writes.push(Write::Uncount { lease: facts.lease.id });
    let fewer = desk.item.answered.checked_sub(1);
    desk.item.answered = fewer.ok_or_else(|| Refusal::Fault("an item has fewer answers than there are".into()))?;
    let (writes, verdicts) = desk.finish();
    Ok((writes, Reviewed { verdicts, rejections: vec![], freed: true }))
}

/// Only of a project that reviews, what time or a human decided included.
fn count(desk: &mut Desk<'_>, by: BuyerRecord) {
    let order = desk.order();
    if let AcceptanceRule::Review { .. } = order.rule {
        let (requester, order) = (order.requester, order.id);
        desk.writes.push(Write::CountReview { requester, order, by });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    fn pauses(rejected: u64, reviewed: u64) -> bool {
        let review = ProjectReview { reviewed, rejected, ..ProjectReview::default() };
        pause(&review, OrderId([1; 16])).is_some()
    }

    #[test]
    fn a_project_pauses_above_five_per_cent() {
        assert!(!pauses(1, 20) && pauses(2, 20), "exactly a twentieth is not more");
        assert!(!pauses(2, 40) && pauses(2, 39) && pauses(3, 40));
        assert!(pauses(3, 59) && !pauses(3, 60));
        assert!(!pauses(500, 10_000) && pauses(501, 10_000));
        assert!(pauses(u64::MAX, u64::MAX) && !pauses(3, u64::MAX), "no sum overflows");
        let paused = ProjectReview { reviewed: 3, rejected: 3, is_paused: true, ..ProjectReview::default() };
        assert_eq!(pause(&paused, OrderId([1; 16])), None, "once");
    }

    #[test]
    fn of_fewer_than_twenty_one_rejection_is_no_habit_and_two_are() {
        assert!(!pauses(0, 0));
        for reviewed in 1..REVIEWED_LEAST {
            assert!(!pauses(1, reviewed), "{reviewed}");
            assert!(pauses(2, reviewed.max(2)), "{reviewed}");
        }
    }

    #[test]
    fn who_rejects_much_elsewhere_pauses_with_one_more() {
        let after = |rejected, (of_all, reviewed)| {
            let record = BuyerRecord { reviewed, rejected: of_all, overturned: 0 };
            pause(&ProjectReview { reviewed: 2, rejected, is_paused: false, record }, OrderId([1; 16])).is_some()
        };
        assert!(after(1, (3, 50)) && !after(0, (3, 50)));
        assert!(after(1, (2, 2)) && !after(1, (1, 1)));
        assert!(!after(1, (2, 40)) && after(1, (3, 40)));
    }

    proptest! {
        #[test]
        fn from_twenty_on_any_share_above_a_twentieth_pauses_and_none_below(
            reviewed in REVIEWED_LEAST..1_000_000, part in 0..=1_000_000_u64,
        ) {
            let rejected = reviewed * part / 1_000_000;
            prop_assert_eq!(pauses(rejected, reviewed), rejected * 20 > reviewed);
            // At the border, too.
            prop_assert!(!pauses(reviewed / 20, reviewed) && pauses(reviewed / 20 + 1, reviewed));
        }
    }
}
