-- Traces of executions to recompute though nothing arrived: those with results of another version first, then those
-- that still run and have not been heard of since `open_before`.
-- Parameters: result_version; open_before: nanoseconds since the epoch; limit: of executions.
with chosen as (
    select
        execution_id,
        last_received_at,
        result_version <> cast($result_version as integer) as outdated
    from execution_rows
    where result_version <> cast($result_version as integer)
        or (status = 'running' and last_received_at < make_timestamp_ns(cast($open_before as bigint)))
    order by outdated desc, last_received_at
    limit cast($limit as bigint)
)
select
    replace(cast(trace_executions.trace_id as varchar), '-', '') as trace_id,
    trace_executions.started_at as min_started_at,
    greatest(trace_executions.started_at, coalesce(trace_executions.ended_at, chosen.last_received_at)) as max_started_at
from trace_executions
inner join chosen on trace_executions.execution_id = chosen.execution_id
order by min_started_at, trace_id;
