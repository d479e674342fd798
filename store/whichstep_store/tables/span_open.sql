-- One row per span as normalised, whole: dialect-free facts, texts and raw attributes. Jobs never learn which framework
-- wrote a span. Empty in the file: the store holds the rows that no Parquet segment has yet in memory and shows them
-- under this name to the queries that need them; the journal keeps them until they are sealed. Segments have the same
-- columns.
create table span_open (
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
    synthetic boolean not null,          -- told by messages or log events of another span, not sent as a span
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
    flags varchar[] not null,            -- guessed, truncated, redacted, derived, no_start, clock, under_policy (the agent's own policy decided), whole_trace (a record of it beside its spans), …
    -- which execution
    execution_key uuid,                  -- whichstep.execution.id, or hash of a framework's run key
    execution_rule varchar,              -- explicit, run_key, first_call: a run key that this call began (null: no key)
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
    configuration_digest uuid,           -- system prompt (but for today's date), tool definitions, model and parameters of this call; policy and contract of this execution
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
    normaliser_version smallint not null,
    -- Text columns are previews of at most 1 KiB. *_parts lists the content hashes that make up the whole text:
    -- null where the preview is already whole; one hash: the text; several: the items of a JSON array, in order.
    input varchar,                  -- messages, or the task input
    input_parts uuid[],
    input_is_list boolean,          -- parts are items of a JSON array (else their one text)
    output varchar,                 -- answer text, or messages when it asked for tools
    output_parts uuid[],
    output_is_list boolean,
    arguments varchar,
    arguments_parts uuid[],
    result varchar,
    result_parts uuid[],
    query varchar,
    query_parts uuid[],
    sources varchar,                -- JSON array of documents
    sources_parts uuid[],
    user_message varchar,           -- what the user asked in this turn, the last words of the input, preview
    attributes varchar,             -- JSON skeleton: leaves over 256 B are {"$content": hash} or {"$column": name}
    events varchar,                 -- JSON array: name, time, attributes
    links varchar,                  -- JSON array: trace_id, span_id, attributes
    resource varchar                -- JSON skeleton of resource and scope attributes, schema urls, dropped counts
);
