-- What only one process at a time is to do for a tenant, and which does it.
CREATE TABLE leases (
    tenant text   NOT NULL,
    name   text   NOT NULL,
    holder text   NOT NULL,
    until  bigint NOT NULL,
    PRIMARY KEY (tenant, name)
);
