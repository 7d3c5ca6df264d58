//! What may be held against a result that was paid, and who decides.
//!
//! A verdict is final, but its money is *pending* until the time for disputes is over. While it is, the operator may
//! contest it: a *reversal*, a signed statement with its evidence. A requester who has found something out asks the
//! operator. It is proposed like a rejection, and nothing moves before the worker had its say:
//!
//! - From the proposal on the money stays pending until the worker's time for an appeal is over, or, after an appeal,
//!   until a human has decided or has let `appeal_decision_ms` pass. `verdicts.settles_at` says when time decides.
//! - Nobody appealed: the money is reversed. A human denied the appeal: so, too. In all other cases (upheld, not decided
//!   in time, taken back by the operator before an appeal) the worker is right, and the money is payable at once.
//! - Reversed money goes back to who paid it, with the fee, in one entry that names the verdict. The worker's account
//!   *reversed* keeps what was taken, so that all it ever earned stays in its books.
//! - Only pending money can be contested, all of a verdict's at once, and no result twice: one whose verdict rests on a
//!   rejection had its dispute, and what was decided about a reversal is final.
//!
//! Asking again changes nothing.

use lull_protocol::cose::{self, Signed};
use lull_protocol::limits::REJECTION_EVIDENCE_BYTES_MAX;
use lull_protocol::message::RefusedCode;
use lull_protocol::rejection::{Appeal, is_plain};
use lull_protocol::reversal::{Ending, Reversal, ReversalEnd};
use lull_protocol::{Amount, Hash};

use crate::command::{Context, Refusal, Reply, ReviewProblem};
use crate::facts::{Decided, PaidFacts, ReversalFacts, UnsettledFacts, Write};
use crate::ledger::{self, Account, Cause, Entry, LedgerError, Posting};

/// Decides [`Command::Reverse`](crate::Command::Reverse); no facts: no such result, or it has no verdict yet.
pub fn propose(facts: Option<&PaidFacts>, evidence: &str, cx: &Context) -> Result<Decided, Refusal> {
    let no = |problem| Err(Refusal::Review { field: "offer".into(), problem });
    let wrong = |problem: String| Err(Refusal::Field { field: "evidence".into(), problem });
    let Some(facts) = facts else { return no(ReviewProblem::NoVerdict) };
    if evidence.len() > REJECTION_EVIDENCE_BYTES_MAX {
        return wrong(format!("is longer than {REJECTION_EVIDENCE_BYTES_MAX} bytes (REJECTION_EVIDENCE_BYTES_MAX)"));
    }
    if !is_plain(evidence) {
        return wrong("shows nothing, or has control characters".into());
    }
    if let Some(known) = &facts.reversal {
        let is_same = said(known)?.evidence == evidence;
        let reply = Reply::Reversal { reversal: Hash::of(&known.statement), worker: facts.worker, is_new: false };
        return if is_same { Ok(Decided { writes: vec![], reply }) } else { no(ReviewProblem::OtherReversal) };
    }
    if facts.amount == Amount::ZERO {
        return no(ReviewProblem::Unpaid);
    }
    if facts.was_contested {
        return no(ReviewProblem::Contested);
    }
    if facts.is_settled || facts.settles_at <= cx.now {
        return no(ReviewProblem::Payable);
    }
    let reversal = Reversal {
        result: facts.result,
        worker: facts.worker,
        verdict: facts.verdict,
        amount: facts.amount,
        evidence: evidence.to_owned(),
        decided_at: cx.now,
        appeal_until: cx.now.plus(cx.terms.appeal_ms),
    };
    let reversal = Signed::sign(reversal, &cx.key);
    let reply = Reply::Reversal { reversal: reversal.hash(), worker: facts.worker, is_new: true };
    Ok(Decided { writes: vec![Write::AddReversal { lease: facts.lease, reversal }], reply })
}

/// Decides a [`Command::Appeal`](crate::Command::Appeal) about a reversal. The first appeal counts; one that comes again
/// is answered as the first time.
pub fn appeal(
    facts: &PaidFacts,
    reversal: &ReversalFacts,
    appeal: &Signed<Appeal>,
    cx: &Context,
) -> Result<Decided, Refusal> {
    if facts.worker != *appeal.signer() {
        return Err(Refusal::Worker(RefusedCode::NotYours));
    }
    let reply = Reply::Appealed(appeal.payload().rejection);
    if reversal.is_appealed {
        return Ok(Decided { writes: vec![], reply });
    }
    if reversal.ending.is_some() {
        return Err(Refusal::Worker(RefusedCode::LeaseEnded));
    }
    let decided_by = cx.now.plus(cx.terms.appeal_decision_ms);
    let writes = vec![Write::AddReversalAppeal { lease: facts.lease, appeal: appeal.clone(), decided_by }];
    Ok(Decided { writes, reply })
}

