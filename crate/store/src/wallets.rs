//! How workers come to be paid to wallets: the steps that `lull_market::connect` decides, and what a worker is told.

use lull_market::connect::{
    self, Given, NEWS_KEPT_MS, Notice, Problem, Rebind, RebindState, Request, TICKET_KEPT_MS, TICKET_MS,
    TICKETS_WINDOW_MS, Ticket, TicketState, WalletFacts, WorkerFacts, Write, YES_KEPT_MS,
};
use lull_market::ledger::Account;
use lull_market::{Context, Decided};
use lull_protocol::connect::{
    Purpose, Rebinding, WalletAsked, WalletBrowser, WalletEvent, WalletNews, WalletState, WalletYes,
};
use lull_protocol::limits::{FRAME_BYTES_MAX, WALLET_NEWS_MAX, WALLET_WORKERS_MAX};
use lull_protocol::siws::SignIn;
use lull_protocol::units::Ticket as Secret;
use lull_protocol::{Amount, Hash, PublicKey, Signed, Timestamp, Wallet, cbor};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::apply::Stop;
use crate::error::StoreError;
use crate::persons;
use crate::read::{Reader, balance, clamp};
use crate::value::Col;
use crate::write::{Books, one};

/// A day, milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Decides [`Command::Wallet`](lull_market::Command::Wallet).
pub(crate) fn decide(db: &Connection, cx: &Context, request: &Request, books: &mut Books) -> Result<Decided, Stop> {
    // Balances are read.
    books.close(db)?;
    let (writes, given, asker) = match request {
        Request::Open { worker, purpose, ticket } => {
            let (writes, given) = open(db, cx, *worker, *purpose, *ticket)?;
            (writes, given, Some(*worker))
        }
        Request::Take { ticket, site, nonce } => {
            let found = load_ticket(db, *ticket)?;
            let (writes, sign_in) = refuse(connect::take(found.as_ref(), site, *nonce, cx.now))?;
            (writes, Given::SignIn(Box::new(sign_in)), None)
        }
        Request::SignIn { ticket, proof } => {
            let ticket = refuse(load_ticket(db, *ticket)?.ok_or(Problem::Unknown))?;
            let facts = (worker_facts(db, ticket.worker, cx.now)?, wallet_facts(db, cx, proof.wallet)?);
            let (writes, given) = refuse(connect::sign_in(Some(&ticket), &facts.0, &facts.1, proof, cx.now))?;
            (writes, given, None)
        }
        Request::Agree(yes) => {
            let (worker, said) = (*yes.signer(), yes.payload());
            let facts = (worker_facts(db, worker, cx.now)?, wallet_facts(db, cx, said.wallet)?);
            let ticket = load_ticket(db, said.ticket)?;
            let yes = (yes, &cx.key.public());
            let lost = said.lost.map(|lost| worker_facts(db, lost, cx.now)).transpose()?;
            let workers = (&facts.0, lost.as_ref());
            let writes = refuse(connect::agree(ticket.as_ref(), workers, &facts.1, yes, cx.now))?;
            (writes, Given::Done, Some(worker))
        }
        Request::Decline { worker, ticket } => {
            let ticket = load_ticket(db, *ticket)?;
            (refuse(connect::decline(ticket.as_ref(), worker, cx.now))?, Given::Done, Some(*worker))
        }
        Request::Veto(veto) => {
            let rebind = load_rebind(db, veto.payload().yes)?;
            let rebind = refuse(rebind.ok_or(Problem::Unknown))?;
            let wallet = wallet_facts(db, cx, rebind.wallet)?;
            let said = (veto, &cx.key.public());
            (refuse(connect::veto(Some(&rebind), &wallet, said, cx.now))?, Given::Done, Some(*veto.signer()))
        }
        Request::Known { worker, number } => {
            (vec![Write::Known { worker: *worker, number: *number }], Given::Done, Some(*worker))
        }
        Request::Seen { worker } => (vec![Write::Seen(*worker)], Given::Done, Some(*worker)),
    };
    Ok(connect::decided(writes, given, asker))
}

