-- Mirror of the ledger's approvals, for the views.
create table approval_rows (
    sequence bigint not null,
    approval_id varchar not null,
    execution_id uuid,
    step_id ubigint,
    state varchar not null,         -- pending, approved, rejected, edited, expired, consumed
    action varchar not null,
    arguments varchar,              -- JSON
    evidence varchar,               -- JSON array
    summary varchar,
    risk_level varchar,             -- auto, log, approve, block
    rule varchar,
    policy_digest varchar,
    agent varchar,
    task_type varchar,
    release varchar,
    created_at timestamp_ns not null,
    expires_at timestamp_ns,
    decision varchar,               -- approve, reject, edit
    decided_by varchar,
    decided_at timestamp_ns,
    notes varchar,                  -- the reviewer's reason
    edited_arguments varchar,       -- JSON
    consumed_at timestamp_ns,
    delivered_at timestamp_ns
);
