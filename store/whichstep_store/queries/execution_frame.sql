-- The rows that metrics are computed from: narrow, one per execution that matches.
-- Parameters: Filters.parameters(); by: names of the text columns to group by, the others are null and cost nothing.
-- Keys are 64-bit hashes, equal within one answer only.
select
    hash(execution_id) as execution_key,
    hash(task_id) as task_key,
    hash(coalesce(session_id, task_id)) as cluster_key,
    started_at,
    case when list_contains(cast($by as varchar[]), 'release') then release end as release,
    case
        when list_contains(cast($by as varchar[]), 'configuration')
            then replace(cast(configuration_id as varchar), '-', '')
    end as configuration,
    case when list_contains(cast($by as varchar[]), 'task_type') then task_type end as task_type,
    case when list_contains(cast($by as varchar[]), 'agent') then agent end as agent,
    case when list_contains(cast($by as varchar[]), 'service') then service end as service,
    case when list_contains(cast($by as varchar[]), 'environment') then environment end as environment,
    case when list_contains(cast($by as varchar[]), 'purpose') then purpose end as purpose,
    status,
    success,
    success_source,
    success_disputed,
    outcome_weight,
    first_pass,
    self_corrected,
    escalated,
    escalation_reason,
    violated,
    latency_ms,
    active_ms,
    cost_usd,
    wasted_cost_usd,
    input_tokens + output_tokens as tokens,
    tool_accuracy,
    tools_expected,
    tools_called,
    tools_matched,
    calls_matched,
    tool_order,
    expected_escalation,
    tool_call_count,
    tool_error_count,
    action_count,
    ungated_count,
    held.contract_violated
from execution_rows
left join (
    select execution_id as held_execution_id, not conformant as contract_violated
    from conformance_rows
) as held on execution_rows.execution_id = held.held_execution_id
where /* include matching */;
