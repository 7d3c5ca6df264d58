//! The alibi: a statement, signed by the coordinator, of who asked for a request, what for and when, in words
//! for a provider or the police; anyone can check it offline with the coordinator's public key.
//!
//! It needs no statement of its own. The offer is signed by the coordinator and names the worker's key, the
//! item's hash and the time; the item names requester, order, purpose and address; the card, signed with the same
//! key, names the operator. The worker's result, signed with the worker's key, adds what was sent and who answered.

use lull_protocol::cbor::CborError;
use lull_protocol::cose::{Signed, StatementError};
use lull_protocol::limits::CLOCK_SKEW_MS_MAX;
use lull_protocol::statement::{FetchReport, Offer, OperatorCard, Report, WorkResult};
use lull_protocol::{FetchItem, Hash, Item, Method, PublicKey, fields};
use thiserror::Error;

use crate::{iso_8601, json_text};

/// The file's `format`.
pub const ALIBI_FORMAT: &str = "lull-alibi-1";

/// The four parts as they were signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlibiParts<T> {
    /// `Signed<OperatorCard>`.
    pub card: T,
    /// The item as CBOR.
    pub item: T,
    /// `Signed<Offer>`.
    pub offer: T,
    /// `Signed<WorkResult>`.
    pub result: T,
}
fields!(AlibiParts<String> { 0 card, 1 item, 2 offer, 3 result });

/// What an alibi says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlibiFacts {
    /// The coordinator's public key, hexadecimal.
    pub coordinator: String,
    /// The operator's name, from the signed card.
    pub operator: String,
    /// Where the operator is established, ISO 3166-1 alpha-2.
    pub country: String,
    /// How to reach a human there.
    pub contact: String,
    /// Whether it is a demonstration.
    pub demo: bool,
    /// When the card was signed, milliseconds since 1970.
    pub card_signed_at: u64,
    /// Who asked.
    pub requester: String,
    /// What for, in the requester's words.
    pub purpose: String,
    /// The order, hexadecimal.
    pub order: String,
    /// What was asked for.
    pub url: String,
    /// `GET` or `HEAD`.
    pub method: String,
    /// The worker's public key, hexadecimal.
    pub worker: String,
    /// When the coordinator signed the offer, and when it ends; coordinator's clock, milliseconds since 1970.
    pub issued_at: u64,
    /// The end.
    pub deadline: u64,
    /// When the first request was sent, as this browser wrote down.
    pub started_at: u64,
    /// When the last one was over.
    pub finished_at: u64,
    /// The outcome's word.
    pub outcome: String,
    /// Each request.
    pub hops: Vec<AlibiHop>,
    /// Bytes from the sites.
    pub received: u64,
    /// Bytes to the sites.
    pub sent: u64,
    /// The parts, base64.
    pub parts: AlibiParts<String>,
}
fields!(AlibiFacts { 0 coordinator, 1 operator, 2 country, 3 contact, 4 demo, 5 requester, 6 purpose, 7 order, 8 url, 9 method, 10 worker, 11 issued_at, 12 deadline, 13 started_at, 14 finished_at, 15 outcome, 16 hops, 17 received, 18 sent, 19 parts, 20 card_signed_at });

/// One request of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlibiHop {
    /// Its address.
    pub url: String,
    /// Which IP address answered; empty if nobody did.
    pub address: String,
    /// HTTP status; 0 if nobody answered.
    pub status: u16,
}
fields!(AlibiHop { 0 url, 1 address, 2 status });

/// Why parts are no alibi.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AlibiError {
    /// The card is not this coordinator's.
    #[error("card: not signed by this coordinator's key: {0}")]
    Card(StatementError),
    /// The offer is not this coordinator's.
    #[error("offer: not signed by this coordinator's key: {0}")]
    Offer(StatementError),
    /// The item can't be read.
    #[error("item: it can't be read: {0}")]
    Item(CborError),
    /// The offer names another item.
    #[error("item: the offer names another one")]
    ItemDiffers,
    /// A judgment sends no request.
    #[error("item: it asks for no request")]
    NotAFetch,
    /// The result is not the worker's.
    #[error("result: not signed by the worker's key: {0}")]
    Result(StatementError),
    /// The result is about something else.
    #[error("result: it names another offer, or another first request than the item")]
    ResultDiffers,
    /// A request follows one that was not answered by a redirect.
    #[error("result: its requests don't lead from one to the next")]
    Requests,
    /// The result's times are outside the offer's.
    #[error("result: its times lie outside the offer's")]
    Times,
}

