-- Deposits by transfers on the chain. What a reference is, crate/payout says.

CREATE TABLE deposit_references (
    reference BLOB NOT NULL PRIMARY KEY CHECK (length(reference) = 32),
    requester BLOB NOT NULL REFERENCES requesters (id),
    -- Whom it pays, and in what: another treasury's aren't looked at.
    owner BLOB NOT NULL CHECK (length(owner) = 32),
    mint BLOB NOT NULL CHECK (length(mint) = 32),
    -- What was asked for; NULL: an older copy of the database has forgotten it.
    asked INTEGER CHECK (asked > 0),
    created_at INTEGER NOT NULL,
    -- When somebody last asked to have it looked at: how often that is done goes by it.
    asked_at INTEGER NOT NULL,
    -- When it is looked at next; NULL: closed, nobody looks.
    due_at INTEGER,
    -- The last of its transactions that was judged.
    last BLOB CHECK (length(last) = 64),
    -- One that is confirmed and not final yet.
    heard BLOB CHECK (length(heard) = 64)
) STRICT, WITHOUT ROWID;
CREATE INDEX deposit_references_due ON deposit_references (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deposit_references_by_requester ON deposit_references (requester, created_at);

-- Finalized transactions that name a reference. One that names two of them has two rows, and is credited once: by its
-- signature, which is the deposit's own reference in `deposits`.
CREATE TABLE deposit_transactions (
    reference BLOB NOT NULL REFERENCES deposit_references (reference),
    -- In base58, as the deposit has it.
    signature TEXT NOT NULL,
    slot INTEGER NOT NULL CHECK (slot >= 0),
    at INTEGER NOT NULL,
    credited INTEGER CHECK (credited > 0),
    -- Why it is credited to nobody.
    uncredited TEXT CHECK (uncredited IN (
        'failed', 'nothing', 'other_mint', 'other_recipient', 'dust', 'too_much', 'two_requesters', 'counted',
        'unreadable'
    )),
    PRIMARY KEY (reference, signature),
    CHECK ((credited IS NULL) <> (uncredited IS NULL))
) STRICT, WITHOUT ROWID;
