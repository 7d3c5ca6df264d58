//! A decision in the making: the item as it will be, and the writes so far. Verdicts are signed,
//! numbered and paid here, and nowhere else.

use std::collections::BTreeMap;

use lull_protocol::rejection::Rejection;
use lull_protocol::statement::{Decision, Verdict, VerdictPlace, VerdictReason};
use lull_protocol::task::AgreementKey;
use lull_protocol::{Amount, DurationMs, Hash, PublicKey, Signed};

use crate::command::{Context, NumberedVerdict, OpenRejection, Refusal};
use crate::facts::{ItemFacts, ItemState, LeaseId, LeaseState, OrderFacts, Write};
use crate::ledger::{Account, Cause, Entry, fee};
use crate::pace::Tally;

/// One result that gets a verdict, or a rejection before it.
#[derive(Clone, Copy)]
pub(crate) struct Judged<'a> {
    pub(crate) lease: LeaseId,
    pub(crate) worker: PublicKey,
    pub(crate) result: Hash,
    /// How long a judgment was on screen, if that is known.
    pub(crate) shown: Option<DurationMs>,
    /// `Signed<Rejection>`, if it was rejected.
    pub(crate) rejection: Option<&'a [u8]>,
}

/// What a verdict says.
#[derive(Clone, Copy)]
pub(crate) struct Ruling {
    pub(crate) decision: Decision,
    pub(crate) reason: VerdictReason,
    pub(crate) amount: Amount,
}

pub(crate) struct Desk<'a> {
    cx: &'a Context,
    order: OrderFacts,
    pub(crate) item: ItemFacts,
    last_numbers: BTreeMap<PublicKey, u64>,
    /// The outcomes of the project, and whether one came to them here.
    tally: Option<(Tally, bool)>,
    pub(crate) writes: Vec<Write>,
    pub(crate) verdicts: Vec<NumberedVerdict>,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(
        cx: &'a Context,
        order: OrderFacts,
        item: ItemFacts,
        last_numbers: BTreeMap<PublicKey, u64>,
    ) -> Self {
        Self { cx, order, item, last_numbers, tally: None, writes: vec![], verdicts: vec![] }
    }

    /// The terms of the item's order.
    pub(crate) fn order(&self) -> &OrderFacts {
        &self.order
    }

    /// Counts outcomes on top of these.
    pub(crate) fn with_tally(self, tally: Tally) -> Self {
        Self { tally: Some((tally, false)), ..self }
    }

    /// Counts an outcome of the project.
    pub(crate) fn count(&mut self, shown: Option<DurationMs>, paid: Amount) {
        if let (Some((tally, is_changed)), Some(shown)) = (&mut self.tally, shown) {
            tally.count(shown, paid);
            *is_changed = true;
        }
    }

    /// Signs and numbers a verdict; moves its amount and the fee out of what is held.
    pub(crate) fn rule(&mut self, judged: Judged<'_>, ruling: Ruling) -> Result<(), Refusal> {
        let number = self.next_number(judged.worker)?;
        let verdict = Signed::sign(
            Verdict {
                result: judged.result,
                decision: ruling.decision,
                reason: ruling.reason,
                amount: ruling.amount,
                decided_at: self.cx.now,
                place: Some(VerdictPlace { worker: judged.worker, number }),
                rejection: judged.rejection.map(Hash::of),
            },
            &self.cx.key,
        );
        self.pay(judged.worker, ruling.amount, verdict.hash())?;
        self.count(judged.shown, ruling.amount);
        let Judged { lease, worker, .. } = judged;
        let rejection = judged.rejection.map(<[u8]>::to_vec);
        self.verdicts.push(NumberedVerdict { worker, number, statement: verdict.bytes().to_vec(), rejection });
        self.writes.push(Write::SetLease { lease, state: LeaseState::Judged, again: false });
        let settles_at = self.cx.now.plus(self.cx.terms.dispute_ms);
        self.writes.push(Write::AddVerdict { lease, order: self.order.id, worker, number, verdict, settles_at });
        Ok(())
    }

    /// Signs what is held against a result. Its money stays held and its place taken until the verdict, which comes
    /// no sooner than its worker had time to appeal.
    pub(crate) fn reject(&mut self, judged: Judged<'_>, evidence: String) -> OpenRejection {
        let Judged { lease, worker, result, .. } = judged;
        let appeal_until = self.cx.now.plus(self.cx.terms.appeal_ms);
        let (reason, decided_at) = (VerdictReason::RejectedByBuyer, self.cx.now);
        let rejection = Rejection { result, worker, reason, evidence, decided_at, appeal_until };
        let rejection = Signed::sign(rejection, &self.cx.key);
        let statement = rejection.bytes().to_vec();
        self.writes.push(Write::AddRejection { lease, rejection });
        OpenRejection { worker, statement, is_appealed: false }
    }

    /// Closes the item: what is still held for it goes back to the requester.
    pub(crate) fn close(&mut self, state: ItemState, decided: Option<AgreementKey>) -> Result<(), Refusal> {
        let rest = std::mem::replace(&mut self.item.held, Amount::ZERO);
        let cause = Cause::Closed(self.order.id, self.item.number);
        let available = Account::Available(self.order.requester);
        let entry = Entry::transfer(cause, Account::Held(self.order.id), &[(available, rest)])?;
        self.writes.extend(entry.map(Write::Post));
        (self.item.state, self.item.decided) = (state, decided);
        Ok(())
    }

    /// A lease of the item is no longer open.
    pub(crate) fn free_place(&mut self) -> Result<(), Refusal> {
        let fault = || Refusal::Fault("an item has fewer open leases than there are".into());
        self.item.leased = self.item.leased.checked_sub(1).ok_or_else(fault)?;
        Ok(())
    }

    /// The writes, the item's counts among them, and the verdicts.
    pub(crate) fn finish(mut self) -> (Vec<Write>, Vec<NumberedVerdict>) {
        if let Some((tally, true)) = self.tally {
            self.writes.push(Write::SetTally { order: self.order.id, tally });
        }
        self.writes.push(Write::SetItem(self.item));
        (self.writes, self.verdicts)
    }

    fn pay(&mut self, worker: PublicKey, amount: Amount, verdict: Hash) -> Result<(), Refusal> {
        let over = || Refusal::Fault("a verdict would pay more than is held for its item".into());
        let fee = fee(amount, self.order.fee_bp).ok_or_else(over)?;
        let spent = amount.checked_add(fee).ok_or_else(over)?;
        self.item.held = self.item.held.checked_sub(spent).ok_or_else(over)?;
        let to = [(Account::Pending(worker), amount), (Account::Fee, fee)];
        let entry = Entry::transfer(Cause::Verdict(verdict), Account::Held(self.order.id), &to)?;
        self.writes.extend(entry.map(Write::Post));
        Ok(())
    }

    fn next_number(&mut self, worker: PublicKey) -> Result<u64, Refusal> {
        let last = self.last_numbers.entry(worker).or_insert(0);
        *last = last.checked_add(1).ok_or_else(|| Refusal::Fault("no verdict numbers left".into()))?;
        Ok(*last)
    }
}