/// A piece of the document: a title and its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlibiSection {
    /// The title.
    pub title: &'static str,
    /// The lines.
    pub lines: Vec<String>,
}

impl AlibiFacts {
    /// Checks the parts against the coordinator's key and each other, and reads what they say. `parts` are the
    /// same bytes in base64.
    pub fn read(
        coordinator: &PublicKey,
        bytes: &AlibiParts<&[u8]>,
        parts: AlibiParts<String>,
    ) -> Result<Self, AlibiError> {
        let card = Signed::<OperatorCard>::verify(bytes.card, coordinator).map_err(AlibiError::Card)?;
        let offer = Signed::<Offer>::verify(bytes.offer, coordinator).map_err(AlibiError::Offer)?;
        let (card, offer) = (card.payload(), offer.payload());
        let item = Item::from_bytes(bytes.item).map_err(AlibiError::Item)?;
        if offer.item != Hash::of(bytes.item) {
            return Err(AlibiError::ItemDiffers);
        }
        let Item::Fetch(item) = item else { return Err(AlibiError::NotAFetch) };
        let result = Signed::<WorkResult>::verify(bytes.result, &offer.worker).map_err(AlibiError::Result)?;
        let result = result.payload();
        let Report::Fetch(report) = &result.report else { return Err(AlibiError::ResultDiffers) };
        let is_first = report.hops.first().is_none_or(|hop| hop.url == item.url);
        if result.offer != Hash::of(bytes.offer) || !is_first {
            return Err(AlibiError::ResultDiffers);
        }
        let redirects = report.hops.split_last().map(|(_, before)| before).unwrap_or_default();
        if !redirects.iter().all(|hop| [301, 302, 303, 307, 308].contains(&hop.status)) {
            return Err(AlibiError::Requests);
        }
        let earliest = offer.issued_at.minus(CLOCK_SKEW_MS_MAX);
        if result.started_at < earliest || result.finished_at > offer.deadline.plus(CLOCK_SKEW_MS_MAX) {
            return Err(AlibiError::Times);
        }
        Ok(Self::of(coordinator, card, offer, &item, result, report, parts))
    }

    fn of(
        coordinator: &PublicKey,
        card: &OperatorCard,
        offer: &Offer,
        item: &FetchItem,
        result: &WorkResult,
        report: &FetchReport,
        parts: AlibiParts<String>,
    ) -> Self {
        let hop = |hop: &lull_protocol::statement::Hop| AlibiHop {
            url: hop.url.clone(),
            address: hop.address.clone(),
            status: hop.status,
        };
        Self {
            coordinator: coordinator.to_string(),
            operator: card.name.clone(),
            country: card.country.clone(),
            contact: card.contact.clone(),
            demo: card.demo,
            card_signed_at: card.signed_at.get(),
            requester: item.requester.clone(),
            purpose: item.purpose.clone(),
            order: item.order.to_string(),
            url: item.url.clone(),
            method: match item.method {
                Method::Get => "GET",
                Method::Head => "HEAD",
            }
            .to_owned(),
            worker: offer.worker.to_string(),
            issued_at: offer.issued_at.get(),
            deadline: offer.deadline.get(),
            started_at: result.started_at.get(),
            finished_at: result.finished_at.get(),
            outcome: report.outcome.as_str().to_owned(),
            hops: report.hops.iter().map(hop).collect(),
            received: report.traffic.received.get(),
            sent: report.traffic.sent.get(),
            parts,
        }
    }

    /// The document in words. They follow from the parts alone, so whoever checks the parts checks the words.
    pub fn words(&self) -> [AlibiSection; 5] {
        let section = |title, lines| AlibiSection { title, lines };
        [
            section("What happened", self.what_happened()),
            section("The requests, by this browser's own record", self.requests()),
            section("What Lull is", WHAT_LULL_IS.map(str::to_owned).to_vec()),
            section("How to check this", self.how_to_check()),
            section("What this does not prove", self.limits()),
        ]
    }

