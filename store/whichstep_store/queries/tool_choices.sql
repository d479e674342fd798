-- Where the right tools are known: what was expected and what was called, one row per execution that matches.
-- Parameters: Filters.parameters(). expectation: JSON (whichstep.expectation), the latest where several were set;
-- tools: names in order of start, repeats of a failed action left out.
with expected as (
    select trace_executions.execution_id, arg_max(span_rows.expectation, span_rows.started_at) as expectation
    from span_rows
    inner join trace_executions using (trace_id)
    where span_rows.expectation is not null
    group by trace_executions.execution_id
),
matching as (
    select execution_id, escalated from execution_rows
    where /* include matching */
),
called as (
    select execution_id, list(tool order by position) as tools
    from step_rows
    where type = 'tool_call' and tool is not null and attempt = 1
        and execution_id in (select execution_id from expected)
    group by execution_id
)
select
    hash(matching.execution_id) as execution_key,
    expected.expectation,
    coalesce(called.tools, []) as tools,
    matching.escalated
from matching
inner join expected using (execution_id)
left join called using (execution_id);
