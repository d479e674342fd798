-- Who says what is right in the executions that match. Parameters: Filters.parameters().
select
    coalesce(expectation_source, 'none') as source,
    count(*) as executions,
    count(*) filter (where expectation is not null and tool_accuracy is null) as unjudged
from execution_rows
where /* include matching */
group by source
order by source;
