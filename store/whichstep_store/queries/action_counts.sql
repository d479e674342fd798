-- Actions of the executions that match, counted; `executions` and `judged`: all of them, and those whose every action
-- was judged. Parameters: Filters.parameters().
with matched as (
    select execution_id, action_count
    from execution_rows
    where /* include matching */
),
/* include actions_of_matched */
select
    (select count(*) from matched) as executions,
    (select count(action_count) from matched) as judged,
    count(*) as actions,
    count(*) filter (where risk_level = 'block' and not ran) as blocked,
    count(*) filter (where ran and risk_level in ('approve', 'block') and not gated) as ungated,
    count(*) filter (where ran and gated) as gated,
    count(*) filter (where ran and risk_level = 'log') as logged,
    count(*) filter (where ran and risk_level = 'auto') as automatic,
    count(*) filter (where risk_level is null) as unknown
from found;
