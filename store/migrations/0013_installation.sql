-- Which installation the records are of. The keys folder says the same, the folder of bytes and the
-- published ledger too; see docs/operations.md.
CREATE TABLE installation (
    one bigint NOT NULL PRIMARY KEY CHECK (one = 1),
    id  text   NOT NULL
);
