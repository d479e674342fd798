-- What tells an answer from a source among the steps of some executions; `output`: preview, of what can be an answer.
-- Parameters: execution_ids, 32 hex digits each; since: start of the earliest of them, nanoseconds.
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,
    lower(printf('%016x', step_id)) as step_id,
    lower(printf('%016x', parent_step_id)) as parent_step_id,
    type,
    position,
    status,
    case when parent_step_id is null or (type = 'llm_call' and status = 'ok') then output end as output
from step_rows
where execution_id in (select cast(id as uuid) from (select unnest(cast($execution_ids as varchar[])) as id))
    and started_at >= make_timestamp_ns($since)
order by execution_id, position, step_id;
