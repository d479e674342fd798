-- The executions that match and were not successful, with what is known of why.
-- Parameters: Filters.parameters().
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,
    started_at,
    release,
    coalesce(workflow, agent, service) as workflow,
    failing_step_path,
    failing_step_name,
    failure_kind,
    failure_reason,
    failure_signature
from execution_rows
where success = false and /* include matching */;
