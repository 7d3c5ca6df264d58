-- A requester may cancel an order: when it did. Of its open items nothing more is leased, and each is closed when its
-- last lease has ended.
ALTER TABLE orders ADD COLUMN cancelled_at INTEGER;
