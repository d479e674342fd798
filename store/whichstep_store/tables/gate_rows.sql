-- Mirror of the ledger's gates, for the views.
create table gate_rows (
    sequence bigint not null,
    gate_id varchar not null,
    stage varchar not null,         -- ci, canary
    candidate varchar not null,     -- release
    baseline varchar,               -- release
    verdict varchar not null,       -- ship, block, inconclusive
    overridden_by varchar,
    override_reason varchar,
    report varchar not null,        -- JSON: checklist, criteria
    created_at timestamp_ns not null
);
