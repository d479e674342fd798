-- Services whose spans, received since a time, start more than five seconds after they were received.
-- Parameters: since, nanoseconds since the epoch.
select
    service,
    count(*) as spans,
    max(epoch_ns(started_at) - epoch_ns(received_at)) / 1e6 as ahead_ms
from span_rows
where received_at >= make_timestamp_ns($since)
    and epoch_ns(started_at) - epoch_ns(received_at) > 5000000000
group by service
order by ahead_ms desc, service;
