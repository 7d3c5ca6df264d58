//! Deposits by transfers on the chain: references, and what the transactions that name them came to.

use std::collections::BTreeMap;

use lull_market::{Decided, Refusal, RequesterId, requester};
use lull_payout::address::Address;
use lull_payout::deposit::{OPEN_MAX, Reference, Uncredited, next_look};
use lull_payout::units::Signature;
use lull_protocol::{Amount, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{PayError, PayReply, TreasuryId};
use crate::error::StoreError;
use crate::read::{Reader, clamp};
use crate::value::Col;
use crate::write::{Books, write_all};
use crate::{apply::Stop, load};

/// What becomes of references.
#[derive(Clone, Debug)]
pub enum DepositCommand {
    /// A requester wants to pay in.
    Ask {
        /// A new one.
        reference: Reference,
        /// Whose.
        requester: RequesterId,
        /// Whom it pays.
        treasury: TreasuryId,
        /// How much was asked for.
        asked: Amount,
    },
    /// A requester says that it has paid: it is looked at once more, as if it were new. One that an older copy of the
    /// database has forgotten is known again; that it is the requester's own is the caller's to know.
    Look {
        /// Which.
        reference: Reference,
        /// Whose.
        requester: RequesterId,
        /// Whom it pays.
        treasury: TreasuryId,
    },
    /// It was looked at.
    Looked {
        /// Which.
        reference: Reference,
        /// Finalized transactions that name it, the oldest first; some may be known.
        landed: Vec<LandedDeposit>,
        /// One that is confirmed and not final yet.
        heard: Option<Signature>,
        /// There are more than these.
        has_more: bool,
    },
}

/// A finalized transaction that names a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LandedDeposit {
    /// Its name, by which it counts once.
    pub signature: Signature,
    /// Its slot.
    pub slot: u64,
    /// How much for whom, or why for nobody.
    pub judged: Result<(RequesterId, Amount), Uncredited>,
}

/// A reference, and what was paid by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepositRow {
    /// Its name.
    pub reference: Reference,
    /// Whose.
    pub requester: RequesterId,
    /// Whom it pays, and in which mint.
    pub pays: (Address, Address),
    /// What was asked for, if that is known.
    pub asked: Option<Amount>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody last asked to have it looked at.
    pub asked_at: Timestamp,
    /// When it is looked at next; `None`: never.
    pub due_at: Option<Timestamp>,
    /// The last transaction that was judged.
    pub last: Option<Signature>,
    /// One that is confirmed and not final yet.
    pub heard: Option<Signature>,
    /// Finalized transactions, the oldest first.
    pub transactions: Vec<DepositTransaction>,
}

/// A finalized transaction of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepositTransaction {
    /// Its name.
    pub signature: Signature,
    /// Its slot.
    pub slot: u64,
    /// When it was judged.
    pub at: Timestamp,
    /// What was credited, or why nothing was.
    pub credited: Result<Amount, Uncredited>,
}

/// Applies a command, inside the open transaction. The reply's number says how many deposits are new.
pub(super) fn deposit(db: &Connection, now: Timestamp, command: &DepositCommand) -> Result<PayReply, PayError> {
    let mut number = 0;
    match command {
        DepositCommand::Ask { reference, requester, treasury, asked } => {
            expect_few(db, *requester, reference)?;
            add(db, now, (reference, *requester, treasury), Some(*asked))?;
        }
        DepositCommand::Look { reference, requester, treasury } => {
            let known = owner(db, reference)?;
            if known.is_some_and(|known| known != *requester) {
                return Err(PayError::Fault("a reference is another requester's".into()));
            }
            expect_few(db, *requester, reference)?;
            if known.is_none() {
                add(db, now, (reference, *requester, treasury), None)?;
            }
            let sql = "UPDATE deposit_references SET asked_at = ?2, due_at = ?2 WHERE reference = ?1";
            db.prepare_cached(sql)?.execute(params![reference.0, Col(now)])?;
        }
        DepositCommand::Looked { reference, landed, heard, has_more } => {
            let mut books = Books::default();
            for one in landed {
                number += u64::from(landed_once(db, now, (reference, one), &mut books)?);
            }
            books.close(db)?;
            let last = landed.last().map(|one| one.signature);
            looked(db, now, reference, (last, *heard), *has_more)?;
        }
    }
    Ok(PayReply { number, ..PayReply::default() })
}

