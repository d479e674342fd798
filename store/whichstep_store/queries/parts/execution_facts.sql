-- The executions that match: what is the same for many of them (`facts`), their keys, and the numbers of each.
-- Parameters: Filters.parameters(); by: names of the facts to group by, the others are null and cost nothing.
-- Keys are 64-bit hashes, equal within one state of the store only.
select
    struct_pack(
        started_on := case
            when list_has_any(cast($by as varchar[]), ['day', 'week']) then cast(started_at as date)
        end,
        release := case when list_contains(cast($by as varchar[]), 'release') then release end,
        configuration := case
            when list_contains(cast($by as varchar[]), 'configuration')
                then replace(cast(configuration_id as varchar), '-', '')
        end,
        task_type := case when list_contains(cast($by as varchar[]), 'task_type') then task_type end,
        agent := case when list_contains(cast($by as varchar[]), 'agent') then agent end,
        service := case when list_contains(cast($by as varchar[]), 'service') then service end,
        environment := case when list_contains(cast($by as varchar[]), 'environment') then environment end,
        purpose := case when list_contains(cast($by as varchar[]), 'purpose') then purpose end,
        status := status,
        success := success,
        success_source := success_source,
        success_disputed := success_disputed,
        outcome_weight := outcome_weight,
        first_pass := first_pass,
        self_corrected := self_corrected,
        escalated := escalated,
        escalation_reason := escalation_reason,
        expected_escalation := expected_escalation,
        violated := violated,
        contract_violated := held.contract_violated
    ) as facts,
    hash(task_id) as task_key,
    hash(coalesce(session_id, task_id)) as cluster_key,
    latency_ms,
    active_ms,
    cost_usd,
    wasted_cost_usd,
    input_tokens + output_tokens as tokens,
    tool_accuracy,
    tool_order,
    tools_expected,
    tools_called,
    tools_matched,
    calls_matched,
    tool_call_count,
    tool_error_count,
    action_count,
    ungated_count
from execution_rows
left join (
    select execution_id as held_execution_id, not conformant as contract_violated
    from conformance_rows
) as held on execution_rows.execution_id = held.held_execution_id
where /* include matching */
