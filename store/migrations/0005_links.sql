-- Which records of the CRM an item hangs on. The record is a keyed value, and its id lies
-- sealed under the item's key.
CREATE TABLE links (
    tenant     text   NOT NULL,
    item       text   NOT NULL,
    id         text   NOT NULL, -- of the link in the CRM
    record     bytea  NOT NULL,
    share      text   NOT NULL,
    visibility text   NOT NULL,
    sealed     bytea,
    at         bigint NOT NULL,
    PRIMARY KEY (tenant, item, id)
);
CREATE INDEX links_by_record ON links (tenant, record, item);

-- A link belongs to a document, and so to each of its versions.
CREATE INDEX items_by_document ON items (tenant, document_id, id) WHERE document_id <> '';
