//! Applies the market's writes, inside the open transaction.

use std::collections::{BTreeMap, btree_map};

use lull_market::ItemState;
use lull_market::facts::{ItemFacts, ItemId, LeaseId, OrderFacts};
use lull_market::ledger::{self, Account, Entry};
use lull_market::{LeaseState, Refusal, RequesterId, Write};
use lull_protocol::payout::Schedule;
use lull_protocol::rejection::{BuyerRecord, Rejection};
use lull_protocol::statement::{AcceptanceRule, Extension, Offer, Report, Verdict, WorkResult};
use lull_protocol::{Amount, ByteCount, DurationMs, Hash, OrderId, PublicKey, Signed, Timestamp, WarningSet};
use rusqlite::{Connection, OptionalExtension, Params, params};

use crate::apply::Stop;
use crate::read::clamp;
use crate::value::Col;
use crate::{reversals, wallets};

type Written = Result<(), Stop>;

/// Applies writes in their order; what they move between accounts is in the books until these are closed.
pub(crate) fn write_all(db: &Connection, now: Timestamp, writes: Vec<Write>, books: &mut Books) -> Written {
    writes.into_iter().try_for_each(|write| write_one(db, now, write, books))
}

fn write_one(db: &Connection, now: Timestamp, write: Write, books: &mut Books) -> Written {
    match write {
        Write::AddRequester { requester, name, key_hash } => one(
            db,
            "INSERT INTO requesters (id, name, key_hash, added_at) VALUES (?1, ?2, ?3, ?4)",
            params![Col(requester), name, Col(key_hash), Col(now)],
        ),
        Write::AddDeposit { requester, amount, reference } => one(
            db,
            "INSERT INTO deposits (reference, requester, amount, at) VALUES (?1, ?2, ?3, ?4)",
            params![reference, Col(requester), Col(amount), Col(now)],
        ),
        Write::AddBlob { requester, hash, media_type, bytes } => one(
            db,
            "INSERT INTO blobs (hash, requester, media_type, added_at, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![Col(hash), Col(requester), media_type, Col(now), bytes],
        ),
        Write::AddOrder { order, fingerprint, title, full_price, warnings } => {
            add_order(db, now, (&order, fingerprint, warnings), &title, full_price)
        }
        Write::AddItem { order, class, number, bytes, has_picture, needed, held } => {
            one(
                db,
                "INSERT INTO items (order_id, number, class, hash, needed, held, has_picture)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![Col(order), number, Col(class), Col(Hash::of(&bytes)), needed, Col(held), has_picture],
            )?;
            let item = db.last_insert_rowid();
            one(db, "INSERT INTO item_bytes (item, bytes) VALUES (?1, ?2)", params![item, bytes])
        }
        Write::AddLease { item, offer } => add_lease(db, item, &offer),
        Write::ExtendLease { lease, extension } => {
            let Extension { number, deadline, .. } = *extension.payload();
            one(
                db,
                "UPDATE leases SET deadline = ?2, extensions = ?3, extension = ?4 WHERE id = ?1 AND state = 'open'",
                params![lease.0, Col(deadline), number, extension.bytes()],
            )
        }
        // A lease begins with again = 0, and naming the column would write its entry in `leases_once` anew.
        Write::SetLease { lease, state, again: false } => {
            one(db, "UPDATE leases SET state = ?2 WHERE id = ?1", params![lease.0, Col(state)])
        }
        Write::SetLease { lease, state, again: true } => {
            one(db, "UPDATE leases SET state = ?2, again = 1 WHERE id = ?1", params![lease.0, Col(state)])
        }
        Write::Reopen { lease } => one(
            db,
            "UPDATE leases SET state = 'open', again = 0,
                    person = (SELECT p.person FROM persons p WHERE p.worker = leases.worker)
                 WHERE id = ?1 AND state = 'expired'",
            params![lease.0],
        ),
        Write::SetItem(item) => set_item(db, &item),
        Write::AddResult { lease, result, counts, shown, body } => {
            add_result(db, now, (lease, counts, shown), &result, body)
        }
        Write::AddFlag { lease, item, order, reason, seen_ms } => one(
            db,
            "INSERT INTO flags (lease, item, order_id, reason, seen_ms, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![lease.0, item.0, Col(order), Col(reason), clamp(seen_ms), Col(now)],
        ),
        Write::AddVerdict { lease, order, worker, number, verdict, settles_at } => {
            add_verdict(db, (lease, order, worker, number), &verdict, settles_at)
        }
        Write::AddRejection { lease, rejection } => add_rejection(db, lease, &rejection),
        Write::SetApproval { lease, at } => set_approved_at(db, lease, at),
        Write::AddAppeal { lease, appeal, decided_by } => {
            one(
                db,
                "UPDATE rejections SET appeal = ?2, appealed_at = ?3 WHERE lease = ?1 AND appeal IS NULL",
                params![lease.0, appeal.bytes(), Col(now)],
            )?;
            set_approved_at(db, lease, decided_by)
        }
        Write::Uncount { lease } => one(db, "UPDATE results SET counts = 0 WHERE lease = ?1", [lease.0]),
        Write::CountReview { requester, order, by } => count_review(db, requester, order, by),
        Write::SetCancelled { order } => one(
            db,
            "UPDATE orders SET cancelled_at = ?2 WHERE id = ?1 AND cancelled_at IS NULL",
            params![Col(order), Col(now)],
        ),
        Write::SetPaused { order, is_paused } => set_paused(db, now, order, is_paused),
        Write::AddReversal { lease, reversal } => reversals::add(db, lease, &reversal),
        Write::AddReversalAppeal { lease, appeal, decided_by } => {
            reversals::add_appeal(db, (lease, now), &appeal, decided_by)
        }
        Write::EndReversal { lease, end } => reversals::end(db, lease, &end),
        Write::SetSettled { lease } => {
            one(db, "UPDATE verdicts SET settled = 1 WHERE lease = ?1 AND settled = 0", params![lease.0])
        }
        Write::SetTally { order, tally } => one(
            db,
            "INSERT INTO tallies (order_id, paid, time_ms, counts, hourly) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (order_id) DO UPDATE SET paid = ?2, time_ms = ?3, counts = ?4, hourly = ?5",
            params![
                Col(order),
                Col(tally.paid),
                Col(tally.time),
                tally.counts(),
                tally.pace().map(|pace| Col(pace.hourly))
            ],
        ),
        Write::SetSkips { worker, order, day, skips, is_over } => one(
            db,
            "INSERT INTO skips (worker, order_id, day, skips, is_over) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (worker, order_id) DO UPDATE SET day = ?3, skips = ?4, is_over = ?5",
            params![Col(worker), Col(order), day, skips, is_over],
        ),
        Write::Wallet(write) => wallets::write(db, now, write),
        Write::SetPayoutChoice { worker, schedule, account_agreed } => {
            let (word, value) = match schedule {
                Schedule::Now => ("now", 0),
                Schedule::At(amount) => ("at", amount.get()),
                Schedule::Weekly(day) => ("weekly", day as u64),
            };
            one(
                db,
                "INSERT INTO payout_choices (worker, schedule, schedule_value, account_agreed, chosen_at)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (worker) DO UPDATE SET schedule = ?2, schedule_value = ?3,
                    account_agreed = ?4, chosen_at = ?5",
                params![Col(worker), word, value, Col(account_agreed), Col(now)],
            )
        }
        Write::WishPayout { worker } => one(
            db,
            "INSERT INTO payout_wishes (worker, at) VALUES (?1, ?2) ON CONFLICT (worker) DO UPDATE SET at = ?2",
            params![Col(worker), Col(now)],
        ),
        Write::Post(entry) => books.post(db, now, &entry),
    }
}

