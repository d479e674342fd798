-- Spans received since a time by convention and instrumentation scope, with a sample of those not understood: of no known
-- convention, of a kind that their convention does not know, or left unread by a defect.
-- Parameters: since, nanoseconds since the epoch.
with judged as (
    select
        dialect, scope, name, trace_id, span_id, started_at,
        list_contains(flags, 'unread')
        or (type = 'other' and (dialect = 'unknown' or list_contains(flags, 'guessed'))) as missed
    from span_rows
    where received_at >= make_timestamp_ns($since)
),

counted as (
    select
        dialect,
        scope,
        count(*) as spans,
        count(*) filter (where missed) as not_understood,
        arg_max({'name': name, 'trace_id': trace_id, 'span_id': span_id, 'started_at': started_at}, name)
            filter (where missed) as sample
    from judged
    group by dialect, scope
)

select
    dialect,
    scope,
    spans,
    not_understood,
    sample.name as sample_name,
    replace(cast(sample.trace_id as varchar), '-', '') as sample_trace_id,
    format('{:016x}', sample.span_id) as sample_span_id,
    sample.started_at as sample_started_at
from counted
order by not_understood desc, spans desc, dialect, scope;
