-- Requests that people decided, of the executions that match, whole, the oldest first, and what became of them.
-- Parameters: Filters.parameters(); after_at (ns), after_id: of the last row seen, null for the first page; limit.
with /* include approved_runs */
select
    asked.approval_id,
    replace(cast(asked.execution_id as varchar), '-', '') as execution_id,
    lower(printf('%016x', asked.step_id)) as step_id,
    matched.purpose,
    coalesce(asked.task_id, matched.task_id) as task_id,
    asked.task_type,
    asked.agent,
    asked.release,
    asked.environment,
    matched.input,
    asked.action,
    asked.summary,
    asked.arguments,
    asked.evidence,
    asked.risk_level,
    asked.rule,
    asked.decision,
    asked.edited_arguments,
    asked.notes as reason,
    asked.decided_by,
    asked.created_at,
    asked.decided_at,
    asked.consumed_at is not null as used,
    ran.failed as action_failed,
    matched.success,
    matched.success_source,
    matched.failure_kind
from approval_rows as asked
inner join matched on asked.execution_id = matched.execution_id
left join ran on asked.execution_id = ran.execution_id and asked.approval_id = ran.approval_id
where asked.decision is not null
    and asked.decided_by <> 'policy'
    and ($after_at is null
         or asked.created_at > make_timestamp_ns(cast($after_at as bigint))
         or (asked.created_at = make_timestamp_ns(cast($after_at as bigint))
             and asked.approval_id > cast($after_id as varchar)))
order by asked.created_at, asked.approval_id
limit cast($limit as bigint);
