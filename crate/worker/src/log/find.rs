//! Questions about the log: which records of storage they need, piece by piece, and what follows from them. Pure:
//! the shell reads.

use base64ct::{Base64, Encoding};
use lull_protocol::{Hash, Item, Timestamp};
use lull_view::{
    ActivityDetail, ActivityPage, ActivityTotals, AlibiFacts, AlibiParts, ChangeByte, Command, Find, PAGE_MAX, Reply,
    SEARCH_BYTES_MAX, WorkClass,
};

use crate::clock::Clock;
use crate::log::LogRecord;
use crate::records::{Key, ReceiptRecord, open};
use crate::{Worker, limits};

/// A text in lower case. Shells bring it: every browser has it, and Unicode's tables are 8 KB (gzip).
pub type LowerCase = fn(&str) -> String;

/// A question under way. The shell asks for [`Reading::range`], gives what it found to [`Reading::take`] until
/// there is no range any more, and takes the answer from `Worker::answer_read`.
#[derive(Debug)]
pub struct Reading {
    goal: Goal,
    /// Numbers still to be read: `floor..ceiling`.
    floor: u64,
    ceiling: u64,
    /// The kind of record and how many numbers at a time.
    kind: fn(u64) -> Key,
    step: u64,
}

#[derive(Debug)]
enum Goal {
    Page { find: Find, words: String, lower_case: LowerCase, clock: Clock, page: ActivityPage },
    Entry { number: u64, found: Option<LogRecord>, receipt: Option<ReceiptRecord> },
    Receipt { offer: Hash, change: Option<ChangeByte>, receipt: Option<ReceiptRecord> },
    Export { records: Vec<ReceiptRecord>, next: Option<u64> },
}

impl Worker {
    /// What has to be read from storage to answer a query; `None` if [`Worker::query`] can, or if it's a command.
    pub fn reading_of(&self, query: &Command, lower_case: LowerCase) -> Option<Reading> {
        let (next, first) = (self.next_seq, self.days.first);
        let floor = first.max(next.saturating_sub(limits::LOG_SPAN_MAX));
        let (goal, kind, floor, ceiling, step): (_, fn(u64) -> Key, _, _, _) = match query {
            Command::FindActivities(find) => {
                let mut find = find.clone();
                find.limit = find.limit.min(PAGE_MAX);
                let words = search_words(&find.text, lower_case);
                let ceiling = find.before.map_or(next, |before| before.min(next));
                // Sums are of all that fits, whatever the page.
                let ceiling = if find.sum { next } else { ceiling };
                let page = ActivityPage::default();
                let goal = Goal::Page { find, words, lower_case, clock: self.clock, page };
                (goal, Key::Log, floor, ceiling, limits::LOG_READ_MAX)
            }
            Command::OpenActivity { number } => {
                let goal = Goal::Entry { number: *number, found: None, receipt: None };
                (goal, Key::Log, *number, number.saturating_add(1), 1)
            }
            Command::OpenReceipt { offer, change } => {
                let offer = Hash::from_hex(offer).filter(|offer| !self.has_receipt(offer))?;
                let goal = Goal::Receipt { offer, change: change.clone(), receipt: None };
                (goal, Key::Log, floor, next, limits::LOG_READ_MAX)
            }
            Command::ExportKept { before } => {
                let ceiling = before.map_or(next, |before| before.min(next));
                let goal = Goal::Export { records: Vec::new(), next: None };
                (goal, Key::Kept, floor, ceiling, limits::KEPT_READ_MAX)
            }
            _ => return None,
        };
        Some(Reading { goal, floor, ceiling, kind, step })
    }

    /// The answer to a query that was read to its end.
    pub fn answer_read(&self, reading: Reading) -> Reply {
        match reading.goal {
            Goal::Page { mut page, find, .. } => {
                if !find.sum {
                    page.totals = None;
                }
                // Records that were written before their money was contested say what the verdict said.
                for entry in &mut page.entries {
                    let offer = Hash::from_hex(&entry.activity.offer);
                    let state = offer.and_then(|offer| self.reversals.state(&offer));
                    entry.activity.state = state.unwrap_or(entry.activity.state);
                }
                Reply::Activities { page }
            }
            Goal::Entry { number, found, receipt } => {
                let detail = found.map(|found| Box::new(self.detail(number, found, receipt)));
                Reply::Activity { detail }
            }
            Goal::Receipt { offer, change, receipt } => {
                let receipt = receipt.map(|record| self.receipt_view(&offer, &record, change.as_ref()));
                Reply::Receipt { receipt }
            }
            Goal::Export { records, next } => {
                let lines = records.iter().filter_map(|record| self.line(record));
                Reply::ExportKept { jsonl: lines.collect(), next }
            }
        }
    }

