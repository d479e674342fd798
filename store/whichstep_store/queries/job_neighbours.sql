-- Stored executions of the given sessions and tasks, and those that are a re-run of an execution of the given traces.
-- Tables shown to it: asked_sessions (session_id), asked_tasks (task_id), asked_traces (trace_id).
with placed as (
    select execution_id from trace_executions where trace_id in (select trace_id from asked_traces)
),
tasks as (
    select task_id from asked_tasks
    union
    select task_id from execution_rows where execution_id in (select execution_id from placed)
)
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,
    session_id,
    task_id,
    replace(cast(rerun_of as varchar), '-', '') as rerun_of,
    rerun_rule,
    started_at,
    turn,
    task_type,
    agent,
    purpose,
    replace(cast(input_digest as varchar), '-', '') as input_digest,
    input_length,
    first_pass
from execution_rows
where session_id in (select session_id from asked_sessions)
    or task_id in (select task_id from tasks)
    or rerun_of in (select execution_id from placed)
order by started_at, execution_id;
