-- Traces with rows that the jobs have not seen; written with the rows, deleted with the results.
create table touched_traces (
    trace_id uuid not null,
    touched_at timestamp_ns not null,
    root_ended boolean not null,
    span_count integer not null,
    min_started_at timestamp_ns not null,
    max_started_at timestamp_ns not null
);
