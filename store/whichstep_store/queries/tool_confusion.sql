-- What was right beside what was chosen in its place, of the executions that match, most frequent first.
-- Parameters: Filters.parameters().
select
    expected,
    chosen,
    count(*) as count,
    count(distinct execution_id) as executions,
    count(*) filter (where arguments_match) as arguments_right,
    count(*) filter (where not arguments_match) as arguments_wrong
from tool_match_rows
where execution_id in (select execution_id from execution_rows where /* include matching */)
group by expected, chosen
order by count desc, expected, chosen;
