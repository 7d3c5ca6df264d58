//! Looks for what requesters have paid in: asks the RPCs for transactions that name a reference, and has what they came
//! to written. A reference is looked at by one task; what it finds twice counts once, by the transaction's signature.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use lull_payout::deposit::{JUDGED_MAX, Reference, judge};
use lull_payout::rpc;
use lull_payout::transaction::Treasury;
use lull_payout::units::Signature;
use lull_store::{DepositCommand, DepositRow, LandedDeposit, PayCommand, TreasuryId};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::PayoutError;
use super::shell::Shell;
use crate::limits::{DEPOSITS_DIFFER_MAX, DEPOSITS_DIFFER_MS, DEPOSITS_LOOKED_MAX, DEPOSITS_MS};
use crate::writer::now;

/// Where requesters pay in.
#[derive(Debug, Default)]
pub(crate) struct Till {
    /// Known once the chain was compared with the settings.
    open: OnceLock<(Treasury, TreasuryId)>,
    wake: Notify,
}

impl Till {
    pub(super) fn open(&self, treasury: Treasury, id: TreasuryId) {
        // A second start has the same settings.
        let _ = self.open.set((treasury, id));
    }

    /// Whom requesters pay; `None`: the chain has not answered yet.
    pub(crate) fn treasury(&self) -> Option<&(Treasury, TreasuryId)> {
        self.open.get()
    }

    /// Something is due.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Since when RPCs differ about which reference.
type Differing = BTreeMap<Reference, Instant>;

impl Shell {
    /// Looks at references that are due, for as long as it runs.
    pub(super) async fn watch_deposits(&self) {
        let Some(till) = &self.app.till else { return };
        let mut differing = Differing::new();
        loop {
            if let Err(error) = self.look_at_deposits(&mut differing).await {
                self.say(&format!("deposits: {error}")).await;
            }
            // Whether it was woken or not, what is due says the database.
            let _ = timeout(Duration::from_millis(DEPOSITS_MS), till.wake.notified()).await;
        }
    }

    async fn look_at_deposits(&self, differing: &mut Differing) -> Result<(), PayoutError> {
        let id = self.id;
        let due = self.app.readers.read(move |r| r.deposits_due(&id, now(), DEPOSITS_LOOKED_MAX)).await?;
        for (row, looked) in due.iter().zip(join_all(due.iter().map(|row| self.look_at(row))).await) {
            let is_agreed = match looked {
                Ok(is_agreed) => is_agreed,
                Err(error) => {
                    self.say(&format!("a deposit could not be looked at: {error}")).await;
                    // Later, so that others get their turn.
                    self.looked(row, vec![], row.heard, false).await?;
                    true
                }
            };
            self.remember(differing, row.reference, is_agreed).await;
        }
        Ok(())
    }

    /// RPCs that differ for long are said to.
    async fn remember(&self, differing: &mut Differing, reference: Reference, is_agreed: bool) {
        if is_agreed {
            differing.remove(&reference);
            return;
        }
        if differing.len() >= DEPOSITS_DIFFER_MAX {
            differing.clear();
        }
        let since = differing.entry(reference).or_insert_with(Instant::now);
        if since.elapsed() >= Duration::from_millis(DEPOSITS_DIFFER_MS) {
            self.say("the RPCs differ about a deposit, which waits until they agree; one of them is behind or wrong")
                .await;
        }
    }

    /// Looks at a reference and has it written; whether the RPCs agree about all of it.
    async fn look_at(&self, row: &DepositRow) -> Result<bool, PayoutError> {
        let address = row.reference.address();
        let (net, agree_min) = (&self.tools.net, self.tools.terms.agree_min);
        let (signatures, mut differs) = net.common_history(&address, row.last.as_ref(), agree_min).await?;
        let mut landed = Vec::new();
        for signature in signatures.iter().take(JUDGED_MAX) {
            let Some(one) = self.judged(*signature).await? else {
                differs = true;
                break;
            };
            landed.push(one);
        }
        let is_all = landed.len() == signatures.len();
        let last = landed.last().map(|one| one.signature).or(row.last);
        let heard =
            if is_all { net.ask(&rpc::heard(&address, last.as_ref())).await.unwrap_or_default() } else { vec![] };
        let has_more = landed.len() == JUDGED_MAX && !is_all;
        self.looked(row, landed, heard.first().copied(), has_more).await?;
        Ok(!differs)
    }

    /// What a transaction comes to; `None`: the RPCs differ about it, or too few have it yet.
    async fn judged(&self, signature: Signature) -> Result<Option<LandedDeposit>, PayoutError> {
        let terms = &self.tools.terms;
        let answer = self.tools.net.agreed(&rpc::transaction(&signature), terms.agree_min).await;
        let transaction = match answer {
            Ok(Some(transaction)) => transaction,
            Ok(None) => return Ok(None),
            Err(error) => {
                tracing::debug!(%error, "a deposit's transaction waits");
                return Ok(None);
            }
        };
        let accounts = transaction.accounts(&terms.treasury.mint).unwrap_or_default();
        let owners = self.app.readers.read(move |r| r.deposit_owners(&accounts)).await?;
        let judged = judge(&transaction, &signature, &terms.treasury, &owners);
        Ok(Some(LandedDeposit { signature, slot: transaction.slot(), judged }))
    }

    async fn looked(
        &self,
        row: &DepositRow,
        landed: Vec<LandedDeposit>,
        heard: Option<Signature>,
        has_more: bool,
    ) -> Result<(), PayoutError> {
        // Before it is written: what is told twice is better than what is never told.
        for LandedDeposit { signature, judged, .. } in &landed {
            if let Err(why) = judged
                && why.has_arrived()
            {
                let what = format!(
                    "transaction {signature} paid in and is credited to nobody ({why:?}): look at it, and count it \
                     with `lull-coordinator deposit`"
                );
                self.alarm(None, None, &what).await?;
            }
        }
        let reference = row.reference;
        let command = DepositCommand::Looked { reference, landed, heard, has_more };
        let found = self.tell(PayCommand::Deposit(command)).await?.number;
        if found > 0 {
            tracing::info!(transactions = found, "a deposit's transactions are final");
        }
        Ok(())
    }
}
