-- What really ran: one row per digest of system prompts, tool definitions, models and parameters.
create or replace view public.configurations as
select
    replace(cast(configuration_id as varchar), '-', '') as configuration_id,  -- 32 hex digits
    service,  -- that ran it
    list(distinct release order by release) filter (release is not null) as releases,  -- that ran it; several are worth a look
    count(*) as executions,  -- that ran it
    min(started_at) as first_started_at,  -- UTC
    max(started_at) as last_started_at  -- UTC
from main.execution_rows
where configuration_id is not null
group by configuration_id, service;
