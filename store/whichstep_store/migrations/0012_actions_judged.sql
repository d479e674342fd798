-- Actions compared with the sidecar's policy. The jobs fill both when they compute the executions again.
create table action_rows (
    execution_id uuid not null,
    step_id ubigint not null,
    started_at timestamp_ns not null,
    action varchar not null,
    risk_level varchar,
    rule varchar,
    policy_digest varchar not null,
    ran boolean not null,
    gated boolean not null,
    approval_id varchar
);
alter table execution_rows add column action_count integer;
alter table execution_rows add column ungated_count integer;
