//! How the person fares, by the verdicts about their own answers: totals per type of judgment; and what they skipped.
//!
//! A verdict is counted once, in the batch that makes it durable. The times are those that the person's own browser
//! signed.

use lull_protocol::cose;
use lull_protocol::statement::{AcceptanceRule, Offer, Report, Verdict, VerdictReason, WorkResult};
use lull_protocol::{Hash, Item, fields};
use lull_view::{KindTotals, You};

use crate::Worker;
use crate::records::Key;

/// The record `you`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct YouRecord {
    /// At most one per type.
    kinds: Vec<KindTotals>,
    /// Judgments that the person skipped, once there are some.
    skips: Option<u64>,
}
fields!(YouRecord { 0 kinds, 1 skips });

impl YouRecord {
    /// Whether no type comes twice.
    pub(crate) fn is_sound(&self) -> bool {
        let is_first =
            |(place, row): (usize, &KindTotals)| self.kinds.iter().take(place).all(|other| other.kind != row.kind);
        self.kinds.iter().enumerate().all(is_first)
    }

    fn count(&mut self, one: KindTotals) {
        let Some(row) = self.kinds.iter_mut().find(|row| row.kind == one.kind) else {
            return self.kinds.push(one);
        };
        row.answers = row.answers.saturating_add(one.answers);
        row.agreed = row.agreed.saturating_add(one.agreed);
        row.others_agreed = row.others_agreed.saturating_add(one.others_agreed);
        row.time_ms = row.time_ms.saturating_add(one.time_ms);
        row.earned = row.earned.saturating_add(one.earned);
        let sum = |a: Option<u64>, b: Option<u64>| b.map_or(a, |b| Some(a.unwrap_or_default().saturating_add(b)));
        row.checked = sum(row.checked, one.checked);
        row.right = sum(row.right, one.right);
    }
}

impl Worker {
    /// Counts the first verdict about a receipt.
    pub(crate) fn count_verdict(&mut self, offer: &Hash, verdict: &Verdict) {
        let Some(record) = self.receipts.by_offer(offer) else { return };
        let (Ok(Item::Judgment(item)), Ok(result)) =
            (Item::from_bytes(&record.item), cose::peek::<WorkResult>(&record.result))
        else {
            return;
        };
        let right = cose::peek::<Offer>(&record.offer).ok().and_then(|offer| checked(&offer, verdict));
        self.you.count(KindTotals {
            kind: item.task.kind(),
            answers: u64::from(matches!(result.report, Report::Judgment(_))),
            agreed: u64::from(verdict.reason == VerdictReason::Agreed),
            others_agreed: u64::from(verdict.reason == VerdictReason::OthersAgreed),
            time_ms: result.finished_at.since(result.started_at),
            earned: verdict.amount.get(),
            checked: right.map(|_| 1),
            right: right.map(u64::from),
        });
        self.receipts.unsaved.insert(Key::You);
    }

    /// Counts a skip, in the batch that makes it durable: the next one.
    pub(crate) fn count_skip(&mut self) {
        self.you.skips = Some(self.you.skips.unwrap_or_default().saturating_add(1));
        self.persist_lazily(Key::You);
    }

    pub(crate) fn you_view(&self) -> You {
        You {
            kinds: self.you.kinds.clone(),
            days: self.days.totals(|at| self.clock.to_local(at)),
            skips: self.you.skips.unwrap_or_default(),
        }
    }
}

/// Whether an answer was right, if a human has checked it. What time decides, nobody has looked at; what a clock is
/// held for isn't about the answer.
fn checked(offer: &Offer, verdict: &Verdict) -> Option<bool> {
    let is_reviewed = matches!(offer.rule, AcceptanceRule::Review { .. });
    match verdict.reason {
        _ if !is_reviewed => None,
        VerdictReason::ApprovedByBuyer | VerdictReason::AppealUpheld => Some(true),
        VerdictReason::RejectedByBuyer | VerdictReason::AppealDenied => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lull_protocol::TaskKind;

    use super::*;

    #[test]
    fn what_nobody_checked_changes_no_share() {
        let one = |checked: Option<bool>| KindTotals {
            kind: TaskKind::Choice,
            answers: 1,
            agreed: 0,
            others_agreed: 0,
            time_ms: 1_000,
            earned: 4_000,
            checked: checked.map(|_| 1),
            right: checked.map(u64::from),
        };
        let mut you = YouRecord::default();
        [None, Some(true), None, Some(false)].into_iter().for_each(|checked| you.count(one(checked)));
        let row = you.kinds[0];
        assert_eq!((row.answers, row.checked, row.right), (4, Some(2), Some(1)));
        assert_eq!(row.rightness(), None, "too few to tell");
        (0..18).for_each(|_| you.count(one(Some(true))));
        assert_eq!(you.kinds[0].rightness(), Some((95, 20)));
    }
}
