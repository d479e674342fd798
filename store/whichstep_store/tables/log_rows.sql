-- One row per OTLP log record that concerns an agent: GenAI events, evaluations. Sealed like spans.
create table log_rows (
    trace_id uuid,                  -- null: the record named no trace
    span_id ubigint,
    received_at timestamp_ns not null,
    occurred_at timestamp_ns not null,
    event_name varchar not null,
    severity utinyint not null,
    scope varchar not null,
    service varchar not null,
    session_id varchar,
    -- gen_ai.evaluation.result; null for every other event
    evaluation_name varchar,
    evaluation_score double,
    evaluation_label varchar,
    evaluation_explanation varchar,
    evaluation_source varchar,      -- HUMAN, LLM or CODE as claimed by the sender; AVERAGE of several statements
    execution_key uuid,             -- the execution it speaks of, where it says so
    response_id varchar,            -- gen_ai.response.id, where that is all it says
    body varchar,                   -- JSON
    attributes varchar,             -- JSON
    digest uuid not null            -- of the record as received: a replay adds no row
);
