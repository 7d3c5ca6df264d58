//! The facts that each command needs, inside the open transaction.

use std::collections::BTreeMap;

use lull_market::RequesterId;
use lull_market::facts::{
    Answer, CancelFacts, Candidate, Flag, HeldFacts, ItemFacts, ItemId, LeaseFacts, LeaseId, Person, ProjectReview,
    RejectionFacts, ReturnFacts, StopFacts, StoredResult, SubmitFacts, UnsettledFacts, WaitingFacts,
};
use lull_market::flag::FLAGS_CLOSE;
use lull_market::ledger::Account;
use lull_market::pace::Tally;
use lull_market::requester::{BlobFacts, DepositFacts, NewOrderFacts, NewRequesterFacts};
use lull_market::skips::{self, ANSWERS_LOOKED_AT, SkipFacts};
use lull_market::{LeaseState, NumberedVerdict};
use lull_protocol::rejection::BuyerRecord;
use lull_protocol::statement::{Decision, JobClass};
use lull_protocol::{
    Amount, ByteCount, DurationMs, Filter, FlagReason, Hash, OrderId, Pace, PublicKey, TaskKind, Timestamp, WarningSet,
};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::error::StoreError;
use crate::orders::order_facts;
use crate::persons;
use crate::read::{balance, clamp};
use crate::value::Col;

type Loaded<T> = Result<T, StoreError>;

pub(crate) fn new_requester(db: &Connection, id: RequesterId, name: &str, key_hash: Hash) -> Loaded<NewRequesterFacts> {
    let mut same = db.prepare_cached("SELECT name, key_hash FROM requesters WHERE id = ?1")?;
    Ok(NewRequesterFacts {
        same_id: same.query_row([Col(id)], |row| Ok((row.get(0)?, row.get::<_, Col<_>>(1)?.0))).optional()?,
        name_taken: exists(db, "SELECT 1 FROM requesters WHERE name = ?1", [name])?,
        key_taken: exists(db, "SELECT 1 FROM requesters WHERE key_hash = ?1", [Col(key_hash)])?,
    })
}

pub(crate) fn deposit(db: &Connection, requester: RequesterId, reference: &str) -> Loaded<DepositFacts> {
    let mut same = db.prepare_cached("SELECT requester, amount FROM deposits WHERE reference = ?1")?;
    let total: Col<Amount> = db
        .prepare_cached("SELECT -coalesce(sum(balance), 0) FROM accounts WHERE kind = 'deposits'")?
        .query_row([], |row| row.get(0))?;
    Ok(DepositFacts {
        requester_known: requester_name(db, requester)?.is_some(),
        same_reference: same
            .query_row([reference], |row| Ok((row.get::<_, Col<_>>(0)?.0, row.get::<_, Col<_>>(1)?.0)))
            .optional()?,
        total: total.0,
    })
}

pub(crate) fn blob(db: &Connection, requester: RequesterId, bytes: &[u8]) -> Loaded<BlobFacts> {
    Ok(BlobFacts {
        requester_known: requester_name(db, requester)?.is_some(),
        known: exists(db, "SELECT 1 FROM blobs WHERE hash = ?1", [Col(Hash::of(bytes))])?,
    })
}

pub(crate) fn new_order(
    db: &Connection,
    requester: RequesterId,
    order: OrderId,
    blobs: &[Hash],
) -> Loaded<NewOrderFacts> {
    let mut same = db.prepare_cached("SELECT fingerprint, full_price FROM orders WHERE id = ?1")?;
    let mut size = db.prepare_cached("SELECT media_type, length(bytes) FROM blobs WHERE hash = ?1")?;
    let mut known = BTreeMap::new();
    for hash in blobs {
        let found = size.query_row([Col(*hash)], |row| Ok((row.get(0)?, row.get::<_, Col<ByteCount>>(1)?.0)));
        known.extend(found.optional()?.map(|found| (*hash, found)));
    }
    Ok(NewOrderFacts {
        requester_name: requester_name(db, requester)?,
        available: balance(db, &Account::Available(requester))?,
        same_id: same
            .query_row([Col(order)], |row| Ok((row.get::<_, Col<_>>(0)?.0, row.get::<_, Col<_>>(1)?.0)))
            .optional()?,
        blobs: known,
    })
}

/// Leases of a class that a worker holds and that are live now.
pub(crate) fn open_count(db: &Connection, worker: PublicKey, class: JobClass, now: Timestamp) -> Loaded<u64> {
    let mut statement = db.prepare_cached(
        "SELECT count(*) FROM leases WHERE worker = ?1 AND class = ?2 AND state = 'open' AND deadline >= ?3",
    )?;
    Ok(statement.query_row(params![Col(worker), Col(class), Col(now)], |row| row.get(0))?)
}

