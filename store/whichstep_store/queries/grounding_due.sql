-- Executions with an answer that was not checked as it stands, newest first; of all, or of those given.
-- Parameters: execution_ids (32 hex digits each, or null: any), version (of the check), limit.
select
    replace(cast(execution_rows.execution_id as varchar), '-', '') as execution_id,
    execution_rows.span_count,
    execution_rows.started_at
from execution_rows
left join grounding_rows using (execution_id)
where execution_rows.status in ('ok', 'error', 'abandoned')
    and execution_rows.output is not null
    and (
        grounding_rows.execution_id is null
        or grounding_rows.span_count <> execution_rows.span_count
        or grounding_rows.version <> $version
    )
    and ($execution_ids is null
         or execution_rows.execution_id in (
             select cast(id as uuid) from (select unnest(cast($execution_ids as varchar[])) as id)
         ))
order by execution_rows.started_at desc, execution_rows.execution_id
limit $limit;
