//! Receipts: an offer, the result and the verdict, with the item, checked against each other. If the result was
//! rejected, with the rejection, and with its worker's appeal if there was one.

use crate::cbor::{self, ByteVec, Cbor, CborError, Reader, Writer};
use crate::cose::{self, Signed, StatementError};
use crate::item::Item;
use crate::limits::{ITEM_BYTES_MAX, STATEMENT_BYTES_MAX};
use crate::rejection::{Appeal, Rejection};
use crate::reversal::{Ending, Reversal, ReversalEnd};
use crate::statement::{Offer, Verdict, VerdictReason, WorkResult};
use crate::units::{Hash, PublicKey};

/// The bytes of a receipt, as they were signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The item as CBOR.
    pub item: Vec<u8>,
    /// `Signed<Offer>`.
    pub offer: Vec<u8>,
    /// `Signed<WorkResult>`.
    pub result: Vec<u8>,
    /// `Signed<Verdict>`.
    pub verdict: Vec<u8>,
    /// `Signed<Rejection>`, if the result was rejected.
    pub rejection: Option<Vec<u8>>,
    /// `Signed<Appeal>`, if the worker objected to that, or to the reversal.
    pub appeal: Option<Vec<u8>>,
    /// `Signed<Reversal>`, if what the verdict paid was contested while it was pending. Never beside a rejection.
    pub reversal: Option<Vec<u8>>,
    /// `Signed<ReversalEnd>`: what became of that.
    pub reversal_end: Option<Vec<u8>>,
}

impl Cbor for Receipt {
    fn write(&self, to: &mut Writer) {
        let map = to.map();
        for (key, part) in (0..).zip([&self.item, &self.offer, &self.result, &self.verdict]) {
            to.field(map, key, &ByteVec::from(part.clone()));
        }
        for (key, part) in (4..).zip([&self.rejection, &self.appeal, &self.reversal, &self.reversal_end]) {
            to.field(map, key, &part.clone().map(ByteVec::from));
        }
    }
    fn read(from: &mut Reader<'_>) -> Self {
        let mut left = from.map();
        let mut part = |key| from.field::<ByteVec>(&mut left, key).into();
        let (item, offer, result, verdict) = (part(0), part(1), part(2), part(3));
        let mut part = |key| from.field::<Option<ByteVec>>(&mut left, key).map(Into::into);
        let (rejection, appeal, reversal, reversal_end) = (part(4), part(5), part(6), part(7));
        let receipt = Self { item, offer, result, verdict, rejection, appeal, reversal, reversal_end };
        from.end(left);
        receipt
    }
}

/// The parts: four that each receipt has, and those that only what was contested has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What was asked.
    Item,
    /// What the coordinator promised.
    Offer,
    /// What the worker did.
    Result,
    /// What the coordinator decided.
    Verdict,
    /// What was held against the result.
    Rejection,
    /// What the worker said to that, or to the reversal.
    Appeal,
    /// What was held against the result after it was paid.
    Reversal,
    /// What became of that.
    ReversalEnd,
}

impl Part {
    /// All there are, in order.
    pub const ALL: [Self; 8] = [
        Self::Item,
        Self::Offer,
        Self::Result,
        Self::Verdict,
        Self::Rejection,
        Self::Appeal,
        Self::Reversal,
        Self::ReversalEnd,
    ];
}

/// One check of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The part it is about.
    pub part: Part,
    /// Which check.
    pub kind: CheckKind,
    /// `None` if it holds.
    pub error: Option<String>,
}

