-- What a worker is told with an offer, and what it filters out.

-- How often an open lease was extended, and the promise that it was (the last one).
ALTER TABLE leases ADD COLUMN extensions INTEGER NOT NULL DEFAULT 0 CHECK (extensions >= 0);
ALTER TABLE leases ADD COLUMN extension BLOB;

-- How long a judgment was on screen, milliseconds; NULL for fetches, for what a program answered, and
-- for what came before this was kept.
ALTER TABLE results ADD COLUMN shown_ms INTEGER CHECK (shown_ms >= 0);

-- Items with a picture; those of before count as without, and their workers hand back what they don't want.
ALTER TABLE items ADD COLUMN has_picture INTEGER NOT NULL DEFAULT 0 CHECK (has_picture IN (0, 1));

-- The outcomes of each project so far. `hourly` is what workers are told, base units per hour; NULL: not known yet.
CREATE TABLE tallies (
    order_id BLOB NOT NULL PRIMARY KEY REFERENCES orders (id),
    paid INTEGER NOT NULL CHECK (paid >= 0),
    time_ms INTEGER NOT NULL CHECK (time_ms >= 0),
    -- How many outcomes each step of time has, four bytes each, big-endian.
    counts BLOB NOT NULL,
    hourly INTEGER CHECK (hourly >= 0)
) STRICT;

-- What a worker skipped of a project on the last day (UTC, since 1970) that it skipped any.
CREATE TABLE skips (
    worker BLOB NOT NULL CHECK (length(worker) = 32),
    order_id BLOB NOT NULL REFERENCES orders (id),
    day INTEGER NOT NULL,
    skips INTEGER NOT NULL CHECK (skips > 0),
    -- 1: the project is not offered to the worker any more that day.
    is_over INTEGER NOT NULL CHECK (is_over IN (0, 1)),
    PRIMARY KEY (worker, order_id)
) STRICT, WITHOUT ROWID;
