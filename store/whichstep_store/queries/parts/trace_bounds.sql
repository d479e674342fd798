-- First and last start of the spans of a trace, in nanoseconds since the epoch, from trace_executions, execution_rows
-- and `touched` (each may be missing). A running child may have started after everything that ended: hence the slack.
epoch_ns(least(trace_executions.started_at, touched.since)) as since,
greatest(
    epoch_ns(greatest(trace_executions.started_at, trace_executions.ended_at, execution_rows.last_received_at))
    + 300000000000,
    epoch_ns(touched.until)
) as until
