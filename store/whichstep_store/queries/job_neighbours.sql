-- Stored executions of the given sessions, and those that are a re-run of an execution of the given traces.
-- Tables shown to it: asked_sessions (session_id), asked_traces (trace_id).
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,
    session_id,
    task_id,
    replace(cast(rerun_of as varchar), '-', '') as rerun_of,
    started_at,
    turn
from execution_rows
where session_id in (select session_id from asked_sessions)
    or rerun_of in (
        select execution_id from trace_executions where trace_id in (select trace_id from asked_traces)
    )
order by started_at, execution_id;
