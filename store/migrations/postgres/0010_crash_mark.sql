-- A row that a crash of the server takes away: recovery empties unlogged tables. Without a crash a
-- transaction's number is never given twice, so the server's word on it can be relied on; after
-- one, it may be the word on somebody else's.
CREATE UNLOGGED TABLE crash_mark (
    one bigint NOT NULL PRIMARY KEY CHECK (one = 1),
    id  text   NOT NULL
);