    /// The answer to a query where storage is in memory: `read` gives the records of a range of keys.
    pub fn query_stored(
        &self,
        query: &Command,
        now: Timestamp,
        read: impl Fn(&str, &str) -> Vec<(String, Vec<u8>)>,
    ) -> Option<Reply> {
        let Some(mut reading) = self.reading_of(query, str::to_lowercase) else { return self.query(query, now) };
        while let Some((from, below)) = reading.range() {
            reading.take(read(&from, &below));
        }
        Some(self.answer_read(reading))
    }

    /// Every complete receipt, loaded or kept, as the extension's file has them, where storage is in memory.
    pub fn export_stored(&self, now: Timestamp, read: impl Fn(&str, &str) -> Vec<(String, Vec<u8>)>) -> String {
        let mut all = String::new();
        let mut query = Some(Command::Export);
        while let Some(asked) = query.take() {
            match self.query_stored(&asked, now, &read) {
                Some(Reply::Export { jsonl }) => {
                    all.push_str(&jsonl);
                    query = Some(Command::ExportKept { before: None });
                }
                Some(Reply::ExportKept { jsonl, next }) => {
                    all.push_str(&jsonl);
                    query = next.map(|before| Command::ExportKept { before: Some(before) });
                }
                _ => {}
            }
        }
        all
    }

    fn detail(&self, number: u64, found: LogRecord, receipt: Option<ReceiptRecord>) -> ActivityDetail {
        // What is in memory is the newest; what is read may be older by a moment.
        let found = self.log_record(number).unwrap_or_else(|| self.with_reversal(found));
        let parts = self.parts_of(&found.offer).or_else(|| receipt.map(|r| [r.item, r.offer, r.result].map(Vec::from)));
        let item = parts.as_ref().and_then(|[item, ..]| Item::from_bytes(item).ok());
        let url = item.and_then(|item| if let Item::Fetch(item) = item { Some(item.url) } else { None });
        let domain = found.fetched.as_ref().map(|_| lull_policy::registrable_domain(&found.subject).to_owned());
        ActivityDetail {
            domain,
            url,
            alibi: parts.as_ref().and_then(|parts| self.alibi(parts)),
            has_receipt: parts.is_some(),
            entry: found.entry(number, self.clock),
        }
    }

    /// What the coordinator signed about a request; `None` if it doesn't hold, e.g. by another coordinator's key.
    fn alibi(&self, [item, offer, result]: &[Vec<u8>; 3]) -> Option<AlibiFacts> {
        let coordinator = self.coordinator.as_ref()?;
        let bytes = AlibiParts { card: coordinator.card.bytes(), item, offer, result };
        let [card, item, offer, result] = [bytes.card, item, offer, result].map(Base64::encode_string);
        AlibiFacts::read(&coordinator.key, &bytes, AlibiParts { card, item, offer, result }).ok()
    }
}

impl Reading {
    /// The records that are needed next: from one key to below another.
    pub fn range(&self) -> Option<(String, String)> {
        let from = self.from();
        (from < self.ceiling).then(|| ((self.kind)(from).to_string(), (self.kind)(self.ceiling).to_string()))
    }

    fn from(&self) -> u64 {
        self.floor.max(self.ceiling.saturating_sub(self.step))
    }

    /// Takes the records of the range, in the order of their keys.
    pub fn take(&mut self, records: Vec<(String, Vec<u8>)>) {
        self.ceiling = self.from();
        // The newest first.
        for (key, bytes) in records.into_iter().rev() {
            match Key::parse(&key) {
                Some(Key::Log(number)) => self.take_log(number, open::<LogRecord>(&bytes)),
                Some(Key::Kept(_)) => self.take_kept(open::<ReceiptRecord>(&bytes)),
                _ => {}
            }
        }
        self.stop_early();
    }

