-- Of each span, open or in a segment, what queries look for among all of them: what tells duplicates, what relates
-- traces, what the doctor counts. The columns are those of span_open; the rest of a row is there or in a segment.
-- No key and no index: DuckDB writes a whole index anew at every checkpoint.
create table span_rows (
    trace_id uuid not null,
    span_id ubigint not null,
    parent_span_id ubigint,
    received_at timestamp_ns not null,
    started_at timestamp_ns not null,
    ended_at timestamp_ns,
    name varchar not null,
    scope varchar not null,
    service varchar not null,
    dialect varchar not null,
    type varchar not null,
    pending boolean not null,
    flags varchar[] not null,
    execution_key uuid,
    links_join boolean not null,
    linked_trace_ids uuid[] not null,
    session_id varchar,
    rerun_of uuid,
    response_id varchar,
    expectation varchar,
    attribute_count integer not null,
    digest uuid not null
);
