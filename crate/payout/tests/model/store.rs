//! A store in memory: what is durable, and each write of a decision.

use std::collections::BTreeMap;

use lull_payout::batch::Batch;
use lull_payout::facts::{PayoutState, Write};
use lull_payout::lane::Lane;
use lull_payout::units::{BatchId, LaneId, PayoutId, Signature};

/// What is durable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    pub(crate) run: u64,
    /// As bytes, as they would be in a file.
    pub(crate) batches: BTreeMap<BatchId, Vec<u8>>,
    pub(crate) lanes: BTreeMap<LaneId, Lane>,
    pub(crate) payouts: BTreeMap<PayoutId, PayoutState>,
    /// Lamports by transaction.
    pub(crate) spent: BTreeMap<Signature, u64>,
}

impl Store {
    pub(crate) fn batch(&self, id: BatchId) -> Option<Batch> {
        self.batches.get(&id).map(|bytes| Batch::from_bytes(bytes).expect("it was written by it"))
    }

    pub(crate) fn unfinished(&self) -> Vec<Batch> {
        let batches = self.batches.keys().filter_map(|id| self.batch(*id));
        batches.filter(|batch| !batch.stage.is_over()).collect()
    }

    pub(crate) fn lanes(&self) -> Vec<Lane> {
        self.lanes.values().copied().collect()
    }

    /// All of a decision, or a panic: what can't be applied is a bug.
    pub(crate) fn apply(&mut self, writes: &[Write]) {
        for write in writes {
            match write {
                Write::SetBatch(batch) => {
                    self.batches.insert(batch.id, batch.to_bytes());
                }
                Write::SetPayout(payout, state) => {
                    let before = self.payouts.insert(*payout, *state);
                    assert!(
                        !matches!(before, Some(PayoutState::Paid { .. })) || before == Some(*state),
                        "paid is final"
                    );
                }
                Write::TakeLane(lane, batch) => {
                    let lane = self.lane(lane);
                    assert_eq!(lane.batch.replace(*batch), None, "a lane has one batch");
                }
                Write::FreeLane(lane) => self.lane(lane).batch = None,
                Write::SpendLane { lane, nonce, by, run } => {
                    let lane = self.lane(lane);
                    *lane = Lane { id: lane.id, nonce: *nonce, is_spent: true, last: *by, batch: None, run: *run };
                }
                Write::NextNonce(lane, nonce) => {
                    let lane = self.lane(lane);
                    (lane.nonce, lane.is_spent) = (*nonce, false);
                }
                Write::Spend { landed, .. } => {
                    self.spent.insert(landed.signature, landed.fee_lamports + landed.rent_lamports);
                }
            }
        }
    }

    fn lane(&mut self, lane: &LaneId) -> &mut Lane {
        self.lanes.get_mut(lane).expect("every lane is stored")
    }
}
