-- Days and ISO weeks with executions that have no figures, or whose figures may be behind, the latest first.
-- Parameters: since, nanoseconds since the epoch: what started from there on may be behind.
with days as (
    select cast(started_at as date) as day, max(started_at) >= make_timestamp_ns($since) as behind
    from execution_rows
    group by day
)
select 'day' as unit, day as start
from days
where behind or day not in (select day from metrics_daily)
union
select 'week' as unit, cast(date_trunc('week', day) as date) as start
from days
where behind or cast(date_trunc('week', day) as date) not in (select week from metrics_weekly)
order by start desc, unit;