fn open(
    db: &Connection,
    cx: &Context,
    worker: PublicKey,
    purpose: Purpose,
    ticket: Secret,
) -> Result<(Vec<Write>, Given), Stop> {
    let facts = worker_facts(db, worker, cx.now)?;
    let writes = refuse(connect::open(&facts, purpose, ticket.hash(), cx.now))?;
    let expires_at = cx.now.plus(TICKET_MS);
    let given = match purpose.needs_wallet() {
        true => Given::Ticket { ticket, purpose, expires_at },
        false => Given::Asked(expires_at),
    };
    Ok((writes, given))
}

/// Rebindings whose time has come: what to write about one.
pub(crate) fn by_time(db: &Connection, cx: &Context, yes: Hash) -> Result<Vec<Write>, Stop> {
    let rebind = refuse(load_rebind(db, yes)?.ok_or(Problem::Fault("a rebinding vanished inside its transaction")))?;
    let facts = (worker_facts(db, rebind.worker, cx.now)?, wallet_facts(db, cx, rebind.wallet)?);
    Ok(connect::by_time(&rebind, &facts.0, &facts.1, cx.now))
}

fn refuse<T>(step: Result<T, Problem>) -> Result<T, Stop> {
    step.map_err(|problem| Stop::Refused(problem.into()))
}

pub(crate) const REBINDS_DUE: &str = "SELECT yes FROM rebinds WHERE state = 'open' AND due <= ?1 ORDER BY due LIMIT ?2";

/// The yeses of rebindings whose time has come, longest first.
pub(crate) fn due(db: &Connection, now: Timestamp, limit: usize) -> Result<Vec<Hash>, StoreError> {
    keys(db, REBINDS_DUE, params![Col(now), limit])
}

fn load_ticket(db: &Connection, hash: Hash) -> Result<Option<Ticket>, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT worker, purpose, expires_at, state, carries, refused FROM tickets WHERE hash = ?1")?;
    let row = statement.query_row([Col(hash)], |row| {
        let (state, carries): (String, Option<Vec<u8>>) = (row.get(3)?, row.get(4)?);
        let read = (row.get::<_, Col<_>>(0)?.0, row.get::<_, Col<_>>(1)?.0, row.get::<_, Col<_>>(2)?.0, row.get(5)?);
        Ok((read, state, carries))
    });
    let Some(((worker, purpose, expires_at, refused), state, carries)) = row.optional()? else { return Ok(None) };
    let state =
        ticket_state(&state, carries.as_deref()).ok_or_else(|| StoreError::Corrupt("a ticket's state".into()))?;
    Ok(Some(Ticket { hash, worker, purpose, expires_at, state, refused }))
}

fn ticket_state(word: &str, carries: Option<&[u8]>) -> Option<TicketState> {
    Some(match (word, carries) {
        ("open", None) => TicketState::Open,
        ("taken", Some(bytes)) => TicketState::Taken(SignIn::from_bytes(bytes).ok()?),
        ("named", Some(bytes)) => TicketState::Named(Wallet::new(PublicKey::from_slice(bytes)?).ok()?),
        ("used", Some(bytes)) => TicketState::Used(Hash(bytes.try_into().ok()?)),
        ("declined", None) => TicketState::Declined,
        ("replaced", None) => TicketState::Replaced,
        ("spent", None) => TicketState::Spent,
        _ => return None,
    })
}

/// As [`ticket_state`] reads it.
fn ticket_words(state: &TicketState) -> (&'static str, Option<Vec<u8>>) {
    match state {
        TicketState::Open => ("open", None),
        TicketState::Taken(sign_in) => ("taken", Some(sign_in.to_bytes())),
        TicketState::Named(wallet) => ("named", Some(wallet.key().0.to_vec())),
        TicketState::Used(yes) => ("used", Some(yes.0.to_vec())),
        TicketState::Declined => ("declined", None),
        TicketState::Replaced => ("replaced", None),
        TicketState::Spent => ("spent", None),
    }
}

/// What a worker is paid to, what it left, and until when its payouts are held.
type Row3 = (Option<Wallet>, Option<Wallet>, Option<Timestamp>);

