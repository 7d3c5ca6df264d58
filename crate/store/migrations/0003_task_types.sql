-- Judgments of five types. What was a choice's option becomes the part of an answer that must be equal for two
-- people to agree, as a number of the protocol (`AgreementKey`); an option's number is its index, so old rows mean
-- what they meant, in `items.decided` as well. The whole answer is in the result's statement.
ALTER TABLE results RENAME COLUMN choice TO answer;

-- What a project asks of people, as the protocol's word for its type; NULL for fetches. Which words there are is not
-- checked here: a column's check can't be widened, and whoever reads the column checks it.
ALTER TABLE orders ADD COLUMN task TEXT;
UPDATE orders SET task = 'choice' WHERE class = 'judgment';

-- The same of each item, for claims are of some types only.
ALTER TABLE items ADD COLUMN task TEXT;
UPDATE items SET task = 'choice' WHERE class = 'judgment';
DROP INDEX items_free;
CREATE INDEX items_free ON items (class, task, free, id) WHERE state = 'open' AND free > 0;
