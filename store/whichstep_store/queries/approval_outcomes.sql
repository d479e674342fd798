-- Requests for approval of the executions that match, the oldest first, and what became of them: the outcome of the
-- execution, and whether the action that ran failed. Parameters: Filters.parameters().
with matched as (
    select execution_id, success
    from execution_rows
    where /* include matching */
),
ran as (
    select execution_id, approval_id, bool_or(status = 'error') as failed
    from step_rows
    where approval_id is not null and type in ('tool_call', 'handoff') and status in ('ok', 'error')
    group by execution_id, approval_id
)
select
    asked.approval_id,
    asked.action,
    asked.rule,
    asked.state,
    asked.decision,
    asked.decided_by,
    asked.votes,
    asked.created_at,
    asked.decided_at,
    asked.consumed_at,
    asked.delivered_at,
    matched.success,
    ran.failed
from approval_rows as asked
inner join matched on asked.execution_id = matched.execution_id
left join ran on asked.execution_id = ran.execution_id and asked.approval_id = ran.approval_id
order by asked.created_at, asked.approval_id;