fn wallet_row(db: &Connection, worker: PublicKey) -> Result<Row3, StoreError> {
    let mut statement = db.prepare_cached("SELECT wallet, left_wallet, held_until FROM wallets WHERE worker = ?1")?;
    let row = statement.query_row([Col(worker)], |row| {
        let wallet = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<Col<Wallet>>>(at)?.map(|wallet| wallet.0));
        Ok((wallet(0)?, wallet(1)?, row.get::<_, Option<Col<Timestamp>>>(2)?.map(|until| until.0)))
    });
    Ok(row.optional()?.unwrap_or_default())
}

fn worker_facts(db: &Connection, worker: PublicKey, now: Timestamp) -> Result<WorkerFacts, StoreError> {
    let (wallet, left, held_until) = wallet_row(db, worker)?;
    let since = Col(now.minus(TICKETS_WINDOW_MS));
    let mut count = db.prepare_cached("SELECT count(*) FROM tickets WHERE worker = ?1 AND opened_at > ?2")?;
    let mut open = db.prepare_cached(
        "SELECT hash FROM tickets WHERE worker = ?1 AND opened_at > ?2 AND state IN ('open', 'taken', 'named')
         ORDER BY opened_at DESC LIMIT 1",
    )?;
    let mut all = lost_to(db, worker)?;
    all.push(worker);
    Ok(WorkerFacts {
        worker,
        wallet,
        left,
        held_until,
        tickets: count.query_row(params![Col(worker), since], |row| row.get(0))?,
        open: open.query_row(params![Col(worker), since], |row| row.get::<_, Col<_>>(0)).optional()?.map(|hash| hash.0),
        pending: sum(db, &all, Account::Pending)?,
        payable: sum(db, &all, Account::Payable)?,
        in_payout: sum(db, &all, Account::InPayout)?,
    })
}

fn sum(db: &Connection, workers: &[PublicKey], of: fn(PublicKey) -> Account) -> Result<Amount, StoreError> {
    let add = |sum: Amount, worker: &PublicKey| match sum.checked_add(balance(db, &of(*worker))?) {
        Some(sum) => Ok(sum),
        None => Err(StoreError::Corrupt("balances are beyond all money".into())),
    };
    workers.iter().try_fold(Amount::ZERO, add)
}

fn wallet_facts(db: &Connection, cx: &Context, wallet: Wallet) -> Result<WalletFacts, StoreError> {
    let rebinding = "SELECT lost FROM rebinds WHERE wallet = ?1 AND state = 'open'";
    Ok(WalletFacts {
        workers: workers_of(db, wallet)?,
        rebinding: keys(db, rebinding, [Col(wallet)])?,
        is_listed: cx.listed.contains(&wallet),
    })
}

fn workers_of(db: &Connection, wallet: Wallet) -> Result<Vec<PublicKey>, StoreError> {
    keys(db, "SELECT worker FROM wallets WHERE wallet = ?1 AND succeeded_by IS NULL", [Col(wallet)])
}

fn keys<T>(db: &Connection, sql: &str, params: impl Params) -> Result<Vec<T>, StoreError>
where
    Col<T>: rusqlite::types::FromSql,
{
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row| Ok(row.get::<_, Col<T>>(0)?.0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn load_rebind(db: &Connection, yes: Hash) -> Result<Option<Rebind>, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT worker, lost, wallet, due, state, vetoed_by FROM rebinds WHERE yes = ?1")?;
    let row = statement.query_row([Col(yes)], |row| {
        let (state, by): (String, Option<Col<PublicKey>>) = (row.get(4)?, row.get(5)?);
        let (worker, lost) = (row.get::<_, Col<_>>(0)?.0, row.get::<_, Col<_>>(1)?.0);
        let (wallet, due) = (row.get::<_, Col<_>>(2)?.0, row.get::<_, Col<_>>(3)?.0);
        Ok((Rebind { yes, worker, lost, wallet, due, state: RebindState::Open }, state, by))
    });
    let Some((rebind, word, by)) = row.optional()? else { return Ok(None) };
    let state = match (word.as_str(), by) {
        ("open", None) => RebindState::Open,
        ("vetoed", Some(by)) => RebindState::Vetoed(by.0),
        ("done", None) => RebindState::Done,
        ("lapsed", None) => RebindState::Lapsed,
        _ => return Err(StoreError::Corrupt("a rebinding's state".into())),
    };
    Ok(Some(Rebind { state, ..rebind }))
}

/// What was agreed to for the token account of one wallet is no yes to another's.
fn forget_agreed(db: &Connection, worker: PublicKey) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE payout_choices SET account_agreed = 0 WHERE worker = ?1")?.execute([Col(worker)])?;
    Ok(())
}

