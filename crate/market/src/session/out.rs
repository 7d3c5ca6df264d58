//! What a connection has to say, and the one question it may have open.

use std::collections::VecDeque;

use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::statement::WorkResult;
use lull_protocol::{ByteCount, Hash, PublicKey, Signed, Timestamp, ToWorker};

use super::io::{Counts, End, Now, Output, Question};

/// What the open question's answer is for.
#[derive(Debug)]
pub(super) enum Asked {
    Seat(Admitted),
    Account,
    OpenLeases,
    Rejections,
    Reversals,
    Verdicts { limit: usize },
    Claim { fetch: bool, judgment: bool },
    Facts(Box<Signed<WorkResult>>),
    Memory { offer: Hash, offset: ByteCount, bytes: ByteCount, kib: u32 },
    Submit { offer: Hash, kib: u32 },
    Return { offer: Hash, reason: ReturnReason },
    Extend { offer: Hash },
    Blob { hash: Hash, offset: ByteCount },
    Appeal { rejection: Hash },
    Wallet,
    WalletStep { about: Option<Hash> },
    WalletBrowsers,
    Seen,
    Payouts,
    PayoutsBefore { number: u64 },
    PayChoice,
}

/// What the handshake established.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admitted {
    pub(super) worker: PublicKey,
    pub(super) verdicts_seen: u64,
    pub(super) day_start: Timestamp,
}

#[derive(Debug, Default)]
pub(super) struct Out {
    queue: VecDeque<Output>,
    asked: Option<Asked>,
    ended: bool,
    counts: Counts,
}

/// What every step works with.
pub(super) struct Step<'a> {
    pub(super) out: &'a mut Out,
    pub(super) now: Now,
}

impl Out {
    pub(super) fn poll(&mut self) -> Option<Output> {
        let next = self.queue.pop_front();
        if next.is_none() {
            // Most connections are idle most of the time: they keep no room for what they may say one day.
            self.queue = VecDeque::new();
        }
        next
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn asked(&self) -> Option<&Asked> {
        self.asked.as_ref()
    }

    pub(super) fn take_asked(&mut self) -> Option<Asked> {
        self.asked.take()
    }

    pub(super) fn send(&mut self, message: ToWorker) {
        if self.ended {
            return;
        }
        match message {
            ToWorker::Ack { .. } => self.counts.results += 1,
            ToWorker::Verdict { .. } => self.counts.verdicts += 1,
            ToWorker::Refused { .. } => self.counts.refused += 1,
            _ => {}
        }
        self.queue.push_back(Output::Send(message));
    }

    pub(super) fn ask(&mut self, question: Question, asked: Asked) {
        if self.ended {
            return;
        }
        if self.asked.is_some() {
            return self.end(End::Fault("a second question while one is open"));
        }
        self.asked = Some(asked);
        self.queue.push_back(Output::Ask(question));
    }

    /// What was to be sent still is, where somebody may read it.
    pub(super) fn end(&mut self, end: End) {
        if self.ended {
            return;
        }
        self.ended = true;
        self.asked = None;
        let reads = !matches!(end, End::Lost | End::Broken);
        self.queue.retain(|output| reads && matches!(output, Output::Send(_)));
        self.queue.push_back(Output::End(end));
    }

    pub(super) fn bye(&mut self, code: RefusedCode) {
        self.end(End::Bye(code));
    }
}
