-- One row per release of a service.
create or replace view public.releases as
select
    release,  -- version of the agent
    service,  -- service.name
    count(*) as executions,  -- that it ran
    count(*) filter (success) as successes,  -- known to be successful
    count(*) filter (success = false) as failures,  -- known to have failed
    count(distinct configuration_id) as configurations,  -- over 1: it did not always run the same
    min(started_at) as first_started_at,  -- UTC
    max(started_at) as last_started_at  -- UTC
from main.execution_rows
where release is not null
group by release, service;