const LEAVES: &str = "UPDATE wallets SET left_wallet = wallet, wallet = NULL WHERE worker = ?1 AND wallet IS NOT NULL";
const LOST_TO: &str = "WITH RECURSIVE lost (worker) AS (
        SELECT worker FROM wallets WHERE succeeded_by = ?1
        UNION SELECT w.worker FROM lost JOIN wallets w ON w.succeeded_by = lost.worker)
     SELECT worker FROM lost WHERE worker <> ?1 ORDER BY worker";

/// The lost workers whose place a worker has, and those whose place they had: nobody else can say where their money goes.
fn lost_to(db: &Connection, worker: PublicKey) -> Result<Vec<PublicKey>, StoreError> {
    keys(db, LOST_TO, [Col(worker)])
}

/// Applies one write of the wallet's rules.
pub(crate) fn write(db: &Connection, now: Timestamp, write: Write) -> Result<(), Stop> {
    match write {
        Write::AddTicket(ticket) => add_ticket(db, now, &ticket),
        Write::SetTicket { hash, state, expires_at } => {
            let (state, carries) = ticket_words(&state);
            let sql = "UPDATE tickets SET state = ?2, carries = ?3, expires_at = ?4 WHERE hash = ?1";
            one(db, sql, params![Col(hash), state, carries, Col(expires_at)])
        }
        Write::CountRefused { hash, refused } => {
            one(db, "UPDATE tickets SET refused = ?2 WHERE hash = ?1", params![Col(hash), refused])
        }
        Write::SetWallet { worker, wallet, held_until, yes } => {
            add_yes(db, now, &yes)?;
            one(
                db,
                "INSERT INTO wallets (worker, wallet, held_until, linked_at, seen_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (worker) DO UPDATE SET wallet = ?2, left_wallet = NULL, held_until = ?3, linked_at = ?4,
                    seen_at = ?5",
                params![Col(worker), Col(wallet), held_until.map(Col), Col(now), Col(day_of(now))],
            )?;
            forget_agreed(db, worker)?;
            for lost in lost_to(db, worker)? {
                forget_agreed(db, lost)?;
                let sql = "UPDATE wallets SET wallet = ?2, left_wallet = NULL, held_until = ?3 WHERE worker = ?1";
                one(db, sql, params![Col(lost), Col(wallet), held_until.map(Col)])?;
                persons::join(db, lost, wallet)?;
            }
            persons::join(db, worker, wallet)
        }
        Write::ClearWallet { worker, yes } | Write::PutOut { worker, yes } => {
            add_yes(db, now, &yes)?;
            one(db, LEAVES, [Col(worker)])?;
            for lost in lost_to(db, worker)? {
                db.prepare_cached(LEAVES)?.execute([Col(lost)])?;
            }
            Ok(())
        }
        Write::AddRebind { rebind: Rebind { yes: hash, worker, lost, wallet, due, .. }, yes } => {
            add_yes(db, now, &yes)?;
            let sql = "INSERT INTO rebinds (yes, worker, lost, wallet, due, state) VALUES (?1, ?2, ?3, ?4, ?5, 'open')";
            one(db, sql, params![Col(hash), Col(worker), Col(lost), Col(wallet), Col(due)])
        }
        Write::SetRebind { yes, state, veto } => {
            let (state, by) = match state {
                RebindState::Open => ("open", None),
                RebindState::Vetoed(by) => ("vetoed", Some(Col(by))),
                RebindState::Done => ("done", None),
                RebindState::Lapsed => ("lapsed", None),
            };
            let sql = "UPDATE rebinds SET state = ?2, vetoed_by = ?3, veto = ?4 WHERE yes = ?1 AND state = 'open'";
            one(db, sql, params![Col(yes), state, by, veto.as_ref().map(Signed::bytes)])?;
            let ends = "UPDATE wallet_yeses SET forgotten_at = ?2
                 WHERE hash = (SELECT yes FROM rebinds WHERE yes = ?1 AND state <> 'done')";
            db.prepare_cached(ends)?.execute(params![Col(yes), Col(now.plus(YES_KEPT_MS))])?;
            Ok(())
        }
        Write::Succeed(Rebind { worker, lost, wallet, .. }) => {
            let sql = "UPDATE wallets SET succeeded_by = ?2 WHERE worker = ?1 AND succeeded_by IS NULL";
            one(db, sql, params![Col(lost), Col(worker)])?;
            one(
                db,
                "INSERT INTO wallets (worker, wallet, linked_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (worker) DO UPDATE SET wallet = ?2, left_wallet = NULL, linked_at = ?3",
                params![Col(worker), Col(wallet), Col(now)],
            )?;
            forget_agreed(db, worker)?;
            persons::join(db, worker, wallet)
        }
        Write::Notify(worker, notice) => notify(db, now, worker, &notice),
        Write::Seen(worker) => {
            let sql = "UPDATE wallets SET seen_at = ?2 WHERE worker = ?1 AND coalesce(seen_at, 0) < ?2";
            db.prepare_cached(sql)?.execute(params![Col(worker), Col(day_of(now))])?;
            Ok(())
        }
        Write::Known { worker, number } => {
            let sql = "UPDATE wallet_news SET is_known = 1 WHERE worker = ?1 AND number <= ?2 AND is_known = 0";
            db.prepare_cached(sql)?.execute(params![Col(worker), clamp(number)])?;
            Ok(())
        }
    }
}

