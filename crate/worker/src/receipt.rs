//! Receipts that this browser keeps, and the verdicts that complete them.
//!
//! A verdict that the pinned coordinator did not sign, that names another worker or another number, or whose
//! number leaves a gap, is neither stored nor counted: the connection is left with `LinkProblem::Handshake`, and after the reconnect the
//! coordinator must send from the last durable one. A signed verdict about a result that this browser
//! does not hold (the key was restored here, or the receipt made room for newer ones) is counted, so
//! that the row goes on; there is nothing to store it with. Of two different verdicts about one result
//! the first counts; the second is kept beside it as evidence, and the person is told.

use lull_protocol::cose::Signed;
use lull_protocol::statement::{AcceptanceRule, Offer, Verdict};
use lull_protocol::{Hash, Timestamp, cose};
use lull_view::{LinkProblem, Notice};

use crate::appeal::Sending;
use crate::records::{Key, Keys, ReceiptRecord};
use crate::row::{Placed, Row};
use crate::{Worker, limits};

/// The newest receipts, and how far the row of verdicts has come.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    all: Row<Kept>,
    bytes: usize,
    /// The number of the last verdict that came.
    pub(crate) received: u64,
    /// The number of the last verdict that is durable here.
    pub(crate) seen: u64,
    /// Records with verdicts that are not yet in a batch.
    pub(crate) unsaved: Keys,
    /// Changes so far to what is held against results, or said to that.
    pub(crate) reviews: u32,
    /// What they pay, as far as no day counts it, base units.
    pub(crate) uncounted: u64,
    /// Receipts are on their way to where they are kept.
    is_leaving: bool,
}

#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) record: ReceiptRecord,
    /// The result's hash, by which a verdict names it.
    result: Hash,
    /// It is on its way out of what is loaded.
    leaves: bool,
    /// Until when its buyer may reject it, coordinator's clock.
    rejected_until: Option<Timestamp>,
    /// How far its appeal is, if it has one.
    pub(crate) sending: Sending,
}

impl Kept {
    /// Evidence has come, or may come: that and the appeal have their place here.
    fn is_under_review(&self, now: Timestamp) -> bool {
        let may_come = self.record.refused.is_none() && self.rejected_until.is_some_and(|until| now < until);
        self.record.verdict.is_none() && (self.record.rejection.is_some() || may_come)
    }
}

impl Placed for Kept {
    fn seq(&self) -> u64 {
        self.record.seq
    }
}

impl Receipts {
    /// Adds a receipt whose offer has none yet.
    pub(crate) fn insert(&mut self, offer: Hash, record: ReceiptRecord) {
        self.bytes += record.bytes();
        let result = Hash::of(&record.result);
        let rejected_until = cose::peek::<Offer>(&record.offer).ok().and_then(|offer| rejected_until(&offer));
        self.all.insert(offer, Kept { record, result, leaves: false, rejected_until, sending: Sending::STORED });
    }

    /// The oldest that are settled leave what is loaded, some at a time: offers and places. Where too many wait
    /// for their verdict, the oldest leave all the same, but for those under review.
    pub(crate) fn leave(&mut self, now: Timestamp) -> Vec<(Hash, u64)> {
        let surplus = self.all.len().saturating_sub(limits::RECEIPTS_LOADED_MAX).min(limits::RECEIPTS_MOVED_MAX);
        if surplus == 0 || self.is_leaving || !self.unsaved.is_empty() {
            return Vec::new();
        }
        let are_many = self.all.len() > limits::RECEIPTS_MAX || self.bytes > limits::RECEIPTS_BYTES_MAX;
        let is_settled = |kept: &Kept| kept.record.verdict.is_some() || kept.record.refused.is_some();
        let may_leave = |kept: &&mut Kept| !kept.is_under_review(now) && (are_many || is_settled(kept));
        for kept in self.all.works_mut().filter(may_leave).take(surplus) {
            kept.leaves = true;
        }
        let leaving = self.all.iter().filter(|(_, kept)| kept.leaves);
        let leaving: Vec<(Hash, u64)> = leaving.map(|(offer, kept)| (*offer, kept.record.seq)).collect();
        self.is_leaving = !leaving.is_empty();
        leaving
    }

    /// Whether as many are under review as may be here.
    pub(crate) fn is_full(&self, now: Timestamp) -> bool {
        let (mut count, mut bytes) = (0, 0);
        for kept in self.all.works().filter(|kept| kept.is_under_review(now)) {
            (count, bytes) = (count + 1, bytes + kept.record.bytes());
        }
        count >= limits::REVIEWED_MAX || bytes >= limits::RECEIPTS_BYTES_MAX
    }

