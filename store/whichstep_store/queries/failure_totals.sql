-- All executions that match, by ISO week and release: what failures are a share of.
-- Parameters: Filters.parameters().
select
    strftime(cast(started_at as timestamp), '%G-W%V') as week,
    release,
    min(started_at) as first_seen,
    count(*) as executions,
    count(*) filter (where success = false) as failed
from execution_rows
where /* include matching */
group by all
order by all;