fn add_order(
    db: &Connection,
    now: Timestamp,
    (order, fingerprint, warnings): (&OrderFacts, Hash, WarningSet),
    title: &str,
    full_price: Amount,
) -> Written {
    let (bytes_max, agree, people) = match order.rule {
        AcceptanceRule::FetchChecks { bytes_max } => (Some(Col::<ByteCount>(bytes_max)), None, None),
        AcceptanceRule::Agreement { agree, people } | AcceptanceRule::Review { agree, people } => {
            (None, Some(agree), Some(people))
        }
    };
    one(
        db,
        "INSERT INTO orders (id, requester, fingerprint, class, title, per_item, per_mib, fee_bp, bytes_max, agree,
                             people, full_price, created_at, task, review, warnings)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        params![
            Col(order.id),
            Col(order.requester),
            Col(fingerprint),
            Col(order.class()),
            title,
            Col(order.price.per_item),
            Col(order.price.per_mib),
            order.fee_bp,
            bytes_max,
            agree,
            people,
            Col(full_price),
            Col(now),
            order.task.map(Col),
            matches!(order.rule, AcceptanceRule::Review { .. }),
            warnings.bits(),
        ],
    )
}

fn add_lease(db: &Connection, item: ItemId, offer: &Signed<Offer>) -> Written {
    let Offer { worker, class, issued_at, deadline, approved_at, .. } = *offer.payload();
    one(
        db,
        "INSERT INTO leases (offer, worker, item, class, state, issued_at, deadline, approved_at, statement, person)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, (SELECT person FROM persons WHERE worker = ?2))",
        params![
            Col(offer.hash()),
            Col(worker),
            item.0,
            Col(class),
            Col(LeaseState::Open),
            Col(issued_at),
            Col(deadline),
            Col(approved_at),
            offer.bytes(),
        ],
    )
}

