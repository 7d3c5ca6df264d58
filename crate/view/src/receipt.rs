//! A receipt in words: what a person reads when it is opened. The page makes them from the parts' bytes, so the
//! background doesn't carry them. Times are ISO 8601 in UTC, on the coordinator's clock; amounts are in whole credits;
//! hashes and keys are cut short.

use base16ct::lower::encode_string as hex;
use lull_protocol::cbor::ByteVec;
use lull_protocol::cose::{self, Statement};
use lull_protocol::fields;
use lull_protocol::rejection::{Appeal, Rejection};
use lull_protocol::reversal::{Ending, Reversal, ReversalEnd};
use lull_protocol::statement::{
    AcceptanceRule, Decision, FetchReport, Input, JobClass, Offer, Price, Report, Verdict, VerdictReason, WorkResult,
};
use lull_protocol::task::{Choice, Compare, Multi, Rating, Verify};
use lull_protocol::{Amount, Answer, Content, FetchItem, Item, JudgmentItem, Method, Task, Timestamp, Warning};

use crate::task::{answer_in_words, flag_in_words};

/// Base units of one credit.
const BASE_UNITS: u64 = 1_000_000;

/// A receipt, opened and checked in the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptView {
    /// The offer's hash.
    pub offer: String,
    /// The parts, in order: item, offer, result, verdict, rejection, reversal, appeal, reversal_end. The verdict may
    /// still be missing; only what was contested has those behind it.
    pub parts: Vec<ReceiptPart>,
    /// Every check with its outcome.
    pub checks: Vec<ReceiptCheck>,
    /// Whether each check holds.
    pub valid: bool,
    /// If a byte was changed for show: the part and field it lies in, its place and both values.
    pub changed: Option<ChangedByte>,
    /// If it was rejected, or its money contested: what the person can do about that.
    pub rejection: Option<RejectionView>,
}
fields!(ReceiptView { 0 offer, 1 parts, 2 checks, 3 valid, 4 changed, 5 rejection });

/// How far a rejection is. Its evidence and the words of the appeal are in the receipt's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RejectionView {
    /// Until when the person may appeal (the browser's own clock).
    pub appeal_until: u64,
    /// Whether the person has appealed.
    pub is_appealed: bool,
    /// Whether that is decided, for good.
    pub is_over: bool,
    /// Whether the coordinator has confirmed the appeal since the browser's start.
    pub is_delivered: bool,
}
fields!(RejectionView { 0 appeal_until, 1 is_appealed, 2 is_over, 3 is_delivered });

/// One part of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptPart {
    /// `item`, `offer`, `result`, `verdict`, `rejection`, `reversal`, `appeal` or `reversal_end`.
    pub part: String,
    /// SHA-256 of its bytes.
    pub hash: String,
    /// Its bytes; [`ReceiptView::fields`] puts them in words.
    pub content: ByteVec,
}
fields!(ReceiptPart { 0 part, 1 hash, 2 content });

/// One check of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptCheck {
    /// Its name: `offer_signed`, `item_matches`, `result_signed`, `result_matches`, `verdict_signed`,
    /// `verdict_matches`, `amount_fits`, `rejection_signed`, `rejection_matches`, `appeal_signed`, `appeal_matches`,
    /// `reversal_signed`, `reversal_matches`, `reversal_end_signed`, `reversal_end_matches`.
    pub check: String,
    /// The part it is about.
    pub part: String,
    /// What is wrong, if anything.
    pub error: Option<String>,
}
fields!(ReceiptCheck { 0 check, 1 part, 2 error });

/// A byte that was changed to show that signatures notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedByte {
    /// `item`, `offer`, `result` or `verdict`.
    pub part: String,
    /// The field, e.g. `price`.
    pub field: String,
    /// Index in the part's bytes.
    pub offset: u64,
    /// The value before.
    pub before: u8,
    /// The value after.
    pub after: u8,
}
fields!(ChangedByte { 0 part, 1 field, 2 offset, 3 before, 4 after });

/// Name and value of each field.
type Fields = Vec<(String, String)>;

