-- A claim walks the open orders, the oldest first, and passes over those that its worker is not offered; then it walks
-- the free items of an order.

-- 0: no item of it is open any more.
ALTER TABLE orders ADD COLUMN is_open INTEGER NOT NULL DEFAULT 1 CHECK (is_open IN (0, 1));
-- Classes of sensitive content that its items may show, as the bits of the protocol's set (`WarningSet`).
ALTER TABLE orders ADD COLUMN warnings INTEGER NOT NULL DEFAULT 0;
CREATE INDEX items_open ON items (order_id) WHERE state = 'open';
UPDATE orders SET
    is_open = EXISTS (SELECT 1 FROM items i WHERE i.order_id = orders.id AND i.state = 'open'),
    warnings = (SELECT coalesce(max(i.warnings), 0) FROM items i WHERE i.order_id = orders.id);
ALTER TABLE items DROP COLUMN warnings;
DROP INDEX items_free;
-- The order says it.
ALTER TABLE items DROP COLUMN task;
CREATE INDEX items_free ON items (order_id, has_picture, free, id) WHERE state = 'open' AND free > 0;
CREATE INDEX orders_open ON orders (task) WHERE is_open = 1 AND paused_at IS NULL;