fn set_item(db: &Connection, item: &ItemFacts) -> Written {
    one(
        db,
        "UPDATE items SET leased = ?2, answered = ?3, tries = ?4, state = ?5, decided = ?6, held = ?7, flags = ?8
         WHERE id = ?1",
        params![
            item.id.0,
            item.leased,
            item.answered,
            item.tries,
            Col(item.state),
            item.decided.map(Col),
            Col(item.held),
            item.flags,
        ],
    )?;
    if item.state == ItemState::Open {
        return Ok(());
    }
    let mut last = db.prepare_cached(
        "UPDATE orders SET is_open = 0 WHERE id = (SELECT order_id FROM items WHERE id = ?1)
           AND NOT EXISTS (SELECT 1 FROM items i WHERE i.order_id = orders.id AND i.state = 'open')",
    )?;
    last.execute([item.id.0])?;
    Ok(())
}

fn add_result(
    db: &Connection,
    now: Timestamp,
    (lease, counts, shown): (LeaseId, bool, Option<DurationMs>),
    result: &Signed<WorkResult>,
    body: Option<Vec<u8>>,
) -> Written {
    let (answer, outcome, body_hash) = match &result.payload().report {
        Report::Judgment(report) => (Some(Col(report.answer.key())), None, None),
        Report::Fetch(fetch) => (None, Some(fetch.outcome.as_str()), Some(Col(fetch.body_hash))),
        Report::Flag(_) => (None, Some("flagged"), None),
        Report::Withdrawn => (None, Some("withdrawn"), None),
    };
    let body_bytes = result.payload().body_bytes();
    one(
        db,
        "INSERT INTO results (lease, hash, counts, answer, outcome, body_hash, body_bytes, received_at, statement,
                              shown_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            lease.0,
            Col(result.hash()),
            counts,
            answer,
            outcome,
            body_hash,
            Col(body_bytes),
            Col(now),
            result.bytes(),
            shown.map(Col),
        ],
    )?;
    match body {
        Some(bytes) => one(db, "INSERT INTO bodies (lease, bytes) VALUES (?1, ?2)", params![lease.0, bytes]),
        None => Ok(()),
    }
}

fn add_verdict(
    db: &Connection,
    (lease, order, worker, number): (LeaseId, OrderId, PublicKey, u64),
    verdict: &Signed<Verdict>,
    settles_at: Timestamp,
) -> Written {
    let Verdict { decision, reason, amount, decided_at, .. } = *verdict.payload();
    one(
        db,
        "INSERT INTO verdicts (lease, order_id, worker, number, hash, decision, reason, amount, decided_at,
                               settles_at, settled, statement)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            lease.0,
            Col(order),
            Col(worker),
            number,
            Col(verdict.hash()),
            Col(decision),
            Col(reason),
            Col(amount),
            Col(decided_at),
            Col(settles_at),
            // Nothing to wait for where nothing was paid.
            amount == Amount::ZERO,
            verdict.bytes(),
        ],
    )?;
    match verdict.payload().rejection {
        Some(_) => one(db, "UPDATE rejections SET is_open = 0 WHERE lease = ?1 AND is_open = 1", [lease.0]),
        None => Ok(()),
    }
}

fn add_rejection(db: &Connection, lease: LeaseId, rejection: &Signed<Rejection>) -> Written {
    one(
        db,
        "INSERT INTO rejections (lease, worker, hash, is_open, statement) VALUES (?1, ?2, ?3, 1, ?4)",
        params![lease.0, Col(rejection.payload().worker), Col(rejection.hash()), rejection.bytes()],
    )?;
    set_approved_at(db, lease, rejection.payload().appeal_until)
}

