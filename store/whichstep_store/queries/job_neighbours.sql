-- Stored executions of the given sessions, and those that are a re-run of an execution of the given traces.
-- Parameters: session_ids; trace_ids: hex.
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,
    session_id,
    task_id,
    replace(cast(rerun_of as varchar), '-', '') as rerun_of,
    started_at,
    turn
from execution_rows
where session_id in (select unnest(cast($session_ids as varchar[])))
    or rerun_of in (
        select execution_id from trace_executions where trace_id in (select unnest(cast($trace_ids as uuid[])))
    )
order by started_at, execution_id;
