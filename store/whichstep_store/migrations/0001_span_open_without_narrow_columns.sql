-- Version 0 kept the narrow columns of a span twice while it was open, and could not tell which part of the journal
-- was sealed.
create table span_open_thin as
select
    trace_id, span_id, started_at, digest,
    input, input_parts, input_is_list, output, output_parts, output_is_list, arguments, arguments_parts,
    result, result_parts, query, query_parts, sources, sources_parts,
    user_message, attributes, events, links, resource
from span_open;

drop table span_open;

alter table span_open_thin rename to span_open;

create table log_open as select log_rows.* from log_rows;

create table spans_superseded (trace_id uuid not null, span_id ubigint not null, digest uuid not null);

create table sealed_position (segment ubigint not null, byte_offset ubigint not null);

create table evaluation_rows (
    sequence bigint not null, evaluation_id varchar not null, execution_id uuid not null, step_id ubigint,
    name varchar not null, score double, label varchar, explanation varchar, source varchar not null,
    author varchar not null, trusted boolean not null, sampled_by varchar, inclusion_probability double,
    created_at timestamp_ns not null
);

create table expectation_rows (
    sequence bigint not null, expectation_id varchar not null, execution_id uuid, task_type varchar,
    expectation varchar not null, author varchar not null, created_at timestamp_ns not null
);

create table approval_rows (
    sequence bigint not null, approval_id varchar not null, execution_id uuid, step_id ubigint,
    state varchar not null, action varchar not null, arguments varchar, evidence varchar, summary varchar,
    risk_level varchar, rule varchar, policy_digest varchar, agent varchar, task_type varchar, release varchar,
    created_at timestamp_ns not null, expires_at timestamp_ns, decision varchar, decided_by varchar,
    decided_at timestamp_ns, notes varchar, edited_arguments varchar, consumed_at timestamp_ns,
    delivered_at timestamp_ns
);

create table gate_rows (
    sequence bigint not null, gate_id varchar not null, stage varchar not null, candidate varchar not null,
    baseline varchar, verdict varchar not null, overridden_by varchar, override_reason varchar,
    report varchar not null, created_at timestamp_ns not null
);
