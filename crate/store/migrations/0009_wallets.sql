-- Where workers are paid to.

CREATE TABLE wallets (
    worker BLOB NOT NULL PRIMARY KEY CHECK (length(worker) = 32),
    -- What it is paid to; NULL: to none now.
    wallet BLOB CHECK (length(wallet) = 32),
    -- What it was paid to last, while it is paid to none.
    left_wallet BLOB CHECK (length(left_wallet) = 32),
    -- Until then its payouts are held.
    held_until INTEGER,
    -- The worker that took its place; a key that has lost it is let in no more, and its money is paid to `wallet`, which
    -- goes with that worker's from then on.
    succeeded_by BLOB CHECK (length(succeeded_by) = 32)
) STRICT;
CREATE INDEX wallets_by_wallet ON wallets (wallet) WHERE wallet IS NOT NULL;
CREATE INDEX wallets_by_successor ON wallets (succeeded_by) WHERE succeeded_by IS NOT NULL;

-- Tickets to `/connect`. One that was never used is forgotten after a while.
CREATE TABLE tickets (
    -- SHA-256 of the secret, which only its worker and its page have.
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    purpose TEXT NOT NULL CHECK (purpose IN ('link', 'change', 'rebind', 'unlink')),
    state TEXT NOT NULL CHECK (state IN ('open', 'taken', 'named', 'used', 'declined', 'replaced')),
    -- What the state carries: the sign-in (CBOR) of one that is taken, the wallet of one that is named, the hash of the
    -- yes of one that is used.
    carries BLOB,
    opened_at INTEGER NOT NULL,
    -- Until when the next step may come.
    expires_at INTEGER NOT NULL,
    CHECK ((carries IS NOT NULL) = (state IN ('taken', 'named', 'used')))
) STRICT;
CREATE INDEX tickets_by_worker ON tickets (worker, opened_at);

-- Each yes of a worker that something came of, as it was signed.
CREATE TABLE wallet_yeses (
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    ticket BLOB NOT NULL UNIQUE REFERENCES tickets (hash),
    at INTEGER NOT NULL,
    statement BLOB NOT NULL
) STRICT;

-- Workers that want to take the place of a lost one.
CREATE TABLE rebinds (
    yes BLOB NOT NULL PRIMARY KEY REFERENCES wallet_yeses (hash),
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    lost BLOB NOT NULL CHECK (length(lost) = 32),
    wallet BLOB NOT NULL CHECK (length(wallet) = 32),
    due INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'vetoed', 'done', 'lapsed')),
    vetoed_by BLOB CHECK (length(vetoed_by) = 32),
    -- As it was signed.
    veto BLOB,
    CHECK ((state = 'vetoed') = (vetoed_by IS NOT NULL) AND (veto IS NULL) = (vetoed_by IS NULL))
) STRICT;
CREATE INDEX rebinds_due ON rebinds (due) WHERE state = 'open';
CREATE INDEX rebinds_by_wallet ON rebinds (wallet, due) WHERE state = 'open';
CREATE INDEX rebinds_by_worker ON rebinds (worker, due) WHERE state = 'open';

-- What workers are told of their wallet, numbered per worker from 1.
CREATE TABLE wallet_news (
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    number INTEGER NOT NULL CHECK (number > 0),
    at INTEGER NOT NULL,
    -- A `WalletEvent` as CBOR.
    what BLOB NOT NULL,
    is_known INTEGER NOT NULL DEFAULT 0 CHECK (is_known IN (0, 1)),
    PRIMARY KEY (worker, number)
) STRICT, WITHOUT ROWID;

-- Who was ever paid to a wallet: whoever was has shown that it is theirs.
CREATE TABLE wallet_workers (
    wallet BLOB NOT NULL CHECK (length(wallet) = 32),
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    PRIMARY KEY (wallet, worker)
) STRICT, WITHOUT ROWID;

-- So workers that were ever paid to one wallet are one person, for good. Those that share with nobody have no row.
CREATE TABLE persons (
    worker BLOB NOT NULL PRIMARY KEY CHECK (length(worker) = 32),
    -- A name that all of one person have: the first wallet that they shared.
    person BLOB NOT NULL CHECK (length(person) = 32)
) STRICT, WITHOUT ROWID;
CREATE INDEX persons_by_person ON persons (person);

-- The worker's person, if it has a row there; of leases of closed items that may be out of date. So a claim asks one
-- index, however many workers a person has, and leases of workers that share with nobody are in none more.
ALTER TABLE leases ADD COLUMN person BLOB CHECK (length(person) = 32);
CREATE INDEX leases_of_person ON leases (person, item) WHERE person IS NOT NULL AND again = 0;
