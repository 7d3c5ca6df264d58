-- A claim walks order by order, the oldest first, and passes over whole orders that its worker is not offered. The
-- items of an order follow one another.
DROP INDEX items_free;
CREATE INDEX items_next ON items (class, task, id) WHERE state = 'open' AND free > 0 AND paused = 0;
CREATE INDEX items_free ON items (order_id, free, id) WHERE state = 'open' AND free > 0;
