-- The rows that metrics are computed from: narrow, one per execution that matches.
-- Parameters: Filters.parameters(); with_configuration: its hex text is made only when figures are grouped by it.
-- Keys are 64-bit hashes, equal within one answer only.
select
    hash(execution_id) as execution_key,
    hash(task_id) as task_key,
    hash(coalesce(session_id, task_id)) as cluster_key,
    started_at,
    release,
    task_type,
    agent,
    service,
    environment,
    case
        when cast($with_configuration as boolean) then replace(cast(configuration_id as varchar), '-', '')
    end as configuration,
    purpose,
    status,
    success,
    success_source,
    first_pass,
    self_corrected,
    escalated,
    escalation_reason,
    violated,
    latency_ms,
    active_ms,
    cost_usd,
    wasted_cost_usd,
    input_tokens + output_tokens as tokens
from execution_rows
where /* include matching */;
