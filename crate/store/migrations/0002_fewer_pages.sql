-- What a worker earned today is the sum of its verdicts: this index had an entry at a random place for every
-- posting.
DROP INDEX postings_by_account;
