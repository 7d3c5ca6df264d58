//! Signed results on their way: stored, sent, sent again until they are acknowledged or refused for
//! good. One offer has one result: it is signed once and the same bytes go out each time.

use std::sync::Arc;

use lull_protocol::cose::Signed;
use lull_protocol::limits::{BODY_WINDOW_BYTES, CHUNK_BYTES_MAX};
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::{JobClass, Report, WorkResult};
use lull_protocol::{ByteCount, DurationMs, Hash, Timestamp, ToCoordinator};
use lull_view::Notice;

use crate::extension::Extended;
use crate::lease::Lease;
use crate::link::backoff_ms;
use crate::records::{Key, OutboxRecord, ReceiptRecord};
use crate::row::Placed;
use crate::storage::After;
use crate::{Worker, Write, limits};

/// The person's last answer or skip, which can still be taken back: until then it isn't sent. An answer is signed and
/// stored, and a restart lets it go at once; of a skip storage knows nothing yet, and a restart has the judgment again.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) offer: Hash,
    /// Browser's clock.
    pub(crate) until: Timestamp,
    /// What it answers or skips.
    pub(crate) lease: Lease,
    pub(crate) what: HeldWhat,
}

/// What is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeldWhat {
    Answer,
    /// How long it was on screen, if that is known.
    Skip(Option<DurationMs>),
}

/// A signed result that is not acknowledged yet.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Its place in the row.
    pub(crate) seq: u64,
    pub(crate) class: JobClass,
    /// End of the lease, coordinator's clock.
    pub(crate) deadline: Timestamp,
    pub(crate) offer: Vec<u8>,
    pub(crate) item: Vec<u8>,
    pub(crate) result: Signed<WorkResult>,
    pub(crate) extended: Option<Extended>,
    /// Decoded; empty if there is none.
    pub(crate) body: Arc<Vec<u8>>,
    /// Whether storage holds it; before that it is not sent.
    pub(crate) is_durable: bool,
    /// Whether it went out on this connection.
    pub(crate) is_sent: bool,
    /// How far the body went out since the result was last sent, bytes.
    pub(crate) sent_to: usize,
    pub(crate) attempts: u32,
    /// The coordinator could not take it: not before then.
    pub(crate) retry_at: Option<Timestamp>,
}

impl Placed for Entry {
    fn seq(&self) -> u64 {
        self.seq
    }
}

impl Entry {
    pub(crate) fn record(&self) -> OutboxRecord {
        OutboxRecord {
            seq: self.seq,
            offer: self.offer.clone().into(),
            item: self.item.clone().into(),
            result: self.result.bytes().to_vec().into(),
            extension: self.extended.as_ref().map(|extended| extended.bytes.clone().into()),
        }
    }
}

impl Worker {
    /// Signs the result of a lease and brings it into storage, in one batch with the lease's end. A
    /// second result for the same lease is not signed.
    pub(crate) fn complete(
        &mut self,
        offer: Hash,
        report: Report,
        started_at: Timestamp,
        body: Vec<u8>,
        now: Timestamp,
    ) {
        let finished_at = self.coordinator_now(now).max(started_at);
        let seq = self.next_seq;
        let Some(lease) = self.leases.get_mut(&offer).filter(|lease| !lease.is_done) else { return };
        lease.is_done = true;
        let entry = Entry {
            seq,
            class: lease.offer.class,
            deadline: lease.deadline(),
            extended: lease.extended.clone(),
            offer: lease.offer_bytes.clone(),
            item: lease.item_bytes.clone(),
            result: Signed::sign(WorkResult { offer, report, started_at, finished_at }, &self.key),
            body: Arc::new(body),
            is_durable: false,
            is_sent: false,
            sent_to: 0,
            attempts: 0,
            retry_at: None,
        };
        self.take_seq();
        let mut keys = vec![Key::Outbox(offer), Key::Lease(offer), Key::Log(seq), Key::Days];
        keys.extend(Key::bodies(offer, entry.body.len()));
        let result = entry.result.payload().clone();
        self.outbox.insert(offer, entry);
        self.log_work(seq, &result, now);
        self.count_next_fetch(now);
        self.persist(keys, After::Result(offer));
        self.changed();
    }

