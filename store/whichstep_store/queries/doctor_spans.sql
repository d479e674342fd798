-- Spans received since a time: how many, the latest, and those whose parent is nowhere in their trace.
-- Parameters: since, nanoseconds since the epoch. A parent is looked for among spans received up to a day earlier.
with recent as (
    select trace_id, span_id, parent_span_id, received_at
    from span_rows
    where received_at >= make_timestamp_ns($since)
),
orphans as (
    select recent.trace_id
    from recent
    anti join (
        select trace_id, span_id from span_rows where received_at >= make_timestamp_ns($since) - interval 1 day
    ) as parents
        on parents.trace_id = recent.trace_id and parents.span_id = recent.parent_span_id
    where recent.parent_span_id is not null
)
select
    (select count(*) from recent) as spans,
    (select max(received_at) from recent) as last_received_at,
    (select count(*) from orphans) as orphans,
    (select replace(cast(max(trace_id) as varchar), '-', '') from orphans) as orphan_trace_id;
