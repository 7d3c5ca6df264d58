//! Reversals: money that was paid to this worker and is contested while it is pending.
//!
//! Their receipts may have left memory, or never been in this browser, if its key was restored here. So the coordinator
//! sends the whole receipt as it stands, and it has a record of its own, in which the person's appeal is written before
//! it is sent. It is told again on each connection while it is open and for some time after its end: nothing is lost
//! with a kill, and what is told twice changes nothing.

use litemap::LiteMap;
use lull_protocol::cbor::ByteVec;
use lull_protocol::cose::{self, Signed};
use lull_protocol::item::Item;
use lull_protocol::receipt::Receipt;
use lull_protocol::rejection::Appeal;
use lull_protocol::reversal::{Reversal, ReversalEnd};
use lull_protocol::{Hash, Timestamp, ToCoordinator};
use lull_view::{ActivityState, LinkProblem, Notice, RejectionView};

use crate::appeal::Sending;
use crate::link::backoff_ms;
use crate::outbox::code_name;
use crate::records::{Key, Loading, seal};
use crate::storage::After;
use crate::{Bytes, Worker, limits};

/// By their offers.
#[derive(Debug, Default)]
pub(crate) struct Reversals(LiteMap<Hash, Contested>);

#[derive(Debug)]
struct Contested {
    receipt: Receipt,
    sending: Sending,
}

impl Contested {
    fn reversal(&self) -> Option<Reversal> {
        cose::peek(self.receipt.reversal.as_ref()?).ok()
    }
    fn hash(&self) -> Option<Hash> {
        self.receipt.reversal.as_deref().map(Hash::of)
    }
    /// When it was decided, if it is.
    fn ended_at(&self) -> Option<Timestamp> {
        let end = cose::peek::<ReversalEnd>(self.receipt.reversal_end.as_ref()?);
        Some(end.map_or(Timestamp::ZERO, |end| end.decided_at))
    }
    fn is_open(&self) -> bool {
        self.receipt.reversal_end.is_none()
    }
    fn is_fetch(&self) -> bool {
        matches!(Item::from_bytes(&self.receipt.item), Ok(Item::Fetch(_)))
    }
    fn state(&self) -> Option<ActivityState> {
        match &self.receipt.reversal_end {
            None if self.receipt.appeal.is_some() => Some(ActivityState::Appealed),
            None => Some(ActivityState::Contested),
            Some(end) => {
                let is_reversed = cose::peek::<ReversalEnd>(end).is_ok_and(|end| end.ending.is_reversed());
                is_reversed.then_some(ActivityState::Reversed)
            }
        }
    }
}

impl Reversals {
    pub(crate) fn restore(loading: &mut Loading) -> Self {
        let mut all = Self::default();
        for key in loading.keys("reversal/") {
            let Key::Reversal(offer) = key else { continue };
            let read = |bytes: ByteVec| Receipt::from_bytes(&bytes).ok().filter(|r| Hash::of(&r.offer) == offer);
            if let Some(receipt) = loading.take(key, read) {
                all.0.insert(offer, Contested { receipt, sending: Sending::STORED });
            }
        }
        all
    }

    pub(crate) fn value(&self, offer: &Hash) -> Option<Bytes> {
        let contested = self.0.get(offer)?;
        Some(Bytes::from(seal(&ByteVec::from(contested.receipt.to_bytes()))))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        self.0.keys().copied().map(Key::Reversal)
    }

    pub(crate) fn receipt(&self, offer: &Hash) -> Option<&Receipt> {
        self.0.get(offer).map(|contested| &contested.receipt)
    }

    /// What the log says of the work then; `None`: what its verdict says.
    pub(crate) fn state(&self, offer: &Hash) -> Option<ActivityState> {
        self.0.get(offer)?.state()
    }

    /// Those that wait for the person's word: until when, and the offer.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (Timestamp, &Hash)> {
        let waits = |contested: &Contested| contested.is_open() && contested.receipt.appeal.is_none();
        let waiting = self.0.iter().filter(move |(_, contested)| waits(contested));
        waiting.map(|(offer, c)| (c.reversal().map_or(Timestamp::ZERO, |reversal| reversal.appeal_until), offer))
    }

    pub(crate) fn forget_appeals_sent(&mut self) {
        for (_, contested) in self.0.iter_mut() {
            contested.sending = contested.sending.again();
        }
    }

    pub(crate) fn sending_mut(&mut self, offer: &Hash) -> Option<&mut Sending> {
        self.0.get_mut(offer).map(|contested| &mut contested.sending)
    }

    /// Those with an appeal that nobody has decided about: the offer, the appeal, how far it is, whether it is about a
    /// fetch.
    pub(crate) fn appeals(&self) -> impl Iterator<Item = (&Hash, &Vec<u8>, &Sending, bool)> {
        let open = self.0.iter().filter(|(_, contested)| contested.is_open());
        open.filter_map(|(offer, c)| Some((offer, c.receipt.appeal.as_ref()?, &c.sending, c.is_fetch())))
    }

    /// The offer of the work that a reversal with an open appeal is about.
    pub(crate) fn appeal_about(&self, reversal: &Hash) -> Option<Hash> {
        let is_it = |c: &Contested| c.is_open() && c.receipt.appeal.is_some() && c.hash() == Some(*reversal);
        self.0.iter().find(|(_, contested)| is_it(contested)).map(|(offer, _)| *offer)
    }

    /// The offer that makes room for one more: of those that have ended, the one that did so first.
    fn oldest_ended(&self) -> Option<Hash> {
        let ended = self.0.iter().filter_map(|(offer, contested)| Some((contested.ended_at()?, *offer)));
        ended.min().map(|(_, offer)| offer)
    }
}

