-- The market: requesters and what they buy, leases, results, verdicts, the ledger.
-- Times are milliseconds since 1970, amounts base units, hashes and keys raw bytes.
-- Files in this folder are only ever added to, never edited.

CREATE TABLE requesters (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL UNIQUE,
    key_hash BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    added_at INTEGER NOT NULL
) STRICT;

CREATE TABLE deposits (
    reference TEXT NOT NULL PRIMARY KEY,
    requester BLOB NOT NULL REFERENCES requesters (id),
    amount INTEGER NOT NULL CHECK (amount > 0),
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE blobs (
    hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    requester BLOB NOT NULL REFERENCES requesters (id),
    media_type TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE orders (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    requester BLOB NOT NULL REFERENCES requesters (id),
    -- SHA-256 of everything the requester asked for: the same id again must mean the same order.
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    class TEXT NOT NULL CHECK (class IN ('fetch', 'judgment')),
    -- A project's title or a fetch order's purpose.
    title TEXT NOT NULL,
    per_item INTEGER NOT NULL CHECK (per_item >= 0),
    per_mib INTEGER NOT NULL CHECK (per_mib >= 0),
    fee_bp INTEGER NOT NULL CHECK (fee_bp BETWEEN 0 AND 10000),
    bytes_max INTEGER,
    agree INTEGER,
    people INTEGER,
    full_price INTEGER NOT NULL CHECK (full_price >= 0),
    created_at INTEGER NOT NULL,
    CHECK ((class = 'fetch') = (bytes_max IS NOT NULL)),
    CHECK ((class = 'judgment') = (agree IS NOT NULL AND people IS NOT NULL))
) STRICT;
CREATE INDEX orders_by_requester ON orders (requester);

-- Ids grow with the age of the order and the index in it: what claims sort by.
CREATE TABLE items (
    id INTEGER NOT NULL PRIMARY KEY,
    order_id BLOB NOT NULL REFERENCES orders (id),
    number INTEGER NOT NULL CHECK (number >= 0),
    class TEXT NOT NULL CHECK (class IN ('fetch', 'judgment')),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    -- How many results it takes, how many leases are open, how many results count so far.
    needed INTEGER NOT NULL CHECK (needed > 0),
    leased INTEGER NOT NULL DEFAULT 0 CHECK (leased >= 0),
    answered INTEGER NOT NULL DEFAULT 0 CHECK (answered >= 0),
    -- Free places: results that nobody has given or leased yet.
    free INTEGER NOT NULL GENERATED ALWAYS AS (needed - leased - answered) STORED CHECK (free >= 0),
    -- Fetches that ended with an outcome that a buyer does not pay for.
    tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'ambiguous', 'failed')),
    decided INTEGER,
    -- What is still held for it.
    held INTEGER NOT NULL CHECK (held >= 0),
    UNIQUE (order_id, number),
    CHECK (state = 'open' OR (leased = 0 AND held = 0))
) STRICT;
CREATE INDEX items_free ON items (class, free, id) WHERE state = 'open' AND free > 0;

-- Apart from `items`, so that counting does not rewrite texts.
CREATE TABLE item_bytes (
    item INTEGER NOT NULL PRIMARY KEY REFERENCES items (id),
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE leases (
    id INTEGER NOT NULL PRIMARY KEY,
    offer BLOB NOT NULL UNIQUE CHECK (length(offer) = 32),
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    item INTEGER NOT NULL REFERENCES items (id),
    class TEXT NOT NULL CHECK (class IN ('fetch', 'judgment')),
    state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'judged', 'returned', 'expired')),
    -- 1: it ended without a result, and the worker may be offered the item once more.
    again INTEGER NOT NULL DEFAULT 0 CHECK (again IN (0, 1)),
    issued_at INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    approved_at INTEGER NOT NULL,
    statement BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX leases_once ON leases (worker, item) WHERE again = 0;
CREATE INDEX leases_by_item ON leases (item, worker);
CREATE INDEX leases_open ON leases (worker, class) WHERE state = 'open';
CREATE INDEX leases_due ON leases (deadline) WHERE state = 'open';
CREATE INDEX leases_waiting ON leases (approved_at) WHERE state = 'answered';

-- One per lease: the offer is the result's key.
CREATE TABLE results (
    lease INTEGER NOT NULL PRIMARY KEY REFERENCES leases (id),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    -- Whether it is one of the answers that its item needs.
    counts INTEGER NOT NULL CHECK (counts IN (0, 1)),
    choice INTEGER,
    outcome TEXT,
    body_hash BLOB,
    body_bytes INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    statement BLOB NOT NULL,
    CHECK ((choice IS NULL) <> (outcome IS NULL))
) STRICT;

CREATE TABLE bodies (
    lease INTEGER NOT NULL PRIMARY KEY REFERENCES results (lease),
    bytes BLOB NOT NULL
) STRICT;

-- One per result, so nothing is credited twice.
CREATE TABLE verdicts (
    id INTEGER NOT NULL PRIMARY KEY,
    lease INTEGER NOT NULL UNIQUE REFERENCES results (lease),
    order_id BLOB NOT NULL REFERENCES orders (id),
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    -- In the worker's row of verdicts, from 1, without gaps.
    number INTEGER NOT NULL CHECK (number > 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    decision TEXT NOT NULL CHECK (decision IN ('accepted', 'rejected', 'ambiguous')),
    reason TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    decided_at INTEGER NOT NULL,
    -- When its money becomes payable.
    settles_at INTEGER NOT NULL,
    settled INTEGER NOT NULL CHECK (settled IN (0, 1)),
    statement BLOB NOT NULL,
    UNIQUE (worker, number)
) STRICT;
CREATE INDEX verdicts_by_order ON verdicts (order_id, id);
CREATE INDEX verdicts_unsettled ON verdicts (settles_at) WHERE settled = 0;

-- Balances; always the sum of the account's postings.
CREATE TABLE accounts (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('deposits', 'available', 'held', 'pending', 'payable', 'fee')),
    -- A requester, an order or a worker; empty for the accounts there is one of.
    owner BLOB NOT NULL,
    balance INTEGER NOT NULL,
    UNIQUE (kind, owner),
    CHECK (balance >= 0 OR kind = 'deposits')
) STRICT;

CREATE TABLE entries (
    id INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    cause TEXT NOT NULL CHECK (cause IN ('deposit', 'order', 'verdict', 'closed', 'settled')),
    -- The deposit's reference, the order, the verdict's hash, or order and item number.
    about TEXT NOT NULL
) STRICT;

CREATE TABLE postings (
    entry INTEGER NOT NULL REFERENCES entries (id),
    account INTEGER NOT NULL REFERENCES accounts (id),
    at INTEGER NOT NULL,
    delta INTEGER NOT NULL CHECK (delta <> 0),
    PRIMARY KEY (entry, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX postings_by_account ON postings (account, at, delta);
