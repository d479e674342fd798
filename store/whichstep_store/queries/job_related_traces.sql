-- Traces related to the given ones by an execution key, by links, by a wait in the same session, as what they are a
-- re-run of, or by a model call that both tell of (whichstep_store.results.JobInputs, rules 1 to 5). Related traces are looked for among those that the
-- jobs have placed (trace_executions) and among those that they have not seen yet (touched_traces).
-- Tables shown to it: asked_traces (trace_id).
-- Parameters: asked: whether these are the traces asked for: a session and a re-run are followed one
-- step, not on and on; since, until: of the start of their spans; fresh_since, fresh_until: of the start of
-- spans of touched traces; all in nanoseconds since the epoch.
with given as (
    select
        trace_id,
        execution_key,
        session_id,
        rerun_of,
        started_at,
        ended_at,
        dialect,
        case when parent_span_id is null and type = 'llm_call' then response_id end as response_id,
        case when links_join then linked_trace_ids else [] end as links
    from span_rows
    where trace_id in (select trace_id from asked_traces)
        and started_at between make_timestamp_ns(cast($since as bigint)) and make_timestamp_ns(cast($until as bigint))
),
keys as (select distinct execution_key as id from given where execution_key is not null),
links as (select distinct unnest(links) as id from given),
sessions as (
    select trace_id, any_value(session_id) as session_id, min(started_at) as started_at
    from given
    where session_id is not null and cast($asked as boolean)
    group by trace_id
),
rerun as (select distinct rerun_of as id from given where rerun_of is not null and cast($asked as boolean)),
calls as (
    select response_id, started_at, ended_at, dialect from given where response_id is not null and cast($asked as boolean)
),
-- of two sights of one call one lies within the time of the other, and no model call takes ten minutes
same_calls as (
    select distinct span_rows.trace_id
    from span_rows
    inner join calls
        on span_rows.response_id = calls.response_id
        and span_rows.dialect <> calls.dialect
        and (
            (span_rows.started_at >= calls.started_at and span_rows.ended_at <= calls.ended_at)
            or (span_rows.started_at <= calls.started_at and span_rows.ended_at >= calls.ended_at)
        )
    where span_rows.parent_span_id is null
        and span_rows.type = 'llm_call'
        and span_rows.started_at between make_timestamp_ns(cast($since as bigint)) - interval 10 minutes
            and make_timestamp_ns(cast($until as bigint)) + interval 10 minutes
),
turns as (
    select trace_id, session_id, started_at, waiting
    from trace_executions
    where session_id in (select session_id from sessions)
),
placed as (
    select trace_id from trace_executions where execution_key in (select id from keys)
    union
    select trace_id from trace_executions where trace_id in (select id from links)
    union
    select trace_id from trace_executions where len(links) > 0 and list_has_any(links, (select list(trace_id) from asked_traces))
    union
    select trace_id from trace_executions where execution_id in (select id from rerun)
    union
    select arg_max(turns.trace_id, turns.started_at)
    from sessions
    inner join turns
        on sessions.session_id = turns.session_id
        and turns.started_at < sessions.started_at
        and turns.trace_id <> sessions.trace_id
    where turns.waiting
    group by sessions.trace_id
    union
    select arg_min(turns.trace_id, turns.started_at)
    from sessions
    inner join turns
        on sessions.session_id = turns.session_id
        and turns.started_at > sessions.started_at
        and turns.trace_id <> sessions.trace_id
    group by sessions.trace_id
    union
    select trace_id from same_calls
),
touched as (
    select trace_id, min(min_started_at) as since, max(max_started_at) as until
    from touched_traces
    group by trace_id
),
unseen as (
    select span_rows.trace_id
    from span_rows
    semi join touched on span_rows.trace_id = touched.trace_id
    where span_rows.started_at between make_timestamp_ns(cast($fresh_since as bigint))
            and make_timestamp_ns(cast($fresh_until as bigint))
        and (
            span_rows.execution_key in (select id from keys)
            or span_rows.trace_id in (select id from links)
            or (span_rows.links_join and list_has_any(span_rows.linked_trace_ids, (select list(trace_id) from asked_traces)))
        )
)
select
    replace(cast(found.trace_id as varchar), '-', '') as trace_id,
    /* include trace_bounds */
from (select trace_id from placed union select trace_id from unseen) as found
left join trace_executions on found.trace_id = trace_executions.trace_id
left join touched on found.trace_id = touched.trace_id
left join execution_rows on trace_executions.execution_id = execution_rows.execution_id
where trace_executions.trace_id is not null or touched.trace_id is not null;
