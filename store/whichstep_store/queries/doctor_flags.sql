-- How many spans received since a time carry each flag.
-- Parameters: since, nanoseconds since the epoch.
select flag, count(*) as spans
from (
    select unnest(flags) as flag
    from span_rows
    where received_at >= make_timestamp_ns($since) and len(flags) > 0
) as flagged
group by flag
order by spans desc, flag;
