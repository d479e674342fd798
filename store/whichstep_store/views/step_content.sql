-- The whole texts of a step, one row per field that it has.
-- Several spans may be one step: its own span's text comes first. Bound it by execution_id.
create or replace view public.step_content as
with step_spans as (
    select
        step_id,
        execution_id,
        trace_id,
        unnest(span_ids) as span_id,
        generate_subscripts(span_ids, 1) as preference
    from main.step_rows
),
texts as (
    select trace_id, span_id, digest, attributes is null as event, input, output, arguments, result, query, sources,
        input_parts, output_parts, arguments_parts, result_parts, query_parts, sources_parts, input_is_list, output_is_list
    from main.span_open
    union all
    select trace_id, span_id, digest, attributes is null as event, input, output, arguments, result, query, sources,
        input_parts, output_parts, arguments_parts, result_parts, query_parts, sources_parts, input_is_list, output_is_list
    from main.sealed_spans as sealed
    where not exists (
        select 1 from main.spans_superseded as lost
        where lost.trace_id = sealed.trace_id and lost.span_id = sealed.span_id and lost.digest = sealed.digest
    )
),
offered as (
    select
        step_spans.step_id,
        step_spans.execution_id,
        step_spans.preference,
        texts.trace_id,
        texts.event,
        unnest([
            {'field': 'input', 'preview': input, 'parts': input_parts, 'is_list': coalesce(input_is_list, false)},
            {'field': 'output', 'preview': output, 'parts': output_parts, 'is_list': coalesce(output_is_list, false)},
            {'field': 'arguments', 'preview': arguments, 'parts': arguments_parts, 'is_list': false},
            {'field': 'result', 'preview': result, 'parts': result_parts, 'is_list': false},
            {'field': 'query', 'preview': query, 'parts': query_parts, 'is_list': false},
            {'field': 'sources', 'preview': sources, 'parts': sources_parts, 'is_list': false}
        ]) as part
    from step_spans
    inner join texts on step_spans.trace_id = texts.trace_id and step_spans.span_id = texts.span_id
),
chosen as (
    select step_id, execution_id, trace_id, preference, part.field, part.preview, part.parts, part.is_list
    from offered
    where part.preview is not null or part.parts is not null
    -- of a model call whose messages came one by one, as log events, the input is all of them
    qualify row_number() over (partition by execution_id, step_id, part.field order by event, preference) = 1
        or (part.field = 'input' and bool_and(event) over (partition by execution_id, step_id, part.field))
),
pieces as (
    select
        step_id, execution_id, trace_id, preference, field,
        unnest(parts) as hash,
        generate_subscripts(parts, 1) as position
    from chosen
),
known as (
    select trace_id, hash, text from main.content_open
    union all
    select trace_id, hash, text from main.sealed_content
),
found as (
    select pieces.step_id, pieces.execution_id, pieces.preference, pieces.field, pieces.position, any_value(known.text) as text
    from pieces
    left join known on pieces.trace_id = known.trace_id and pieces.hash = known.hash
    group by all
),
whole as (
    select
        step_id, execution_id, preference, field,
        -- a text that retention has dropped leaves the preview
        case when count(text) = count(*) then string_agg(text, ',' order by position) end as text
    from found
    group by all
),
told as (
    select
        chosen.execution_id,
        chosen.step_id,
        chosen.field,
        chosen.preference,
        case
            when whole.text is null then chosen.preview
            when chosen.is_list or len(chosen.parts) > 1 then '[' || whole.text || ']'
            else whole.text
        end as text
    from chosen
    left join whole
        on chosen.step_id = whole.step_id
        and chosen.execution_id = whole.execution_id
        and chosen.preference = whole.preference
        and chosen.field = whole.field
)
select
    replace(cast(execution_id as varchar), '-', '') as execution_id,  -- 32 hex digits
    format('{:016x}', step_id) as step_id,  -- 16 hex digits
    field as field,  -- input, output, arguments, result, query, sources
    case
        when count(*) = 1 then any_value(text)
        else '[' || string_agg(substr(text, 2, length(text) - 2), ',' order by preference) || ']'
    end as text  -- whole; a list of messages or documents is a JSON array
from told
group by execution_id, step_id, field;
