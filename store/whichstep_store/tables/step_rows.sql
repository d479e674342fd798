-- One row per step of an execution, written by the jobs; replaced whole, execution by execution.
create table step_rows (
    execution_id uuid not null,
    step_id ubigint not null,            -- span id of the step's own span
    trace_id uuid not null,
    span_ids ubigint[] not null,         -- every span merged into the step, the step's own first
    parent_step_id ubigint,
    type varchar not null,
    name varchar not null,
    path varchar not null,               -- agent/step names from the root, stable across runs
    agent varchar,
    position integer not null,           -- from 1, in order of start
    attempt integer not null,            -- from 1; over 1 = repeats a failed action
    requested_by ubigint,                -- the llm_call that asked for it
    started_at timestamp_ns not null,
    ended_at timestamp_ns,
    latency_ms double,                   -- null: untimed or not ended
    status varchar not null,             -- running, ok, error, pending_approval, blocked, rejected, expired, cancelled
    error_type varchar,
    error_message varchar,
    recovered boolean not null,          -- the error was followed by success of the same action
    control_flow varchar,
    model varchar,
    provider varchar,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    cost_usd double,                     -- null: unknown price or unknown tokens, never 0
    finish_reason varchar,
    time_to_first_token_ms double,
    tool varchar,
    tool_call_id varchar,
    arguments varchar,                   -- previews of at most 1 KiB from here to sources; step_content has the whole
    result varchar,
    query varchar,
    sources varchar,
    document_count integer,
    input varchar,
    output varchar,
    output_summary varchar,
    approval_id varchar,
    dialect varchar not null,
    flags varchar[] not null,
    arguments_digest uuid,               -- of canonical JSON: equal arguments have an equal one, however written
    critical_path_ms double              -- its own part of the critical path; 0 beside it, null when untimed
);
