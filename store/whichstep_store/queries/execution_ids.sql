-- The executions that a text may mean: an id (or its first digits), a former id, a trace id, an external id.
-- Parameters: text, as given; first, last: the range of ids that begin with it, null where it is no hex text.
-- At most 11 rows: past one, the caller says that the text is ambiguous.
select distinct replace(cast(execution_id as varchar), '-', '') as execution_id
from (
    select execution_id from execution_rows
    where execution_id between cast($first as uuid) and cast($last as uuid) or external_id = cast($text as varchar)
    union all
    select execution_id from execution_aliases where alias between cast($first as uuid) and cast($last as uuid)
    union all
    select execution_id from trace_executions where trace_id between cast($first as uuid) and cast($last as uuid)
) as candidates
where execution_id in (select execution_id from execution_rows)
order by execution_id
limit 11;
