-- All traces of the executions that the given traces belong to (whichstep_store.results.JobInputs, rule 5), the given
-- ones included where they are placed.
-- Tables shown to it: asked_traces (trace_id).
with executions as (
    select distinct execution_id
    from trace_executions
    where trace_id in (select trace_id from asked_traces)
),
touched as (
    select trace_id, min(min_started_at) as since, max(max_started_at) as until
    from touched_traces
    group by trace_id
)
select
    replace(cast(trace_executions.trace_id as varchar), '-', '') as trace_id,
    /* include trace_bounds */
from trace_executions
semi join executions on trace_executions.execution_id = executions.execution_id
left join touched on trace_executions.trace_id = touched.trace_id
left join execution_rows on trace_executions.execution_id = execution_rows.execution_id;
