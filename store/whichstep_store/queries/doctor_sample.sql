-- The attributes of one span, of which the doctor shows the names.
-- Parameters: trace_id, span_id: hex digits; started_at: nanoseconds since the epoch.
select attributes
from public.spans
where started_at = make_timestamp_ns($started_at) and trace_id = $trace_id and span_id = $span_id
limit 1;
