-- What a thing other than an item holds beyond its state, for example how far a poller has
-- read; null where nobody ever said.
ALTER TABLE things ADD COLUMN value bytea;

-- Items are looked for by the record they came from.
CREATE INDEX items_by_upstream ON items (tenant, upstream_id, id) WHERE upstream_id <> '';
-- Two observers of the same content at the same instant: one of them loses here.
CREATE UNIQUE INDEX lookups_observed_once ON lookups (tenant, value) WHERE kind = 'observed';