impl ReceiptPart {
    /// Who signed it: `coordinator`, `you`, or nobody (the item).
    pub fn signer(&self) -> Option<&'static str> {
        match self.part.as_str() {
            "result" | "appeal" => Some("you"),
            "offer" | "verdict" | "rejection" | "reversal" | "reversal_end" => Some("coordinator"),
            _ => None,
        }
    }
}

impl ReceiptView {
    /// What is held against the result, if it was rejected or its money contested.
    pub fn evidence(&self) -> Option<String> {
        if let Some(reversal) = self.content("reversal") {
            return cose::peek::<Reversal>(reversal).ok().map(|reversal| reversal.evidence);
        }
        cose::peek::<Rejection>(self.content("rejection")?).ok().map(|rejection| rejection.evidence)
    }

    /// What the person said to that.
    pub fn appeal_words(&self) -> Option<String> {
        cose::peek::<Appeal>(self.content("appeal")?).ok()?.words
    }

    /// Whether the money was contested after its verdict.
    pub fn is_contested_money(&self) -> bool {
        self.content("reversal").is_some()
    }

    /// What became of that, once it is decided.
    pub fn ending(&self) -> Option<Ending> {
        cose::peek::<ReversalEnd>(self.content("reversal_end")?).ok().map(|end| end.ending)
    }

    /// What the verdict says, once there is one.
    pub fn verdict_reason(&self) -> Option<VerdictReason> {
        cose::peek::<Verdict>(self.content("verdict")?).ok().map(|verdict| verdict.reason)
    }

    fn content(&self, name: &str) -> Option<&[u8]> {
        self.parts.iter().find(|part| part.part == name).map(|part| part.content.as_slice())
    }

    /// Name and value of each field of a part, named as `lull_protocol::receipt::field_at` names them, so that a
    /// changed byte can be shown at its field.
    pub fn fields(&self, part: &ReceiptPart) -> Vec<(String, String)> {
        let content = |name| self.content(name);
        let bytes = part.content.as_slice();
        let item = || Item::from_bytes(content("item").unwrap_or_default());
        match part.part.as_str() {
            "item" => match item() {
                Ok(of) => item_fields(&of),
                Err(error) => unreadable(&error.to_string()),
            },
            "offer" => statement(bytes, offer),
            "result" => statement(bytes, |of| result(of, item().ok().as_ref())),
            "rejection" => statement(bytes, rejection),
            "appeal" => statement(bytes, appeal),
            "reversal" => {
                let offer = cose::peek::<Offer>(content("offer").unwrap_or_default());
                statement(bytes, |of| reversal(of, offer.as_ref().map_or("credits", |offer| offer.asset.as_str())))
            }
            "reversal_end" => statement(bytes, reversal_end),
            _ => {
                let offer = cose::peek::<Offer>(content("offer").unwrap_or_default());
                statement(bytes, |of| verdict(of, offer.as_ref().map_or("credits", |offer| offer.asset.as_str())))
            }
        }
    }
}

fn statement<T: Statement>(bytes: &[u8], fields: impl FnOnce(&T) -> Fields) -> Fields {
    match cose::peek(bytes) {
        Ok(payload) => {
            let mut all = fields(&payload);
            all.push(field("header", format!("COSE_Sign1, EdDSA, {}", T::TYP)));
            // The signature is the last 64 bytes of the one form a statement has.
            let signature = bytes.get(bytes.len().saturating_sub(64)..).unwrap_or_default();
            all.push(field("signature", short_hex(signature)));
            all
        }
        Err(error) => unreadable(&error.to_string()),
    }
}

fn unreadable(error: &str) -> Fields {
    vec![field("unreadable", error.to_owned())]
}

fn iso_8601(at: Timestamp) -> String {
    crate::iso_8601(at.get())
}