    pub(crate) fn result_is_durable(&mut self, offer: &Hash) {
        if let Some(entry) = self.outbox.get_mut(offer) {
            entry.is_durable = true;
            self.leases.remove(offer);
            self.changed();
        }
    }

    /// Storage did not take a person's answer: the judgment comes back, and the answer, which never
    /// left this machine, is forgotten. A fetch's result is kept to be tried again. Whether it came back.
    pub(crate) fn take_answer_back(&mut self, offer: &Hash) -> bool {
        let is_answer = self.outbox.get(offer).is_some_and(|e| e.class == JobClass::Judgment && !e.is_durable);
        if is_answer {
            self.drop_unstored(offer);
            if let Some(lease) = self.leases.get_mut(offer) {
                lease.is_done = false;
            }
            self.changed();
        }
        is_answer
    }

    /// Holds a person's answer or skip back for as long as it can be taken back, unless its time is nearly up.
    pub(crate) fn hold(&mut self, offer: Hash, what: HeldWhat, now: Timestamp) {
        let until = now.plus(self.config.take_back_ms);
        let Some(lease) = self.leases.get(&offer).cloned() else { return };
        let has_time = until.plus(limits::TAKE_BACK_MARGIN_MS) <= self.clock.to_local(lease.deadline());
        if has_time && until > now {
            self.held = Some(Held { offer, until, lease: Lease { is_done: false, ..lease }, what });
        }
    }

    /// Hands a judgment back that the person skips, once that can't be taken back any more. Until then its lease counts
    /// as done, but stays in storage: killed meanwhile, the judgment is there again.
    pub(crate) fn hold_skip(&mut self, offer: Hash, shown_ms: Option<DurationMs>, now: Timestamp) {
        self.hold(offer, HeldWhat::Skip(shown_ms), now);
        let is_held = self.is_held(&offer);
        match self.leases.get_mut(&offer) {
            Some(lease) if is_held => {
                lease.is_done = true;
                self.changed();
            }
            _ => self.give_back_skipped(offer, shown_ms),
        }
    }

    fn give_back_skipped(&mut self, offer: Hash, shown_ms: Option<DurationMs>) {
        self.count_skip();
        self.give_back(offer, ReturnReason::Skipped, shown_ms);
    }

    /// Whether this lease is neither over nor answered: one whose skip is held back is not.
    pub(crate) fn is_open(&self, offer: &Hash, lease: &Lease) -> bool {
        let is_skip = |held: &Held| held.offer == *offer && held.what != HeldWhat::Answer;
        !lease.is_done || self.held.as_ref().is_some_and(is_skip)
    }

    /// Whether this answer or skip is held back.
    pub(crate) fn is_held(&self, offer: &Hash) -> bool {
        self.held.as_ref().is_some_and(|held| held.offer == *offer)
    }

    /// Lets go what was held back.
    pub(crate) fn let_go(&mut self) {
        let Some(held) = self.held.take() else { return };
        if let HeldWhat::Skip(shown_ms) = held.what {
            self.give_back_skipped(held.offer, shown_ms);
        }
        self.changed();
    }

    /// Lets it go and sends it, if storage has it: after this nothing is sent for a while.
    pub(crate) fn send_held(&mut self, now: Timestamp) {
        if self.held.is_some() {
            self.let_go();
            self.send_results(now);
        }
    }

    /// Lets it go when its time is over. A clock that was set back must not hold it longer.
    pub(crate) fn tick_held(&mut self, now: Timestamp) {
        let latest = now.plus(self.config.take_back_ms);
        if self.held.as_ref().is_some_and(|held| now >= held.until || held.until > latest) {
            self.let_go();
        }
    }

    /// Forgets the answer or skip that was held back, and has its judgment again, in its place: nothing of it ever left
    /// this machine.
    pub(crate) fn unanswer(&mut self) {
        let Some(Held { offer, lease, what, .. }) = self.held.take() else { return };
        if what != HeldWhat::Answer {
            if let Some(lease) = self.leases.get_mut(&offer) {
                (lease.is_done, lease.was_taken_back) = (false, true);
                self.current = Some(offer);
            }
            return self.changed();
        }
        let Some(entry) = self.outbox.remove(&offer) else { return };
        self.unlog_work(entry.seq, entry.result.payload());
        self.leases.remove(&offer);
        self.leases.insert(offer, Lease { was_taken_back: true, ..lease });
        self.current = Some(offer);
        let log = Write { key: Key::Log(entry.seq).to_string(), value: None };
        self.persist_with([Key::Outbox(offer), Key::Lease(offer), Key::Days], vec![log], After::Nothing);
        self.changed();
    }