/// The checks there are, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// The coordinator signed the offer.
    OfferSigned,
    /// The item is the one the offer names.
    ItemMatches,
    /// The offer's worker signed the result.
    ResultSigned,
    /// The result names this offer.
    ResultMatches,
    /// The coordinator signed the verdict.
    VerdictSigned,
    /// The verdict names this result, and no other worker.
    VerdictMatches,
    /// The verdict pays no more than the offer allows.
    AmountFits,
    /// The coordinator signed the rejection.
    RejectionSigned,
    /// The rejection names this result and its worker, and the verdict names it.
    RejectionMatches,
    /// The offer's worker signed the appeal.
    AppealSigned,
    /// The appeal names this rejection or reversal.
    AppealMatches,
    /// The coordinator signed the reversal.
    ReversalSigned,
    /// The reversal names this result, its worker and this verdict with what it paid, and nothing was contested before.
    ReversalMatches,
    /// The coordinator signed how the reversal ended.
    ReversalEndSigned,
    /// It names this reversal and its worker, and the worker had its say.
    ReversalEndMatches,
}

/// The statements of a receipt that holds.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What was asked.
    pub item: Item,
    /// What was promised.
    pub offer: Signed<Offer>,
    /// What was done.
    pub result: Signed<WorkResult>,
    /// What was decided.
    pub verdict: Signed<Verdict>,
    /// What was held against it, if it was rejected.
    pub rejection: Option<Signed<Rejection>>,
    /// What the worker said to that, if anything.
    pub appeal: Option<Signed<Appeal>>,
    /// What was held against it after it was paid, if anything.
    pub reversal: Option<Signed<Reversal>>,
    /// What became of that, once it is decided.
    pub reversal_end: Option<Signed<ReversalEnd>>,
}

/// Bytes of a stored receipt at most.
pub const RECEIPT_BYTES_MAX: usize = ITEM_BYTES_MAX + 7 * STATEMENT_BYTES_MAX + 64;