fn field(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// The first 8 bytes and an ellipsis.
fn short_hex(bytes: &[u8]) -> String {
    match bytes.get(..8) {
        Some(head) if bytes.len() > 8 => format!("{}…", hex(head)),
        _ => hex(bytes),
    }
}

/// `0.004 demo credits`: exact, without trailing zeros.
fn amount(amount: Amount, asset: &str) -> String {
    let (whole, rest) = (amount.get() / BASE_UNITS, amount.get() % BASE_UNITS);
    let fraction = format!("{rest:06}");
    match fraction.trim_end_matches('0') {
        "" => format!("{whole} {asset}"),
        digits => format!("{whole}.{digits} {asset}"),
    }
}

fn price(price: &Price, asset: &str) -> String {
    let item = amount(price.per_item, asset);
    if price.per_mib == Amount::ZERO { item } else { format!("{item} + {} per MiB", amount(price.per_mib, asset)) }
}

fn class(class: JobClass) -> &'static str {
    match class {
        JobClass::Fetch => "fetch",
        JobClass::Judgment => "judgment",
    }
}

fn rule(rule: &AcceptanceRule) -> String {
    match rule {
        AcceptanceRule::FetchChecks { bytes_max } => {
            format!("in time, at most {} bytes, the body as signed, each hop allowed", bytes_max.get())
        }
        AcceptanceRule::Agreement { agree, people } => format!("{agree} of {people} people agree"),
        AcceptanceRule::Review { agree, people } => {
            format!("the requester accepts it; {agree} of {people} people agree")
        }
    }
}

fn item_fields(item: &Item) -> Fields {
    match item {
        Item::Fetch(item) => fetch_item(item),
        Item::Judgment(item) => judgment_item(item),
    }
}

fn fetch_item(item: &FetchItem) -> Fields {
    let method = match item.method {
        Method::Get => "GET",
        Method::Head => "HEAD",
    };
    vec![
        field("order", short_hex(&item.order.0)),
        field("requester", &item.requester),
        field("purpose", &item.purpose),
        field("url", &item.url),
        field("method", method),
        field("bytes_max", format!("{} bytes", item.bytes_max.get())),
        field("http_allowed", if item.http_allowed { "yes" } else { "no, https only" }),
    ]
}

fn judgment_item(item: &JudgmentItem) -> Fields {
    let mut fields = vec![
        field("order", short_hex(&item.order.0)),
        field("requester", &item.requester),
        field("title", &item.title),
        field("guideline_version", item.guideline_version.to_string()),
        field("guideline", &item.guideline),
        field("question", &item.question),
    ];
    fields.extend(task(&item.task));
    fields.extend(item.practice.map(|blob| field("practice", format!("SHA-256 {}", short_hex(&blob.hash.0)))));
    if !item.warnings.is_empty() {
        let warnings: Vec<&str> = item.warnings.iter().map(Warning::as_str).collect();
        fields.push(field("warnings", warnings.join(", ")));
    }
    fields
}

/// Of a choice two fields, of another type one, which has some lines.
fn task(task: &Task) -> Fields {
    let lines = match task {
        Task::Choice(Choice { content, options }) => {
            return vec![field("content", shown(content)), field("options", numbered(options))];
        }
        Task::Multi(Multi { content, options, least, most }) => {
            vec![shown(content), numbered(options), format!("{least} to {most} of them")]
        }
        Task::Compare(Compare { left, right }) => {
            vec![format!("left: {}", shown(left)), format!("right: {}", shown(right))]
        }
        Task::Rating(Rating { content, steps, lowest, highest }) => {
            vec![shown(content), format!("1 ({lowest}) to {steps} ({highest})")]
        }
        Task::Verify(Verify { claim, source }) => vec![format!("“{claim}”"), numbered(source)],
    };
    lines.into_iter().map(|line| field("task", line)).collect()
}

fn shown(content: &Content) -> String {
    match content {
        Content::Text(text) | Content::Code(text) | Content::Markdown(text) => format!("“{text}”"),
        Content::Picture(p) => {
            format!("{}, {} bytes, SHA-256 {}: {}", p.media_type, p.bytes.get(), short_hex(&p.hash.0), p.alt)
        }
    }
}