/// Decides a [`Command::DecideAppeal`](crate::Command::DecideAppeal) about a reversal. The operator's own can be taken
/// back before anybody appeals; it can't be made good without an appeal, for that is what time is for.
pub fn decide(facts: &PaidFacts, reversal: &ReversalFacts, is_upheld: bool, cx: &Context) -> Result<Decided, Refusal> {
    let no = |problem| Err(Refusal::Review { field: "rejection".into(), problem });
    let ending = match (reversal.ending, reversal.is_appealed, is_upheld) {
        (Some(ending), ..) if ending.is_reversed() != is_upheld => {
            return Ok(Decided { writes: vec![], reply: Reply::Ended { worker: facts.worker, is_new: false } });
        }
        (Some(_), ..) => return no(ReviewProblem::Judged),
        (None, true, true) => Ending::Upheld,
        (None, true, false) => Ending::Denied,
        (None, false, true) => Ending::TakenBack,
        (None, false, false) => return no(ReviewProblem::NotAppealed),
    };
    let writes = end(facts, reversal, ending, cx)?;
    Ok(Decided { writes, reply: Reply::Ended { worker: facts.worker, is_new: true } })
}

/// Ends a reversal whose time has come: part of [`Command::Sweep`](crate::Command::Sweep).
pub fn by_time(facts: &PaidFacts, cx: &Context) -> Result<Vec<Write>, Refusal> {
    let missing = || Refusal::Fault("contested money without its reversal".into());
    let reversal = facts.reversal.as_ref().ok_or_else(missing)?;
    let ending = if reversal.is_appealed { Ending::Undecided } else { Ending::Unopposed };
    end(facts, reversal, ending, cx)
}

/// Turns a verdict's pending money into payable: part of [`Command::Sweep`](crate::Command::Sweep).
pub fn settle(facts: &UnsettledFacts) -> Result<Vec<Write>, Refusal> {
    let (pending, payable) = (Account::Pending(facts.worker), Account::Payable(facts.worker));
    let entry = Entry::transfer(Cause::Settled(facts.verdict), pending, &[(payable, facts.amount)])?;
    let mut writes = vec![Write::SetSettled { lease: facts.lease }];
    writes.extend(entry.map(Write::Post));
    Ok(writes)
}

fn end(facts: &PaidFacts, reversal: &ReversalFacts, ending: Ending, cx: &Context) -> Result<Vec<Write>, Refusal> {
    let hash = Hash::of(&reversal.statement);
    let end = ReversalEnd { reversal: hash, worker: facts.worker, ending, decided_at: cx.now };
    let end = Write::EndReversal { lease: facts.lease, end: Signed::sign(end, &cx.key) };
    let PaidFacts { lease, worker, verdict, amount, is_settled, .. } = *facts;
    if is_settled {
        return Err(Refusal::Fault("what is payable is final".into()));
    }
    if !ending.is_reversed() {
        let mut writes = vec![end];
        writes.extend(settle(&UnsettledFacts { lease, worker, verdict, amount, is_contested: true })?);
        return Ok(writes);
    }
    Ok(vec![end, Write::SetSettled { lease }, Write::Post(refund(facts)?)])
}

/// What leaves a worker's pending stays in its books as reversed, and comes back to its requester from the outside
/// world, as a payout's cost does to the treasury; the fee comes back from the operator.
fn refund(facts: &PaidFacts) -> Result<Entry, LedgerError> {
    let fee = ledger::fee(facts.amount, facts.fee_bp).ok_or(LedgerError::Range)?;
    let back = facts.amount.checked_add(fee).ok_or(LedgerError::Range)?;
    let (amount, fee, back) = (ledger::signed(facts.amount)?, ledger::signed(fee)?, ledger::signed(back)?);
    let lines = [
        (Account::Pending(facts.worker), -amount),
        (Account::Reversed(facts.worker), amount),
        (Account::Deposits, -amount),
        (Account::Fee, -fee),
        (Account::Available(facts.requester), back),
    ];
    let lines = lines.into_iter().filter(|(_, delta)| *delta != 0);
    Entry::new(Cause::Reversed(facts.verdict), lines.map(|(account, delta)| Posting { account, delta }).collect())
}

fn said(reversal: &ReversalFacts) -> Result<Reversal, Refusal> {
    cose::peek(&reversal.statement).map_err(|error| Refusal::Fault(format!("stored reversal: {error}")))
}
