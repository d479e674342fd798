-- Traces with rows that the jobs have not seen, one row each (whichstep_store.results.TOUCHED_FIELDS).
with touched as (
    select
        trace_id,
        min(touched_at) as first_touched_at,
        max(touched_at) as touched_at,
        bool_or(root_ended) as root_ended,
        cast(sum(span_count) as integer) as span_count,
        min(min_started_at) as min_started_at,
        max(max_started_at) as max_started_at
    from touched_traces
    group by trace_id
),
known as (
    select
        trace_executions.trace_id,
        cast(sum(execution_rows.span_count) as integer) as span_count,
        min(execution_rows.started_at) as started_at
    from trace_executions
    semi join touched on trace_executions.trace_id = touched.trace_id
    inner join execution_rows on trace_executions.execution_id = execution_rows.execution_id
    group by trace_executions.trace_id
)
select
    replace(cast(touched.trace_id as varchar), '-', '') as trace_id,
    touched.first_touched_at,
    touched.touched_at,
    touched.root_ended,
    touched.span_count,
    coalesce(known.span_count, 0) as known_span_count,
    touched.min_started_at,
    touched.max_started_at
from touched
left join known on touched.trace_id = known.trace_id
order by first_touched_at, trace_id;