impl Receipt {
    /// The deterministic encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }
    /// Reads a receipt; its parts are not yet checked.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CborError> {
        cbor::decode(bytes, RECEIPT_BYTES_MAX)
    }
    /// One part's bytes; none of a part that this receipt does not have.
    pub fn part(&self, part: Part) -> &[u8] {
        match part {
            Part::Item => &self.item,
            Part::Offer => &self.offer,
            Part::Result => &self.result,
            Part::Verdict => &self.verdict,
            Part::Rejection => self.rejection.as_deref().unwrap_or_default(),
            Part::Appeal => self.appeal.as_deref().unwrap_or_default(),
            Part::Reversal => self.reversal.as_deref().unwrap_or_default(),
            Part::ReversalEnd => self.reversal_end.as_deref().unwrap_or_default(),
        }
    }
    /// One part's bytes, to change them.
    pub fn part_mut(&mut self, part: Part) -> &mut Vec<u8> {
        match part {
            Part::Item => &mut self.item,
            Part::Offer => &mut self.offer,
            Part::Result => &mut self.result,
            Part::Verdict => &mut self.verdict,
            Part::Rejection => self.rejection.get_or_insert_default(),
            Part::Appeal => self.appeal.get_or_insert_default(),
            Part::Reversal => self.reversal.get_or_insert_default(),
            Part::ReversalEnd => self.reversal_end.get_or_insert_default(),
        }
    }

    /// Every check, each with its own outcome: for a person who wants to see.
    pub fn checks(&self, coordinator: &PublicKey) -> Vec<Check> {
        let mut out = Vec::new();
        let mut note = |part, kind, error: Option<String>| out.push(Check { part, kind, error });
        let offer = Signed::<Offer>::verify(&self.offer, coordinator);
        note(Part::Offer, CheckKind::OfferSigned, error_of(&offer));
        // A part whose signature fails is still read, so that the checks behind it speak for themselves.
        let offer = offer.map(|o| o.payload().clone()).or_else(|_| cose::peek::<Offer>(&self.offer)).ok();
        let item = self.item_error(offer.as_ref());
        note(Part::Item, CheckKind::ItemMatches, item);
        let result = match &offer {
            Some(offer) => Signed::<WorkResult>::verify(&self.result, &offer.worker),
            None => Err(StatementError::Envelope("the offer can't be read")),
        };
        note(Part::Result, CheckKind::ResultSigned, error_of(&result));
        let named = result.map(|r| r.payload().clone()).or_else(|_| cose::peek::<WorkResult>(&self.result));
        let names_offer = named.as_ref().is_ok_and(|r| r.offer == Hash::of(&self.offer));
        note(Part::Result, CheckKind::ResultMatches, unless(names_offer, "it names another offer"));
        let verdict = Signed::<Verdict>::verify(&self.verdict, coordinator);
        note(Part::Verdict, CheckKind::VerdictSigned, error_of(&verdict));
        let verdict = verdict.map(|v| v.payload().clone()).or_else(|_| cose::peek::<Verdict>(&self.verdict));
        let names_result = verdict.as_ref().is_ok_and(|v| v.result == Hash::of(&self.result));
        let named_worker = verdict.as_ref().ok().and_then(|v| v.place).map(|place| place.worker);
        let names_worker = named_worker.is_none_or(|named| offer.as_ref().is_some_and(|offer| offer.worker == named));
        let matches =
            unless(names_result, "it names another result").or(unless(names_worker, "it names another worker"));
        note(Part::Verdict, CheckKind::VerdictMatches, matches);
        let fits = match (&offer, &named, &verdict) {
            (Some(offer), Ok(result), Ok(verdict)) => {
                offer.price.total(result.body_bytes()).is_some_and(|most| verdict.amount <= most)
            }
            _ => false,
        };
        note(
            Part::Verdict,
            CheckKind::AmountFits,
            unless(fits, "it pays more than the offer allows, or can't be read"),
        );
        let (worker, verdict) = (offer.map(|offer| offer.worker), verdict.ok());
        out.extend(self.reversal_checks(coordinator, worker, verdict.as_ref()));
        out.extend(self.rejection_checks(coordinator, worker, verdict));
        out
    }

    /// Of a receipt whose result was rejected, by its own word or its verdict's. Before there is a verdict nothing can
    /// name the rejection.
    fn rejection_checks(
        &self,
        coordinator: &PublicKey,
        worker: Option<PublicKey>,
        verdict: Option<Verdict>,
    ) -> Vec<Check> {
        let mut out = Vec::new();
        let mut note = |part, kind, error: Option<String>| out.push(Check { part, kind, error });
        let named = verdict.as_ref().and_then(|verdict| verdict.rejection);
        let hash = self.rejection.as_deref().map(Hash::of);
        if let Some(bytes) = &self.rejection {
            let rejection = Signed::<Rejection>::verify(bytes, coordinator);
            note(Part::Rejection, CheckKind::RejectionSigned, error_of(&rejection));
            let rejection = rejection.map(|r| r.payload().clone()).or_else(|_| cose::peek::<Rejection>(bytes));
            let names_result = rejection.as_ref().is_ok_and(|r| r.result == Hash::of(&self.result));
            let names_worker = rejection.as_ref().is_ok_and(|r| Some(r.worker) == worker);
            let had_time = match (&rejection, &verdict) {
                (Ok(r), Some(v)) if v.reason == VerdictReason::RejectedByBuyer => v.decided_at >= r.appeal_until,
                _ => true,
            };
            let matches = unless(names_result, "it names another result")
                .or(unless(names_worker, "it names another worker"))
                .or(unless(self.verdict.is_empty() || named == hash, "the verdict does not name it"))
                .or(unless(had_time, "the verdict came before the time for an appeal was over"));
            note(Part::Rejection, CheckKind::RejectionMatches, matches);
        } else if named.is_some() {
            note(Part::Rejection, CheckKind::RejectionMatches, Some("the verdict names one that is missing".into()));
        } else if verdict.as_ref().is_some_and(|v| v.reason.follows_rejection()) {
            note(Part::Rejection, CheckKind::RejectionMatches, Some("the verdict rests on one and names none".into()));
        }
        if let Some(bytes) = &self.appeal {
            let appeal = match &worker {
                Some(worker) => Signed::<Appeal>::verify(bytes, worker),
                None => Err(StatementError::Envelope("the offer can't be read")),
            };
            note(Part::Appeal, CheckKind::AppealSigned, error_of(&appeal));
            let appeal = appeal.map(|a| a.payload().clone()).or_else(|_| cose::peek::<Appeal>(bytes));
            let named = appeal.ok().map(|appeal| appeal.rejection);
            let matches = named.is_some() && (named == hash || named == self.reversal.as_deref().map(Hash::of));
            note(Part::Appeal, CheckKind::AppealMatches, unless(matches, "it names another rejection or reversal"));
        }
        out
    }

    /// Of a receipt whose money was contested after its verdict.
    fn reversal_checks(
        &self,
        coordinator: &PublicKey,
        worker: Option<PublicKey>,
        verdict: Option<&Verdict>,
    ) -> Vec<Check> {
        let mut out = Vec::new();
        let mut note = |part, kind, error: Option<String>| out.push(Check { part, kind, error });
        let mut until = None;
        if let Some(bytes) = &self.reversal {
            let reversal = Signed::<Reversal>::verify(bytes, coordinator);
            note(Part::Reversal, CheckKind::ReversalSigned, error_of(&reversal));
            let reversal = reversal.map(|r| r.payload().clone()).or_else(|_| cose::peek::<Reversal>(bytes)).ok();
            until = reversal.as_ref().map(|r| r.appeal_until);
            let is = |test: &dyn Fn(&Reversal) -> bool| reversal.as_ref().is_some_and(test);
            let pays = |r: &Reversal| verdict.is_some_and(|verdict| verdict.amount == r.amount);
            let matches = unless(is(&|r| r.result == Hash::of(&self.result)), "it names another result")
                .or(unless(is(&|r| Some(r.worker) == worker), "it names another worker"))
                .or(unless(is(&|r| r.verdict == Hash::of(&self.verdict)), "it names another verdict"))
                .or(unless(is(&pays), "it names another amount than the verdict paid"))
                .or(unless(self.rejection.is_none(), "the result was contested before"));
            note(Part::Reversal, CheckKind::ReversalMatches, matches);
        }
        if let Some(bytes) = &self.reversal_end {
            let end = Signed::<ReversalEnd>::verify(bytes, coordinator);
            note(Part::ReversalEnd, CheckKind::ReversalEndSigned, error_of(&end));
            let end = end.map(|e| *e.payload()).or_else(|_| cose::peek::<ReversalEnd>(bytes)).ok();
            let is = |test: &dyn Fn(&ReversalEnd) -> bool| end.as_ref().is_some_and(test);
            let names = |e: &ReversalEnd| Some(e.reversal) == self.reversal.as_deref().map(Hash::of);
            let was_heard = |e: &ReversalEnd| e.ending.follows_appeal() == self.appeal.is_some();
            let had_time =
                |e: &ReversalEnd| e.ending != Ending::Unopposed || until.is_some_and(|until| e.decided_at >= until);
            let matches = unless(is(&names), "it names another reversal")
                .or(unless(is(&|e| Some(e.worker) == worker), "it names another worker"))
                .or(unless(is(&was_heard), "it does not fit the appeal"))
                .or(unless(is(&had_time), "it came before the time for an appeal was over"));
            note(Part::ReversalEnd, CheckKind::ReversalEndMatches, matches);
        }
        out
    }

    /// The verified statements, or the first check that fails.
    pub fn verify(&self, coordinator: &PublicKey) -> Result<Verified, Check> {
        if let Some(failed) = self.checks(coordinator).into_iter().find(|c| c.error.is_some()) {
            return Err(failed);
        }
        const HELD: &str = "every check held a moment ago";
        let offer = Signed::<Offer>::verify(&self.offer, coordinator).expect(HELD);
        let worker = &offer.payload().worker;
        Ok(Verified {
            item: Item::from_bytes(&self.item).expect(HELD),
            result: Signed::verify(&self.result, worker).expect(HELD),
            verdict: Signed::verify(&self.verdict, coordinator).expect(HELD),
            rejection: self.rejection.as_ref().map(|bytes| Signed::verify(bytes, coordinator).expect(HELD)),
            appeal: self.appeal.as_ref().map(|bytes| Signed::verify(bytes, worker).expect(HELD)),
            reversal: self.reversal.as_ref().map(|bytes| Signed::verify(bytes, coordinator).expect(HELD)),
            reversal_end: self.reversal_end.as_ref().map(|bytes| Signed::verify(bytes, coordinator).expect(HELD)),
            offer,
        })
    }

    fn item_error(&self, offer: Option<&Offer>) -> Option<String> {
        if let Err(e) = Item::from_bytes(&self.item) {
            return Some(e.to_string());
        }
        let named = offer.is_some_and(|o| o.item == Hash::of(&self.item));
        unless(named, "the offer names another item")
    }
}

