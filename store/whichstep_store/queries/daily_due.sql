-- Days with executions that have no figures, or whose figures may be behind, the latest first.
-- Parameters: since, nanoseconds since the epoch: days from there on may be behind.
select distinct cast(started_at as date) as day
from execution_rows
where started_at >= make_timestamp_ns($since) or cast(started_at as date) not in (select day from metrics_daily)
order by day desc;
