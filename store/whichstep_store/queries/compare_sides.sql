-- What matching executions of each release and agent ran, and the latest that ran it.
-- Parameters: Filters.parameters(), with release and configuration not set.
select
    release,
    agent,
    replace(cast(configuration_id as varchar), '-', '') as configuration_id,
    count(*) as executions,
    replace(cast(arg_max(execution_id, started_at) as varchar), '-', '') as latest_execution_id
from execution_rows
where /* include matching */
group by all
order by executions desc, release, agent, configuration_id;
