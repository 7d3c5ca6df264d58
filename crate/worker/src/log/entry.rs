//! One piece of work in the log.

use lull_protocol::message::RefusedCode;
use lull_protocol::statement::{Decision, Outcome, Report, Verdict, WorkResult};
use lull_protocol::units::OrderId;
use lull_protocol::{Amount, ByteCount, Hash, Item, Timestamp, cose, fields};
use lull_view::{Activity, ActivityEntry, ActivityState, ActivityWork, report_in_words};

use crate::clock::Clock;
use crate::fetch::site_of;
use crate::limits;
use crate::records::ReceiptRecord;

/// States in the order of their codes.
const STATES: [ActivityState; 9] = [
    ActivityState::Sending,
    ActivityState::Waiting,
    ActivityState::Accepted,
    ActivityState::Ambiguous,
    ActivityState::Rejected,
    ActivityState::Refused,
    ActivityState::Contested,
    ActivityState::Appealed,
    ActivityState::Reversed,
];

/// A record of the log. Full addresses and bodies are not in it; long texts are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogRecord {
    pub(crate) offer: Hash,
    /// When it ended, coordinator's clock.
    pub(crate) at: Timestamp,
    pub(crate) order: OrderId,
    pub(crate) requester: String,
    /// The site's host, or the judgment's title.
    pub(crate) subject: String,
    /// The declared purpose, or the answer.
    pub(crate) detail: String,
    /// `None`: a judgment.
    pub(crate) fetched: Option<Fetched>,
    /// Its place in [`STATES`].
    state: u8,
    pub(crate) amount: Amount,
}
fields!(LogRecord { 0 offer, 1 at, 2 order, 3 requester, 4 subject, 5 detail, 6 fetched, 7 state, 8 amount });

/// What the log tells of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<String>,
    pub(crate) received: ByteCount,
    pub(crate) sent: ByteCount,
}
fields!(Fetched { 0 outcome, 1 reason, 2 received, 3 sent });

/// A piece of work that is signed.
pub(crate) struct Done<'a> {
    pub(crate) offer: &'a Hash,
    pub(crate) item: &'a [u8],
    pub(crate) result: &'a [u8],
    pub(crate) verdict: Option<&'a [u8]>,
    pub(crate) refused: Option<RefusedCode>,
    /// What is held against it, not yet for good: whether the person has appealed.
    pub(crate) contested: Option<bool>,
    /// The coordinator has not acknowledged it.
    pub(crate) is_sending: bool,
}

impl<'a> Done<'a> {
    pub(crate) fn of_receipt(offer: &'a Hash, record: &'a ReceiptRecord) -> Self {
        let verdict = record.verdict.as_ref().map(|verdict| verdict.as_slice());
        let (item, result, refused) = (&record.item, &record.result, record.refused);
        let contested = record.rejection.as_ref().map(|_| record.appeal.is_some());
        Self { offer, item, result, verdict, refused, contested, is_sending: false }
    }
}

impl LogRecord {
    pub(crate) fn of(done: &Done<'_>) -> Option<Self> {
        let item = Item::from_bytes(done.item).ok()?;
        let result = cose::peek::<WorkResult>(done.result).ok()?;
        let verdict = done.verdict.and_then(|bytes| cose::peek::<Verdict>(bytes).ok());
        let state = match (&verdict, done.refused) {
            (Some(verdict), _) => match verdict.decision {
                Decision::Accepted => ActivityState::Accepted,
                Decision::Rejected => ActivityState::Rejected,
                Decision::Ambiguous => ActivityState::Ambiguous,
            },
            (None, Some(_)) => ActivityState::Refused,
            (None, None) if done.contested == Some(true) => ActivityState::Appealed,
            (None, None) if done.contested == Some(false) => ActivityState::Contested,
            (None, None) if done.is_sending => ActivityState::Sending,
            (None, None) => ActivityState::Waiting,
        };
        let (subject, detail, fetched) = match (&item, result.report) {
            (Item::Judgment(item), report) => (item.title.as_str(), report_in_words(&item.task, &report)?, None),
            (Item::Fetch(item), Report::Fetch(report)) => {
                let (received, sent) = (report.traffic.received, report.traffic.sent);
                let fetched = Fetched { outcome: report.outcome, reason: report.reason, received, sent };
                (site_of(&item.url), item.purpose.clone(), Some(fetched))
            }
            _ => return None,
        };
        Some(Self {
            offer: *done.offer,
            at: result.finished_at,
            order: item.order(),
            requester: cut(item.requester()),
            subject: cut(subject),
            detail: cut(&detail),
            fetched,
            state: code_of(state),
            amount: verdict.map_or(Amount::ZERO, |verdict| verdict.amount),
        })
    }

    pub(crate) fn with_state(self, state: ActivityState) -> Self {
        Self { state: code_of(state), ..self }
    }

    pub(crate) fn state(&self) -> ActivityState {
        STATES.get(usize::from(self.state)).copied().unwrap_or(ActivityState::Waiting)
    }

    /// As the UI shows it.
    pub(crate) fn activity(self, clock: Clock) -> Activity {
        let (state, offer, at) = (self.state(), self.offer.to_string(), clock.to_local(self.at).get());
        let work = match self.fetched {
            None => ActivityWork::Judgment { title: self.subject, answer: self.detail },
            Some(fetched) => ActivityWork::Fetch {
                site: self.subject,
                purpose: self.detail,
                outcome: fetched.outcome.as_str().to_owned(),
                reason: fetched.reason,
                bytes: fetched.sent.get().saturating_add(fetched.received.get()),
            },
        };
        Activity { offer, at, requester: self.requester, work, state, amount: self.amount.get() }
    }

    pub(crate) fn bytes(&self) -> (u64, u64) {
        self.fetched.as_ref().map_or((0, 0), |fetched| (fetched.received.get(), fetched.sent.get()))
    }

    /// As the log's page shows it.
    pub(crate) fn entry(self, number: u64, clock: Clock) -> ActivityEntry {
        let (received, sent) = self.bytes();
        ActivityEntry { number, order: self.order.to_string(), received, sent, activity: self.activity(clock) }
    }
}

fn code_of(state: ActivityState) -> u8 {
    STATES.iter().zip(0..).find(|(other, _)| **other == state).map_or(0, |(_, code)| code)
}

/// The text, or its beginning and an ellipsis.
fn cut(text: &str) -> String {
    if text.len() <= limits::LOG_TEXT_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=limits::LOG_TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}
