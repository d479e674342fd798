-- The executions that match and were not successful, with what is known of why.
-- Parameters: Filters.parameters().
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,
    started_at,
    workflow,
    failing_step_path,
    failure_kind,
    failure_reason,
    coalesce(cluster, failure_signature) as failure_signature,
    template
from execution_rows
left join failure_templates using (failure_signature)
where success = false and /* include matching */;
