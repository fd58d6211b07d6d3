-- Entries of the lists of known files become records of their own: what they recognise, where
-- they are from and until when. Those of earlier releases keep the keyed value of a SHA-256,
-- which is all there is of them.
ALTER TABLE known ADD COLUMN id         text   NOT NULL DEFAULT '';
ALTER TABLE known ADD COLUMN kind       text   NOT NULL DEFAULT 'sha256';
ALTER TABLE known ADD COLUMN sealed     bytea;
ALTER TABLE known ADD COLUMN key_id     text   NOT NULL DEFAULT '';
ALTER TABLE known ADD COLUMN actor_kind text   NOT NULL DEFAULT '';
ALTER TABLE known ADD COLUMN actor      text   NOT NULL DEFAULT '';
ALTER TABLE known ADD COLUMN item       text   NOT NULL DEFAULT ''; -- that it was made from
ALTER TABLE known ADD COLUMN expires    bigint NOT NULL DEFAULT 0; -- 0: never
ALTER TABLE known ADD COLUMN number     bigint NOT NULL DEFAULT 0; -- of the change, growing
UPDATE known SET id = 'knw_' || {{first 26 hex digits of value}};
CREATE UNIQUE INDEX known_by_id ON known (tenant, id);
CREATE INDEX known_by_number ON known (tenant, number) WHERE kind <> 'sha256';
CREATE INDEX known_by_item ON known (tenant, item) WHERE item <> '';
CREATE INDEX known_by_end ON known (tenant, expires) WHERE expires > 0;

-- By what look-alikes of items are told: when one was looked at, for which record (keyed), and
-- its perceptual hash, sealed.
CREATE TABLE seen (
    tenant text   NOT NULL,
    item   text   NOT NULL,
    at     bigint NOT NULL,
    past   bigint NOT NULL, -- 1: it had lain in the CRM for long
    record bytea,
    print  bytea,
    key_id text   NOT NULL,
    PRIMARY KEY (tenant, item)
);
CREATE INDEX seen_by_time ON seen (tenant, at);
CREATE INDEX seen_by_key ON seen (tenant, key_id) WHERE print IS NOT NULL;
