-- Classes of sensitive content that an item may show, as the bits of the protocol's set (`WarningSet`); 0 of all that
-- there was before. Claims leave out what the person has not chosen to see.
ALTER TABLE items ADD COLUMN warnings INTEGER NOT NULL DEFAULT 0;
