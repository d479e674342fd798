-- The values that each filter can take among the executions that match, with their number; null: have none.
-- Parameters: Filters.parameters().
select
    case grouping_id(release, task_type, agent, service, environment, purpose)
        when 31 then 'release'
        when 47 then 'task_type'
        when 55 then 'agent'
        when 59 then 'service'
        when 61 then 'environment'
        when 62 then 'purpose'
    end as filter,
    coalesce(release, task_type, agent, service, environment, purpose) as value,
    count(*) as executions
from execution_rows
where /* include matching */
group by grouping sets ((release), (task_type), (agent), (service), (environment), (purpose))
order by filter, executions desc, value;