impl WorkResult {
    /// The decoded body's size; zero where there is none.
    pub fn body_bytes(&self) -> crate::units::ByteCount {
        match &self.report {
            crate::statement::Report::Fetch(f) => f.body_bytes,
            _ => crate::units::ByteCount::ZERO,
        }
    }
}

fn error_of<T>(result: &Result<T, StatementError>) -> Option<String> {
    result.as_ref().err().map(ToString::to_string)
}

fn unless(holds: bool, error: &str) -> Option<String> {
    (!holds).then(|| error.to_owned())
}

/// The name of the field that a byte belongs to: `price`, `signature`, `header`, …; `None` past the end
/// or where the bytes can't be walked.
pub fn field_at(part: Part, bytes: &[u8], offset: usize) -> Option<&'static str> {
    if offset >= bytes.len() {
        return None;
    }
    if part == Part::Item {
        return field_in_item(bytes, offset);
    }
    let mut from = Reader::new(bytes);
    from.tag();
    from.array();
    let header = from.bytes();
    let end = from.position()?;
    if offset < end {
        return Some(if header.is_empty() || offset < end - header.len() { "envelope" } else { "header" });
    }
    from.map();
    let body = from.bytes();
    let end = from.position()?;
    if offset < end - body.len() {
        return Some("envelope");
    }
    if offset < end {
        return field_in_map(names(part), body, offset - (end - body.len()));
    }
    Some("signature")
}

