-- Failed executions whose failing step the rules are not sure of, and that no model has judged yet, newest first.
-- Parameters: since (nanoseconds since the epoch), sure (confidence), limit.
select replace(cast(execution_id as varchar), '-', '') as execution_id
from execution_rows
where started_at >= make_timestamp_ns($since)
    and success = false
    and status in ('ok', 'error', 'abandoned')
    and purpose = 'production'
    and step_count > 0
    and (failing_step_id is null or coalesce(failure_confidence, 0) < $sure)
    and execution_id not in (
        select execution_id from evaluation_rows
        where name = 'failing_step' and source = 'LLM' and execution_id is not null
    )
order by started_at desc
limit $limit;