    /// Forgets a result that storage never held.
    fn drop_unstored(&mut self, offer: &Hash) {
        if self.is_held(offer) {
            self.let_go();
        }
        if let Some(entry) = self.outbox.remove(offer) {
            self.unlog_work(entry.seq, entry.result.payload());
        }
    }

    /// Lets results go that storage has not taken by the end of their lease: nobody would take them now.
    pub(crate) fn drop_unstorable(&mut self, coordinator_now: Timestamp) {
        if self.storage.is_failing() {
            let is_late = |entry: &Entry| !entry.is_durable && entry.deadline <= coordinator_now;
            let late: Vec<Hash> = self.outbox.iter().filter(|(_, e)| is_late(e)).map(|(offer, _)| *offer).collect();
            for offer in late {
                let seq = self.outbox.get(&offer).map(|entry| entry.seq);
                self.drop_unstored(&offer);
                self.leases.remove(&offer);
                // A batch that holds it may be on its way into storage all the same.
                let log = seq.map(|seq| Write { key: Key::Log(seq).to_string(), value: None });
                let keys = [Key::Outbox(offer), Key::Lease(offer), Key::Days];
                self.persist_with(keys, log.into_iter().collect(), After::Nothing);
                self.changed();
            }
        }
    }

    /// Bytes of the bodies that are kept.
    #[cfg(feature = "bandwidth")]
    pub(crate) fn bodies_bytes(&self) -> u64 {
        self.outbox.works().map(|entry| entry.body.len() as u64).sum()
    }

    /// A new connection: everything that is not acknowledged is sent again.
    pub(crate) fn forget_what_was_sent(&mut self, now: Timestamp) {
        for entry in self.outbox.works_mut() {
            entry.is_sent = false;
            entry.retry_at = None;
        }
        for lease in self.leases.works_mut() {
            lease.asked_for_time = false;
        }
        self.receipts.forget_appeals_sent();
        self.reversals.forget_appeals_sent();
        self.purse.forget_what_was_sent();
        self.blobs.ask_again(now);
    }

    /// Sends what is durable and not sent yet, in the order it was signed; only of a class that is on.
    pub(crate) fn send_results(&mut self, now: Timestamp) {
        if !self.is_ready() {
            return;
        }
        let may_go = |entry: &Entry| {
            let is_due = entry.is_durable && !entry.is_sent && entry.retry_at.is_none_or(|at| now >= at);
            is_due && self.is_consented(entry.class)
        };
        let free = self.outbox.iter().filter(|(offer, _)| !self.is_held(offer));
        let due: Vec<Hash> = free.filter(|(_, e)| may_go(e)).map(|(offer, _)| *offer).collect();
        for offer in due {
            let Some(entry) = self.outbox.get_mut(&offer) else { continue };
            entry.is_sent = true;
            entry.sent_to = 0;
            entry.retry_at = None;
            let statement = entry.result.bytes().to_vec().into();
            self.send(&ToCoordinator::Result { statement });
        }
    }

    fn is_consented(&self, class: JobClass) -> bool {
        match class {
            JobClass::Fetch => self.lends(),
            JobClass::Judgment => self.settings.judgments,
        }
    }

    /// When a result that was refused for now goes out again.
    pub(crate) fn outbox_due_at(&self) -> Option<Timestamp> {
        self.outbox.works().filter(|entry| self.is_consented(entry.class)).filter_map(|entry| entry.retry_at).min()
    }