impl Worker {
    /// The coordinator tells of a reversal, or how it ended. A receipt that doesn't hold, or is another worker's, is a
    /// fault, as with a verdict.
    pub(crate) fn reversal_told(&mut self, receipt: &[u8], now: Timestamp) {
        let Some(coordinator) = self.coordinator.as_ref().map(|coordinator| coordinator.key) else { return };
        let read = Receipt::from_bytes(receipt).ok().filter(|receipt| receipt.reversal.is_some());
        let read = read.and_then(|receipt| Some((receipt.verify(&coordinator).ok()?, receipt)));
        let Some((verified, mut receipt)) = read.filter(|(v, _)| v.offer.payload().worker == self.me) else {
            return self.leave(LinkProblem::Handshake, now);
        };
        let offer = verified.offer.hash();
        let known = self.reversals.0.get(&offer);
        // It is told as it was when it was read; what is known of the same reversal may be more.
        if known.is_some_and(|known| known.receipt.reversal != receipt.reversal || !known.is_open()) {
            return;
        }
        let is_known = known.is_some();
        let mut sending = known.map_or(Sending::STORED, |known| known.sending);
        match (&receipt.appeal, known.and_then(|known| known.receipt.appeal.clone())) {
            (Some(_), _) => sending.delivered(),
            (None, own) if receipt.reversal_end.is_none() => receipt.appeal = own,
            (None, _) => {}
        }
        if known.is_some_and(|known| known.receipt == receipt) {
            if let Some(kept) = self.reversals.sending_mut(&offer) {
                *kept = sending;
            }
            return;
        }
        let mut keys = vec![Key::Reversal(offer)];
        if !is_known && self.reversals.0.len() >= limits::REVERSALS_MAX {
            // Told again on the next connection, if there is no room now.
            let Some(oldest) = self.reversals.oldest_ended() else { return };
            self.reversals.0.remove(&oldest);
            keys.push(Key::Reversal(oldest));
        }
        self.reversals.0.insert(offer, Contested { receipt, sending });
        self.persist_reversal(offer, keys, After::Nothing);
    }

    /// The person appeals about contested money. Whether there is any by this offer.
    pub(crate) fn appeal_reversal(&mut self, offer: Hash, words: Option<String>, now: Timestamp) -> bool {
        let at = self.coordinator_now(now);
        let Some(contested) = self.reversals.0.get_mut(&offer) else { return false };
        let Some(rejection) = contested.hash().filter(|_| contested.is_open() && contested.receipt.appeal.is_none())
        else {
            return true;
        };
        let appeal = Signed::sign(Appeal { rejection, words, at }, &self.key);
        contested.receipt.appeal = Some(appeal.bytes().to_vec());
        contested.sending = Sending::default();
        self.persist_reversal(offer, vec![Key::Reversal(offer)], After::Appeal(offer));
        true
    }

    /// Sends appeals about contested money that are due, while their class is on.
    pub(crate) fn send_reversal_appeals(&mut self, now: Timestamp) {
        let (judgments, lends) = (self.settings.judgments, self.lends());
        let due = self.reversals.appeals().filter(|(.., is_fetch)| if *is_fetch { lends } else { judgments });
        let due = due.filter(|(_, _, sending, _)| sending.is_due(now));
        let due: Vec<(Hash, Vec<u8>)> = due.map(|(offer, appeal, ..)| (*offer, appeal.clone())).collect();
        for (offer, statement) in due {
            if let Some(sending) = self.reversals.sending_mut(&offer) {
                sending.sent();
            }
            self.send(&ToCoordinator::Appeal { statement: statement.into() });
        }
    }

    /// The coordinator refused an appeal about contested money. Whether it was one.
    pub(crate) fn reversal_appeal_refused(
        &mut self,
        about: &Hash,
        code: lull_protocol::message::RefusedCode,
        now: Timestamp,
    ) -> bool {
        let Some(offer) = self.reversals.appeal_about(about) else { return false };
        let Some(contested) = self.reversals.0.get_mut(&offer) else { return true };
        let Some(attempts) = contested.sending.awaited() else { return true };
        if !code.is_final() {
            let retry_at = now.plus(backoff_ms(&mut self.rng, attempts).max(1));
            contested.sending.retry(retry_at, attempts);
            return true;
        }
        contested.receipt.appeal = None;
        self.persist_reversal(offer, vec![Key::Reversal(offer)], After::Nothing);
        self.notice(Notice::AppealRefused { code: code_name(code).to_owned() });
        true
    }

    /// What a contested receipt shows besides its parts.
    pub(crate) fn reversal_view(&self, offer: &Hash) -> Option<RejectionView> {
        let contested = self.reversals.0.get(offer)?;
        let reversal = contested.reversal()?;
        Some(RejectionView {
            appeal_until: self.clock.to_local(reversal.appeal_until).get(),
            is_appealed: contested.receipt.appeal.is_some(),
            is_over: !contested.is_open(),
            is_delivered: contested.sending.is_delivered(),
        })
    }

    /// Writes what has changed, with the log's word on it where the receipt is loaded.
    fn persist_reversal(&mut self, offer: Hash, mut keys: Vec<Key>, after: After) {
        keys.extend(self.receipts.by_offer(&offer).map(|record| Key::Log(record.seq)));
        self.persist(keys, after);
        self.receipts.reviews = self.receipts.reviews.wrapping_add(1);
        self.changed();
    }
}
