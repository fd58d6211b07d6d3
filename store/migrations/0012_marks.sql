-- Rows that anything acts on carry a mark, made with a key that is not in the database; null where
-- the row is older than its sealing.
ALTER TABLE items    ADD COLUMN mac bytea;
ALTER TABLE things   ADD COLUMN mac bytea;
ALTER TABLE entries  ADD COLUMN mac bytea;
ALTER TABLE effects  ADD COLUMN mac bytea;
ALTER TABLE lookups  ADD COLUMN mac bytea;
ALTER TABLE known    ADD COLUMN mac bytea;
ALTER TABLE actors   ADD COLUMN mac bytea;
ALTER TABLE clients  ADD COLUMN mac bytea;
ALTER TABLE sessions ADD COLUMN mac bytea;

-- When an effect was to be carried out at the earliest as it was committed; not_before moves with
-- every try.
ALTER TABLE effects ADD COLUMN due_at bigint NOT NULL DEFAULT 0;

UPDATE effects SET due_at = not_before WHERE state <> 'done';

-- What is on a tenant's lists of known files, summed: a sum for each part of the range of values,
-- under a mark, and always read beside them. That a row is not there decides nothing by itself.
CREATE TABLE known_sums (
    tenant text   NOT NULL PRIMARY KEY,
    number bigint NOT NULL, -- of the change of the lists
    sums   bytea  NOT NULL,
    mac    bytea
);

-- Whom or what a thing is about, and until when somebody has to see to it.
ALTER TABLE things ADD COLUMN subject text   NOT NULL DEFAULT '';
ALTER TABLE things ADD COLUMN due_at  bigint NOT NULL DEFAULT 0; -- 0: never
CREATE INDEX things_by_subject ON things (tenant, subject, kind, changed_at, id) WHERE subject <> '';
CREATE INDEX things_by_due ON things (tenant, kind, due_at, id) WHERE due_at > 0;