    /// Sends the wanted range of a body, at most one receive window of it. Only what comes next is
    /// sent, each byte once: a small frame must not be worth a large answer over and over.
    pub(crate) fn body_wanted(&mut self, offer: &Hash, offset: ByteCount, bytes: ByteCount) {
        let is_on = self.outbox.get(offer).is_some_and(|entry| self.is_consented(entry.class));
        let Some(entry) = self.outbox.get_mut(offer).filter(|entry| is_on && entry.is_sent) else { return };
        let from = entry.sent_to;
        if offset.get() != from as u64 {
            return;
        }
        let count = usize::try_from(bytes.get().min(BODY_WINDOW_BYTES)).unwrap_or(usize::MAX);
        let to = from.saturating_add(count).min(entry.body.len());
        let Some(range) = entry.body.get(from..to) else { return };
        entry.sent_to = to;
        let pieces: Vec<Vec<u8>> = range.chunks(CHUNK_BYTES_MAX).map(<[u8]>::to_vec).collect();
        self.persist_lazily(Key::Usage);
        let mut at = offset;
        for piece in pieces {
            let next = ByteCount::new(at.get() + piece.len() as u64).unwrap_or(at);
            self.send(&ToCoordinator::BodyChunk { offer: *offer, offset: at, bytes: piece.into() });
            at = next;
        }
    }

    /// The coordinator stored a result. If another one of this key counts, ours never will.
    pub(crate) fn acknowledged(&mut self, offer: &Hash, result: &Hash) {
        let Some(entry) = self.outbox.get(offer).filter(|entry| entry.is_sent) else { return };
        let is_ours = entry.result.hash() == *result;
        self.file(offer, (!is_ours).then_some(RefusedCode::ResultDiffers));
    }

    /// The coordinator refused a result or a blob. What may pass is tried again.
    pub(crate) fn refused(&mut self, about: &Hash, code: RefusedCode, now: Timestamp) {
        if self.blob_refused(about, code) || self.appeal_refused(about, code, now) {
            return;
        }
        self.not_extended(about);
        let Some(entry) = self.outbox.get_mut(about).filter(|entry| entry.is_sent) else { return };
        if code.is_final() {
            return self.file(about, Some(code));
        }
        entry.is_sent = false;
        entry.retry_at = Some(now.plus(backoff_ms(&mut self.rng, entry.attempts).max(1)));
        entry.attempts = entry.attempts.saturating_add(1);
    }

    /// Moves a result from the outbox to the receipts, in one batch.
    pub(crate) fn file(&mut self, offer: &Hash, refused: Option<RefusedCode>) {
        let Some(entry) = self.outbox.remove(offer) else { return };
        let record = entry.record();
        let OutboxRecord { seq, offer: offer_bytes, item, result, extension } = record;
        let receipt = ReceiptRecord {
            seq,
            offer: offer_bytes,
            item,
            result,
            verdict: None,
            refused,
            contradiction: None,
            extension,
            rejection: None,
            appeal: None,
        };
        self.receipts.insert(*offer, receipt);
        let mut keys = vec![Key::Outbox(*offer), Key::Receipt(*offer), Key::Log(seq)];
        keys.extend(Key::bodies(*offer, entry.body.len()));
        self.persist(keys, After::Nothing);
        if let Some(code) = refused {
            self.notice(Notice::Refused { code: code_name(code).to_owned() });
        }
        self.changed();
    }
}

/// A refusal's code, as notices name it.
pub(crate) fn code_name(code: RefusedCode) -> &'static str {
    match code {
        RefusedCode::Malformed => "malformed",
        RefusedCode::TooLarge => "too_large",
        RefusedCode::Unexpected => "unexpected",
        RefusedCode::Version => "version",
        RefusedCode::Proof => "proof",
        RefusedCode::Signature => "signature",
        RefusedCode::UnknownOffer => "unknown_offer",
        RefusedCode::NotYours => "not_yours",
        RefusedCode::LeaseExpired => "lease_expired",
        RefusedCode::LeaseEnded => "lease_ended",
        RefusedCode::ResultDiffers => "result_differs",
        RefusedCode::WrongReport => "wrong_report",
        RefusedCode::BodyHash => "body_hash",
        RefusedCode::BodyRange => "body_range",
        RefusedCode::UnknownBlob => "unknown_blob",
        RefusedCode::Unavailable => "unavailable",
        RefusedCode::Busy => "busy",
        RefusedCode::Replaced => "replaced",
        RefusedCode::Stopping => "stopping",
        RefusedCode::Withdrawn => "withdrawn",
        RefusedCode::Succeeded => "succeeded",
    }
}
