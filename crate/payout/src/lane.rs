//! Lanes: nonce accounts, each with one batch at a time.
//!
//! The store knows each lane's value and the last transaction of ours on it. A database may be restored from a copy,
//! and what it has forgotten may have been paid, or be on its way still. So each *run* (a start of the process, counted
//! in the database) begins by advancing every lane once, with the value that the store knows ([`renew`](crate::plan::renew)).
//! Where that lands, nothing that the store doesn't know has moved the lane, and nothing that was signed for it before
//! can land any more. Where it can't, the lane moved without the store: nothing is signed until the chain's memos
//! have been read back ([`reconcile`](crate::reconcile)). Only when all lanes are of this run, anybody is paid in it.
//!
//! That costs a fee per lane and start, and some seconds. It also stops all but the last of several processes that
//! pay with one key.

use lull_protocol::fields;

use crate::agree::{Said, said};
use crate::units::{BatchId, LaneId, Nonce, Signature};

/// A lane, as the store knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The nonce account.
    pub id: LaneId,
    /// Its value.
    pub nonce: Nonce,
    /// The value was used by [`Lane::last`]; the next one isn't known yet.
    pub is_spent: bool,
    /// The last transaction of ours on it, at first the one that made it.
    pub last: Signature,
    /// The batch that holds it.
    pub batch: Option<BatchId>,
    /// The run of that transaction.
    pub run: u64,
}

fields!(Lane { 0 id, 1 nonce, 2 is_spent, 3 last, 4 batch, 5 run });

/// What one RPC says of a lane, finalized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneSight {
    /// Its value; `None` if it is no nonce account of the treasury's.
    pub nonce: Option<Nonce>,
    /// Transactions since [`Lane::last`] that advance it with the treasury's signature, those that failed too. (Whatever
    /// else names the account moves nothing, a second attempt to make it for one:
    /// [`transaction::read`](crate::transaction::read) tells.)
    pub newer: Vec<Signature>,
}

/// How a lane stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneState {
    /// As the store knows it.
    Same,
    /// Its spent value gave way to this one: [`Write::NextNonce`](crate::facts::Write::NextNonce).
    Next(Nonce),
    /// The batch on it has moved it, or the spent value is still there: the store will hear.
    Busy,
    /// Too few RPCs answered, or they differ.
    Unknown,
    /// Moved without the store knowing.
    Mismatch,
}

/// Compares a lane with the chain. `own`: the signatures of the batch on it, if it has any; `agree_min` RPCs must
/// say the same.
pub fn compare(lane: &Lane, own: &[Signature], sights: &[LaneSight], agree_min: usize) -> LaneState {
    let Said::Agreed(sight) = said(sights.iter(), agree_min) else { return LaneState::Unknown };
    let Some(nonce) = sight.nonce else { return LaneState::Mismatch };
    if sight.newer.iter().any(|signature| !own.contains(signature)) {
        return LaneState::Mismatch;
    }
    match (nonce == lane.nonce, lane.is_spent) {
        (true, true) => LaneState::Busy,
        (true, false) => LaneState::Same,
        (false, true) => LaneState::Next(nonce),
        (false, false) if own.is_empty() => LaneState::Mismatch,
        // Moved, and not seen yet by what: histories lag behind accounts.
        (false, false) if sight.newer.is_empty() => LaneState::Unknown,
        (false, false) => LaneState::Busy,
    }
}

/// Whether anybody may be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// All lanes are of this run.
    Open,
    /// Not all are yet.
    Closed,
    /// These moved without the store knowing: stop until reconciled.
    Stopped(Vec<LaneId>),
}

/// The gate: `lanes` are all, `moved` those that were found as [`LaneState::Mismatch`] and not reconciled since.
pub fn gate(lanes: &[Lane], moved: &[LaneId], run: u64) -> Gate {
    match moved {
        [] if lanes.iter().all(|lane| lane.run == run) => Gate::Open,
        [] => Gate::Closed,
        moved => Gate::Stopped(moved.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    #[test]
    fn a_lane_is_compared_with_the_chain() {
        let (old, new) = (Nonce([1; 32]), Nonce([2; 32]));
        let (own, foreign) = (Signature([3; 64]), Signature([4; 64]));
        let lane =
            Lane { id: LaneId(Address::default()), nonce: old, is_spent: false, last: foreign, batch: None, run: 1 };
        let spent = Lane { is_spent: true, ..lane };
        let sight = |nonce, newer: &[Signature]| LaneSight { nonce, newer: newer.to_vec() };
        let state = |lane: &Lane, own: &[Signature], sight: LaneSight| compare(lane, own, &[sight.clone(), sight], 2);
        assert_eq!(state(&lane, &[], sight(Some(old), &[])), LaneState::Same);
        assert_eq!(state(&lane, &[], sight(Some(new), &[])), LaneState::Mismatch);
        assert_eq!(state(&lane, &[own], sight(Some(new), &[])), LaneState::Unknown);
        assert_eq!(state(&lane, &[own], sight(Some(new), &[own])), LaneState::Busy);
        assert_eq!(state(&lane, &[own], sight(Some(new), &[own, foreign])), LaneState::Mismatch);
        assert_eq!(state(&lane, &[], sight(Some(old), &[foreign])), LaneState::Mismatch);
        assert_eq!(state(&lane, &[], sight(None, &[])), LaneState::Mismatch);
        assert_eq!(state(&spent, &[], sight(Some(old), &[])), LaneState::Busy);
        assert_eq!(state(&spent, &[], sight(Some(new), &[])), LaneState::Next(new));
        assert_eq!(state(&spent, &[], sight(Some(new), &[foreign])), LaneState::Mismatch);
        assert_eq!(compare(&lane, &[], &[sight(Some(old), &[])], 2), LaneState::Unknown);
        assert_eq!(compare(&lane, &[], &[sight(Some(old), &[]), sight(Some(new), &[])], 1), LaneState::Unknown);
    }

    #[test]
    fn the_gate_opens_when_all_lanes_are_of_this_run() {
        let id = LaneId(Address::default());
        let of = |run| Lane { id, nonce: Nonce([0; 32]), is_spent: false, last: Signature([0; 64]), batch: None, run };
        assert_eq!(gate(&[of(2), of(2)], &[], 2), Gate::Open);
        assert_eq!(gate(&[of(2), of(1)], &[], 2), Gate::Closed);
        assert_eq!(gate(&[of(2), of(1)], &[id], 2), Gate::Stopped(vec![id]));
    }
}
