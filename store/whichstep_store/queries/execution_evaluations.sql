-- What was said about one execution and its steps: by people and programs (ledger), and by senders (log events).
-- Parameters: execution_id, 32 hex digits.
with traces as (
    select trace_id
    from trace_executions
    where trace_id in (select trace_id from trace_executions where execution_id = cast($execution_id as uuid))
    group by trace_id
    having count(*) = 1
),
stated as (
    select step_id, name, score, label, explanation, source, author, trusted, created_at
    from evaluation_rows
    where execution_id = cast($execution_id as uuid)
    union all
    select
        span_id as step_id,
        evaluation_name as name,
        evaluation_score as score,
        evaluation_label as label,
        evaluation_explanation as explanation,
        evaluation_source as source,
        null as author,
        false as trusted,
        occurred_at as created_at
    from log_rows
    where evaluation_name is not null
        and (
            execution_key = cast($execution_id as uuid)
            or trace_id in (select trace_id from traces)
            -- of a trace that several executions share, what names none of them speaks of the step's
            or (execution_key is null and (trace_id, span_id) in (
                select (trace_id, unnest(span_ids)) from step_rows where execution_id = cast($execution_id as uuid)
            ))
        )
    -- an average stands for statements only as long as none of them is known singly; of several the latest
    qualify evaluation_source is distinct from 'AVERAGE' or row_number() over (
        partition by trace_id, span_id, evaluation_name
        order by evaluation_source is not distinct from 'AVERAGE', received_at desc, digest
    ) = 1
)
select
    lower(printf('%016x', step_id)) as step_id,
    name,
    score,
    label,
    explanation,
    source,
    author,
    trusted,
    created_at
from stated
order by created_at, name;
