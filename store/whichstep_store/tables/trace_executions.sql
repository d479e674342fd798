-- Which execution a trace belongs to, and by which rule (DESIGN, "Which traces are one execution").
create table trace_executions (
    trace_id uuid not null,
    execution_id uuid not null,
    rule varchar not null,          -- explicit, run_key, links, resume, trace, setup
    started_at timestamp_ns not null,
    ended_at timestamp_ns
);
