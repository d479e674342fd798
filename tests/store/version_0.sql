-- One row: the version of this file's tables.
create table schema_version (version integer not null);

-- One row per span as normalised: dialect-free facts only, nothing wide. Jobs read this table and never learn
-- which framework wrote a span. The full row (this one plus texts and raw attributes) is in span_open, later in
-- a Parquet segment. No key and no index: see DESIGN decision "no PRIMARY KEY on span tables".
create table span_rows (
    -- identity, as received
    trace_id uuid not null,
    span_id ubigint not null,
    parent_span_id ubigint,              -- null: a root, or the parent was zero bytes
    received_at timestamp_ns not null,
    started_at timestamp_ns not null,    -- as sent; received_at where the sender gave none (flag 'no_start')
    ended_at timestamp_ns,               -- null: not ended (a start record, or end = 0)
    name varchar not null,               -- span name
    kind varchar not null,               -- internal, server, client, producer, consumer, unspecified
    status varchar not null,             -- OTel status as sent: unset, ok, error
    scope varchar not null,              -- instrumentation scope name
    service varchar not null,            -- service.name, else unknown_service
    release varchar,                     -- service.version, else the keys of the dialects
    environment varchar,
    -- what it is
    dialect varchar not null,            -- convention that decided type; 'unknown' where none matched
    type varchar not null,               -- llm_call, tool_call, retrieval, embedding, rerank, agent, workflow, guardrail,
                                         -- approval, handoff, evaluation, other; 'none' = transport or plumbing: no step
    setup boolean not null,              -- construction of an agent or graph: never an execution by itself
    pending boolean not null,            -- start record: the same span id arrives again when it ends
    synthetic boolean not null,          -- made by the normaliser from message parts (hosted tools), not sent as a span
    step_name varchar not null,          -- name to show: tool, model, agent, node or span name
    agent varchar,
    workflow varchar,
    step_index integer,                  -- whichstep.step.index: order of untimed steps
    merge_key varchar,                   -- nested spans of one type with the same key are one step seen twice
    error boolean not null,              -- failed by the rules of its dialect; never true for control flow
    error_type varchar,
    error_message varchar,               -- at most 1 KiB
    control_flow varchar,                -- interrupt, handoff, approval, cancelled: raised, but no error
    error_guessed boolean not null,      -- error read from text, low confidence
    flags varchar[] not null,            -- guessed, truncated, redacted, derived, no_start, clock, …
    -- which execution
    execution_key uuid,                  -- whichstep.execution.id, or hash of a framework's run key
    execution_rule varchar,              -- explicit, run_key (null: no key)
    external_id varchar,                 -- the key as the user wrote it, where execution_key is its hash
    links_join boolean not null,         -- its links join traces to one execution (written by the dialect)
    linked_trace_ids uuid[] not null,
    session_id varchar,
    user_id varchar,
    task_id varchar,
    task_type varchar,
    rerun_of uuid,
    purpose varchar,                     -- production unless set: dataset, adversarial, demo
    tags varchar[] not null,
    metadata varchar,                    -- JSON object, string values
    autonomy_level utinyint,
    -- outcome claimed by the agent's own code
    outcome_success boolean,
    outcome_explanation varchar,
    escalation varchar,                  -- policy, agent, failure, user: a human was brought in here
    approval_id varchar,
    -- model calls
    provider varchar,
    model varchar,                       -- served, else requested
    request_model varchar,
    response_id varchar,
    input_tokens bigint,                 -- inclusive of cache reads and writes; null is unknown
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    reported_cost_usd double,            -- as sent; the computed cost is the jobs' business
    finish_reason varchar,
    time_to_first_token_ms double,
    asked_tools varchar[] not null,      -- names of the tools the answer asked for, in order
    asked_call_ids varchar[] not null,   -- their call ids ('' where not given), same length
    configuration_digest uuid,           -- system prompt, tool definitions, model and parameters of this call
    input_digest uuid,                   -- of the canonical input: equal input = same request again
    -- tools and retrieval
    tool varchar,
    tool_call_id varchar,
    arguments_digest uuid,               -- of canonical JSON of the arguments: equal = same action
    document_count integer,              -- retrieval: 0 is "found nothing", null unknown
    resend_count integer,                -- transport retries seen inside the span
    expectation varchar,                 -- JSON ground truth set by whichstep.expect
    output_summary varchar,              -- one line, when the sender gave one
    -- bookkeeping
    attribute_count integer not null,    -- with digest: which of two rows of one span id wins
    digest uuid not null,                -- of the span as received
    normaliser_version smallint not null
);

