-- How far executions that ended came, and where those that failed did: what drift is counted from.
-- Parameters: Filters.parameters().
select
    success,
    turn,
    llm_call_count as calls,
    context_tokens_max as context,
    failing_call,
    failing_context_tokens as failing_context
from execution_rows
where status in ('ok', 'error', 'abandoned') and /* include matching */;
