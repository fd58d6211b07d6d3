-- Times are nanoseconds since 1970 in UTC; 0 is "never". Text is never null.
-- {{serial}} is a primary key that grows with every row.

CREATE TABLE items (
    tenant        text   NOT NULL,
    id            text   NOT NULL,
    state         text   NOT NULL,
    version       bigint NOT NULL,
    route         text   NOT NULL,
    channel       text   NOT NULL,
    mode          text   NOT NULL,
    fail          text   NOT NULL,
    when_held     text   NOT NULL,
    class         text   NOT NULL,
    size          bigint NOT NULL,
    media_type    text   NOT NULL,
    declared_type text   NOT NULL,
    modality      text   NOT NULL,
    op            text   NOT NULL,
    object        text   NOT NULL,
    upstream_id   text   NOT NULL,
    document_id   text   NOT NULL,
    client        text   NOT NULL,
    commitment    bytea,
    blob          text   NOT NULL,
    key_id        text   NOT NULL,
    wrapped_key   bytea,
    sealed        bytea,
    verdict       text   NOT NULL, -- JSON, '' until inspected
    received_at   bigint NOT NULL,
    changed_at    bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
-- State first: settling at start looks at one state over all tenants.
CREATE INDEX items_by_state ON items (state, tenant, id);
CREATE INDEX items_by_route ON items (tenant, route, id);
CREATE INDEX items_by_blob ON items (blob) WHERE blob <> '';
CREATE INDEX items_by_key ON items (tenant, key_id) WHERE wrapped_key IS NOT NULL;

-- Things under control other than items, known only by where they stand.
CREATE TABLE things (
    tenant     text   NOT NULL,
    kind       text   NOT NULL,
    id         text   NOT NULL,
    state      text   NOT NULL,
    version    bigint NOT NULL,
    changed_at bigint NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);

CREATE TABLE findings (
    seq    {{serial}},
    tenant text   NOT NULL,
    item   text   NOT NULL,
    body   text   NOT NULL, -- JSON
    took   bigint NOT NULL  -- nanoseconds
);
CREATE INDEX findings_by_item ON findings (tenant, item, seq);

CREATE TABLE lookups (
    tenant text  NOT NULL,
    kind   text  NOT NULL,
    value  bytea NOT NULL,
    item   text  NOT NULL,
    PRIMARY KEY (tenant, kind, value, item)
);
CREATE INDEX lookups_by_item ON lookups (tenant, item);
-- Two requests with the same Idempotency-Key at the same instant: one of them loses here.
CREATE UNIQUE INDEX lookups_once ON lookups (tenant, value) WHERE kind = 'idempotency';

-- The ledger's entries. Rows are added and read, never changed and never deleted.
CREATE TABLE entries (
    seq     {{serial}},
    tenant  text   NOT NULL,
    id      text   NOT NULL,
    of_kind text   NOT NULL,
    of_id   text   NOT NULL,
    body    bytea  NOT NULL, -- canonical JSON
    UNIQUE (tenant, id)
);
CREATE INDEX entries_by_thing ON entries (tenant, of_kind, of_id, seq);

-- Entries without a place in the Merkle log yet. A row is written with its entry and
-- deleted with the leaf, so an entry whose transaction committed late is still in here
-- when later ones have been placed.
CREATE TABLE unsequenced (
    tenant text   NOT NULL,
    seq    bigint NOT NULL,
    PRIMARY KEY (tenant, seq)
);

CREATE TABLE leaves (
    tenant text   NOT NULL,
    idx    bigint NOT NULL,
    seq    bigint NOT NULL, -- of the entry
    PRIMARY KEY (tenant, idx)
);
CREATE UNIQUE INDEX leaves_by_entry ON leaves (tenant, seq);

CREATE TABLE ledger_tiles (
    tenant text   NOT NULL,
    level  bigint NOT NULL,
    n      bigint NOT NULL,
    data   bytea  NOT NULL,
    PRIMARY KEY (tenant, level, n)
);

-- One row a tenant: the head of its log and who may move it.
CREATE TABLE ledger_heads (
    tenant      text   NOT NULL PRIMARY KEY,
    size        bigint NOT NULL,
    root        bytea  NOT NULL,
    checkpoint  bytea,
    at          bigint NOT NULL,
    holder      text   NOT NULL,
    lease_until bigint NOT NULL,
    fence       bigint NOT NULL
);

CREATE TABLE checkpoints (
    tenant text   NOT NULL,
    size   bigint NOT NULL,
    note   bytea  NOT NULL,
    at     bigint NOT NULL,
    PRIMARY KEY (tenant, size)
);

-- What is owed elsewhere. These rows are the truth; jobs only point at them.
CREATE TABLE effects (
    tenant      text   NOT NULL,
    id          text   NOT NULL,
    kind        text   NOT NULL,
    of_kind     text   NOT NULL,
    of_id       text   NOT NULL,
    payload     bytea,
    state       text   NOT NULL, -- owed, done or stuck
    not_before  bigint NOT NULL,
    attempts    bigint NOT NULL,
    code        text   NOT NULL, -- why the last attempt came to nothing
    holder      text   NOT NULL,
    lease_until bigint NOT NULL,
    created_at  bigint NOT NULL,
    done_at     bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX effects_owed ON effects (state, not_before) WHERE state <> 'done';
CREATE INDEX effects_by_thing ON effects (tenant, of_kind, of_id);

-- The processes that carry effects out. A holder is a node and the nonce of its boot.
CREATE TABLE holders (
    holder     text   NOT NULL PRIMARY KEY,
    node       text   NOT NULL,
    started_at bigint NOT NULL,
    seen_at    bigint NOT NULL
);

CREATE TABLE keys (
    tenant     text   NOT NULL,
    id         text   NOT NULL,
    kind       text   NOT NULL,
    name       text   NOT NULL,
    wrapped    bytea  NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, kind, name)
);
CREATE INDEX keys_by_age ON keys (kind, created_at);

CREATE TABLE actors (
    tenant     text   NOT NULL,
    id         text   NOT NULL,
    kind       text   NOT NULL,
    name       text   NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, kind, name)
);

CREATE TABLE clients (
    tenant text   NOT NULL,
    token  bytea  NOT NULL, -- HMAC of the token
    client text   NOT NULL,
    until  bigint NOT NULL,
    PRIMARY KEY (tenant, token)
);
CREATE INDEX clients_by_end ON clients (tenant, until);

CREATE TABLE known (
    tenant text   NOT NULL,
    value  bytea  NOT NULL, -- keyed
    list   text   NOT NULL,
    at     bigint NOT NULL,
    PRIMARY KEY (tenant, value)
);

CREATE TABLE sessions (
    tenant     text   NOT NULL,
    token      bytea  NOT NULL, -- hash of the token
    actor_kind text   NOT NULL,
    actor_id   text   NOT NULL,
    created_at bigint NOT NULL,
    until      bigint NOT NULL,
    PRIMARY KEY (tenant, token)
);
CREATE INDEX sessions_by_end ON sessions (tenant, until);

CREATE TABLE route_use (
    tenant   text   NOT NULL,
    route    text   NOT NULL,
    what     text   NOT NULL,
    n        bigint NOT NULL,
    first_at bigint NOT NULL,
    last_at  bigint NOT NULL,
    PRIMARY KEY (tenant, route, what)
);