    /// The offers of all, the oldest first, those under review at the end.
    pub(crate) fn oldest(&self, now: Timestamp) -> impl Iterator<Item = Hash> {
        let of =
            move |is_reviewed: bool| self.all.iter().filter(move |(_, kept)| kept.is_under_review(now) == is_reviewed);
        of(false).chain(of(true)).map(|(offer, _)| *offer)
    }

    /// It has left, or it stays. Its place and size, if it left.
    pub(crate) fn left(&mut self, offer: &Hash, is_done: bool) -> Option<(u64, u64)> {
        self.is_leaving = false;
        let kept = self.all.get_mut(offer)?;
        if !(std::mem::take(&mut kept.leaves) && is_done) {
            return None;
        }
        let left = (kept.record.seq, kept.record.bytes() as u64);
        self.remove(offer);
        Some(left)
    }

    /// What storage has under `receipt/`.
    pub(crate) fn loaded(&self, offer: &Hash) -> Option<&ReceiptRecord> {
        self.all.get(offer).filter(|kept| !kept.leaves).map(|kept| &kept.record)
    }

    /// What is on its way to storage under `log-kept/`.
    pub(crate) fn leaving(&self, seq: u64) -> Option<&ReceiptRecord> {
        self.all.by_seq(seq).filter(|(_, kept)| kept.leaves).map(|(_, kept)| &kept.record)
    }

    pub(crate) fn by_seq(&self, seq: u64) -> Option<(&Hash, &ReceiptRecord)> {
        self.all.by_seq(seq).map(|(offer, kept)| (offer, &kept.record))
    }

    pub(crate) fn remove(&mut self, offer: &Hash) {
        if let Some(kept) = self.all.remove(offer) {
            self.bytes = self.bytes.saturating_sub(kept.record.bytes());
        }
    }

    pub(crate) fn by_offer(&self, offer: &Hash) -> Option<&ReceiptRecord> {
        self.all.get(offer).map(|kept| &kept.record)
    }

    pub(crate) fn by_result(&self, result: &Hash) -> Option<Hash> {
        self.all.iter().find(|(_, kept)| kept.result == *result).map(|(offer, _)| *offer)
    }

    /// Offers and receipts, the newest last.
    pub(crate) fn in_row(&self) -> impl DoubleEndedIterator<Item = (&Hash, &ReceiptRecord)> {
        self.all.iter().map(|(offer, kept)| (offer, &kept.record))
    }

    /// The place behind the last.
    pub(crate) fn next_seq(&self) -> u64 {
        self.all.next_seq()
    }

    /// Receipts with an appeal that nobody has decided about.
    pub(crate) fn appeals(&self) -> impl Iterator<Item = (&Hash, &Kept)> {
        self.all.iter().filter(|(_, kept)| kept.record.appeal.is_some() && kept.record.verdict.is_none())
    }

    /// The coordinator has the appeal.
    pub(crate) fn appeal_is_delivered(&mut self, offer: &Hash) {
        if let Some(sending) = self.sending_mut(offer) {
            sending.delivered();
            self.reviews = self.reviews.wrapping_add(1);
        }
    }

    /// How far an appeal is.
    pub(crate) fn sending_mut(&mut self, offer: &Hash) -> Option<&mut Sending> {
        self.all.get_mut(offer).map(|kept| &mut kept.sending)
    }

    /// Whether the coordinator has the appeal, as far as this start knows.
    pub(crate) fn is_appeal_delivered(&self, offer: &Hash) -> bool {
        self.all.get(offer).is_some_and(|kept| kept.sending.is_delivered())
    }

    /// A new connection: what is not answered is sent again.
    pub(crate) fn forget_appeals_sent(&mut self) {
        for kept in self.all.works_mut() {
            kept.sending = kept.sending.again();
        }
    }

    pub(crate) fn appeal_is_durable(&mut self, offer: &Hash) {
        if let Some(sending) = self.sending_mut(offer) {
            sending.is_durable = true;
        }
    }

    /// Adds to a receipt, or takes from it.
    pub(crate) fn change(&mut self, offer: &Hash, change: impl FnOnce(&mut ReceiptRecord)) {
        let Some(Kept { record, leaves, .. }) = self.all.get_mut(offer) else { return };
        // It is written anew where it was, after the batch that moves it.
        *leaves = false;
        let before = record.bytes();
        change(record);
        self.reviews = self.reviews.wrapping_add(record.rejection.is_some().into());
        self.bytes = self.bytes.saturating_sub(before) + record.bytes();
    }

    /// Completes a receipt. Whether the verdict contradicts the one that is there.
    fn set_verdict(&mut self, offer: &Hash, verdict: &[u8]) -> bool {
        let mut is_other = false;
        self.change(offer, |record| {
            is_other = record.verdict.as_ref().is_some_and(|first| first.as_slice() != verdict);
            let place = if is_other { &mut record.contradiction } else { &mut record.verdict };
            place.get_or_insert_with(|| verdict.to_vec().into());
        });
        is_other
    }
}

