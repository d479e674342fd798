-- How far the results are behind the rows: times in nanoseconds since the epoch.
select
    (select epoch_ns(max(received_at)) from span_rows) as newest_received_at,
    (select epoch_ns(min(touched_at)) from touched_traces) as oldest_touched_at,
    (select count(distinct trace_id) from touched_traces) as touched_traces;
