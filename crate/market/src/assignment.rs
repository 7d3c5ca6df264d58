//! Who works on what: leases, and how they end.
//!
//! - An item has as many places as it needs results; open leases and results that count take them.
//! - A worker is offered items of older orders first, of each those with the fewest free places first (finish what is
//!   begun), then by their number. Its open leases count against what it wants and against the limits
//!   `FETCH_LEASES_MAX` and `JUDGMENT_LEASES_MAX`, over all its connections.
//! - An item that a person answered, skipped or found broken is never offered to it again, whichever of its workers asks
//!   ([`Person`](crate::facts::Person)). One that it
//!   returned for another reason or let expire may be, until it has had [`LEASES_PER_ITEM_MAX`] leases
//!   of it: a browser may be closed at any moment, which says nothing about the item; yet a worker
//!   that only holds places must not hold the same one for ever.
//! - An item that people's flags have stopped is offered to nobody, see [`flag`](crate::flag).
//! - Of a paused project nothing is leased; what is leased goes on.
//! - A lease is live up to and including its deadline, by the coordinator's clock. Its worker may extend that of a
//!   judgment while it is live and its item isn't stopped, each time by its first length, [`EXTENSIONS_MAX`] times.
//! - What a worker's filter names is not offered to it; nor is a project whose skips it has used up ([`skips`]).
//!   Work that comes back as filtered may be offered again, for the filter may change. So may what comes back because
//!   its content is not wanted, which is no skip.
//! - A judgment that its worker had looked at for `SEEN_MS_MIN` and whose time ran out is an outcome without pay
//!   ([`pace`]). Its worker says so, once for each lease, and also when that has expired: nobody else knows what was on
//!   screen. What a sleeping browser lets run out unseen says nothing.

use lull_protocol::limits::{EXTENSIONS_MAX, FETCH_LEASES_MAX, JUDGMENT_LEASES_MAX, SEEN_MS_MIN};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::{AcceptanceRule, Extension, JobClass, Offer};
use lull_protocol::units::Nonce;
use lull_protocol::{Amount, DurationMs, Hash, OrderId, PublicKey, Signed};

use crate::command::{Context, Lease, Refusal, Reply};
use crate::desk::Desk;
use crate::facts::{Candidate, Decided, HeldFacts, LeaseFacts, LeaseState, ReturnFacts, Write};
use crate::pace;
use crate::skips::{self, SkipFacts, Skipped};

/// Leases of one item to one person.
pub const LEASES_PER_ITEM_MAX: u32 = 3;

/// How many new leases of a class a worker gets: it has places for `wanted`, and holds `open` live ones.
pub fn places(class: JobClass, wanted: u8, open: u64) -> u8 {
    let limit = match class {
        JobClass::Fetch => FETCH_LEASES_MAX,
        JobClass::Judgment => JUDGMENT_LEASES_MAX,
    };
    let open = u8::try_from(open).unwrap_or(u8::MAX);
    wanted.min(limit).saturating_sub(open)
}

/// Decides [`Command::Claim`](crate::Command::Claim): the candidates, best first, become leases as far as
/// the nonces reach.
pub fn claim(
    candidates: Vec<Candidate>,
    worker: PublicKey,
    nonces: &[Nonce],
    cx: &Context,
) -> Result<Decided, Refusal> {
    let mut writes = Vec::new();
    let mut leases = Vec::new();
    for (candidate, nonce) in candidates.into_iter().zip(nonces) {
        let Candidate { mut item, order, bytes, pace, record, skips } = candidate;
        let class = order.class();
        let lease_ms = match class {
            JobClass::Fetch => cx.terms.fetch_lease_ms,
            JobClass::Judgment => cx.terms.judgment_lease_ms,
        };
        let deadline = cx.now.plus(lease_ms);
        let offer = Offer {
            worker,
            item: Hash::of(&bytes),
            class,
            nonce: *nonce,
            price: order.price,
            asset: cx.terms.asset.clone(),
            rule: order.rule,
            issued_at: cx.now,
            deadline,
            approved_at: deadline.plus(cx.terms.approval_ms),
        };
        let offer = Signed::sign(offer, &cx.key);
        item.leased = item.leased.checked_add(1).ok_or_else(|| Refusal::Fault("too many leases".into()))?;
        let record = Some(record).filter(|_| matches!(order.rule, AcceptanceRule::Review { .. }));
        let statement = offer.bytes().to_vec();
        let skips_left = skips.map(SkipFacts::left);
        let lease =
            Lease { offer: statement, item: bytes, extension: None, pace, record, skips_left, is_withdrawn: false };
        leases.push(lease);
        writes.push(Write::AddLease { item: item.id, offer });
        writes.push(Write::SetItem(item));
    }
    Ok(Decided { writes, reply: Reply::Leases(leases) })
}

