-- One row per conversation.
create or replace view public.sessions as
select
    session_id,  -- as the agent gave it
    any_value(user_id) as user_id,  -- as the agent gave it
    list(replace(cast(execution_id as varchar), '-', '') order by started_at) as execution_ids,  -- 32 hex digits each, by start
    count(*) as executions,  -- turns
    count(*) filter (success = false) as failures,  -- known to have failed
    min(started_at) as started_at,  -- UTC
    max(ended_at) as ended_at,  -- UTC; of the last turn that ended
    case when count(*) = count(cost_usd) then sum(cost_usd) end as cost_usd  -- null when any call is unpriced
from main.execution_rows
where session_id is not null
group by session_id;