/// When time decides about a stored result.
fn set_approved_at(db: &Connection, lease: LeaseId, at: Timestamp) -> Written {
    one(db, "UPDATE leases SET approved_at = ?2 WHERE id = ?1", params![lease.0, Col(at)])
}

fn count_review(db: &Connection, requester: RequesterId, order: OrderId, by: BuyerRecord) -> Written {
    let BuyerRecord { reviewed, rejected, overturned } = by;
    one(
        db,
        "UPDATE orders SET reviewed = reviewed + ?2, rejected = rejected + ?3 WHERE id = ?1",
        params![Col(order), reviewed, rejected],
    )?;
    one(
        db,
        "UPDATE requesters SET reviewed = reviewed + ?2, rejected = rejected + ?3, overturned = overturned + ?4
         WHERE id = ?1",
        params![Col(requester), reviewed, rejected, overturned],
    )
}

/// What was counted led to the pause; it begins anew after it.
fn set_paused(db: &Connection, now: Timestamp, order: OrderId, is_paused: bool) -> Written {
    if is_paused {
        one(db, "UPDATE orders SET paused_at = ?2 WHERE id = ?1", params![Col(order), Col(now)])?;
    } else {
        let resumed = "UPDATE orders SET paused_at = NULL, reviewed = 0, rejected = 0 WHERE id = ?1";
        one(db, resumed, [Col(order)])?;
    }
    Ok(())
}

/// The accounts that a batch moves money between: each is loaded once, and written once. The market's own and
/// an order's are in nearly every entry.
#[derive(Default)]
pub(crate) struct Books(BTreeMap<Account, Balance>);

struct Balance {
    account: i64,
    value: i64,
    is_written: bool,
}

impl Books {
    /// Writes the balances that have changed. Whoever reads balances closes the books first.
    pub(crate) fn close(&mut self, db: &Connection) -> Written {
        for balance in self.0.values_mut().filter(|balance| !balance.is_written) {
            let row = params![balance.account, balance.value];
            one(db, "UPDATE accounts SET balance = ?2 WHERE id = ?1", row)?;
            balance.is_written = true;
        }
        Ok(())
    }

    /// Writes an entry and moves the balances; a balance that may not be is a fault.
    pub(crate) fn post(&mut self, db: &Connection, now: Timestamp, entry: &Entry) -> Written {
        let cause = entry.cause();
        one(
            db,
            "INSERT INTO entries (at, cause, about) VALUES (?1, ?2, ?3)",
            params![Col(now), cause.kind(), cause.about()],
        )?;
        let id = db.last_insert_rowid();
        for posting in entry.postings() {
            let balance = self.balance(db, posting.account)?;
            balance.value = ledger::post(balance.value, posting).map_err(Refusal::from)?;
            balance.is_written = false;
            one(
                db,
                "INSERT INTO postings (entry, account, at, delta) VALUES (?1, ?2, ?3, ?4)",
                params![id, balance.account, Col(now), posting.delta],
            )?;
        }
        Ok(())
    }

    /// An account's balance; the account is made on its first posting.
    fn balance(&mut self, db: &Connection, account: Account) -> Result<&mut Balance, Stop> {
        Ok(match self.0.entry(account) {
            btree_map::Entry::Occupied(known) => known.into_mut(),
            btree_map::Entry::Vacant(unknown) => unknown.insert(load_balance(db, &account)?),
        })
    }
}

fn load_balance(db: &Connection, account: &Account) -> Result<Balance, Stop> {
    let mut found = db.prepare_cached("SELECT id, balance FROM accounts WHERE kind = ?1 AND owner = ?2")?;
    let name = params![account.kind(), account.owner()];
    let row = found.query_row(name, |row| Ok(Balance { account: row.get(0)?, value: row.get(1)?, is_written: true }));
    if let Some(balance) = row.optional()? {
        return Ok(balance);
    }
    one(db, "INSERT INTO accounts (kind, owner, balance) VALUES (?1, ?2, 0)", name)?;
    Ok(Balance { account: db.last_insert_rowid(), value: 0, is_written: true })
}

/// Runs a statement that must change one row.
pub(crate) fn one(db: &Connection, sql: &str, params: impl Params) -> Written {
    match db.prepare_cached(sql)?.execute(params)? {
        1 => Ok(()),
        _ => Err(Refusal::Fault("a row that must be there is not".into()).into()),
    }
}
