-- How many executions match.
-- Parameters: Filters.parameters().
select count(*) as total
from execution_rows
where /* include matching */;
