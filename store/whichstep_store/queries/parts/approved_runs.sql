-- CTEs: the executions that match, with their outcome, and whether the action of an approval failed where it ran.
matched as (
    select
        execution_id,
        purpose,
        task_id,
        success,
        success_source,
        failure_kind,
        input
    from execution_rows
    where /* include matching */
),
ran as (
    select execution_id, approval_id, bool_or(status = 'error') as failed
    from step_rows
    where approval_id is not null and type in ('tool_call', 'handoff') and status in ('ok', 'error')
    group by execution_id, approval_id
)
