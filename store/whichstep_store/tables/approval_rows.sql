-- Mirror of the ledger's approvals, for the views.
create table approval_rows (
    sequence bigint not null,
    approval_id varchar not null,
    execution_id uuid,
    step_id ubigint,
    state varchar not null,         -- pending, approved, edited, rejected, expired, cancelled, consumed
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
    delivered_at timestamp_ns,      -- the agent learned of the decision
    environment varchar,
    task_id varchar,
    requester varchar,              -- on whose behalf the agent asked
    created_by varchar,             -- name of the token that asked
    reviewers varchar,              -- JSON array: who may decide; empty: every reviewer
    quorum bigint,                  -- how many have to agree
    requester_may_review boolean,
    arguments_digest varchar,       -- 64 hex digits over all of the arguments
    edited_digest varchar,          -- of the edited ones
    arguments_schema varchar,       -- JSON schema
    votes varchar,                  -- JSON array: reviewer, decision, notes, at
    version bigint,                 -- grows with every change
    lapses_at timestamp_ns,         -- a decision that was not used by then is none any more
    stated varchar,                 -- JSON: what the agent's own policy asked for
    consumer varchar                -- who used it, by a name that the agent made up
);