/// When the day (UTC) of a moment began.
fn day_of(now: Timestamp) -> Timestamp {
    now.minus(now.get() % DAY_MS)
}

fn add_ticket(db: &Connection, now: Timestamp, ticket: &Ticket) -> Result<(), Stop> {
    let Ticket { hash, worker, purpose, expires_at, state, refused } = ticket;
    let (state, carries) = ticket_words(state);
    one(
        db,
        "INSERT INTO tickets (hash, worker, purpose, state, carries, opened_at, expires_at, refused)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![Col(*hash), Col(*worker), Col(*purpose), state, carries, Col(now), Col(*expires_at), refused],
    )
}

/// Those before it are overtaken, but for what rebindings rest on.
fn add_yes(db: &Connection, now: Timestamp, yes: &Signed<WalletYes>) -> Result<(), Stop> {
    let overtaken = "UPDATE wallet_yeses SET forgotten_at = ?2 WHERE worker = ?1 AND forgotten_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM rebinds r WHERE r.yes = wallet_yeses.hash AND r.state IN ('open', 'done'))";
    db.prepare_cached(overtaken)?.execute(params![Col(*yes.signer()), Col(now.plus(YES_KEPT_MS))])?;
    one(
        db,
        "INSERT INTO wallet_yeses (hash, worker, ticket, at, statement) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![Col(yes.hash()), Col(*yes.signer()), Col(yes.payload().ticket), Col(now), yes.bytes()],
    )
}

/// Numbers are never used again, whatever was forgotten.
fn notify(db: &Connection, now: Timestamp, worker: PublicKey, notice: &Notice) -> Result<(), Stop> {
    let Some(event) = notice.event() else { return Ok(()) };
    if matches!(event, WalletEvent::Scheduled { .. }) {
        forget_scheduled(db, worker)?;
    }
    let next = "INSERT INTO wallet_news_numbers (worker, last) VALUES (?1, 1)
         ON CONFLICT (worker) DO UPDATE SET last = last + 1 RETURNING last";
    let number: u64 = db.prepare_cached(next)?.query_row([Col(worker)], |row| row.get(0))?;
    let sql = "INSERT INTO wallet_news (worker, number, at, what) VALUES (?1, ?2, ?3, ?4)";
    one(db, sql, params![Col(worker), number, Col(now), cbor::encode(&event)])
}

