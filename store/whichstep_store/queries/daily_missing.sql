-- Days that have executions and no figures, the latest first. No parameters.
select distinct cast(started_at as date) as day
from execution_rows
where cast(started_at as date) not in (select day from metrics_daily)
order by day desc;