-- The full row of each span that is not yet in a Parquet segment: all of span_rows, then the wide columns.
-- Sealed rows live in segments of the same columns; the view `spans` reads both.
-- Text columns are previews of at most 1 KiB. *_parts lists the content hashes that make up the whole text:
-- null where the preview is already whole; one hash: the text; several: the items of a JSON array, in order.
create table span_open as
select
    span_rows.*,
    cast(null as varchar) as input,          -- messages, or the task input
    cast(null as uuid[]) as input_parts,
    cast(null as boolean) as input_is_list,  -- parts are items of a JSON array (else their one text)
    cast(null as varchar) as output,         -- answer text, or messages when it asked for tools
    cast(null as uuid[]) as output_parts,
    cast(null as boolean) as output_is_list,
    cast(null as varchar) as arguments,
    cast(null as uuid[]) as arguments_parts,
    cast(null as varchar) as result,
    cast(null as uuid[]) as result_parts,
    cast(null as varchar) as query,
    cast(null as uuid[]) as query_parts,
    cast(null as varchar) as sources,        -- JSON array of documents
    cast(null as uuid[]) as sources_parts,
    cast(null as varchar) as user_message,   -- first user message of the input, preview: fallback for a task's input
    cast(null as varchar) as attributes,     -- JSON skeleton: leaves over 256 B are {"$content": hash}
    cast(null as varchar) as events,         -- JSON array: name, time, attributes
    cast(null as varchar) as links,          -- JSON array: trace_id, span_id, attributes
    cast(null as varchar) as resource        -- JSON skeleton of resource and scope attributes, schema urls, dropped counts
from span_rows
limit 0;

-- Texts that are not yet in a Parquet segment, stored once a trace: agent loops resend their whole history.
create table content_open (
    trace_id uuid not null,
    hash uuid not null,       -- BLAKE2b-128 of the UTF-8 text
    text varchar not null
);

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
    evaluation_source varchar,      -- HUMAN, LLM or CODE as claimed by the sender
    execution_key uuid,             -- the execution it speaks of, where it says so
    response_id varchar,            -- gen_ai.response.id, where that is all it says
    body varchar,                   -- JSON
    attributes varchar,             -- JSON
    digest uuid not null            -- of the record as received: a replay adds no row
);

-- Which execution a trace belongs to, and by which rule (DESIGN, "Which traces are one execution").
create table trace_executions (
    trace_id uuid not null,
    execution_id uuid not null,
    rule varchar not null,          -- explicit, run_key, links, resume, trace, setup
    started_at timestamp_ns not null,
    ended_at timestamp_ns
);

-- Former ids of executions whose id changed when a merge found an earlier trace; URLs and evaluations still resolve.
create table execution_aliases (
    alias uuid not null,
    execution_id uuid not null
);

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
    flags varchar[] not null
);

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
    suspects varchar,                    -- JSON array: step_id, kind, score, reason
    autonomy_level utinyint,
    span_count integer not null,
    root_ended boolean not null,
    last_received_at timestamp_ns not null,
    result_version integer not null      -- of jobs and prices; an older one is recomputed
);

-- Daily figures for trends only, long form. Quantiles are never re-aggregated from here.
create table metrics_daily (
    day date not null,
    metric varchar not null,
    purpose varchar not null,
    release varchar,
    task_type varchar,
    agent varchar,
    environment varchar,
    numerator double,
    denominator double,
    n bigint not null,
    known bigint not null,
    value double,
    lower double,
    upper double
);

-- The manifest: every closed Parquet file. A file not listed here does not exist.
create table segments (
    segment_id varchar not null,     -- file stem
    kind varchar not null,           -- spans, content, logs
    received_day date not null,      -- retention drops whole files by this day
    rows bigint not null,
    bytes bigint not null,
    min_started_at timestamp_ns,
    max_started_at timestamp_ns,
    min_trace_id uuid,
    max_trace_id uuid,
    sealed_at timestamp_ns not null,
    sha256 varchar not null
);

-- How far the journal is loaded. Written in the same transaction as the rows, so a replay starts exactly here.
create table journal_position (
    segment ubigint not null,
    byte_offset ubigint not null
);

-- Traces with rows that the jobs have not seen; written with the rows, deleted with the results.
create table touched_traces (
    trace_id uuid not null,
    touched_at timestamp_ns not null,
    root_ended boolean not null,
    span_count integer not null,
    min_started_at timestamp_ns not null,
    max_started_at timestamp_ns not null
);

