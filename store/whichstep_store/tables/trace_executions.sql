-- Which execution a trace belongs to, and by which rule (DESIGN, "Which traces are one execution"). One row per trace;
-- of a trace that several explicit execution ids share (the tasks of one web request), one per execution and one for
-- the rest (rule setup, or an execution called after the trace).
-- The columns after ended_at are the facts that let a later trace find this one.
create table trace_executions (
    trace_id uuid not null,
    execution_id uuid not null,
    rule varchar not null,          -- explicit, run_key, links, resume, trace, setup
    started_at timestamp_ns not null,
    ended_at timestamp_ns,
    execution_key uuid,
    links uuid[] not null,          -- traces that its links join it to
    session_id varchar,
    agent varchar,
    waiting boolean not null        -- ended while a person was asked to approve, or may have been: on a call that did not run
);
