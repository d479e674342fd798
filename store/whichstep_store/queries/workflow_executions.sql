-- The latest executions that match, with the workflow that they belong to (of their contract, else their own, their agent,
-- their task type) and whether they keep to its contract; `total` counts all that match.
-- Parameters: Filters.parameters(); workflow_name: of one workflow, null for all; limit.
with matching as (
    select
        execution_id, started_at, status, success, cost_usd, input_tokens + output_tokens as tokens, active_ms, autonomy_level,
        coalesce(workflow, agent, task_type) as own_name,
        task_type, agent
    from execution_rows
    where /* include matching */
)
select
    replace(cast(matching.execution_id as varchar), '-', '') as execution_id,
    matching.started_at,
    matching.status,
    matching.success,
    matching.cost_usd,
    matching.tokens,
    matching.active_ms,
    coalesce(held.workflow, matching.own_name, '') as workflow,
    coalesce(held.level, matching.autonomy_level) as level,
    replace(cast(held.contract_digest as varchar), '-', '') as contract_digest,
    held.source,
    held.complete,
    held.conformant,
    held.fitness,
    held.deviation_count,
    held.deviations,
    held.unchecked_outputs,
    count(*) over () as total
from matching
left join conformance_rows as held on matching.execution_id = held.execution_id
where $workflow_name is null
    or coalesce(held.workflow, matching.own_name, '') = $workflow_name
    or $workflow_name in (matching.own_name, matching.task_type, matching.agent)
order by matching.started_at desc, matching.execution_id
limit cast($limit as bigint);
