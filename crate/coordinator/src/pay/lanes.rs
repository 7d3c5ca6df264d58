//! Lanes: made once, renewed by every run before anybody is paid in it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lull_payout::facts::{Decided, Observation, Write};
use lull_payout::lane::{Lane, LaneState, compare};
use lull_payout::plan::renew;
use lull_payout::rpc::{self, Commitment};
use lull_payout::{token, transaction};
use lull_store::PayCommand;

use super::PayoutError;
use super::shell::{Shell, Tools, moved, names};

/// Lanes that one transaction makes.
const LANES_AT_ONCE: u16 = 4;
/// After this lanes that have not appeared are sent for again, milliseconds: longer than a blockhash is good for.
const LANES_MS: u64 = 120_000;

impl Shell {
    /// Finds the lanes that the database doesn't know, and makes those that the chain doesn't.
    pub(super) async fn make_lanes(&self) -> Result<(), PayoutError> {
        let Tools { net, terms, .. } = &self.tools;
        let (owner, agree_min) = (terms.treasury.owner, terms.agree_min);
        let known = self.state().await?.lanes;
        let mut missing = vec![];
        for number in 0..self.config.lanes {
            let id = transaction::lane(&owner, number);
            if known.iter().any(|lane| lane.id == id) {
                continue;
            }
            let account = net.agreed(&rpc::account(&id.0, Commitment::Finalized), agree_min).await?;
            let Some(nonce) = account.and_then(|account| token::nonce(&account, &owner)) else {
                missing.push(number);
                continue;
            };
            // What moved it since it was made, the database doesn't know: that is found when it is compared.
            let Some(last) = net.history(&id.0, agree_min).await?.pop() else { continue };
            let lane = Lane { id, nonce, is_spent: false, last, batch: None, run: 0 };
            self.tell(PayCommand::AddLanes(vec![lane])).await?;
        }
        self.lanes_missing.store(missing.len(), Ordering::Relaxed);
        self.send_for(&missing).await
    }

    async fn send_for(&self, missing: &[u16]) -> Result<(), PayoutError> {
        let Tools { net, signer, terms } = &self.tools;
        let owner = terms.treasury.owner;
        let late = Duration::from_millis(LANES_MS);
        let sent = self.memory.lock().await.lanes_sent;
        if missing.is_empty() || sent.is_some_and(|at| at.elapsed() < late) {
            return Ok(());
        }
        if sent.is_some() {
            let what = "lanes that were sent for have not appeared: look whether the treasury has SOL for their rent";
            self.alarm(None, None, what).await?;
        }
        let rent = net.agreed(&rpc::rent(transaction::lane_bytes()), terms.agree_min).await?;
        let broken = |error: &dyn std::fmt::Display| PayoutError::Lanes(error.to_string());
        for some in missing.chunk_by(|one, next| one + 1 == *next && next % LANES_AT_ONCE != 0) {
            let (Some(first), Some(last)) = (some.first(), some.last()) else { continue };
            let blockhash = net.ask(&rpc::latest_blockhash()).await?;
            let message = transaction::make_lanes(&owner, *first..last + 1, rent, blockhash);
            let message = message.map_err(|error| broken(&error))?;
            let signature = signer.lock().await.sign(message.bytes()).await?;
            let signed = message.attach(signature, &owner).map_err(|error| broken(&error))?;
            net.send(signed.bytes()).await;
        }
        tracing::info!(lanes = missing.len(), "payouts: lanes are made");
        self.memory.lock().await.lanes_sent = Some(Instant::now());
        Ok(())
    }

    /// Compares lanes with the chain, and renews those of an earlier run.
    pub(super) async fn renew_lanes(&self) -> Result<(), PayoutError> {
        let Tools { net, terms, .. } = &self.tools;
        let state = self.state().await?;
        for lane in state.lanes.iter().filter(|lane| lane.run != self.run || lane.is_spent) {
            if state.moved.iter().any(|moved| moved.lane == lane.id) {
                continue;
            }
            let batch = state.open.iter().find(|batch| Some(batch.id) == lane.batch);
            let own = batch.map_or(vec![], |batch| batch.signatures());
            let sights = net.lane_sights(lane, terms).await;
            match compare(lane, &own, &sights, terms.agree_min) {
                LaneState::Next(nonce) => {
                    let writes = vec![Write::NextNonce(lane.id, nonce)];
                    self.commit(None, Decided { writes, effects: vec![] }).await?;
                }
                LaneState::Mismatch if self.is_still(lane).await? => {
                    self.alarm(None, Some(lane.id), &moved(&lane.id.0)).await?;
                }
                LaneState::Mismatch | LaneState::Same | LaneState::Busy | LaneState::Unknown => {}
            }
        }
        let state = self.state().await?;
        if !state.moved.is_empty() {
            return Ok(());
        }
        let renewed = renew(&state.lanes, &names(state.lanes.len())?, self.run);
        let batches: Vec<_> = state.lanes.iter().map(|lane| lane.id).collect();
        if self.commit(None, renewed).await?.is_some() {
            for batch in self.state().await?.open.iter().filter(|batch| batches.contains(&batch.lane)) {
                if batch.transfers.is_empty() && batch.signatures().is_empty() {
                    self.drive(batch.id, Observation::Tick).await?;
                }
            }
        }
        Ok(())
    }

    /// Whether a lane is as it was before the chain was asked.
    async fn is_still(&self, lane: &Lane) -> Result<bool, PayoutError> {
        Ok(self.state().await?.lanes.contains(lane))
    }
}
