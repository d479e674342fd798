-- The traces of some executions, with the first and last start of their spans.
-- Parameters: execution_ids, 32 hex digits each.
with touched as (
    select trace_id, min(min_started_at) as since, max(max_started_at) as until
    from touched_traces
    group by trace_id
)
select
    replace(cast(trace_executions.trace_id as varchar), '-', '') as trace_id,
    /* include trace_bounds */
from trace_executions
left join touched on trace_executions.trace_id = touched.trace_id
left join execution_rows on trace_executions.execution_id = execution_rows.execution_id
where trace_executions.execution_id in (
    select cast(id as uuid) from (select unnest(cast($execution_ids as varchar[])) as id)
);
