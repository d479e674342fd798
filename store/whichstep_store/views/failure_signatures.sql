-- One row per kind of failure at one place.
create or replace view public.failure_signatures as
select
    failure_signature,  -- its key
    any_value(failure_kind) as failure_kind,  -- tool_error, wrong_tool, loop and so on
    any_value(failing_step_path) as failing_step_path,  -- where it becomes visible
    any_value(failure_reason) as failure_reason,  -- of one of them, in words
    count(*) as executions,  -- that failed so
    count(distinct release) as releases,  -- that failed so
    min(started_at) as first_started_at,  -- UTC
    max(started_at) as last_started_at,  -- UTC
    replace(cast(arg_max(execution_id, started_at) as varchar), '-', '') as latest_execution_id  -- 32 hex digits: an example
from main.execution_rows
where failure_signature is not null
group by failure_signature;