    fn take_log(&mut self, number: u64, record: Option<LogRecord>) {
        match &mut self.goal {
            Goal::Page { find, words, lower_case, clock, page } => match record {
                Some(record) if fits(find, words, *lower_case, *clock, &record) => {
                    take_in(find, *clock, page, number, record);
                }
                Some(_) => {}
                None => page.unreadable += 1,
            },
            Goal::Entry { found, .. } => {
                *found = record;
                self.read_kept(number);
            }
            Goal::Receipt { offer, .. } => {
                if record.is_some_and(|record| record.offer == *offer) {
                    self.read_kept(number);
                }
            }
            Goal::Export { .. } => {}
        }
    }

    /// Goes on with one receipt, and nothing after it.
    fn read_kept(&mut self, number: u64) {
        (self.kind, self.floor, self.ceiling, self.step) = (Key::Kept, number, number.saturating_add(1), 1);
    }

    fn take_kept(&mut self, record: Option<ReceiptRecord>) {
        let Some(record) = record else { return };
        match &mut self.goal {
            Goal::Entry { found, receipt, .. } => {
                *receipt = Some(record).filter(|r| found.as_ref().is_some_and(|f| f.offer == Hash::of(&r.offer)));
            }
            Goal::Receipt { offer, receipt, .. } => *receipt = Some(record).filter(|r| Hash::of(&r.offer) == *offer),
            Goal::Export { records, .. } => records.push(record),
            Goal::Page { .. } => {}
        }
    }

    /// A page that is full needs nothing more; an export gives one piece at a time.
    fn stop_early(&mut self) {
        let is_enough = match &mut self.goal {
            Goal::Page { find, page, .. } => !find.sum && page.next.is_some(),
            Goal::Export { next, .. } => {
                *next = Some(self.ceiling).filter(|ceiling| *ceiling > self.floor);
                true
            }
            Goal::Entry { .. } | Goal::Receipt { .. } => false,
        };
        if is_enough {
            self.floor = self.ceiling;
        }
    }
}

fn take_in(find: &Find, clock: Clock, page: &mut ActivityPage, number: u64, record: LogRecord) {
    let totals = page.totals.get_or_insert_with(ActivityTotals::default);
    let (received, sent) = record.bytes();
    totals.count += 1;
    totals.received = totals.received.saturating_add(received);
    totals.sent = totals.sent.saturating_add(sent);
    totals.amount = totals.amount.saturating_add(record.amount.get());
    if find.before.is_some_and(|before| number >= before) || page.next.is_some() {
        return;
    }
    if page.entries.len() < usize::from(find.limit) {
        page.entries.push(record.entry(number, clock));
    } else {
        // There is one more.
        page.next = Some(page.entries.last().map_or(number, |last| last.number));
    }
}

/// A search text as it is compared.
fn search_words(text: &str, lower_case: LowerCase) -> String {
    let end = (0..=text.len().min(SEARCH_BYTES_MAX)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    lower_case(text.get(..end).unwrap_or_default().trim())
}

fn fits(find: &Find, words: &str, lower_case: LowerCase, clock: Clock, record: &LogRecord) -> bool {
    let class = if record.fetched.is_some() { WorkClass::Fetch } else { WorkClass::Judgment };
    let at = clock.to_local(record.at).get();
    find.class.is_none_or(|wanted| wanted == class)
        && find.state.is_none_or(|wanted| wanted == record.state())
        && find.since.is_none_or(|since| at >= since)
        && find.until.is_none_or(|until| at < until)
        && (words.is_empty() || has_words(record, words, lower_case))
}

fn has_words(record: &LogRecord, words: &str, lower_case: LowerCase) -> bool {
    let has = |text: &str| match text.is_ascii() {
        // The most, and without a call out of the module.
        true => text.to_ascii_lowercase().contains(words),
        false => lower_case(text).contains(words),
    };
    let in_fetch = record
        .fetched
        .as_ref()
        .is_some_and(|fetched| has(fetched.outcome.as_str()) || fetched.reason.as_deref().is_some_and(has));
    in_fetch
        || [&record.subject, &record.detail, &record.requester].into_iter().any(|text| has(text))
        || record.order.to_string().starts_with(words)
}
