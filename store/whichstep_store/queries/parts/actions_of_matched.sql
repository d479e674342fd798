-- Judged actions of `matched`, and attempts that an agent's own policy blocked where the sidecar has none.
found as (
    select execution_id, step_id, started_at, action, risk_level, rule, ran, gated, approval_id
    from action_rows
    where execution_id in (select execution_id from matched)
    union all
    select execution_id, step_id, started_at, coalesce(tool, name), 'block', null, false, false, approval_id
    from step_rows
    where status = 'blocked'
        and execution_id in (select execution_id from matched)
        and (execution_id, step_id) not in (select (execution_id, step_id) from action_rows)
)
