//! Rejections of this browser's answers, and the person's appeals about them.
//!
//! A rejection is stored with the receipt it is about. It is told again after each reconnect while it is open, and
//! before its verdict, so nothing is lost with a kill. An appeal is signed once and stored before it is sent; it is
//! sent again on each connection until the coordinator says that it is stored there, refuses it for good, or gives
//! the verdict.

use lull_protocol::cose::Signed;
use lull_protocol::limits::APPEAL_BYTES_MAX;
use lull_protocol::message::RefusedCode;
use lull_protocol::receipt::Receipt;
use lull_protocol::rejection::{Appeal, Rejection, words_of};
use lull_protocol::statement::Verdict;
use lull_protocol::{Hash, Timestamp, ToCoordinator, cose};
use lull_view::{Contested, LinkProblem, Notice, RejectionView};

use crate::Worker;
use crate::link::backoff_ms;
use crate::outbox::code_name;
use crate::storage::After;

/// How far an appeal is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sending {
    /// Whether storage holds it; before that it is not sent.
    pub(crate) is_durable: bool,
    /// Whether it went out on this connection.
    is_sent: bool,
    /// Whether the coordinator has it.
    is_told: bool,
    attempts: u32,
    /// The coordinator could not take it: not before then.
    retry_at: Option<Timestamp>,
}

impl Sending {
    /// Stored, and not sent on this connection.
    pub(crate) const STORED: Self =
        Self { is_durable: true, is_sent: false, is_told: false, attempts: 0, retry_at: None };

    /// Whether it is to go out now.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let waits = self.is_durable && !self.is_sent && !self.is_told;
        waits && self.retry_at.is_none_or(|at| now >= at)
    }

    pub(crate) fn sent(&mut self) {
        (self.is_sent, self.retry_at) = (true, None);
    }

    /// How often it was tried, if its answer is awaited.
    pub(crate) fn awaited(&self) -> Option<u32> {
        (self.is_sent && !self.is_told).then_some(self.attempts)
    }

    /// It goes out again, not before a moment.
    pub(crate) fn retry(&mut self, at: Timestamp, attempts: u32) {
        (self.is_sent, self.retry_at, self.attempts) = (false, Some(at), attempts.saturating_add(1));
    }

    pub(crate) fn retry_at(&self) -> Option<Timestamp> {
        self.retry_at
    }

    pub(crate) fn delivered(&mut self) {
        (self.is_told, self.retry_at) = (true, None);
    }

    pub(crate) fn is_delivered(&self) -> bool {
        self.is_told
    }

    /// On a new connection.
    pub(crate) fn again(self) -> Self {
        Self { is_durable: self.is_durable, is_told: self.is_told, ..Self::STORED }
    }
}

impl Worker {
    /// One that the pinned coordinator did not sign, or that is another worker's, is a fault, as with a verdict.
    pub(crate) fn rejected(&mut self, statement: &[u8], now: Timestamp) {
        let Some(coordinator) = &self.coordinator else { return };
        let signed = Signed::<Rejection>::verify(statement, &coordinator.key);
        let Some(signed) = signed.ok().filter(|signed| signed.payload().worker == self.me) else {
            return self.leave(LinkProblem::Handshake, now);
        };
        let result = signed.payload().result;
        // It may overtake the acknowledgement; it says no less.
        let waiting = self.outbox.iter().find(|(_, e)| e.result.hash() == result).map(|(offer, _)| *offer);
        if let Some(offer) = waiting {
            self.file(&offer, None);
        }
        let Some(offer) = self.receipts.by_result(&result) else { return };
        let Some(record) = self.receipts.by_offer(&offer).filter(|record| record.rejection.is_none()) else { return };
        let seq = record.seq;
        let verdict = record.verdict.as_ref().and_then(|bytes| cose::peek::<Verdict>(bytes).ok());
        if verdict.is_some_and(|verdict| verdict.rejection != Some(signed.hash())) {
            return;
        }
        self.receipts.change(&offer, |record| record.rejection = Some(statement.to_vec().into()));
        self.persist_receipt(offer, seq, After::Nothing);
        self.changed();
    }

    /// The person appeals. Once there is a verdict, or an appeal, it is too late for one.
    pub(crate) fn appeal(&mut self, offer: &str, words: &str, now: Timestamp) {
        let Some(offer) = Hash::from_hex(offer) else { return };
        let words = words_of(words);
        if words.as_ref().is_some_and(|words| words.len() > APPEAL_BYTES_MAX)
            || self.appeal_reversal(offer, words.clone(), now)
        {
            return;
        }
        let Some(record) = self.receipts.by_offer(&offer) else { return };
        let is_open = record.verdict.is_none() && record.appeal.is_none();
        let Some(rejection) = record.rejection.as_ref().filter(|_| is_open) else { return };
        let seq = record.seq;
        let appeal = Appeal { rejection: Hash::of(rejection), words, at: self.coordinator_now(now) };
        let appeal = Signed::sign(appeal, &self.key);
        self.receipts.change(&offer, |record| record.appeal = Some(appeal.bytes().to_vec().into()));
        if let Some(sending) = self.receipts.sending_mut(&offer) {
            *sending = Sending::default();
        }
        self.persist_receipt(offer, seq, After::Appeal(offer));
        self.changed();
    }

