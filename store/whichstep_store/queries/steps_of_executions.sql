-- The steps of several executions, each in order: a page of an export.
-- Parameters: execution_ids, 32 hex digits each; since: start of the earliest of them, nanoseconds, so that older rows
-- are skipped.
select
    /* include step_columns */
from step_rows
where execution_id in (select cast(id as uuid) from (select unnest(cast($execution_ids as varchar[])) as id))
    and started_at >= make_timestamp_ns($since)
order by step_rows.execution_id, position, step_rows.step_id;
