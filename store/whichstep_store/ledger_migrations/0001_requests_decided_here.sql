-- Requests carry who may decide, the votes, the digests that they are bound to, and a version; they can be cancelled.
alter table approvals rename to approvals_before;
create table approvals (
    sequence integer not null unique,
    approval_id text primary key,
    execution_id text,
    step_id text,
    state text not null
        check (state in ('pending', 'approved', 'edited', 'rejected', 'expired', 'cancelled', 'consumed')),
    action text not null,
    arguments text not null default '{}',
    evidence text not null default '[]',
    summary text,
    risk_level text not null default 'approve',
    rule text,
    policy_digest text,
    agent text,
    task_type text,
    release text,
    created_at integer not null,
    expires_at integer not null,
    decision text,
    decided_by text,
    decided_at integer,
    notes text,
    edited_arguments text,
    consumed_at integer,
    delivered_at integer,
    environment text,
    task_id text,
    requester text,
    created_by text,
    reviewers text not null default '[]',
    quorum integer not null default 1,
    requester_may_review integer not null default 1,
    arguments_digest text not null default '',
    edited_digest text,
    arguments_schema text,
    votes text not null default '[]',
    version integer not null default 1,
    lapses_at integer,
    stated text not null default '{}',
    consumer text
);
insert into approvals (
    sequence, approval_id, execution_id, step_id, state, action, arguments, evidence, summary, risk_level, rule,
    policy_digest, agent, task_type, release, created_at, expires_at, decision, decided_by, decided_at, notes,
    edited_arguments, consumed_at, delivered_at
)
select
    sequence, approval_id, execution_id, step_id, state, action, coalesce(arguments, '{}'),
    coalesce(evidence, '[]'), summary, coalesce(risk_level, 'approve'), rule, policy_digest, agent, task_type,
    release, created_at, coalesce(expires_at, created_at), decision, decided_by, decided_at, notes,
    edited_arguments, consumed_at, delivered_at
from approvals_before;
drop table approvals_before;
