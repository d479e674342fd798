-- Actions of one kind of the executions that match, newest first; of logged ones a sample that stays the same, those
-- that nobody reviewed first.
-- Parameters: Filters.parameters(); kind: blocked, ungated, logged; limit.
with matched as (
    select execution_id, agent as of_agent, service, task_type, release
    from execution_rows
    where /* include matching */
),
/* include actions_of_matched */,
reviews as (
    select execution_id, step_id, arg_max(label, created_at) as label
    from evaluation_rows
    where name = 'action_review' and step_id is not null
    group by execution_id, step_id
)
select
    found.action,
    found.risk_level,
    found.rule,
    found.ran,
    found.gated,
    found.approval_id,
    replace(cast(found.execution_id as varchar), '-', '') as execution_id,
    format('{:016x}', found.step_id) as step_id,
    found.started_at,
    matched.task_type,
    matched.release,
    coalesce(step.agent, matched.of_agent, matched.service) as agent,
    step.status,
    step.arguments,
    reviews.label as review
from found
inner join matched on found.execution_id = matched.execution_id
inner join step_rows as step on found.execution_id = step.execution_id and found.step_id = step.step_id
left join reviews on found.execution_id = reviews.execution_id and found.step_id = reviews.step_id
where case cast($kind as varchar)
    when 'blocked' then found.risk_level = 'block' and not found.ran
    when 'ungated' then found.ran and found.risk_level in ('approve', 'block') and not found.gated
    else found.ran and found.risk_level = 'log'
end
order by
    case when $kind = 'logged' then reviews.label is not null end,
    case when $kind = 'logged' then hash(found.execution_id, found.step_id) end,
    found.started_at desc,
    found.step_id
limit cast($limit as bigint);
