-- How many transactions the writer has made durable. When the answer to a COMMIT is
-- lost, this number says whether it happened.
CREATE TABLE writer_pulse (
    one bigint NOT NULL PRIMARY KEY CHECK (one = 1),
    n   bigint NOT NULL
);
INSERT INTO writer_pulse (one, n) VALUES (1, 0);

-- What PostgreSQL enforces by grants, SQLite enforces by triggers: the ledger's rows are
-- added and read, by this program too.
CREATE TRIGGER entries_stay BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END;
CREATE TRIGGER entries_last BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;
CREATE TRIGGER leaves_stay BEFORE UPDATE ON leaves BEGIN SELECT RAISE(ABORT, 'leaves are never changed'); END;
CREATE TRIGGER leaves_last BEFORE DELETE ON leaves BEGIN SELECT RAISE(ABORT, 'leaves are never deleted'); END;
CREATE TRIGGER checkpoints_stay BEFORE UPDATE ON checkpoints BEGIN SELECT RAISE(ABORT, 'checkpoints are never changed'); END;
CREATE TRIGGER checkpoints_last BEFORE DELETE ON checkpoints BEGIN SELECT RAISE(ABORT, 'checkpoints are never deleted'); END;
