-- The texts of some executions, each part once; sealed_spans and sealed_content stand for queries over segments.
-- Parameters: execution_ids, 32 hex digits each; since, until: bounds of their steps' starts, nanoseconds.
with step_spans as (
    select
        execution_id, trace_id, step_id, unnest(span_ids) as span_id,
        -- model calls and topmost steps before others: of a message that several were given, they say whose it is
        (not (type = 'llm_call' or parent_step_id is null), position) as place
    from main.step_rows
    where execution_id in (select cast(id as uuid) from (select unnest(cast($execution_ids as varchar[])) as id))
        and started_at between make_timestamp_ns($since) and make_timestamp_ns($until)
),
texts as (
    select trace_id, span_id, digest, input, output, result, sources, input_parts, output_parts, result_parts, sources_parts
    from main.span_open
    union all
    select trace_id, span_id, digest, input, output, result, sources, input_parts, output_parts, result_parts, sources_parts
    from sealed_spans as sealed
    where not exists (
        select 1 from main.spans_superseded as lost
        where lost.trace_id = sealed.trace_id and lost.span_id = sealed.span_id and lost.digest = sealed.digest
    )
),
offered as (
    select
        step_spans.execution_id,
        step_spans.step_id,
        step_spans.place,
        texts.trace_id,
        unnest([
            {'field': 'input', 'preview': input, 'parts': input_parts},
            {'field': 'output', 'preview': output, 'parts': output_parts},
            {'field': 'result', 'preview': result, 'parts': result_parts},
            {'field': 'sources', 'preview': sources, 'parts': sources_parts}
        ]) as said
    from step_spans
    inner join texts on step_spans.trace_id = texts.trace_id and step_spans.span_id = texts.span_id
),
pieces as (
    select
        execution_id, step_id, place, trace_id, said.field as field, said.preview as preview,
        unnest(parts) as hash,
        generate_subscripts(parts, 1) as part
    from (
        select *, case when len(said.parts) > 0 then said.parts else [cast(null as uuid)] end as parts from offered
    ) as listed
    where said.preview is not null or len(said.parts) > 0
),
once as (
    select execution_id, trace_id, field, hash, arg_min({'step_id': step_id, 'part': part, 'preview': preview}, place) as first
    from pieces
    -- an answer is looked for at each step, so outputs are not those of the first alone
    group by execution_id, trace_id, field, hash,
        case when hash is null then preview end, case when field = 'output' then step_id end
)
select
    replace(cast(once.execution_id as varchar), '-', '') as execution_id,
    format('{:016x}', once.first.step_id) as step_id,
    once.field,
    once.first.part as part,
    coalesce(known.text, once.first.preview) as text
from once
left join (
    select trace_id, hash, text from main.content_open
    union all
    select trace_id, hash, text from sealed_content
) as known on once.trace_id = known.trace_id and once.hash = known.hash
order by execution_id, step_id, once.field, part;
