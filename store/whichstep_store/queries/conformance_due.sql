-- Executions whose conformance is to be computed: held to a contract, the one that they carried, else the configured one
-- of their workflow, task type or agent; and without a row of that contract and of this version.
-- Parameters: execution_ids: 32 hex digits each, null for all; workflows and digests: configured contracts, side by side;
-- unreadable: digests of contracts that cannot be read; conformance_version; limit.
with asked as (
    select cast(id as uuid) as execution_id
    from (select unnest(cast($execution_ids as varchar[])) as id)
),
chosen as (
    select execution_id, started_at, workflow, task_type, agent, status, cost_usd, input_tokens, output_tokens, active_ms
    from execution_rows
    where $execution_ids is null or execution_id in (select execution_id from asked)
),
told as (
    select
        coalesce(trace_executions.execution_id, log_rows.execution_key) as execution_id,
        replace(json_extract_string(log_rows.attributes, '$."whichstep.workflow.contract_digest"'), '-', '') as digest,
        log_rows.occurred_at
    from log_rows
    left join trace_executions
        on log_rows.trace_id = trace_executions.trace_id
        and coalesce(trace_executions.execution_key = log_rows.execution_key, true)
    where log_rows.event_name = 'whichstep.workflow.contract'
),
carried as (
    select execution_id, arg_min(digest, occurred_at) as digest
    from told
    where execution_id is not null and regexp_full_match(digest, '[0-9a-f]{32}')
    group by execution_id
),
configured as (
    select unnest(cast($workflows as varchar[])) as name, unnest(cast($digests as varchar[])) as digest
),
held as (
    select
        chosen.execution_id,
        chosen.started_at,
        chosen.status,
        chosen.cost_usd,
        chosen.input_tokens + chosen.output_tokens as tokens,
        chosen.active_ms,
        coalesce(carried.digest, of_workflow.digest, of_type.digest, of_agent.digest) as digest,
        case when carried.digest is null then 'configured' else 'carried' end as source
    from chosen
    left join carried on chosen.execution_id = carried.execution_id
    left join configured as of_workflow on chosen.workflow = of_workflow.name
    left join configured as of_type on chosen.task_type = of_type.name
    left join configured as of_agent on chosen.agent = of_agent.name
)
select
    replace(cast(held.execution_id as varchar), '-', '') as execution_id,
    held.started_at,
    held.status,
    held.cost_usd,
    held.tokens,
    held.active_ms,
    held.digest,
    held.source
from held
left join conformance_rows as known on held.execution_id = known.execution_id
where (held.digest is not null or known.execution_id is not null)
    and not coalesce(list_contains(cast($unreadable as varchar[]), held.digest), false)
    and not coalesce(
        known.contract_digest = try_cast(held.digest as uuid)
        and known.conformance_version = cast($conformance_version as integer),
        false
    )
order by held.started_at desc, held.execution_id
limit cast($limit as bigint);