fn names(part: Part) -> &'static [&'static str] {
    match part {
        Part::Offer => {
            &["worker", "item", "class", "nonce", "price", "asset", "rule", "issued_at", "deadline", "approved_at"]
        }
        Part::Result => &["offer", "report", "started_at", "finished_at"],
        Part::Verdict => &["result", "decision", "reason", "amount", "decided_at", "place", "rejection"],
        Part::Rejection => &["result", "worker", "reason", "evidence", "decided_at", "appeal_until"],
        Part::Appeal => &["rejection", "words", "at"],
        Part::Reversal => &["result", "worker", "verdict", "amount", "evidence", "decided_at", "appeal_until"],
        Part::ReversalEnd => &["reversal", "worker", "ending", "decided_at"],
        Part::Item => &[],
    }
}

const FETCH_ITEM_NAMES: [&str; 7] = ["order", "requester", "purpose", "url", "method", "bytes_max", "http_allowed"];
const JUDGMENT_ITEM_NAMES: [&str; 11] = [
    "order",
    "requester",
    "title",
    "guideline_version",
    "guideline",
    "question",
    "content",
    "options",
    "task",
    "warnings",
    "practice",
];

fn field_in_item(bytes: &[u8], offset: usize) -> Option<&'static str> {
    let mut from = Reader::new(bytes);
    let class = from.variant();
    from.array();
    let start = from.position()?;
    let names: &'static [&'static str] = if class == 0 { &FETCH_ITEM_NAMES } else { &JUDGMENT_ITEM_NAMES };
    if offset < start { Some("envelope") } else { field_in_map(names, bytes.get(start..)?, offset - start) }
}

fn field_in_map(names: &'static [&'static str], bytes: &[u8], offset: usize) -> Option<&'static str> {
    let mut from = Reader::new(bytes);
    from.map();
    if offset < from.position()? {
        return Some("envelope");
    }
    loop {
        let key = usize::try_from(from.uint()).ok()?;
        from.skip();
        if offset < from.position()? {
            return names.get(key).copied();
        }
    }
}
