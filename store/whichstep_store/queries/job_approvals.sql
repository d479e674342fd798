-- Requests for approval of the executions that the given traces are.
-- Tables shown to it: asked_traces (trace_id). Parameters: execution_keys: hex.
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
    select execution_id as name, execution_id from executions
    union
    select alias, execution_id from execution_aliases where execution_id in (select execution_id from executions)
)
select
    approval_id,
    replace(cast(names.execution_id as varchar), '-', '') as execution_id,
    step_id,
    action,
    left(arguments, 1024) as arguments,
    agent as asked_by,
    created_at as requested_at,
    consumed_at is not null as used,
    state,
    case when state <> 'pending' then coalesce(decided_at, least(expires_at, lapses_at)) end as settled_at
from approval_rows
inner join names on names.name = approval_rows.execution_id;
