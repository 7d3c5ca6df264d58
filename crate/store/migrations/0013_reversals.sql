-- What a verdict paid may be contested while it is pending, and reversed. What that is, market/src/reversal.rs says; until
-- it has ended `verdicts.settles_at` says when time decides.

CREATE TABLE reversals (
    lease INTEGER NOT NULL PRIMARY KEY REFERENCES verdicts (lease),
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    statement BLOB NOT NULL,
    proposed_at INTEGER NOT NULL,
    appealed_at INTEGER,
    appeal BLOB,
    -- Until when it is open; then how it ended, and the statement that says so.
    ended_at INTEGER,
    ending TEXT CHECK (ending IN ('unopposed', 'denied', 'upheld', 'undecided', 'taken_back')),
    end_statement BLOB,
    CHECK ((appeal IS NULL) = (appealed_at IS NULL)),
    CHECK ((ended_at IS NULL) = (ending IS NULL) AND (ended_at IS NULL) = (end_statement IS NULL))
) STRICT;
CREATE INDEX reversals_by_worker ON reversals (worker, lease);
CREATE INDEX reversals_open ON reversals (proposed_at, lease) WHERE ended_at IS NULL;

-- The ledger's tables with one account and one cause more. Children go first, so that no reference ever hangs.
CREATE TABLE new_accounts (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN (
        'deposits', 'available', 'held', 'pending', 'payable', 'in_payout', 'paid', 'reversed', 'network_fees',
        'treasury', 'fee'
    )),
    -- A requester, an order or a worker; empty for the accounts there is one of.
    owner BLOB NOT NULL,
    balance INTEGER NOT NULL,
    UNIQUE (kind, owner),
    CHECK (balance >= 0 OR kind = 'deposits')
) STRICT;
INSERT INTO new_accounts (id, kind, owner, balance) SELECT id, kind, owner, balance FROM accounts;

CREATE TABLE new_entries (
    id INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    cause TEXT NOT NULL CHECK (cause IN (
        'deposit', 'order', 'verdict', 'closed', 'settled', 'reversed', 'payout', 'paid', 'spent'
    )),
    -- The deposit's reference, the order, the verdict's hash, order and item number, a payout's number, or a
    -- transaction's signature.
    about TEXT NOT NULL
) STRICT;
INSERT INTO new_entries (id, at, cause, about) SELECT id, at, cause, about FROM entries;

CREATE TABLE new_postings (
    entry INTEGER NOT NULL REFERENCES new_entries (id),
    account INTEGER NOT NULL REFERENCES new_accounts (id),
    at INTEGER NOT NULL,
    delta INTEGER NOT NULL CHECK (delta <> 0),
    PRIMARY KEY (entry, account)
) STRICT, WITHOUT ROWID;
INSERT INTO new_postings (entry, account, at, delta) SELECT entry, account, at, delta FROM postings;

DROP TABLE postings;
DROP TABLE entries;
DROP TABLE accounts;
-- A rename takes the references along.
ALTER TABLE new_accounts RENAME TO accounts;
ALTER TABLE new_entries RENAME TO entries;
ALTER TABLE new_postings RENAME TO postings;
-- No payout is booked twice, no transaction, and no verdict is reversed twice.
CREATE UNIQUE INDEX entries_of_payouts ON entries (cause, about) WHERE cause IN ('payout', 'paid', 'spent', 'reversed');
