-- What each execution that matches has of its own; `profile` says which row of `execution_profiles` it belongs to.
-- Parameters: those of execution_profiles, read in the same state of the store.
select
    hash(facts) as profile,
    task_key,
    cluster_key,
    latency_ms,
    active_ms,
    cost_usd,
    wasted_cost_usd,
    tokens,
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
from (/* include execution_facts */);