    fn what_happened(&self) -> Vec<String> {
        let (issued, deadline) = (iso_8601(self.issued_at), iso_8601(self.deadline));
        let demo = if self.demo { " (a demonstration)" } else { "" };
        let mut lines = vec![
            format!("A browser extension on this connection, Lull, was given one job: {} {}", self.method, self.url),
            format!("Asked for by: {}", self.requester),
            format!("Declared purpose: {}", self.purpose),
            format!("Ordered through: {}{demo}, {}, contact: {}", self.operator, self.country, self.contact),
            format!("Order: {}", self.order),
            format!("The operator's coordinator signed the job at {issued}; it was to be done by {deadline}."),
        ];
        if self.hops.is_empty() {
            lines.push("By the browser's own record no request was sent.".to_owned());
        } else {
            let (started, finished) = (iso_8601(self.started_at), iso_8601(self.finished_at));
            lines.push(format!("The browser did it from {started} to {finished}. Outcome: {}.", self.outcome));
        }
        lines.push("All times are UTC.".to_owned());
        lines
    }

    fn requests(&self) -> Vec<String> {
        let mut lines: Vec<String> = (1..)
            .zip(&self.hops)
            .map(|(number, hop)| match (hop.address.as_str(), hop.status) {
                (_, 0) => format!("{number}. {}: nobody answered; it may not have been sent", hop.url),
                ("", status) => format!("{number}. {}: answered with {status}; nobody could tell from where", hop.url),
                (address, status) => format!("{number}. {}: answered by {address} with {status}", hop.url),
            })
            .collect();
        lines.push(format!("{} bytes were sent and {} received.", self.sent, self.received));
        lines
    }

    fn how_to_check(&self) -> Vec<String> {
        vec![
            "The file that comes with this document holds four signed parts: the operator's card, the item (the \
             job), the coordinator's offer of it, and the browser's result."
                .to_owned(),
            format!("The coordinator's public key (Ed25519): {}", self.coordinator),
            format!("The browser's public key: {}", self.worker),
            "Ask the operator for the coordinator's key, by another way than this document. Then, without any \
             network: lull verify-alibi FILE --coordinator KEY"
                .to_owned(),
            "Or with any COSE library (RFC 9052): card and offer are COSE_Sign1 by the coordinator's key; the \
             offer's field 1 is the SHA-256 of the item; the result is COSE_Sign1 by the key in the offer's field 0, \
             and its field 0 is the SHA-256 of the offer."
                .to_owned(),
            format!("The operator knows who the requester is. Ask them, and name the order {}.", self.order),
        ]
    }

    fn limits(&self) -> Vec<String> {
        vec![
            format!(
                "The coordinator's signature shows that {} gave this browser this job at that time, and who \
                 ordered it by the name the operator keeps for them. It does not show who is behind that name.",
                self.operator
            ),
            format!(
                "Name, country and contact of the operator are what the coordinator's key signed on {}. The job does \
                 not name that card.",
                iso_8601(self.card_signed_at)
            ),
            "The requests, their times and the addresses that answered are this browser's own record. Its \
             signature shows that the record was not changed since, not that it was right."
                .to_owned(),
            "The document says nothing about other traffic of this connection.".to_owned(),
            "It names the browser by its key. Which connection that browser used is not in it.".to_owned(),
        ]
    }

    /// The file: words and parts.
    pub fn file(&self) -> String {
        let mut out = String::from("{\n  \"format\": ");
        json_text(ALIBI_FORMAT, &mut out);
        out.push_str(",\n  \"coordinator\": ");
        json_text(&self.coordinator, &mut out);
        out.push_str(",\n  \"words\": [");
        for (index, line) in self.lines().iter().enumerate() {
            out.push_str(if index == 0 { "\n    " } else { ",\n    " });
            json_text(line, &mut out);
        }
        out.push_str("\n  ]");
        let AlibiParts { card, item, offer, result } = &self.parts;
        for (name, part) in [("card", card), ("item", item), ("offer", offer), ("result", result)] {
            out.push_str(",\n  ");
            json_text(name, &mut out);
            out.push_str(": ");
            json_text(part, &mut out);
        }
        out.push_str("\n}\n");
        out
    }

    /// Every title and line, in order.
    pub fn lines(&self) -> Vec<String> {
        let flat = |section: AlibiSection| std::iter::once(section.title.to_owned()).chain(section.lines);
        self.words().into_iter().flat_map(flat).collect()
    }
}

const WHAT_LULL_IS: [&str; 3] = [
    "Lull is a browser extension with which a person lends some of their connection to buyers who need public web \
     pages fetched. The person does not choose the pages.",
    "Before each request the extension checks it against rules that no buyer can change: public web pages only, no \
     logins, no payments, no private networks, GET or HEAD only.",
    "The requests carry no cookies and no account of the person. Every job is signed by the coordinator that gave \
     it, and every result by the browser that did it.",
];
