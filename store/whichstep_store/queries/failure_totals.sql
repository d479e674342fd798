-- All executions that match, by ISO week: what failures are a share of.
-- Parameters: Filters.parameters().
select
    strftime(cast(started_at as timestamp), '%G-W%V') as week,
    count(*) as executions,
    count(*) filter (where success = false) as failed
from execution_rows
where /* include matching */
group by all
order by all;
