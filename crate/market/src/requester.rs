//! Requesters: who they are, what they pay in, what they buy. Every refusal names the field as the API
//! does and says what would be right.
//!
//! Asking again changes nothing: a requester, a deposit's reference, a blob or an order that is already
//! there with the same content is answered as the first time; with other content it is refused. An order
//! holds its full price and the operator's fee on each result when it is made; a URL may come twice in
//! it, a content may not, for nobody is asked the same question twice.

use std::collections::BTreeMap;

use lull_protocol::limits::{AMOUNT_MAX, BLOB_BYTES_MAX, BODY_BYTES_MAX, LABEL_BYTES_MAX, URL_BYTES_MAX};
use lull_protocol::picture::{PICTURE_TYPES, picture_size};
use lull_protocol::statement::{AcceptanceRule, Price};
use lull_protocol::task::look;
use lull_protocol::{Amount, ByteCount, FetchItem, Hash, Item, Method, OrderId, TaskKind, WarningSet};

use crate::command::{Context, FetchOrder, ITEMS_MAX, Refusal, Reply, RequesterId};
use crate::facts::{Decided, OrderFacts, Write};
use crate::ledger::{Account, Cause, Entry, with_fee};
use crate::svg;

/// A requester's name, bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 100;
/// A deposit's reference, bytes of UTF-8.
pub const REFERENCE_BYTES_MAX: usize = 200;
/// What is known about a new requester's id, name and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRequesterFacts {
    /// Name and key hash of the requester with this id.
    pub same_id: Option<(String, Hash)>,
    /// Whether a requester has the name.
    pub name_taken: bool,
    /// Whether a requester has the key.
    pub key_taken: bool,
}

/// Decides [`Command::AddRequester`](crate::Command::AddRequester).
pub fn add_requester(
    facts: &NewRequesterFacts,
    requester: RequesterId,
    name: &str,
    key_hash: Hash,
) -> Result<Decided, Refusal> {
    text("name", name, NAME_BYTES_MAX)?;
    if name.trim() != name || name.chars().any(char::is_control) {
        return Err(field("name", "must not begin or end with a space, nor hold control characters"));
    }
    match &facts.same_id {
        Some((known, key)) if known == name && *key == key_hash => return Ok(done()),
        Some(_) => return Err(Refusal::Taken("the requester's id")),
        None if facts.name_taken => return Err(Refusal::Taken("the name")),
        None if facts.key_taken => return Err(Refusal::Taken("the key")),
        None => {}
    }
    let writes = vec![Write::AddRequester { requester, name: name.to_owned(), key_hash }];
    Ok(Decided { writes, reply: Reply::Done })
}

/// What is known about a deposit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepositFacts {
    /// Whether there is such a requester.
    pub requester_known: bool,
    /// What was counted under this reference.
    pub same_reference: Option<(RequesterId, Amount)>,
    /// All that was ever paid in.
    pub total: Amount,
}

/// Decides [`Command::Deposit`](crate::Command::Deposit).
pub fn deposit(
    facts: &DepositFacts,
    requester: RequesterId,
    amount: Amount,
    reference: &str,
) -> Result<Decided, Refusal> {
    if !facts.requester_known {
        return Err(Refusal::UnknownRequester);
    }
    text("reference", reference, REFERENCE_BYTES_MAX)?;
    match facts.same_reference {
        Some(known) if known == (requester, amount) => return Ok(done()),
        Some(_) => return Err(Refusal::Taken("the reference")),
        None => {}
    }
    if facts.total.checked_add(amount).is_none() {
        let problem = format!("all deposits together must not exceed {AMOUNT_MAX} base units");
        return Err(field("amount", problem));
    }
    let cause = Cause::Deposit(reference.to_owned());
    let entry = Entry::transfer(cause, Account::Deposits, &[(Account::Available(requester), amount)])?
        .ok_or_else(|| field("amount", "must be at least 1"))?;
    let record = Write::AddDeposit { requester, amount, reference: reference.to_owned() };
    Ok(Decided { writes: vec![record, Write::Post(entry)], reply: Reply::Done })
}

/// What is known about a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobFacts {
    /// Whether there is such a requester.
    pub requester_known: bool,
    /// Whether there is such a blob.
    pub known: bool,
}

