-- People flag judgments. `items.flags` counts those who said that an item is to be asked of nobody; how many stop it is
-- the market's rule.
ALTER TABLE items ADD COLUMN flags INTEGER NOT NULL DEFAULT 0 CHECK (flags >= 0);

-- Results that say what is wrong with an item, in the order in which they came. Their `results.outcome` is 'flagged', as
-- that of a look at an item that was taken back is 'withdrawn'; the note is in the statement.
CREATE TABLE flags (
    number INTEGER NOT NULL PRIMARY KEY,
    lease INTEGER NOT NULL UNIQUE REFERENCES results (lease),
    item INTEGER NOT NULL REFERENCES items (id),
    order_id BLOB NOT NULL REFERENCES orders (id),
    reason TEXT NOT NULL
        CHECK (reason IN ('broken', 'harmful', 'personal_data', 'captcha', 'illegal', 'unclear')),
    -- How long the item was on screen, milliseconds.
    seen_ms INTEGER NOT NULL CHECK (seen_ms >= 0),
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX flags_by_item ON flags (item);
CREATE INDEX flags_by_order ON flags (order_id, number);