impl Worker {
    pub(crate) fn verdict(&mut self, number: u64, statement: &[u8], now: Timestamp) {
        let Some(coordinator) = &self.coordinator else { return };
        if number <= self.receipts.received {
            return;
        }
        let verdict = Signed::<Verdict>::verify(statement, &coordinator.key);
        let is_next = number == self.receipts.received.saturating_add(1);
        let Some(verdict) = verdict.ok().filter(|verdict| is_next && self.is_in_place(verdict.payload(), number))
        else {
            return self.leave(LinkProblem::Handshake, now);
        };
        self.receipts.received = number;
        let result = verdict.payload().result;
        // It may overtake the acknowledgement; it says no less. That it names the result proves that this was sent:
        // if not on this connection, where its class may be off, then on an earlier one.
        let waiting = self.outbox.iter().find(|(_, e)| e.result.hash() == result);
        if let Some(offer) = waiting.map(|(offer, _)| *offer) {
            self.file(&offer, None);
        }
        if let Some(offer) = self.receipts.by_result(&result) {
            if self.receipts.set_verdict(&offer, statement) {
                self.notice(Notice::Contradiction { offer: offer.to_string() });
            } else {
                let amount = verdict.payload().amount.get();
                self.receipts.uncounted = self.receipts.uncounted.saturating_add(amount);
                self.count_verdict(&offer, verdict.payload());
            }
            self.receipts.unsaved.insert(Key::Receipt(offer));
            let seq = self.receipts.by_offer(&offer).map(|record| record.seq);
            self.receipts.unsaved.extend(seq.map(Key::Log));
        }
        self.changed();
    }

    /// Whether a verdict is this worker's, with this number; one of before verdicts said so may be.
    fn is_in_place(&self, verdict: &Verdict, number: u64) -> bool {
        verdict.place.is_none_or(|place| place.worker == self.me && place.number == number)
    }
}

/// Some time after its approval: the coordinator's sweep may be late.
fn rejected_until(offer: &Offer) -> Option<Timestamp> {
    matches!(offer.rule, AcceptanceRule::Review { .. }).then(|| offer.approved_at.plus(limits::DAY_MS))
}

#[cfg(test)]
mod tests {
    use lull_protocol::cbor::ByteVec;
    use lull_protocol::statement::{JobClass, Price};
    use lull_protocol::units::Nonce;
    use lull_protocol::{Amount, PublicKey, SigningKey};
    use zeroize::Zeroizing;

    use super::*;

    /// An offer of a judgment that its buyer reviews.
    fn reviewed(approved_at: Timestamp) -> ByteVec {
        let offer = Offer {
            worker: PublicKey([1; 32]),
            item: Hash([2; 32]),
            class: JobClass::Judgment,
            nonce: Nonce([3; 16]),
            price: Price { per_item: Amount::ZERO, per_mib: Amount::ZERO },
            asset: "demo credits".into(),
            rule: AcceptanceRule::Review { agree: 1, people: 1 },
            issued_at: Timestamp::ZERO,
            deadline: Timestamp::ZERO,
            approved_at,
        };
        Signed::sign(offer, &SigningKey::from_seed(&Zeroizing::new([4; 32]))).bytes().to_vec().into()
    }

    fn waiting(seq: usize, offer: &ByteVec) -> ReceiptRecord {
        let nothing = || ByteVec::from(Vec::new());
        ReceiptRecord {
            seq: seq as u64,
            offer: offer.clone(),
            item: nothing(),
            result: nothing(),
            verdict: None,
            refused: None,
            contradiction: None,
            extension: None,
            rejection: None,
            appeal: None,
        }
    }

    #[test]
    fn as_many_as_may_be_rejected_are_here_and_no_more_are_wanted() {
        let mut receipts = Receipts::default();
        let offer = |i: usize| Hash::of(&i.to_be_bytes());
        let before = Timestamp::new(1_000).unwrap();
        let (after, signed, last) = (before.plus(limits::DAY_MS), reviewed(before), limits::REVIEWED_MAX - 1);
        for i in 0..last {
            receipts.insert(offer(i), waiting(i, &signed));
        }
        assert!(!receipts.is_full(before));
        receipts.insert(offer(last), waiting(last, &signed));
        assert!(receipts.is_full(before) && receipts.leave(before).is_empty());
        receipts.change(&offer(1), |record| record.rejection = Some(vec![1].into()));
        assert!(!receipts.is_full(after));
        assert_eq!(receipts.oldest(after).last(), Some(offer(1)));
        let leaving = receipts.leave(after);
        assert_eq!((leaving.len(), leaving[0].0, leaving[1].0), (limits::RECEIPTS_MOVED_MAX, offer(0), offer(2)));
    }
}
