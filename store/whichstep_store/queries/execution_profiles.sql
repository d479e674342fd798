-- The kinds of executions that match: each combination of facts once, with how many executions have it and for how
-- many of them each number is known (`known`).
-- Parameters: Filters.parameters(); by: names of the facts to group by, the others are null and cost nothing.
select
    hash(facts) as profile,
    count(*) as executions,
    first(facts) as facts,
    struct_pack(
        latency_ms := count(latency_ms),
        active_ms := count(active_ms),
        cost_usd := count(cost_usd),
        wasted_cost_usd := count(wasted_cost_usd),
        tokens := count(tokens),
        tool_accuracy := count(tool_accuracy),
        tool_order := count(tool_order),
        tools_expected := count(tools_expected),
        tools_called := count(tools_called),
        tools_matched := count(tools_matched),
        calls_matched := count(calls_matched),
        tool_call_count := count(tool_call_count),
        tool_error_count := count(tool_error_count),
        action_count := count(action_count),
        ungated_count := count(ungated_count)
    ) as known
from (/* include execution_facts */)
group by profile;