/// Decides [`Command::PutBlob`](crate::Command::PutBlob). The bytes must begin as the media type does, so the same bytes
/// can't be two types, and say of themselves what a worker can show.
pub fn put_blob(facts: BlobFacts, requester: RequesterId, media_type: &str, bytes: &[u8]) -> Result<Decided, Refusal> {
    if !facts.requester_known {
        return Err(Refusal::UnknownRequester);
    }
    if !PICTURE_TYPES.contains(&media_type) {
        return Err(field("media_type", format!("must be one of {}", PICTURE_TYPES.join(", "))));
    }
    if bytes.is_empty() || byte_count(bytes).get() > BLOB_BYTES_MAX {
        return Err(field("bytes", format!("must be 1 to {BLOB_BYTES_MAX} bytes (BLOB_BYTES_MAX)")));
    }
    // Before the size, for it tells which part it is.
    if media_type == "image/svg+xml" {
        svg::check(bytes).map_err(|problem| field("bytes", problem))?;
    }
    picture_size(media_type, bytes).map_err(|e| field("bytes", e.to_string()))?;
    let hash = Hash::of(bytes);
    let add = Write::AddBlob { requester, hash, media_type: media_type.to_owned(), bytes: bytes.to_vec() };
    let writes = if facts.known { vec![] } else { vec![add] };
    Ok(Decided { writes, reply: Reply::Blob(hash) })
}

/// What is known about a new order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrderFacts {
    /// The requester's name; `None`: no such requester.
    pub requester_name: Option<String>,
    /// The requester's available balance.
    pub available: Amount,
    /// Fingerprint and full price of the order with this id.
    pub same_id: Option<(Hash, Amount)>,
    /// Media type and size of the blobs that the contents name, those that are there.
    pub blobs: BTreeMap<Hash, (String, ByteCount)>,
}

/// Decides [`Command::CreateFetchOrder`](crate::Command::CreateFetchOrder).
pub fn create_fetch_order(facts: &NewOrderFacts, order: &FetchOrder, cx: &Context) -> Result<Decided, Refusal> {
    let requester_name = facts.requester_name.as_ref().ok_or(Refusal::UnknownRequester)?;
    text("purpose", &order.purpose, LABEL_BYTES_MAX)?;
    if order.purpose.chars().any(char::is_control) {
        return Err(field("purpose", "must be one line without control characters"));
    }
    count("urls", order.urls.len())?;
    let bytes = order.bytes_max.get();
    if bytes > BODY_BYTES_MAX || (bytes == 0 && order.method == Method::Get) {
        return Err(field("bytes_max", format!("must be 1 to {BODY_BYTES_MAX} bytes (BODY_BYTES_MAX)")));
    }
    let body_max = if order.method == Method::Head { ByteCount::ZERO } else { order.bytes_max };
    let most = order.price.total(body_max).ok_or_else(|| field("price", "is too high"))?;
    if most == Amount::ZERO {
        return Err(field("price", "must be at least 1 for a full body"));
    }
    let mut items = Vec::with_capacity(order.urls.len());
    for (i, url) in order.urls.iter().enumerate() {
        let name = format!("urls[{i}]");
        if url.len() > URL_BYTES_MAX {
            return Err(field(name, format!("is longer than {URL_BYTES_MAX} bytes (URL_BYTES_MAX)")));
        }
        if let Err(reason) = lull_policy::judge_url(url, order.http_allowed) {
            return Err(field(name, reason.to_string()));
        }
        items.push(Item::Fetch(FetchItem {
            order: order.order,
            requester: requester_name.clone(),
            purpose: order.purpose.clone(),
            url: url.clone(),
            method: order.method,
            bytes_max: order.bytes_max,
            http_allowed: order.http_allowed,
        }));
    }
    let new = NewOrder {
        id: order.order,
        requester: order.requester,
        title: &order.purpose,
        price: order.price,
        rule: AcceptanceRule::FetchChecks { bytes_max: order.bytes_max },
        task: None,
        warnings: WarningSet::NONE,
        per_result_max: most,
        needed: 1,
        items: &items,
    };
    new.decide(facts, cx)
}

