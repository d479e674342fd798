-- One row per tool call or requested action that the sidecar's policy was compared with; replaced execution by execution.
create table action_rows (
    execution_id uuid not null,
    step_id ubigint not null,
    started_at timestamp_ns not null,
    action varchar not null,
    risk_level varchar,                  -- auto, log, approve, block; null: it depends on arguments that are not known
    rule varchar,
    policy_digest varchar not null,
    ran boolean not null,
    gated boolean not null,              -- a person's approval of this action was used for it
    approval_id varchar
);