/// Decides [`Command::Return`](crate::Command::Return). Returned twice is no error.
pub fn give_back(
    facts: Option<ReturnFacts>,
    worker: PublicKey,
    reason: ReturnReason,
    shown_ms: Option<DurationMs>,
    cx: &Context,
) -> Result<Decided, Refusal> {
    let facts = facts.ok_or(Refusal::Worker(RefusedCode::UnknownOffer))?;
    let lease = &facts.held.lease;
    if lease.worker != worker {
        return Err(Refusal::Worker(RefusedCode::NotYours));
    }
    let ran_out = ran_out(lease, reason, shown_ms, cx);
    match lease.state {
        LeaseState::Open if reason == ReturnReason::Skipped && lease.order.class() == JobClass::Judgment => {
            skipped(facts, shown_ms, cx)
        }
        LeaseState::Open => {
            use ReturnReason::{Filtered, RanOut, SwitchedOff, TooMany, Unwanted};
            let wanted = matches!(reason, SwitchedOff | TooMany | Filtered | Unwanted | RanOut);
            let mut desk = end(&facts.held, LeaseState::Returned, wanted, cx)?.with_tally(facts.tally);
            desk.count(ran_out, Amount::ZERO);
            Ok(Decided { writes: desk.finish().0, reply: freed(lease, None) })
        }
        LeaseState::Returned => Ok(Decided { writes: vec![], reply: Reply::Done }),
        LeaseState::Expired if ran_out.is_some() => {
            let mut desk = Desk::new(cx, lease.order, lease.item, Default::default()).with_tally(facts.tally);
            // Its place is free already; returned it is counted once, and what a new lease needs stays as it is.
            desk.writes.push(Write::SetLease { lease: lease.id, state: LeaseState::Returned, again: false });
            desk.count(ran_out, Amount::ZERO);
            Ok(Decided { writes: desk.finish().0, reply: Reply::Done })
        }
        LeaseState::Expired => Err(Refusal::Worker(RefusedCode::LeaseExpired)),
        LeaseState::Answered | LeaseState::Judged => Err(Refusal::Worker(RefusedCode::LeaseEnded)),
    }
}

/// How long a judgment that ran out was looked at: no longer than its lease lasted.
fn ran_out(lease: &LeaseFacts, reason: ReturnReason, shown_ms: Option<DurationMs>, cx: &Context) -> Option<DurationMs> {
    let is_judgment = reason == ReturnReason::RanOut && lease.order.class() == JobClass::Judgment;
    let said = shown_ms.filter(|said| is_judgment && said.get() >= SEEN_MS_MIN)?;
    Some(pace::shown(said.get(), lease.issued_at, cx.now.min(lease.deadline)))
}

/// What is told of a place that is free: of an item that was stopped it is free for nobody.
fn freed(lease: &LeaseFacts, skips_left: Option<(OrderId, u32)>) -> Reply {
    if lease.item.is_stopped() { Reply::Done } else { Reply::Freed { skips_left } }
}

/// A judgment that was skipped: an outcome, if it was seen, and one skip of the day's. Of an item that was stopped
/// meanwhile it costs none: it would have been taken from the worker all the same.
fn skipped(facts: ReturnFacts, shown_ms: Option<DurationMs>, cx: &Context) -> Result<Decided, Refusal> {
    let ReturnFacts { held, tally, skips } = facts;
    let lease = &held.lease;
    let mut desk = end(&held, LeaseState::Returned, false, cx)?.with_tally(tally);
    desk.count(shown_ms.map(|said| pace::shown(said.get(), lease.issued_at, cx.now)), Amount::ZERO);
    let mut skips_left = None;
    if !lease.item.is_stopped() {
        let (worker, order, day) = (lease.worker, lease.order.id, skips::day(cx.now));
        let Skipped { skips, left, is_over } = skips::skip(skips);
        desk.writes.push(Write::SetSkips { worker, order, day, skips, is_over });
        skips_left = Some((order, left));
    }
    Ok(Decided { writes: desk.finish().0, reply: freed(lease, skips_left) })
}

/// Decides [`Command::Extend`](crate::Command::Extend).
pub fn extend(lease: Option<&LeaseFacts>, offer: Hash, worker: PublicKey, cx: &Context) -> Result<Decided, Refusal> {
    let lease = lease.ok_or(Refusal::Worker(RefusedCode::UnknownOffer))?;
    if lease.worker != worker {
        return Err(Refusal::Worker(RefusedCode::NotYours));
    }
    match lease.state {
        LeaseState::Open if cx.now <= lease.deadline => {}
        LeaseState::Open | LeaseState::Expired => return Err(Refusal::Worker(RefusedCode::LeaseExpired)),
        LeaseState::Answered | LeaseState::Judged | LeaseState::Returned => {
            return Err(Refusal::Worker(RefusedCode::LeaseEnded));
        }
    }
    if lease.item.is_stopped() {
        return Err(Refusal::Worker(RefusedCode::Withdrawn));
    }
    if lease.order.class() != JobClass::Judgment || lease.extensions >= EXTENSIONS_MAX {
        return Err(Refusal::Worker(RefusedCode::Unexpected));
    }
    let number = lease.extensions + 1;
    let first_ms = lease.deadline.since(lease.issued_at) / u64::from(number);
    let extension = Extension { offer, number, deadline: lease.deadline.plus(first_ms) };
    let extension = Signed::sign(extension, &cx.key);
    let reply = Reply::Extended(extension.bytes().to_vec());
    Ok(Decided { writes: vec![Write::ExtendLease { lease: lease.id, extension }], reply })
}

/// Ends an open lease whose deadline passed: part of [`Command::Sweep`](crate::Command::Sweep).
pub fn expire(held: &HeldFacts, cx: &Context) -> Result<Vec<Write>, Refusal> {
    Ok(end(held, LeaseState::Expired, true, cx)?.finish().0)
}

fn end<'a>(held: &HeldFacts, state: LeaseState, wanted: bool, cx: &'a Context) -> Result<Desk<'a>, Refusal> {
    let HeldFacts { lease, leases_of_person } = held;
    let again = wanted && *leases_of_person < LEASES_PER_ITEM_MAX;
    let mut desk = Desk::new(cx, lease.order, lease.item, Default::default());
    desk.free_place()?;
    desk.writes.push(Write::SetLease { lease: lease.id, state, again });
    desk.close_if_stopped()?;
    Ok(desk)
}
