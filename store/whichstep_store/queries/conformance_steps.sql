-- The steps of some executions as contracts see them, with previews of what they gave.
-- Parameters: execution_ids, 32 hex digits each; since: before the first of them started, nanoseconds.
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,
    step_id,
    parent_step_id,
    position,
    type,
    name,
    status,
    error_type,
    output,
    result
from step_rows
where execution_id in (select cast(id as uuid) from (select unnest(cast($execution_ids as varchar[])) as id))
    and started_at >= make_timestamp_ns(cast($since as bigint));
