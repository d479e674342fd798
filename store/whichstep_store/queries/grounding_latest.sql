-- The latest executions that match and have ungrounded values in their answer.
-- Parameters: Filters.parameters(), limit.
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,
    lower(printf('%016x', step_id)) as step_id,
    started_at,
    task_type,
    agent,
    success,
    checked,
    ungrounded
from execution_rows
inner join grounding_rows using (execution_id)
where len(ungrounded) > 0
    and status in ('ok', 'error', 'abandoned') and output is not null and /* include matching */
order by started_at desc, execution_id
limit $limit;
