-- Requests for approval of the executions that match, the oldest first, and what became of them: the outcome of the
-- execution, and whether the action that ran failed. Parameters: Filters.parameters().
with /* include approved_runs */
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
