-- Where the right tools are known: what was expected and what was called, one row per execution that matches.
-- Parameters: Filters.parameters(). expectation: JSON (whichstep.expect); what people stated of the execution comes
-- before what its own code stated, and that before what holds for its task type; of equals the latest.
-- calls: tools, hand-overs made by one included, in order, each {tool, arguments_digest (32 hex digits or null), repeated: it repeats a failed call}.
with matching as (
    select execution_id, task_type, escalated
    from execution_rows
    where /* include matching */
),
stated as (
    select execution_id, expectation, 3 as strength, created_at as stated_at
    from expectation_rows
    where execution_id is not null
    union all
    select trace_executions.execution_id, span_rows.expectation, 2 as strength, span_rows.started_at as stated_at
    from span_rows
    inner join trace_executions using (trace_id)
    where span_rows.expectation is not null
    -- of the executions that share a trace, the one whose id the span carries
    qualify trace_executions.execution_key = span_rows.execution_key
        or count(*) over (partition by span_rows.trace_id, span_rows.span_id) = 1
    union all
    select matching.execution_id, expectation_rows.expectation, 1 as strength, expectation_rows.created_at as stated_at
    from matching
    inner join expectation_rows using (task_type)
    where expectation_rows.execution_id is null
),
expected as (
    select execution_id, expectation
    from stated
    qualify row_number() over (partition by execution_id order by strength desc, stated_at desc) = 1
),
called as (
    select
        execution_id,
        list(
            {
                'tool': tool,
                'arguments_digest': replace(cast(arguments_digest as varchar), '-', ''),
                'repeated': attempt > 1
            }
            order by position
        ) as calls
    from step_rows
    where type in ('tool_call', 'handoff') and tool is not null
        and execution_id in (select execution_id from expected)
    group by execution_id
)
select
    hash(matching.execution_id) as execution_key,
    expected.expectation,
    coalesce(called.calls, []) as calls,
    matching.escalated
from matching
inner join expected using (execution_id)
left join called using (execution_id);
