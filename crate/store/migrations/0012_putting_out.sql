-- A worker can be put out of a wallet; tickets end after many refused sign-ins; what is over is forgotten.

-- Since when the worker is paid to its wallet, and when the day (UTC) began on which it was connected last; NULL: from
-- before that was noted.
ALTER TABLE wallets ADD COLUMN linked_at INTEGER;
ALTER TABLE wallets ADD COLUMN seen_at INTEGER;

CREATE TABLE new_tickets (
    -- SHA-256 of the secret, which only its worker and its page have.
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    purpose TEXT NOT NULL CHECK (purpose IN ('link', 'change', 'rebind', 'unlink', 'put_out')),
    state TEXT NOT NULL CHECK (state IN ('open', 'taken', 'named', 'used', 'declined', 'replaced', 'spent')),
    -- What the state carries: the sign-in (CBOR) of one that is taken, the wallet of one that is named, the hash of the
    -- yes of one that is used.
    carries BLOB,
    opened_at INTEGER NOT NULL,
    -- Until when the next step may come; of one that is over, since when it is. It is forgotten a while after that.
    expires_at INTEGER NOT NULL,
    -- Sign-ins for it that were refused.
    refused INTEGER NOT NULL DEFAULT 0 CHECK (refused >= 0),
    CHECK ((carries IS NOT NULL) = (state IN ('taken', 'named', 'used')))
) STRICT;
INSERT INTO new_tickets (hash, worker, purpose, state, carries, opened_at, expires_at)
    SELECT hash, worker, purpose, state, carries, opened_at, expires_at FROM tickets;

-- Yeses outlast their tickets.
CREATE TABLE new_wallet_yeses (
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    ticket BLOB NOT NULL UNIQUE CHECK (length(ticket) = 32),
    at INTEGER NOT NULL,
    statement BLOB NOT NULL,
    -- When it is forgotten; NULL: something rests on it.
    forgotten_at INTEGER
) STRICT;
INSERT INTO new_wallet_yeses (hash, worker, ticket, at, statement)
    SELECT hash, worker, ticket, at, statement FROM wallet_yeses;

CREATE TABLE new_rebinds (
    yes BLOB NOT NULL PRIMARY KEY REFERENCES new_wallet_yeses (hash),
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
INSERT INTO new_rebinds (yes, worker, lost, wallet, due, state, vetoed_by, veto)
    SELECT yes, worker, lost, wallet, due, state, vetoed_by, veto FROM rebinds;

-- Children go first, so that no reference ever hangs; a rename takes the references along.
DROP TABLE rebinds;
DROP TABLE wallet_yeses;
DROP TABLE tickets;
ALTER TABLE new_tickets RENAME TO tickets;
ALTER TABLE new_wallet_yeses RENAME TO wallet_yeses;
ALTER TABLE new_rebinds RENAME TO rebinds;
CREATE INDEX tickets_by_worker ON tickets (worker, opened_at);
CREATE INDEX tickets_by_end ON tickets (expires_at);
CREATE INDEX wallet_yeses_by_worker ON wallet_yeses (worker) WHERE forgotten_at IS NULL;
CREATE INDEX wallet_yeses_by_end ON wallet_yeses (forgotten_at) WHERE forgotten_at IS NOT NULL;
CREATE INDEX rebinds_due ON rebinds (due) WHERE state = 'open';
CREATE INDEX rebinds_by_wallet ON rebinds (wallet, due) WHERE state = 'open';
CREATE INDEX rebinds_by_worker ON rebinds (worker, due) WHERE state = 'open';

-- The last number of each worker's news: news is forgotten, its numbers are not.
CREATE TABLE wallet_news_numbers (
    worker BLOB NOT NULL PRIMARY KEY CHECK (length(worker) = 32),
    last INTEGER NOT NULL CHECK (last > 0)
) STRICT, WITHOUT ROWID;
INSERT INTO wallet_news_numbers (worker, last) SELECT worker, max(number) FROM wallet_news GROUP BY worker;
CREATE INDEX wallet_news_known ON wallet_news (at) WHERE is_known = 1;