/// All workers that are paid to this one's wallet, itself too.
pub(crate) fn same_wallet(db: &Connection, worker: PublicKey) -> Loaded<Vec<PublicKey>> {
    let mut statement = db.prepare_cached(
        "SELECT ?1 UNION SELECT o.worker FROM wallets w JOIN wallets o ON o.wallet = w.wallet WHERE w.worker = ?1",
    )?;
    let rows = statement.query_map([Col(worker)], |row| Ok(row.get::<_, Col<_>>(0)?.0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A day, milliseconds.
const DAY_MS: u64 = 86_400_000;

/// Free items of one kind that a claim looks at in vain. A worker that has answered or turned down this many which
/// nobody else has taken yet waits for others: without an end, its every claim would walk over all of them.
const CLAIM_ITEMS_MAX: u64 = 10_000;
/// And orders of one kind, of those that its worker is offered.
const CLAIM_ORDERS_MAX: usize = 1_000;

/// Columns of an item `i` and of its order `o`, as [`item_facts`] and [`order_facts`] read them.
macro_rules! item_and_order {
    () => {
        "i.id, i.number, i.needed, i.leased, i.answered, i.tries, i.state, i.decided, i.held, i.flags,
         o.cancelled_at IS NOT NULL, o.id, o.requester, o.per_item, o.per_mib, o.bytes_max, o.agree, o.people, o.fee_bp, o.task,
         o.review"
    };
}
/// Where those of the order begin, and where the next ones do.
const ORDER_AT: usize = 11;
const REST_AT: usize = ORDER_AT + 10;

/// Open orders of one kind that a worker is offered and that have a free item, the oldest first.
const OFFERED_ORDERS: &str = "SELECT o.rowid, o.id FROM orders o
     WHERE o.task IS ?1 AND o.is_open = 1 AND o.paused_at IS NULL AND o.cancelled_at IS NULL
       AND o.warnings & ~?2 = 0
       AND (?3 = '' OR instr(?3, hex(o.requester)) = 0)
       AND (?4 = '' OR instr(?4, hex(o.id)) = 0)
       AND (?5 = 0 OR NOT EXISTS (SELECT 1 FROM tallies t WHERE t.order_id = o.id AND t.hourly < ?5))
       AND EXISTS (SELECT 1 FROM items i
                   WHERE i.order_id = o.id AND i.state = 'open' AND i.free > 0 AND (?6 = 0 OR i.has_picture = 0))
     ORDER BY o.rowid";

/// Of an order: those with a picture, or those without.
const CANDIDATES: &str = concat!(
    "SELECT ",
    item_and_order!(),
    ", (SELECT bytes FROM item_bytes WHERE item = i.id), b.reviewed, b.rejected, b.overturned
     FROM items i JOIN orders o ON o.id = i.order_id JOIN requesters b ON b.id = o.requester
     WHERE i.order_id = ?1 AND i.state = 'open' AND i.has_picture = ?5 AND i.free > 0
       AND (i.flags = 0 OR i.flags < ?4 AND (i.leased = 0 OR i.free > i.flags))
       AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.worker = ?2 AND l.item = i.id AND l.again = 0)
       AND (?6 IS NULL OR NOT EXISTS (SELECT 1 FROM leases l WHERE l.person = ?6 AND l.item = i.id AND l.again = 0))
     ORDER BY i.free, i.id LIMIT ?3"
);
const FREE_ITEMS: &str =
    "SELECT count(*) FROM items WHERE order_id = ?1 AND state = 'open' AND free > 0 AND has_picture <= ?2";

/// Who claims: a worker, and the name that it shares with others of its person.
pub(crate) type Claimer = (PublicKey, Option<PublicKey>);

/// What a worker is not offered. Ids are in hexadecimal, one after the other with a comma between.
#[derive(Default)]
pub(crate) struct Spared {
    /// All sensitive content but of these classes.
    warnings: WarningSet,
    hourly_min: Amount,
    pictures: bool,
    requesters: String,
    orders: String,
}

/// What a worker doesn't want to see or filters out, and the projects whose skips it has used up today.
pub(crate) fn spared(
    db: &Connection,
    worker: PublicKey,
    (warnings, filter): (WarningSet, &Filter),
    now: Timestamp,
) -> Loaded<Spared> {
    let mut named = db.prepare_cached("SELECT hex(id) FROM requesters WHERE name = ?1")?;
    let mut requesters: Vec<String> = Vec::new();
    for name in &filter.never {
        requesters.extend(named.query_row([name], |row| row.get(0)).optional()?);
    }
    let mut over =
        db.prepare_cached("SELECT hex(order_id) FROM skips WHERE worker = ?1 AND day = ?2 AND is_over = 1")?;
    let orders = over.query_map(params![Col(worker), skips::day(now)], |row| row.get(0))?;
    let orders = orders.collect::<Result<Vec<String>, _>>()?;
    let (requesters, orders) = (requesters.join(","), orders.join(","));
    Ok(Spared { warnings, hourly_min: filter.hourly_min, pictures: filter.text_only, requesters, orders })
}

/// Items with a place that is offered (`ItemFacts::is_offered`) and that the worker may be offered, best first, whatever
/// their type. Of fetches the type is `None`.
pub(crate) fn candidates(
    db: &Connection,
    worker: Claimer,
    kinds: impl Iterator<Item = Option<TaskKind>>,
    spared: &Spared,
    places: u8,
    now: Timestamp,
) -> Loaded<Vec<Candidate>> {
    let mut found: Vec<(i64, Candidate)> = Vec::new();
    for kind in kinds.filter(|_| places > 0) {
        found.extend(of_kind(db, worker, kind, spared, places.into())?);
    }
    found.sort_by_key(|(age, candidate)| (*age, candidate.item.free(), candidate.item.id));
    found.truncate(places.into());
    let mut found: Vec<Candidate> = found.into_iter().map(|(_, candidate)| candidate).collect();
    let mut told = Told::default();
    for candidate in found.iter_mut().filter(|candidate| candidate.order.class() == JobClass::Judgment) {
        let (pace, skips) = told.of(db, worker.0, candidate.order.id, now)?;
        (candidate.pace, candidate.skips) = (pace, Some(skips));
    }
    Ok(found)
}

/// What is told with each judgment of a project: read once for several of the same one.
#[derive(Default)]
pub(crate) struct Told(Option<(OrderId, Option<Pace>, SkipFacts)>);

impl Told {
    pub(crate) fn of(
        &mut self,
        db: &Connection,
        worker: PublicKey,
        order: OrderId,
        now: Timestamp,
    ) -> Loaded<(Option<Pace>, SkipFacts)> {
        if let Some((_, pace, skips)) = self.0.filter(|(last, ..)| *last == order) {
            return Ok((pace, skips));
        }
        let (pace, skips) = (tally(db, order)?.pace(), skips_today(db, worker, order, now)?);
        self.0 = Some((order, pace, skips));
        Ok((pace, skips))
    }
}

/// Those of one kind, each with what tells its order's age.
fn of_kind(
    db: &Connection,
    worker: Claimer,
    kind: Option<TaskKind>,
    spared: &Spared,
    places: usize,
) -> Loaded<Vec<(i64, Candidate)>> {
    let mut statement = db.prepare_cached(OFFERED_ORDERS)?;
    let mut orders = statement.query(params![
        kind.map(Col),
        spared.warnings.bits(),
        spared.requesters,
        spared.orders,
        Col(spared.hourly_min),
        spared.pictures
    ])?;
    let (mut found, mut items_left) = (Vec::new(), CLAIM_ITEMS_MAX);
    for _ in 0..CLAIM_ORDERS_MAX {
        let Some(row) = orders.next()? else { break };
        let (age, order): (i64, Col<OrderId>) = (row.get(0)?, row.get(1)?);
        let mut of_order: Vec<Candidate> = Vec::new();
        for has_picture in [false, true].into_iter().filter(|has| !(*has && spared.pictures)) {
            of_order.extend(of_order_with(db, worker, order.0, has_picture, places)?);
        }
        of_order.sort_by_key(|candidate| (candidate.item.free(), candidate.item.id));
        found.extend(of_order.into_iter().map(|candidate| (age, candidate)));
        if found.len() >= places {
            break;
        }
        let mut looked_at = db.prepare_cached(FREE_ITEMS)?;
        let looked_at: u64 = looked_at.query_row(params![order, !spared.pictures], |row| row.get(0))?;
        match items_left.checked_sub(looked_at) {
            Some(left) => items_left = left,
            None => break,
        }
    }
    found.truncate(places);
    Ok(found)
}

fn of_order_with(
    db: &Connection,
    (worker, person): Claimer,
    order: OrderId,
    has_picture: bool,
    places: usize,
) -> Loaded<Vec<Candidate>> {
    let mut statement = db.prepare_cached(CANDIDATES)?;
    let params = params![Col(order), Col(worker), places, FLAGS_CLOSE, has_picture, person.map(Col)];
    let rows = statement.query_map(params, |row| {
        let record = buyer_record(row, REST_AT + 1)?;
        let (item, order, bytes) = (item_facts(row)?, order_facts(row, ORDER_AT)?, row.get(REST_AT)?);
        Ok(Candidate { item, order, bytes, pace: None, record, skips: None })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The outcomes of a project so far; none at first.
pub(crate) fn tally(db: &Connection, order: OrderId) -> Loaded<Tally> {
    let mut statement = db.prepare_cached("SELECT paid, time_ms, counts FROM tallies WHERE order_id = ?1")?;
    let row = statement.query_row([Col(order)], |row| {
        Ok((row.get::<_, Col<_>>(0)?.0, row.get::<_, Col<_>>(1)?.0, row.get::<_, Vec<u8>>(2)?))
    });
    let Some((paid, time, counts)) = row.optional()? else { return Ok(Tally::default()) };
    Tally::new(paid, time, &counts).ok_or_else(|| StoreError::Corrupt("a project's tally can't be read".into()))
}

macro_rules! lease_by_offer {
    ($more:literal) => {
        concat!(
            "SELECT ",
            item_and_order!(),
            ", l.id, l.worker, l.state, l.issued_at, l.deadline, l.extensions",
            $more,
            " FROM leases l JOIN items i ON i.id = l.item JOIN orders o ON o.id = i.order_id WHERE l.offer = ?1"
        )
    };
}
/// Where the columns that were added begin.
const MORE_AT: usize = REST_AT + 6;

/// A lease by its offer.
pub(crate) fn lease(db: &Connection, offer: Hash) -> Loaded<Option<LeaseFacts>> {
    let mut statement = db.prepare_cached(lease_by_offer!(""))?;
    Ok(statement.query_row([Col(offer)], lease_facts).optional()?)
}

/// A lease that may end, by its offer.
pub(crate) fn held(db: &Connection, offer: Hash) -> Loaded<Option<HeldFacts>> {
    let mut statement = db.prepare_cached(lease_by_offer!(
        ", (SELECT count(*) FROM leases m WHERE m.item = l.item AND m.worker IN (
                SELECT l.worker UNION
                SELECT b.worker FROM persons a JOIN persons b ON b.person = a.person WHERE a.worker = l.worker))"
    ))?;
    let read = |row: &Row<'_>| Ok(HeldFacts { lease: lease_facts(row)?, leases_of_person: row.get(MORE_AT)? });
    Ok(statement.query_row([Col(offer)], read).optional()?)
}

/// A lease that is given back, by its offer.
pub(crate) fn returned(db: &Connection, offer: Hash, now: Timestamp) -> Loaded<Option<ReturnFacts>> {
    let Some(held) = held(db, offer)? else { return Ok(None) };
    let LeaseFacts { worker, order, .. } = held.lease;
    let (tally, skips) = (tally(db, order.id)?, skips_today(db, worker, order.id, now)?);
    Ok(Some(ReturnFacts { held, tally, skips }))
}

/// What a worker did with a project today: how often it skipped, and how much it answered.
fn skips_today(db: &Connection, worker: PublicKey, order: OrderId, now: Timestamp) -> Loaded<SkipFacts> {
    let day = skips::day(now);
    let mut skipped = db.prepare_cached("SELECT skips FROM skips WHERE worker = ?1 AND order_id = ?2 AND day = ?3")?;
    let skips = skipped.query_row(params![Col(worker), Col(order), day], |row| row.get(0)).optional()?.unwrap_or(0);
    let mut answered = db.prepare_cached(
        "SELECT count(*) FROM verdicts WHERE worker = ?1 AND number > ?2 AND order_id = ?3 AND decided_at >= ?4",
    )?;
    let after = last_number(db, worker)?.saturating_sub(ANSWERS_LOOKED_AT);
    let row = params![Col(worker), clamp(after), Col(order), clamp(day.saturating_mul(DAY_MS))];
    Ok(SkipFacts { skips, answers: answered.query_row(row, |row| row.get(0))? })
}

pub(crate) fn submitted(db: &Connection, offer: Hash) -> Loaded<Option<SubmitFacts>> {
    let mut statement = db.prepare_cached(lease_by_offer!(", (SELECT bytes FROM item_bytes WHERE item = i.id)"))?;
    let found = statement.query_row([Col(offer)], |row| Ok((lease_facts(row)?, row.get(MORE_AT)?))).optional()?;
    let Some((lease, item_bytes)) = found else { return Ok(None) };
    let stored = match lease.state {
        LeaseState::Answered | LeaseState::Judged => stored_result(db, &lease)?,
        LeaseState::Open | LeaseState::Returned | LeaseState::Expired => None,
    };
    let item = &lease.item;
    let decides = item.answered + 1 >= item.needed || item.flags + 1 >= FLAGS_CLOSE;
    let decides = decides && stored.is_none() && lease.order.class() == JobClass::Judgment;
    let mut last_numbers = BTreeMap::from([(lease.worker, last_number(db, lease.worker)?)]);
    let (mut answered, mut flagged, mut open) = (vec![], vec![], vec![]);
    if decides {
        answered = answers(db, item.id, &mut last_numbers)?;
        if item.flags > 0 {
            flagged = flags(db, item.id, &mut last_numbers)?;
            open = open_leases(db, &lease)?;
        }
    }
    let person = persons::of(db, lease.worker)?;
    let has_flagged = decides && lease.item.flags > 0 && has_flagged(db, lease.item.id, person)?;
    let has_another = lease.state == LeaseState::Expired && has_another(db, &lease, person)?;
    let tally = match lease.order.class() {
        JobClass::Judgment => tally(db, lease.order.id)?,
        JobClass::Fetch => Tally::default(),
    };
    Ok(Some(SubmitFacts {
        lease,
        person,
        item_bytes,
        stored,
        answers: answered,
        flags: flagged,
        open,
        has_another,
        has_flagged,
        last_numbers,
        tally,
    }))
}

fn stored_result(db: &Connection, lease: &LeaseFacts) -> Loaded<Option<StoredResult>> {
    let mut statement = db.prepare_cached(
        "SELECT r.hash, v.number, v.statement, j.statement FROM results r LEFT JOIN verdicts v ON v.lease = r.lease
         LEFT JOIN rejections j ON j.lease = r.lease WHERE r.lease = ?1",
    )?;
    let row = statement.query_row([lease.id.0], |row| {
        let number: Option<u64> = row.get(1)?;
        let verdict = match number {
            Some(number) => {
                let (worker, statement, rejection) = (lease.worker, row.get(2)?, row.get(3)?);
                Some(NumberedVerdict { worker, number, statement, rejection })
            }
            None => None,
        };
        Ok(StoredResult { hash: row.get::<_, Col<_>>(0)?.0, verdict })
    });
    Ok(row.optional()?)
}

/// The answers to an item that count, in the order of their leases; with the last number of each worker.
fn answers(db: &Connection, item: ItemId, last_numbers: &mut BTreeMap<PublicKey, u64>) -> Loaded<Vec<Answer>> {
    let mut statement = db.prepare_cached(
        "SELECT l.id, l.worker, r.hash, r.answer, l.state,
                (SELECT coalesce(max(number), 0) FROM verdicts WHERE worker = l.worker), r.shown_ms,
                CASE WHEN j.is_open = 1 THEN j.statement END,
                coalesce((SELECT person FROM persons WHERE worker = l.worker), l.worker)
         FROM leases l JOIN results r ON r.lease = l.id LEFT JOIN rejections j ON j.lease = l.id
         WHERE l.item = ?1 AND r.counts = 1 ORDER BY l.id",
    )?;
    let rows = statement.query_map([item.0], |row| {
        let answer = Answer {
            lease: LeaseId(row.get(0)?),
            worker: row.get::<_, Col<_>>(1)?.0,
            result: row.get::<_, Col<_>>(2)?.0,
            key: row.get::<_, Col<_>>(3)?.0,
            shown: row.get::<_, Option<Col<_>>>(6)?.map(|shown| shown.0),
            judged: row.get::<_, Col<LeaseState>>(4)?.0 == LeaseState::Judged,
            rejection: row.get(7)?,
            person: Person(row.get::<_, Col<_>>(8)?.0),
        };
        last_numbers.insert(answer.worker, row.get(5)?);
        Ok(answer)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The flags of an item that wait for others, oldest first; with the last number of each worker.
fn flags(db: &Connection, item: ItemId, last_numbers: &mut BTreeMap<PublicKey, u64>) -> Loaded<Vec<Flag>> {
    let mut statement = db.prepare_cached(
        "SELECT l.id, l.worker, r.hash, f.seen_ms,
                (SELECT coalesce(max(number), 0) FROM verdicts WHERE worker = l.worker), r.shown_ms
         FROM flags f JOIN leases l ON l.id = f.lease JOIN results r ON r.lease = f.lease
         WHERE f.item = ?1 AND l.state = 'answered' ORDER BY f.number",
    )?;
    let rows = statement.query_map([item.0], |row| {
        let worker = row.get::<_, Col<_>>(1)?.0;
        last_numbers.insert(worker, row.get(4)?);
        let (lease, result, seen_ms) = (LeaseId(row.get(0)?), row.get::<_, Col<_>>(2)?.0, row.get(3)?);
        let shown = row.get::<_, Option<Col<_>>>(5)?.map(|shown| shown.0);
        Ok(Flag { lease, worker, result, seen_ms, shown })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a person has said of an item that it is to be asked of nobody, whatever became of that since.
fn has_flagged(db: &Connection, item: ItemId, person: Person) -> Loaded<bool> {
    let mut statement = db.prepare_cached(
        "SELECT f.reason FROM flags f JOIN leases l ON l.id = f.lease
         WHERE f.item = ?1 AND coalesce((SELECT person FROM persons WHERE worker = l.worker), l.worker) = ?2",
    )?;
    let reasons = statement.query_map(params![item.0, Col(person.0)], |row| row.get::<_, Col<FlagReason>>(0))?;
    let reasons = reasons.collect::<Result<Vec<_>, _>>()?;
    Ok(reasons.iter().any(|reason| reason.0.stops()))
}

/// The open leases of a lease's item but for itself.
fn open_leases(db: &Connection, lease: &LeaseFacts) -> Loaded<Vec<(PublicKey, Hash)>> {
    let mut statement = db.prepare_cached(
        "SELECT worker, offer FROM leases WHERE item = ?1 AND id <> ?2 AND state = 'open' ORDER BY id",
    )?;
    let rows = statement
        .query_map([lease.item.id.0, lease.id.0], |row| Ok((row.get::<_, Col<_>>(0)?.0, row.get::<_, Col<_>>(1)?.0)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a lease's person has had another one of its item, after which it isn't offered again.
fn has_another(db: &Connection, lease: &LeaseFacts, person: Person) -> Loaded<bool> {
    let own = "SELECT 1 FROM leases WHERE worker = ?1 AND item = ?2 AND id <> ?3 AND again = 0";
    let shared = "SELECT 1 FROM leases WHERE person = ?1 AND item = ?2 AND id <> ?3 AND again = 0";
    let (item, id) = (lease.item.id.0, lease.id.0);
    Ok(exists(db, own, params![Col(lease.worker), item, id])? || exists(db, shared, params![Col(person.0), item, id])?)
}

/// The number of the worker's last verdict; 0 for none.
pub(crate) fn last_number(db: &Connection, worker: PublicKey) -> Loaded<u64> {
    let mut statement = db.prepare_cached("SELECT coalesce(max(number), 0) FROM verdicts WHERE worker = ?1")?;
    Ok(statement.query_row([Col(worker)], |row| row.get(0))?)
}

const OVERDUE: &str = "SELECT offer FROM leases WHERE state = 'open' AND deadline < ?1 ORDER BY deadline LIMIT ?2";
const OVERWAITED: &str =
    "SELECT offer FROM leases WHERE state = 'answered' AND approved_at <= ?1 ORDER BY approved_at LIMIT ?2";

/// Offers of open leases whose deadline passed, longest first.
pub(crate) fn overdue(db: &Connection, now: Timestamp, limit: usize) -> Loaded<Vec<Hash>> {
    offers(db, OVERDUE, now, limit)
}

/// Offers whose results wait longer than they said, longest first.
pub(crate) fn overwaited(db: &Connection, now: Timestamp, limit: usize) -> Loaded<Vec<Hash>> {
    offers(db, OVERWAITED, now, limit)
}

fn offers(db: &Connection, sql: &str, now: Timestamp, limit: usize) -> Loaded<Vec<Hash>> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params![Col(now), limit], |row| Ok(row.get::<_, Col<_>>(0)?.0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A stored result by its offer, to be decided on its own.
pub(crate) fn waiting(db: &Connection, offer: Hash) -> Loaded<Option<WaitingFacts>> {
    let Some(lease) = lease(db, offer)? else { return Ok(None) };
    let mut statement = db.prepare_cached(
        "SELECT r.hash, v.decision, j.statement, j.appeal IS NOT NULL, r.shown_ms
         FROM results r LEFT JOIN verdicts v ON v.lease = r.lease LEFT JOIN rejections j ON j.lease = r.lease
         WHERE r.lease = ?1",
    )?;
    let found = statement.query_row([lease.id.0], |row| {
        let (result, decision): (Col<Hash>, Option<Col<Decision>>) = (row.get(0)?, row.get(1)?);
        let (statement, is_appealed): (Option<Vec<u8>>, bool) = (row.get(2)?, row.get(3)?);
        let rejection = statement.map(|statement| RejectionFacts { statement, is_appealed });
        let shown = row.get::<_, Option<Col<DurationMs>>>(4)?.map(|shown| shown.0);
        Ok((result.0, decision.map(|decision| decision.0), rejection, shown))
    });
    let Some((result, decision, rejection, shown)) = found.optional()? else { return Ok(None) };
    let mut last_numbers = BTreeMap::from([(lease.worker, last_number(db, lease.worker)?)]);
    let is_flag = exists(db, "SELECT 1 FROM flags WHERE lease = ?1", [lease.id.0])?;
    let is_full = decision.is_none() && lease.item.answered >= lease.item.needed;
    let (answers, flags) = if is_full {
        (answers(db, lease.item.id, &mut last_numbers)?, flags(db, lease.item.id, &mut last_numbers)?)
    } else {
        (vec![], vec![])
    };
    let tally = tally(db, lease.order.id)?;
    Ok(Some(WaitingFacts { lease, result, is_flag, decision, rejection, answers, flags, last_numbers, shown, tally }))
}

/// The rejected result of a rejection.
pub(crate) fn rejected(db: &Connection, rejection: Hash) -> Loaded<Option<WaitingFacts>> {
    let mut statement =
        db.prepare_cached("SELECT l.offer FROM rejections j JOIN leases l ON l.id = j.lease WHERE j.hash = ?1")?;
    let offer: Option<Col<Hash>> = statement.query_row([Col(rejection)], |row| row.get(0)).optional()?;
    offer.map_or(Ok(None), |offer| waiting(db, offer.0))
}

/// How an order's answers are reviewed.
pub(crate) fn project_review(db: &Connection, order: OrderId) -> Loaded<Option<ProjectReview>> {
    let mut statement = db.prepare_cached(
        "SELECT o.reviewed, o.rejected, o.paused_at IS NOT NULL, b.reviewed, b.rejected, b.overturned
         FROM orders o JOIN requesters b ON b.id = o.requester WHERE o.id = ?1",
    )?;
    let read = |row: &Row<'_>| {
        let (reviewed, rejected, is_paused) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(ProjectReview { reviewed, rejected, is_paused, record: buyer_record(row, 3)? })
    };
    Ok(statement.query_row([Col(order)], read).optional()?)
}

/// A requester's record, from its columns reviewed, rejected, overturned, the first of which is at `at`.
pub(crate) fn buyer_record(row: &Row<'_>, at: usize) -> rusqlite::Result<BuyerRecord> {
    // Nobody reads four thousand million answers; a number that is too large for the wire says as much.
    let count = |at| Ok::<_, rusqlite::Error>(u32::try_from(row.get::<_, u64>(at)?).unwrap_or(u32::MAX));
    Ok(BuyerRecord { reviewed: count(at)?, rejected: count(at + 1)?, overturned: count(at + 2)? })
}

const UNSETTLED: &str =
    "SELECT v.lease, v.worker, v.hash, v.amount, EXISTS (SELECT 1 FROM reversals w WHERE w.lease = v.lease)
         FROM verdicts v WHERE v.settled = 0 AND v.settles_at <= ?1 ORDER BY v.settles_at LIMIT ?2";

/// Verdicts whose time for disputes is over, longest first.
pub(crate) fn unsettled(db: &Connection, now: Timestamp, limit: usize) -> Loaded<Vec<UnsettledFacts>> {
    let mut statement = db.prepare_cached(UNSETTLED)?;
    let rows = statement.query_map(params![Col(now), limit], |row| {
        Ok(UnsettledFacts {
            lease: LeaseId(row.get(0)?),
            worker: row.get::<_, Col<_>>(1)?.0,
            verdict: row.get::<_, Col<_>>(2)?.0,
            amount: row.get::<_, Col<_>>(3)?.0,
            is_contested: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether an order may be cancelled.
pub(crate) fn cancellable(db: &Connection, order: OrderId) -> Loaded<Option<CancelFacts>> {
    let mut statement =
        db.prepare_cached("SELECT requester, cancelled_at IS NOT NULL, is_open FROM orders WHERE id = ?1")?;
    let read = |row: &Row<'_>| {
        let (requester, is_cancelled, is_open) = (row.get::<_, Col<_>>(0)?.0, row.get(1)?, row.get(2)?);
        Ok(CancelFacts { requester, is_cancelled, is_open })
    };
    Ok(statement.query_row([Col(order)], read).optional()?)
}

/// The open items of an order, in the order of their numbers.
pub(crate) fn open_items(db: &Connection, order: OrderId) -> Loaded<Vec<ItemId>> {
    let mut statement = db.prepare_cached("SELECT id FROM items WHERE order_id = ?1 AND state = 'open' ORDER BY id")?;
    let rows = statement.query_map([Col(order)], |row| Ok(ItemId(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The open leases of an order's open items: whose, which offer.
pub(crate) fn leases_of_order(db: &Connection, order: OrderId) -> Loaded<Vec<(PublicKey, Hash)>> {
    let mut statement = db.prepare_cached(
        "SELECT l.worker, l.offer FROM items i JOIN leases l ON l.item = i.id
         WHERE i.order_id = ?1 AND i.state = 'open' AND l.state = 'open' ORDER BY l.id",
    )?;
    let rows = statement.query_map([Col(order)], |row| Ok((row.get::<_, Col<_>>(0)?.0, row.get::<_, Col<_>>(1)?.0)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// An item that is stopped.
pub(crate) fn to_stop(db: &Connection, item: ItemId) -> Loaded<Option<StopFacts>> {
    let mut statement = db.prepare_cached(concat!(
        "SELECT ",
        item_and_order!(),
        " FROM items i JOIN orders o ON o.id = i.order_id WHERE i.id = ?1"
    ))?;
    let read = |row: &Row<'_>| Ok((item_facts(row)?, order_facts(row, ORDER_AT)?));
    let Some((facts, order)) = statement.query_row([item.0], read).optional()? else { return Ok(None) };
    let mut last_numbers = BTreeMap::new();
    let mut stop = StopFacts {
        item: facts,
        order,
        answers: vec![],
        flags: vec![],
        last_numbers: BTreeMap::new(),
        tally: Tally::default(),
    };
    if order.class() == JobClass::Judgment {
        stop.answers = answers(db, item, &mut last_numbers)?;
        stop.flags = flags(db, item, &mut last_numbers)?;
        stop.tally = tally(db, order.id)?;
    }
    stop.last_numbers = last_numbers;
    Ok(Some(stop))
}

fn requester_name(db: &Connection, requester: RequesterId) -> Loaded<Option<String>> {
    let mut statement = db.prepare_cached("SELECT name FROM requesters WHERE id = ?1")?;
    Ok(statement.query_row([Col(requester)], |row| row.get(0)).optional()?)
}

fn exists(db: &Connection, sql: &str, params: impl Params) -> Loaded<bool> {
    Ok(db.prepare_cached(sql)?.exists(params)?)
}

fn lease_facts(row: &Row<'_>) -> rusqlite::Result<LeaseFacts> {
    Ok(LeaseFacts {
        item: item_facts(row)?,
        order: order_facts(row, ORDER_AT)?,
        id: LeaseId(row.get(REST_AT)?),
        worker: row.get::<_, Col<_>>(REST_AT + 1)?.0,
        state: row.get::<_, Col<_>>(REST_AT + 2)?.0,
        issued_at: row.get::<_, Col<_>>(REST_AT + 3)?.0,
        deadline: row.get::<_, Col<_>>(REST_AT + 4)?.0,
        extensions: row.get(REST_AT + 5)?,
    })
}

fn item_facts(row: &Row<'_>) -> rusqlite::Result<ItemFacts> {
    Ok(ItemFacts {
        id: ItemId(row.get(0)?),
        number: row.get(1)?,
        needed: row.get(2)?,
        leased: row.get(3)?,
        answered: row.get(4)?,
        tries: row.get(5)?,
        state: row.get::<_, Col<_>>(6)?.0,
        decided: row.get::<_, Option<Col<_>>>(7)?.map(|key| key.0),
        held: row.get::<_, Col<_>>(8)?.0,
        flags: row.get(9)?,
        is_cancelled: row.get(10)?,
    })
}

/// How SQLite goes about a statement.
#[cfg(test)]
pub(crate) fn plan(db: &Connection, sql: &str) -> String {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nothing = vec![rusqlite::types::Value::Null; statement.parameter_count()];
    let rows = statement.query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(3)).unwrap();
    rows.collect::<Result<Vec<_>, _>>().unwrap().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What runs often must find its rows by an index, in order, however large the tables are.
    #[test]
    fn frequent_queries_walk_their_index() {
        let folder = tempfile::tempdir().unwrap();
        let db = crate::open::writer(&folder.path().join("lull.sqlite"), true).unwrap();
        for (sql, index) in [
            (OFFERED_ORDERS, "orders_open"),
            (CANDIDATES, "items_free"),
            (CANDIDATES, "leases_once"),
            (CANDIDATES, "leases_of_person"),
            (FREE_ITEMS, "items_free"),
            (OVERDUE, "leases_due"),
            (OVERWAITED, "leases_waiting"),
            (UNSETTLED, "verdicts_unsettled"),
        ] {
            let plan = plan(&db, sql);
            assert!(plan.contains(&format!("INDEX {index}")), "{plan}");
            assert!(!plan.contains("SCAN") && !plan.contains("B-TREE"), "{plan}");
        }
    }
}
