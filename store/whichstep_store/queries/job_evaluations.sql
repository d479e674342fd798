-- What was said about the given traces and their executions: log records with an evaluation, the ledger's, and the
-- decisions of people who edited or rejected what the agent wanted to do: corrections.
-- A record from the wire is never trusted: its HUMAN is a claim.
-- Tables shown to it: asked_traces (trace_id). Parameters: execution_keys: hex; response_ids: of their model calls.
with executions as (
    select execution_id
    from trace_executions
    where trace_id in (select trace_id from asked_traces)
    union
    select unnest(cast($execution_keys as uuid[]))
    union
    select trace_id from asked_traces
),
names as (
    select execution_id from executions
    union
    select alias from execution_aliases where execution_id in (select execution_id from executions)
)
select
    replace(cast(execution_key as varchar), '-', '') as execution_id,
    replace(cast(trace_id as varchar), '-', '') as trace_id,
    span_id,
    response_id,
    evaluation_name as name,
    evaluation_score as score,
    evaluation_label as label,
    evaluation_explanation as explanation,
    evaluation_source as source,
    false as trusted,
    cast(null as double) as inclusion_probability,
    occurred_at
from log_rows
where evaluation_name is not null
    and (
        trace_id in (select trace_id from asked_traces)
        or execution_key in (select execution_id from names)
        or (trace_id is null and response_id in (select unnest(cast($response_ids as varchar[]))))
    )
-- an average stands for statements only as long as none of them is known singly; of several the latest
qualify evaluation_source is distinct from 'AVERAGE' or row_number() over (
    partition by trace_id, span_id, evaluation_name
    order by evaluation_source is not distinct from 'AVERAGE', received_at desc, digest
) = 1
union all
select
    replace(cast(execution_id as varchar), '-', ''),
    null,
    step_id,
    null,
    name,
    score,
    label,
    explanation,
    source,
    trusted,
    inclusion_probability,
    created_at
from evaluation_rows
where execution_id in (select execution_id from names)
union all
select
    replace(cast(execution_id as varchar), '-', ''),
    null,
    step_id,
    null,
    'correction',
    null,
    decision,
    notes,
    'HUMAN',
    true,
    null,
    decided_at
from approval_rows
where decision in ('edit', 'reject') and execution_id in (select execution_id from names);
