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
    select execution_id from executions
    union
    select alias from execution_aliases where execution_id in (select execution_id from executions)
)
select
    approval_id,
    action,
    consumed_at is not null as used,
    state,
    case when state <> 'pending' then coalesce(decided_at, least(expires_at, lapses_at)) end as settled_at
from approval_rows
where execution_id in (select execution_id from names);
