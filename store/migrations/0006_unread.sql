-- Items whose content nobody could read, by when they were last asked for.
CREATE INDEX items_unread ON items (tenant, changed_at, id) WHERE verdict LIKE '%"not-readable"%';
