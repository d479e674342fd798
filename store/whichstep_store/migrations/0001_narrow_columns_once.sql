-- Version 0 kept the narrow columns of a span twice while it was open, could not tell which part of the journal was
-- sealed, and had no mirror of the ledger. Facts by which a later trace finds an earlier one are computed again by the
-- jobs.

alter table span_open rename to span_open_0;

create table span_open (
    trace_id uuid not null,
    span_id ubigint not null,
    started_at timestamp_ns not null,
    digest uuid not null,
    input varchar,
    input_parts uuid[],
    input_is_list boolean,
    output varchar,
    output_parts uuid[],
    output_is_list boolean,
    arguments varchar,
    arguments_parts uuid[],
    result varchar,
    result_parts uuid[],
    query varchar,
    query_parts uuid[],
    sources varchar,
    sources_parts uuid[],
    user_message varchar,
    attributes varchar,
    events varchar,
    links varchar,
    resource varchar
);

insert into span_open (trace_id, span_id, started_at, digest, input, input_parts, input_is_list, output, output_parts, output_is_list, arguments, arguments_parts, result, result_parts, query, query_parts, sources, sources_parts, user_message, attributes, events, links, resource)
select trace_id, span_id, started_at, digest, input, input_parts, input_is_list, output, output_parts, output_is_list, arguments, arguments_parts, result, result_parts, query, query_parts, sources, sources_parts, user_message, attributes, events, links, resource
from span_open_0;

drop table span_open_0;

alter table trace_executions rename to trace_executions_0;

create table trace_executions (
    trace_id uuid not null,
    execution_id uuid not null,
    rule varchar not null,
    started_at timestamp_ns not null,
    ended_at timestamp_ns,
    execution_key uuid,
    links uuid[] not null,
    session_id varchar,
    agent varchar,
    waiting boolean not null
);

insert into trace_executions (trace_id, execution_id, rule, started_at, ended_at, links, waiting)
select trace_id, execution_id, rule, started_at, ended_at, [], false
from trace_executions_0;

drop table trace_executions_0;

create table log_open as
select log_rows.*
from log_rows;

create table spans_superseded (
    trace_id uuid not null,
    span_id ubigint not null,
    digest uuid not null
);

create table sealed_position (
    segment ubigint not null,
    byte_offset ubigint not null
);

create table evaluation_rows (
    sequence bigint not null,
    evaluation_id varchar not null,
    execution_id uuid not null,
    step_id ubigint,
    name varchar not null,
    score double,
    label varchar,
    explanation varchar,
    source varchar not null,
    author varchar not null,
    trusted boolean not null,
    sampled_by varchar,
    inclusion_probability double,
    created_at timestamp_ns not null
);

create table expectation_rows (
    sequence bigint not null,
    expectation_id varchar not null,
    execution_id uuid,
    task_type varchar,
    expectation varchar not null,
    author varchar not null,
    created_at timestamp_ns not null
);

create table approval_rows (
    sequence bigint not null,
    approval_id varchar not null,
    execution_id uuid,
    step_id ubigint,
    state varchar not null,
    action varchar not null,
    arguments varchar,
    evidence varchar,
    summary varchar,
    risk_level varchar,
    rule varchar,
    policy_digest varchar,
    agent varchar,
    task_type varchar,
    release varchar,
    created_at timestamp_ns not null,
    expires_at timestamp_ns,
    decision varchar,
    decided_by varchar,
    decided_at timestamp_ns,
    notes varchar,
    edited_arguments varchar,
    consumed_at timestamp_ns,
    delivered_at timestamp_ns
);

create table gate_rows (
    sequence bigint not null,
    gate_id varchar not null,
    stage varchar not null,
    candidate varchar not null,
    baseline varchar,
    verdict varchar not null,
    overridden_by varchar,
    override_reason varchar,
    report varchar not null,
    created_at timestamp_ns not null
);
