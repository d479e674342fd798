-- Spans received since a time by convention and instrumentation scope, with a sample of those not understood.
-- Parameters: since, nanoseconds since the epoch.
select
    dialect,
    scope,
    count(*) as spans,
    count(*) filter (where dialect = 'unknown' and type = 'other') as not_understood,
    max(name) filter (where dialect = 'unknown' and type = 'other') as sample_name,
    replace(cast(arg_max(trace_id, name) filter (where dialect = 'unknown' and type = 'other') as varchar), '-', '')
        as sample_trace_id
from span_rows
where received_at >= make_timestamp_ns($since)
group by dialect, scope
order by not_understood desc, spans desc, dialect, scope;