/// Refuses one more that is open, if there are so many that wait for their first payment.
fn expect_few(db: &Connection, requester: RequesterId, besides: &Reference) -> Result<(), PayError> {
    let sql =
        "SELECT count(*) FROM deposit_references r WHERE requester = ?1 AND due_at IS NOT NULL AND reference <> ?2
        AND NOT EXISTS (SELECT 1 FROM deposit_transactions t WHERE t.reference = r.reference AND credited IS NOT NULL)";
    let open: usize = db.prepare_cached(sql)?.query_row(params![Col(requester), besides.0], |row| row.get(0))?;
    if open < OPEN_MAX { Ok(()) } else { Err(PayError::TooManyDeposits) }
}

fn add(
    db: &Connection,
    now: Timestamp,
    (reference, requester, treasury): (&Reference, RequesterId, &TreasuryId),
    asked: Option<Amount>,
) -> Result<(), PayError> {
    let TreasuryId { owner, mint, .. } = treasury;
    let sql = "INSERT INTO deposit_references (reference, requester, owner, mint, asked, created_at, asked_at, due_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?6)";
    let row = params![reference.0, Col(requester), owner.as_array(), mint.as_array(), asked.map(Col), Col(now)];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Credits a transaction if it was not credited before; whether it is new here.
fn landed_once(
    db: &Connection,
    now: Timestamp,
    (reference, landed): (&Reference, &LandedDeposit),
    books: &mut Books,
) -> Result<bool, PayError> {
    let LandedDeposit { signature, slot, judged } = landed;
    let signature = signature.to_string();
    let known = "SELECT 1 FROM deposit_transactions WHERE reference = ?1 AND signature = ?2";
    if db.prepare_cached(known)?.exists(params![reference.0, signature])? {
        return Ok(false);
    }
    let credited = match judged {
        Ok((requester, amount)) => credit(db, now, (*requester, *amount, &signature), books)?,
        Err(why) => Err(*why),
    };
    let sql = "INSERT INTO deposit_transactions (reference, signature, slot, at, credited, uncredited)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (amount, why) = (credited.ok().map(Col), credited.err().map(Col));
    db.prepare_cached(sql)?.execute(params![reference.0, signature, clamp(*slot), Col(now), amount, why])?;
    Ok(true)
}

/// The market's deposit, whose reference is the transaction's signature.
fn credit(
    db: &Connection,
    now: Timestamp,
    (requester, amount, signature): (RequesterId, Amount, &str),
    books: &mut Books,
) -> Result<Result<Amount, Uncredited>, PayError> {
    books.close(db)?;
    let facts = load::deposit(db, requester, signature).map_err(PayError::from)?;
    match requester::deposit(&facts, requester, amount, signature) {
        Ok(Decided { writes, .. }) => {
            write_all(db, now, writes, books)?;
            Ok(Ok(amount))
        }
        Err(Refusal::Taken(_)) => Ok(Err(Uncredited::Counted)),
        Err(Refusal::Field { .. }) => Ok(Err(Uncredited::TooMuch)),
        Err(refusal) => Err(Stop::Refused(refusal).into()),
    }
}

fn looked(
    db: &Connection,
    now: Timestamp,
    reference: &Reference,
    (last, heard): (Option<Signature>, Option<Signature>),
    has_more: bool,
) -> Result<(), PayError> {
    let asked_at = "SELECT asked_at FROM deposit_references WHERE reference = ?1";
    let asked_at = db.prepare_cached(asked_at)?.query_row([reference.0], |row| row.get::<_, Col<_>>(0)).optional()?;
    let Some(Col(asked_at)) = asked_at else { return Err(PayError::Stale) };
    let due_at = if has_more { Some(now) } else { next_look(asked_at, now) };
    let sql = "UPDATE deposit_references SET due_at = ?2, last = coalesce(?3, last), heard = ?4 WHERE reference = ?1";
    let row = params![reference.0, due_at.map(Col), last.map(|last| last.0), heard.map(|heard| heard.0)];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

fn owner(db: &Connection, reference: &Reference) -> Result<Option<RequesterId>, StoreError> {
    let sql = "SELECT requester FROM deposit_references WHERE reference = ?1";
    let found = db.prepare_cached(sql)?.query_row([reference.0], |row| row.get::<_, Col<_>>(0)).optional()?;
    Ok(found.map(|found| found.0))
}

const COLUMNS: &str = "reference, requester, owner, mint, asked, created_at, asked_at, due_at, last, heard";

impl Reader {
    /// A requester's references with their transactions, the newest first, at most so many.
    pub fn deposits(&self, requester: RequesterId, limit: usize) -> Result<Vec<DepositRow>, StoreError> {
        let tx = self.db.unchecked_transaction()?;
        let sql = format!(
            "SELECT {COLUMNS} FROM deposit_references WHERE requester = ?1 ORDER BY created_at DESC, reference LIMIT ?2"
        );
        let mut statement = tx.prepare_cached(&sql)?;
        let rows = statement.query_map(params![Col(requester), clamp(limit as u64)], row)?;
        rows.map(|row| with_transactions(&tx, row?)).collect()
    }

    /// One of them.
    pub fn deposit(&self, reference: &Reference) -> Result<Option<DepositRow>, StoreError> {
        let tx = self.db.unchecked_transaction()?;
        let sql = format!("SELECT {COLUMNS} FROM deposit_references WHERE reference = ?1");
        let found = tx.prepare_cached(&sql)?.query_row([reference.0], row).optional()?;
        found.map(|row| with_transactions(&tx, row)).transpose()
    }

    /// References of a treasury that it is time to look at, those that wait longest first, at most so many; without
    /// their transactions.
    pub fn deposits_due(
        &self,
        treasury: &TreasuryId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DepositRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM deposit_references WHERE due_at <= ?1 AND owner = ?2 AND mint = ?3
             ORDER BY due_at LIMIT ?4"
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let asked = params![Col(now), treasury.owner.as_array(), treasury.mint.as_array(), clamp(limit as u64)];
        Ok(statement.query_map(asked, row)?.collect::<Result<_, _>>()?)
    }

    /// All requesters: any of them may have a reference that is not here.
    pub fn requesters(&self) -> Result<Vec<RequesterId>, StoreError> {
        let mut statement = self.db.prepare_cached("SELECT id FROM requesters ORDER BY added_at, id")?;
        let rows = statement.query_map([], |row| Ok(row.get::<_, Col<_>>(0)?.0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whose those of these addresses are that are references.
    pub fn deposit_owners(&self, addresses: &[Address]) -> Result<BTreeMap<Address, RequesterId>, StoreError> {
        let owned = |address: &Address| {
            let found = owner(&self.db, &Reference(address.to_bytes()));
            found.map(|found| found.map(|requester| (*address, requester))).transpose()
        };
        addresses.iter().filter_map(owned).collect()
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<DepositRow> {
    let signature = |bytes: Option<[u8; 64]>| bytes.map(Signature);
    Ok(DepositRow {
        reference: Reference(row.get(0)?),
        requester: row.get::<_, Col<_>>(1)?.0,
        pays: (Address::from(row.get::<_, [u8; 32]>(2)?), Address::from(row.get::<_, [u8; 32]>(3)?)),
        asked: row.get::<_, Option<Col<_>>>(4)?.map(|asked| asked.0),
        created_at: row.get::<_, Col<_>>(5)?.0,
        asked_at: row.get::<_, Col<_>>(6)?.0,
        due_at: row.get::<_, Option<Col<_>>>(7)?.map(|due| due.0),
        last: signature(row.get(8)?),
        heard: signature(row.get(9)?),
        transactions: Vec::new(),
    })
}

fn with_transactions(db: &Connection, row: DepositRow) -> Result<DepositRow, StoreError> {
    let sql = "SELECT signature, slot, at, credited, uncredited FROM deposit_transactions WHERE reference = ?1
        ORDER BY slot, signature";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([row.reference.0])?;
    let mut transactions = Vec::new();
    while let Some(row) = rows.next()? {
        let signature: String = row.get(0)?;
        let signature = signature.parse().map_err(|_| StoreError::Corrupt("a deposit's signature".into()))?;
        let credited = match (row.get::<_, Option<Col<Amount>>>(3)?, row.get::<_, Option<Col<Uncredited>>>(4)?) {
            (Some(Col(amount)), _) => Ok(amount),
            (None, Some(Col(why))) => Err(why),
            (None, None) => return Err(StoreError::Corrupt("a deposit's transaction".into())),
        };
        let Col(at) = row.get(2)?;
        transactions.push(DepositTransaction { signature, slot: row.get(1)?, at, credited });
    }
    Ok(DepositRow { transactions, ..row })
}
