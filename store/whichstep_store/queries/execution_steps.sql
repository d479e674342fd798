-- The steps of one execution in order.
-- Parameters: execution_id, 32 hex digits; since: start of the execution, nanoseconds, so that older rows are skipped.
select
    /* include step_columns */
from step_rows
where execution_id = cast($execution_id as uuid) and started_at >= make_timestamp_ns($since)
order by position, step_rows.step_id;
