-- Executions with spans received since a time, and those given up because their root never ended.
-- Parameters: since, nanoseconds since the epoch.
select
    count(*) as executions,
    count(*) filter (where status = 'abandoned') as without_root,
    replace(cast(arg_max(execution_id, started_at) filter (where status = 'abandoned') as varchar), '-', '')
        as without_root_id
from execution_rows
where last_received_at >= make_timestamp_ns($since);
