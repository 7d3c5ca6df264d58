//! Results and their bodies: verified, then the body pulled window by window, then submitted as one.

use lull_protocol::cose::{self, Signed, SignerKey, Statement, StatementError};
use lull_protocol::limits::BODY_BYTES_MAX;
use lull_protocol::message::RefusedCode;
use lull_protocol::rejection::Appeal;
use lull_protocol::statement::{Report, WorkResult};
use lull_protocol::{ByteCount, Hash, ToWorker};

use super::io::{Answer, Found, Query, Question};
use super::limits::{UPLOAD_MS_MAX, UPLOAD_STALL_MS_MAX, UPLOADS_MAX};
use super::out::{Asked, Step};
use super::upload::{Progress, Upload};
use super::work::{Work, code_of};
use crate::command::{Command, Reply};
use crate::verdict;

/// A body under transfer with its statement and its share of the memory, which grows window by window.
#[derive(Debug)]
pub(super) struct Transfer {
    upload: Upload,
    result: Box<Signed<WorkResult>>,
    began_ms: u64,
    /// When the last whole chunk came.
    heard_ms: u64,
    memory_kib: u32,
}

impl Transfer {
    /// When it is given up.
    pub(super) fn ends_at(&self) -> u64 {
        let stalled = self.heard_ms.saturating_add(UPLOAD_STALL_MS_MAX);
        stalled.min(self.began_ms.saturating_add(UPLOAD_MS_MAX))
    }

    /// Whether a chunk is the next one and as large as it can be: then the transfer goes on as it should.
    pub(super) fn is_next_whole(&self, offset: ByteCount, bytes: usize) -> bool {
        self.upload.is_next_whole(offset.get(), bytes)
    }
}

impl Work {
    pub(super) fn memory_kib(&self) -> u32 {
        self.transfers.values().map(|t| t.memory_kib).sum()
    }

    pub(super) fn result(&mut self, step: &mut Step<'_>, statement: &[u8]) {
        let Ok(signed) = self.verified::<WorkResult>(statement) else {
            let about = cose::peek::<WorkResult>(statement).ok().map(|result| result.offer);
            return self.refuse(step, about, RefusedCode::Signature);
        };
        let signed = Box::new(signed);
        let offer = signed.payload().offer;
        match stated_body(signed.payload()) {
            None => self.submit(step, signed, Vec::new(), 0),
            Some((_, bytes)) if bytes > BODY_BYTES_MAX => self.refuse(step, Some(offer), RefusedCode::TooLarge),
            Some(_) if self.transfers.contains_key(&offer) => {
                self.refuse(step, Some(offer), RefusedCode::Unexpected);
            }
            Some(_) => step.out.ask(Question::Read(Query::SubmitFacts { offer }), Asked::Facts(signed)),
        }
    }

    pub(super) fn appeal(&mut self, step: &mut Step<'_>, statement: &[u8]) {
        let Ok(appeal) = self.verified::<Appeal>(statement) else {
            let about = cose::peek::<Appeal>(statement).ok().map(|appeal| appeal.rejection);
            return self.refuse(step, about, RefusedCode::Signature);
        };
        let rejection = appeal.payload().rejection;
        let command = Command::Appeal { appeal: Box::new(appeal) };
        step.out.ask(Question::Command(command), Asked::Appeal { rejection });
    }

    pub(super) fn verified<T: Statement>(&mut self, statement: &[u8]) -> Result<Signed<T>, StatementError> {
        let signer = match &mut self.signer {
            Some(signer) => signer,
            none => none.insert(Box::new(SignerKey::new(&self.worker)?)),
        };
        Signed::verify_by(statement, signer)
    }

    /// Where no body belongs to the result, or nobody would pay for it, none is asked for: the market says
    /// what is wrong, or that this result is stored already.
    pub(super) fn facts(&mut self, step: &mut Step<'_>, result: Box<Signed<WorkResult>>, answer: Answer) {
        let offer = result.payload().offer;
        let Answer::Found(Found::SubmitFacts(facts)) = answer else {
            return self.refuse(step, Some(offer), RefusedCode::Unavailable);
        };
        let takes = |facts| verdict::takes_body(facts, &self.worker, result.payload(), step.now.wall);
        let wanted = facts.as_deref().is_some_and(takes);
        let Some((hash, bytes)) = stated_body(result.payload()).filter(|_| wanted) else {
            return self.submit(step, result, Vec::new(), 0);
        };
        if self.transfers.len() >= UPLOADS_MAX {
            return self.refuse(step, Some(offer), RefusedCode::Busy);
        }
        let (upload, first) = Upload::new(hash, bytes);
        let now_ms = step.now.monotonic_ms;
        let transfer = Transfer { upload, result, began_ms: now_ms, heard_ms: now_ms, memory_kib: 0 };
        self.transfers.insert(offer, transfer);
        self.progress(step, offer, first);
    }

