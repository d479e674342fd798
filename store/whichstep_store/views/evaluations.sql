-- What people, models and code said about an execution or a step.
create or replace view public.evaluations as
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,  -- 32 hex digits; null where its execution is not known
    format('{:016x}', step_id) as step_id,  -- 16 hex digits; null: of the whole execution
    name,  -- task_success decides success; any other is a score beside it
    score,  -- number, mostly 0 to 1
    label,  -- word for the score
    explanation,  -- why
    source,  -- HUMAN, LLM, CODE; AVERAGE: of statements that are not known singly
    author,  -- who wrote it; null where it came over OTLP
    trusted,  -- written with a reviewer's token; over OTLP a HUMAN source is only claimed
    created_at  -- UTC
from (
    select execution_id, step_id, name, score, label, explanation, source, author, trusted, created_at
    from main.evaluation_rows
    union all
    select
        coalesce(log_rows.execution_key, placed.execution_id),
        log_rows.span_id,
        log_rows.evaluation_name,
        log_rows.evaluation_score,
        log_rows.evaluation_label,
        log_rows.evaluation_explanation,
        log_rows.evaluation_source,
        null,
        false,
        log_rows.occurred_at
    from main.log_rows
    left join (
        select trace_id, any_value(execution_id) as execution_id from main.trace_executions
        group by trace_id
        having count(*) = 1  -- where several executions share a trace, only the id tells
    ) as placed on log_rows.trace_id = placed.trace_id
    where log_rows.evaluation_name is not null
        -- an average stands for statements only as long as none of them is known singly; of several the latest
        and (log_rows.evaluation_source is distinct from 'AVERAGE' or log_rows.digest in (
            select digest
            from main.log_rows
            where evaluation_name is not null
                and trace_id in (select trace_id from main.log_rows where evaluation_source = 'AVERAGE')
            qualify row_number() over (
                partition by trace_id, span_id, evaluation_name
                order by evaluation_source is not distinct from 'AVERAGE', received_at desc, digest
            ) = 1
        ))
) as evaluation;
