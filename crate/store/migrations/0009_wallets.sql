-- Where workers are paid to.

CREATE TABLE wallets (
    worker BLOB NOT NULL PRIMARY KEY CHECK (length(worker) = 32),
    -- What it is paid to; NULL: to none now.
    wallet BLOB CHECK (length(wallet) = 32),
    -- What it was paid to last, while it is paid to none.
    left_wallet BLOB CHECK (length(left_wallet) = 32),
    -- Until then its payouts are held.
    held_until INTEGER,
    -- The worker that took its place; a key that has lost it is let in no more, and its money is paid to `wallet`.
    succeeded_by BLOB CHECK (length(succeeded_by) = 32)
) STRICT;
CREATE INDEX wallets_by_wallet ON wallets (wallet) WHERE wallet IS NOT NULL;
