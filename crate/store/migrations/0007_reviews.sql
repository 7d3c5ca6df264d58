-- Requesters may review answers: what they hold against one, and what its worker says to that, comes before the
-- verdict. Until then `leases.approved_at` says when time decides.

-- 1: an answer counts once its requester has accepted it, or time has.
ALTER TABLE orders ADD COLUMN review INTEGER NOT NULL DEFAULT 0 CHECK (review IN (0, 1));
-- Answers reviewed since the project began or was resumed, and how many of these were rejected.
ALTER TABLE orders ADD COLUMN reviewed INTEGER NOT NULL DEFAULT 0 CHECK (reviewed >= 0);
ALTER TABLE orders ADD COLUMN rejected INTEGER NOT NULL DEFAULT 0 CHECK (rejected >= 0);
-- Since when nothing more of it is leased, until the operator has looked at it.
ALTER TABLE orders ADD COLUMN paused_at INTEGER;

-- The same over all projects of a requester and for ever; and how many of the rejected ones were accepted in the end.
ALTER TABLE requesters ADD COLUMN reviewed INTEGER NOT NULL DEFAULT 0 CHECK (reviewed >= 0);
ALTER TABLE requesters ADD COLUMN rejected INTEGER NOT NULL DEFAULT 0 CHECK (rejected >= 0);
ALTER TABLE requesters ADD COLUMN overturned INTEGER NOT NULL DEFAULT 0 CHECK (overturned >= 0);

CREATE TABLE rejections (
    lease INTEGER NOT NULL PRIMARY KEY REFERENCES results (lease),
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    -- Until its result has a verdict.
    is_open INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    statement BLOB NOT NULL,
    appealed_at INTEGER,
    appeal BLOB,
    CHECK ((appeal IS NULL) = (appealed_at IS NULL))
) STRICT;
CREATE INDEX rejections_open ON rejections (worker, lease) WHERE is_open = 1;
CREATE INDEX rejections_appealed ON rejections (appealed_at, lease) WHERE is_open = 1 AND appealed_at IS NOT NULL;
