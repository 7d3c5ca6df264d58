//! Lanes: nonce accounts, each with one batch at a time.
//!
//! The store knows each lane's value and the last transaction of ours on it. Before the first signature of a run all
//! lanes are compared with the chain. A lane that moved without the store knowing was moved by what the store has
//! forgotten: it was restored from a copy, or somebody else pays with the same key. Then nothing is signed until the
//! chain's memos have been read back ([`reconcile`](crate::reconcile)).

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
}

fields!(Lane { 0 id, 1 nonce, 2 is_spent, 3 last, 4 batch });

/// What one RPC says of a lane, finalized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneSight {
    /// Its value; `None` if it is no nonce account of the treasury's.
    pub nonce: Option<Nonce>,
    /// Transactions on it since [`Lane::last`] that the treasury signed. (Anybody can name the account in a
    /// transaction of their own, which moves nothing: [`transaction::read`](crate::transaction::read) tells.)
    pub newer: Vec<Signature>,
}

/// How a lane stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneState {
    /// As the store knows it.
    Same,
    /// Its spent value gave way to this one.
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

/// Whether anything may be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// All lanes are as the store knows them.
    Open,
    /// Not all could be compared yet.
    Closed,
    /// These moved without the store knowing: stop until reconciled.
    Stopped(Vec<LaneId>),
}

/// The gate, when every lane was compared. It opens once per run of the process and closes at any mismatch.
pub fn gate(lanes: &[(LaneId, LaneState)]) -> Gate {
    let mismatch = lanes.iter().filter(|(_, state)| *state == LaneState::Mismatch);
    let mismatch: Vec<LaneId> = mismatch.map(|(lane, _)| *lane).collect();
    match mismatch.is_empty() {
        false => Gate::Stopped(mismatch),
        true if lanes.iter().any(|(_, state)| *state == LaneState::Unknown) => Gate::Closed,
        true => Gate::Open,
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
        let lane = Lane { id: LaneId(Address::default()), nonce: old, is_spent: false, last: foreign, batch: None };
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
    fn the_gate_opens_when_all_are_known() {
        let lane = |byte| LaneId(Address::from([byte; 32]));
        assert_eq!(gate(&[(lane(1), LaneState::Same), (lane(2), LaneState::Busy)]), Gate::Open);
        assert_eq!(gate(&[(lane(1), LaneState::Same), (lane(2), LaneState::Unknown)]), Gate::Closed);
        let stopped = gate(&[(lane(1), LaneState::Unknown), (lane(2), LaneState::Mismatch)]);
        assert_eq!(stopped, Gate::Stopped(vec![lane(2)]));
    }
}
