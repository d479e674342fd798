-- Agents of a release that ran more than one configuration since a time.
-- Parameters: since, nanoseconds since the epoch.
select release, agent, task_type, count(distinct configuration_id) as configurations
from execution_rows
where started_at >= make_timestamp_ns($since) and release is not null and configuration_id is not null and status = 'ok'
group by all
having count(distinct configuration_id) > 1
order by configurations desc, release, agent, task_type;
