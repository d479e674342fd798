-- Stored rows of trace_executions for the given traces.
-- Tables shown to it: asked_traces (trace_id).
select
    replace(cast(trace_id as varchar), '-', '') as trace_id,
    replace(cast(execution_id as varchar), '-', '') as execution_id,
    rule,
    started_at,
    ended_at,
    replace(cast(execution_key as varchar), '-', '') as execution_key,
    list_transform(links, lambda id: replace(cast(id as varchar), '-', '')) as links,
    session_id,
    agent,
    waiting
from trace_executions
where trace_id in (select trace_id from asked_traces)
order by started_at, trace_id;