/// An order whose fields have been checked.
pub(crate) struct NewOrder<'a> {
    pub(crate) id: OrderId,
    pub(crate) requester: RequesterId,
    pub(crate) title: &'a str,
    pub(crate) price: Price,
    pub(crate) rule: AcceptanceRule,
    /// The type of its judgments.
    pub(crate) task: Option<TaskKind>,
    /// Of which classes of sensitive content.
    pub(crate) warnings: WarningSet,
    pub(crate) per_result_max: Amount,
    pub(crate) needed: u8,
    pub(crate) items: &'a [Item],
}

impl NewOrder<'_> {
    pub(crate) fn decide(&self, facts: &NewOrderFacts, cx: &Context) -> Result<Decided, Refusal> {
        let items: Vec<_> = self.items.iter().map(Item::to_bytes).collect();
        let fingerprint = self.fingerprint(&items);
        match facts.same_id {
            Some((known, held)) if known == fingerprint => {
                return Ok(Decided { writes: vec![], reply: Reply::Order { order: self.id, held } });
            }
            Some(_) => return Err(Refusal::Taken("the order's id")),
            None => {}
        }
        let too_high = || field("price", "is too high for this many results");
        let per_result = with_fee(self.per_result_max, cx.terms.fee_bp).ok_or_else(too_high)?;
        let per_item = per_result.checked_mul(u64::from(self.needed)).ok_or_else(too_high)?;
        let needed = per_item.checked_mul(items.len() as u64).ok_or_else(too_high)?;
        if needed > facts.available {
            return Err(Refusal::Funds { needed, available: facts.available });
        }
        let (available, held) = (Account::Available(self.requester), Account::Held(self.id));
        let entry = Entry::transfer(Cause::Order(self.id), available, &[(held, needed)])?;
        Ok(Decided {
            writes: self.writes(items, fingerprint, per_item, needed, entry, cx),
            reply: Reply::Order { order: self.id, held: needed },
        })
    }

    fn writes(
        &self,
        items: Vec<Vec<u8>>,
        fingerprint: Hash,
        per_item: Amount,
        full_price: Amount,
        entry: Option<Entry>,
        cx: &Context,
    ) -> Vec<Write> {
        let order = OrderFacts {
            id: self.id,
            requester: self.requester,
            price: self.price,
            rule: self.rule,
            task: self.task,
            fee_bp: cx.terms.fee_bp,
        };
        let (title, warnings) = (self.title.to_owned(), self.warnings);
        let mut writes = vec![Write::AddOrder { order, fingerprint, title, full_price, warnings }];
        writes.extend((0..).zip(items).zip(self.items).map(|((number, bytes), item)| Write::AddItem {
            order: self.id,
            class: order.class(),
            number,
            has_picture: item.has_picture(),
            bytes,
            needed: self.needed,
            held: per_item,
        }));
        writes.extend(entry.map(Write::Post));
        writes
    }

    /// Everything the requester asked for, as one hash.
    fn fingerprint(&self, items: &[Vec<u8>]) -> Hash {
        let mut all = self.requester.0.to_vec();
        all.extend(self.price.per_item.get().to_be_bytes());
        all.extend(self.price.per_mib.get().to_be_bytes());
        match self.rule {
            AcceptanceRule::FetchChecks { .. } => {}
            AcceptanceRule::Agreement { agree, people } => all.extend([agree, people]),
            AcceptanceRule::Review { agree, people } => all.extend([agree, people, 1]),
        }
        items.iter().for_each(|bytes| all.extend(Hash::of(bytes).0));
        Hash::of(&all)
    }
}

pub(crate) fn text(name: &str, text: &str, bytes_max: usize) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        Err(field(name, "is empty"))
    } else if text.len() > bytes_max {
        Err(field(name, format!("is longer than {bytes_max} bytes")))
    } else if look(text).all(char::is_whitespace) {
        Err(field(name, "shows nothing"))
    } else {
        Ok(())
    }
}

pub(crate) fn count(name: &str, count: usize) -> Result<(), Refusal> {
    if (1..=ITEMS_MAX).contains(&count) {
        Ok(())
    } else {
        Err(field(name, format!("must be 1 to {ITEMS_MAX} (ITEMS_MAX), not {count}")))
    }
}

fn byte_count(bytes: &[u8]) -> ByteCount {
    ByteCount::new(bytes.len() as u64).expect("nothing in memory has 2^53 bytes")
}

pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>) -> Refusal {
    Refusal::Field { field: field.into(), problem: problem.into() }
}

fn done() -> Decided {
    Decided { writes: vec![], reply: Reply::Done }
}