fn numbered(texts: &[String]) -> String {
    let numbered = texts.iter().enumerate().map(|(i, text)| format!("{}. {text}", i + 1));
    numbered.collect::<Vec<_>>().join(" · ")
}

fn offer(offer: &Offer) -> Fields {
    vec![
        field("worker", short_hex(&offer.worker.0)),
        field("item", short_hex(&offer.item.0)),
        field("class", class(offer.class)),
        field("nonce", short_hex(&offer.nonce.0)),
        field("price", price(&offer.price, &offer.asset)),
        field("asset", &offer.asset),
        field("rule", rule(&offer.rule)),
        field("issued_at", iso_8601(offer.issued_at)),
        field("deadline", iso_8601(offer.deadline)),
        field("approved_at", iso_8601(offer.approved_at)),
    ]
}

fn result(result: &WorkResult, item: Option<&Item>) -> Fields {
    let mut fields = vec![field("offer", short_hex(&result.offer.0))];
    match &result.report {
        Report::Judgment(report) => {
            let input = input(report.input);
            let words = match item {
                Some(Item::Judgment(item)) => answer_in_words(&item.task, &report.answer),
                _ => None,
            };
            let answer = match (&report.answer, words) {
                (Answer::Choice(option), Some(text)) => format!("“{text}” (option {})", u16::from(*option) + 1),
                (Answer::Choice(option), None) => format!("option {}", u16::from(*option) + 1),
                (_, Some(words)) => words,
                (_, None) => "an answer that is none to the item".to_owned(),
            };
            fields.push(field("report", format!("{answer}, {input}")));
        }
        Report::Flag(flag) => {
            fields.push(field("report", format!("{}, {}", flag_in_words(flag), input(flag.input))));
        }
        Report::Withdrawn => fields.push(field("report", "taken back by the coordinator while it was on screen")),
        Report::Fetch(report) => fields.extend(fetch_report(report).into_iter().map(|line| field("report", line))),
    }
    fields.push(field("started_at", iso_8601(result.started_at)));
    fields.push(field("finished_at", iso_8601(result.finished_at)));
    fields
}

fn input(input: Input) -> &'static str {
    match input {
        Input::Keyboard => "by key",
        Input::Pointer => "by pointer",
        Input::Replay => "replayed by a program",
    }
}

/// One line per fact; all are of the one field `report`.
fn fetch_report(report: &FetchReport) -> Vec<String> {
    let reason = report.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
    let mut lines = vec![
        format!("{}{reason}, status {}", report.outcome.as_str(), report.status),
        format!("body of {} bytes, SHA-256 {}", report.body_bytes.get(), short_hex(&report.body_hash.0)),
    ];
    for (i, hop) in report.hops.iter().enumerate() {
        let who = if hop.address.is_empty() { "nobody known" } else { &hop.address };
        lines.push(format!("request {}: {}, answered by {who} with {}", i + 1, hop.url, hop.status));
    }
    let (received, sent) = (report.traffic.received.get(), report.traffic.sent.get());
    lines.push(format!("{received} bytes received, {sent} sent, first answer after {} ms", report.head_ms));
    lines.extend(report.headers.iter().map(|header| format!("{}: {}", header.name, header.value)));
    lines
}

fn verdict(verdict: &Verdict, asset: &str) -> Fields {
    let decision = match verdict.decision {
        Decision::Accepted => "accepted",
        Decision::Rejected => "rejected",
        Decision::Ambiguous => "ambiguous",
    };
    let mut fields = vec![
        field("result", short_hex(&verdict.result.0)),
        field("decision", decision),
        field("reason", reason(verdict.reason)),
        field("amount", amount(verdict.amount, asset)),
        field("decided_at", iso_8601(verdict.decided_at)),
    ];
    if let Some(place) = verdict.place {
        fields.push(field("worker", short_hex(&place.worker.0)));
        fields.push(field("number", place.number.to_string()));
    }
    fields.extend(verdict.rejection.map(|rejection| field("rejection", short_hex(&rejection.0))));
    fields
}

