-- The store's own state: schema, closed segments, traces that wait for the jobs. No parameters.
select
    (select max(version) from schema_version) as schema_version,
    (select count(*) from segments) as segments,
    (select cast(coalesce(sum(bytes), 0) as bigint) from segments) as segment_bytes,
    (select count(distinct trace_id) from touched_traces) as touched_traces,
    (select min(touched_at) from touched_traces) as oldest_touched_at;