/// Of when others are paid the last word counts: who changes it often fills nobody's news.
fn forget_scheduled(db: &Connection, worker: PublicKey) -> Result<(), Stop> {
    for news in unknown(db, worker, u64::MAX)? {
        if matches!(news.what, WalletEvent::Scheduled { .. }) {
            let sql = "DELETE FROM wallet_news WHERE worker = ?1 AND number = ?2";
            one(db, sql, params![Col(worker), news.number])?;
        }
    }
    Ok(())
}

const TICKETS_OVER: &str =
    "DELETE FROM tickets WHERE hash IN (SELECT hash FROM tickets WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";
const YESES_OVER: &str = "SELECT hash FROM wallet_yeses WHERE forgotten_at < ?1 ORDER BY forgotten_at LIMIT ?2";
const NEWS_OVER: &str = "SELECT worker, number FROM wallet_news WHERE is_known = 1 AND at < ?1 ORDER BY at LIMIT ?2";

/// Forgets what is over for long enough, at most `limit` rows of a kind.
pub(crate) fn forget(db: &Connection, now: Timestamp, limit: usize) -> Result<(), Stop> {
    db.prepare_cached(TICKETS_OVER)?.execute(params![Col(now.minus(TICKET_KEPT_MS)), limit])?;
    for yes in keys::<Hash>(db, YESES_OVER, params![Col(now), limit])? {
        db.prepare_cached("DELETE FROM rebinds WHERE yes = ?1")?.execute([Col(yes)])?;
        one(db, "DELETE FROM wallet_yeses WHERE hash = ?1", [Col(yes)])?;
    }
    let over: Vec<(Col<PublicKey>, u64)> = db
        .prepare_cached(NEWS_OVER)?
        .query_map(params![Col(now.minus(NEWS_KEPT_MS)), limit], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (worker, number) in over {
        one(db, "DELETE FROM wallet_news WHERE worker = ?1 AND number = ?2", params![worker, number])?;
    }
    Ok(())
}

const ASKED: &str = "SELECT hash, purpose, carries, expires_at FROM tickets
     WHERE worker = ?1 AND opened_at > ?2 AND state = 'named' AND expires_at > ?3 ORDER BY opened_at DESC LIMIT 1";
const REBINDS: &str = "SELECT yes, worker, lost, due FROM rebinds WHERE wallet = ?2 AND state = 'open'
     UNION SELECT yes, worker, lost, due FROM rebinds WHERE worker = ?1 AND state = 'open' ORDER BY due LIMIT ?3";
const BROWSERS: &str = "SELECT o.worker, o.linked_at, o.seen_at FROM wallets w JOIN wallets o ON o.wallet = w.wallet
     WHERE w.worker = ?1 AND o.succeeded_by IS NULL ORDER BY o.linked_at, o.worker LIMIT ?2";
const NEWS: &str =
    "SELECT number, at, what FROM wallet_news WHERE worker = ?1 AND is_known = 0 ORDER BY number LIMIT ?2";

impl Reader {
    /// How a worker stands with its wallet.
    pub fn wallet(&self, worker: PublicKey, now: Timestamp) -> Result<WalletState, StoreError> {
        let tx = self.db.unchecked_transaction()?;
        let (wallet, _, held_until) = wallet_row(&tx, worker)?;
        Ok(WalletState {
            wallet,
            held_until: held_until.filter(|until| now < *until),
            asked: asked(&tx, worker, now)?,
            rebinds: rebinds(&tx, worker, wallet)?,
            news: unknown(&tx, worker, WALLET_NEWS_MAX as u64)?,
        })
    }

    /// The workers that are paid to a worker's wallet, itself too; none if it is paid to none.
    pub fn wallet_browsers(&self, worker: PublicKey) -> Result<Vec<WalletBrowser>, StoreError> {
        let mut statement = self.db.prepare_cached(BROWSERS)?;
        let rows = statement.query_map(params![Col(worker), WALLET_WORKERS_MAX], |row| {
            let time = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<Col<Timestamp>>>(at)?.map(|time| time.0));
            Ok(WalletBrowser { worker: row.get::<_, Col<_>>(0)?.0, linked_at: time(1)?, seen_at: time(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether there is a ticket of this hash.
    pub fn has_ticket(&self, hash: &Hash) -> Result<bool, StoreError> {
        Ok(self.db.prepare_cached("SELECT 1 FROM tickets WHERE hash = ?1")?.exists([Col(*hash)])?)
    }
}

fn asked(db: &Connection, worker: PublicKey, now: Timestamp) -> Result<Option<WalletAsked>, StoreError> {
    let mut statement = db.prepare_cached(ASKED)?;
    let since = Col(now.minus(TICKETS_WINDOW_MS));
    let row = statement.query_row(params![Col(worker), since, Col(now)], |row| {
        let (ticket, purpose) = (row.get::<_, Col<_>>(0)?.0, row.get::<_, Col<_>>(1)?.0);
        let (wallet, until) = (row.get::<_, Col<_>>(2)?.0, row.get::<_, Col<_>>(3)?.0);
        Ok(WalletAsked { ticket, purpose, wallet, until, others: vec![] })
    });
    let Some(mut asked) = row.optional()? else { return Ok(None) };
    if asked.purpose.names_another() {
        asked.others = workers_of(db, asked.wallet)?;
        asked.others.retain(|other| *other != worker);
        asked.others.truncate(WALLET_WORKERS_MAX);
    }
    Ok(Some(asked))
}

fn rebinds(db: &Connection, worker: PublicKey, wallet: Option<Wallet>) -> Result<Vec<Rebinding>, StoreError> {
    let mut statement = db.prepare_cached(REBINDS)?;
    let rows = statement.query_map(params![Col(worker), wallet.map(Col), WALLET_WORKERS_MAX], |row| {
        let (yes, worker) = (row.get::<_, Col<_>>(0)?.0, row.get::<_, Col<_>>(1)?.0);
        Ok(Rebinding { yes, worker, lost: row.get::<_, Col<_>>(2)?.0, due: row.get::<_, Col<_>>(3)?.0 })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a worker was told and has not said that it knows, the oldest first.
fn unknown(db: &Connection, worker: PublicKey, limit: u64) -> Result<Vec<WalletNews>, StoreError> {
    let mut statement = db.prepare_cached(NEWS)?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, Col<Timestamp>>(1)?.0, row.get::<_, Vec<u8>>(2)?));
    let rows = statement.query_map(params![Col(worker), clamp(limit)], read)?;
    let mut news = Vec::new();
    for row in rows {
        let (number, at, what) = row?;
        let what: WalletEvent = cbor::decode(&what, FRAME_BYTES_MAX)
            .map_err(|error| StoreError::Corrupt(format!("stored news of a wallet: {error}")))?;
        news.push(WalletNews { number, at, what });
    }
    Ok(news)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_often_walks_its_index() {
        let folder = tempfile::tempdir().unwrap();
        let db = crate::open::writer(&folder.path().join("lull.sqlite"), true).unwrap();
        for (sql, index) in [
            (REBINDS_DUE, "rebinds_due"),
            (ASKED, "tickets_by_worker"),
            (REBINDS, "rebinds_by_wallet"),
            (NEWS, "PRIMARY KEY"),
            (TICKETS_OVER, "tickets_by_end"),
            (YESES_OVER, "wallet_yeses_by_end"),
            (NEWS_OVER, "wallet_news_known"),
            (BROWSERS, "wallets_by_wallet"),
        ] {
            let plan = crate::load::plan(&db, sql);
            assert!(plan.contains(index) && !plan.contains("SCAN "), "{plan}");
        }
        let plan = crate::load::plan(&db, LOST_TO);
        assert!(plan.contains("SEARCH w USING INDEX wallets_by_successor"), "{plan}");
    }
}
