//! Receipts that this browser keeps, and the verdicts that complete them.
//!
//! A verdict that the pinned coordinator did not sign, that names another worker or another number, or whose
//! number leaves a gap, is neither stored nor counted: the connection is left with `LinkProblem::Handshake`, and after the reconnect the
//! coordinator must send from the last durable one. A signed verdict about a result that this browser
//! does not hold (the key was restored here, or the receipt made room for newer ones) is counted, so
//! that the row goes on; there is nothing to store it with. Of two different verdicts about one result
//! the first counts; the second is kept beside it as evidence, and the person is told.

use lull_protocol::cose::Signed;
use lull_protocol::statement::Verdict;
use lull_protocol::{Hash, Timestamp};
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
    /// How far its appeal is, if it has one.
    pub(crate) sending: Sending,
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
        self.all.insert(offer, Kept { record, result, leaves: false, sending: Sending::STORED });
    }

    /// The oldest that are settled leave what is loaded, some at a time: offers and places. Where too many wait
    /// for their verdict, the oldest leave all the same.
    pub(crate) fn leave(&mut self) -> Vec<(Hash, u64)> {
        let surplus = self.all.len().saturating_sub(limits::RECEIPTS_LOADED_MAX).min(limits::RECEIPTS_MOVED_MAX);
        if surplus == 0 || self.is_leaving || !self.unsaved.is_empty() {
            return Vec::new();
        }
        let are_many = self.all.len() > limits::RECEIPTS_MAX || self.bytes > limits::RECEIPTS_BYTES_MAX;
        let may_leave = |kept: &&mut Kept| are_many || kept.record.verdict.is_some() || kept.record.refused.is_some();
        for kept in self.all.works_mut().filter(may_leave).take(surplus) {
            kept.leaves = true;
        }
        let leaving = self.all.iter().filter(|(_, kept)| kept.leaves);
        let leaving: Vec<(Hash, u64)> = leaving.map(|(offer, kept)| (*offer, kept.record.seq)).collect();
        self.is_leaving = !leaving.is_empty();
        leaving
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

    /// How far an appeal is.
    pub(crate) fn sending_mut(&mut self, offer: &Hash) -> Option<&mut Sending> {
        self.all.get_mut(offer).map(|kept| &mut kept.sending)
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
