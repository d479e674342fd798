-- One row per execution, written by the jobs from all its spans; replaced whole.
create table execution_rows (
    execution_id uuid not null,
    external_id varchar,
    task_id varchar not null,
    rerun_of uuid,
    trace_ids uuid[] not null,
    session_id varchar,
    turn integer,                        -- from 1 within the session, by start
    user_id varchar,
    task_type varchar,
    agent varchar,
    workflow varchar,
    service varchar not null,
    release varchar,
    configuration_id uuid,
    environment varchar,
    purpose varchar not null,
    tags varchar[] not null,
    metadata varchar,
    started_at timestamp_ns not null,
    ended_at timestamp_ns,
    status varchar not null,             -- running, waiting, ok, error, abandoned
    input varchar,
    output varchar,
    success boolean,                     -- null is unknown
    success_source varchar,              -- human, code, evaluator, inferred
    first_pass boolean,
    self_corrected boolean,
    escalated boolean,
    escalation_reason varchar,           -- policy, agent, failure, user
    violated boolean,                    -- null: under no policy
    latency_ms double,                   -- wall
    active_ms double,                    -- wall less the union of waits for people
    cost_usd double,                     -- null when any call is unpriced
    unpriced_calls integer not null,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    wasted_cost_usd double,              -- of failed and repeated attempts
    step_count integer not null,
    llm_call_count integer not null,
    tool_call_count integer not null,
    retry_count integer not null,
    error_count integer not null,        -- steps in error, recovered ones included
    failing_step_id ubigint,
    failing_step_name varchar,
    failing_step_path varchar,
    cause_step_id ubigint,
    failure_kind varchar,
    failure_reason varchar,
    failure_confidence double,
    failure_signature varchar,
    suspects varchar,                    -- JSON array: step_id, cause_step_id, kind, rule, score, reason
    autonomy_level utinyint,
    span_count integer not null,
    root_ended boolean not null,
    last_received_at timestamp_ns not null,
    result_version integer not null,     -- of jobs and prices; an older one is recomputed
    tool_error_count integer,            -- tool calls in error; null in rows of version 2 and before
    critical_path_ms double,             -- of the critical path, waits for people apart; null while a step runs
    success_disputed boolean,            -- a witness said otherwise; null: unknown outcome
    success_reason varchar,              -- in words, with who said otherwise
    rerun_rule varchar,                  -- how rerun_of is known: stated, input, task
    input_digest uuid,                   -- of what was asked: equal for the same request
    input_length integer,                -- characters of the preview
    outcome_weight double,               -- 1 / the chance to be judged, where the outcome comes from a sample; else null
    context_tokens_max bigint,           -- input tokens of the model call that had most
    failing_call integer,                -- model calls up to the failing step, that one included
    failing_context_tokens bigint,       -- input tokens of the last model call up to the failing step
    action_count integer,                -- actions compared with a policy; null: under none, or one could not be judged
    ungated_count integer,                -- of them, those that it holds or blocks and that ran without an approval
    expectation varchar,                 -- JSON: what was held to be right; null: nobody said
    expectation_source varchar,          -- label, code, example, task_type
    tool_accuracy double,                -- matched / (matched + missing + needless)
    tools_expected integer,
    tools_called integer,
    tools_matched integer,               -- by name
    calls_matched integer,               -- by name and arguments
    tool_order double,                   -- 1 - edit distance / length of the longer sequence
    expected_escalation boolean
);