    /// Sends what is durable and not sent yet, while judgments are on.
    pub(crate) fn send_appeals(&mut self, now: Timestamp) {
        if !self.is_ready() {
            return;
        }
        self.send_reversal_appeals(now);
        if !self.settings.judgments {
            return;
        }
        let due = self.receipts.appeals().filter(|(_, kept)| kept.sending.is_due(now));
        let due: Vec<_> = due.filter_map(|(offer, kept)| Some((*offer, kept.record.appeal.clone()?))).collect();
        for (offer, statement) in due {
            if let Some(sending) = self.receipts.sending_mut(&offer) {
                sending.sent();
            }
            self.send(&ToCoordinator::Appeal { statement });
        }
    }

    /// When an appeal that was refused for now goes out again.
    pub(crate) fn appeal_due_at(&self) -> Option<Timestamp> {
        let waiting = self.receipts.appeals().filter(|_| self.settings.judgments);
        let (judgments, lends) = (self.settings.judgments, self.lends());
        let contested = self.reversals.appeals().filter(|(.., is_fetch)| if *is_fetch { lends } else { judgments });
        let contested = contested.filter_map(|(_, _, sending, _)| sending.retry_at());
        waiting.filter_map(|(_, kept)| kept.sending.retry_at).chain(contested).min()
    }

    /// The coordinator has the appeal.
    pub(crate) fn appealed(&mut self, rejection: &Hash) {
        if let Some(offer) = self.reversals.appeal_about(rejection) {
            if let Some(sending) = self.reversals.sending_mut(&offer) {
                sending.delivered();
            }
            self.receipts.reviews = self.receipts.reviews.wrapping_add(1);
            return self.changed();
        }
        if let Some(offer) = self.appeal_about(rejection) {
            self.receipts.appeal_is_delivered(&offer);
            self.changed();
        }
    }

    /// The coordinator refused an appeal. What may pass is tried again; else it never counted, and the receipt must not
    /// say that it did. Whether it was one.
    pub(crate) fn appeal_refused(&mut self, about: &Hash, code: RefusedCode, now: Timestamp) -> bool {
        if self.reversal_appeal_refused(about, code, now) {
            return true;
        }
        let Some(offer) = self.appeal_about(about) else { return false };
        let Some(attempts) = self.receipts.sending_mut(&offer).and_then(|sending| sending.awaited()) else {
            return true;
        };
        if !code.is_final() {
            let retry_at = now.plus(backoff_ms(&mut self.rng, attempts).max(1));
            if let Some(sending) = self.receipts.sending_mut(&offer) {
                sending.retry(retry_at, attempts);
            }
            return true;
        }
        let seq = self.receipts.by_offer(&offer).map_or(0, |record| record.seq);
        self.receipts.change(&offer, |record| record.appeal = None);
        self.persist_receipt(offer, seq, After::Nothing);
        self.notice(Notice::AppealRefused { code: code_name(code).to_owned() });
        true
    }

    /// The offer of the result whose rejection this is, if the person has appealed and waits for the verdict.
    fn appeal_about(&self, rejection: &Hash) -> Option<Hash> {
        let is_it = |bytes: &[u8]| Hash::of(bytes) == *rejection;
        let mut appeals = self.receipts.appeals();
        appeals.find(|(_, kept)| kept.record.rejection.as_ref().is_some_and(|r| is_it(r))).map(|(offer, _)| *offer)
    }

    /// What a rejected result's receipt shows besides its parts.
    pub(crate) fn rejection_view(&self, offer: &Hash, receipt: &Receipt, is_over: bool) -> Option<RejectionView> {
        let rejection = cose::peek::<Rejection>(receipt.rejection.as_ref()?).ok()?;
        Some(RejectionView {
            appeal_until: self.clock.to_local(rejection.appeal_until).get(),
            is_appealed: receipt.appeal.is_some(),
            is_over,
            is_delivered: self.receipts.is_appeal_delivered(offer),
        })
    }

    /// What was rejected and waits for the person's word.
    pub(crate) fn contested_view(&self) -> Option<Contested> {
        let is_open = |(_, record): &(&Hash, &crate::records::ReceiptRecord)| {
            record.rejection.is_some() && record.appeal.is_none() && record.verdict.is_none()
        };
        let open = self.receipts.in_row().filter(is_open);
        let until = |bytes: &[u8]| cose::peek::<Rejection>(bytes).map_or(Timestamp::ZERO, |r| r.appeal_until);
        let open = open.filter_map(|(offer, record)| Some((until(record.rejection.as_ref()?), offer)));
        let open: Vec<(Timestamp, &Hash)> = open.chain(self.reversals.waiting()).collect();
        let (first, offer) = open.iter().min()?;
        Some(Contested {
            count: u32::try_from(open.len()).unwrap_or(u32::MAX),
            offer: offer.to_string(),
            until: self.clock.to_local(*first).get(),
        })
    }
}
