-- Every tool call of the executions that match, with what a policy decides on, oldest first.
-- Parameters: Filters.parameters().
with matched as (
    select execution_id, environment as where_run, service
    from execution_rows
    where /* include matching */
)
select
    step.tool as action,
    step.arguments,
    matched.where_run as environment,
    coalesce(step.agent, matched.service) as who,
    judged.risk_level as before,
    step.status in ('ok', 'error', 'running') as ran,
    step.started_at,
    replace(cast(step.execution_id as varchar), '-', '') as execution_id
from step_rows as step
inner join matched on step.execution_id = matched.execution_id
left join action_rows as judged on step.execution_id = judged.execution_id and step.step_id = judged.step_id
where step.tool is not null and step.type in ('tool_call', 'handoff')
order by step.started_at, step.step_id;
