-- Payouts: from payable to a wallet on the chain. What a batch, a lane and a spend are, crate/payout says.

-- The ledger's tables with more words. Children go first, so that no reference ever hangs.
CREATE TABLE new_accounts (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN (
        'deposits', 'available', 'held', 'pending', 'payable', 'in_payout', 'paid', 'network_fees', 'treasury', 'fee'
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
        'deposit', 'order', 'verdict', 'closed', 'settled', 'payout', 'paid', 'spent'
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
-- No payout is booked twice, and no transaction.
CREATE UNIQUE INDEX entries_of_payouts ON entries (cause, about) WHERE cause IN ('payout', 'paid', 'spent');

-- When a person wants to be paid: of the rows of all workers of a wallet the newest counts. Without one, at once.
CREATE TABLE payout_choices (
    worker BLOB NOT NULL PRIMARY KEY CHECK (length(worker) = 32),
    schedule TEXT NOT NULL CHECK (schedule IN ('now', 'at', 'weekly')),
    -- The amount of 'at'; the day of 'weekly', Monday 0.
    schedule_value INTEGER NOT NULL CHECK (schedule_value >= 0),
    -- What they agreed to pay for the wallet's first token account.
    account_agreed INTEGER NOT NULL CHECK (account_agreed >= 0),
    chosen_at INTEGER NOT NULL
) STRICT;

-- Workers whose person wants what is payable now, whatever the schedule says, once.
CREATE TABLE payout_wishes (
    worker BLOB NOT NULL PRIMARY KEY CHECK (length(worker) = 32),
    at INTEGER NOT NULL
) STRICT;

-- A batch as crate/payout writes it; columns beside it say what is looked for.
CREATE TABLE batches (
    id INTEGER NOT NULL PRIMARY KEY,
    lane BLOB NOT NULL CHECK (length(lane) = 32),
    -- The word of its stage.
    stage TEXT NOT NULL,
    is_over INTEGER NOT NULL CHECK (is_over IN (0, 1)),
    -- The payment's name, from when it is signed on.
    signature BLOB CHECK (length(signature) = 64),
    made_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    -- All of it: transfers, nonce value, signed bytes.
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX batches_open ON batches (id) WHERE is_over = 0;

-- One person's earnings on their way to one wallet.
CREATE TABLE payouts (
    number INTEGER NOT NULL PRIMARY KEY CHECK (number > 0),
    wallet BLOB NOT NULL CHECK (length(wallet) = 32),
    arrives INTEGER NOT NULL CHECK (arrives >= 0),
    -- What it costs who gets it: the transfer, and the wallet's first token account.
    fee INTEGER NOT NULL CHECK (fee >= 0),
    account INTEGER NOT NULL CHECK (account >= 0),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'in_batch', 'paid', 'held')),
    -- In a batch of at most so many.
    batch_max INTEGER NOT NULL CHECK (batch_max > 0),
    batch INTEGER REFERENCES batches (id) DEFERRABLE INITIALLY DEFERRED,
    hold TEXT CHECK (hold IN ('listed', 'frozen', 'foreign', 'above_limit', 'refused', 'nothing', 'no_account')),
    held_at INTEGER,
    made_at INTEGER NOT NULL,
    -- When it was first seen to be confirmed.
    arriving_at INTEGER,
    paid_at INTEGER,
    signature BLOB CHECK (length(signature) = 64),
    slot INTEGER,
    -- Found on the chain by reconciling, under a number that another payout has here.
    is_found INTEGER NOT NULL DEFAULT 0 CHECK (is_found IN (0, 1)),
    -- That number.
    found_as INTEGER CHECK (found_as IS NULL OR is_found = 1),
    -- What of a found one's amount nobody had earned here: its wallet's debt. Negative: what of that is set off by what
    -- was earned later, in a row of its own by which nothing arrives.
    unearned INTEGER NOT NULL DEFAULT 0,
    -- The same of what a found one cost.
    unborne INTEGER NOT NULL DEFAULT 0,
    CHECK ((state = 'in_batch') = (batch IS NOT NULL)),
    CHECK ((state = 'held') = (hold IS NOT NULL) AND (hold IS NULL) = (held_at IS NULL)),
    CHECK ((state = 'paid') = (signature IS NOT NULL) AND (signature IS NULL) = (paid_at IS NULL))
) STRICT;
CREATE INDEX payouts_open ON payouts (state, number) WHERE state <> 'paid';
CREATE INDEX payouts_by_batch ON payouts (batch) WHERE batch IS NOT NULL;
CREATE INDEX payouts_by_wallet ON payouts (wallet, number);
CREATE INDEX payouts_paid ON payouts (paid_at) WHERE paid_at IS NOT NULL;

CREATE TABLE payout_shares (
    payout INTEGER NOT NULL REFERENCES payouts (number),
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    amount INTEGER NOT NULL CHECK (amount > 0),
    PRIMARY KEY (worker, payout)
) STRICT, WITHOUT ROWID;
CREATE INDEX payout_shares_by_payout ON payout_shares (payout);

-- Workers of a wallet that was paid what they haven't earned here; they take the debt along to another wallet.
CREATE TABLE payout_debtors (
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    wallet BLOB NOT NULL CHECK (length(wallet) = 32),
    PRIMARY KEY (worker, wallet)
) STRICT, WITHOUT ROWID;

CREATE TABLE lanes (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    nonce BLOB NOT NULL CHECK (length(nonce) = 32),
    is_spent INTEGER NOT NULL CHECK (is_spent IN (0, 1)),
    last BLOB NOT NULL CHECK (length(last) = 64),
    batch INTEGER UNIQUE REFERENCES batches (id) DEFERRABLE INITIALLY DEFERRED,
    run INTEGER NOT NULL CHECK (run >= 0),
    -- Since when ledger and chain may differ there: nobody is paid until that is reconciled.
    moved_at INTEGER,
    moved_why TEXT,
    CHECK ((moved_at IS NULL) = (moved_why IS NULL))
) STRICT;

-- What the treasury spent, by transaction.
CREATE TABLE spends (
    signature BLOB NOT NULL PRIMARY KEY CHECK (length(signature) = 64),
    batch INTEGER,
    slot INTEGER NOT NULL,
    fee_lamports INTEGER NOT NULL CHECK (fee_lamports >= 0),
    rent_lamports INTEGER NOT NULL CHECK (rent_lamports >= 0),
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spends_by_time ON spends (at);

-- One row.
CREATE TABLE treasury (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    -- Who pays, in what, on which chain (the hash of its first block); NULL: nobody yet.
    owner BLOB CHECK (length(owner) = 32),
    mint BLOB CHECK (length(mint) = 32),
    genesis BLOB CHECK (length(genesis) = 32),
    -- Starts of the process that pays.
    run INTEGER NOT NULL CHECK (run >= 0),
    -- Grows with every change of payouts, batches and lanes.
    version INTEGER NOT NULL CHECK (version >= 0),
    -- Numbers of payouts begin above this.
    payouts_from INTEGER NOT NULL CHECK (payouts_from >= 0),
    paused_at INTEGER,
    -- Why nobody is paid now, besides a pause and lanes that moved.
    standstill TEXT CHECK (standstill IN ('list_old', 'short', 'unreachable')),
    -- What a payout costs, as the chain asked last.
    transaction_lamports INTEGER NOT NULL CHECK (transaction_lamports >= 0),
    account_lamports INTEGER NOT NULL CHECK (account_lamports >= 0),
    sharing INTEGER NOT NULL CHECK (sharing > 0),
    sol INTEGER NOT NULL CHECK (sol >= 0)
) STRICT;
INSERT INTO treasury VALUES (1, NULL, NULL, NULL, 0, 0, 0, NULL, NULL, 0, 0, 1, 0);

-- Which wallets have a token account, as the chain said last.
CREATE TABLE token_accounts (
    wallet BLOB NOT NULL PRIMARY KEY CHECK (length(wallet) = 32),
    is_there INTEGER NOT NULL CHECK (is_there IN (0, 1)),
    looked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the operator was told of, with its time: each that differs from the one before.
CREATE TABLE alarms (
    number INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    batch INTEGER,
    what TEXT NOT NULL,
    stops INTEGER NOT NULL CHECK (stops IN (0, 1))
) STRICT;
