-- Spans as received. Wide: bound it by started_at, and read steps where they are enough.
create or replace view public.spans as
select
    replace(cast(span.trace_id as varchar), '-', '') as trace_id,  -- 32 hex digits
    format('{:016x}', span.span_id) as span_id,  -- 16 hex digits
    format('{:016x}', span.parent_span_id) as parent_span_id,  -- null: a root
    replace(cast(coalesce(placed.execution_id, keyed.execution_id) as varchar), '-', '') as execution_id,  -- null until the jobs have seen the trace; where several executions share it, of spans that carry their id
    span.name as name,  -- as sent
    span.kind as kind,  -- internal, server, client, producer, consumer, unspecified
    span.scope as scope,  -- instrumentation scope
    span.service as service,  -- service.name
    span.started_at as started_at,  -- UTC
    span.ended_at as ended_at,  -- UTC; null: not ended
    span.status as status,  -- as sent: unset, ok, error
    span.attributes as attributes,  -- JSON, the status message as otel.status_description; values over 256 B are {"$content": hash} (see step_content) or {"$column": name}, of this row
    span.events as events,  -- JSON array: name, time, attributes
    span.links as links  -- JSON array: trace_id, span_id, attributes
from (
    select
        trace_id, span_id, parent_span_id, synthetic, name, kind, scope, service, started_at, ended_at, status, execution_key,
        execution_rule, attributes, events, links
    from main.span_open
    union all
    select
        trace_id, span_id, parent_span_id, synthetic, name, kind, scope, service, started_at, ended_at, status, execution_key,
        execution_rule, attributes, events, links
    from main.sealed_spans as sealed
    where not exists (
        select 1 from main.spans_superseded as lost
        where lost.trace_id = sealed.trace_id and lost.span_id = sealed.span_id and lost.digest = sealed.digest
    )
) as span
left join (
    select trace_id, any_value(execution_id) as execution_id from main.trace_executions
    group by trace_id
    having count(*) = 1
) as placed on span.trace_id = placed.trace_id
left join main.trace_executions as keyed
    on placed.trace_id is null
    and span.trace_id = keyed.trace_id
    and span.execution_key = keyed.execution_key
    and span.execution_rule = 'explicit'
where not span.synthetic;
