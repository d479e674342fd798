-- Executions that match, ended and answered, by task type: how many were checked, had values, had ungrounded ones.
-- Parameters: Filters.parameters().
select
    task_type,
    count(*) as executions,
    count(checked) as checked,
    count(*) filter (where checked > 0) as with_values,
    count(*) filter (where len(ungrounded) > 0) as ungrounded
from execution_rows
left join grounding_rows using (execution_id)
where status in ('ok', 'error', 'abandoned') and output is not null and /* include matching */
group by task_type
order by executions desc, task_type;