fn rejection(rejection: &Rejection) -> Fields {
    vec![
        field("result", short_hex(&rejection.result.0)),
        field("worker", short_hex(&rejection.worker.0)),
        field("reason", reason(rejection.reason)),
        field("evidence", format!("“{}”", rejection.evidence)),
        field("decided_at", iso_8601(rejection.decided_at)),
        field("appeal_until", iso_8601(rejection.appeal_until)),
    ]
}

fn appeal(appeal: &Appeal) -> Fields {
    let words = appeal.words.as_ref().map_or("none".to_owned(), |words| format!("“{words}”"));
    vec![field("rejection", short_hex(&appeal.rejection.0)), field("words", words), field("at", iso_8601(appeal.at))]
}

fn reversal(reversal: &Reversal, asset: &str) -> Fields {
    vec![
        field("result", short_hex(&reversal.result.0)),
        field("worker", short_hex(&reversal.worker.0)),
        field("verdict", short_hex(&reversal.verdict.0)),
        field("amount", amount(reversal.amount, asset)),
        field("evidence", format!("“{}”", reversal.evidence)),
        field("decided_at", iso_8601(reversal.decided_at)),
        field("appeal_until", iso_8601(reversal.appeal_until)),
    ]
}

fn reversal_end(end: &ReversalEnd) -> Fields {
    let ending = match end.ending {
        Ending::Unopposed => "nobody appealed in time: the money is reversed",
        Ending::Denied => "the appeal was denied by a human: the money is reversed",
        Ending::Upheld => "the appeal was upheld by a human: the money is payable",
        Ending::Undecided => "nobody decided about the appeal in time: the money is payable",
        Ending::TakenBack => "the operator took it back: the money is payable",
    };
    vec![
        field("reversal", short_hex(&end.reversal.0)),
        field("worker", short_hex(&end.worker.0)),
        field("ending", ending),
        field("decided_at", iso_8601(end.decided_at)),
    ]
}

pub(crate) fn reason(reason: VerdictReason) -> &'static str {
    match reason {
        VerdictReason::ChecksPassed => "every check passed",
        VerdictReason::Agreed => "enough people gave this answer",
        VerdictReason::OthersAgreed => "enough people gave another answer",
        VerdictReason::NobodyAgreed => "no answer was given by enough people",
        VerdictReason::ApprovedByTime => "nobody else answered in time: approved automatically",
        VerdictReason::UnpaidOutcome => "the outcome is one that a buyer does not pay for",
        VerdictReason::HopRefused => "a request that policy forbids",
        VerdictReason::HopsDontFit => "the requests don't fit the item or the outcome",
        VerdictReason::BodyTooLarge => "the body is larger than the offer allows",
        VerdictReason::TimesOutsideLease => "the times lie outside the lease",
        VerdictReason::Stopped => "people flagged the item: paid for the time",
        VerdictReason::StoppedUnpaid => {
            "people flagged the item: not on screen for 5 seconds, or nothing left to pay it"
        }
        VerdictReason::FlagNotShared => "others had nothing against the item",
        VerdictReason::FlagPassedOn => "the buyer was told",
        VerdictReason::ApprovedByBuyer => "the requester accepted it",
        VerdictReason::RejectedByBuyer => "the requester rejected it",
        VerdictReason::AppealUpheld => "the rejection did not stand",
        VerdictReason::AppealDenied => "a human looked at the appeal: the rejection stands",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        let check = |base, text: &str| assert_eq!(amount(Amount::new(base).unwrap(), "demo credits"), text);
        check(0, "0 demo credits");
        check(4_000, "0.004 demo credits");
        check(1, "0.000001 demo credits");
        check(12_000_000, "12 demo credits");
        check(12_340_000, "12.34 demo credits");
        check((1 << 53) - 1, "9007199254.740991 demo credits");
    }

    #[test]
    fn hashes_are_short_and_never_cut_what_is_short_already() {
        assert_eq!(short_hex(&[0xab; 32]), "abababababababab…");
        assert_eq!(short_hex(&[0xab; 8]), "abababababababab");
        assert_eq!(short_hex(&[]), "");
    }
}