    pub(super) fn chunk(&mut self, step: &mut Step<'_>, offer: Hash, offset: ByteCount, bytes: &[u8]) {
        let Some(transfer) = self.transfers.get_mut(&offer) else {
            return self.refuse(step, Some(offer), RefusedCode::BodyRange);
        };
        if transfer.is_next_whole(offset, bytes.len()) {
            transfer.heard_ms = step.now.monotonic_ms;
        }
        match transfer.upload.take(offset.get(), bytes) {
            Ok(progress) => self.progress(step, offer, progress),
            Err(code) => {
                self.transfers.remove(&offer);
                self.refuse(step, Some(offer), code);
            }
        }
    }

    fn progress(&mut self, step: &mut Step<'_>, offer: Hash, progress: Progress) {
        match progress {
            Progress::Inside => {}
            Progress::Want(offset, bytes) => {
                const BOUNDED: &str = "inside a body of at most BODY_BYTES_MAX";
                let kib = u32::try_from(bytes.div_ceil(1_024)).expect(BOUNDED);
                let offset = ByteCount::new(offset).expect(BOUNDED);
                let bytes = ByteCount::new(bytes).expect(BOUNDED);
                step.out.ask(Question::MemoryKib(kib), Asked::Memory { offer, offset, bytes, kib });
            }
            Progress::Whole(body) => {
                if let Some(Transfer { result, memory_kib, .. }) = self.transfers.remove(&offer) {
                    self.submit(step, result, body, memory_kib);
                }
            }
        }
    }

    /// Asks for the next window, if there is memory for it.
    pub(super) fn memory(
        &mut self,
        step: &mut Step<'_>,
        offer: Hash,
        (offset, bytes): (ByteCount, ByteCount),
        kib: u32,
        answer: &Answer,
    ) {
        match self.transfers.get_mut(&offer) {
            Some(transfer) if *answer == Answer::Yes => {
                transfer.memory_kib += kib;
                step.out.send(ToWorker::BodyWanted { offer, offset, bytes });
            }
            _ => {
                self.transfers.remove(&offer);
                self.refuse(step, Some(offer), RefusedCode::Busy);
            }
        }
    }

    fn submit(&mut self, step: &mut Step<'_>, result: Box<Signed<WorkResult>>, body: Vec<u8>, kib: u32) {
        let offer = result.payload().offer;
        step.out.ask(Question::Command(Command::Submit { result, body }), Asked::Submit { offer, kib });
    }

    pub(super) fn submitted(&mut self, step: &mut Step<'_>, offer: Hash, answer: Answer) {
        let Answer::Reply(Reply::Stored { result, .. }) = answer else {
            return self.refuse(step, Some(offer), code_of(&answer));
        };
        self.held.remove(&offer);
        // The lease that has ended may leave a place that was asked for already.
        self.claim_due = true;
        step.out.send(ToWorker::Ack { offer, result });
    }

    pub(super) fn drop_stalled(&mut self, step: &mut Step<'_>) {
        let now_ms = step.now.monotonic_ms;
        let stalled: Vec<Hash> =
            self.transfers.iter().filter(|(_, t)| t.ends_at() <= now_ms).map(|(offer, _)| *offer).collect();
        for offer in stalled {
            self.transfers.remove(&offer);
            self.refuse(step, Some(offer), RefusedCode::Busy);
        }
    }
}

/// Hash and size of the body that belongs to a result, by its own words; `None`: no body belongs to it.
fn stated_body(result: &WorkResult) -> Option<(Hash, u64)> {
    match &result.report {
        Report::Fetch(fetch) if fetch.outcome.is_paid() => Some((fetch.body_hash, fetch.body_bytes.get())),
        _ => None,
    }
}
