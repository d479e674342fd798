-- The tables of ledger.sqlite. Times in nanoseconds since the epoch, ids as hex text, booleans 0 and 1. The columns of
-- evaluations, expectations, approvals and gates are those of the tables in tables/*_rows.sql that mirror them.
create table if not exists sequences (name text primary key, value integer not null) without rowid;

create table if not exists evaluations (
    sequence integer not null unique,
    evaluation_id text primary key,
    execution_id text not null,
    step_id text,
    name text not null,
    score real,
    label text,
    explanation text,
    source text not null check (source in ('HUMAN', 'LLM', 'CODE')),
    author text not null,
    trusted integer not null,
    sampled_by text,
    inclusion_probability real,
    created_at integer not null
);
create index if not exists evaluations_of on evaluations (execution_id, name);

create table if not exists expectations (
    sequence integer not null unique,
    expectation_id text primary key,
    execution_id text,
    task_type text,
    expectation text not null,
    author text not null,
    created_at integer not null
);
create index if not exists expectations_of on expectations (execution_id, task_type);

create table if not exists approvals (
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
create index if not exists approvals_by_state on approvals (state, created_at, approval_id);
create index if not exists approvals_due on approvals (state, expires_at, approval_id);
create index if not exists approvals_of on approvals (execution_id);

-- The latest time that a deadline was ever compared with: time does not go back, whatever the clock says.
create table if not exists high_water (name text primary key, value integer not null) without rowid;

-- Messages about requests on their way to a webhook, each with its last receipt.
create table if not exists approval_deliveries (
    approval_id text not null,
    event text not null check (event in ('requested', 'expired')),
    state text not null check (state in ('waiting', 'delivered', 'undelivered', 'needless')),
    attempts integer not null,
    status integer,
    error text,
    created_at integer not null,
    next_attempt_at integer not null,
    delivered_at integer,
    primary key (approval_id, event)
) without rowid;
create index if not exists approval_deliveries_due on approval_deliveries (state, next_attempt_at);

create table if not exists gates (
    sequence integer not null unique,
    gate_id text primary key,
    stage text not null,
    candidate text not null,
    baseline text,
    verdict text not null check (verdict in ('ship', 'block', 'inconclusive')),
    overridden_by text,
    override_reason text,
    report text not null,
    created_at integer not null
);

create table if not exists tokens (
    token_id text primary key,
    name text not null,
    digest blob not null unique,   -- SHA-256 of the token
    scopes text not null,          -- some of: ingest read review admin
    created_at integer not null
);

-- Questions to the judge: what a day costs, and answers that need not be asked for again.
create table if not exists judge_calls (
    call_id integer primary key,
    digest text not null,          -- of prompt and model
    model text not null,
    called_at integer not null,
    answer text,                   -- null: it gave none
    input_tokens integer,
    output_tokens integer,
    cost_usd real                  -- null: no known price
);
create index if not exists judge_calls_by_digest on judge_calls (digest);
create index if not exists judge_calls_by_time on judge_calls (called_at);
