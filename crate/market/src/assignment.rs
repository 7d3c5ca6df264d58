//! Who works on what: leases, and how they end.
//!
//! - An item has as many places as it needs results; open leases and results that count take them.
//! - A worker is offered items with the fewest free places first (finish what is begun), then those of older orders,
//!   then by their number. Its open leases count against what it wants and against the limits
//!   `FETCH_LEASES_MAX` and `JUDGMENT_LEASES_MAX`, over all its connections.
//! - An item that a worker answered, skipped or found broken is never offered to it again. One that it
//!   returned for another reason or let expire may be, until it has had [`LEASES_PER_ITEM_MAX`] leases
//!   of it: a browser may be closed at any moment, which says nothing about the item; yet a worker
//!   that only holds places must not hold the same one for ever.
//! - Of a paused project nothing is leased; what is leased goes on.
//! - A lease is live up to and including its deadline, by the coordinator's clock.

use lull_protocol::limits::{FETCH_LEASES_MAX, JUDGMENT_LEASES_MAX};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::{AcceptanceRule, JobClass, Offer};
use lull_protocol::units::Nonce;
use lull_protocol::{Hash, PublicKey, Signed};

use crate::command::{Context, Lease, Refusal, Reply};
use crate::desk::Desk;
use crate::facts::{Candidate, Decided, HeldFacts, LeaseState, Write};

/// Leases of one item to one worker.
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
        let Candidate { mut item, order, bytes, record } = candidate;
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
        leases.push(Lease { offer: offer.bytes().to_vec(), item: bytes, record });
        writes.push(Write::AddLease { item: item.id, offer });
        writes.push(Write::SetItem(item));
    }
    Ok(Decided { writes, reply: Reply::Leases(leases) })
}

/// Decides [`Command::Return`](crate::Command::Return). Returned twice is no error.
pub fn give_back(
    facts: Option<&HeldFacts>,
    worker: PublicKey,
    reason: ReturnReason,
    cx: &Context,
) -> Result<Decided, Refusal> {
    let held = facts.ok_or(Refusal::Worker(RefusedCode::UnknownOffer))?;
    let lease = &held.lease;
    if lease.worker != worker {
        return Err(Refusal::Worker(RefusedCode::NotYours));
    }
    match lease.state {
        LeaseState::Open => {
            let wanted = matches!(reason, ReturnReason::SwitchedOff | ReturnReason::TooMany);
            Ok(Decided { writes: end(held, LeaseState::Returned, wanted, cx)?, reply: Reply::Freed })
        }
        LeaseState::Returned => Ok(Decided { writes: vec![], reply: Reply::Done }),
        LeaseState::Expired => Err(Refusal::Worker(RefusedCode::LeaseExpired)),
        LeaseState::Answered | LeaseState::Judged => Err(Refusal::Worker(RefusedCode::LeaseEnded)),
    }
}

/// Ends an open lease whose deadline passed: part of [`Command::Sweep`](crate::Command::Sweep).
pub fn expire(held: &HeldFacts, cx: &Context) -> Result<Vec<Write>, Refusal> {
    end(held, LeaseState::Expired, true, cx)
}

fn end(held: &HeldFacts, state: LeaseState, wanted: bool, cx: &Context) -> Result<Vec<Write>, Refusal> {
    let HeldFacts { lease, leases_of_worker } = held;
    let again = wanted && *leases_of_worker < LEASES_PER_ITEM_MAX;
    let mut desk = Desk::new(cx, lease.order, lease.item, Default::default());
    desk.free_place()?;
    desk.writes.push(Write::SetLease { lease: lease.id, state, again });
    Ok(desk.finish().0)
}
