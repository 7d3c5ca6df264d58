//! The log: one small record for each piece of work of the last 90 days, written in one batch with what it tells
//! of (the result, its acknowledgement, its verdict), and receipts that are settled.
//!
//! Neither is loaded at the start. Storage holds them as `log/<number>` and `log-kept/<number>`; a number grows with
//! each piece of work, so that order, pages and pruning need no index. What is loaded is the record `days`: how
//! far the log goes back, and what each day came to.
//!
//! Totals follow what is written in the order of the batches: after a kill they agree with the log. Only a batch
//! that storage refused and a kill before it is tried again can leave a day one piece of work ahead.

mod days;
mod entry;
mod find;

pub(crate) use days::DaysRecord;
pub(crate) use entry::LogRecord;
pub use find::{LowerCase, Reading};

use lull_protocol::statement::{Report, Verdict, WorkResult};
use lull_protocol::{Hash, Timestamp, cose};

use crate::records::{Key, seal};
use crate::storage::After;
use crate::{Worker, Write, limits};

use days::Work;
use entry::Done;

impl Worker {
    /// The log's record of a piece of work, from its result or its receipt. `None`: neither is here any more, so
    /// nothing new can be told, or it was pruned.
    pub(crate) fn log_record(&self, seq: u64) -> Option<LogRecord> {
        if seq < self.days.first {
            return None;
        }
        if let Some((offer, entry)) = self.outbox.by_seq(seq) {
            let (item, result) = (&entry.item, entry.result.bytes());
            let (verdict, refused, contested) = (None, None, None);
            return LogRecord::of(&Done { offer, item, result, verdict, refused, contested, is_sending: true });
        }
        let (offer, record) = self.receipts.by_seq(seq)?;
        LogRecord::of(&Done::of_receipt(offer, record)).map(|record| self.with_reversal(record))
    }

    /// What became of the work's money since its verdict, in the log's word.
    pub(super) fn with_reversal(&self, record: LogRecord) -> LogRecord {
        match self.reversals.state(&record.offer) {
            Some(state) => record.with_state(state),
            None => record,
        }
    }

    /// Counts a signed result to its day; to be written in one batch with it.
    pub(crate) fn log_work(&mut self, seq: u64, result: &WorkResult, now: Timestamp) {
        let start = self.coordinator_now(self.day_start(now));
        let bytes = self.log_record(seq).map_or(0, |record| seal(&record).len() as u64);
        self.days.begin(start, seq);
        self.days.count(seq, Work::of(result), bytes);
    }

    /// Takes a result back that storage never held.
    pub(crate) fn unlog_work(&mut self, seq: u64, result: &WorkResult) {
        self.days.uncount(seq, Work::of(result));
    }

    /// Counts what verdicts brought, in the batch that makes them durable.
    pub(crate) fn log_earnings(&mut self, now: Timestamp) {
        let earned = std::mem::take(&mut self.receipts.uncounted);
        if earned > 0 {
            let start = self.coordinator_now(self.day_start(now));
            self.days.begin(start, self.next_seq);
            self.days.earn(earned);
        }
    }

    /// What a worker finds that kept receipts before it kept a log: writes the log of them.
    pub(crate) fn log_what_is_there(&mut self) {
        let results: Vec<(u64, WorkResult, u64)> = {
            let receipts = self.receipts.in_row().filter_map(|(_, record)| {
                let verdict = record.verdict.as_ref().and_then(|bytes| cose::peek::<Verdict>(bytes).ok());
                let earned = verdict.map_or(0, |verdict| verdict.amount.get());
                Some((record.seq, cose::peek::<WorkResult>(&record.result).ok()?, earned))
            });
            let sending = self.outbox.works().map(|entry| (entry.seq, entry.result.payload().clone(), 0));
            receipts.chain(sending).collect()
        };
        if results.is_empty() {
            return;
        }
        for (seq, result, earned) in results {
            let start = result.finished_at.minus(result.finished_at.get() % limits::DAY_MS);
            self.days.begin(start, seq);
            self.days.count(seq, Work::of(&result), 0);
            self.days.earn(earned);
            self.persist_lazily(Key::Log(seq));
        }
        self.persist_lazily(Key::Days);
    }

    /// Lets go of what is too old or too much, piece by piece, and moves settled receipts out of what is loaded.
    pub(crate) fn tick_log(&mut self, now: Timestamp) {
        if self.storage.is_failing() {
            return;
        }
        // A clock that is wrong must not empty the log: both have to agree, and the coordinator's was just heard.
        if self.is_ready() {
            let now = self.coordinator_now(now).min(now);
            self.days.forget_before(now.minus(limits::LOG_DAYS_MAX * limits::DAY_MS));
        }
        if let Some(gone) = self.days.prune() {
            let keys = gone.flat_map(|seq| [Key::Log(seq), Key::Kept(seq)]);
            let raw = keys.map(|key| Write { key: key.to_string(), value: None }).collect();
            self.persist_with([Key::Days], raw, After::Nothing);
        }
        self.archive(now);
    }

    fn archive(&mut self, now: Timestamp) {
        let leaving = self.receipts.leave(self.coordinator_now(now));
        if leaving.is_empty() {
            return;
        }
        let keys: Vec<Key> = leaving.iter().flat_map(|(offer, seq)| [Key::Receipt(*offer), Key::Kept(*seq)]).collect();
        let offers = leaving.into_iter().map(|(offer, _)| offer).collect();
        self.persist(keys, After::Archived(offers));
    }

    /// These receipts are where they are kept, or still where they were.
    pub(crate) fn archived(&mut self, offers: &[Hash], is_done: bool) {
        for offer in offers {
            if let Some((seq, bytes)) = self.receipts.left(offer, is_done) {
                self.days.count(seq, Work::default(), bytes);
                self.persist_lazily(Key::Days);
            }
        }
    }
}

impl Work {
    fn of(result: &WorkResult) -> Self {
        match &result.report {
            Report::Fetch(report) => Self {
                fetches: 1,
                judgments: 0,
                received: report.traffic.received.get(),
                sent: report.traffic.sent.get(),
            },
            _ => Self { judgments: 1, ..Self::default() },
        }
    }
}
