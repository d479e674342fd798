-- Ground truth: what an execution should have done.
create or replace view public.expectations as
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,  -- 32 hex digits; null: holds for every execution of the task type
    task_type,  -- null: of one execution only
    expectation,  -- JSON object: tools, ordered, any_of, allow_extra, arguments, escalation
    author,  -- who wrote it; null where the agent's own code set it
    created_at  -- UTC
from (
    select execution_id, task_type, expectation, author, created_at from main.expectation_rows
    union all
    select placed.execution_id, null, span_rows.expectation, null, span_rows.started_at
    from main.span_rows
    inner join main.trace_executions as placed on span_rows.trace_id = placed.trace_id
    where span_rows.expectation is not null
    -- of the executions that share a trace, the one whose id the span carries
    qualify placed.execution_key = span_rows.execution_key
        or count(*) over (partition by span_rows.trace_id, span_rows.span_id) = 1
) as expectation;
